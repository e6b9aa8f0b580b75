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
    """Lines of one file that a patch replaces by others, and those around them.

    Where the lines around have changed, one side of them, or none, will do.
    """

    path: str
    old: str
    new: str
    before: str
    behind: str

    def applied(self, text: str, patch: str) -> str:
        """The text with these lines replaced; raises `DoesNotFit` unless they are there once."""
        around = [(self.before, self.behind), (self.before, ""), ("", self.behind), ("", "")]
        for before, behind in around:
            whole = re.escape(before + self.old + behind)
            places = [*re.finditer(f"^{whole}", text, re.MULTILINE)] if whole else []
            if len(places) == 1:
                begin, end = places[0].span()
                return text[:begin] + before + self.new + behind + text[end:]
        raise DoesNotFit(
            f"{patch} does not fit {self.path} any more: these lines are not there, or more than "
            f"once:\n{self.before}{self.old}{self.behind}"
        )


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
                path = root / hunk.path
                if not path.is_file():
                    raise DoesNotFit(f"{self.path.name} names {hunk.path}: there is no such file.")
                texts[name] = path.read_text(encoding="utf-8")
            texts[name] = hunk.applied(texts[name], self.path.name)
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
    marks = "".join(line[0] for line in lines)
    first = len(marks) - len(marks.lstrip(" \n"))
    last = len(marks.rstrip(" \n"))
    texts = [line[1:] or "\n" for line in lines]
    changed = [*zip(marks[first:last], texts[first:last], strict=True)]
    return Hunk(
        path,
        old="".join(text for mark, text in changed if mark != "+"),
        new="".join(text for mark, text in changed if mark != "-"),
        before="".join(texts[:first]),
        behind="".join(texts[last:]),
    )
