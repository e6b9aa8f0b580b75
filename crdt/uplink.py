"""What goes up: pushes, and what the server says became of them.

Laws:

1. A document has at most one push in flight; its bytes are stored before they leave and repeated
   exactly after a reconnect, before anything newer of that document.
2. An edit leaves the list of what is pending only when the server says that it is durable, or
   will never be; in the latter case it is kept aside.
3. Every verdict may come twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final
from uuid import UUID

from .aside import kept_of, written
from .entry import ROW_FIELD
from .errors import RemoteFault
from .events import (
    Event,
    Failed,
    Kept,
    MergedInto,
    Parked,
    Refused,
    Removed,
    Reverted,
)
from .held import Held
from .messages import (
    Ack,
    Busy,
    Item,
    Key,
    Limits,
    Outcomes,
    ParkedRow,
    Push,
    Resend,
    RevertedField,
    Verdict,
)
from .messages import Refused as RefusedVerdict
from .messages import Reverted as RevertedVerdict
from .records import ASIDE
from .schema import Schema
from .shelf import Shelf
from .unseen import ask_if_unwanted

__all__ = ["Uplink"]

MAX_PUSHES: Final = 4
"""Pushes awaiting their ack at once: keeps the line busy without flooding a slow server."""

FIRST_RETRY: Final = 0.2
"""Seconds until a busy row is tried again; doubles up to `LAST_RETRY`."""

LAST_RETRY: Final = 10.0

GONE: Final = "gone"
"""Code of a push that is refused because the row was deleted and purged; reason of its edits."""

PURGED: Final = "The row was deleted, so long ago that the server has forgotten it."

BROKEN: Final = "broken"
"""Code of a parked row that the server has lost: it is fetched, and, if it is not there, pushed."""

DELETED: Final = "deleted"
"""Code of a field that stands, but in a row that somebody deleted; reason of an edit that is all
like that.
"""

_ITEM_OVERHEAD: Final = 200
"""Bytes that an item takes in a header, at most: a model's label, an id, a size."""


