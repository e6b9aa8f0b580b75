"""Runs of characters: which text holds a clock, and where a character begins."""

from typing import Any

import pytest
from pycrdt import Doc, Text

from crdt.errors import Malformed
from crdt.runs import Positions, TextRuns, text_field
from crdt.state import read_state
from crdt.structs import Place
from fuzz.loose import DELETED, STRING, Section, Struct, Update, text


def two_texts() -> TextRuns:
    """Replica 5 wrote "a😀b" and "xyz", replica 6 put "é" into the first; "x" is deleted."""
    first: Doc[Any] = Doc(client_id=5)
    second: Doc[Any] = Doc(client_id=6)
    first.get("tnotes", type=Text).insert(0, "a😀b")
    first.get("tbody", type=Text).insert(0, "xyz")
    second.apply_update(first.get_update())
    second.get("tnotes", type=Text).insert(1, "é")
    del second.get("tbody", type=Text)[0:1]
    return read_state(second.get_update()).text_runs()


def test_a_run_is_found_by_any_of_its_clocks() -> None:
    runs = two_texts()
    found = [runs.find(5, clock) for clock in range(8)]
    assert [run and (run.clock, run.length) for run in found] == [
        (0, 1), (1, 3), (1, 3), (1, 3), (4, 1), (5, 2), (5, 2), None,
    ]  # fmt: skip
    assert runs.find(7, 0) is None
    assert [run.is_deleted for run in found if run] == [False] * 4 + [True] + [False] * 2


def test_every_run_knows_its_text() -> None:
    runs = two_texts()
    for replica, clock, field in (
        (5, 0, "notes"),
        (5, 3, "notes"),
        (5, 6, "body"),
        (6, 0, "notes"),
    ):
        run = runs.find(replica, clock)
        assert run is not None
        assert runs.field(run) == field


def test_a_run_splits_between_characters_only() -> None:
    run = two_texts().find(5, 1)
    assert run is not None
    assert [run.splits_at(clock) for clock in (0, 1, 2, 3, 4, 9)] == [
        True, True, False, True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (Place("tnew", None, None), "new"),
        (Place(None, (5, 0), None), "notes"),
        (Place(None, (5, 2), (5, 3)), "notes"),
        (Place(None, None, (5, 1)), "notes"),
        (Place(None, (6, 0), (5, 1)), "notes"),
        (Place(None, (5, 4), None), "body"),
    ],
)
def test_a_place_is_in_the_text_of_its_neighbours(place: Place, field: str) -> None:
    assert two_texts().field_at(place) == field


@pytest.mark.parametrize(
    "place",
    [
        Place("e5", None, None),
        Place("t", None, None),
        Place("", None, None),
        Place("t" * 5000, None, None),
        Place(None, (5, 1), None),
        Place(None, None, (5, 2)),
        Place(None, (5, 0), (5, 2)),
        Place(None, (5, 7), None),
        Place(None, (7, 0), None),
        Place(None, (5, 0), (5, 5)),
    ],
)
def test_a_place_that_is_not_there_or_inside_a_character_is_malformed(place: Place) -> None:
    with pytest.raises(Malformed):
        two_texts().field_at(place)


def test_clocks_are_walked_by_run_and_no_character_is_cut() -> None:
    runs = two_texts()
    assert [run.clock for run in runs.walk(5, 0, 7)] == [0, 1, 4, 5]
    for start, end in ((2, 3), (0, 2), (2, 7), (6, 8)):
        with pytest.raises(Malformed):
            list(runs.walk(5, start, end))


def test_what_is_read_on_top_is_found_before_what_lies_below() -> None:
    below = two_texts()
    struct = Struct(STRING, text(b"new"), origin=(5, 3))
    data = Update([Section(5, 7, [struct])]).write()
    offset = data.index(struct.write())
    runs = TextRuns(data, {5: Positions([7], [offset])}, below)
    above, under = runs.find(5, 8), runs.find(5, 3)
    assert above is not None
    assert under is not None
    assert (above.clock, runs.field(above)) == (7, "notes")
    assert (under.clock, runs.field(under)) == (1, "notes")
    assert runs.find(5, 10) is None


def test_neighbours_that_go_round_in_circles_are_malformed() -> None:
    """What a flipped bit can do to a stored document with two texts."""
    structs = [
        Struct(STRING, text(b"x"), root=b"tone"),
        Struct(STRING, text(b"x"), root=b"ttwo"),
        Struct(STRING, text(b"x"), origin=(5, 3)),
        Struct(DELETED, b"\x01", origin=(5, 2)),
    ]
    runs = read_state(Update([Section(5, 0, structs)]).write()).text_runs()
    run = runs.find(5, 2)
    assert run is not None
    with pytest.raises(Malformed, match="circles"):
        runs.field(run)


def test_the_root_of_a_text_is_named_after_its_field() -> None:
    assert text_field("tnotes") == "notes"
    with pytest.raises(Malformed):
        text_field("e5")
