"""JavaScript Yjs as a process that answers questions about updates.

It needs `node` on the PATH, and Yjs: `npm ci` in this folder, or in another one whose
`node_modules` the variable NODE_PATH names.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Answer", "Missing", "Oracle"]

HERE = Path(__file__).parent


class Missing(Exception):
    """There is no Node, or no Yjs: the message says what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A document as Yjs has it.

    `update` is all of it, `diff` what somebody lacks who has seen the vector that was asked for,
    `made` the updates that the edits gave, one for each. `held_back` says that something waits for
    what it builds on.
    """

    update: bytes
    diff: bytes | None
    made: tuple[bytes, ...]
    vector: dict[int, int]
    held_back: bool
    arrays: dict[str, list[Any]]
    texts: dict[str, str]


class Oracle:
    """One process for any number of questions, which have nothing to do with each other."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None:
            raise Missing("needs Node.js (node on the PATH)")
        found = subprocess.run(
            [node, "-e", "require.resolve('yjs')"], cwd=HERE, capture_output=True, check=False
        )
        if found.returncode:
            raise Missing("needs Yjs: npm ci in tests/js, or NODE_PATH")
        self._process = subprocess.Popen(
            [node, str(HERE / "oracle.cjs")],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(
        self,
        updates: Iterable[bytes] = (),
        *,
        replica: int = 0,
        edits: Sequence[Sequence[Any]] = (),
        arrays: Iterable[str] = (),
        texts: Iterable[str] = (),
        vector: Mapping[int, int] | None = None,
    ) -> Answer:
        """A document of `replica` that took the updates, in this order, and then made the edits:

            ["push", root, values]           append values to an array
            ["remove", root, index, length]  delete from an array
            ["insert", root, index, text]    into a text; an index counts UTF-16 units
            ["delete", root, index, length]  from a text

        `arrays` and `texts` are the roots to be told. Raises `ValueError` with what Yjs says where
        it throws.
        """
        asked = {
            "replica": replica,
            "updates": [update.hex() for update in updates],
            "edits": edits,
            "arrays": list(arrays),
            "texts": list(texts),
            "vector": None if vector is None else dict(vector),
        }
        told = self._exchange(asked)
        if "error" in told:
            raise ValueError(told["error"])
        return Answer(
            bytes.fromhex(told["update"]),
            None if told["diff"] is None else bytes.fromhex(told["diff"]),
            tuple(map(bytes.fromhex, told["made"])),
            {int(replica): clock for replica, clock in told["vector"].items()},
            told["held_back"],
            told["arrays"],
            told["texts"],
        )

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _exchange(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, f"the oracle died: {self._process.wait()}"
        told: dict[str, Any] = json.loads(line)
        return told
