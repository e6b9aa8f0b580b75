"""A row, the row by which its writer comes to see it, and what is in it: all made offline."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from django_pulse.signals import rows_synced
from django_pulse.tables import Awaited, Document
from tests.django_pulse.devices import Device
from tests.django_pulse.phones import Phone, Switchboard, switchboard
from tests.project.guilds.models import Guild, Membership, Quest

pytestmark = pytest.mark.django_db(transaction=True)
both = pytest.mark.databases("sqlite", "postgres")

GUILD, MEMBERSHIP, QUEST = "guilds.guild", "guilds.membership", "guilds.quest"


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with switchboard() as found:
        yield found


def settled(*phones: Phone) -> None:
    for phone in phones:
        phone.cut()
        phone.sync()
        assert phone.replica.in_sync
        assert (phone.replica.reverted(), phone.replica.parked()) == ([], [])
        assert len(phone.replica.all(QUEST)) == Quest.objects.count()
        assert len(phone.replica.all(GUILD)) == Guild.objects.count()
        assert len(phone.replica.all(MEMBERSHIP)) == Membership.objects.count()


@both
@pytest.mark.parametrize("at_once", [True, False])
def test_whoever_founds_and_joins_offline_gets_in_with_all_that_he_made(
    board: Switchboard, ada: Any, bob: Any, at_once: bool
) -> None:
    """What is in the guild before that he joins it, whether or not they come in one push."""
    phone, other = Phone(board, ada, 11), Phone(board, ada, 12)
    phone.sync()
    phone.cut()
    guild = phone.replica.create(GUILD, {"name": "Masons"})
    if not at_once:
        phone.sync()
        phone.cut()
    for model in (QUEST, MEMBERSHIP):
        if model == QUEST:
            first = phone.replica.create(QUEST, {"title": "Dig", "guild": guild})
            if not at_once:
                phone.sync()
            phone.replica.create(QUEST, {"title": "Build", "guild": guild, "after": first})
        elif model == MEMBERSHIP:
            phone.replica.create(MEMBERSHIP, {"guild": guild, "member": ada.pk})
        if not at_once:
            phone.sync()
            phone.cut()
    phone.sync()
    assert {quest.guild for quest in Quest.objects.all()} == {Guild.objects.get()}
    assert [quest.after.title for quest in Quest.objects.exclude(after=None)] == ["Dig"]
    settled(phone, other)
    assert not Awaited.objects.exists()
    phone.replica.create(MEMBERSHIP, {"guild": guild, "member": bob.pk})
    phone.sync()
    settled(phone, Phone(board, bob, 13))


def join(user: Any, guild: Any) -> Any:
    device = Device(user, Membership)
    device.create(guild=guild, member=user.pk)
    [result] = device.push()
    return result


def found(user: Any) -> tuple[Phone, Any]:
    with switchboard() as board:
        phone = Phone(board, user, 11)
        phone.sync()
        made = phone.replica.create(GUILD, {"name": "Masons"})
        phone.sync()
    return phone, made


@both
def test_nobody_joins_what_another_founded(ada: Any, bob: Any) -> None:
    _, guild = found(ada)
    hidden, missing = join(bob, guild), join(bob, uuid.uuid4())
    for result in (hidden, missing):
        assert result.parked["fields"].pop("guild")["code"] == "waiting"
    assert hidden.parked == missing.parked
    assert not Membership.objects.exists()


@both
def test_whoever_was_put_out_does_not_join_again(ada: Any) -> None:
    _, guild = found(ada)
    assert join(ada, guild).parked is None
    Membership.objects.all().delete()
    assert join(ada, guild).parked is not None
    assert not Membership.objects.exists()


def test_what_others_wrote_to_as_well_is_not_joined(ada: Any, bob: Any) -> None:
    _, guild = found(ada)
    document = Document.objects.get(sync_id=guild)
    document.clocks = {**(document.clocks or {}), "77": 1}
    document.save()
    assert join(ada, guild).parked is not None


def test_rows_of_a_push_are_seen_that_the_projects_code_lets_in(ada: Any) -> None:
    """As soon as the row is there, before the next model's rows are placed."""

    def let_in(user: Any, created: list[Any], **kwargs: Any) -> None:
        for guild in Guild.objects.filter(sync_id__in=created):
            Membership.objects.create(guild=guild, member=user)

    rows_synced.connect(let_in, sender=Guild)
    try:
        with switchboard() as board:
            phone = Phone(board, ada, 11)
            phone.sync()
            phone.cut()
            guild = phone.replica.create(GUILD, {"name": "Masons"})
            phone.replica.create(QUEST, {"title": "Dig", "guild": guild})
            phone.sync()
            settled(phone)
    finally:
        rows_synced.disconnect(let_in, sender=Guild)
    assert Quest.objects.get().guild.name == "Masons"


@pytest.mark.parametrize("online", [True, False])
def test_a_row_that_waits_gets_in_once_its_writer_sees_what_it_refers_to(
    board: Switchboard, ada: Any, online: bool
) -> None:
    """Though nobody writes to that: the row was moved out of his sight, and he followed it."""
    here, there = (Guild.objects.create(name=name) for name in ("here", "there"))
    Membership.objects.create(guild=here, member=ada)
    quest = Quest.objects.create(title="Dig", guild=here)
    phone = Phone(board, ada, 11)
    phone.sync()
    phone.cut()
    made = {"title": "Build", "guild": here.sync_id, "after": quest.sync_id}
    waiting = phone.replica.create(QUEST, made)
    quest.guild = there
    quest.save()
    phone.sync()
    assert [parked.id for parked in phone.replica.parked()] == [waiting]
    if not online:
        phone.cut()
    Membership.objects.create(guild=there, member=ada)
    phone.sync()
    assert Quest.objects.get(sync_id=waiting).after == quest
    settled(phone)
