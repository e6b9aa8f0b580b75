"""Honest pushes, as loose parts: what a client sends that wrote entries and edited texts.

They are made against small documents in which every character's place is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any, Final, NamedTuple

from pycrdt import Doc

from crdt.entry import Dot, entries_root
from crdt.lib0 import write_any, write_varuint
from crdt.state import State, read_state

from .loose import ANY, DELETED, STRING, Id, Section, Struct, Update, chars, text

__all__ = ["ME", "OTHER", "SERVER", "Honest", "World", "honest_push", "worlds"]

ME: Final = 0x1F00000000F07
"""The replica that pushes."""
OTHER: Final = 5
SERVER: Final = 2**53 - 7

_LETTERS: Final = ("a", "é", "😀", "e\u0301", "👩\u200d👩\u200d👧", "xyz", "\n", "水")

_VALUES: Final[tuple[Any, ...]] = (None, True, False, 0, -1, 2.5, 2**52, "", "naïve 😀", [1, ["x"]])


class Letter(NamedTuple):
    """A piece of text that stands in one: its first and last clock."""

    replica: int
    first: int
    last: int


class World(NamedTuple):
    """A document as the server has it, and what an honest client sees of it."""

    data: bytes
    state: State
    letters: dict[str, tuple[Letter, ...]]
    """The letters of every text, deleted ones too, in their order."""


@dataclass(slots=True)
class Honest:
    """An honest push, and the world it is for."""

    world: World
    update: Update


@lru_cache(maxsize=1)
def worlds() -> Sequence[World]:
    """No document; one in which the pusher never wrote; one in which everybody did."""
    empty = _world([])
    first = _world([_theirs()])
    mine = honest_push(Random(1), first, texts=True).update
    return (empty, first, _world([_theirs(), mine, _servers(mine)]))


def honest_push(random: Random, world: World, texts: bool | None = None) -> Honest:
    """A push of a few structs: entries, characters and deletions, mixed."""
    clock = world.state.vector.get(ME, 0)
    last = world.state.last_entry.get(ME)
    section = Section(ME, clock)
    deletes: dict[int, list[tuple[int, int]]] = {}
    letters = {field: list(found) for field, found in world.letters.items()}
    for number in range(random.randint(1, 6)):
        if random.random() < 0.5 and not (texts and not number):
            entries = [_entry(random, world) for _ in range(random.randint(1, 4))]
            body = write_varuint(len(entries)) + b"".join(map(write_any, entries))
            struct, length = Struct(ANY, body), len(entries)
            if random.random() < 0.2:
                struct = Struct(DELETED, write_varuint(length))
                deletes.setdefault(ME, []).append((clock, length))
            struct.origin = None if last is None else (ME, last)
            struct.root = entries_root(ME).encode()
            last = clock + length - 1
        else:
            struct, length = _insertion(random, letters, clock)
        section.structs.append(struct)
        clock += length
    for found in world.letters.values():
        for letter in found:
            if random.random() < 0.2:
                span = (letter.first, letter.last - letter.first + 1)
                deletes.setdefault(letter.replica, []).append(span)
    return Honest(world, Update([section], _sorted(deletes)))


def _insertion(random: Random, letters: dict[str, list[Letter]], clock: int) -> tuple[Struct, int]:
    """Characters between two neighbours, or at an end, of one of the texts."""
    field = random.choice(("notes", "body"))
    standing = letters.setdefault(field, [])
    at = random.randint(0, len(standing))
    value = random.choice(_LETTERS)
    struct = Struct(STRING, text(value.encode()), root=b"t" + field.encode())
    if at:
        struct.origin = (standing[at - 1].replica, standing[at - 1].last)
    if at < len(standing):
        struct.right = (standing[at].replica, standing[at].first)
    standing.insert(at, Letter(ME, clock, clock + chars(value) - 1))
    return struct, chars(value)


def _entry(random: Random, world: World) -> list[Any]:
    entry = [random.choice(("title", "done", "-")), random.getrandbits(53), random.choice(_VALUES)]
    if random.random() < 0.3:
        known = list(world.state.entries)[:3] or [Dot(OTHER, 1)]
        entry.append([list(dot) for dot in known])
    return entry


def _world(updates: Sequence[Update]) -> World:
    doc: Doc[Any] = Doc()
    letters: dict[str, list[Letter]] = {}
    for update in updates:
        doc.apply_update(update.write())
        _note_letters(update, letters)
    data = doc.get_update() if updates else b""
    return World(data, read_state(data), {name: tuple(found) for name, found in letters.items()})


def _note_letters(update: Update, letters: dict[str, list[Letter]]) -> None:
    """Put the update's characters where they stand: each right after its origin."""
    for section in update.sections:
        clock = section.clock
        for struct in section.structs:
            length = _length(struct)
            if struct.content == STRING:
                standing, at = _place(struct, letters)
                value = struct.body[1:].decode()
                for letter in value:
                    standing.insert(at, Letter(section.replica, clock, clock + chars(letter) - 1))
                    clock += chars(letter)
                    at += 1
            else:
                clock += length


def _place(struct: Struct, letters: dict[str, list[Letter]]) -> tuple[list[Letter], int]:
    for standing in letters.values():
        for at, letter in enumerate(standing):
            if struct.origin == (letter.replica, letter.last):
                return standing, at + 1
            if struct.origin is None and struct.right == (letter.replica, letter.first):
                return standing, at
    return letters.setdefault(struct.root[1:].decode(), []), 0


def _length(struct: Struct) -> int:
    """The clocks a short struct of entries, or a short deleted run, takes."""
    return chars(struct.body[1:].decode()) if struct.content == STRING else struct.body[0]


def _theirs() -> Update:
    """Another replica's entries, one of them deleted since, and its two texts."""
    entries = [
        ["title", 1, "Theirs"],
        ["done", 2, True],
        ["title", 3, "Theirs again", [[OTHER, 0]]],
    ]
    body = write_varuint(len(entries)) + b"".join(map(write_any, entries))
    root = entries_root(OTHER).encode()
    structs = [
        Struct(ANY, body, root=root),
        Struct(STRING, text("aé😀b👩\u200d👩c".encode()), root=b"tnotes"),
        Struct(STRING, text(b"second"), root=b"tbody"),
    ]
    return Update([Section(OTHER, 0, structs)], [(OTHER, [(0, 1)])])


def _servers(mine: Update) -> Update:
    """The server's own entry, and the deletion of a letter with two halves."""
    entry = ["title", 9, "Of the server", [[OTHER, 2]], [ME, 0]]
    struct = Struct(ANY, b"\x01" + write_any(entry), root=entries_root(SERVER).encode())
    return Update([Section(SERVER, 0, [struct])], [(OTHER, [(5, 2)])])


def _sorted(deletes: dict[int, list[Id]]) -> list[tuple[int, list[Id]]]:
    return [(replica, sorted(ranges)) for replica, ranges in sorted(deletes.items())]
