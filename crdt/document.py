"""A document: the CRDT of one row, as bytes that can be read, edited and merged.

Laws:

1. A `Document` is scratch. It is built from bytes, changed, encoded and thrown away or swapped in;
   what fails halfway has changed nothing that anybody keeps.
2. It writes as one replica, and only entries of that replica get a clock from it.
3. Bytes go in only after a reader has checked them: `apply` takes what `read_push` returned,
   `apply_update` what the server relayed.

Entries are read from the bytes directly; a `pycrdt.Doc` is built only when something has to be
integrated.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from pycrdt import Doc, merge_updates
from pycrdt import Text as YText

from .entry import Dot, Entry, live_entries, text_root
from .errors import Gap, LocalFault
from .ranges import forget_deleted
from .stamp import next_stamp
from .structs import read_place
from .text import TextEdit, difference, rebase, utf8_length, utf16_length
from .update import Push, State, merge_ranges, read_state, write_update
from .vector import VectorClock
from .whole import write_document, write_first

__all__ = ["Document"]

_EMPTY = read_state(b"")
"""What every new document was before anything was written. Nobody changes a state."""

_NOTHING = b"\x00\x00"
"""The update that says nothing: no sections, no deletions."""


class Document:
    """One row's CRDT, written to by `replica`; `state` are the bytes that `encode` once returned,
    or what another document of the same bytes has `loaded`.
    """

    def __init__(self, state: bytes | State = b"", replica: int = 0) -> None:
        self.replica = replica
        if isinstance(state, bytes):
            state = read_state(state) if state else _EMPTY
        self.loaded = state
        """The document as it was when it was built, for `read_push` to check against."""
        self.entries: dict[Dot, Entry] = dict(self.loaded.entries)
        """The present entries, live or not."""
        self._clocks = dict(self.loaded.vector)
        self._last_entry = self.loaded.last_entry.get(replica)
        self._texts = set(self.loaded.text_roots)
        self._bytes = state.data
        self._doc: Doc[Any] | None = None
        self._taken: list[bytes] = []
        """Updates that neither `_bytes` nor `_doc` hold yet: there is no text to place them in."""
        self._delta: list[bytes] = []
        self._unwritten: list[Entry] = []
        self._doomed: list[Dot] = []
        self._live: dict[str, tuple[Entry, ...]] | None = None

    # Reading

    @property
    def vector(self) -> VectorClock:
        """What the document has seen of every replica."""
        return VectorClock(self._clocks)

    def clock(self, replica: int) -> int:
        """The next clock of `replica`."""
        return self._clocks.get(replica, 0)

    def live(self, field: str) -> tuple[Entry, ...]:
        """The live entries of `field`, in the order of their dots."""
        return self._live_by_field().get(field, ())

    def fields(self) -> Mapping[str, Sequence[Entry]]:
        """The fields that have live entries, with these, in the order of their dots."""
        return self._live_by_field()

    @property
    def text_fields(self) -> Set[str]:
        """The fields that have characters, or had."""
        return self._texts

    def text(self, field: str) -> str:
        """The characters of `field`; empty if nobody wrote any."""
        if field not in self._texts:
            return ""
        return str(self._text(field))

    def next_stamp(self, now_ms: int) -> int:
        """A stamp past every stamp in the document, and not before `now_ms`."""
        return next_stamp(now_ms, max((e.stamp for e in self.entries.values()), default=-1))

    # Writing

    def append(
        self,
        field: str,
        stamp: int,
        value: Any,
        replaces: Sequence[Dot] = (),
        stands_for: Dot | None = None,
    ) -> Entry:
        """Append an entry as this document's replica; `value` as it travels."""
        dot = Dot(self.replica, self.clock(self.replica))
        entry = Entry(dot, field, stamp, value, tuple(replaces), stands_for)
        self.entries[dot] = entry
        self._clocks[self.replica] = dot.clock + 1
        self._unwritten.append(entry)
        if replaces or stands_for is not None or self._live is None or field in self._live:
            self._live = None
        else:
            self._live[field] = (entry,)
        return entry

    def write_first(self, texts: Mapping[str, str], writes: Iterable[tuple[str, int, Any]]) -> None:
        """Write texts (by field) and entries (field, stamp, value as it travels) where nobody has
        written anything: the same as appending them, in a quarter of the time.
        """
        clock = 0
        for text in texts.values():
            clock += utf16_length(text)
        entries = [
            Entry(Dot(self.replica, at), *write) for at, write in enumerate(writes, start=clock)
        ]
        written = {field: text for field, text in texts.items() if text}
        self._bytes = write_first(self.replica, written, entries)
        self._delta.append(self._bytes)
        self._texts = set(written)
        self._live = None
        self.entries = {entry.dot: entry for entry in entries}
        if entries:
            self._last_entry = entries[-1].dot.clock
        if clock + len(entries):
            self._clocks = {self.replica: clock + len(entries)}

    def delete(self, dots: Iterable[Dot]) -> None:
        """Delete present entries. A client deletes only what it never sent, the server anything."""
        for dot in dots:
            if self.entries.pop(dot, None) is not None:
                self._doomed.append(dot)
                self._live = None

    def edit_text(self, field: str, index: int, deleted: int = 0, inserted: str = "") -> None:
        """At code point `index` of a text, replace `deleted` code points by `inserted`."""
        self.edit_text_at(field, [TextEdit(index, deleted, inserted)])

    def set_text(self, field: str, new: str) -> None:
        """Edit a text so that it reads `new`, touching only what differs."""
        self.edit_text_at(field, difference(self.text(field), new))

    def merge_text(self, field: str, base: str, new: str) -> None:
        """Edit a text as somebody did who saw `base` and left `new`."""
        self.edit_text_at(field, rebase(base, new, self.text(field)))

    def edit_text_at(self, field: str, edits: Sequence[TextEdit]) -> None:
        """Apply edits whose indices are code points of the text as it is, the last one first.

        Raises `LocalFault`, and changes nothing, if one of them cannot be made.
        """
        value = self.text(field)
        _check_edits(field, value, edits)
        if not edits:
            return
        self._texts.add(field)
        text = self._text(field)
        doc = self._integrated()
        captured: list[bytes] = []
        subscription = doc.observe(lambda event: captured.append(event.update))
        try:
            with doc.transaction():
                for edit in edits:
                    start = utf8_length(value[: edit.index])
                    if edit.deleted:
                        gone = utf8_length(value[edit.index : edit.index + edit.deleted])
                        del text[start : start + gone]
                    if edit.inserted:
                        text.insert(start, edit.inserted)
                        self._clocks[self.replica] = self.clock(self.replica) + utf16_length(
                            edit.inserted
                        )
        finally:
            doc.unobserve(subscription)
        self._delta += captured

    # Merging

    def apply(self, push: Push) -> None:
        """Merge what a client pushed and `read_push` accepted against `loaded`."""
        self._take(push.data)
        self._texts |= push.text_fields
        self.entries.update((entry.dot, entry) for entry in push.entries)
        self._clocks[push.replica] = max(push.next, self.clock(push.replica))

    def apply_update(self, data: bytes) -> None:
        """Merge an update that the server relayed: a whole document or a difference.

        Raises `Gap`, and changes nothing, if it builds on something that is missing here.
        """
        if not data:
            return
        update = read_state(data)
        for replica, first in update.first.items():
            self._require(replica, first - 1)
        for dot in _named(update):
            if dot.clock >= update.vector.get(dot.replica, 0):
                self._require(*dot)
        self._take(data)
        self._texts |= update.text_roots
        self.entries.update(
            (dot, entry)
            for dot, entry in update.entries.items()
            if dot.clock >= self.clock(dot.replica)  # an absent older one was deleted here
        )
        forget_deleted(self.entries, update.deleted)
        own_before = self.clock(self.replica)
        for replica, clock in update.vector.items():
            self._clocks[replica] = max(clock, self.clock(replica))
        if self.clock(self.replica) > own_before:
            self._last_entry = read_state(self.encode()).last_entry.get(self.replica)

    # Bytes

    def encode(self) -> bytes:
        """The whole document; equal documents may differ in bytes, never in what they mean."""
        if self._doc is not None:
            self._bytes = self._integrated().get_update()
        elif self._unwritten or self._doomed or self._taken:
            self._bytes = self._written()
        return self._bytes

    def delta(self) -> bytes:
        """Everything that was applied and written since the document was built, as one update."""
        self.encode()
        if not self._delta:
            return _NOTHING
        return self._delta[0] if len(self._delta) == 1 else merge_updates(*self._delta)

    def appended(self) -> bytes:
        """The entries appended since it was built, as one update, if nothing else was done."""
        return self._flushed()

    def diff(self, vector: Mapping[int, int]) -> bytes:
        """What somebody lacks who has seen `vector`."""
        return self._integrated().get_update(VectorClock(vector).to_bytes())

    def own_diff(self, clock: int) -> bytes:
        """This replica's own section from `clock` on: what it has to push."""
        if not clock and set(self._clocks) == {self.replica}:
            return self.encode()
        return self.diff({**self._clocks, self.replica: clock})

    # Below

    def _live_by_field(self) -> dict[str, tuple[Entry, ...]]:
        if self._live is None:
            by_field: dict[str, list[Entry]] = {}
            for entry in live_entries(self.entries):
                by_field.setdefault(entry.field, []).append(entry)
            self._live = {
                field: tuple(sorted(found, key=_dot)) if len(found) > 1 else (found[0],)
                for field, found in by_field.items()
            }
        return self._live

    def _require(self, replica: int, clock: int) -> None:
        """What pycrdt does not know yet it would put aside, and leave out of what it encodes."""
        if clock >= self.clock(replica):
            raise Gap(replica, self.clock(replica), clock + 1)

    def _written(self) -> bytes:
        """The whole document, where no text was edited since it was built."""
        if self._texts:
            return self._integrated().get_update()
        whole = bool(self._bytes or self._taken)
        removed = bool(self._doomed or self._taken)
        added = self._flushed() if self._unwritten or self._doomed else b""
        if not whole and not removed:
            return added
        self._taken = []
        if removed:
            return write_document(self._clocks, self.entries)
        return merge_updates(self._bytes, added)

    def _take(self, data: bytes) -> None:
        """Merge an update; to be called before what it says is noted."""
        self._live = None
        if self._doc is None and not self._bytes and not self._unwritten:
            self._bytes = data
        elif self._doc is None and not self._texts:
            if self._unwritten or self._doomed:
                self._taken.append(self._flushed())
            self._taken.append(data)
        else:
            self._integrated().apply_update(data)
        self._delta.append(data)

    def _flushed(self) -> bytes:
        """What was written and deleted since the last flush, as one update of our own making."""
        deletes: dict[int, list[tuple[int, int]]] = {}
        for dot in self._doomed:
            deletes.setdefault(dot.replica, []).append((dot.clock, 1))
        clock = self._unwritten[0].dot.clock if self._unwritten else self.clock(self.replica)
        update = write_update(
            self.replica,
            clock,
            self._last_entry,
            [entry.raw() for entry in self._unwritten],
            {replica: merge_ranges(ranges) for replica, ranges in deletes.items()},
        )
        if self._unwritten:
            self._last_entry = self._unwritten[-1].dot.clock
        self._unwritten, self._doomed = [], []
        self._delta.append(update)
        return update

    def _integrated(self) -> Doc[Any]:
        """The document as pycrdt holds it, with everything that was written so far."""
        if self._doc is None:
            self._doc = Doc(client_id=self.replica)
            for update in (self._bytes, *self._taken):
                if update:
                    self._doc.apply_update(update)
            self._taken = []
        if self._unwritten or self._doomed:
            self._doc.apply_update(self._flushed())
        return self._doc

    def _text(self, field: str) -> YText:
        text: YText = self._integrated().get(text_root(field), type=YText)
        return text


def _dot(entry: Entry) -> Dot:
    return entry.dot


def _named(update: State) -> Iterator[Dot]:
    """What an update deletes or puts text beside, be it in the update itself or not."""
    for replica, ranges in update.deleted.items():
        yield Dot(replica, sum(ranges[-1]) - 1)
    for positions in update.positions.values():
        for offset in positions.offsets:
            _, place, _ = read_place(update.data, offset)
            for neighbour in (place.origin, place.right):
                if neighbour is not None:
                    yield Dot(*neighbour)


def _check_edits(field: str, value: str, edits: Sequence[TextEdit]) -> None:
    end = len(value)
    for edit in edits:
        if edit.index < 0 or edit.deleted < 0 or edit.index + edit.deleted > len(value):
            raise LocalFault(
                f"The text {field!r} has {len(value)} characters: there is nothing to edit from "
                f"{edit.index} to {edit.index + edit.deleted}."
            )
        if edit.index + edit.deleted > end:
            raise LocalFault(
                f"The edits of the text {field!r} must come from the last to the first."
            )
        end = edit.index
        try:
            edit.inserted.encode()
        except UnicodeEncodeError:
            raise LocalFault(f"Half a character cannot be written to {field!r}.") from None
