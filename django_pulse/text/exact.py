"""JSON that keeps whole numbers of any size.

orjson, which is several times as fast, makes floats of those beyond 64 bits, or refuses to write
them. They are rare: what has no number so long is left to it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

__all__ = ["dumps", "loads"]

_LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")
"""What may be beyond 64 bits."""


def loads(text: str | bytes) -> Any:
    """What JSON holds; raises `ValueError` for what is none, or nests too deep to be read."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    said = orjson.loads(data)
    if _LONG_NUMBER.search(data) is None:
        return said
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it nests too deep") from None


def dumps(value: Any, *, sort_keys: bool = False) -> bytes:
    """The JSON of a value; with `sort_keys` it is the same for all objects that are equal."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else None)
    except TypeError:
        text = json.dumps(value, sort_keys=sort_keys, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
