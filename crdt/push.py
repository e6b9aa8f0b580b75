"""The strict reader: what a client pushes, checked before pycrdt sees a byte of it.

Laws:

1. A push is the pusher's own section from the clock that the server expects, and nothing of
   anybody else.
2. Entries continue the pusher's own entries. Characters stand beside characters that are known, in
   one text, and no character is cut in two.
3. A push deletes characters, and what it brings itself. What is deleted already may be named again.
4. What is accepted, pycrdt integrates without holding anything back; what is not raises a
   `RemoteFault` and has changed nothing.

Why each matters is in the bounds below and in `tests/crdt/test_push.py`: integration neither checks
nor rolls back, and some updates end the process.
"""

from dataclasses import dataclass, field
from typing import Final

from .entry import Dot, Entry, entries_root
from .entry_bytes import MAX_CLOCK, read_entries
from .errors import Dangling, Gap, Malformed, TooLarge
from .lib0 import UNREADABLE, read_varuint, write_any
from .neighbours import Neighbours
from .ranges import Range, forget_deleted, outside
from .runs import Positions, TextRuns
from .state import State, read_deletes, read_state
from .structs import ANY, DELETED, ORIGIN, Place, Spelling, read_length, read_place, spelling

__all__ = ["DEFAULT_LIMITS", "MAX_REPLACES", "Limits", "Push", "read_push"]

MAX_REPLACES: Final = 1000
"""Dots that one entry may name. It names what its writer saw live, one for each replica that wrote
at the same time."""

_CLIENT_ITEMS: Final = 4
"""Items of a client's longest entry: only the server writes one that stands for another."""

_NO_FIELDS: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one push may hold; more raises `TooLarge`. A larger difference is split."""

    update: int = 256 << 10
    """Bytes of everything. As many single characters deleted take pycrdt about a second."""

    structs: int = 1000
    """Insertions at one place are compared with each other: the worst thousand takes pycrdt a
    quarter of a second, the worst four thousand two. A larger difference is cut, see `parts`."""

    value: int = 128 << 10
    """Bytes of one value: it stands in a column, and in every page that shows its row."""

    text: int = 128 << 10
    """Bytes of one run of inserted characters: nobody types as many, and a paste can be cut."""

    replaces: int = MAX_REPLACES
    """See `MAX_REPLACES`."""


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Push:
    """What a client's update brings."""

    replica: int
    first: int
    """Its clocks: from `first` up to `next`, without it."""
    next: int
    entries: tuple[Entry, ...]
    """The present entries, in the order of their clocks."""
    text_fields: frozenset[str]
    """The fields whose text it inserts into or deletes from."""
    deletes: dict[int, list[Range]]
    """The delete set."""
    known: bool
    """The server has all of these clocks: there is nothing to merge."""
    data: bytes = field(repr=False)
    """The bytes, safe to integrate unless `known`."""


def read_push(data: bytes, replica: int, known: State, limits: Limits = DEFAULT_LIMITS) -> Push:
    """Read what `replica` pushed, against the document that is `known`.

    Raises `Malformed` if it is anything else than an honest client's, `TooLarge` if a limit is
    passed, and `Gap` if it does not start at the replica's next clock: send again from there.
    """
    if len(data) > limits.update:
        raise _too_large("An update", len(data), "bytes", limits.update)
    try:
        return _read(data, replica, known, limits)
    except UNREADABLE:
        raise Malformed("The update ends too early, or holds text that is not UTF-8.") from None


def _read(data: bytes, replica: int, known: State, limits: Limits) -> Push:
    own = spelling(replica)
    structs, first, at = _read_head(data, own, limits)
    expected = known.vector.get(replica, 0)
    if first > expected:
        raise Gap(replica, expected, first)
    if first < expected:
        return _repeated(data, replica, first, known)
    clock, last = first, known.last_entry.get(replica)
    entries: dict[Dot, Entry] = {}
    texts: _Texts | None = None
    for _ in range(structs):
        info = data[at]
        if info == ANY | ORIGIN:
            origin, at = read_varuint(data, _after(data, at, own.after))
            if origin != last:
                raise _out_of_line(clock)
            clock, at = read_entries(data, at, replica, clock, _CLIENT_ITEMS, entries)
            last = clock - 1
        elif info == ANY:
            if last is not None:
                raise _out_of_line(clock)
            at = _after(data, at, own.first)
            clock, at = read_entries(data, at, replica, clock, _CLIENT_ITEMS, entries)
            last = clock - 1
        else:
            texts = texts or _Texts(data, replica, first, known, limits)
            clock, last, at = texts.read_struct(at, clock, last)
    if clock > MAX_CLOCK:
        raise Malformed(f"The clocks of an update must not pass {MAX_CLOCK}.")
    joints: list[Dot] = []
    deletes, at = read_deletes(data, at, joints)
    if at != len(data):
        raise Malformed(f"{len(data) - at} bytes are missing, or follow the update's end.")
    if len(data) > limits.replaces or len(data) > limits.value:
        _check_sizes(entries, limits)
    fields = _NO_FIELDS
    if deletes or texts is not None:
        texts = texts or _Texts(data, replica, first, known, limits)
        texts.check_deletes(deletes, clock)
        texts.check_cuts(joints)
        forget_deleted(entries, deletes)
        fields = frozenset(texts.fields)
    return Push(replica, first, clock, tuple(entries.values()), fields, deletes, False, data)


