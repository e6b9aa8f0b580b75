"""Subscriptions: a device holds the part that it asked for, whatever moves, and loses no edit."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from crdt.errors import LocalFault
from crdt.events import Removed
from crdt.frames import decode
from crdt.messages import Changes
from django_pulse.server.wanted import Wanted
from django_pulse.tables import Clock, Document
from django_pulse.visibility import subscriptions
from tests.django_pulse.phones import Phone, Switchboard, switchboard
from tests.project.parts.models import Card, Folder
from tests.project.teams.models import Project, Team, Ticket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite", "postgres")]

CARD, FOLDER = "parts.card", "parts.folder"


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with switchboard() as board:
        yield board


@pytest.fixture
def phone(board: Switchboard, ada: Any) -> Phone:
    return Phone(board, ada, 31)


@pytest.fixture
def folders(ada: Any) -> tuple[Folder, Folder]:
    work, home = (Folder.objects.create(name=name, user=ada) for name in ("work", "home"))
    for folder in (work, home):
        Card.objects.create(title=f"of {folder}", folder=folder, user=ada, price="1.50")
    return work, home


def titles(phone: Phone) -> list[str]:
    return sorted(row.values["title"] for row in phone.replica.all(CARD))


def test_only_the_models_that_were_asked_for_come(phone: Phone, folders: Any) -> None:
    phone.replica.subscribe([FOLDER])
    phone.sync()
    assert len(phone.replica.all(FOLDER)) == 2
    assert phone.replica.all(CARD) == []
    Card.objects.create(title="new", user=phone.user)
    Folder.objects.create(name="new", user=phone.user)
    assert phone.live()
    phone.exchange()
    assert len(phone.replica.all(FOLDER)) == 3
    assert phone.replica.all(CARD) == []
    assert phone.replica.in_sync


def test_a_part_of_a_model_comes_by_what_its_fields_hold(phone: Phone, folders: Any) -> None:
    work, home = folders
    phone.sync()
    for wanted, expected in (
        ({"folder": work.sync_id}, ["of work"]),
        ({"folder": [work.sync_id, home.sync_id]}, ["of home", "of work"]),
        ({"folder": []}, []),
        ({"folder": None}, []),
        ({"folder": work.sync_id, "price": Decimal("1.5")}, ["of work"]),
        ({"folder": work.sync_id, "price": [Decimal(2), Decimal(3)]}, []),
        ({}, ["of home", "of work"]),
    ):
        phone.replica.subscribe({CARD: wanted})
        phone.sync()
        assert titles(phone) == expected, wanted
        assert phone.replica.in_sync
        assert not phone.replica.is_resyncing
        assert phone.replica.all(FOLDER) == []
    phone.replica.subscribe(None)
    phone.sync()
    assert len(phone.replica.all(FOLDER)) == 2


@pytest.mark.parametrize("connected", [True, False])
def test_rows_come_and_go_with_what_they_hold(phone: Phone, folders: Any, connected: bool) -> None:
    work, home = folders
    phone.replica.subscribe({CARD: {"folder": work.sync_id}})
    phone.sync()
    for folder, expected in ((work, ["of home", "of work"]), (None, []), (home, [])):
        if not connected:
            phone.cut()
        Card.objects.update(folder=folder)
        phone.sync() if not connected else phone.exchange()
        assert titles(phone) == expected
    card = Card.objects.get(title="of home")
    card.folder = work
    card.save()
    phone.sync()
    assert titles(phone) == ["of home"]
    card.delete()
    phone.sync()
    assert titles(phone) == []


def test_a_device_that_moves_a_row_out_of_its_part_lets_go_of_it(
    phone: Phone, folders: Any
) -> None:
    work, home = folders
    phone.replica.subscribe({CARD: {"folder": work.sync_id}})
    phone.sync()
    (row,) = phone.replica.all(CARD)
    phone.replica.set(CARD, row.id, folder=home.sync_id)
    phone.sync()
    assert titles(phone) == []
    assert Removed(CARD, row.id) in phone.events
    assert Card.objects.filter(folder=home).count() == 2
    assert phone.replica.reverted() == []


def test_unsent_edits_of_what_is_not_wanted_any_more_are_sent(phone: Phone, folders: Any) -> None:
    phone.sync()
    phone.cut()
    for row in phone.replica.all(CARD):
        phone.replica.set(CARD, row.id, title="edited offline")
    new = phone.replica.create(CARD, {"title": "made offline"})
    phone.replica.subscribe([FOLDER])
    phone.restart()
    assert len(phone.replica.all(CARD)) == 3
    phone.sync()
    assert sorted(Card.objects.values_list("title", flat=True)) == [
        "edited offline",
        "edited offline",
        "made offline",
    ]
    assert Card.objects.filter(sync_id=new).exists()
    assert phone.replica.reverted() == []
    phone.replica.subscribe([])
    phone.sync()
    assert phone.replica.all(CARD) == phone.replica.all(FOLDER) == []
    assert phone.replica.in_sync


def test_what_is_edited_while_a_new_row_is_found_not_to_be_wanted_is_sent(
    phone: Phone, folders: Any
) -> None:
    """The device asks for the row, as no scope would tell of it."""
    phone.replica.subscribe([FOLDER])
    phone.sync()
    card = phone.replica.create(CARD, {"title": "one"})
    phone.send()
    while phone.receive():
        pass
    assert phone.send(), "it asks"
    phone.replica.set(CARD, card, title="two")
    while phone.receive():
        pass
    phone.sync()
    assert Card.objects.get(sync_id=card).title == "two"
    assert phone.replica.all(CARD) == []
    assert phone.replica.reverted() == []
    assert [event for event in phone.events if isinstance(event, Removed)] == [Removed(CARD, card)]


def test_a_change_of_mind_that_breaks_off_is_carried_out_later(phone: Phone, folders: Any) -> None:
    work, _ = folders
    phone.replica.subscribe({CARD: {"folder": work.sync_id}})
    phone.sync()
    phone.replica.subscribe([CARD])
    phone.send()
    phone.receive()
    phone.restart()
    phone.sync()
    assert titles(phone) == ["of home", "of work"]
    phone.replica.subscribe({CARD: {"folder": work.sync_id}})
    phone.send()
    phone.restart()
    phone.sync()
    assert titles(phone) == ["of work"]


def test_nothing_sent_under_the_earlier_part_moves_a_cursor_past_the_later_one(
    phone: Phone, ada: Any
) -> None:
    """Not even in a scope that was empty, where every cursor continues everything."""
    phone.replica.subscribe([FOLDER])
    phone.sync()
    phone.replica.subscribe(None)
    Card.objects.create(title="between", user=ada)  # told live, by the earlier part
    assert phone.live()
    phone.sync()
    assert titles(phone) == ["between"]


def test_a_listing_of_the_earlier_part_moves_no_cursor_while_another_is_about_to_be_asked_for(
    phone: Phone, folders: Any
) -> None:
    """It begins where every cursor stands by then: at the beginning."""
    phone.sync()
    phone.replica.subscribe([FOLDER])
    assert phone.send()
    assert phone.receive()
    assert phone.send()
    assert phone.inbox
    phone.replica.subscribe(None)
    while phone.inbox:
        phone.receive()
    phone.sync()
    assert titles(phone) == ["of home", "of work"]
    assert phone.replica.in_sync


def test_a_part_that_is_wanted_again_before_anybody_was_told_is_there(
    phone: Phone, folders: Any
) -> None:
    phone.connect()
    while CARD not in phone.replica.schemas:
        assert phone.receive()
    assert phone.send()
    assert phone.inbox
    phone.replica.subscribe([FOLDER])
    while phone.inbox:
        phone.receive()
    phone.replica.subscribe(None)
    phone.exchange()
    assert titles(phone) == ["of home", "of work"]
    assert phone.replica.in_sync
    assert not phone.replica.is_resyncing


def test_asking_for_the_same_again_sends_nothing(phone: Phone, folders: Any) -> None:
    work, home = folders
    phone.replica.subscribe({CARD: {"folder": [work.sync_id, home.sync_id]}})
    phone.sync()
    phone.replica.subscribe({CARD: {"folder": (home.sync_id, work.sync_id)}})
    assert phone.replica.outgoing() == []
    assert phone.replica.in_sync


def test_a_restored_database_costs_a_device_with_a_part_no_edit(phone: Phone, folders: Any) -> None:
    """Also where in the backup the row lies outside of the part."""
    work, home = folders
    phone.replica.subscribe({CARD: {"folder": [work.sync_id, home.sync_id]}})
    phone.sync()
    backup = list(Document.objects.all())
    for row in phone.replica.all(CARD):
        phone.replica.set(CARD, row.id, title=f"{row.values['title']}, later", folder=work.sync_id)
    phone.sync()
    phone.replica.subscribe({CARD: {"folder": work.sync_id}})
    phone.sync()
    assert len(titles(phone)) == 2
    phone.cut()
    Document.objects.bulk_update(backup, ["state", "version"])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE parts_card SET title = 'of home' WHERE title = 'of home, later'")
        cursor.execute("UPDATE parts_card SET title = 'of work' WHERE title = 'of work, later'")
        cursor.execute("UPDATE parts_card SET folder_id = %s WHERE title = 'of home'", [home.pk])
    Clock.objects.update(epoch=uuid.uuid4().hex, replica=random.getrandbits(52))
    phone.sync()
    assert titles(phone) == ["of home, later", "of work, later"]
    assert phone.replica.in_sync
    assert set(Card.objects.values_list("title", "folder")) == {
        ("of home, later", work.pk),
        ("of work, later", work.pk),
    }
    assert phone.replica.all(FOLDER) == []
    Card.objects.filter(title="of home, later").update(folder=home)
    phone.sync()
    assert titles(phone) == ["of work, later"]


def test_what_cannot_be_asked_for_is_told_before_anything_is_sent(
    phone: Phone, folders: Any
) -> None:
    phone.sync()
    for wanted, message in (
        (["parts.nothing"], "no model 'parts.nothing'"),
        ({CARD: {"title": "x"}}, "only by folder, price"),
        ({FOLDER: {"name": "x"}}, "only as a whole"),
        ({CARD: {"nothing": "x"}}, "only by folder, price"),
        ({CARD: {"folder": [uuid.uuid4() for _ in range(1_001)]}}, "1000"),
    ):
        with pytest.raises(LocalFault, match=message):
            phone.replica.subscribe(wanted)
    with pytest.raises(ValueError, match="folder"):
        phone.replica.subscribe({CARD: {"folder": "work"}})
    assert phone.replica.outgoing() == []


def test_what_was_asked_for_before_the_models_were_known_is_looked_at_then(
    phone: Phone, folders: Any
) -> None:
    phone.replica.subscribe({"parts.nothing": {}})
    phone.connect()
    with pytest.raises(LocalFault, match=r"parts\.nothing"):
        phone.exchange()
    phone.replica.subscribe({"parts.Card": {}})
    phone.sync()
    assert len(titles(phone)) == 2


def test_a_condition_that_the_server_does_not_know_narrows_nothing(folders: Any) -> None:
    asked: Any = {CARD: {"title": ("x",), "color": (1,)}, "parts.gone": {"x": ("y",)}}
    assert subscriptions.read(asked) == subscriptions.Subscription({CARD: {}})
    nonsense: Any = {CARD: {"folder": ("no uuid", 7, None), "price": ("NaN", "1.5", True)}}
    assert subscriptions.read(nonsense) == subscriptions.Subscription(
        {CARD: {"folder": frozenset({None}), "price": frozenset({"1.50"})}}
    )
    assert subscriptions.read(None) is None


def test_scopes_without_anything_that_was_asked_for_are_not_read(
    board: Switchboard, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a device that shows one project of a thousand costs what one project costs."""
    team = Team.objects.create(name="red")
    team.members.add(ada)
    bridge, tower = (Project.objects.create(name=name, team=team) for name in ("bridge", "tower"))
    for project in (bridge, tower):
        Ticket.objects.create(title=f"of {project}", project=project)
    phone = Phone(board, ada, 32)
    phone.replica.subscribe({"teams.ticket": {"project": bridge.pk}})
    read: list[str] = []
    narrowed = subscriptions.narrowed

    def noted(page: Any, subscription: Any) -> Any:
        read.append(page.scope)
        return narrowed(page, subscription)

    monkeypatch.setattr("django_pulse.server.backend.Backend.narrowed", staticmethod(noted))
    phone.sync()
    assert [scope for scope in read if "project" in scope] == [
        f"default/teams.project/team__members/{bridge.pk}"
    ]
    assert [row.values["title"] for row in phone.replica.all("teams.ticket")] == ["of bridge"]
    Ticket.objects.create(title="another", project=tower)
    assert phone.live() == []
    Ticket.objects.update(project=bridge)
    phone.sync()
    assert len(phone.replica.all("teams.ticket")) == 3
    phone.replica.subscribe(["teams.ticket"])
    Ticket.objects.create(title="more", project=tower)
    phone.sync()
    assert len(phone.replica.all("teams.ticket")) == 4


