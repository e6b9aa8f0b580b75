"""Fenced code blocks of a Markdown text, and what their markers say to do with them.

A marker is an HTML comment, invisible to readers, right before the block it belongs to:

    <!-- test: NAME file=mysite/asgi.py -->     the block is this file of a scratch directory
    <!-- test: NAME append=mysite/settings.py -->   the block is added to the end of this file
    <!-- test: NAME run -->                     shell commands, run to their end
    <!-- test: NAME serve=8000 -->              a server, left running; ready when its port answers
    <!-- test: NAME start=phone -->             a program, left running, called "phone"
    <!-- test: NAME output -->                  lines that the last `run` printed
    <!-- test: NAME output=phone -->            lines that "phone" prints, now or soon
    <!-- test: NAME command -->                 a command for `.ci/run`, which runs it as it stands
    <!-- test: NAME skip -->                    not executed

NAME joins the blocks of one scenario, played from top to bottom. A command that a program other
than Python needs is printed by `python -m tests.readme.blocks README.md NAME`.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ACTIONS", "Block", "commands", "read_blocks", "scenario"]

# Action -> whether it needs an argument (None: it may have one).
ACTIONS: dict[str, bool | None] = {
    "file": True,
    "append": True,
    "run": False,
    "serve": True,
    "start": True,
    "output": None,
    "command": False,
    "skip": False,
}

_MARKER = re.compile(r"^\s*<!--\s*test:\s*(?P<scenario>[\w-]+)\s+(?P<rest>\S.*?)\s*-->\s*$")
_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<language>[^`\s]*)[^`]*$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. `line` is the 1-based line of its opening fence.

    An unmarked block has an empty scenario and action.
    """

    scenario: str
    action: str
    argument: str
    language: str
    text: str
    line: int


def read_blocks(markdown: str) -> list[Block]:
    """Every fenced block of the text, in order. ValueError names the line of a wrong marker."""
    blocks: list[Block] = []
    marker = ("", "", "")
    marked_at = 0
    lines = iter(enumerate(markdown.splitlines(), start=1))
    for number, line in lines:
        if found := _MARKER.match(line):
            if marked_at:
                raise ValueError(f"line {marked_at}: no code block follows this marker")
            marker, marked_at = _read_marker(found, number), number
        elif fence := _FENCE.match(line):
            text = _read_fenced(lines, fence, number)
            blocks.append(Block(*marker, fence["language"], text, number))
            marker, marked_at = ("", "", ""), 0
        elif line.strip() and marked_at:
            raise ValueError(f"line {marked_at}: text stands between this marker and its block")
    if marked_at:
        raise ValueError(f"line {marked_at}: no code block follows this marker")
    return blocks


def scenario(blocks: list[Block], name: str) -> list[Block]:
    """The blocks of one scenario. LookupError if there is none."""
    found = [block for block in blocks if block.scenario == name]
    if not found:
        raise LookupError(f"no block is marked '<!-- test: {name} ... -->'")
    return found


def commands(blocks: list[Block], name: str) -> str:
    """The `command` blocks of a scenario as one shell script."""
    return "".join(block.text for block in scenario(blocks, name) if block.action == "command")


def _read_marker(found: re.Match[str], number: int) -> tuple[str, str, str]:
    action, equals, argument = found["rest"].partition("=")
    if action not in ACTIONS:
        raise ValueError(f"line {number}: '{action}' is none of {', '.join(ACTIONS)}")
    needed = ACTIONS[action]
    if needed is not None and needed != bool(equals and argument):
        raise ValueError(f"line {number}: '{action}' takes {'one' if needed else 'no'} argument")
    return found["scenario"], action, argument


def _read_fenced(lines: Iterator[tuple[int, str]], opening: re.Match[str], opened_at: int) -> str:
    closing = re.compile(rf"^ *{re.escape(opening['fence'][0])}{{{len(opening['fence'])},}}\s*$")
    body: list[str] = []
    for _number, line in lines:
        if closing.match(line):
            return textwrap.dedent("".join(f"{text}\n" for text in body))
        body.append(line)
    raise ValueError(f"line {opened_at}: this code block is never closed")


if __name__ == "__main__":
    _path, _name = sys.argv[1:]
    sys.stdout.write(commands(read_blocks(Path(_path).read_text(encoding="utf-8")), _name))
