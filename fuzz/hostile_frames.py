"""Hostile frames: an honest message with something wrong in its header, lengths or bytes."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final
from uuid import UUID

from crdt.frames import encode
from crdt.messages import (
    Ack,
    Changes,
    Confirm,
    Fault,
    Hello,
    Item,
    Key,
    Leave,
    Mark,
    Message,
    Outcomes,
    Ping,
    Pong,
    Pull,
    Push,
    Refused,
    Resend,
)

__all__ = ["hostile_frame"]

_KEY: Final = Key("todo.task", UUID(int=7))
_HONEST: Final[tuple[Message, ...]] = (
    Hello(5, "phone", "token", (1, 2), certificate="1.x", attempts=(3,), marks=(Mark(4, 5),)),
    Push(1, "epoch", (Item(*_KEY, b"update"), Item("todo.note", _KEY.id, b"", 9)), (Mark(4, 5),)),
    Pull(2, {"all": 3}, (_KEY,), {"all": 4}),
    Confirm((1, 2)),
    Ping(5),
    Pong(5, {"all": 6}),
    Ack(1, 2, {0: Resend(3), 1: Refused("forbidden", "No.")}),
    Outcomes(()),
    Changes("all", 1, 2, items=(Item(*_KEY, b"update"),), leaves=(_KEY,)),
    Leave("all"),
    Fault("protocol", "No.", True, 1, (2,), (3,)),
)

_ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 1e400, 2**53, 2**64, "", "\0", "\ud800", "x" * 20_000, [], [[]],
    {}, {"": {}}, [[1, 2]], [[1, 2, 3]], [["todo.task", "no uuid"]], ["todo.task"], [None] * 10_001,
    "__class__", "pulse.frame", "hello",
)  # fmt: skip


def hostile_frame(seed: int, number: int) -> bytes:
    """One of the frames that `seed` makes; always the same."""
    random = Random(f"frame/{seed}/{number}")
    frame = encode(random.choice(_HONEST))
    while True:
        chosen = _HEAVY if random.random() < _HEAVY_SHARE else _LIGHT
        frame = random.choice(chosen)(random, frame)
        if random.random() < 0.7:
            return frame


def _headed(head: bytes, rest: bytes = b"") -> bytes:
    return len(head).to_bytes(4, "big") + head + rest


def _parts(frame: bytes) -> tuple[bytes, bytes]:
    end = 4 + int.from_bytes(frame[:4], "big")
    return frame[4:end], frame[end:]


def _nothing(random: Random, frame: bytes) -> bytes:
    return frame


def _field(random: Random, frame: bytes) -> bytes:
    """Another value for a field, at the top or inside."""
    head, rest = _parts(frame)
    try:
        header: Any = json.loads(head)
    except (ValueError, RecursionError):
        return frame
    holder, places = header, _places(header)
    while places:
        place = random.choice(places)
        inner = _places(holder[place])
        if not inner or random.random() < 0.5:
            holder[place] = random.choice(_ODD)
            break
        holder, places = holder[place], inner
    return _headed(json.dumps(header).encode(), rest)


def _places(value: Any) -> list[Any]:
    """Where something stands in an object or a list."""
    if isinstance(value, dict):
        return list(value)
    return [*range(len(value))] if isinstance(value, list) else []


def _key_twice(random: Random, frame: bytes) -> bytes:
    head, rest = _parts(frame)
    return _headed(head[:-1] + b',"type":"ping"}', rest)


def _nested(random: Random, frame: bytes) -> bytes:
    depth = random.choice((31, 33, 1_000, 100_000))
    opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"[", b""), (b"", b"]")))
    return _headed(b'{"type":"ping","time":' + opening * depth + b"1" + closing * depth + b"}")


def _length(random: Random, frame: bytes) -> bytes:
    """A header length that lies."""
    length = random.choice((0, 1, len(frame) - 3, len(frame), 2**31, 2**32 - 1))
    return max(length, 0).to_bytes(4, "big") + frame[4:]


def _sizes(random: Random, frame: bytes) -> bytes:
    head, rest = _parts(frame)
    sizes = random.choice((b"[1]", b"[-1,1]", b"[1e3]", b"null", b"[9007199254740993]", b"{}"))
    return _headed(head[:-1] + b',"sizes":' + sizes + b"}", rest)


def _cut(random: Random, frame: bytes) -> bytes:
    return frame[: random.randrange(len(frame) + 1)]


def _flipped(random: Random, frame: bytes) -> bytes:
    if not frame:
        return frame
    at = random.randrange(len(frame))
    return frame[:at] + bytes((frame[at] ^ 1 << random.randrange(8),)) + frame[at + 1 :]


def _quotes(random: Random, frame: bytes) -> bytes:
    """What makes a scanner of strings go back and forth."""
    return _headed(random.choice((b'"', b"\\", b'"\\', b'\\"')) * random.choice((10, 50_000)))


def _noise(random: Random, frame: bytes) -> bytes:
    return random.randbytes(random.randrange(60))


_LIGHT: Final[tuple[Callable[[Random, bytes], bytes], ...]] = (
    *(_nothing, _field, _field, _field, _key_twice, _length, _sizes, _cut, _flipped, _noise),
)
_HEAVY: Final = (_nested, _quotes)

_HEAVY_SHARE: Final = 1 / 50
"""Of the mutations that make a frame large: each takes the time of many others."""
