"""Whatever a device tries that its user may not: refused or undone, and the others are served."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

from crdt.entry import ROW_FIELD
from crdt.messages import Ack, Changes, Leave, Pull, Refused, Resend, Reverted
from django_pulse.signals import rows_synced
from django_pulse.tables import Document as Stored
from django_pulse.visibility import scopes
from tests.django_pulse.permitted import Caller, called
from tests.project.permits.models import Errand, Guest, Page, Seat, Workspace
from tests.project.servers import ThreadServer

pytestmark = pytest.mark.databases("sqlite", "postgres")

PAGE, ERRAND, GUEST = "permits.page", "permits.errand", "permits.guest"
MISSING = Refused("forbidden", "There is no such row, or you may not write it.")
UNSEEN = "There is no such row, or you may not see it."


@pytest.fixture
def url(live_server_asgi: ThreadServer) -> Iterator[str]:
    settings = {"AUTHENTICATE": "tests.django_pulse.permitted.by_username"}
    with override_settings(DJANGO_PULSE=settings):
        yield live_server_asgi.ws_url


@pytest.fixture
def hall(transactional_db: None) -> Workspace:
    return Workspace.objects.create(name="Hall")


@pytest.fixture
def yard(transactional_db: None) -> Workspace:
    """Somebody else's."""
    space = Workspace.objects.create(name="Yard")
    space.seats.create(user=get_user_model().objects.create_user("ada"), role="admin")
    return space


def seat(space: Workspace, role: str, name: str = "eve") -> Seat:
    user, _ = get_user_model().objects.get_or_create(username=name)
    made: Seat = space.seats.create(user=user, role=role)
    return made


def page(space: Workspace, **values: Any) -> Page:
    made: Page = Page.objects.create(**{"title": "Plan", "workspace": space} | values)
    return made


def undone(ack: Ack, place: int = 0) -> dict[str, str]:
    """The fields that were undone, and by which code."""
    verdict = ack.exceptions[place]
    assert isinstance(verdict, Reverted), verdict
    return {name: field.code for name, field in verdict.fields.items()}


def test_a_role_lowered_halfway_through_a_batch(url: str, hall: Workspace) -> None:
    role, row, other = seat(hall, "admin"), page(hall), page(hall)
    guest = Guest.objects.create(email="a@b")

    def lower(**kwargs: Any) -> None:
        Seat.objects.filter(pk=role.pk).update(role="reader")

    rows_synced.connect(lower, sender=Guest)
    try:
        with called(url, "eve") as eve:
            assert eve.push(eve.write(PAGE, row.sync_id, title="1")).exceptions == {}
            ack = eve.push(
                eve.write(GUEST, guest.sync_id, name="Ann"),
                eve.write(PAGE, row.sync_id, title="2", status="locked"),
                eve.write(PAGE, other.sync_id, deleted=True),
            )
    finally:
        rows_synced.disconnect(lower, sender=Guest)
    assert ack.exceptions.keys() == {1, 2}
    assert undone(ack, 1) == {"title": "denied", "status": "denied"}
    assert undone(ack, 2) == {ROW_FIELD: "denied"}
    assert Guest.objects.get().name == "Ann"
    rows = Page.objects.order_by("pk").values_list("title", "status")
    assert list(rows) == [("1", "open"), ("Plan", "open")], "what he might then stands"


def test_a_row_moved_into_a_foreign_scope(url: str, hall: Workspace, yard: Workspace) -> None:
    seat(hall, "admin")
    row = page(hall)
    with called(url, "ada") as ada, called(url, "eve") as eve:
        ack = eve.push(eve.write(PAGE, row.sync_id, workspace=yard.pk, title="Moved"))
        assert undone(ack) == {"workspace": "missing"}
        row.refresh_from_db()
        assert (row.workspace, row.title) == (hall, "Moved")
        made = eve.push(eve.write(PAGE, uuid4(), title="Made there", workspace=yard.pk))
        assert made.exceptions[0].code == "required", "as if there were no such place"  # type: ignore[union-attr]
        scope = next(key for key in scopes.of_row(page(yard), "default"))
        assert eve.ask(Pull(1, {scope: 0}), Leave) == Leave(scope)
        there = ada.ask(Pull(1, {scope: 0}), Changes)
        assert row.sync_id not in {item.id for item in there.items}, "and nobody there hears of it"


