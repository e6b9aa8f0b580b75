"""Patches, read and applied: unified diffs of which every hunk has to fit exactly one place.

    What goes wrong, in a sentence.

    Caught by: simulation, seed 3
    --- a/crdt/document.py
    +++ b/crdt/document.py
    @@ ...

Where a hunk goes its lines say, not its numbers: the code above it may go on changing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["DoesNotFit", "Hunk", "Mutant", "read"]

_CAUGHT: Final = re.compile(r"^Caught by: (?P<by>[^,\n]+)(?:, seed (?P<seed>\d+))?$", re.MULTILINE)
_FILE: Final = re.compile(r"^--- a/(.+)\n\+\+\+ b/\1\n", re.MULTILINE)
_HUNK: Final = re.compile(r"^@@ .*\n", re.MULTILINE)


class DoesNotFit(ValueError):
    """The code has changed, and a patch has to follow."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines of one file that a patch replaces by others; both with the lines around them."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """One patch.

    cause: what goes wrong with it, in a sentence.
    catcher: what notices it; see `catching`.
    seed: the first of the catcher's seeds that does; 0 where there are none.
    """

    name: str
    cause: str
    catcher: str
    seed: int
    path: Path
    hunks: tuple[Hunk, ...]

    def planted(self, root: Path) -> dict[str, str]:
        """The mutated text of each module, by its dotted name; the code stays as it is."""
        texts: dict[str, str] = {}
        for hunk in self.hunks:
            name = hunk.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if name not in texts:
                texts[name] = (root / hunk.path).read_text(encoding="utf-8")
            places = [*re.finditer("^" + re.escape(hunk.old), texts[name], re.MULTILINE)]
            if len(places) != 1:
                raise DoesNotFit(
                    f"{self.path.name} fits {len(places)} places of {hunk.path}, and must fit one:"
                    f"\n{hunk.old}"
                )
            begin, end = places[0].span()
            texts[name] = texts[name][:begin] + hunk.new + texts[name][end:]
        return texts

    def note(self, seed: int) -> None:
        """Have the patch name another seed as the first that shows it."""
        text = self.path.read_text(encoding="utf-8")
        said = f"Caught by: {self.catcher}, seed"
        changed = text.replace(f"{said} {self.seed}\n", f"{said} {seed}\n", 1)
        self.path.write_text(changed, encoding="utf-8")


def read(path: Path) -> Mutant:
    """Read a patch; raises `DoesNotFit` where it is none, or does not say what it has to."""
    head, *parts = _FILE.split(path.read_text(encoding="utf-8"))
    said = _CAUGHT.search(head)
    cause = " ".join(head[: said.start() if said else 0].split())
    if said is None or not cause or not parts:
        raise DoesNotFit(f"{path} has to say what goes wrong, what catches it, and what changes.")
    hunks = tuple(
        _hunk(name, body)
        for name, diff in zip(parts[::2], parts[1::2], strict=True)
        for body in _HUNK.split(diff)[1:]
    )
    return Mutant(path.stem, cause, said["by"], int(said["seed"] or 0), path, hunks)


def _hunk(path: str, body: str) -> Hunk:
    lines = body.splitlines(keepends=True)
    old = "".join(line[1:] or "\n" for line in lines if not line.startswith("+"))
    new = "".join(line[1:] or "\n" for line in lines if not line.startswith("-"))
    return Hunk(path, old, new)
