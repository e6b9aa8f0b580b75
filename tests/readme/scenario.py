"""Plays the blocks of one scenario in an empty directory, the way a reader would type them.

Commands run in one shell after another, in the directory the last one ended in; `python` is this
interpreter, and the package is imported from the checkout instead of being installed. A port
named in a `serve` marker is replaced everywhere by a free one, so that a scenario needs no
particular port.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom
from types import TracebackType

from .blocks import Block

__all__ = ["Scenario", "ScenarioError"]

# Seconds for a command to end, a server to listen, or an expected line to be printed: ten times
# what the slowest takes on a busy two-core machine.
PATIENCE = 60.0
# Below those that any system gives to whoever asks for just some port: one that is free here still
# is when the program that is to listen on it has started.
_PORTS = range(20_000, 32_768)
# Seconds between two attempts to reach a port that does not answer yet.
RETRY = 0.05

# What installs the package or makes a virtual environment has already happened.
_INSTALLS = re.compile(
    r"^\s*(\$ )?((python3? -m )?pip install|python3? -m venv|(source|\.) \S*activate)\b.*$", re.M
)
_PROMPT = re.compile(r"^\$ ", re.M)
_DIRECTORY_FILE = ".directory"


class ScenarioError(AssertionError):
    """The README promises what did not happen; the message has the line and what was printed."""


class Scenario:
    """A scratch directory and the programs running in it, ended with the `with` block."""

    def __init__(self, directory: Path, checkout: Path, patience: float = PATIENCE) -> None:
        self.root = directory
        self.patience = patience
        self.printed = ""
        self._running: dict[str, _Running] = {}
        self._ports: dict[str, str] = {}
        self._environment = _environment(checkout)

    def __enter__(self) -> Scenario:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for program in self._running.values():
            program.stop()

    def heard(self, name: str) -> str:
        """What the program of that name has printed so far."""
        return self._running[name].so_far()

    def play(self, blocks: Sequence[Block]) -> None:
        """Do what the markers say, block by block. ScenarioError at the first thing amiss."""
        for block in blocks:
            if block.action == "serve":
                self._ports.setdefault(block.argument, str(_free_port()))
        for block in blocks:
            self._play(block, self._with_free_ports(block.text))

    def _play(self, block: Block, text: str) -> None:
        match block.action:
            case "file":
                self._write(block.argument, text, append=False)
            case "append":
                self._write(block.argument, text, append=True)
            case "run":
                self._run(block, text)
            case "serve":
                self._start(block, f"port {block.argument}", text)
                self._wait_for_port(block, int(self._ports[block.argument]))
            case "start":
                self._start(block, block.argument, text)
            case "output":
                self._expect(block, text)

    def _with_free_ports(self, text: str) -> str:
        for written, free in self._ports.items():
            text = re.sub(rf"(?<!\d){written}(?!\d)", free, text)
        return text

    def _write(self, name: str, text: str, *, append: bool) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if append else ""
        separator = "\n" if append else ""
        path.write_text(before + separator + text, encoding="utf-8")

    def _run(self, block: Block, text: str) -> None:
        note = shlex.quote(str(self.root / _DIRECTORY_FILE))
        script = f"{_as_typed(text)}\npwd > {note}\n"
        program = _Running(script, self._directory(), self._environment)
        try:
            code = program.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            program.stop()
            raise _amiss(block, "did not end", program.everything()) from None
        self.printed = program.everything()
        if code:
            raise _amiss(block, f"failed with exit status {code}", self.printed)

    def _start(self, block: Block, name: str, text: str) -> None:
        if name in self._running:
            raise _amiss(block, f"starts a second '{name}'", "")
        script = _as_typed(text)
        self._running[name] = _Running(script, self._directory(), self._environment)

    def _wait_for_port(self, block: Block, port: int) -> None:
        program = self._running[f"port {block.argument}"]
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=self.patience).close()
            except OSError:
                if program.ended_within(RETRY):
                    break
            else:
                return
        raise _amiss(block, f"never listened on port {block.argument}", program.so_far())

    def _expect(self, block: Block, text: str) -> None:
        wanted = [_pattern(line) for line in text.splitlines() if line.strip()]
        if not block.argument:
            lines = iter(self.printed.splitlines())
            if not all(any(pattern.search(line) for line in lines) for pattern in wanted):
                raise _amiss(block, "is not what was printed", self.printed)
            return
        program = self._running[block.argument]
        deadline = time.monotonic() + self.patience
        for pattern in wanted:
            if not program.prints(pattern, deadline):
                raise _amiss(block, f"'{block.argument}' did not print it", program.so_far())

    def _directory(self) -> Path:
        note = self.root / _DIRECTORY_FILE
        return Path(note.read_text(encoding="utf-8").strip()) if note.exists() else self.root


class _Running:
    """A shell script in a process group of its own; a thread collects the lines it prints."""

    def __init__(self, script: str, directory: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["sh", "-e", "-c", script],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._unread: queue.Queue[str | None] = queue.Queue()
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as printed:
            for line in printed:
                self._lines.append(line)
                self._unread.put(line)
        self._unread.put(None)

    def so_far(self) -> str:
        """What was printed until now."""
        return "".join(self._lines)

    def everything(self) -> str:
        """What was printed, to its end. Only for a program that has ended."""
        self._reader.join()
        return self.so_far()

    def ended_within(self, seconds: float) -> bool:
        """Wait that long for the end."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def prints(self, pattern: re.Pattern[str], deadline: float) -> bool:
        """Read lines until one matches; False if the program ends or the deadline passes first."""
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._unread.get(timeout=left)
            except queue.Empty:
                return False
            if line is None:
                return False
            if pattern.search(line):
                return True
        return False

    def stop(self) -> None:
        """End the whole process group, children included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()


def _as_typed(text: str) -> str:
    return _INSTALLS.sub(":", _PROMPT.sub("", text))


def _pattern(line: str) -> re.Pattern[str]:
    """The line as a pattern in which `...` stands for anything."""
    return re.compile(".*".join(re.escape(part) for part in line.strip().split("...")))


def _amiss(block: Block, what: str, printed: str) -> ScenarioError:
    return ScenarioError(f"README block at line {block.line} {what}:\n{block.text}\n---\n{printed}")


def _free_port() -> int:
    for port in SystemRandom().sample(_PORTS, len(_PORTS)):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError(f"none of the ports {_PORTS.start} to {_PORTS.stop - 1} is free")


def _environment(checkout: Path) -> dict[str, str]:
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "PYTEST_", "PULSE_")) and name != "PYTHONPATH"
    }
    binaries = str(Path(sys.executable).parent)
    return ours | {
        "PATH": os.pathsep.join([binaries, ours.get("PATH", os.defpath)]),
        "PYTHONPATH": str(checkout),
        "PYTHONUNBUFFERED": "1",
    }
