"""The store of a device: one SQLite file that survives a kill at any moment.

What this module promises:
1. When `write` has returned, the change is on the disk (WAL with synchronous=FULL: one fsync per
   commit); when it raises, none of it is.
2. One process at a time. A second one would let two writers use one replica id, and one of them
   would lose its edits; it gets StoreInUse instead. The operating system releases the lock when
   the process ends, however it ends.
3. A file that is not a store is never written to.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from .errors import ClosedPulse, StoreFault, StoreInUse

__all__ = ["SQLiteStore"]

# "Puls": SQLite's own field for telling one program's files from another's.
APPLICATION_ID = 0x50756C73
# The layout of the table below; a later layout is refused rather than guessed at.
LAYOUT = 1

_CREATE = "CREATE TABLE pulse (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL)"
_PUT = (
    "INSERT INTO pulse (key, value) VALUES (?, ?) "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_SCAN = "SELECT key, value FROM pulse WHERE key >= ? AND key < ? ORDER BY key"
_SCAN_ALL = "SELECT key, value FROM pulse WHERE key >= ? ORDER BY key"


class SQLiteStore:
    """Keys and values in the SQLite file at `path`, which is made if there is none."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._process = os.getpid()
        self._database: sqlite3.Connection | None = None
        with self._explained("opened"):
            self._database = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        try:
            with self._explained("opened"):
                self._prepare(self._database)
        except BaseException:
            self.close()
            raise

    def get(self, key: str) -> bytes | None:
        """The value of `key`, or None."""
        with self._explained("read"):
            row = self._open().execute("SELECT value FROM pulse WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """The keys that start with `prefix`, in code-point order, with their values.

        Read when it is called, not while it is looped over: writes made meanwhile do not show.
        """
        beyond = _after(prefix)
        with self._explained("read"):
            if beyond is None:
                rows = self._open().execute(_SCAN_ALL, (prefix,))
            else:
                rows = self._open().execute(_SCAN, (prefix, beyond))
            return iter([(key, bytes(value)) for key, value in rows])

    def write(self, changes: Mapping[str, bytes | None]) -> None:
        """All of `changes` (None removes the key) or nothing, on the disk when it returns."""
        if not changes:
            return
        puts = [(key, bytes(value)) for key, value in changes.items() if value is not None]
        removed = [(key,) for key, value in changes.items() if value is None]
        with self._explained("written"):
            database = self._open()
            database.execute("BEGIN IMMEDIATE")
            try:
                database.executemany("DELETE FROM pulse WHERE key = ?", removed)
                database.executemany(_PUT, puts)
                database.execute("COMMIT")
            except BaseException:
                # A failed COMMIT (a full disk) may have rolled back already.
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Release the file. Calling it twice is harmless."""
        database, self._database = self._database, None
        if database is not None and self._process == os.getpid():
            with closing(database), suppress(sqlite3.Error):
                # Leaves one short file behind. Nothing depends on it: every write is durable.
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            raise ClosedPulse(f"The store {self.path} is closed: open it again with connect().")
        if self._process != os.getpid():
            # SQLite's locks do not cross a fork: writing here would corrupt the parent's file.
            raise StoreInUse(
                f"The store {self.path} was opened before this process was forked: call connect() "
                "in the child, with a store of its own."
            )
        return self._database

    def _prepare(self, database: sqlite3.Connection) -> None:
        # Set before the first access, so that WAL keeps its index in this process's memory and the
        # lock is never given back between transactions.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        found = database.execute("PRAGMA application_id").fetchone()[0]
        empty = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        if found != APPLICATION_ID and not (found == 0 and empty):
            raise StoreFault(f"{self.path} is a database of something else: choose another path.")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        # macOS: fsync alone leaves the data in the drive's own cache. Elsewhere a no-op.
        database.execute("PRAGMA fullfsync = ON")
        database.execute("PRAGMA checkpoint_fullfsync = ON")
        # Takes the lock now rather than at the first edit.
        database.execute("BEGIN EXCLUSIVE")
        if empty:
            database.execute(_CREATE)
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {LAYOUT}")
        layout = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute("COMMIT")
        if layout != LAYOUT:
            raise StoreFault(
                f"{self.path} has layout {layout}, and this version of Django Pulse reads layout "
                f"{LAYOUT}: update django-pulse on this device."
            )

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """SQLite's errors as this package's, saying which file and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._fault(error, done) from error

    def _fault(self, error: sqlite3.Error, done: str) -> StoreFault:
        name = getattr(error, "sqlite_errorname", None) or type(error).__name__
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return StoreInUse(
                f"The store {self.path} is in use by another process (or by another connect() of "
                "this one). One store belongs to one running client: close the other, or give "
                "this one a path of its own."
            )
        if name in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            return StoreFault(f"{self.path} is not a store, or is damaged ({error}).")
        if name == "SQLITE_FULL":
            return StoreFault(f"The disk is full: {self.path} could not be {done}.")
        return StoreFault(f"The store {self.path} could not be {done}: {error} ({name}).")


def _after(prefix: str) -> str | None:
    """The first text, in the order of code points, after all that start with `prefix`."""
    for end in range(len(prefix), 0, -1):
        point = ord(prefix[end - 1]) + 1
        if 0xD800 <= point <= 0xDFFF:
            point = 0xE000  # surrogates stand for no character and SQLite stores none
        if point <= sys.maxunicode:
            return prefix[: end - 1] + chr(point)
    return None
