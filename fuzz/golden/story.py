"""Stories: what a server and its devices write into one document, update by update."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from crdt import Document, Dot, Entry, Pushed, Schema, write_field
from crdt.compaction import compact
from crdt.update import read_push

__all__ = ["DEVICES", "FIELD", "NOW", "SERVER", "Edit", "Story", "Update"]

SERVER: Final = 2**53 - 99
DEVICES: Final = (0x1A2B3C4D5E6F7, 0x1A2B3C4D5E6F5)
"""Replica ids, as long as they come."""

NOW: Final = 1_700_000_000_000
"""Milliseconds since 1970 at which every story begins."""

FIELD: Final = "field"
"""The name of the one field that they write."""

Edit = Callable[[Document], object]


@dataclass(frozen=True, slots=True)
class Update:
    """One update as it travels, and who sent it."""

    by: str
    replica: int
    data: bytes


@dataclass(slots=True)
class Story:
    """A document as the server has it, and every update that made it."""

    schema: Schema
    state: bytes = b""
    updates: list[Update] = field(default_factory=list)

    def writing(self, *values: Any, now: int) -> Edit:
        """To write the field, one value after the other, as somebody who sees all there is."""

        def edit(document: Document) -> None:
            known = self.schema.fields[FIELD]
            unsent = document.clock(document.replica)
            for value in values:
                write_field(document, known, known.read(document), value, NOW + now, unsent)

        return edit

    def server(self, edit: Edit) -> None:
        """The server writes, and deletes what is not needed any more."""
        self._take(edit)
        self._take(lambda document: compact(document, self.schema))

    def device(self, number: int, edit: Edit, base: bytes | None = None) -> Update | None:
        """What a device has to push that saw `base` (the server's state, if not given).

        Nothing, if what is there wins over what it would write.
        """
        document = Document(self.state if base is None else base, DEVICES[number])
        start = document.clock(document.replica)
        edit(document)
        if document.clock(document.replica) == start:
            return None
        return Update(f"device {number + 1}", document.replica, document.own_diff(start))

    def push(self, update: Update | None, *, stands: bool = True) -> Sequence[Entry]:
        """The server merges a push, and takes back what its rules forbid, or, if it does not stand
        for another reason, all of it. Returns the entries that were pushed.
        """
        if update is None:
            return ()
        before = Document(self.state)
        document = Document(self.state, SERVER)
        push = read_push(update.data, update.replica, document.loaded)
        document.apply(push)
        self._note(update, document)
        wrong = [e.dot for e in push.entries if not stands or self._refuses(before, document, e)]
        text = before.text(FIELD) if wrong and push.text_fields else None
        self._take(lambda document: _undo(document, wrong, text))
        self._take(lambda document: compact(document, self.schema))
        return push.entries

    def _refuses(self, before: Document, after: Document, entry: Entry) -> bool:
        known = self.schema.get(entry.field)
        assert known is not None, "no story writes other fields"
        there = (after.entries.get(dot) for dot in entry.replaces)
        replaced = known.live(each for each in there if each is not None)
        [live] = known.live([entry])
        pushed = Pushed(live, entry.replaces, replaced, known.live(before.live(known.wire)))
        return known.rule.refuses(pushed) is not None

    def _take(self, edit: Edit) -> None:
        """The server's own update, if there is anything in it."""
        document = Document(self.state, SERVER)
        edit(document)
        if document.encode() != self.state:
            self._note(Update("the server", SERVER, document.delta()), document)

    def _note(self, update: Update, document: Document) -> None:
        self.updates.append(update)
        self.state = document.encode()


def _undo(document: Document, dots: Sequence[Dot], text: str | None) -> None:
    document.delete(dots)
    if text is not None:
        document.set_text(FIELD, text)
