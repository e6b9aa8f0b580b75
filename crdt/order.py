"""Do two neighbours stand in the order that an insertion between them claims?

An insertion whose left neighbour stands right of its right one is integrated by pycrdt without
a word, and devices that learn of it in another order read another text. Who wrote honestly had both
side by side, and nearly always one says so itself: it was inserted next to the other. The rest, an
insertion between what two devices wrote at the same place, is looked up in the integrated text.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from pycrdt import Doc
from pycrdt import Text as YText

from .entry import text_root
from .errors import Malformed
from .lib0 import write_text, write_varuint
from .structs import ORIGIN, STRING, Id

__all__ = ["check_order"]

_MARKERS: Final = range(0x100000, 0x10FFFE)
"""The private characters of the last plane: nobody else's text has that many different ones."""

_LOWEST: Final = 0
"""The replica of the markers: of what stands at one place, that of the lowest comes first."""


def check_order(
    known: bytes, push: bytes, clock: int, fields: Collection[str], pairs: Sequence[tuple[Id, Id]]
) -> None:
    """Raise `Malformed` unless each pair's first stands left of its second once `push` is merged.

    `clock` is the next one of replica 0 after the push, `fields` are those whose texts hold the
    pairs. The push must be fit to be integrated in every other way.
    """
    doc: Doc[Any] = Doc()
    if known:
        doc.apply_update(known)
    doc.apply_update(push)
    merged = doc.get_update()
    texts = _texts(doc, fields)
    again: Doc[Any] = Doc()
    again.apply_update(merged)
    if _texts(again, fields) != texts:
        raise Malformed("Characters are placed so that devices would read different texts.")
    taken = set("".join(texts))
    markers = (chr(code) for code in _MARKERS if chr(code) not in taken)
    signs = [(next(markers), next(markers)) for _ in pairs]
    again.apply_update(_marking(clock, pairs, signs))
    marked = "".join(_texts(again, fields))
    at = {character: place for place, character in enumerate(marked)}
    if any(at[left] >= at[right] for left, right in signs):
        raise Malformed("Characters are placed between two that stand the other way round.")


def _texts(doc: Doc[Any], fields: Collection[str]) -> list[str]:
    return [str(doc.get(text_root(field), type=YText)) for field in sorted(fields)]


def _marking(clock: int, pairs: Sequence[tuple[Id, Id]], signs: Sequence[tuple[str, str]]) -> bytes:
    """An update that puts a marker right behind each character."""
    structs = list(_markers(pairs, signs))
    head = map(write_varuint, (1, len(structs), _LOWEST, clock))
    return b"".join((*head, *structs, b"\0"))


def _markers(pairs: Sequence[tuple[Id, Id]], signs: Sequence[tuple[str, str]]) -> Iterator[bytes]:
    for pair, marks in zip(pairs, signs, strict=True):
        for neighbour, mark in zip(pair, marks, strict=True):
            place = b"".join(map(write_varuint, neighbour))
            yield bytes((ORIGIN | STRING,)) + place + write_text(mark)
