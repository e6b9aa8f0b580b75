"""Values: between Python and what a document can hold.

A document holds what JSON and Yjs both hold exactly: null, booleans, text, and numbers that a
float64 represents. Everything else travels as text. Each field has a kind, the kind has one
encoding, and both directions stand side by side here.

Laws:

1. `decode(kind, encode(kind, value)) == value` for every value that `encode` takes.
2. `decode` takes anything at all, and raises nothing but `ValueError`, with a message for people.
3. `None` travels as null for every kind; whether a field may be null is the schema's business.
"""

import binascii
import json
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NoReturn
from uuid import UUID

__all__ = ["EXACT_INTEGER", "KINDS", "decode", "encode"]

EXACT_INTEGER: Final = 2**53
"""Integers of this size and beyond lose digits in a float64; they travel as text."""

_INTEGER = re.compile(r"-?[0-9]{1,100}")
_DECIMAL = re.compile(r"-?[0-9]{1,500}(\.[0-9]{1,500})?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MICROSECOND = timedelta(microseconds=1)


def encode(kind: str, value: Any) -> Any:
    """The value as it travels; raises `ValueError` if a field of this kind cannot hold it."""
    if value is None:
        return None
    try:
        return KINDS[kind][0](value)
    except (TypeError, OverflowError, AttributeError, RecursionError) as error:
        raise ValueError(f"{_shown(value)} is not a value of kind {kind}.") from error


def decode(kind: str, wire: Any) -> Any:
    """The Python value of what came; raises `ValueError` if it is no value of this kind."""
    if wire is None:
        return None
    try:
        return KINDS[kind][1](wire)
    except (TypeError, OverflowError, AttributeError, RecursionError) as error:
        raise ValueError(f"{_shown(wire)} is not a value of kind {kind}.") from error


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bool)) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse(value: Any, wanted: str) -> NoReturn:
    raise ValueError(f"{_shown(value)} is not {wanted}.")


def _bool(value: Any) -> bool:
    return value if isinstance(value, bool) else _refuse(value, "true or false")


def _encode_int(value: Any) -> int | str:
    if isinstance(value, bool) or int(value) != value:
        _refuse(value, "a whole number")
    number = int(value)
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
    return float(value)


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
    if isinstance(value, (bool, float)) or not Decimal(value).is_finite():
        _refuse(value, "a finite decimal number")
    return format(Decimal(value), "f")


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
    return date.fromisoformat(_text(wire))


def _encode_time(value: Any) -> str:
    if not isinstance(value, time) or value.tzinfo is not None:
        _refuse(value, "a time of day without a time zone")
    return value.isoformat()


def _decode_time(wire: Any) -> time:
    value = time.fromisoformat(_text(wire))
    return value if value.tzinfo is None else _refuse(wire, "a time of day without a time zone")


def _encode_datetime(value: Any) -> str:
    if not isinstance(value, datetime):
        _refuse(value, "a date and time")
    if value.tzinfo is None:
        return value.replace(fold=0).isoformat()
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _decode_datetime(wire: Any) -> datetime:
    if len(_text(wire)) < len("2000-01-01T00:00"):
        _refuse(wire, "a date and time")
    value = datetime.fromisoformat(wire)
    return value if value.tzinfo is None else value.astimezone(UTC)


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
    return _json_text(text)


def _decode_json(wire: Any) -> Any:
    return json.loads(_json_text(wire), parse_constant=lambda word: _refuse(word, "JSON"))


def _json_text(text: Any) -> str:
    if "\\u0000" in _text(text) and "\0" in str(json.loads(text)):
        raise ValueError("JSON must not hold the character NUL.")
    return str(text)


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
