"""The corpus: updates that end processes, silence devices or tear documents, each with its cause.

A file in `corpus/` is a paragraph for people and then, line by line: the `replica` that sends, in
hexadecimal; what pycrdt makes of it `alone` (it "ends" the process, "applies" it, "refuses" it, or
is "slow"); the code with which the `reader` refuses it; and the `update`. That is spelled in parts:

    7501*20000              these bytes, so many times
    44879e+2999:-1:-1+0178  for each number of the range: bytes, the number as a varint, bytes
    7e00                    these bytes

`python -m fuzz.corpus NAME...` gives them to pycrdt alone, in this process: it may die of it.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pycrdt import Array, Doc, Text

from crdt.entry import entries_root
from crdt.lib0 import write_varuint

__all__ = ["Specimen", "specimens"]

FOLDER: Final = Path(__file__).with_name("corpus")


@dataclass(frozen=True, slots=True)
class Specimen:
    """One update of the corpus; see the module's docstring for what stands in it."""

    name: str
    cause: str
    replica: int
    alone: str
    reader: str
    update: bytes


def specimens() -> Iterator[Specimen]:
    """All of the corpus, by name."""
    for path in sorted(FOLDER.glob("*.txt")):
        yield _read(path)


def _read(path: Path) -> Specimen:
    cause, _, told = path.read_text(encoding="utf-8").partition("\n\n")
    head, _, spelled = told.partition("update:\n")
    fields = dict(line.split(": ") for line in head.splitlines())
    update = b"".join(map(_spelled, spelled.split()))
    replica = int(fields["replica"], 16)
    return Specimen(path.stem, cause, replica, fields["alone"], fields["reader"], update)


def _spelled(part: str) -> bytes:
    if "+" in part:
        before, numbers, after = part.split("+")
        values = map(write_varuint, range(*map(int, numbers.split(":"))))
        return b"".join(bytes.fromhex(before) + value + bytes.fromhex(after) for value in values)
    data, _, times = part.partition("*")
    return bytes.fromhex(data) * int(times or 1)


def main(*names: str) -> None:
    """Apply each, read what it made, and say what became of it; nothing is in between."""
    for name in names:
        specimen = _read(FOLDER / f"{name}.txt")
        doc: Doc[Any] = Doc()
        try:
            doc.apply_update(specimen.update)
            doc.get(entries_root(specimen.replica), type=Array).to_py()
            str(doc.get("tnotes", type=Text))
        except (RuntimeError, ValueError):
            sys.stdout.write("refuses\n")
        else:
            sys.stdout.write("applies\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
