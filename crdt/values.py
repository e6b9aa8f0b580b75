"""Values: between Python and what a document can hold.

A document holds what JSON and Yjs both hold exactly: null, booleans, text, and numbers that a
float64 represents. Everything else travels as text. Each field has a kind, the kind has one
encoding, and both directions stand side by side here.

Laws:

1. `decode(kind, encode(kind, value)) == value` for every value that `encode` takes; of JSON it is
   what JSON makes of it (keys are text, tuples are lists), of an aware time the same instant.
2. `decode` takes anything at all, and raises nothing but `ValueError`, with a message for people.
   What it takes depends neither on the Python that runs it nor on how deep the stack is: two
   readers who disagree on that would read one document differently.
3. `None` travels as null for every kind; whether a field may be null is the schema's business.
"""

import binascii
import json
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn
from uuid import UUID

__all__ = ["DECODERS", "EXACT_INTEGER", "KINDS", "decode", "encode"]

EXACT_INTEGER: Final = 2**53
"""Integers of this size and beyond lose digits in a float64; they travel as text."""

MAX_INTEGER_DIGITS: Final = 100
"""Digits of an integer: far beyond any column, and parsed in no time."""

MAX_DECIMAL_DIGITS: Final = 500
"""Digits before and behind the point: databases stop earlier, and `1E+999999999`, written out,
would fill the memory."""

MAX_JSON_DEPTH: Final = 200
"""Arrays and objects inside one another. Python's own limit depends on how deep the caller is, and
orjson writes 254 levels."""