def test_a_read_only_field_among_permitted_ones(url: str, hall: Workspace) -> None:
    seat(hall, "admin")
    row = page(hall)
    with called(url, "eve") as eve:
        ack = eve.push(eve.write(PAGE, row.sync_id, title="New", approved=True, status="done"))
        assert undone(ack) == {"approved": "read_only"}
        ack = eve.push(
            eve.write(PAGE, made := uuid4(), title="x", approved=True, workspace=hall.pk)
        )
        assert undone(ack) == {"approved": "read_only"}
    rows = Page.objects.order_by("pk").values_list("title", "approved", "status")
    assert list(rows) == [("New", False, "done"), ("x", False, "open")]
    assert Page.objects.filter(sync_id=made).exists()


def test_a_foreign_key_to_a_row_the_user_cannot_see(
    url: str, hall: Workspace, yard: Workspace
) -> None:
    seat(hall, "admin")
    row, hidden, nothing = page(hall), page(yard), uuid4()
    with called(url, "eve") as eve:
        acks = [
            eve.push(eve.write(PAGE, row.sync_id, parent=str(each)))
            for each in (nothing, hidden.sync_id)
        ]
        parked = [ack.exceptions[0].parked for ack in acks]  # type: ignore[union-attr]
        told = [(each.code, each.message, dict(each.fields)) for each in parked]  # type: ignore[union-attr]
        assert [code for code, _, _ in told] == ["waiting"] * 2
        assert told[0][1] == told[1][1]
        said = [fields["parent"] for _, _, fields in told]
        assert [field.value for field in said] == [str(nothing), str(hidden.sync_id)]
        assert said[0].message == said[1].message
        number = [
            eve.push(eve.write(PAGE, row.sync_id, workspace=each)).exceptions[0]
            for each in (10**9, yard.pk)
        ]
        said = [each.fields["workspace"] for each in number]  # type: ignore[union-attr]
        assert [(field.code, field.message) for field in said] == [("missing", UNSEEN)] * 2
    row.refresh_from_db()
    assert (row.parent, row.workspace) == (None, hall)


def test_another_tenants_row_id(url: str, hall: Workspace, yard: Workspace) -> None:
    seat(hall, "admin")
    errand = Errand.objects.create(title="Shop", user=get_user_model().objects.get(username="ada"))
    gone = page(yard)
    gone.delete()
    known = dict(Stored.objects.values_list("sync_id", "version"))
    with called(url, "eve") as eve:
        for theirs in (page(yard).sync_id, gone.sync_id):
            for fields in ({"title": "Mine"}, {"deleted": True}, {"deleted": False}):
                assert_alike(eve, theirs, fields)
            assert_alike(eve, theirs, {"title": "Mine", "workspace": yard.pk})
        assert eve.push(eve.write(ERRAND, errand.sync_id, title="x")).exceptions == {0: MISSING}
        pulls = [
            eve.ask(Pull(7, {}, eve.keys(PAGE, row)), Changes).items for row in (theirs, uuid4())
        ]
        assert pulls == [(), ()]
    assert known.items() <= dict(Stored.objects.values_list("sync_id", "version")).items()


def assert_alike(eve: Caller, theirs: UUID, fields: dict[str, Any]) -> None:
    """Their row is answered like none at all, also once the answer is known."""
    answers = []
    for row in (theirs, uuid4()):
        first = eve.push(eve.write(PAGE, row, **fields)).exceptions
        again = eve.push(eve.write(PAGE, row, **fields)).exceptions
        answers.append((first, again))
        eve.forget(row)
    assert answers[0] == answers[1], fields
    assert isinstance(answers[0][0][0], Refused), fields
    assert answers[0][1] == {0: Resend(0)}, fields