def _read_head(data: bytes, own: Spelling, limits: Limits) -> tuple[int, int, int]:
    """How many structs the one section holds, its first clock, and the position after it."""
    if data[0] != 1:
        raise Malformed(f"A push holds one section, its sender's; this one holds {data[0]}.")
    structs, at = (data[1], 2) if data[1] < 128 else read_varuint(data, 1)
    if not structs:
        raise Malformed("The update's section is empty.")
    if structs > limits.structs:
        raise _too_large("An update", structs, "structs", limits.structs)
    if not data.startswith(own.number, at):
        raise Malformed("The update's section is not its sender's.")
    at += len(own.number)
    first, at = (data[at], at + 1) if data[at] < 128 else read_varuint(data, at)
    return structs, first, at


def _repeated(data: bytes, replica: int, first: int, known: State) -> Push:
    """A push of clocks that are known: wholly, or its sender has to cut it at `expected`."""
    told = read_state(data)
    expected, end = known.vector[replica], told.vector[replica]
    if end > expected:
        raise Gap(replica, expected, first)
    for dot, entry in told.entries.items():
        if known.entries.get(dot, entry) != entry:
            raise Malformed(f"Something else is known at clock {dot.clock} of this replica.")
    entries = tuple(told.entries.values())
    return Push(replica, first, end, entries, told.text_roots, told.deleted, True, data)


class _Texts:
    """What of a push is not entries: characters, deleted runs and deletions."""

    __slots__ = (
        "_data",
        "_first",
        "_known",
        "_limits",
        "_neighbours",
        "_positions",
        "_replica",
        "_runs",
        "_voids",
        "fields",
    )

    def __init__(self, data: bytes, replica: int, first: int, known: State, limits: Limits) -> None:
        self.fields: set[str] = set()
        self._data = data
        self._replica = replica
        self._first = first
        self._known = known
        self._limits = limits
        self._positions = Positions([], [])
        self._voids: list[Range] = []
        self._runs: TextRuns | None = None
        self._neighbours: Neighbours | None = None

    @property
    def runs(self) -> TextRuns:
        """The characters that are known, and those that were read so far."""
        if self._runs is None:
            mine = {self._replica: self._positions}
            self._runs = TextRuns(self._data, mine, self._known.text_runs())
        return self._runs

    def read_struct(self, at: int, clock: int, last: int | None) -> tuple[int, int | None, int]:
        """Read characters or a deleted run; `last` is the last clock in the entries root.

        Returns the next clock, the last one in the entries root, and the position after it.
        """
        content, place, begin = read_place(self._data, at)
        if content == ANY:
            raise _out_of_line(clock)
        length, end = read_length(self._data, begin, content)
        if content == DELETED:
            self._voids.append((clock, length))
            if place == self._next_entry(last):
                return clock + length, clock + length - 1, end
        elif end - begin > self._limits.text:
            raise _too_large("A run of characters", end - begin, "bytes", self._limits.text)
        self.fields.add(self.runs.field_at(place))
        if content != DELETED:  # what is deleted holds characters no more, and joins its neighbours
            self._neighbours = self._neighbours or Neighbours(self.runs)
            self._neighbours.check(place)
        self._positions.clocks.append(clock)
        self._positions.offsets.append(at)
        return clock + length, last, end

    def check_deletes(self, deletes: dict[int, list[Range]], end: int) -> None:
        """May the sender delete this? `end` is the clock after the push."""
        for start, length in self._voids:
            for _ in outside(start, start + length, deletes.get(self._replica, ())):
                raise Malformed("An update must name what it brings deleted in its deletions.")
        for replica, ranges in deletes.items():
            gone = self._known.deleted.get(replica, ())
            for start, length in ranges:
                for begin, stop in outside(start, start + length, gone):
                    if replica == self._replica and stop > self._first:
                        self._check_own(max(begin, self._first), stop, end)
                        stop = self._first
                    for run in self.runs.walk(replica, begin, stop):
                        self.fields.add(self.runs.field(run))

    def check_cuts(self, cuts: list[Dot]) -> None:
        """No deletion begins or ends inside a character; nor where two ranges touch, since pycrdt
        deletes one after the other.
        """
        for replica, clock in cuts:
            run = self.runs.find(replica, clock)
            if run is not None and not run.splits_at(clock):
                raise Malformed(f"The update cuts a character at clock {clock} in two.")

    def _check_own(self, start: int, stop: int, end: int) -> None:
        """Deletions of what this very push brings."""
        if stop > end:
            raise Malformed(f"The update deletes up to clock {stop}, but brings them up to {end}.")
        self.check_cuts([Dot(self._replica, start), Dot(self._replica, stop)])

    def _next_entry(self, last: int | None) -> Place:
        if last is None:
            return Place(entries_root(self._replica), None, None)
        return Place(None, (self._replica, last), None)


def _after(data: bytes, at: int, start: bytes) -> int:
    if not data.startswith(start, at):
        raise Dangling(f"The entries at byte {at} do not continue their sender's own.")
    return at + len(start)


def _check_sizes(entries: dict[Dot, Entry], limits: Limits) -> None:
    for entry in entries.values():
        if len(entry.replaces) > limits.replaces:
            raise _too_large("An entry", len(entry.replaces), "dots", limits.replaces)
        size = len(write_any(entry.value))
        if size > limits.value:
            raise _too_large("A value", size, "bytes", limits.value)


def _out_of_line(clock: int) -> Dangling:
    return Dangling(f"The entries at clock {clock} do not continue their sender's own.")


def _too_large(what: str, size: int, unit: str, most: int) -> TooLarge:
    return TooLarge(f"{what} of {size} {unit} is too large: at most {most} are taken.")
