"""The strict reader: what a client pushes, before pycrdt sees any of it.

Laws:

1. It accepts the canonical form and nothing else: one section, of the pusher's own replica, that
   starts at the clock the server expects. Everything else is refused whole.
2. Values stand in the pusher's own entries root, each behind the one before. Text stands behind
   and before characters that are known, in the same text, never inside one.
3. A client deletes characters, and what it brings with the very same push. Entries are deleted by
   the server alone.
4. It is iterative and bounded: no input recurses, and none takes more than its length deserves.

Every law answers to an input that makes pycrdt crash, hang, or silently lose another device's edits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .entry import Entry, entries_root
from .errors import Gap, Malformed, TooLarge
from .state import State, blocks_from, covers, entry_from
from .structs import ANY, DELETED, GC, STRING, Block, Ranges, Section, read_deletes, read_sections

__all__ = ["DEFAULT_LIMITS", "Limits", "Push", "read_push"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one pushed update.

    update: bytes; a day's edits of a long text fit many times, and one row stays far below a frame.
    structs: a larger difference is cut in parts (`split_push`); integrating a thousand takes
    milliseconds, and one replica's fan of right origins grows with their square.
    value: bytes of one entry; what is larger belongs in a file.
    ranges: of the delete set, which repeats what was ever deleted in the document.
    """

    update: int = 256 * 1024
    structs: int = 1_000
    value: int = 128 * 1024
    ranges: int = 20_000


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Push:
    """An accepted update: the clocks [first, next) of `replica`.

    `entries` are those it brings and leaves present, `text_fields` the fields whose text it edits,
    `deletes` its delete set, `data` its bytes. `known` says that nothing in it is new.
    """

    replica: int
    first: int
    next: int
    entries: tuple[Entry, ...]
    text_fields: frozenset[str]
    deletes: dict[int, Ranges]
    known: bool
    data: bytes


def read_push(data: bytes, replica: int, known: State, limits: Limits = DEFAULT_LIMITS) -> Push:
    """Read what the client that writes as `replica` sent for a document that says `known`.

    Raises `Malformed` or `TooLarge` if it may not be used, `Gap` if it does not start where the
    server stands.
    """
    if len(data) > limits.update:
        raise TooLarge(f"An update has {len(data)} bytes; {limits.update} are allowed.")
    sections, at = read_sections(data)
    if len(sections) != 1 or sections[0].replica != replica:
        raise Malformed("A push holds the pusher's own section and no other.")
    section = sections[0]
    if len(section.blocks) > limits.structs:
        raise TooLarge(f"An update has more than {limits.structs} structs: cut it in parts.")
    deletes = read_deletes(data, at)
    if sum(map(len, deletes.values())) > limits.ranges:
        raise TooLarge(f"A delete set has more than {limits.ranges} ranges.")
    expected = known.vector.get(replica, 0)
    if section.next <= expected:
        return Push(replica, section.first, section.next, (), frozenset(), deletes, True, data)
    if section.first != expected:
        raise Gap(replica, expected, section.first)
    reader = _Reader(section, known, limits)
    entries = reader.read()
    fields = reader.edited | reader.check_deletes(deletes)
    own = deletes.get(replica, [])
    present = tuple(each for each in entries if not own or not covers(own, each.dot.clock))
    return Push(
        replica, section.first, section.next, present, frozenset(fields), deletes, False, data
    )


