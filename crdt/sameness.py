"""When two values mean the same, and the one spelling of JSON that stands for all equal ones.

Laws:

1. `canonical` gives equal text for exactly the values that `same_json` holds for equal: 1 and 1.0
   are (databases do not keep them apart), 1 and true are not, an object's keys have no order.
2. Neither depends on who computes it.
"""

import json
from typing import Any

__all__ = ["canonical", "same_json", "same_value"]


def same_value(kind: str, a: Any, b: Any) -> bool:
    """Do two Python values of a kind (see `crdt.values`) mean the same?"""
    return same_json(a, b) if kind == "json" else bool(a == b)


def same_json(a: Any, b: Any) -> bool:
    """Are two values equal as JSON?"""
    pairs = [(a, b)]
    while pairs:
        a, b = pairs.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            if a.keys() != b.keys():
                return False
            pairs.extend((value, b[key]) for key, value in a.items())
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                return False
            pairs.extend(zip(a, b, strict=True))
        elif isinstance(a, bool) is not isinstance(b, bool) or a != b:
            return False
    return True


def canonical(value: Any) -> str:
    """JSON text by which equal values are found, and sorted."""
    plain = _with_whole_numbers(value) if isinstance(value, (float, list, dict)) else value
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _with_whole_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(each) for each in value]
    return value
