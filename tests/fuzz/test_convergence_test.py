"""The kit for users: it finds what is wrong with a model, and tells the shortest story of it."""

from __future__ import annotations

import re
import unittest
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crdt import Dot, Field, Live
from django_pulse.tables import Document
from fuzz import ConvergenceTest
from fuzz.histories import History, Kit, play
from fuzz.histories.history import Step
from fuzz.histories.laws import Laws
from tests.project.claims.models import Claim, Colour
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


class TestClaim(ConvergenceTest):
    """Rows that wait for a value that another has, with links."""

    model = Claim
    examples = 10


def story_of(tested: Any) -> str:
    """What the one-line test of a model says of it."""

    class Tested(ConvergenceTest):
        model = tested

    assert Tested.examples == 100
    (test,) = unittest.defaultTestLoader.loadTestsFromTestCase(Tested)
    result = unittest.TestResult()
    test(result)
    assert not result.errors
    ((_, story),) = result.failures
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
    assert "Again: PULSE_FUZZ_SEED=1, with as many examples (100)." in story
    if model is Judged:  # and the seed tells it again
        assert story_of(model) == story


@pytest.mark.django_db(transaction=True)
def test_a_history_is_the_same_whenever_it_is_played() -> None:
    kit = Kit.of(Trip, 3, {}, lambda model, number: None)
    kinds = ("edit", "save", "edit two", "sync", "create", "restart", "send twice", "edit", "sync")
    steps = tuple(Step(kind, n % 3, n, n + 2, n) for n, kind in enumerate(kinds * 2))
    first, second = (play(kit, History(2, steps)) for _ in range(2))
    assert first.story == second.story
    assert first.record.rows == second.record.rows


@pytest.mark.django_db(transaction=True)
def test_what_was_linked_in_one_history_is_forgotten_before_the_next() -> None:
    kit = Kit.of(Claim, 3, {}, lambda model, number: None)
    Claim.objects.create().colours.add(Colour.objects.create(name="red"))
    kit.begin()
    assert not Document.objects.exists()


@pytest.mark.parametrize("rule", [ThisHour(), Chance(), RunningAverage()], ids=repr)
def test_whatever_order_clock_or_chance_a_rule_goes_by_it_is_noticed(rule: Any) -> None:
    fields = {"score": Field("score", "int", rule)}
    live = [Live(Dot(replica, 1), replica, replica) for replica in range(1, 9)]
    found = [Laws(fields)._broken(fields["score"], live) for _ in range(5)]
    assert any("must depend on nothing but the set of live entries" in str(each) for each in found)


def test_the_base_class_itself_is_no_test() -> None:
    assert list(unittest.defaultTestLoader.loadTestsFromTestCase(ConvergenceTest)) == []
    assert len(list(unittest.defaultTestLoader.loadTestsFromTestCase(TestNote))) == 1


def test_the_command_takes_only_models_that_sync() -> None:
    with pytest.raises(CommandError, match="does not sync"):
        call_command("pulse_fuzz", "auth.User")
    with pytest.raises(CommandError, match="There is no model"):
        call_command("pulse_fuzz", "Task")