class Uplink:
    """The pushes of one replica."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """The connection is gone: nothing is in flight any more as far as anybody can tell."""
        self._pushes: dict[int, tuple[Key, ...]] = {}
        self._flying: set[Key] = set()
        self._busy: set[Key] = set()
        self._stuck: set[Key] = set()
        self._tries = 0

    @property
    def is_idle(self) -> bool:
        """Is no push awaiting its ack?"""
        return not self._pushes

    def is_flying(self, key: Key) -> bool:
        """Is a push of this document awaiting its ack?"""
        return key in self._flying

    @property
    def retry_after(self) -> float | None:
        """Seconds after which to call `retry`; `None` if nothing waits for it."""
        return min(FIRST_RETRY * 2.0**self._tries, LAST_RETRY) if self._busy else None

    def retry(self) -> None:
        """Try busy rows again."""
        if self._busy:
            self._busy.clear()
            self._tries += 1

    # Sending

    def pushes(self, limits: Limits, position: int) -> tuple[list[Push], list[Event]]:
        """The pushes to send now: call it inside a unit of work, and `sent` once that is stored.

        `position` is how far the feed has got, as far as is known.
        """
        found: list[Push] = []
        events: list[Event] = []
        room = limits.frame - _ITEM_OVERHEAD
        items: list[Item] = []
        size = 0
        for key in self._ready():
            if len(self._pushes) + len(found) >= MAX_PUSHES:
                break
            item = self._next(key, limits, position)
            if item is None:
                continue
            cost = len(item.data) + _ITEM_OVERHEAD
            if cost > room:
                self._stuck.add(key)
                events.append(_too_large(key, len(item.data), limits))
                continue
            if items and (size + cost > room or len(items) >= limits.rows):
                found.append(self._push(items))
                items, size = [], 0
                if len(self._pushes) + len(found) >= MAX_PUSHES:
                    break
            items.append(item)
            size += cost
        if items and len(self._pushes) + len(found) < MAX_PUSHES:
            found.append(self._push(items))
        return found, events

    def _ready(self) -> list[Key]:
        away = len(self._flying) + len(self._busy) + len(self._stuck)
        if len(self._pushes) >= MAX_PUSHES or len(self._shelf.pending) <= away:
            return []
        held_back = self._flying | self._busy | self._stuck
        return [key for key in self._shelf.pending if key not in held_back]

    def _next(self, key: Key, limits: Limits, position: int) -> Item | None:
        """The first part in flight of a document, or what was never sent as such."""
        held = self._shelf.held(key)
        epoch = self._shelf.standing.epoch
        if held.record.rebase or held.record.epoch not in (None, epoch):
            return None
        is_new = not (held.flight or held.is_confirmed or held.record.since)
        if not held.flight:
            if not held.is_pending:
                return None
            held.launch(limits.structs, min(limits.frame // 2, limits.update), position)
        return Item(*key, held.flight[0].data, None if is_new else self._shelf.seen(held))

    def _push(self, items: list[Item]) -> Push:
        epoch, marks = self._shelf.standing.epoch or "", self._shelf.marks.news()
        push = Push(self._next_id, epoch, tuple(items), marks)
        self._next_id += 1
        return push

    def sent(self, pushes: Iterable[Push]) -> None:
        """These pushes leave now."""
        for push in pushes:
            keys = tuple(item.key for item in push.items)
            self._pushes[push.id] = keys
            self._flying.update(keys)

    # Verdicts

    def acked(self, ack: Ack, now: int) -> list[Event]:
        """Take the server's answer to a push."""
        keys = self._pushes.get(ack.push)
        if keys is None or len(keys) != ack.count:
            raise RemoteFault(
                f"An ack for push {ack.push} of {ack.count} items, but there is no such push.",
                code="protocol",
            )
        events: list[Event] = []
        for index, key in enumerate(keys):
            held = self._shelf.held(key)
            events += self._judge(held, ack.exceptions.get(index), now)
            self._shelf.track(held)
        del self._pushes[ack.push]
        self._flying.difference_update(keys)
        return events

    def _judge(self, held: Held, verdict: Verdict | None, now: int) -> list[Event]:
        if not held.flight:  # the row went out of sight meanwhile
            return []
        match verdict:
            case None:
                self._landed(held)
                self._shelf.unpark(held.key)
            case RevertedVerdict(fields, outcome, _, parked):
                self._landed(held)
                if parked is None:
                    self._shelf.unpark(held.key)
                return self._told(held.key, fields, parked, outcome, now)
            case Resend(clock):
                self._resend(held, clock)
            case Busy():
                self._busy.add(held.key)
            case RefusedVerdict(code, message, fields):
                if fields and not _is_new(held):
                    events = self._withdrawn(held, fields, now)
                else:
                    events = self._refused(held, code, message, now)
                ask_if_unwanted(self._shelf, held)
                return events
        return []

    def _landed(self, held: Held) -> None:
        held.landed()
        held.note(epoch=self._shelf.standing.epoch)
        ask_if_unwanted(self._shelf, held)
        self._tries = 0

    def _told(
        self,
        key: Key,
        undone: Mapping[str, RevertedField],
        parked: ParkedRow | None,
        outcome: int,
        now: int,
    ) -> list[Event]:
        if not self._shelf.confirm(outcome):
            return []
        events = self._reverted(key, undone, outcome, now) if undone else []
        return events + self._parked(key, parked) if parked is not None else events

    def _parked(self, key: Key, told: ParkedRow) -> list[Event]:
        """A row that is in some scope by now is there: then this is old, or of some fields only."""
        held = self._shelf.held(key)
        if told.into is not None:
            return self._merged_into(held, told.into)
        if told.code == BROKEN and held.is_known:
            self._fetch(held)
            return []
        event = Parked(*key, told.code, told.message, kept_of(told.fields))
        if held.is_known and not held.record.scopes:
            self._shelf.park(event)
        return [replace(event, fields=self._shelf.decoded(key.model, event.fields))]

    def _merged_into(self, held: Held, row: UUID) -> list[Event]:
        if held.is_pending or not held.is_known:  # what was edited meanwhile goes the same way
            return []
        held.drop()
        self._shelf.unpark(held.key)
        self._shelf.track(held)
        self._shelf.want(held.key, wanted=False)
        return [MergedInto(*held.key, row), Removed(*held.key)]

    def _reverted(
        self, key: Key, undone: Mapping[str, RevertedField], outcome: int, now: int
    ) -> list[Event]:
        is_lost = all(one.code == DELETED for one in undone.values())
        reason = DELETED if is_lost else "reverted"
        return self._keep_reverted(f"{ASIDE}{reason}/{outcome}", key, undone, now, reason)

    def _keep_reverted(
        self,
        name: str,
        key: Key,
        undone: Mapping[str, RevertedField],
        now: int,
        reason: str = "reverted",
    ) -> list[Event]:
        fields = kept_of(undone)
        if not self._shelf.keep(Kept(name, reason, *key, now, reason, "", fields)):
            return []
        return [Reverted(*key, self._shelf.decoded(key.model, fields))]

    def outcomes(self, repeated: Outcomes, now: int) -> list[Event]:
        """Take outcomes of earlier connections; those stored already are only confirmed again."""
        events: list[Event] = []
        for one in repeated.outcomes:
            key = Key(one.model, one.id)
            events += self._told(key, one.fields, one.parked, one.outcome, now)
        return events

    def _resend(self, held: Held, clock: int) -> None:
        """The server knows our replica up to `clock`, in this document. Where that is what was
        assumed, the document is another: the server lost it, and rebuilt it from the row.
        """
        before = len(held.flight)
        while held.flight and held.flight[0].next <= clock:
            self._landed(held)
        if held.record.acked != clock or len(held.flight) == before:
            self._fetch(held)

    def _fetch(self, held: Held) -> None:
        """Fetch the document whole; what the server lacks of it is pushed again."""
        held.note(rebase=True)
        self._shelf.want(held.key)

    def _refused(self, held: Held, code: str, message: str, now: int) -> list[Event]:
        if code == GONE:  # or out of sight for a moment, of which no scope may ever tell
            self._shelf.read_anew(held.record.scopes - held.record.doubtful)
            return self.gone(held, now, message)
        key = held.key
        start = held.record.acked
        until = held.flight[-1].next
        schema = self._schema(key)
        is_new = _is_new(held)
        fields = written(held, start, None if is_new else until, schema)
        name = self._shelf.aside("refused", key, until)
        kept = Kept(name, "refused", *key, now, code, message, fields)
        self._shelf.keep(kept)
        events: list[Event] = []
        if is_new:
            held.drop()
            self._shelf.unpark(key)
            events.append(Removed(*key))
        else:
            held.withdraw(schema)
        readable = replace(kept, fields=self._shelf.decoded(key.model, fields))
        return [Refused(*key, code, message, readable), *events]

    def _withdrawn(self, held: Held, undone: Mapping[str, RevertedField], now: int) -> list[Event]:
        """Take back what was written to these fields; the rest is pushed again."""
        until, key = held.flight[-1].next, held.key
        mine = written(held, held.record.acked, until, self._schema(key))
        told = {
            wire: replace(it, value=mine[wire].value) for wire, it in undone.items() if wire in mine
        }
        held.withdraw(self._schema(key), only=undone)
        name = self._shelf.aside("reverted", key, until)
        return self._keep_reverted(name, key, told, now)

    def _schema(self, key: Key) -> Schema | None:
        return self._shelf.schemas.get(key.model)

    def gone(self, held: Held, now: int, message: str = PURGED) -> list[Event]:
        """The server knows the row no more: drop it, and keep aside what it was not told."""
        key, shelf = held.key, self._shelf
        self._busy.discard(key)
        self._stuck.discard(key)
        schema = self._schema(key)
        fields = written(held, held.record.acked, None, schema)
        if ROW_FIELD in fields and fields[ROW_FIELD].value is True:
            del fields[ROW_FIELD]  # deleted it is
        events: list[Event] = []
        if fields:
            name = shelf.aside(GONE, key, held.clock)
            kept = Kept(name, GONE, *key, now, GONE, message, fields)
            shelf.keep(kept)
            readable = replace(kept, fields=shelf.decoded(key.model, fields))
            events.append(Refused(*key, GONE, message, readable))
        was_row = held.is_known and not (schema and schema.is_deleted(held.view))
        held.drop()
        shelf.unpark(key)
        shelf.track(held)
        shelf.want(key, wanted=False)
        return [*events, Removed(*key)] if was_row else events

    def leave(self, held: Held, now: int) -> None:
        """Keep aside what was not acked of a row that goes out of sight."""
        key = held.key
        self._busy.discard(key)
        self._stuck.discard(key)
        self._shelf.unpark(key)
        fields = written(held, held.record.acked, None, self._schema(key))
        if held.is_pending and fields:
            name = self._shelf.aside("left", key, held.clock)
            text = "The row went out of sight before this edit was sent."
            self._shelf.keep(Kept(name, "left", *key, now, "left", text, fields))

    def failed(self, push: int) -> None:
        """A whole push was refused: its documents are tried again later."""
        keys = self._pushes.pop(push, ())
        self._flying.difference_update(keys)
        self._busy.update(key for key in keys if key in self._shelf.pending)


def _is_new(held: Held) -> bool:
    """Has the server nothing of it, as far as is known here?"""
    return not held.confirmed.entries and not held.record.acked


def _too_large(key: Key, size: int, limits: Limits) -> Failed:
    return Failed(
        "too_large",
        f"An edit of {key.model} {key.id} takes {size} bytes, but the server takes frames of "
        f"{limits.frame}: it stays on this device. Write less at once.",
    )
