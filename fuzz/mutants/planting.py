"""The process in which bugs are planted, one after the other: `python fuzz/mutants/planting.py`.

Started as a file, so that nothing of ours is imported before a bug is in its place: what others
wrote is, once for all of them. Each line of standard input is a `Task` as JSON. A child process
plants it, and has its catcher look for it; a line of JSON says how that ended (`Ended`). Nothing on
the disk is touched.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final, TypedDict

__all__ = ["Ended", "Task", "main"]

OF_OTHERS: Final = (
    "django.core.management.commands.migrate",
    "django.db.models",
    "django.urls",
    "hypothesis.strategies",
    "pycrdt",
    "pytest_asyncio.plugin",
    "pytest_django.plugin",
)
"""What most catchers import; to import it anew takes as long as to look for a bug."""

SAID: Final = 2_000
"""Characters of what a process that failed said last, and of what noticed a bug."""


class Task(TypedDict):
    """texts: the text of each mutated module, by its name. catcher, seed, seeds: see `catch`.
    seconds: after which it is ended.
    """

    texts: dict[str, str]
    catcher: str
    seed: int
    seeds: int
    seconds: float


class Ended(TypedDict):
    """status: the exit status; negative for a signal, null if it did not end in time. found: with
    which seed the bug was noticed, and by what; null where it was not. said: its last words.
    """

    status: int | None
    found: tuple[int, str] | None
    said: str


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


def main() -> None:
    """Do the tasks, until there are no more."""
    sys.path[0] = str(Path(__file__).parents[2])
    for name in OF_OTHERS:
        with suppress(ImportError):  # who only simulates needs none of the tests' own
            import_module(name)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_ended(json.loads(line))) + "\n")
        sys.stdout.flush()


def _ended(task: Task) -> Ended:
    context: Any = get_context("fork" if "fork" in get_all_start_methods() else "spawn")
    told, tell = context.Pipe(duplex=False)
    with tempfile.NamedTemporaryFile() as printed, told, tell:
        process = context.Process(target=_plant, args=(task, printed.name, tell))
        process.start()
        process.join(task["seconds"])
        status = process.exitcode
        process.kill()
        process.join()
        found = told.recv() if status == 0 else None
        return Ended(status=status, found=found, said=printed.read().decode()[-SAID:])


def _plant(task: Task, printed: str, tell: Connection) -> None:
    """Plant the bug, and have the catcher look for it; in a process of its own."""
    with Path(printed).open("ab") as output, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    sys.path[0] = str(Path(__file__).parents[2])
    texts = task["texts"]
    sys.meta_path.insert(0, _Planter(texts))
    from fuzz.mutants.catching import catch

    found = catch(task["catcher"], task["seed"], task["seeds"])
    if found is None and not texts.keys() <= sys.modules.keys():
        raise ValueError(f"Nothing imported {sorted(texts.keys() - sys.modules.keys())}.")
    tell.send(found and (found[0], found[1][:SAID]))  # a full pipe would wait for its reader


if __name__ == "__main__":
    main()
