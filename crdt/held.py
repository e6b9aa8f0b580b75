"""One document as a replica holds it: what is confirmed, in flight and not yet sent.

Laws:

1. The view (what the app sees) is confirmed content + flight + unsent edits, always.
2. An own clock below `record.sent` is never used for anything else again.
3. Every method stages its changes with `put`; nothing counts before the stage is written.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from pycrdt import merge_updates

from .carrying import carry_flight, carry_over, contradicts
from .document import Document
from .entry import ROW_FIELD, Entry
from .made import Made, made_since, made_under, mark_at
from .messages import Key
from .outbound import all_deletes, repack, spare_texts, void_run
from .parts import cut_push
from .rebuilding import rebuilt_in
from .records import META, Record, document_prefix, name_under
from .redoing import redo
from .schema import Schema
from .stamp import stamp_ms
from .update import read_state

__all__ = ["Draft", "Held", "Part", "merged"]

SMALL: Final = 16 << 10
"""Bytes up to which a snapshot is rewritten at every change: cheaper than a key per change."""

MAX_UNSENT: Final = 32
"""Unsent updates kept apart: beyond, they are merged, so that opening the row stays quick."""

_CLOCK_BYTES: Final = 8

Put = Callable[[str, bytes | None], None]


def merged(updates: Sequence[bytes]) -> bytes:
    """Several updates as one."""
    if len(updates) < 2:
        return updates[0] if updates else b""
    return merge_updates(*updates)


def part_bytes(name: str, value: bytes) -> bytes:
    """The update in a stored part."""
    return value[_CLOCK_BYTES:] if name.startswith("c") else value


class Draft(Document):
    """A document that is kept open: its changes can be taken out bit by bit."""

    def take_delta(self) -> bytes:
        """What was written and merged since this was last asked."""
        if self._doc is None:
            self.encode()
        else:
            self._integrated()
        delta, self._delta = self._delta, []
        return merged(delta)


class Part(NamedTuple):
    """A push in flight: the name it is stored under, the own clock it ends at, its bytes."""

    name: str
    next: int
    data: bytes


class Held:
    """An open document; see the module's laws."""

    def __init__(
        self, key: Key, record: Record, replica: int, parts: Mapping[str, bytes], put: Put
    ) -> None:
        self.key = key
        self.record = record
        self.replica = replica
        self._put_key = put
        self._base = parts.get("a", b"")
        self._log = {name: data for name, data in parts.items() if name.startswith("b")}
        self.flight = [_part(name, parts[name]) for name in sorted(parts) if name[0] == "c"]
        self._unsent = {name: data for name, data in parts.items() if name.startswith("d")}
        self._number = max((int(name[1:], 16) for name in parts if name != "a"), default=0)
        flown = [part.data for part in self.flight]
        self.view = self.draft([*self.updates, *flown, *self._unsent.values()])
        self._mark = self._foldable = 0

    # What it is

    @property
    def clock(self) -> int:
        """This replica's next clock in the document."""
        return self.view.clock(self.replica)

    @property
    def is_known(self) -> bool:
        """Is there anything in it at all?"""
        return bool(self._base or self._log or self.flight or self._unsent)

    @property
    def is_pending(self) -> bool:
        """Is there anything the server has not confirmed?"""
        return bool(self.flight) or self.clock > max(self.record.acked, self.record.void)

    @property
    def is_confirmed(self) -> bool:
        """Did the server merge anything of it?"""
        return bool(self.record.acked or self._base or self._log)

    @property
    def was_sent(self) -> bool:
        """Could the server know the row?"""
        record = self.record
        return bool(record.sent or record.scopes or self._base or self._log)

    @property
    def saw_deletion(self) -> bool:
        """Does it hold a deletion of the row that the server has, or had?"""
        ours = self.own_entries(self.record.acked)
        return any(
            entry.field == ROW_FIELD and entry.value is True and entry not in ours
            for entry in self.view.entries.values()
        )

    def own_entries(self, start: int) -> list[Entry]:
        """The own entries that are present from clock `start` on."""
        found = [
            entry
            for dot, entry in self.view.entries.items()
            if dot.replica == self.replica and dot.clock >= start
        ]
        return sorted(found, key=lambda entry: entry.dot)

    # Editing and pushing

    def begin(self, mark: int) -> None:
        """What is written from now on is written under this mark."""
        self._foldable = made_under(self.record.made, mark, self.clock)[-1][1]
        self._mark = mark

    @property
    def foldable(self) -> int:
        """Own entries from this clock on may be rewritten: they were never sent, and were made
        under the present mark.
        """
        return max(self.record.sent, self._foldable)

    def edited(self) -> bool:
        """Stage what was just written to the view; says whether there was anything."""
        delta = self.view.take_delta()
        if not delta:
            return False
        self.made(self._mark, self._foldable)
        self._add("d", delta, self._unsent)
        if len(self._unsent) > MAX_UNSENT:
            data = self._outgoing(self.flight[-1].next if self.flight else self.record.acked)
            self._clear(self._unsent)
            self._add("d", data, self._unsent)
        return True

    def made(self, mark: int, clock: int) -> None:
        """Stage that what was written from `clock` on was written under this mark."""
        self.note(made=made_under(self.record.made, mark, clock))

    def mark_at(self, clock: int) -> int:
        """The mark under which what has this own clock was written; 0 if nobody knows."""
        return mark_at(self.record.made, clock)

    def launch(self, max_structs: int, max_bytes: int, position: int) -> None:
        """Make what was never sent into pushes: from now on those clocks are spoken for.

        `position` is how far the feed has got, as far as is known.
        """
        data = self._outgoing(self.record.acked)
        self._clear(self._unsent)
        for piece in cut_push(data, max_structs, max_bytes):
            end = read_state(piece).vector[self.replica]
            part = Part(self._name("c"), end, piece)
            self.flight.append(part)
            self._put(part.name, end.to_bytes(_CLOCK_BYTES, "big") + piece)
        since = 0 if self.is_confirmed else self.record.since or position
        self.note(sent=max(self.record.sent, self.clock), since=since)

    def landed(self) -> None:
        """The first push in flight is durable on the server."""
        part = self.flight.pop(0)
        self._put(part.name, None)
        self._add("b", part.data, self._log)
        acked = max(self.record.acked, part.next)
        self.note(acked=acked, since=0, made=made_since(self.record.made, acked, self.clock))
        self._settle()

    # What the server says

    def is_foreign(self, data: bytes) -> bool:
        """Is an update of a document that this one cannot grow into?

        It holds own clocks that were never sent from here: somebody else wrote as this replica, the
        store was copied, or restored from a backup. Or the server's document was rebuilt. Or the
        server took after all what was taken for lost on its way.
        """
        if self._was_rebuilt(data):
            return True
        record = self.record
        taken_back = record.void > record.acked
        if not taken_back and not self.is_pending:
            return False
        known = read_state(data).vector.get(self.replica, 0)
        return known > record.sent or (taken_back and known > record.acked)

    def merge(self, data: bytes) -> None:
        """Merge a relayed update; raises `Gap`, and stages nothing, if something is missing."""
        self.view.apply_update(data)
        self.view.take_delta()
        self._add("b", data, self._log)
        self._settle()
        if not self.flight and not self._unsent:
            self._catch_up()

    def rebase(self, state: bytes, schema: Schema | None, since: int = 0) -> None:
        """Take the server's whole state for confirmed, and what it lacks of ours as unsent.

        A state that was rebuilt lacks nothing that was ever acknowledged. Where the server has no
        document, `since` is how far the feed had got when it had one.
        """
        record = self.record
        fresh = self.draft([state] if state else [])
        known = fresh.clock(self.replica)
        rebuilt, other = self._was_rebuilt(state), contradicts(self.view, state)
        void, anew = known, rebuilt or other
        if anew or known > record.sent or not carry_over(self.view, fresh, record.sent):
            start = record.acked if known > record.sent else known
            start = max(start, record.acked) if rebuilt else start
            if record.acked < start <= record.void:  # it took what says nothing here, as lost
                start = record.acked
            fresh = self.draft([state] if state else [])
            if carry_flight(fresh, (part.data for part in self.flight[:1])):
                start = self.flight[0].next
            else:
                void = max(self.clock, record.sent)
            if not anew:  # the server may have lost deletions that it had acknowledged
                fresh.apply_update(spare_texts(self.view, fresh, min(start, known)))
            self.note(made=self._redo(fresh, self._until(start), start, schema, anew=anew))
        sent = max(record.sent, self.clock, known)
        self.restart(fresh, state)
        self.note(acked=known, sent=sent, void=void, rebase=False, since=since)

    def withdraw(self, schema: Schema | None, only: Collection[str] = ()) -> None:
        """Undo everything in flight, or what was written to these fields `only`; keep the rest, and
        what was edited after it.
        """
        end = self.flight[-1].next
        fresh = self.draft(self.updates)
        void = max(self.clock, self.record.sent)
        acked = fresh.clock(self.replica)
        flown = self._until(end)
        base, start = (self._until(acked), acked) if only else (flown, end)
        made = self._redo(fresh, base, start, schema, but=only, flown=flown)
        self.restart(fresh, merged(self.updates))
        self.note(acked=acked, sent=void, void=void, made=made)

    @property
    def confirmed(self) -> Document:
        """The document without anything of ours that the server has not merged."""
        return self.draft(self.updates)

    def drop(self) -> None:
        """Forget the content; the clocks that were used stay used."""
        sent, own = self.record.sent, self.own_entries(self.record.acked)
        moments = (stamp_ms(entry.stamp) + 1 for entry in own if entry.dot.clock < sent)
        flown = max(self.record.flown, max(moments, default=0))
        self.restart(self.draft([]), b"")
        self.record = Record(sent=sent, flown=flown)
        self._put_key(name_under(META, self.key), self.record.to_bytes() if sent else None)

    def note(self, **changes: Any) -> None:
        """Stage a change of the record."""
        record = replace(self.record, **changes)
        if record != self.record:
            self.record = record
            self._put_key(name_under(META, self.key), record.to_bytes())

    def part(self, scope: str) -> None:
        """The row is not held under this scope any more."""
        record = self.record
        self.note(scopes=record.scopes - {scope}, doubtful=record.doubtful - {scope})

    # Below

    def _was_rebuilt(self, data: bytes) -> bool:
        """Is the server's document another one than what is held here?"""
        return self.is_known and not rebuilt_in(data) <= self.view.entries.keys()

    def draft(self, updates: Sequence[bytes]) -> Draft:
        """A document of these updates, for this replica to write to."""
        return Draft(merged(updates), self.replica)

    def rename(self, replica: int) -> Draft:
        """Belong to another replica; returns what is confirmed, for it to write to."""
        self.replica = replica
        return self.draft(self.updates)

    @property
    def updates(self) -> list[bytes]:
        """What is confirmed."""
        return [self._base, *self._log.values()] if self._base else list(self._log.values())

    def _outgoing(self, start: int) -> bytes:
        return repack(self.view, start, all_deletes(self._unsent.values()))

    def _catch_up(self) -> None:
        """Nothing of ours waits: what the server knows of us is what there is.

        Unless the row was here before, with edits that were in flight when it went out of sight:
        their clocks are used up, and what the server never got of them says nothing.
        """
        clock, sent = self.clock, self.record.sent
        self.note(acked=clock, sent=max(clock, sent))
        if clock < sent:
            self._fill(self.view, sent)
            self.edited()
            self.note(void=sent)

    def _until(self, clock: int) -> Document:
        """What is confirmed, and the pushes in flight that end by this clock."""
        flown = [part.data for part in self.flight if part.next <= clock]
        return self.draft([*self.updates, *flown])

    def _redo(
        self, fresh: Draft, base: Document, start: int, schema: Schema | None, **how: Any
    ) -> Made:
        """Write edits that the server lacks again, under clocks that were never used."""
        self._fill(fresh, max(self.clock, self.record.sent))
        return redo(fresh, self.view, base, start, self.record.made, schema, **how)

    def _fill(self, draft: Draft, until: int) -> None:
        clock = draft.clock(self.replica)
        if clock < until:
            last = read_state(draft.encode()).last_entry.get(self.replica)
            draft.apply_update(void_run(self.replica, clock, until, last))

    def restart(self, view: Draft, base: bytes) -> None:
        """Let `view` be what is seen, `base` confirmed, and the rest unsent."""
        for part in self.flight:
            self._put(part.name, None)
        self.flight = []
        self._clear(self._log)
        self._clear(self._unsent)
        self._base = base
        self._put("a", base or None)
        self.view = view
        delta = view.take_delta()
        if delta:
            self._add("d", delta, self._unsent)

    def _settle(self) -> None:
        """Fold confirmed updates into the snapshot, where that is cheap or overdue."""
        weight = sum(map(len, self._log.values()))
        if not weight:
            return
        if self.flight or self._unsent:
            if weight > 4 * (len(self._base) + SMALL):
                self._snapshot(self.confirmed.encode())
        elif len(self._base) + weight <= SMALL or weight > len(self._base) // 2:
            self._snapshot(self.view.encode())

    def _snapshot(self, base: bytes) -> None:
        self._clear(self._log)
        self._base = base
        self._put("a", base)

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number:08x}"

    def _add(self, kind: str, data: bytes, to: dict[str, bytes]) -> None:
        if data:
            name = self._name(kind)
            to[name] = data
            self._put(name, data)

    def _clear(self, parts: dict[str, bytes]) -> None:
        for name in parts:
            self._put(name, None)
        parts.clear()

    def _put(self, name: str, value: bytes | None) -> None:
        self._put_key(document_prefix(self.key) + name, value)


def _part(name: str, value: bytes) -> Part:
    return Part(name, int.from_bytes(value[:_CLOCK_BYTES], "big"), value[_CLOCK_BYTES:])
