"""A newer server calls fields and models otherwise; documents, and apps a month old, do not."""

from dataclasses import replace

import orjson
import pytest

from crdt.document import Document
from crdt.editing import check_field, write_field
from crdt.errors import LocalFault
from crdt.events import Changed, Refused, Reverted
from crdt.messages import Key
from crdt.rules import Counter, Latest, Text
from crdt.schema import MISSING, Field, Schema

from .authority import MODEL, SCHEMA, Authority
from .phone import Phone, converged

HEADLINE = Field("headline", "str", Latest(), wire="title", aliases=("title",))
COUNT = Field("count", "int", Counter(), default=0, wire="votes", aliases=("votes", "likes"))
BODY = Field("body", "str", Text(), default="", wire="notes", aliases=("notes",))
KEPT = {name: field for name, field in SCHEMA.fields.items() if name in ("done", "due")}
LATER = Schema(
    MODEL,
    {**KEPT, **{field.name: field for field in (HEADLINE, COUNT, BODY)}},
    name="work.job",
    aliases=("work.task",),
    retired={"stage": Field("stage", "str", Latest()), "memo": Field("memo", "str", Text())},
)


def test_a_schema_with_a_past_survives_its_description() -> None:
    described = orjson.loads(orjson.dumps(LATER.description()))
    again = Schema.from_description(described)
    assert again == LATER
    assert again.description() == LATER.description()


def test_a_schema_without_a_past_is_described_as_before() -> None:
    assert SCHEMA.description().keys() == {"model", "row", "fields"}
    keys = {key for field in SCHEMA.description()["fields"] for key in field}
    assert keys == {"name", "kind", "rule", "default"}


def test_a_field_is_written_and_read_under_its_first_name() -> None:
    document = Document(replica=1)
    write_field(document, HEADLINE, MISSING, "Milk", 1)
    write_field(document, BODY, MISSING, "Two é😀", 1)
    assert set(document.fields()) == {"title", "notes"}
    assert LATER.read(document).values == {"headline": "Milk", "body": "Two é😀"}
    assert SCHEMA.read(document).values == {"title": "Milk", "notes": "Two é😀"}


def test_every_name_that_a_field_had_leads_to_it() -> None:
    for name in ("count", "votes", "likes"):
        assert check_field(LATER, name) is COUNT
    with pytest.raises(LocalFault, match=r"work\.job has no field 'stage'"):
        check_field(LATER, "stage")


def test_a_new_field_may_take_a_name_that_another_one_had() -> None:
    title = Field("title", "int", wire="title:2")
    schema = Schema(MODEL, {"title": title, "headline": replace(HEADLINE, aliases=())})
    document = Document(replica=1)
    write_field(document, schema.fields["headline"], MISSING, "Milk", 1)
    write_field(document, title, MISSING, 5, 1)
    assert schema.read(document).values == {"headline": "Milk", "title": 5}
    assert check_field(schema, "title") is title
    assert schema.get("title") is schema.fields["headline"]


def test_retired_fields_are_known_by_documents_and_not_read() -> None:
    document = Document(replica=1)
    write_field(document, LATER.retired["stage"], MISSING, "done", 1)
    assert LATER.read(document).values == {}
    assert LATER.get("stage") is LATER.retired["stage"]
    assert set(LATER.texts) == {"notes", "memo"}


def upgraded(authority: Authority, *phones: Phone) -> None:
    """The server is of the next release; the phones were offline with edits, and connect."""
    authority.schema = LATER
    for phone in phones:
        phone.cut()


def test_offline_edits_arrive_after_fields_and_models_were_renamed() -> None:
    authority = Authority()
    mine, yours = Phone(authority, 1), Phone(authority, 2)
    made = mine.replica.create(MODEL, {"title": "Milk", "notes": "two", "votes": 1})
    mine.sync()
    yours.sync()
    upgraded(authority, mine, yours)
    mine.replica.set(MODEL, made, title="Bread")
    mine.replica.edit_text(MODEL, made, "notes", 3, insert=" litres")
    yours.replica.add(MODEL, made, "votes", 5)
    assert converged(mine, yours)
    row = yours.replica.get("work.job", made)
    assert row is not None
    assert row.model == "work.job"
    assert dict(row.values) == {
        "headline": "Bread",
        "body": "two litres",
        "count": 6,
        "done": False,
    }


