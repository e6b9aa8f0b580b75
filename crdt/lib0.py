"""lib0: variable-length integers and "Any" values, as Yjs encodes them.

Laws:

1. Every value has one encoding here; what is longer than it needs to be is refused.
2. Reading never recurses and never takes more memory than a small multiple of the bytes it reads,
   whatever they claim.
3. What goes wrong is `Malformed`, and nothing else.

The format is that of lib0 (`encoding.writeVarUint`, `encoding.writeAny`). Numbers are written as
yrs writes them: as float32 where that is exact, else as float64; a small integer as JavaScript
writes it is read as well.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from math import copysign, isfinite
from typing import Any, Final

from .errors import Malformed

__all__ = ["MAX_DEPTH", "Cursor", "read_any", "read_text", "read_varuint", "write_any"]
__all__ += ["write_varuint"]

MAX_DEPTH: Final = 32
"""How deep a value may be nested: pycrdt's own reader crashes on a small thread's stack at 200."""

MAX_VARUINT_BYTES: Final = 10
"""What 2**64 - 1 takes; no length or id is larger."""

EXACT: Final = 2**53

_FLOAT32 = struct.Struct(">f")
_FLOAT64 = struct.Struct(">d")


def write_varuint(number: int) -> bytes:
    """A non-negative integer, seven bits to a byte, the lowest first."""
    if number < 128:
        return bytes((number,))
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def write_any(value: Any) -> bytes:
    """A value of JSON's kinds; raises `ValueError` for anything else."""
    if isinstance(value, str):
        encoded = value.encode()
        return b"\x77" + write_varuint(len(encoded)) + encoded
    if value is None:
        return b"\x7e"
    if isinstance(value, bool):
        return b"\x78" if value else b"\x79"
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, Sequence):
        return b"\x75" + write_varuint(len(value)) + b"".join(map(write_any, value))
    if isinstance(value, Mapping):
        pairs = (write_any(str(key))[1:] + write_any(item) for key, item in value.items())
        return b"\x76" + write_varuint(len(value)) + b"".join(pairs)
    raise ValueError(f"A document cannot hold a {type(value).__name__}.")


def _number(value: int | float) -> bytes:
    number = float(value)
    if not isfinite(number) or number != value:
        raise ValueError(f"A document cannot hold {value!r} exactly.")
    if -3.4e38 < number < 3.4e38:
        short = _FLOAT32.pack(number)
        if _FLOAT32.unpack(short)[0] == number:
            return b"\x7c" + short
    return b"\x7b" + _FLOAT64.pack(number)


def read_varuint(data: bytes, at: int) -> tuple[int, int]:
    """The integer at offset `at`, and the offset behind it."""
    try:
        byte = data[at]
        if byte < 128:
            return byte, at + 1
        number, shift = byte & 127, 7
        for end in range(at + 1, at + MAX_VARUINT_BYTES):
            byte = data[end]
            if byte < 128:
                if not byte:
                    raise Malformed("A number is longer than it needs to be.")
                return number | byte << shift, end + 1
            number |= (byte & 127) << shift
            shift += 7
    except IndexError:
        raise _ends() from None
    raise Malformed("A number is too long.")


def read_text(data: bytes, at: int) -> tuple[str, int]:
    """The string at offset `at`, and the offset behind it."""
    length, at = read_varuint(data, at)
    end = at + length
    if end > len(data):
        raise _ends()
    try:
        return data[at:end].decode(), end
    except UnicodeDecodeError:
        raise Malformed("A text is not UTF-8.") from None


def read_any(data: bytes, at: int) -> tuple[Any, int]:
    """The value at offset `at`, and the offset behind it.

    Whole numbers below 2**53 come back as `int`, since their encoding does not tell.
    """
    value, at = _scalar(data, at)
    if not isinstance(value, _Open):
        return value, at
    stack = [value]
    while stack:
        top = stack[-1]
        if not top.left:
            stack.pop()
            continue
        top.left -= 1
        if top.keys:
            key, at = read_text(data, at)
            if key in top.value:
                raise Malformed("A value has the same key twice.")
        item, at = _scalar(data, at)
        opened = item.value if isinstance(item, _Open) else item
        if top.keys:
            top.value[key] = opened
        else:
            top.value.append(opened)
        if isinstance(item, _Open):
            if len(stack) >= MAX_DEPTH:
                raise Malformed(f"A value is nested more than {MAX_DEPTH} deep.")
            stack.append(item)
    return value.value, at


class _Open:
    """A list or an object whose items are still to be read."""

    __slots__ = ("keys", "left", "value")

    def __init__(self, left: int, *, keys: bool) -> None:
        self.left = left
        self.keys = keys
        self.value: Any = {} if keys else []


def _scalar(data: bytes, at: int) -> tuple[Any, int]:
    """The value at offset `at`; a list or an object is only opened."""
    try:
        tag = data[at]
    except IndexError:
        raise _ends() from None
    at += 1
    if tag == 119:
        return read_text(data, at)
    if tag in (124, 123):
        number, end = (_FLOAT32, at + 4) if tag == 124 else (_FLOAT64, at + 8)
        if end > len(data):
            raise _ends()
        return _whole(number.unpack_from(data, at)[0]), end
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], at
    if tag in (117, 118):
        count, at = read_varuint(data, at)
        if count > len(data) - at:
            raise _ends()
        return _Open(count, keys=tag == 118), at
    if tag == 125:
        return _read_integer(data, at)
    raise Malformed(f"A value is of a kind (tag {tag}) that documents do not hold.")


_CONSTANTS: Final = {126: None, 120: True, 121: False}


def _whole(number: float) -> int | float:
    if not isfinite(number):
        raise Malformed("A number is not finite.")
    if number.is_integer() and -EXACT < number < EXACT:
        if number == 0 and copysign(1, number) < 0:
            return number
        return int(number)
    return number


def _read_integer(data: bytes, at: int) -> tuple[int, int]:
    """A signed integer as JavaScript writes a small one: sign and six bits, then seven to a byte."""
    if at >= len(data):
        raise _ends()
    first = data[at]
    number, at = first & 63, at + 1
    if first & 128:
        rest, at = read_varuint(data, at)
        if not rest:
            raise Malformed("A number is longer than it needs to be.")
        number |= rest << 6
    if number >= EXACT:
        raise Malformed("A whole number does not fit a float64.")
    return (-number if first & 64 else number), at


def _ends() -> Malformed:
    return Malformed("The bytes end too early.")


class Cursor:
    """Reads one thing after the other; for what is not read ten thousand times."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def varuint(self) -> int:
        """The next integer."""
        number, self.at = read_varuint(self.data, self.at)
        return number

    def count(self, least: int = 1) -> int:
        """The next integer, as the number of things that take `least` bytes each."""
        number = self.varuint()
        if number * least > len(self.data) - self.at:
            raise _ends()
        return number

    def end(self) -> None:
        """Nothing must be left."""
        if self.at != len(self.data):
            raise Malformed(f"{len(self.data) - self.at} bytes are left over.")
