"""Runs of characters: what lies at a clock of a document, and in which text.

Only structs outside the entries roots are known here, and only where they lie in the bytes: what a
run holds is read when somebody asks for it. Documents without texts know none.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Self

from .entry_bytes import MAX_NAME
from .errors import Dangling, Malformed
from .lib0 import read_text, read_varuint
from .structs import STRING, Id, Place, read_place, utf16_units

__all__ = ["TEXT_PREFIX", "Positions", "Run", "TextRuns", "text_field"]

TEXT_PREFIX: Final = "t"
"""What the name of a text's root begins with; the field's name follows."""


def text_field(root: str) -> str:
    """The field whose text lies in `root`."""
    if not root.startswith(TEXT_PREFIX) or not 1 < len(root) <= MAX_NAME:
        raise Malformed("Characters must lie in the root of a text.")
    return root[len(TEXT_PREFIX) :]


class Positions(NamedTuple):
    """Where structs of one replica lie: first clocks, ascending, and positions in the bytes."""

    clocks: list[int]
    offsets: list[int]


class Run(NamedTuple):
    """One struct in a text's root; `units` are its UTF-16 units, None if it is ASCII or deleted."""

    replica: int
    clock: int
    length: int
    place: Place
    units: bytes | None
    is_deleted: bool

    @property
    def end(self) -> int:
        """The clock after the run."""
        return self.clock + self.length

    def splits_at(self, clock: int) -> bool:
        """May the run be cut before `clock`? Not between the halves of one character.

        What was deleted holds no characters any more: it may be cut anywhere.
        """
        units, index = self.units, clock - self.clock
        if units is None or not 0 < index < self.length:
            return True
        return units[2 * index + 1] & 0xFC != 0xDC


class TextRuns:
    """The runs of a document, or of an update on top of a document (`below`)."""

    __slots__ = ("_below", "_data", "_fields", "_only_field", "_positions", "_runs")

    def __init__(
        self,
        data: bytes,
        positions: Mapping[int, Positions],
        below: Self | None = None,
        only_field: str | None = None,
    ) -> None:
        self._data = data
        self._positions = positions
        self._below = below
        self._only_field = only_field
        self._runs: dict[int, Run] = {}
        self._fields: dict[tuple[int, int], str] = {}

    def find(self, replica: int, clock: int) -> Run | None:
        """The run that holds `clock` of `replica`; None if no text does."""
        positions = self._positions.get(replica)
        if positions is not None:
            index = bisect_right(positions.clocks, clock) - 1
            if index >= 0:
                run = self._read(replica, positions.clocks[index], positions.offsets[index])
                return run if clock < run.end else None
        return None if self._below is None else self._below.find(replica, clock)

    def walk(self, replica: int, start: int, end: int) -> Iterator[Run]:
        """The runs that hold the clocks from `start` to `end`.

        Raises `Malformed` if one of them is in no text, or if a character would be cut in two.
        """
        first = start
        while start < end:
            run = self.find(replica, start)
            if run is None:
                raise Dangling(f"Clock {start} of replica {replica} is not in a text.")
            if not (run.splits_at(first) and run.splits_at(end)):
                raise Malformed(f"A character of replica {replica} before {end} is cut in two.")
            yield run
            start = run.end

    def field(self, run: Run) -> str:
        """The field in whose text a run lies: its root is its neighbour's, and so on."""
        passed: dict[tuple[int, int], None] = {}
        while True:
            if self._below is not None and not self._holds(run):
                field = self._below.field(run)
                break
            key = (run.replica, run.clock)
            known = self._fields.get(key, self._only_field)
            if known is not None:
                field = known
                break
            if run.place.root is not None:
                field = text_field(run.place.root)
                break
            if key in passed:
                raise Malformed(f"The text around clock {run.clock} goes round in circles.")
            passed[key] = None
            run = self._found(_neighbour(run.place))
        for key in passed:
            self._fields[key] = field
        return field

    def field_at(self, place: Place) -> str:
        """The field in whose text something can be placed so.

        Raises `Malformed` if the neighbours are not there, are of different texts, or if a
        character would be cut in two.
        """
        if place.root is not None:
            return text_field(place.root)
        fields = set()
        if place.origin is not None:
            fields.add(self._beside(place.origin, 1))
        if place.right is not None:
            fields.add(self._beside(place.right, 0))
        if len(fields) != 1:
            raise Malformed("Characters cannot be placed between two different texts.")
        return fields.pop()

    def _holds(self, run: Run) -> bool:
        positions = self._positions.get(run.replica)
        return positions is not None and bool(positions.clocks) and run.clock >= positions.clocks[0]

    def _beside(self, neighbour: Id, after: int) -> str:
        run = self._found(neighbour)
        if not run.splits_at(neighbour[1] + after):
            raise Malformed("Characters cannot be placed between the halves of another one.")
        return self.field(run)

    def _found(self, at: Id) -> Run:
        run = self.find(*at)
        if run is None:
            raise Dangling(f"Clock {at[1]} of replica {at[0]} is not in a text known here.")
        return run

    def _read(self, replica: int, clock: int, offset: int) -> Run:
        run = self._runs.get(offset)
        if run is not None:
            return run
        content, place, at = read_place(self._data, offset)
        units = None
        if content == STRING:
            text, at = read_text(self._data, at)
            length = len(text)
            if not text.isascii():
                units = utf16_units(text)
                length = len(units) >> 1
        else:
            length, at = read_varuint(self._data, at)
        run = self._runs[offset] = Run(replica, clock, length, place, units, content != STRING)
        return run


def _neighbour(place: Place) -> Id:
    neighbour = place.origin or place.right
    assert neighbour is not None, "what has no root has a neighbour"
    return neighbour