def test_an_app_that_knows_the_old_names_goes_on() -> None:
    authority = Authority(schema=LATER)
    phone = Phone(authority, 1)
    phone.sync()
    made = phone.replica.create(MODEL, {"title": "Milk", "votes": 1})
    phone.replica.set(MODEL, made, title="Bread")
    phone.replica.add(MODEL, made, "likes", 2)
    phone.replica.edit_text(MODEL, made, "notes", 0, insert="new")
    row = phone.replica.get(MODEL, made)
    assert row is not None
    assert (row.model, row["title"], row["votes"], row["notes"]) == (MODEL, "Bread", 3, "new")
    assert dict(row.values)["headline"] == "Bread"
    with pytest.raises(KeyError):
        row["nothing"]
    [again] = phone.replica.all("work.task")
    assert (again.id, again.model) == (made, "work.task")
    assert list(authority.documents) == []
    phone.sync()
    assert list(authority.documents) == [Key(MODEL, made)]


@pytest.mark.parametrize("name", [MODEL, "work.job"])
def test_events_have_the_names_that_the_app_uses(name: str) -> None:
    authority = Authority(schema=LATER)
    mine, yours = Phone(authority, 1), Phone(authority, 2)
    mine.sync()
    yours.sync()
    made = mine.replica.create(name, {"headline": "Milk"})
    mine.sync()
    yours.replica.all(name)
    [changed] = [event for event in yours.sync() if isinstance(event, Changed)]
    assert changed.model == name
    assert changed.fields >= {"headline", "title"}

    authority.judge = lambda replica, entry: ("no", "No.")
    mine.replica.set(name, made, headline="Bread")
    [reverted] = [event for event in mine.sync() if isinstance(event, Reverted)]
    assert (reverted.model, set(reverted.fields)) == (name, {"headline"})
    authority.refused.add(Key(MODEL, made))
    mine.replica.set(name, made, headline="Cheese")
    [refused] = [event for event in mine.sync() if isinstance(event, Refused)]
    assert (refused.model, refused.kept.model) == (name, name)
    assert {kept.model for kept in mine.replica.reverted()} == {name}
    assert all(set(kept.fields) == {"headline"} for kept in mine.replica.reverted())


def test_unsent_text_of_a_removed_field_is_pushed_whole() -> None:
    """Also by a client that learned of the removal before it could push."""
    authority = Authority()
    phone = Phone(authority, 1)
    phone.sync()
    made = phone.replica.create(MODEL, {"title": "Milk", "notes": "two"})
    phone.sync()
    phone.cut()
    phone.replica.edit_text(MODEL, made, "notes", 3, insert=" litres")
    retired = {"notes": SCHEMA.fields["notes"]}
    authority.schema = Schema(MODEL, {"title": SCHEMA.fields["title"]}, retired=retired)
    authority.restore(authority.documents, "e2")
    phone.sync()
    phone.sync()
    assert Document(authority.documents[Key(MODEL, made)]).text("notes") == "two litres"
    row = phone.replica.get(MODEL, made)
    assert row is not None
    assert dict(row.values) == {"title": "Milk"}


def test_a_model_that_is_no_longer_served_keeps_its_rows_and_edits_on_the_device() -> None:
    authority = Authority()
    phone = Phone(authority, 1)
    phone.sync()
    made = phone.replica.create(MODEL, {"title": "Milk"})
    phone.sync()
    phone.cut()
    phone.replica.set(MODEL, made, title="Bread")
    authority.schema = Schema("other.model", {})
    authority.refused.add(Key(MODEL, made))
    phone.sync()
    [kept] = phone.replica.reverted()
    assert (kept.model, kept.fields["title"].value) == (MODEL, "Bread")
    assert phone.replica.pending == 0
    with pytest.raises(LocalFault, match="There is no model"):
        phone.replica.get(MODEL, made)
    authority.schema = SCHEMA
    authority.refused.clear()
    phone.cut()
    phone.sync()
    assert phone.rows()[made]["title"] == "Milk"
