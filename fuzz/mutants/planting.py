"""The process in which a bug is planted: `python fuzz/mutants/planting.py CATCHER SEED SEEDS`.

Started as a file, so that nothing of ours is imported before the bug is in its place. Standard
input is JSON: the text of each mutated module by its name; nothing on the disk is touched. The last
line printed is JSON: with which seed the bug was noticed, and by what; null where it was not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

__all__ = ["main"]


class _Mutated(SourceFileLoader):
    """Loads another text than the file's."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self._text.encode(), self.path)
        return code


class _Planter(MetaPathFinder):
    """Finds the modules that are mutated."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname in self._texts else None
        if spec is not None and spec.origin is not None:
            spec.loader = _Mutated(fullname, spec.origin, self._texts[fullname])
        return spec


def main(catcher: str, seed: int, seeds: int) -> None:
    """Plant the bug, and have the catcher look for it."""
    told, sys.stdout = sys.stdout, sys.stderr
    sys.path[0] = str(Path(__file__).parents[2])
    texts = json.load(sys.stdin)
    sys.meta_path.insert(0, _Planter(texts))
    from fuzz.mutants.catching import catch

    found = catch(catcher, seed, seeds)
    if found is None and not texts.keys() <= sys.modules.keys():
        raise ValueError(f"Nothing imported {sorted(texts.keys() - sys.modules.keys())}.")
    told.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
