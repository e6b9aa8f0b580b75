"""The demo from its beginning to its end, which leaves nothing behind."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from .project import configure, prepare

__all__ = ["run"]

# What a shell gives for a program that Ctrl-C ended.
INTERRUPTED = 130


def run(*, headless: bool) -> int:
    """Play the demo and tell it; 0 if the outcome is as planned, 1 if anything is off."""
    _print_whatever_the_encoding()
    try:
        with (
            _ended_by_signals(),
            tempfile.TemporaryDirectory(
                prefix="django-pulse-demo-", ignore_cleanup_errors=True
            ) as directory,
        ):
            return _play(Path(directory), headless=headless)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return INTERRUPTED


def _play(directory: Path, *, headless: bool) -> int:
    configure(directory)

    from django.db import connections

    from . import devices, outcome, telling
    from .asgi import application
    from .lines import lines
    from .server import serving

    try:
        tokens, ids = prepare()
        with serving(application) as url:
            story = asyncio.run(devices.play(url, directory, tokens, ids))
        stored = outcome.read_stored(story.ids)
        faults = outcome.faults(story, stored)
        told = [*telling.sections(url, story, stored), telling.verdict(faults)]
    finally:
        connections.close_all()
    if headless:
        print("\n".join(lines(told)))
    else:
        from .screen import draw

        draw(told)
    return 1 if faults else 0


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A polite request to end takes the same way out as Ctrl-C."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_whatever_the_encoding() -> None:
    """A terminal that cannot show a character shows a question mark instead."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
