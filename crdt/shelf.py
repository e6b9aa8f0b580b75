"""Everything a replica keeps, behind one unit of work.

Laws:

1. Changes are staged and written at once: a unit of work that fails has changed nothing, in the
   store or in memory.
2. What memory holds can be forgotten at any moment and read again from the store.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain, count, groupby
from typing import Any, Final
from uuid import UUID

import orjson

from . import records
from .document import Document
from .events import Kept, KeptField, Parked
from .held import Held, merged, part_bytes
from .marks import Marks
from .messages import Key
from .records import Record, Standing, document_prefix, document_tail, key_under, name_under
from .rules import MergeRule
from .schema import Schema
from .store import Store
from .values import decode

__all__ = ["FIRST_POSITION", "Shelf"]

FIRST_POSITION: Final = 1
"""The feed's first: whatever was purged, in whichever scope, was purged since."""

MAX_OPEN: Final = 128
"""Documents kept open: what one screen edits; the others are opened from their bytes in time."""


class Shelf:
    """The store of one replica, read into what the other modules work with."""

    def __init__(
        self,
        store: Store,
        new: Callable[[], Standing],
        random: Callable[[], int],
        rules: tuple[MergeRule, ...] = (),
    ) -> None:
        self._store = store
        self.new = new
        """Makes the standing of a replica that nobody knows yet."""
        self.random = random
        self._rules = rules
        self._staged: dict[str, bytes | None] = {}
        self._open: dict[Key, Held] = {}
        self._described = b""
        """The schemas that are known, as the server described them."""
        self._load()

    def _load(self) -> None:
        stored = self._store.get(records.STATE)
        if stored is None:
            stored = self.new().to_bytes()
            self._store.write({records.STATE: stored})
        self.standing = Standing.from_bytes(stored)
        self._know(self._store.get(records.SCHEMAS) or b"[]")
        todo = [(value, name) for name, value in self._store.scan(records.TODO)]
        self.pending = {key_under(records.TODO, name): value for value, name in sorted(todo)}
        self._order = max((int.from_bytes(value, "big") for value, _ in todo), default=0)
        self.wanted = {
            key_under(records.WANT, name): None for name, _ in self._store.scan(records.WANT)
        }
        self.marks = Marks(self._store.scan(records.MARK), self.put, self.random)
        self._copied = [name for name, _ in self._store.scan(records.COPIED)]
        self.parked = {
            key: records.parked_from_bytes(key, data)
            for name, data in self._store.scan(records.PARKED)
            for key in [key_under(records.PARKED, name)]
        }
        self.unconfirmed = {
            int(name[len(records.CONFIRM) :]): None for name, _ in self._store.scan(records.CONFIRM)
        }

    # The unit of work

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Everything staged inside is written at the end, at once; or, if it fails, forgotten."""
        try:
            yield
            if self._staged:
                self._store.write(self._staged)
        except BaseException:
            self._staged = {}
            self._open = {}
            self._load()
            raise
        self._staged = {}
        self._trim()

    def _trim(self) -> None:
        """Close what was not used for longest; never what has staged changes."""
        while len(self._open) > MAX_OPEN and not self._staged:
            del self._open[next(iter(self._open))]

    def put(self, name: str, value: bytes | None) -> None:
        """Stage a value, or, with `None`, a deletion."""
        self._staged[name] = value

    def mark(self, now: int) -> int:
        """The mark under which to edit now."""
        return self.marks.current(now, waiting=bool(self.pending))

    # Standing and schemas

    def stand(self, standing: Standing) -> None:
        """Stage who and where this replica is."""
        if standing != self.standing:
            self.standing = standing
            self.put(records.STATE, standing.to_bytes())

    def learn(self, described: tuple[Mapping[str, Any], ...]) -> None:
        """Stage schemas as a server described them; raises `ValueError` or `LookupError`."""
        data = orjson.dumps(described)
        self._know(data)
        self.put(records.SCHEMAS, data)

    def _know(self, data: bytes) -> None:
        if data == self._described:
            return  # as at nearly every welcome
        found = [Schema.from_description(one, self._rules) for one in orjson.loads(data)]
        self._described = data
        self.schemas = {schema.label: schema for schema in found}
        """The models by what documents call them."""
        self.named = {alias: schema for schema in found for alias in schema.aliases}
        self.named |= self.schemas | {schema.name: schema for schema in found}
        """The models by every name that an app may know; those they have now come first."""

    # Documents

    def fresh(self, key: Key) -> Held:
        """A document that nobody knows yet."""
        held = Held(key, Record(), self.standing.replica, {}, self.put)
        self._open[key] = held
        return held

    def held(self, key: Key) -> Held:
        """The document, opened if need be; it is there, if empty, whether or not it is known."""
        held = self._open.pop(key, None)
        if held is None:
            self._trim()
            prefix = document_prefix(key)
            parts = {name[len(prefix) :]: data for name, data in self._store.scan(prefix)}
            record = self.record(key)
            held = Held(key, record, self.standing.replica, parts, self.put)
        self._open[key] = held
        return held

    def record(self, key: Key) -> Record:
        """What is known of the document besides its content."""
        name = name_under(records.META, key)
        stored = self._staged[name] if name in self._staged else self._store.get(name)
        return Record.from_bytes(stored)

    def all_records(self) -> Iterator[tuple[Key, Record]]:
        """Every document's record, staged changes included."""
        staged = {
            name: data for name, data in self._staged.items() if name.startswith(records.META)
        }
        stored = (pair for pair in self._store.scan(records.META) if pair[0] not in staged)
        for name, data in (*stored, *staged.items()):
            if data is not None:
                yield key_under(records.META, name), Record.from_bytes(data)

    def documents(self, model: str) -> Iterator[tuple[UUID, Document]]:
        """Every document of a model, to read from."""
        parts = (
            (*document_tail(model, name), data)
            for name, data in self._store.scan(records.model_prefix(model))
        )
        for identity, group in groupby(parts, key=lambda part: part[0]):
            yield UUID(identity), Document(merged([part_bytes(*part[1:]) for part in group]))

    def doubt(self, key: Key, scope: str) -> None:
        """Stage that a listing of `scope` has yet to name the document."""
        held = self._open.get(key)
        record = self.record(key) if held is None else held.record
        doubtful = record.doubtful | {scope}
        if held is not None:
            held.note(doubtful=doubtful)
        else:
            stored = replace(record, doubtful=doubtful).to_bytes()
            self.put(name_under(records.META, key), stored)

    def seen(self, held: Held) -> int:
        """Up to where what happened to a document is known, if the server has, or may have, it.

        One scope that holds the row tells everything of it; in a new epoch, as far as that went in
        the earlier one. Not where a complete listing has yet to name the row: what the listing has
        passed says nothing of a row that was purged. A new row, of which an earlier push may have
        arrived, can have been deleted since that one left. A row that was deleted can have been
        purged at any time since.
        """
        record, standing = held.record, self.standing
        if held.saw_deletion:
            return FIRST_POSITION
        if not held.is_confirmed:
            return record.since
        is_of_before = record.epoch not in (None, standing.epoch)
        cursors = standing.before if is_of_before else standing.cursors
        telling = record.scopes - record.doubtful
        if is_of_before and not record.scopes:
            telling = frozenset(cursors)
        return max((cursors.get(scope, 0) for scope in telling), default=0) or FIRST_POSITION

    def read_anew(self, scopes: Collection[str]) -> None:
        """Stage that scopes are read from their beginning, since a row that their cursors have
        passed is not here any more.
        """
        passed = {scope: 0 for scope in self.standing.cursors if scope in scopes}
        self.stand(replace(self.standing, cursors={**self.standing.cursors, **passed}))

    # Lists

    def track(self, held: Held) -> None:
        """Stage whether a document has something to push."""
        name = name_under(records.TODO, held.key)
        if held.is_pending and held.key not in self.pending:
            self._order += 1
            order = self._order.to_bytes(8, "big")
            self.pending[held.key] = order
            self.put(name, order)
        elif not held.is_pending and held.key in self.pending:
            del self.pending[held.key]
            self.put(name, None)

    def want(self, key: Key, wanted: bool = True) -> None:
        """Stage whether a document has to be fetched whole."""
        if wanted and key not in self.wanted:
            self.wanted[key] = None
            self.put(name_under(records.WANT, key), b"")
        elif not wanted and key in self.wanted:
            del self.wanted[key]
            self.put(name_under(records.WANT, key), None)

    def park(self, parked: Parked) -> None:
        """Stage why a row is not there yet on the server."""
        key = Key(parked.model, parked.id)
        self.parked[key] = parked
        self.put(name_under(records.PARKED, key), records.parked_to_bytes(parked))

    def unpark(self, key: Key) -> bool:
        """Stage that it is there, or gone from here; says whether it was parked."""
        if key not in self.parked:
            return False
        del self.parked[key]
        self.put(name_under(records.PARKED, key), None)
        return True

    def keep(self, kept: Kept) -> bool:
        """Stage an edit that did not stand; says whether it was new."""
        if self._is_kept(kept.key):
            return False
        self.put(kept.key, records.kept_to_bytes(kept))
        return True

    def aside(self, kind: str, key: Key, clock: int) -> str:
        """A name for what is to be kept of a document up to an own clock, and that nothing has yet:
        the clocks of edits that were never sent are used again.
        """
        name = f"{name_under(f'{records.ASIDE}{kind}/', key)}/{clock}"
        names = chain([name], (f"{name}/{number}" for number in count(2)))
        return next(each for each in names if not self._is_kept(each))

    def _is_kept(self, name: str) -> bool:
        return name in self._staged or self._store.get(name) is not None

    def keep_copied(self, kept: Kept) -> None:
        """Stage an edit that another store has as well, until it shows that the server has it."""
        if self.keep(kept):
            self._copied.append(kept.key)

    def arrived(self, key: Key, vector: Mapping[int, int]) -> None:
        """The server's document is known up to these clocks: stage that what was kept as copied,
        and is among them, need not be kept.
        """
        prefix = name_under(records.COPIED, key) + "/"
        for name in [name for name in self._copied if name.startswith(prefix)]:
            replica, _, end = name[len(prefix) :].partition("/")
            if vector.get(int(replica), 0) >= int(end):
                self._copied.remove(name)
                self.put(name, None)

    def renumber(self, keep: Iterable[Key]) -> None:
        """Stage that clocks of ours are those of a replica that has written nothing yet, but in
        the documents to `keep`, which know already.
        """
        kept = set(keep)
        for key, record in list(self.all_records()):
            if key not in kept:
                new = replace(record, acked=0, sent=0, void=0, made=())
                self.put(name_under(records.META, key), new.to_bytes())
        self._open = {key: held for key, held in self._open.items() if key in kept}

    def kept(self) -> list[Kept]:
        """Every edit that did not stand and that nobody dismissed."""
        found = [
            records.kept_from_bytes(key, data) for key, data in self._store.scan(records.ASIDE)
        ]
        readable = [replace(kept, fields=self.decoded(kept.model, kept.fields)) for kept in found]
        return sorted(readable, key=lambda kept: (kept.at, kept.key))

    def decoded(self, model: str, fields: Mapping[str, KeptField]) -> dict[str, KeptField]:
        """Fields of an edit by the names that they have now, with their Python values; what cannot
        be read stays as it travels.
        """
        schema = self.schemas.get(model)
        found = {}
        for wire, kept in fields.items():
            field = schema.get(wire) if schema else None
            found[field.name if field else wire] = kept
            if field is not None:
                with suppress(ValueError):
                    found[field.name] = replace(kept, value=decode(field.kind, kept.value))
        return found

    def confirm(self, outcome: int) -> bool:
        """Stage that an outcome is stored here; says whether it was news."""
        if outcome in self.unconfirmed:
            return False
        self.unconfirmed[outcome] = None
        self.put(f"{records.CONFIRM}{outcome}", b"")
        return True

    def confirmed(self, outcomes: tuple[int, ...]) -> None:
        """Stage that the server knows these outcomes to be stored."""
        for outcome in outcomes:
            if self.unconfirmed.pop(outcome, outcome) is None:
                self.put(f"{records.CONFIRM}{outcome}", None)
