"""Rows: read by item or attribute, edited at once, and never changed under their reader."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.server import ServerConnection

from crdt import AddWinsSet, DeepMerge, Field, List, Schema
from django_pulse.client import LocalFault, ModelHandle, connect
from tests.crdt.authority import MODEL, Authority
from tests.crdt.phone import Phone
from tests.django_pulse.client.scripted import hear, polite, scripted, tell, welcome


@asynccontextmanager
async def tasks() -> AsyncIterator[ModelHandle]:
    async with scripted(polite) as url, connect(url) as pulse:
        yield pulse.model("todo.task")


@pytest.mark.asyncio
async def test_a_row_is_read_by_item_and_by_attribute() -> None:
    async with tasks() as model:
        row = model.create(title="Buy milk", votes=2)
        assert isinstance(row.id, UUID)
        assert row["title"] == row.title == "Buy milk"
        assert row.values["votes"] == 2
        with pytest.raises(AttributeError, match=r"no value of 'colour': it has \['title'"):
            _ = row.colour
        with pytest.raises(KeyError):
            row["colour"]
        assert repr(row).startswith(f"<todo.task {row.id} {{'title': 'Buy milk'")


@pytest.mark.asyncio
async def test_every_edit_gives_the_row_as_it_is_afterwards_and_leaves_the_old_one_alone() -> None:
    async with tasks() as model:
        first = model.create(title="a", body="héllo", votes=1)
        second = first.set(title="b").add(votes=2).edit_text("body", 1, delete=1, insert="e🦜")
        assert (second.title, second.body, second.votes) == ("b", "he🦜llo", 3)
        assert (first.title, first.body, first.votes) == ("a", "héllo", 1)
        assert first != second
        assert model.get(first.id) == second
        assert hash(first) == hash(second)
        assert model.all() == [second]
        assert first != "a"


@pytest.mark.asyncio
async def test_an_id_may_be_text() -> None:
    async with tasks() as model:
        row = model.create(title="a")
        assert model.get(str(row.id)) == row
        assert model.set(str(row.id), title="b").title == "b"
        with pytest.raises(LocalFault, match="'milk' is not the id of a row: ids are UUIDs"):
            model.get("milk")
        with pytest.raises(LocalFault, match="7 is not the id"):
            model.get(7)  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_a_row_that_is_not_here_is_none_to_read_and_an_error_to_edit() -> None:
    async with tasks() as model:
        missing = uuid4()
        assert model.get(missing) is None
        for edit in (
            lambda: model.set(missing, title="x"),
            lambda: model.add(missing, votes=1),
            lambda: model.edit_text(missing, "body", 0, insert="x"),
            lambda: model.delete(missing),
        ):
            with pytest.raises(LocalFault, match=str(missing)):
                edit()


@pytest.mark.asyncio
async def test_a_deleted_row_is_gone_here_at_once() -> None:
    async with tasks() as model:
        row = model.create(title="a")
        row.delete()
        assert model.get(row.id) is None
        assert model.all() == []
        with pytest.raises(LocalFault, match="deleted"):
            row.set(title="b")


@pytest.mark.asyncio
async def test_an_unknown_field_or_a_wrong_value_changes_nothing() -> None:
    async with tasks() as model:
        row = model.create(title="a", votes=1)
        with pytest.raises((LocalFault, ValueError), match="colour"):
            row.set(title="b", colour="red")
        with pytest.raises((LocalFault, ValueError), match="votes"):
            row.set(votes="many")
        with pytest.raises((LocalFault, ValueError), match=r"body|index|character"):
            row.edit_text("body", 99, insert="x")
        assert model.get(row.id) == row


def test_a_conflict_is_seen_and_settled() -> None:
    authority = Authority()
    phone, tablet = Phone(authority, 11), Phone(authority, 12)
    edits: list[None] = []
    model = ModelHandle(MODEL, lambda: phone.replica, lambda: edits.append(None))
    row = model.create(title="Eggs")
    phone.sync()
    tablet.sync()
    row.set(title="Six eggs")
    tablet.replica.set(MODEL, row.id, title="Ten eggs")
    for each in (phone, tablet, phone):
        each.sync()
    found = row.conflicts()
    assert list(found) == ["title"]
    assert {(each.value, each.mine) for each in found["title"]} == {
        ("Six eggs", True),
        ("Ten eggs", False),
    }
    assert [each.current for each in found["title"]] == [True, False]
    assert all(each.at.tzinfo is UTC for each in found["title"])
    assert row.resolve(title="Ten eggs").title == "Ten eggs"
    assert model.conflicts(row.id) == {}
    assert len(edits) == 3


@pytest.mark.asyncio
async def test_sets_lists_and_trees_are_edited_part_by_part() -> None:
    rules = {"tags": AddWinsSet(), "stops": List(), "plan": DeepMerge(lists="merge")}
    fields = {name: Field(name, "json", rule) for name, rule in rules.items()}
    trips = Schema("rules.trip", fields)

    async def greet(socket: ServerConnection) -> None:
        await hear(socket)
        await tell(socket, welcome(schemas=(trips.description(),)))
        await socket.wait_closed()

    async with scripted(greet) as url, connect(url) as pulse:
        row = pulse.model("rules.trip").create(tags=["a"], stops=["Graz"], plan={"days": [1]})
        row = row.add_to("tags", "b", "c").remove_from("tags", "a")
        row = row.insert_at("stops", 1, items=["Wien", "Linz"]).move("stops", 2, to=0)
        row = row.remove_at("stops", 1).set_at("stops", 0, value="Linz Hbf")
        row = row.set_at("plan", "by", "car", value=True).insert_at("plan", "days", 1, items=[2])
        assert row.values == {
            "tags": ["b", "c"],
            "stops": ["Linz Hbf", "Wien"],
            "plan": {"by": {"car": True}, "days": [1, 2]},
        }
        with pytest.raises(LocalFault, match="leads nowhere"):
            row.remove_at("plan", "days", 5)
