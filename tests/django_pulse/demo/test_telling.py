"""What the demo tells follows from what was seen, and fits the terminal it is told in."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from django_pulse.demo.last_write_wins import losses
from django_pulse.demo.lines import lines
from django_pulse.demo.screen import draw
from django_pulse.demo.telling import Section, Table, Value, sections, verdict

from .stories import good_stored, good_story


def told() -> list[Section]:
    story = good_story()
    return [*sections("ws://127.0.0.1:1/", story, good_stored(story)), verdict([])]


def test_whole_rows_would_have_lost_every_edit_of_ana_that_was_merged() -> None:
    lost = [(loss.task, loss.field, loss.whole_rows, loss.merged) for loss in losses(good_story())]
    tent = "Bring the tent (the blue one) and the stove. Café opens at 8 ☕"
    assert lost == [
        ("Book the train", "done", False, True),
        ("Pack the tent", "notes", tent.replace(" (the blue one)", ""), tent),
        ("Pack the tent", "votes", 4, 6),
        ("Call the ferry company", "the task", "back again", "deleted"),
    ]


def test_a_merge_that_kept_no_more_than_whole_rows_would_is_told_as_no_gain() -> None:
    story = good_story()
    story.after = dict.fromkeys(story.offline, story.offline["Ben"])
    assert list(losses(story)) == []


@pytest.mark.parametrize(
    "line",
    [
        "  - done, Latest | before: no; Ana: yes; Ben: no; merged: yes",
        "  - votes, Counter | before: 1; Ana: 3; Ben: 4; merged: 6",
        "  - the task, DeleteWins | before: there; Ana: deleted; Ben: done = yes; merged: deleted",
        "  - Buy sun cream | edit: created",
        "  - Call the ferry company | field: done; reason: deleted",
        "  - sync_error | value: (empty)",
        "  - Book the train | row: yes; version: 3; vector clock: server 1, Ana 1, Ben 1",
    ],
)
def test_plain_lines_have_what_each_had_and_what_was_merged(line: str) -> None:
    assert line in list(lines(told()))


def test_faults_are_told_one_by_one() -> None:
    text = list(lines([verdict(["one is off", "two is off"])]))
    assert text == ["# Something is off", "  - one is off", "  - two is off", ""]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_every_line_fits_and_no_value_is_cut_off(width: int) -> None:
    printed = io.StringIO()
    draw(told(), Console(file=printed, width=width, highlight=False))
    assert max(cell_len(line) for line in printed.getvalue().splitlines()) == min(width, 120)
    assert "…" not in printed.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_colours_are_for_terminals(terminal: bool) -> None:
    printed = io.StringIO()
    environment = {"TERM": "xterm"}
    console = Console(file=printed, width=80, force_terminal=terminal, _environ=environment)
    draw([Section("A", "", [Table("", ["x"], [[Value("lost", "lost")]])])], console)
    assert ("\x1b[31m" in printed.getvalue()) is terminal
