"""Another implementation of Yjs, asked what it makes of the updates that the reader accepts.

It is a process that takes a JSON object on each line of its input: the `updates` to apply to an
empty document, in hexadecimal, and the roots to tell, `arrays` and `texts`. It answers with a line:
`arrays` and `texts` by root, the state `vector` by replica, and `held_back`, whether something
waits for what it builds on; or with an `error`.
"""

import json
import shlex
import subprocess
from collections.abc import Iterable
from typing import Any

__all__ = ["Peer"]


class Peer:
    """A running process; `command` is spelled as for a shell."""

    def __init__(self, command: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - who runs the fuzzer names it
            shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(
        self, updates: Iterable[bytes], arrays: Iterable[str], texts: Iterable[str]
    ) -> dict[str, Any]:
        """What it makes of the updates; raises `AssertionError` if it cannot say."""
        asked = {"updates": [update.hex() for update in updates]}
        asked |= {"arrays": list(arrays), "texts": list(texts)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the peer ended"
        # JavaScript spells a float of 2**56 as an integer that is another one.
        told: dict[str, Any] = json.loads(line, parse_int=float)
        assert "error" not in told, told["error"]
        return told

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
