"""What receivers of Django's signals do while rows are written: nothing is half written, the other
rows of a push come through, and rows and documents agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.db.models.signals import (
    ModelSignal,
    m2m_changed,
    post_delete,
    post_save,
    pre_delete,
    pre_save,
)

from django_pulse.signals import DEVICE
from django_pulse.tables import Document
from django_pulse.upkeep.verifying import verify
from tests.django_pulse.devices import Device, values_of
from tests.project.members.models import Article, Tag
from tests.project.todo.models import Note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

ROWS = 100


class MisbehavedError(Exception):
    """What a receiver raises."""


def fail(note: Note) -> None:
    raise MisbehavedError(note.title)


def update_the_row(note: Note) -> None:
    Note.objects.filter(pk=note.pk).update(reviewed_by="ada")


def save_the_row(note: Note) -> None:
    for row in Note.objects.filter(pk=note.pk):
        row.reviewed_by = "ada"
        row.save()


def save_the_instance(note: Note) -> None:
    note.reviewed_by = "ada"
    note.save()


def save_others(note: Note) -> None:
    """One that nothing is done to, and one that another receiver spoils."""
    for other in Note.objects.filter(title__in=["other", "delete_the_row"]):
        other.reviewed_by = "ada"
        other.save()


def create_another(note: Note) -> None:
    Note.objects.create(title="made here", user_id=note.user_id)


def delete_the_row(note: Note) -> None:
    Note.objects.filter(pk=note.pk).delete()


def delete_another(note: Note) -> None:
    Note.objects.filter(title="victim").delete()


ACTS: dict[str, Callable[[Note], None]] = {
    act.__name__: act
    for act in (
        fail,
        update_the_row,
        save_the_row,
        save_the_instance,
        save_others,
        create_another,
        delete_the_row,
        delete_another,
    )
}
TITLES = [*ACTS, "other", "victim", *map(str, range(ROWS - len(ACTS) - 2))]


@contextmanager
def receiving(signal: ModelSignal) -> Iterator[None]:
    """Each row does what its title says, but for what that sends signals of itself."""
    acting = False

    def receive(sender: type[Model], instance: Note, **kwargs: Any) -> None:
        nonlocal acting
        if instance.title in ACTS and not acting:
            acting = True
            try:
                ACTS[instance.title](instance)
            finally:
                acting = False

    signal.connect(receive, sender=Note)
    try:
        yield
    finally:
        signal.disconnect(receive, sender=Note)


def checked() -> dict[str, Note]:
    """The rows there are, by title: each says what its document says, and what is gone is a
    tombstone.
    """
    assert not [one for step in verify(Note, "default") for one in step.findings]
    there = {note.title: note for note in Note.objects.all()}
    for note in there.values():
        values = values_of(note)
        assert (values["votes"], values["reviewed_by"]) == (note.votes, note.reviewed_by)
    alive = Document.objects.filter(deleted=False).values_list("sync_id", flat=True)
    assert {note.sync_id for note in there.values()} == {*alive}
    return there


@pytest.fixture
def phone() -> Device:
    return Device(get_user_model().objects.create_user("ada"), Note)


@pytest.mark.parametrize("signal", [post_save, pre_delete, post_delete])
def test_receivers_spoil_no_push_of_a_hundred_rows(phone: Device, signal: ModelSignal) -> None:
    rows = {title: phone.create(title=title) for title in TITLES}
    phone.push()
    deletes = {*ACTS, "victim"} if signal is not post_save else set()
    for number, (title, row) in enumerate(rows.items()):
        if title in deletes:
            phone.delete(row)
        else:
            phone.set(row, votes=number)
    with receiving(signal):
        results = dict(zip(rows, phone.push(), strict=True))
    refused = {"fail"} if deletes else set()
    assert {title for title, result in results.items() if result.status != "ok"} == refused
    there = checked()
    if deletes:
        # In a receiver of `post_delete` a save makes the row anew, as in Django.
        back = {"save_the_instance"} if signal is post_delete else set()
        assert rows.keys() - there.keys() == deletes - refused - back
        assert results["fail"].code == "internal"
    else:
        assert rows.keys() - there.keys() == {"delete_the_row", "victim"}
    assert there["other"].reviewed_by == "ada"
    assert there.keys() - rows.keys() == {"made here"}
    for number, title in enumerate(rows):
        if title in there and title not in deletes:
            assert there[title].votes == number


@pytest.mark.parametrize("signal", [pre_save, post_save, pre_delete, post_delete])
def test_receivers_spoil_no_save_and_no_deletion(phone: Device, signal: ModelSignal) -> None:
    owner = phone.user
    for title in TITLES[: len(ACTS) + 2]:
        Note.objects.create(title=title, user=owner)
    with receiving(signal):
        for note in Note.objects.order_by("pk"):
            with suppress(MisbehavedError, Note.DoesNotExist):
                if signal in (pre_delete, post_delete):
                    note.delete()
                else:
                    note.votes = 5
                    note.save()
            checked()
    assert checked().keys() >= {"fail", "made here"}


def test_links_that_a_device_makes_and_ends_are_told_as_those_of_the_orm(phone: Device) -> None:
    told: list[dict[str, Any]] = []

    def receive(signal: Any, **kwargs: Any) -> None:
        told.append(kwargs | {"pk_set": sorted(kwargs["pk_set"] or ())})

    def news() -> list[dict[str, Any]]:
        heard = [{**each, "origin": each.get("origin")} for each in told]
        told.clear()
        return heard

    tags = [Tag.objects.create(name=name) for name in "abc"]
    keys = [str(tag.sync_id) for tag in tags]
    twin = Article.objects.create(title="twin")
    tablet = Device(phone.user, Article)
    made = tablet.create(title="x")
    tablet.push()
    row = Article.objects.get(sync_id=made)
    throughs = (Article.tags.through, Article.twins.through)
    for through in throughs:
        m2m_changed.connect(receive, sender=through)
    try:
        tablet.set(made, tags=keys[:2], twins=[str(twin.sync_id)])
        tablet.push(made)
        added = news()
        tablet.set(made, tags=keys[2:])
        tablet.push(made)
        changed = news()
        row.tags.clear()
        news()
        row.tags.add(*tags[:2])
        row.twins.set([twin])
        row.twins.clear()
        row.twins.add(twin)
        by_hand = [each for each in news() if "clear" not in each["action"]]
        row.tags.remove(*tags[:2])
        row.tags.add(tags[2])
        changed_by_hand = news()
    finally:
        for through in throughs:
            m2m_changed.disconnect(receive, sender=through)
    differing = {"origin": DEVICE, "raw": False}  # Django says `raw` from 6.1 on
    assert added == [each | differing for each in by_hand]
    assert changed == [each | differing for each in changed_by_hand]
    assert {tag.pk for tag in tags[:2]} == {*added[0]["pk_set"]}


def test_what_a_receiver_of_links_does_is_a_save_like_any_other(phone: Device) -> None:
    tag = Tag.objects.create(name="a")
    tablet = Device(phone.user, Article)

    def receive(instance: Article, action: str, origin: Any = None, **kwargs: Any) -> None:
        if origin != DEVICE:
            return
        instance.title += f" {action}"
        instance.save()
        if action == "post_add":
            instance.tags.add(Tag.objects.create(name="b"))
            raise MisbehavedError

    m2m_changed.connect(receive, sender=Article.tags.through)
    try:
        made = tablet.create(title="x", tags=[str(tag.sync_id)])
        assert tablet.push()[0].status == "ok"
    finally:
        m2m_changed.disconnect(receive, sender=Article.tags.through)
    row = Article.objects.get(sync_id=made)
    assert row.title.startswith("x pre_add post_add")
    assert {each.name for each in row.tags.all()} == {"a", "b"}
    assert set(values_of(row)["tags"]) == {str(each.sync_id) for each in row.tags.all()}
    assert not [one for step in verify(Article, "default") for one in step.findings]
