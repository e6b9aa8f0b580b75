"""Numbers of JSON fields that JavaScript cannot hold, and gives back rounded.

A JSON field may hold any whole number: the ids of other services have 19 digits. JavaScript reads
numbers as float64, and an app written in it sends back the nearest of these with every row. That is
no edit, and is taken for the number that the app was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from crdt.values import EXACT_INTEGER

__all__ = ["unrounded"]


def unrounded(sent: Any, told: Any) -> Any:
    """`sent`, the JSON of a field that was told as `told`, with the numbers that were meant."""
    meant = {float(number): number for number in _long(told)}
    return _restored(sent, meant) if meant else sent


def _long(value: Any) -> Iterator[int]:
    """The whole numbers in a value that a float64 may round."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, int) and EXACT_INTEGER <= abs(each) < 1 << 1023:
            yield each


def _restored(value: Any, meant: Mapping[float, int]) -> Any:
    if isinstance(value, dict):
        return {key: _restored(each, meant) for key, each in value.items()}
    if isinstance(value, list):
        return [_restored(each, meant) for each in value]
    is_long = isinstance(value, (int, float)) and EXACT_INTEGER <= abs(value) < 1 << 1023
    return meant.get(float(value), value) if is_long and _is_rounded(value) else value


def _is_rounded(number: Any) -> bool:
    """Is it what JavaScript writes for the nearest float64?"""
    return isinstance(number, float) or Decimal(repr(float(number))) == number
