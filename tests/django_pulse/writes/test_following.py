"""Rows that sync say who reads others: whoever writes them, open sockets learn of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model

from django_pulse.tables import Document
from tests.django_pulse.devices import Device
from tests.django_pulse.phones import Phone, switchboard
from tests.project.crews.models import Boat, Club, Crew, Entry, Fleet, Job, Meeting, Site, Stay

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite", "postgres")]


class People:
    """Ada and bob, each with an open socket, and a device with which ada writes."""

    def __init__(self, board: Any) -> None:
        self.ada, self.bob = (get_user_model().objects.create_user(n) for n in ("ada", "bob"))
        self.phones = [Phone(board, user, user.pk + 600_000) for user in (self.ada, self.bob)]
        for phone in self.phones:
            phone.sync()

    def seen(self, label: str, row: UUID) -> set[str]:
        """Who has the row, without having connected again."""
        for phone in self.phones:
            phone.exchange()
        return {p.user.username for p in self.phones if p.replica.get(label, row) is not None}


@pytest.fixture
def people() -> Iterator[People]:
    with switchboard() as board:
        yield People(board)


def device(people: People, model: Any) -> Device:
    made = Device(people.ada, model)
    made.pull()
    return made


def pushed(phone: Device, *rows: UUID) -> None:
    assert [(r.status, r.reverted, r.parked) for r in phone.push(*rows)] == [("ok", {}, None)]


Change = Callable[[People, Any], object]


def _by_device(model: Any, **values: Callable[[People], Any]) -> Change:
    """Ada's device writes these fields of the row."""

    def change(people: People, row: Any) -> None:
        phone = device(people, model)
        phone.set(row.sync_id, **{name: value(people) for name, value in values.items()})
        pushed(phone, row.sync_id)

    return change


def _deleted_by_device(model: Any) -> Change:
    def change(people: People, row: Any) -> None:
        phone = device(people, model)
        phone.delete(row.sync_id)
        pushed(phone, row.sync_id)

    return change


def _crews(user: Any) -> Any:
    return user.crews


# A job is read by the members of its crew, and those are a set in the crew's document.

TO_BOB: dict[str, Change] = {
    "a device": _by_device(Crew, members=lambda people: [people.bob.pk]),
    "set": lambda people, crew: crew.members.set([people.bob]),
    "the other side": lambda people, crew: (
        _crews(people.bob).add(crew),
        _crews(people.ada).remove(crew),
    ),
}


def test_whoever_is_put_into_a_set_on_the_way_reads_and_whoever_is_taken_out_does_not(
    people: People,
) -> None:
    for how, change in TO_BOB.items():
        crew = Crew.objects.create(name="red")
        crew.members.add(people.ada)
        job = Job.objects.create(title="j", crew=crew)
        assert people.seen("crews.job", job.sync_id) == {"ada"}, how
        change(people, crew)
        assert people.seen("crews.job", job.sync_id) == {"bob"}, how


# A site is read by those whose stays refer to it.

MOVES: dict[str, Change] = {
    "a device": _by_device(Stay, guest=lambda people: people.bob.pk),
    "save": lambda people, stay: _saved(stay, guest=people.bob),
    "update": lambda people, stay: Stay.objects.update(guest=people.bob),
    "bulk_update": lambda people, stay: Stay.objects.bulk_update(
        [_with(stay, guest=people.bob)], ["guest"]
    ),
}

LEAVES: dict[str, Change] = {
    "a device": _deleted_by_device(Stay),
    "delete": lambda people, stay: stay.delete(),
    "a queryset": lambda people, stay: Stay.objects.all().delete(),
}


def _with(row: Any, **values: Any) -> Any:
    for name, value in values.items():
        setattr(row, name, value)
    return row


def _saved(row: Any, **values: Any) -> None:
    _with(row, **values).save()


def test_a_row_follows_what_refers_to_it_when_that_refers_to_somebody_else(people: People) -> None:
    for how, change in MOVES.items():
        Stay.objects.all().delete()
        site = Site.objects.create(title="s")
        stay = Stay.objects.create(site=site, guest=people.ada)
        assert people.seen("crews.site", site.sync_id) == {"ada"}, how
        change(people, stay)
        assert people.seen("crews.site", site.sync_id) == {"bob"}, how


def test_a_row_leaves_when_nothing_refers_to_it_any_more(people: People) -> None:
    for how, change in LEAVES.items():
        site = Site.objects.create(title="s")
        stay = Stay.objects.create(site=site, guest=people.ada)
        assert people.seen("crews.site", site.sync_id) == {"ada"}, how
        change(people, stay)
        assert people.seen("crews.site", site.sync_id) == set(), how


