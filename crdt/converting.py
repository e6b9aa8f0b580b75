"""Converting values of one kind into another, after a field changed its kind.

Law: nothing gets lost. What is converted, and converted back, is the same; what cannot be is not
converted.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from .values import decode, encode

__all__ = ["CONVERSIONS", "convert"]

_MIDNIGHT: Final = time()
_TEXTS: Final = {True: "true", False: "false"}


def convert(value: Any, source: str, target: str) -> Any:
    """A value of kind `source` as one of kind `target`; raises `ValueError` if that loses anything.

    `None` stays `None`; whether a field may be null is its own business.
    """
    if value is None or source == target:
        return value
    try:
        converted = CONVERSIONS[source, target](value)
        encode(target, converted)
        back = CONVERSIONS[target, source](converted)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise _lossy(value, source, target) from error
    if type(back) is not type(value) or back != value:
        raise _lossy(value, source, target)
    return converted


def _lossy(value: Any, source: str, target: str) -> ValueError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else type(value).__name__
    return ValueError(
        f"{shown}, of kind {source}, cannot be a value of kind {target} without loss."
    )


def _from_text(kind: str) -> Callable[[Any], Any]:
    return lambda text: decode(kind, text)


def _to_text(kind: str) -> Callable[[Any], Any]:
    return lambda value: str(encode(kind, value))


def _bool(value: Any) -> bool:
    return {"true": True, "false": False, "1": True, "0": False}[str(value)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, _MIDNIGHT, UTC)


def _json(value: Any) -> Any:
    encode("json", value)
    return value


def _same(value: Any) -> Any:
    return value


_WRITTEN: Final = ("date", "datetime", "decimal", "int", "time", "uuid")
"""Kinds that have one way to be written as text."""

CONVERSIONS: Final[dict[tuple[str, str], Callable[[Any], Any]]] = {
    **{("str", kind): _from_text(kind) for kind in _WRITTEN},
    **{(kind, "str"): _to_text(kind) for kind in _WRITTEN},
    ("str", "float"): lambda text: float(decode("decimal", text)),
    ("float", "str"): repr,
    ("str", "bool"): _bool,
    ("bool", "str"): _TEXTS.__getitem__,
    ("int", "float"): float,
    ("float", "int"): int,
    ("int", "decimal"): Decimal,
    ("decimal", "int"): int,
    ("float", "decimal"): lambda number: Decimal(repr(number)),
    ("decimal", "float"): float,
    ("int", "bool"): _bool,
    ("bool", "int"): int,
    ("date", "datetime"): _midnight,
    ("datetime", "date"): datetime.date,
    **{(kind, "json"): _json for kind in ("bool", "float", "int", "str")},
    **{("json", kind): _same for kind in ("bool", "float", "int", "str")},
}
"""What can become what, both ways; each conversion is used only where the other one undoes it."""
