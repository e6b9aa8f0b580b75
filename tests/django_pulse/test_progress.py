"""The line of progress: what it says, and when it says nothing."""

from __future__ import annotations

import io

from django_pulse.upkeep.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_tells_how_far_how_fast_and_how_long() -> None:
    now = 0.0
    progress = Progress(Terminal(), "archive.book", 10_000, now=lambda: now)
    now = 2.0
    progress.advance(4_000)
    assert str(progress) == "archive.book  4,000 of 10,000 (40%)  2,000/s  0:03 left"


def test_it_is_rewritten_in_place_and_taken_away() -> None:
    stream, now = Terminal(), 0.0
    progress = Progress(stream, "m", 10, now=lambda: now)
    progress.advance(1)
    progress.advance(1)  # too soon to be read
    now = 1.0
    progress.advance(1)
    progress.finish()
    written = stream.getvalue()
    assert "\n" not in written
    assert written.count("of 10") == 2
    assert written.endswith("\r\x1b[K")


def test_where_nobody_looks_nothing_is_written() -> None:
    for stream, shown in ((io.StringIO(), True), (Terminal(), False)):
        progress = Progress(stream, "m", 10, shown=shown)
        progress.advance(3)
        progress.finish()
        assert stream.getvalue() == ""


def test_more_than_was_expected_is_all_of_it() -> None:
    now = 0.0
    progress = Progress(Terminal(), "m", 1, now=lambda: now)
    now = 3_700.0
    progress.advance(2)
    assert "2 of 1 (100%)" in str(progress)
    assert str(progress).endswith("0:00 left")
