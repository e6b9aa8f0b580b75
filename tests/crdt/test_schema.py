"""Schemas: rows are read alike from the same document, there and here."""

import copy
import pickle
from collections.abc import Sequence

import orjson
import pytest

from crdt import (
    MISSING,
    Counter,
    DeleteWins,
    Document,
    Field,
    LastActionWins,
    Latest,
    Row,
    Schema,
    ServerOnly,
    Text,
    write_field,
)
from crdt.entry import ROW_FIELD, Live
from crdt.schema import latest_action

from .test_rules import Longest

SCHEMA = Schema(
    "todo.task",
    {
        field.name: field
        for field in (
            Field("title", "str", required=True, options={"max_length": 200}),
            Field("done", "bool", default=False),
            Field("price", "decimal", Counter(), default="0.00"),
            Field("notes", "str", Text(), default=""),
            Field("stage", "str", ServerOnly()),
            Field("motto", "str", Longest(), default=None),
        )
    },
)


def test_a_schema_comes_back_from_its_description() -> None:
    described = orjson.loads(orjson.dumps(SCHEMA.description()))
    again = Schema.from_description(described, [Longest()])
    assert again == SCHEMA
    assert again.description() == SCHEMA.description()
    assert again.fields["motto"].default is None
    assert again.fields["title"].default is MISSING


def test_a_row_holds_the_fields_that_somebody_wrote() -> None:
    document = Document(replica=1)
    write_field(document, SCHEMA.fields["title"], MISSING, "Milk", 1)
    write_field(document, SCHEMA.fields["notes"], MISSING, "é😀", 1)
    document.append("gone_field", 1, "of an older release")
    assert SCHEMA.read(document) == Row({"title": "Milk", "notes": "é😀"}, deleted=False)
    assert SCHEMA.read(Document(document.encode())) == SCHEMA.read(document)
    assert SCHEMA.read(Document()) == Row({}, deleted=False)


def test_a_value_of_another_kind_is_passed_over() -> None:
    """The field was changed under stored documents."""
    document = Document(replica=1)
    document.append("done", 5, "a text")
    assert SCHEMA.fields["done"].read(document) is MISSING
    document.append("done", 4, True)
    assert SCHEMA.fields["done"].read(document) is True
    assert SCHEMA.read(document).values == {"done": True}


def test_a_rule_that_is_like_another_reads_one_entry_by_itself_too() -> None:
    class Shouting(Latest):
        name = "shouting"

        def read(self, live: Sequence[Live]) -> str:
            return str(super().read(live)).upper()

    document = Document(replica=1)
    document.append("title", 5, "eggs")
    assert Field("title", "str", Shouting()).read(document) == "EGGS"


def test_null_is_a_value_and_missing_is_none() -> None:
    document = Document(replica=1)
    title = SCHEMA.fields["title"]
    assert title.read(document) is MISSING
    write_field(document, title, MISSING, None, 1)
    assert title.read(document) is None


def test_the_row_is_deleted_where_its_marker_says_so() -> None:
    document = Document(replica=1)
    assert not SCHEMA.is_deleted(document)
    document.append(ROW_FIELD, 1, "nonsense")
    assert not SCHEMA.is_deleted(document)
    document.append(ROW_FIELD, 2, False)
    assert not SCHEMA.is_deleted(document)
    document.append(ROW_FIELD, 1, True)
    assert SCHEMA.is_deleted(document)
    assert SCHEMA.read(document).deleted
    assert ROW_FIELD not in SCHEMA.read(document).values
    assert SCHEMA.get(ROW_FIELD) == Field(ROW_FIELD, "bool", DeleteWins())
    assert SCHEMA.get("nonsense") is None


def test_a_field_says_its_name_when_a_value_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^title: 5 is not text\.$"):
        SCHEMA.fields["title"].encode(5)


def test_a_kind_of_a_newer_server_asks_for_an_update() -> None:
    described = {"name": "place", "kind": "point", "rule": {"name": "latest"}}
    with pytest.raises(ValueError, match=r"place is of kind 'point'.*update the client"):
        Field.from_description(described)


def test_missing_stays_itself_when_copied() -> None:
    for copied in (copy.copy(MISSING), copy.deepcopy(MISSING), pickle.loads(pickle.dumps(MISSING))):
        assert copied is MISSING
    assert repr(MISSING) == "MISSING"


def test_fields_without_a_rule_merge_by_latest() -> None:
    assert Field("title", "str").rule == Latest()


def test_under_last_action_wins_a_later_entry_of_any_field_keeps_the_row() -> None:
    schema = Schema("todo.task", SCHEMA.fields, LastActionWins())
    document = Document(replica=1)
    document.append("title", 5, "Milk")
    document.append(ROW_FIELD, 6, True)
    assert schema.is_deleted(document)
    assert latest_action(document) == 5
    document.append("notes", 6, None)
    assert not schema.is_deleted(document)
    assert SCHEMA.is_deleted(document)
    assert Schema.from_description(schema.description(), [Longest()]) == schema


def test_a_policy_of_deletions_that_is_unknown_here_is_the_safe_one() -> None:
    described = {**SCHEMA.description(), "row": {"name": "of_a_newer_server"}}
    assert Schema.from_description(described, [Longest()]).row == DeleteWins()