class _Reader:
    """Checks one section against what is known and what it brought so far."""

    def __init__(self, section: Section, known: State, limits: Limits) -> None:
        self._section = section
        self._known = known
        self._limits = limits
        self._own_root = entries_root(section.replica)
        self._last = known.last_entry.get(section.replica)
        self._read: list[Block] = []
        self._roots: dict[tuple[int, int], str] = {}
        self.edited: set[str] = set()

    def read(self) -> list[Entry]:
        """The entries of the section; raises where a block may not stand."""
        entries = []
        replica = self._section.replica
        for block in self._section.blocks:
            if self._is_next_entry(block):
                if block.kind == ANY:
                    self._check_size(block)
                    for offset, raw in enumerate(block.content):
                        entries.append(entry_from(raw, replica, block.clock + offset, most=4))
                self._last = block.clock + block.length - 1
                self._roots[replica, block.clock] = self._own_root
            elif block.kind in (STRING, DELETED):
                root = self._text_root(block)
                self._roots[replica, block.clock] = root
                self.edited.add(root[1:])
            elif block.kind == ANY:
                raise Malformed("Values stand in their writer's own root, each behind the last.")
            else:
                raise Malformed("A push leaves clocks out.")
            self._read.append(block)
        return entries

    def check_deletes(self, deletes: dict[int, Ranges]) -> set[str]:
        """The fields whose text is newly deleted from; raises where something else is."""
        fields = set()
        for replica, ranges in deletes.items():
            already = self._known.deleted.get(replica, [])
            for clock, length in ranges:
                if not _within(already, clock, length):
                    fields |= self._check_range(replica, clock, clock + length)
        return fields

    def _is_next_entry(self, block: Block) -> bool:
        """Does it stand in the pusher's entries root, behind everything there?"""
        if block.kind not in (ANY, DELETED) or block.right_origin is not None:
            return False
        if block.origin is None:
            return block.root == self._own_root
        return self._last is not None and block.origin == (self._section.replica, self._last)

    def _check_size(self, block: Block) -> None:
        if block.end - block.start > self._limits.value * len(block.content):
            raise TooLarge(f"A value takes more than {self._limits.value} bytes.")

    def _text_root(self, block: Block) -> str:
        """The name of the text that a block of characters stands in."""
        named = {block.root} if block.root is not None else set()
        if block.origin is not None:
            named.add(self._root_at(*block.origin, last_unit=True))
        if block.right_origin is not None:
            named.add(self._root_at(*block.right_origin, last_unit=False))
        root = named.pop()
        if named or not root or root[0] != "t":
            raise Malformed("Characters stand in one text, between characters of the same.")
        return root

    def _root_at(self, replica: int, clock: int, *, last_unit: bool) -> str:
        """The root of the item at a dot, which must be known and whole on that side."""
        block = self._block_at(replica, clock)
        if block is None:
            raise Malformed("An item stands beside one that is not known.")
        at = clock - block.clock + (1 if last_unit else 0)
        if not _is_boundary(block, at):
            raise Malformed("An item stands inside a character.")
        return self._root_of(replica, block)

    def _root_of(self, replica: int, block: Block) -> str:
        """Follow origins to a block that names its root; what was found is remembered."""
        path: list[tuple[int, int]] = []
        while block.root is None:
            if (replica, block.clock) in self._roots:
                break
            path.append((replica, block.clock))
            origin = block.origin or block.right_origin
            found = self._block_at(*origin) if origin is not None else None
            if origin is None or found is None or len(path) > self._limits.ranges:
                raise Malformed("An item stands in no root.")
            replica, block = origin[0], found
        root = block.root if block.root is not None else self._roots[replica, block.clock]
        self._roots.update(dict.fromkeys(path, root))
        return root

    def _block_at(self, replica: int, clock: int) -> Block | None:
        """The block that holds a dot: one known, or one that this push brought before."""
        if replica == self._section.replica and clock >= self._section.first:
            if not self._read or clock >= self._read[-1].clock + self._read[-1].length:
                return None
            brought = Section(replica, self._section.first, 0, self._read)
            return next(blocks_from(brought, clock))
        section = self._known.sections.get(replica)
        if section is None or not section.first <= clock < section.next:
            return None
        return next(blocks_from(section, clock))

    def _check_range(self, replica: int, start: int, end: int) -> set[str]:
        """Characters, or what this push brings: then nothing else is deleted by this range."""
        fields = set()
        for block in self._blocks_between(replica, start, end):
            if block.kind in (DELETED, GC):
                continue
            brought = replica == self._section.replica and block.clock >= self._section.first
            if block.kind == ANY and not brought:
                raise Malformed("Only the server deletes entries.")
            for side in (start, end):
                inside = block.clock < side < block.clock + block.length
                if inside and not _is_boundary(block, side - block.clock):
                    raise Malformed("A deletion ends inside a character.")
            if block.kind == STRING:
                fields.add(self._root_of(replica, block)[1:])
        return fields

    def _blocks_between(self, replica: int, start: int, end: int) -> Iterator[Block]:
        at = start
        while at < end:
            block = self._block_at(replica, at)
            if block is None:
                raise Malformed("A deletion names clocks that are not known.")
            yield block
            at = block.clock + block.length


def _within(ranges: Ranges, clock: int, length: int) -> bool:
    """Are all clocks of a range in one of the sorted, merged `ranges`?"""
    for start, count in ranges:
        if start <= clock < start + count:
            return clock + length <= start + count
    return False


def _is_boundary(block: Block, units: int) -> bool:
    """Do the first `units` UTF-16 units of a block end with a whole character?"""
    if block.kind != STRING or units in (0, block.length) or len(block.content) == block.length:
        return True
    low = block.content.encode("utf-16-le")[2 * units : 2 * units + 2]
    return not 0xDC <= low[1] <= 0xDF
