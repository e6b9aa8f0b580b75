"""A replica: one device's copy of the rows its user sees, without any I/O of its own.

Local edits go into the store and are durable when the method returns. Frames that came go into
`receive`, frames to send come out of `outgoing`; whoever owns the connection calls `connected`
and `disconnected`, and `ping` every `poll_seconds`.

Laws:

1. An edit is in the store before its bytes leave the device, and stays until the server says
   that it is durable or will never be.
2. A replica built from the same store at any moment goes on where this one stopped.
3. A frame either takes effect wholly, or raises `RemoteFault` and changes nothing stored.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar
from uuid import UUID

from .conflicts import Alive, conflicts
from .document import Document
from .editing import check_field, delete_row, touch_text, write_field
from .errors import LocalFault
from .events import Changed, Event, Kept, Parked, Refused
from .held import Held
from .messages import Key
from .records import Standing
from .rules import MergeRule
from .schema import MISSING, Field, Schema
from .session import Session
from .shelf import Shelf
from .stamp import stamp_ms
from .starting import Values, defaults, first_writes, long_texts, starting_points
from .store import Store
from .subscribing import Wanted, subscription_of
from .update import DEFAULT_LIMITS

__all__ = ["Replica", "RowView"]

E = TypeVar("E", bound=Event | Kept)

MAX_VALUE_BYTES: Final = DEFAULT_LIMITS.value - 1_000
"""Bytes of one value as it travels: what a server takes, less the names around it."""

TOUCH_MILLISECONDS: Final = 10_000
"""How old the entry may be that tells when a text was edited. One per keystroke would stand
between the characters, and keep them from being stored and sent as one run."""


@dataclass(frozen=True, slots=True)
class RowView:
    """A row as it is here: every field of its schema that has a value or a default."""

    model: str
    id: UUID
    values: Mapping[str, Any] = field(default_factory=dict)
    parked: Parked | None = None
    """Why the row is on this device alone although the server has it; None for any other."""

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


class Replica:
    """See the module's docstring. `now` gives milliseconds since 1970, `random_replica` an
    integer below 2**53; `schemas` are needed only to edit before the first connection.
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], int],
        new_id: Callable[[], UUID],
        random_replica: Callable[[], int],
        rules: Iterable[MergeRule] = (),
        schemas: Sequence[Schema] = (),
    ) -> None:
        self._now = now
        self._called: dict[str, str] = {}
        """What the app calls models, by what documents call them."""
        self._new_id = new_id

        def new() -> Standing:
            return Standing(random_replica(), str(new_id()))

        self._shelf = Shelf(store, new, random_replica, tuple(rules))
        if schemas and not self._shelf.schemas:
            with self._shelf.changing():
                self._shelf.learn(tuple(schema.description() for schema in schemas))
        self._session = Session(self._shelf, now)
        self._wish: Wanted | None = None

    # Reading

    @property
    def replica(self) -> int:
        """This replica's id."""
        return self._shelf.standing.replica

    @property
    def device(self) -> str:
        """This device's id."""
        return self._shelf.standing.device

    @property
    def user(self) -> str | None:
        """Whom the rows in the store belong to, once a server said so."""
        return self._shelf.standing.user

    @property
    def schemas(self) -> Mapping[str, Schema]:
        """The models that can be read and edited, by every label that they have or had."""
        return self._shelf.named

    @property
    def pending(self) -> int:
        """How many rows have edits that are not known to be durable on the server."""
        return len(self._shelf.pending)

    @property
    def in_sync(self) -> bool:
        """Is everything from here durable there, and everything from there here?"""
        return self._session.is_in_sync

    @property
    def is_resyncing(self) -> bool:
        """Is a scope being listed anew, since the server forgot what was deleted from it?"""
        return bool(self._shelf.standing.listings)

    def get(self, model: str, id: UUID) -> RowView | None:
        """The row, or `None` if there is none or it was deleted."""
        schema = self._schema(model)
        held = self._shelf.held(Key(schema.label, id))
        return self._row(schema, model, id, held.view) if held.view.entries else None

    def all(self, model: str) -> list[RowView]:
        """Every row of a model that was not deleted."""
        schema = self._schema(model)
        found = self._shelf.documents(schema.label)
        rows = (self._row(schema, model, each, document) for each, document in found)
        return [row for row in rows if row is not None]

    def conflicts(self, model: str, id: UUID) -> dict[str, list[Alive]]:
        """The row's fields in conflict, each with its values, the latest first."""
        schema = self._schema(model)
        return conflicts(self._shelf.held(Key(schema.label, id)).view, schema)

    def states(self, model: str) -> Iterator[tuple[UUID, bytes]]:
        """Every document of a model as bytes (Yjs update v1), deleted rows included."""
        for identity, document in self._shelf.documents(self._schema(model).label):
            yield identity, document.encode()

    def parked(self) -> list[Parked]:
        """The rows that the server has and cannot let in yet, and why."""
        return [self._parked(key) for key in sorted(self._shelf.parked)]

    def reverted(self) -> list[Kept]:
        """Every edit that did not stand, the oldest first, until `dismiss` forgets it."""
        return [self._named(kept) for kept in self._shelf.kept()]

    def dismiss(self, key: str) -> None:
        """Forget an edit that did not stand, by its `Kept.key`."""
        with self._shelf.changing():
            self._shelf.put(key, None)

    # Editing

    def create(self, model: str, values: Mapping[str, Any]) -> UUID:
        """Create a row; returns its id. Raises `ValueError` for a value its field cannot hold."""
        schema = self._schema(model)
        identity = self._new_id()
        with self._shelf.changing():
            held = self._begun(self._shelf.fresh(Key(schema.label, identity)))
            named = {check_field(schema, name).name: value for name, value in values.items()}
            given = starting_points(schema) | named
            for name, value in first_writes(schema, given):
                self._write(schema, held, name, MISSING, value)
            for known, text in long_texts(schema, given):
                write_field(held.view, known, "", text, self._session.time())
            if not given:
                delete_row(held.view, schema, self._session.time(), 0, deleted=False)
            self._edited(held)
        return identity

    def set(self, model: str, id: UUID, /, **values: Any) -> None:
        """Write fields of a row; fields that hold the value already are left alone."""
        with self._editing(model, id) as (schema, held):
            for name, value in values.items():
                known = check_field(schema, name)
                old = known.read(held.view)
                alike = type(old) is type(value) or not known.rule.whole
                if old is MISSING or not (alike and known.same(old, value)):
                    self._write(schema, held, known.name, old, value)

    def resolve(self, model: str, id: UUID, /, **values: Any) -> None:
        """Settle fields: these values take the place of all that are alive, equal ones too."""
        with self._editing(model, id) as (schema, held):
            for name, value in values.items():
                known = check_field(schema, name)
                self._write(schema, held, known.name, known.read(held.view), value)

    def add(self, model: str, id: UUID, field: str, amount: Any) -> None:
        """Add to a number; with the rule `Counter`, everybody's additions are summed."""
        with self._editing(model, id) as (schema, held):
            known = check_field(schema, field)
            known.encode(amount)
            old = known.read(held.view)
            if old is MISSING or old is None:
                old = defaults(schema).get(known.name) or 0
            self._write(schema, held, known.name, old, old + amount)

    def change(self, model: str, id: UUID, field: str, edit: Callable[[Any], Any]) -> None:
        """Write what `edit` makes of a field's value; a field that nobody wrote has its default."""
        with self._editing(model, id) as (schema, held):
            known = check_field(schema, field)
            old = known.read(held.view)
            shown = defaults(schema).get(known.name) if old is MISSING else old
            new = edit(shown)
            if old is MISSING or not known.same(old, new):
                self._write(schema, held, known.name, old, new)

    def edit_text(
        self, model: str, id: UUID, field: str, index: int, delete: int = 0, insert: str = ""
    ) -> None:
        """At character `index` of a shared text, replace `delete` characters by `insert`."""
        with self._editing(model, id) as (schema, held):
            known = check_field(schema, field)
            if not known.rule.text:
                raise LocalFault(f"{model}.{field} is no shared text; use `set`.")
            known.encode(insert)
            if delete or insert:
                held.view.edit_text(known.wire, index, delete, insert)
                self._touch(held, known)

    def delete(self, model: str, id: UUID) -> None:
        """Delete a row."""
        with self._editing(model, id) as (schema, held):
            if held.was_sent:
                delete_row(held.view, schema, self._time(held), held.foldable)
            else:
                held.drop()

    def undelete(self, model: str, id: UUID) -> None:
        """Take back the deletion of a row, as it is known here; a row that is there stays so."""
        with self._editing(model, id, deleted=True) as (schema, held):
            if schema.is_deleted(held.view):
                delete_row(held.view, schema, self._time(held), held.foldable, deleted=False)

    @contextmanager
    def _editing(
        self, model: str, id: UUID, *, deleted: bool = False
    ) -> Iterator[tuple[Schema, Held]]:
        schema = self._schema(model)
        with self._shelf.changing():
            held = self._begun(self._shelf.held(Key(schema.label, id)))
            if not held.view.entries or (schema.is_deleted(held.view) and not deleted):
                raise LocalFault(f"There is no {model} {id}: it was deleted, or never here.")
            yield schema, held
            self._edited(held)

    def _write(self, schema: Schema, held: Held, name: str, old: Any, new: Any) -> None:
        known = check_field(schema, name)
        if not known.rule.client_writes:
            raise LocalFault(f"{schema.label}.{name} is written by the server only.")
        known.encode(new)
        entries = write_field(held.view, known, old, new, self._time(held), held.foldable)
        for wire in (entry.value for entry in entries):
            if isinstance(wire, str) and len(wire.encode()) > MAX_VALUE_BYTES:
                raise ValueError(f"{name}: a value takes at most {MAX_VALUE_BYTES} bytes.")

    def _touch(self, held: Held, known: Field) -> None:
        """Tell that a text was edited; while typing, one unsent entry says so for all of it."""
        now = self._time(held)
        unsent = (entry for entry in held.own_entries(held.foldable))
        latest = max((entry.stamp for entry in unsent if entry.field == known.wire), default=-1)
        if stamp_ms(latest) + TOUCH_MILLISECONDS <= now:
            touch_text(held.view, known, now, held.foldable)

    def _time(self, held: Held) -> int:
        """The time of an edit: later than what is on its way, whether it is seen here or not."""
        return max(self._session.time(), held.record.flown)

    def _begun(self, held: Held) -> Held:
        held.begin(self._shelf.mark(self._session.time()))
        return held

    def _edited(self, held: Held) -> None:
        if held.edited():
            self._shelf.marks.edited()
        self._shelf.track(held)
        self._session.edited()

    def _schema(self, model: str) -> Schema:
        schema = self._shelf.named.get(model)
        if schema is None and not self._shelf.schemas:
            raise LocalFault(
                "The models are not known before the first connection to a server: connect once, "
                "or pass schemas."
            )
        if schema is None:
            known = ", ".join(sorted(known.name for known in self._shelf.schemas.values()))
            raise LocalFault(f"There is no model {model!r}. The models are: {known}.")
        self._called[schema.label] = model
        return schema

    def _row(self, schema: Schema, name: str, id: UUID, document: Document) -> RowView | None:
        """The row that a document describes, unless it says that there is none."""
        if not document.entries or schema.is_deleted(document):
            return None
        values = Values(schema, defaults(schema))
        values.update(schema.read(document).values)
        key = Key(schema.label, id)
        return RowView(name, id, values, self._parked(key) if key in self._shelf.parked else None)

    def _parked(self, key: Key) -> Parked:
        parked = self._shelf.parked[key]
        return self._named(replace(parked, fields=self._shelf.decoded(key.model, parked.fields)))

    def _named(self, event: E) -> E:
        """What happened, with the model and fields by the names that the app knows."""
        schema = self._shelf.schemas.get(getattr(event, "model", ""))
        if schema is None:
            return event
        named: dict[str, Any] = {"model": self._called.get(schema.label, schema.name)}
        if isinstance(event, Changed):
            known = filter(None, map(schema.fields.get, event.fields))
            aliases = {alias for each in known for alias in each.aliases}
            named["fields"] = event.fields | aliases
        if isinstance(event, Refused):
            named["kept"] = self._named(event.kept)
        return replace(event, **named)

    # The connection

    def subscribe(self, wanted: Wanted | None) -> None:
        """Keep only a part of what the user may see here; `None` stands for all of it.

        `wanted` names models, or for each model the values that fields must have: one each, or
        several of which any will do. Stored with everything else; rows that are not wanted any more
        go once the server has listed the others, those with unsent edits not before these are
        there. Raises `LocalFault` for what there is not, `ValueError` for a value that cannot be.
        Before the models are known it is remembered, and looked at with the first welcome.
        """
        self._wish = None
        if wanted is not None and not self._shelf.schemas:
            self._wish = wanted
            return
        with self._shelf.changing():
            named = self._shelf.named
            self._session.subscribe(None if wanted is None else subscription_of(named, wanted))

    def connected(self, token: str | None = None) -> bytes:
        """A connection is open: the first frame to send."""
        return self._session.connected(token)

    def disconnected(self) -> None:
        """The connection is gone."""
        self._session.disconnected()

    def receive(self, frame: bytes) -> list[Event]:
        """Take a frame; returns what happened by it, in order. Raises `RemoteFault`, and changes
        nothing stored, for a frame that no server sends.
        """
        events = [self._named(event) for event in self._session.receive(frame)]
        if self._wish is not None and self._shelf.schemas:
            self.subscribe(self._wish)
        return events

    def outgoing(self) -> list[bytes]:
        """The frames to send now. Call it after every edit and every `receive`."""
        return self._session.outgoing()

    def ping(self) -> bytes:
        """The frame to send every `poll_seconds`."""
        return self._session.ping()

    def renew(self, token: str) -> bytes:
        """The frame with another token of the same user, before the sign-in ends."""
        return self._session.renew(token)

    @property
    def poll_seconds(self) -> float:
        """How often the server wants to be pinged."""
        return self._session.poll_seconds

    @property
    def retry_after(self) -> float | None:
        """Seconds after which to call `retry` and `outgoing`; `None` if nothing waits."""
        return self._session.retry_after

    def retry(self) -> None:
        """Try rows again that were busy."""
        self._session.retry()
