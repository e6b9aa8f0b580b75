"""The kit for users: it finds what is wrong with a model, and tells the shortest story of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crdt import Dot, Field, Live
from fuzz import ConvergenceTest
from fuzz.convergence import check_histories
from fuzz.histories import History, Kit, play
from fuzz.histories.history import Step
from fuzz.histories.laws import Laws
from tests.project.lawless.models import Chance, Halved, Judged, RunningAverage, ThisHour, Ticking
from tests.project.rules.models import Trip
from tests.project.teams.models import Ticket
from tests.project.todo.models import Note

CHECKOUT = Path(__file__).parents[2]


class TestTrip(ConvergenceTest):
    """Every rule there is."""

    model = Trip
    examples = 15


class TestNote(ConvergenceTest):
    """Rows that belong to a user."""

    model = Note
    examples = 10


class TestTicket(ConvergenceTest):
    """Rows that users see by way of others, who come and go."""

    model = Ticket
    examples = 10


def story_of(model: Any) -> str:
    kit = Kit.of(model, 3, {}, lambda model, number: None)
    story = check_histories(kit, 100)
    assert story is not None, f"nothing is found wrong with {model.__name__}"
    return story


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Judged, "score"),
        (Ticking, "and at another time as"),
        (Halved, "must make `read` give the new value"),
    ],
)
def test_a_rule_that_breaks_a_law_is_told_in_at_most_five_steps(
    model: Any, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSE_FUZZ_SEED", "1")
    story = story_of(model)
    steps = re.findall(r"^  \d+\. \d\d:\d\d .+$", story, re.MULTILINE)
    assert len(steps) <= 5
    assert says in story
    assert "Again: PULSE_FUZZ_SEED=1" in story


@pytest.mark.django_db(transaction=True)
def test_a_history_is_the_same_whenever_it_is_played() -> None:
    kit = Kit.of(Trip, 3, {}, lambda model, number: None)
    kinds = ("edit", "save", "edit two", "sync", "create", "restart", "send twice", "edit", "sync")
    steps = tuple(Step(kind, n % 3, n, n + 2, n) for n, kind in enumerate(kinds * 2))
    first, second = (play(kit, History(2, steps)) for _ in range(2))
    assert first.story == second.story
    assert first.record.rows == second.record.rows


@pytest.mark.parametrize("rule", [ThisHour(), Chance(), RunningAverage()], ids=repr)
def test_whatever_order_clock_or_chance_a_rule_goes_by_it_is_noticed(rule: Any) -> None:
    fields = {"score": Field("score", "int", rule)}
    live = [Live(Dot(replica, 1), replica, replica) for replica in range(1, 9)]
    found = [Laws(fields)._broken(fields["score"], live) for _ in range(5)]
    assert any("must depend on nothing but the set of live entries" in str(each) for each in found)


def test_the_base_class_itself_is_no_test() -> None:
    assert list(unittest.defaultTestLoader.loadTestsFromTestCase(ConvergenceTest)) == []
    assert len(list(unittest.defaultTestLoader.loadTestsFromTestCase(TestNote))) == 1


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PULSE_TEST_")}
    return subprocess.run(
        [sys.executable, "-m", "tests.project.manage", "pulse_fuzz", *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_that_nothing_is_wrong_or_tells_the_story() -> None:
    fine = manage("todo.Task", "--examples", "3")
    assert "3 histories of todo.Task: nothing is wrong with them." in fine.stdout, fine.stderr
    wrong = manage("lawless.Judged", "--seed", "5")
    assert wrong.returncode == 1
    assert "Judged does not keep what it promises." in wrong.stderr
    assert "PULSE_FUZZ_SEED=5" in wrong.stderr


def test_the_command_takes_only_models_that_sync() -> None:
    with pytest.raises(CommandError, match="does not sync"):
        call_command("pulse_fuzz", "auth.User")
    with pytest.raises(CommandError, match="There is no model"):
        call_command("pulse_fuzz", "Task")
