"""The columns every SyncModel has beside its own, and how they reach a table that has rows.

Subclassing a populated model must migrate without a question and without two rows that share a
`sync_id`. So all six columns have a database default, which databases evaluate once per row. What
Django's own fields would still get wrong is changed here:

- a unique field with a callable default makes `makemigrations` ask whether that is meant.
  `SyncIdField` keeps its Python default out of migrations, where the database default serves;
- a field with a database default holds an expression until its row is saved. `MomentField` holds
  None, as the `auto_now` fields that people know.

`LocalOnlyField` is True for what is made inside `local_only()`. In migrations all three are plain
Django fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import NotSupportedError, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

from .local import is_local

__all__ = ["BOOKKEEPING", "LocalOnlyField", "MomentField", "RandomUUID", "SyncIdField"]

# The names of the six columns. None of them is ever part of a document.
BOOKKEEPING = frozenset(
    {"sync_id", "version", "is_local_only", "sync_error", "created_at", "updated_at"}
)

# 32 hexadecimal digits, as Django stores a UUID in SQLite; "4" is the version, [89ab] the variant.
_SQLITE = (
    "(LOWER(HEX(RANDOMBLOB(6))) || '4' || SUBSTR(LOWER(HEX(RANDOMBLOB(2))), 2)"
    " || SUBSTR('89ab', 1 + (RANDOM() & 3), 1) || SUBSTR(LOWER(HEX(RANDOMBLOB(2))), 2)"
    " || LOWER(HEX(RANDOMBLOB(6))))"
)

_SQL = tuple[str, tuple[str | int, ...]]

if TYPE_CHECKING:  # generic only to the type checker
    _UUIDField = models.UUIDField[Any, Any]
    _DateTimeField = models.DateTimeField[Any, Any]
    _BooleanField = models.BooleanField[Any, Any]
else:
    _UUIDField = models.UUIDField
    _DateTimeField = models.DateTimeField
    _BooleanField = models.BooleanField


class RandomUUID(models.Func):
    """A random (version 4) UUID made by the database, a new one for every row."""

    function = "GEN_RANDOM_UUID"
    arity = 0
    output_field = models.UUIDField()

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _SQL:
        raise NotSupportedError(
            f"Django Pulse needs PostgreSQL or SQLite; {connection.display_name} is neither. "
            "Route its models to one of these in DATABASE_ROUTERS."
        )

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _SQL:
        """PostgreSQL has a function of its own for it."""
        return super().as_sql(compiler, connection, **context)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _SQL:
        """SQLite has random bytes, which are put together."""
        return super().as_sql(compiler, connection, template=_SQLITE, **context)


class SyncIdField(_UUIDField):
    """A UUIDField whose Python default stays out of migrations."""

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        kwargs.pop("default", None)
        return name, "django.db.models.UUIDField", args, kwargs


class MomentField(_DateTimeField):
    """A DateTimeField that is None until its row is saved, database default or not."""

    def get_default(self) -> None:
        return None

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs


class LocalOnlyField(_BooleanField):
    """A BooleanField that is True for rows made, or inserted, inside `local_only()`."""

    def get_default(self) -> bool:
        return is_local()

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        if add and is_local():  # also what was made before the block began
            setattr(model_instance, self.attname, True)
        return super().pre_save(model_instance, add)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.BooleanField", args, kwargs
