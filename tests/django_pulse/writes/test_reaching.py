"""What is none of the user's business is answered like what is not there, at the same cost."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crdt.document import Document
from crdt.editing import delete_row
from crdt.stamp import COUNTER_BITS
from django_pulse import writes
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document as Stored
from django_pulse.writes import ItemResult, PushItem
from django_pulse.writes.pushes.reaching import NO_SUCH_ROW
from tests.django_pulse.devices import Device
from tests.django_pulse.together import open_transaction
from tests.django_pulse.workspaces import MISSING
from tests.project.permits.models import Errand, Page, Workspace
from tests.project.teams.models import Letter

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

REPLICA = 77
LATER = 1_700_000_000_000 << COUNTER_BITS


@pytest.fixture
def eve() -> Any:
    return get_user_model().objects.create_user("eve")


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_user("ada")


# What another tenant has


def _page(ada: Any) -> Any:
    space = Workspace.objects.create(name="Hall")
    space.seats.create(user=ada, role="admin")
    return Page.objects.create(title="Plan", workspace=space).sync_id


def _errand(ada: Any) -> Any:
    return Errand.objects.create(title="Shop", user=ada).sync_id


def _letter(ada: Any) -> Any:
    letter = Letter.objects.create(title="Dear")
    letter.readers.add(ada)
    return letter.sync_id


def _deleted(ada: Any) -> Any:
    row = _page(ada)
    Page.objects.all().delete()
    return row


def _parked(ada: Any) -> Any:
    phone, space = Device(ada, Page), Workspace.objects.get(name="Mine")
    space.seats.create(user=ada, role="admin")
    parked = phone.create(title="Child", workspace=space.pk, parent=uuid.uuid4())
    phone.push()
    return parked


def _waiting(ada: Any) -> Any:
    row, phone = _page(ada), Device(ada, Page)
    phone.pull(row)
    phone.set(row, parent=uuid.uuid4())
    [result] = phone.push()
    assert result.parked
    return row


def _without_document(ada: Any) -> Any:
    row = _page(ada)
    Stored.objects.all().delete()
    return row


FOREIGN: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "by a foreign key": (Page, _page),
    "by its owner": (Errand, _errand),
    "by a set": (Letter, _letter),
    "deleted": (Page, _deleted),
    "parked": (Page, _parked),
    "waiting for another": (Page, _waiting),
    "without a document": (Page, _without_document),
}


# What is pushed to it


def _edit(document: Document, space: int) -> None:
    document.append("title", LATER, "Mine")


def _later(document: Document, space: int) -> None:
    document.append("title", LATER, "Mine")
    document.encode()
    document.append("title", LATER + 1, "Mine again")


def _delete(document: Document, space: int) -> None:
    delete_row(document, schema_of(Page), 1)


def _undelete(document: Document, space: int) -> None:
    document.append("-", LATER, False)


def _unknown_field(document: Document, space: int) -> None:
    document.append("nonsense", LATER, "x")


def _bad_value(document: Document, space: int) -> None:
    document.append("title", LATER, "x" * 1_000)


def _move(document: Document, space: int) -> None:
    document.append("workspace", LATER, space)


def _without_permission(document: Document, space: int) -> None:
    document.append("title", LATER, "Mine")
    document.append("workspace", LATER, space)


PUSHED = (
    _edit,
    _later,
    _delete,
    _undelete,
    _unknown_field,
    _bad_value,
    _move,
    _without_permission,
)


def pushed(user: Any, model: Any, row: uuid.UUID, data: bytes) -> tuple[ItemResult, int]:
    """What came of a push, and how many queries that took."""
    item = PushItem(schema_of(model).label, row, data)
    with CaptureQueriesContext(connection) as captured:
        [result] = writes.push(user, REPLICA, [item])
    return result, len(captured)


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_row_is_answered_like_none_after_as_many_queries(
    ada: Any, eve: Any, kind: str
) -> None:
    model, make = FOREIGN[kind]
    mine = Workspace.objects.create(name="Mine")
    mine.seats.create(user=eve, role="reader")
    row = make(ada)
    before = Stored.objects.values_list("sync_id", "version", "state")
    known = [(sync_id, version, bytes(state)) for sync_id, version, state in before]
    pushed(eve, model, uuid.uuid4(), b"\0\0")  # what is remembered from then on
    for edit in PUSHED:
        document = Document(replica=REPLICA)
        edit(document, mine.pk)
        document.encode()
        first = document.clock(REPLICA) - 1 if edit is _later else 0
        data = document.own_diff(first)
        foreign, missing = (pushed(eve, model, each, data) for each in (row, uuid.uuid4()))
        if missing[0].status == "ok":  # made a row of it: of the other it is told that it is taken
            assert model is not Page, edit.__name__
            assert (foreign[0].status, foreign[0].code, foreign[0].message) == MISSING
        else:
            assert foreign == missing, edit.__name__
            assert foreign[0].status in {"refused", "resend"}, edit.__name__
    after = Stored.objects.filter(sync_id__in=[sync_id for sync_id, _, _ in known])
    assert [(d.sync_id, d.version, bytes(d.state)) for d in after.order_by("pk")] == known


def test_whoever_makes_a_row_under_the_id_of_another_learns_only_that_it_is_taken(
    ada: Any, eve: Any
) -> None:
    row = _errand(ada)
    thief = Device(eve, Errand)
    thief.create(row, title="Mine")
    [result] = thief.push()
    assert (result.status, result.code, result.message) == MISSING
    assert (result.reverted, result.parked) == ({}, None)
    assert Errand.objects.get().title == "Shop"


def test_an_edit_of_a_text_that_is_out_of_sight_by_now_is_answered_like_any_other(
    ada: Any,
) -> None:
    """Its characters stand beside others, which are not there as far as its writer is concerned."""
    row = _page(ada)
    Page.objects.update(body="The plan")
    phone = Device(ada, Page)
    phone.pull(row)
    Workspace.objects.get().seats.all().delete()
    phone.edit(row, "body", 8, 0, "s")
    [result] = phone.push()
    assert (result.status, result.code, result.message) == ("refused", "forbidden", NO_SUCH_ROW)


@pytest.mark.databases("postgres")
def test_that_somebody_holds_a_foreign_row_is_not_told(ada: Any, eve: Any) -> None:
    row = _page(ada)
    document = Document(replica=REPLICA)
    _edit(document, 0)
    document.encode()
    data = document.own_diff(0)
    missing, _ = pushed(eve, Page, uuid.uuid4(), data)
    with open_transaction(lambda: Page.objects.select_for_update().get(sync_id=row)):
        foreign, _ = pushed(eve, Page, row, data)
    assert foreign == missing
