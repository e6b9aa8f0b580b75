"""Hostile updates: an honest push with one to three things wrong with it.

Every mutation is an entry of `_SHAPES` (what the update says) or `_BYTES` (how it is spelled); a
case names those it went through. Cases depend on the seed and their number alone, so that one which
failed can be made again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from crdt.entry import entries_root
from crdt.lib0 import write_any, write_varuint

from .honest import ME, OTHER, SERVER, Honest, honest_push, worlds
from .loose import ANY, DELETED, STRING, Id, Section, Struct, text
from .values import BAD_ENTRIES, BAD_TEXTS, ODD_ENTRIES, bad_value

__all__ = ["MUTATIONS", "Case", "hostile_case", "hostile_cases"]

_SIZES: Final = (0, 1, 127, 128, 2**31, 2**32 - 1, 2**32, 2**40, 2**53 - 1, 2**53, 2**64 - 1)
_REPLICAS: Final = (0, 1, OTHER, SERVER, ME + 1, 2**53 - 1, 2**53, 2**64 - 1)
_ROOTS: Final = (
    b"",
    b"\0",
    b"e",
    b"e5",
    b"x",
    b"lnotes",
    b"t",
    b"tnotes",
    b"tnew",
    b"t" + b"k" * 9999,
)


@dataclass(frozen=True, slots=True)
class Case:
    """An update that `replica` might send to a server that holds `known`."""

    known: bytes
    replica: int
    data: bytes
    mutations: tuple[str, ...]


def hostile_cases(seed: int, count: int) -> Iterator[Case]:
    """`count` cases; those of one seed are always the same."""
    for number in range(count):
        yield hostile_case(seed, number)


def hostile_case(seed: int, number: int) -> Case:
    """One of the cases that `seed` makes."""
    random = Random(f"{seed}/{number}")
    push = honest_push(random, random.choice(worlds()))
    names: list[str] = []
    while len(names) < 3 and (not names or random.random() < 0.3):
        name = random.choice(_HEAVY if random.random() < _HEAVY_SHARE else _LIGHT)
        if push.update.sections and push.update.sections[0].structs:
            _SHAPES[name](random, push)
            names.append(name)
    data = push.update.write()
    while random.random() < 0.3:
        name = random.choice(list(_BYTES))
        data = _BYTES[name](random, data)
        names.append(name)
    return Case(push.world.data, ME, data, tuple(names))


# What an update says


def _nothing(random: Random, push: Honest) -> None:
    """Leave it honest: what is accepted must be right, too."""


def _sender(random: Random, push: Honest) -> None:
    push.update.sections[0].replica = random.choice(_REPLICAS)


def _clock(random: Random, push: Honest) -> None:
    section = push.update.sections[0]
    near = (section.clock + 1, max(section.clock - 1, 0), section.clock + 1000)
    section.clock = random.choice((*near, *_SIZES))


def _sections(random: Random, push: Honest) -> None:
    mine = push.update.sections[0]
    push.update.sections = random.choice(
        (
            [],
            [mine, mine],
            [mine, Section(mine.replica, mine.clock + 1, mine.structs)],
            [Section(OTHER, 0, mine.structs), mine],
            [Section(SERVER, 1, mine.structs), mine],
            [Section(mine.replica, mine.clock), mine],
            [Section(mine.replica, mine.clock)],
        )
    )


def _many_sections(random: Random, push: Honest) -> None:
    structs = push.update.sections[0].structs[:1]
    push.update.sections += [Section(replica, 0, structs) for replica in range(1000)]


def _run(random: Random, push: Honest) -> None:
    """A run of collected, skipped or deleted clocks, or of something that nobody knows."""
    length = random.choice((*_SIZES, 2))
    struct = _any_struct(random, push)
    struct.content = random.choice((0, DELETED, 10))
    struct.body = write_varuint(length)
    if struct.content != DELETED and random.random() < 0.5:
        struct.origin = struct.right = None
        struct.bits = 0
        struct.root = b""


def _content(random: Random, push: Honest) -> None:
    struct = _any_struct(random, push)
    struct.content = random.choice((2, 3, 4, 5, 6, 7, 8, 9, *range(11, 32)))
    struct.body = random.choice(
        (
            struct.body,
            b"\x01" + text(b'{"a":1}'),
            text(b"bold") + text(b"true"),
            bytes((random.randrange(8),)),
            text(b"4f1c-guid") + write_any({}),
            b"\x01" + write_any({"k": [1]}),
        )
    )


def _map_key(random: Random, push: Honest) -> None:
    struct = _any_struct(random, push)
    struct.key = random.choice((b"", b"\0", b"title", b"k" * 100_000, b"\xed\xa0\x80"))
    if random.random() < 0.7:
        struct.origin = struct.right = None


def _parent(random: Random, push: Honest) -> None:
    struct = _any_struct(random, push)
    struct.origin = struct.right = None
    struct.parent = _neighbour(random, push)


def _root(random: Random, push: Honest) -> None:
    struct = _any_struct(random, push)
    mine = entries_root(push.update.sections[0].replica).encode()
    struct.root = random.choice((*_ROOTS, mine, mine.upper()))
    if random.random() < 0.7:
        struct.origin = struct.right = None


def _origin(random: Random, push: Honest) -> None:
    _any_struct(random, push).origin = _neighbour(random, push)


def _right_origin(random: Random, push: Honest) -> None:
    _any_struct(random, push).right = _neighbour(random, push)


def _swapped_origins(random: Random, push: Honest) -> None:
    struct = _any_struct(random, push)
    struct.origin, struct.right = struct.right, struct.origin


def _no_origins(random: Random, push: Honest) -> None:
    struct = _any_struct(random, push)
    struct.origin = struct.right = None


def _order(random: Random, push: Honest) -> None:
    random.shuffle(push.update.sections[0].structs)


def _twice(random: Random, push: Honest) -> None:
    structs = push.update.sections[0].structs
    structs.insert(random.randrange(len(structs) + 1), random.choice(structs))


def _fan(random: Random, push: Honest) -> None:
    """Many characters at one place, each before a different one."""
    letters = [found for field in push.world.letters.values() for found in field]
    structs = push.update.sections[0].structs
    for number in range(random.choice((50, 999, 1001, 3000))):
        struct = Struct(STRING, text(b"x"), root=b"tnotes")
        if letters:
            letter = letters[number % len(letters)]
            struct.right = (letter.replica, letter.first)
        structs.append(struct)


def _bad_entry(random: Random, push: Honest) -> None:
    values = [["title", 1, "x"], random.choice(BAD_ENTRIES + ODD_ENTRIES), ["title", 2, "x"]]
    chosen = values[random.randrange(2) : random.randrange(2, 4)]
    _entries(random, push).body = write_varuint(len(chosen)) + b"".join(
        value if isinstance(value, bytes) else write_any(value) for value in chosen
    )


def _bad_value(random: Random, push: Honest) -> None:
    entry = b"u\x03w\x05title" + write_any(1) + bad_value(random)
    _entries(random, push).body = b"\x01" + entry


def _count(random: Random, push: Honest) -> None:
    """More or fewer entries announced than follow."""
    struct = _entries(random, push)
    struct.body = write_varuint(random.choice(_SIZES)) + struct.body[1:]


def _bad_text(random: Random, push: Honest) -> None:
    struct = _any_struct(random, push)
    struct.content = STRING
    struct.body = random.choice(BAD_TEXTS)


def _large_text(random: Random, push: Honest) -> None:
    struct = _any_struct(random, push)
    struct.content = STRING
    size = random.choice((1000, 128 << 10, 129 << 10, 300 << 10))
    struct.body = text(random.choice((b"x", "é".encode())) * (size // 2))


def _deletes(random: Random, push: Honest) -> None:
    """One more range, of whatever."""
    start = random.choice((*range(20), *_SIZES))
    length = random.choice((0, 1, 1, 1, 2, 3, *_SIZES))
    replica = random.choice((ME, OTHER, OTHER, SERVER, *_REPLICAS))
    ranges = dict(push.update.deletes)
    ranges[replica] = [*ranges.get(replica, []), (start, length)]
    if random.random() < 0.8:
        ranges[replica].sort()
    push.update.deletes = sorted(ranges.items()) if random.random() < 0.9 else list(ranges.items())


def _own_deletes(random: Random, push: Honest) -> None:
    """Deletions of what the push itself brings, or brought before, or will bring."""
    start = max(push.update.sections[0].clock + random.randint(-3, 8), 0)
    ranges = dict(push.update.deletes)
    ranges[ME] = sorted([*ranges.get(ME, []), (start, random.randint(1, 3))])
    push.update.deletes = sorted(ranges.items())


def _repeated_deletes(random: Random, push: Honest) -> None:
    ranges: list[Id] = random.choice(([], [(3, 1), (3, 1)], [(4, 1), (3, 1)]))
    push.update.deletes = random.choice((push.update.deletes * 2, [(OTHER, ranges)]))


def _many_deletes(random: Random, push: Honest) -> None:
    count = random.choice((100, 10_000, 50_000))
    if random.random() < 0.5:
        push.update.deletes = [(OTHER, [(2 * number, 1) for number in range(count)])]
    else:
        push.update.deletes = [(replica, [(0, 1)]) for replica in range(count)]


def _no_deletes(random: Random, push: Honest) -> None:
    push.update.deletes = []


_SHAPES: Final[dict[str, Callable[[Random, Honest], None]]] = {
    made.__name__.removeprefix("_"): made
    for made in (
        _nothing,
        _sender,
        _clock,
        _sections,
        _many_sections,
        _run,
        _content,
        _map_key,
        _parent,
        _root,
        _origin,
        _right_origin,
        _swapped_origins,
        _no_origins,
        _order,
        _twice,
        _fan,
        _bad_entry,
        _bad_value,
        _count,
        _bad_text,
        _large_text,
        _deletes,
        _own_deletes,
        _repeated_deletes,
        _many_deletes,
        _no_deletes,
    )
}


_HEAVY: Final = ("fan", "large_text", "many_deletes", "many_sections")
_LIGHT: Final = tuple(name for name in _SHAPES if name not in _HEAVY)

_HEAVY_SHARE: Final = 1 / 50
"""Of the mutations that make an update large: each takes the time of a hundred others."""


# How it is spelled


def _cut(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _trailing(random: Random, data: bytes) -> bytes:
    return data + random.choice((b"\0", b"\0\0", data, random.randbytes(5)))


def _flipped(random: Random, data: bytes) -> bytes:
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << random.randrange(8),)) + data[at + 1 :]


def _overwritten(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + write_varuint(random.choice(_SIZES)) + data[at + 1 :]


def _padded(random: Random, data: bytes) -> bytes:
    """An integer with more bytes than it needs."""
    if not data:
        return data
    at = random.randrange(min(len(data), 30))
    return data[:at] + bytes((data[at] | 128, 0)) + data[at + 1 :]


def _spliced(random: Random, data: bytes) -> bytes:
    start, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[end:] if random.random() < 0.5 else data[:end] + data[start:]


def _version_2(random: Random, data: bytes) -> bytes:
    """What Yjs writes as version 2: empty columns, or ours behind its first byte."""
    return random.choice((bytes(13), b"\0" + data, bytes(12) + data))


_BYTES: Final[dict[str, Callable[[Random, bytes], bytes]]] = {
    made.__name__.removeprefix("_"): made
    for made in (_cut, _trailing, _flipped, _overwritten, _padded, _spliced, _version_2)
}

MUTATIONS: Final = frozenset(_SHAPES) | frozenset(_BYTES)
"""The names of all mutations."""


# Below


def _any_struct(random: Random, push: Honest) -> Struct:
    return random.choice(push.update.sections[0].structs)


def _entries(random: Random, push: Honest) -> Struct:
    """A struct of entries; if there is none, one that is made into it."""
    structs = push.update.sections[0].structs
    found = [struct for struct in structs if struct.content == ANY] or structs
    struct = random.choice(found)
    struct.content = ANY
    return struct


def _neighbour(random: Random, push: Honest) -> Id:
    """A clock of somebody: known or not, at a character's edge or inside one."""
    clock = push.update.sections[0].clock
    replica = random.choice((ME, OTHER, OTHER, OTHER, *_REPLICAS))
    near = clock + random.randint(-4, 6) if replica == ME else random.randint(0, 22)
    return replica, max(near, 0) if random.random() < 0.9 else random.choice(_SIZES)
