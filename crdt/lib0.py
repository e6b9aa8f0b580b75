"""The binary encoding under Yjs (lib0): variable-length integers and "Any" values.

Laws:

1. One value has one spelling: integers are minimal, text is strict UTF-8, keys do not repeat.
2. Reading is iterative and bounded: nothing nests deeper than `MAX_DEPTH`, no length is believed
   before the bytes are there.
3. What is written here, pycrdt would write the same way.

Numbers are 64-bit floats on the wire; a whole one below 2**53 is read as an `int`.

Format: lib0's `encoding.js`, functions `writeVarUint` and `writeAny`.
"""

from math import isfinite
from struct import Struct, error
from typing import Any, Final

from .errors import LocalFault, Malformed

__all__ = [
    "MAX_DEPTH",
    "MAX_INTEGER",
    "UNREADABLE",
    "Cursor",
    "read_any",
    "read_text",
    "read_varuint",
    "write_any",
    "write_text",
    "write_varuint",
]

MAX_DEPTH: Final = 32
"""Arrays and maps inside one another. pycrdt recurses: on a small thread stack 200 levels end the
process. Values of fields are flat; JSON travels as one string."""

MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that a 64-bit float, and so JavaScript, still counts exactly."""

_MAX_VARUINT_BITS: Final = 49
"""The shift of the last byte that an integer below 2**53 can have."""

UNREADABLE: Final = (IndexError, error, UnicodeDecodeError)
"""What the reading functions below raise where bytes are missing or are not UTF-8. Whoever calls
them turns it into `Malformed`, once for many values: a check before every byte would double the
time."""

_NULL, _TRUE, _FALSE = 126, 120, 121
_TEXT, _INTEGER, _DOUBLE, _FLOAT = 119, 125, 123, 124
_LIST, _MAP, _BYTES = 117, 118, 116

_AS_DOUBLE = Struct(">d")
_AS_FLOAT = Struct(">f")


# Writing


def write_varuint(number: int) -> bytes:
    """An unsigned integer, seven bits to a byte, the lowest first."""
    if number < 128:
        return bytes((number,))
    if number < 1 << 14:
        return bytes((number & 127 | 128, number >> 7))
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def write_text(text: str) -> bytes:
    """A string: its length in bytes and its UTF-8."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise LocalFault(
            f"A text must not hold half a character (a lone surrogate at {error.start})."
        ) from None
    return write_varuint(len(data)) + data


def write_any(value: Any, depth: int = 0) -> bytes:
    """A value as an Any: None, bool, int, float, str, bytes, list, tuple or dict with text keys.

    Raises `LocalFault` for anything that a reader would refuse.
    """
    if value is None:
        return b"\x7e"
    if value is True:
        return b"\x78"
    if value is False:
        return b"\x79"
    if isinstance(value, str):
        return b"\x77" + write_text(value)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, bytes):
        return b"\x74" + write_varuint(len(value)) + value
    if depth == MAX_DEPTH:
        raise LocalFault(f"A value must not nest deeper than {MAX_DEPTH} levels.")
    if isinstance(value, list | tuple):
        items = [write_any(item, depth + 1) for item in value]
        return b"\x75" + write_varuint(len(items)) + b"".join(items)
    if isinstance(value, dict):
        return _map(value, depth)
    raise LocalFault(f"A value of type {type(value).__name__} cannot travel; convert it first.")


def _number(value: float) -> bytes:
    exact = -MAX_INTEGER <= value <= MAX_INTEGER if isinstance(value, int) else isfinite(value)
    if not exact:
        raise LocalFault("A number that is not finite, or beyond 2**53, must travel as a text.")
    number = float(value)
    try:
        short = _AS_FLOAT.pack(number)
    except OverflowError:
        return b"\x7b" + _AS_DOUBLE.pack(number)
    if _AS_FLOAT.unpack(short)[0] == number:
        return b"\x7c" + short
    return b"\x7b" + _AS_DOUBLE.pack(number)


def _map(value: dict[Any, Any], depth: int) -> bytes:
    parts = [b"\x76", write_varuint(len(value))]
    for key, item in value.items():
        if not isinstance(key, str):
            raise LocalFault(f"A map's keys must be text, not {type(key).__name__}.")
        parts += (write_text(key), write_any(item, depth + 1))
    return b"".join(parts)


# Reading: each takes the bytes and a position, and returns what it read and the position after it


def read_varuint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned integer below 2**53, in as few bytes as it needs."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        if byte < 128:
            if shift and (not byte or number + (byte << shift) > MAX_INTEGER):
                raise Malformed(f"The integer before byte {at} is too long or too large.")
            return number + (byte << shift), at
        number += (byte & 127) << shift
        shift += 7
        if shift > _MAX_VARUINT_BITS:
            raise Malformed(f"The integer before byte {at} is too long or too large.")


