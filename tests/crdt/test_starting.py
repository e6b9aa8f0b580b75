"""What rows begin with."""

import pytest

from crdt.rules import Counter, Latest, Text
from crdt.schema import Field, Schema
from crdt.starting import Values, defaults, starting_points

SCHEMA = Schema(
    "todo.task",
    {
        field.name: field
        for field in (
            Field("title", "str", Latest(), default="untitled", aliases=("headline",)),
            Field("due", "date", Latest(), default=None),
            Field("votes", "int", Counter(), default=3),
            Field("likes", "int", Counter(), default=0),
            Field("notes", "str", Text(), default="naïve"),
            Field("place", "str", Latest()),
        )
    },
)


def test_defaults_are_those_that_are_known_as_python_values() -> None:
    expected = {"title": "untitled", "due": None, "votes": 3, "likes": 0, "notes": "naïve"}
    assert defaults(SCHEMA) == expected


def test_only_what_edits_build_on_has_to_be_said_by_a_new_row() -> None:
    assert starting_points(SCHEMA) == {"votes": 3, "notes": "naïve"}


def test_values_are_found_by_every_name_that_their_field_had() -> None:
    values = Values(SCHEMA, {"title": "x"})
    assert values["title"] == values["headline"] == "x"
    for name in ("place", "nothing"):
        with pytest.raises(KeyError, match=name):
            values[name]
