"""What a document says, and in what two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from crdt import Document

__all__ = ["Told", "difference", "told"]

MOST_SHOWN: Final = 60
"""Characters of a value that are shown."""

Told = tuple[Mapping[Any, Any], ...]
"""The vector clock, the live entries and the texts of a document."""


def told(document: Document) -> Told:
    """What a document says."""
    live = {name: document.live(name) for name in document.fields()}
    texts = {name: document.text(name) for name in live if name in document.loaded.text_roots}
    return dict(document.vector), live, texts


def difference(here: Told, there: Told) -> str:
    """Where the two begin to differ."""
    for what, a, b in zip(("vector clocks", "entries", "texts"), here, there, strict=True):
        if a != b:
            return f"the {what} are {_parts(a, b)}"
    return "nothing"


def _parts(a: Mapping[Any, Any], b: Mapping[Any, Any]) -> str:
    names = sorted((n for n in a.keys() | b.keys() if a.get(n) != b.get(n)), key=str)
    return "; ".join(f"{n}: {_shown(a.get(n))} and {_shown(b.get(n))}" for n in names)


def _shown(value: Any) -> str:
    return repr(value)[:MOST_SHOWN]