def read_text(data: bytes, at: int) -> tuple[str, int]:
    """A string in strict UTF-8: surrogates are refused."""
    start, end = _span(data, at)
    return data[start:end].decode(), end


def read_any(data: bytes, at: int) -> tuple[Any, int]:
    """A value; see the module's laws for what is refused."""
    tag = data[at]
    if tag == _TEXT:
        return read_text(data, at + 1)
    if tag in (_LIST, _MAP):
        return _read_nested(data, at)
    return _read_scalar(data, at)


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Where the bytes begin and end whose length stands at `at`."""
    length = data[at]
    start = at + 1
    if length > 127:
        length, start = read_varuint(data, at)
    if length > len(data) - start:
        raise Malformed(f"{length} bytes are announced at byte {at}, fewer follow.")
    return start, start + length


def _read_scalar(data: bytes, at: int) -> tuple[Any, int]:
    tag = data[at]
    at += 1
    if tag == _TEXT:
        return read_text(data, at)
    if tag == _NULL:
        return None, at
    if tag == _TRUE:
        return True, at
    if tag == _FALSE:
        return False, at
    if tag == _DOUBLE:
        return _whole(_AS_DOUBLE.unpack_from(data, at)[0]), at + 8
    if tag == _FLOAT:
        return _whole(_AS_FLOAT.unpack_from(data, at)[0]), at + 4
    if tag == _INTEGER:
        return _read_integer(data, at)
    if tag == _BYTES:
        start, end = _span(data, at)
        return data[start:end], end
    raise Malformed(f"Byte {at - 1} announces a value of an unknown type ({tag}).")


def _whole(number: float) -> int | float:
    if number.is_integer():
        return int(number) if -MAX_INTEGER <= number <= MAX_INTEGER else number
    if not isfinite(number):
        raise Malformed("A number must be finite.")
    return number


def _read_integer(data: bytes, at: int) -> tuple[int, int]:
    """A signed integer: the sign is the second bit of the first byte, which holds six."""
    first = data[at]
    number, at = first & 63, at + 1
    if first & 128:
        high, at = read_varuint(data, at)
        number += high << 6
        if not high or number > MAX_INTEGER:
            raise Malformed(f"The integer before byte {at} is too long or too large.")
    if first & 64:
        if not number:
            raise Malformed(f"The integer before byte {at} is a negative zero.")
        return -number, at
    return number, at


def _read_nested(data: bytes, at: int) -> tuple[Any, int]:
    """A list or a map: `opened` are those being filled, `missing` how many values each lacks."""
    outcome: list[Any] = []
    opened: list[list[Any] | dict[str, Any]] = [outcome]
    missing = [1]
    while opened:
        holder = opened[-1]
        if not missing[-1]:
            opened.pop()
            missing.pop()
            continue
        missing[-1] -= 1
        key = ""
        if isinstance(holder, dict):
            key, at = read_text(data, at)
            if key in holder:
                raise Malformed(f"A map names the key before byte {at} twice.")
        value: Any
        tag = data[at]
        if tag in (_LIST, _MAP):
            if len(opened) > MAX_DEPTH:
                raise Malformed(f"A value nests deeper than {MAX_DEPTH} levels.")
            count, at = read_varuint(data, at + 1)
            value = [] if tag == _LIST else {}
            opened.append(value)
            missing.append(count)
        else:
            value, at = _read_scalar(data, at)
        if isinstance(holder, dict):
            holder[key] = value
        else:
            holder.append(value)
    return outcome[0], at


class Cursor:
    """A position in bytes, for what is read seldom: a method reads on, or raises `Malformed`."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    def varuint(self) -> int:
        """An unsigned integer below 2**53."""
        try:
            number, self.position = read_varuint(self.data, self.position)
        except IndexError:
            raise Malformed("The bytes end within an integer.") from None
        return number

    def count(self, least: int = 1) -> int:
        """How many items follow, each of at least `least` bytes: so many must be there."""
        number = self.varuint()
        if number * least > len(self.data) - self.position:
            raise Malformed(f"{number} items are announced, fewer follow.")
        return number

    def any(self) -> Any:
        """A value."""
        try:
            value, self.position = read_any(self.data, self.position)
        except UNREADABLE:
            raise Malformed("The bytes end within a value, or a text is not UTF-8.") from None
        return value

    def end(self) -> None:
        """Nothing must follow."""
        if self.position != len(self.data):
            raise Malformed(f"{len(self.data) - self.position} bytes follow the end.")
