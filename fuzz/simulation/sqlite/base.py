"""Django's SQLite, for a process of one thread that does nothing but simulate.

Around every statement Django asks which thread this is, whether an event loop runs in it, and who
wants to hear of the statement: together that takes longer than the statement, and a tenth of a
simulation. Statements, transactions and errors are Django's own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, Self

from django.db.backends.sqlite3 import base

__all__ = ["DatabaseWrapper"]

MOST_STATEMENTS: Final = 4_096
"""Texts of statements that are remembered as SQLite wants them: a simulation has some 700."""


class DatabaseWrapper(base.DatabaseWrapper):
    """The connection."""

    def cursor(self) -> Any:
        """A cursor, of a connection that is opened if need be."""
        self.ensure_connection()
        cursor = self.connection.cursor(factory=_Cursor)
        cursor.owner = self
        return cursor


class _Cursor(sqlite3.Cursor):
    """Executes what Django says."""

    owner: DatabaseWrapper

    def execute(self, sql: str, parameters: Any = None) -> Self:
        """As Django's: with parameters, `%s` stands for each."""
        if self.owner.needs_rollback:
            self.owner.validate_no_broken_transaction()
        try:
            if parameters is None:
                return super().execute(sql)
            return super().execute(_with_marks(sql), parameters)
        except sqlite3.Error:
            with self.owner.wrap_database_errors:
                raise

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """The same, once for each of many."""
        if self.owner.needs_rollback:
            self.owner.validate_no_broken_transaction()
        try:
            return super().executemany(_with_marks(sql), parameters)
        except sqlite3.Error:
            with self.owner.wrap_database_errors:
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@lru_cache(maxsize=MOST_STATEMENTS)
def _with_marks(sql: str) -> str:
    """The statement with SQLite's own placeholders."""
    return base.FORMAT_QMARK_REGEX.sub("?", sql).replace("%%", "%")