def test_a_row_moves_when_what_refers_to_it_refers_to_another_row(people: People) -> None:
    here, there = (Site.objects.create(title=name) for name in "ab")
    stay = Stay.objects.create(site=here, guest=people.ada)
    Stay.objects.create(site=there, guest=people.bob)
    assert people.seen("crews.site", here.sync_id) == {"ada"}
    stay.site = there
    stay.save()
    assert people.seen("crews.site", here.sync_id) == set()
    assert people.seen("crews.site", there.sync_id) == {"ada", "bob"}


def test_many_made_at_once_let_their_guests_in(people: People) -> None:
    sites = [Site.objects.create(title=str(n)) for n in range(3)]
    Stay.objects.bulk_create(Stay(site=site, guest=people.bob) for site in sites)
    for site in sites:
        assert people.seen("crews.site", site.sync_id) == {"bob"}


# A boat is read by the owners of the fleets that have it.

INTO: dict[str, Change] = {
    "a device": lambda people, boat: _boats_by_device(people, [str(boat.sync_id)]),
    "add": lambda people, boat: _bobs(people).boats.add(boat),
    "the other side": lambda people, boat: boat.fleets.add(_bobs(people)),
}

OUT_OF: dict[str, Change] = {
    "a device": lambda people, boat: _boats_by_device(people, []),
    "remove": lambda people, boat: _bobs(people).boats.remove(boat),
    "the other side": lambda people, boat: boat.fleets.remove(_bobs(people)),
    "delete": lambda people, boat: _bobs(people).delete(),
}


def _bobs(people: People) -> Fleet:
    found: Fleet = Fleet.objects.get(owner=people.bob)
    return found


def _boats_by_device(people: People, boats: list[str]) -> None:
    _by_device(Fleet, boats=lambda people: boats)(people, _bobs(people))


def test_a_row_enters_with_a_set_that_it_is_put_into(people: People) -> None:
    for how, change in INTO.items():
        Fleet.objects.all().delete()
        boat = Boat.objects.create(title="b")
        Fleet.objects.create(owner=people.ada).boats.add(boat)
        Fleet.objects.create(owner=people.bob)
        assert people.seen("crews.boat", boat.sync_id) == {"ada"}, how
        change(people, boat)
        assert people.seen("crews.boat", boat.sync_id) == {"ada", "bob"}, how


def test_a_row_leaves_with_a_set_that_it_is_taken_out_of(people: People) -> None:
    for how, change in OUT_OF.items():
        Fleet.objects.all().delete()
        boat = Boat.objects.create(title="b")
        for user in (people.ada, people.bob):
            Fleet.objects.create(owner=user).boats.add(boat)
        assert people.seen("crews.boat", boat.sync_id) == {"ada", "bob"}, how
        change(people, boat)
        assert people.seen("crews.boat", boat.sync_id) == {"ada"}, how


# A meeting is read by the members of its clubs, who are in them by rows that sync.


def test_rows_between_are_links_from_both_sides_whoever_makes_them(people: People) -> None:
    club = Club.objects.create(name="c")
    meeting = Meeting.objects.create(title="m")
    meeting.clubs.add(club)
    entries = device(people, Entry)
    made = entries.create(club=club.sync_id, member=people.bob.pk)
    pushed(entries, made)
    assert people.seen("crews.meeting", meeting.sync_id) == {"bob"}
    assert list(club.members.all()) == [people.bob]
    entries.set(made, member=people.ada.pk)
    pushed(entries, made)
    assert people.seen("crews.meeting", meeting.sync_id) == {"ada"}
    entries.delete(made)
    pushed(entries, made)
    assert people.seen("crews.meeting", meeting.sync_id) == set()
    club.members.add(people.bob)
    assert people.seen("crews.meeting", meeting.sync_id) == {"bob"}
    entry = Entry.objects.get()
    assert people.seen("crews.entry", entry.sync_id) == {"ada", "bob"}
    club.members.clear()
    assert people.seen("crews.meeting", meeting.sync_id) == set()
    assert people.seen("crews.entry", entry.sync_id) == set()


def test_a_document_that_cannot_be_read_is_no_obstacle(people: People) -> None:
    site = Site.objects.create(title="s")
    stay = Stay.objects.create(site=site, guest=people.ada)
    Document.objects.filter(sync_id=stay.sync_id).update(state=b"broken")
    Stay.objects.update(guest=people.bob)
    assert people.seen("crews.site", site.sync_id) == {"bob"}