def test_a_part_shows_nobody_more_than_he_may_see(
    board: Switchboard, ada: Any, bob: Any, folders: Any
) -> None:
    spy = Phone(board, bob, 33)
    spy.replica.subscribe({CARD: {"folder": folders[0].sync_id}, FOLDER: {}})
    spy.sync()
    assert spy.replica.all(CARD) == spy.replica.all(FOLDER) == []
    with_secrets = [frame for frame in spy.inbox if isinstance(decode(frame), Changes)]
    assert with_secrets == []


def test_an_answer_about_an_earlier_part_is_not_kept(ada: Any) -> None:
    """Two tasks of a connection may ask which scopes are idle, and the answers may cross."""

    class Crossing:
        def subscription(self, asked: Any) -> Any:
            return asked

        def idle_scopes(self, subscription: Any, scopes: Any) -> frozenset[str]:
            if subscription == {"a.first": {}}:
                wanted.become({"b.second": {}}, ["x"])
                return frozenset({"x"})
            return frozenset()

    wanted = Wanted(Crossing())  # type: ignore[arg-type]
    wanted.become({"a.first": {}}, ["x"])
    assert not wanted.is_all
    assert wanted._idle == frozenset()


def test_users_have_parts_of_their_own(board: Switchboard, ada: Any, folders: Any) -> None:
    whole, part = Phone(board, ada, 34), Phone(board, ada, 35)
    part.replica.subscribe([FOLDER])
    for phone in (whole, part):
        phone.sync()
    Card.objects.create(title="new", user=ada)
    for phone in (whole, part):
        phone.exchange()
    assert len(titles(whole)) == 3
    assert titles(part) == []
    assert get_user_model().objects.count() == 1