_INTEGER = re.compile(rf"-?[0-9]{{1,{MAX_INTEGER_DIGITS}}}")
_DECIMAL = re.compile(rf"-?[0-9]{{1,{MAX_DECIMAL_DIGITS}}}(\.[0-9]{{1,{MAX_DECIMAL_DIGITS}}})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
_DATETIME = re.compile(rf"{_DATE.pattern}[T ]{_TIME.pattern}(Z|[+-][0-9]{{2}}:[0-9]{{2}})?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_JSON_MARK = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
_JSON_LONG_NUMBER = re.compile(rf"[0-9]{{{MAX_DECIMAL_DIGITS + 1}}}")
_JSON_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_JSON_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_MICROSECOND = timedelta(microseconds=1)

_UNFIT = (TypeError, OverflowError, AttributeError, RecursionError, InvalidOperation, BufferError)
"""What conversions raise besides `ValueError` for a value of another kind."""


def encode(kind: str, value: Any) -> Any:
    """The value as it travels; raises `ValueError` if a field of this kind cannot hold it."""
    if value is None:
        return None
    try:
        return KINDS[kind][0](value)
    except _UNFIT as error:
        raise ValueError(f"{_shown(value)} is not a value of kind {kind}.") from error


def decode(kind: str, wire: Any) -> Any:
    """The Python value of what came; raises `ValueError` if it is no value of this kind."""
    return DECODERS[kind](wire)


def _decoder(kind: str, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What `decode` does with values of one kind."""

    def decoding(wire: Any) -> Any:
        if wire is None:
            return None
        try:
            return convert(wire)
        except _UNFIT as error:
            raise ValueError(f"{_shown(wire)} is not a value of kind {kind}.") from error

    return decoding


def _shown(value: Any) -> str:
    if isinstance(value, str):
        value = value[:60]
    elif not isinstance(value, (int, float)) or abs(value) >= EXACT_INTEGER:
        return type(value).__name__
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse(value: Any, wanted: str) -> NoReturn:
    raise ValueError(f"{_shown(value)} is not {wanted}.")


def _bool(value: Any) -> bool:
    return value if isinstance(value, bool) else _refuse(value, "true or false")


def _encode_int(value: Any) -> int | str:
    if isinstance(value, bool) or int(value) != value:
        _refuse(value, "a whole number")
    number = int(value)
    if abs(number) >= 10**MAX_INTEGER_DIGITS:
        raise ValueError(f"A whole number must not have more than {MAX_INTEGER_DIGITS} digits.")
    return number if -EXACT_INTEGER < number < EXACT_INTEGER else str(number)


def _decode_int(wire: Any) -> int:
    if isinstance(wire, int) and not isinstance(wire, bool):
        return wire
    if isinstance(wire, str) and _INTEGER.fullmatch(wire):
        return int(wire)
    _refuse(wire, "a whole number")


def _float(value: Any) -> float:
    if isinstance(value, (bool, str)) or not math.isfinite(value):
        _refuse(value, "a finite number")
    return float(value) + 0.0  # the wire knows no -0.0


def _text(value: Any) -> str:
    if not isinstance(value, str):
        _refuse(value, "text")
    if "\0" in value:
        raise ValueError("Text must not hold the character NUL.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("Text must not hold half of a surrogate pair.") from None
    return str(value)


def _encode_decimal(value: Any) -> str:
    if isinstance(value, (bool, float)) or not (number := Decimal(value)).is_finite():
        _refuse(value, "a finite decimal number")
    exponent, digits = int(number.as_tuple().exponent), len(number.as_tuple().digits)
    if exponent < -MAX_DECIMAL_DIGITS or digits + exponent > MAX_DECIMAL_DIGITS:
        raise ValueError(
            f"A decimal number must not have more than {MAX_DECIMAL_DIGITS} digits before or "
            "behind the point."
        )
    return format(number, "f")


def _decode_decimal(wire: Any) -> Decimal:
    if isinstance(wire, int) and not isinstance(wire, bool):
        return Decimal(wire)
    if isinstance(wire, str) and _DECIMAL.fullmatch(wire):
        return Decimal(wire)
    _refuse(wire, "a decimal number written as text")


def _encode_date(value: Any) -> str:
    if isinstance(value, datetime) or not isinstance(value, date):
        _refuse(value, "a date")
    return value.isoformat()


def _decode_date(wire: Any) -> date:
    return date.fromisoformat(_matching(_DATE, wire, "a date, as 2000-12-31"))


def _encode_time(value: Any) -> str:
    if not isinstance(value, time) or value.tzinfo is not None:
        _refuse(value, "a time of day without a time zone")
    return value.isoformat()


def _decode_time(wire: Any) -> time:
    return time.fromisoformat(_matching(_TIME, wire, "a time of day, as 23:59"))


def _encode_datetime(value: Any) -> str:
    if not isinstance(value, datetime):
        _refuse(value, "a date and time")
    if value.tzinfo is None:
        return value.replace(fold=0).isoformat()
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _decode_datetime(wire: Any) -> datetime:
    value = datetime.fromisoformat(_matching(_DATETIME, wire, "a date and time"))
    return value if value.tzinfo is None else value.astimezone(UTC)


def _matching(pattern: re.Pattern[str], wire: Any, wanted: str) -> str:
    """The text, if it has this form: `fromisoformat` takes more, the more the newer Python is."""
    if not isinstance(wire, str) or not pattern.fullmatch(wire):
        _refuse(wire, wanted)
    return wire


def _encode_duration(value: Any) -> int | str:
    if not isinstance(value, timedelta):
        _refuse(value, "a duration")
    return _encode_int(value // _MICROSECOND)


def _decode_duration(wire: Any) -> timedelta:
    return timedelta(microseconds=_decode_int(wire))


def _encode_uuid(value: Any) -> str:
    return str(value if isinstance(value, UUID) else UUID(value))


def _decode_uuid(wire: Any) -> UUID:
    if not isinstance(wire, str) or not _UUID.fullmatch(wire.lower()):
        _refuse(wire, "a UUID")
    return UUID(wire)


def _encode_json(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if _JSON_LONG_NUMBER.search(text):
        _decode_json(text)
    return _json_text(text)


def _decode_json(wire: Any) -> Any:
    return _JSON.decode(_json_text(wire))


def _json_text(wire: Any) -> str:
    """The text, if nothing in it would break a database, an encoder or a stack."""
    text = _text(wire)
    if text.count("[") + text.count("{") > MAX_JSON_DEPTH and _depth(text) > MAX_JSON_DEPTH:
        raise ValueError(f"JSON must not nest deeper than {MAX_JSON_DEPTH} levels.")
    if "\\u" not in text:
        return text
    if _JSON_NUL.search(text):
        raise ValueError("JSON must not hold the character NUL.")
    if _JSON_SURROGATE.search(text):
        try:
            json.dumps(json.loads(text), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("JSON must not hold half of a surrogate pair.") from None
    return text


def _depth(text: str) -> int:
    depth = deepest = 0
    in_text = False
    for found in _JSON_MARK.finditer(text):
        mark = found.group()
        if mark == '"':
            in_text = not in_text
        elif not in_text and mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif not in_text and mark in "]}":
            depth -= 1
    return deepest


def _json_integer(text: str) -> int:
    return int(text) if len(text) <= MAX_DECIMAL_DIGITS else _no_number(text)


def _json_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    _refuse(text, "a number that JSON can hold")


_JSON: Final = json.JSONDecoder(  # `json.loads` would make one each time
    parse_constant=_no_number, parse_float=_json_float, parse_int=_json_integer
)


def _encode_binary(value: Any) -> str:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        _refuse(value, "a string of bytes")
    return b64encode(value).decode("ascii")


def _decode_binary(wire: Any) -> bytes:
    try:
        return b64decode(_text(wire), validate=True)
    except binascii.Error as error:
        raise ValueError(f"{_shown(wire)} is not base64.") from error


KINDS: Final[dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]]] = {
    "bool": (_bool, _bool),
    "int": (_encode_int, _decode_int),
    "float": (_float, _float),
    "str": (_text, _text),
    "decimal": (_encode_decimal, _decode_decimal),
    "date": (_encode_date, _decode_date),
    "time": (_encode_time, _decode_time),
    "datetime": (_encode_datetime, _decode_datetime),
    "duration": (_encode_duration, _decode_duration),
    "uuid": (_encode_uuid, _decode_uuid),
    "json": (_encode_json, _decode_json),
    "binary": (_encode_binary, _decode_binary),
}
"""Every kind with its two directions: Python to wire, wire to Python."""

DECODERS: Final = {kind: _decoder(kind, convert) for kind, (_, convert) in KINDS.items()}
"""`decode`, for each kind: for who decodes many values of one."""
