"""SyncModels in two databases at once: each has documents, feed and outcomes in its own."""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client, override_settings

from crdt.errors import ReplicaTaken
from crdt.messages import Hello
from django_pulse import identity
from django_pulse.changefeed import feed
from django_pulse.server.backend import Backend
from django_pulse.tables import Clock, Document, Feed, Outbox
from django_pulse.upkeep.adopting import adopt
from django_pulse.upkeep.verifying import verify
from django_pulse.visibility import scopes
from django_pulse.writes.pushes.outcomes import store_outcomes
from tests.django_pulse.phones import Phone, Switchboard, switchboard
from tests.project.elsewhere.models import Circle, Label, Letter, Sheet
from tests.project.elsewhere.router import elsewhere
from tests.project.todo.models import Task

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.databases("sqlite", "postgres"),
]

SHEET, TASK, LABEL = "elsewhere.sheet", "todo.task", "elsewhere.label"
LETTER, CIRCLE = "elsewhere.letter", "elsewhere.circle"


@pytest.fixture(autouse=True)
def _elsewhere() -> Iterator[None]:
    with elsewhere():
        yield


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with switchboard() as made:
        yield made


@pytest.fixture
def phone(board: Switchboard, ada: Any) -> Phone:
    made = Phone(board, ada, 800_001)
    made.sync()
    return made


@pytest.fixture
def other_phone(board: Switchboard, bob: Any) -> Phone:
    made = Phone(board, bob, 800_002)
    made.sync()
    return made


def alias_of(row: Any) -> list[str]:
    """The databases that have the row's document."""
    return [
        alias
        for alias in ("default", "other")
        if Document.objects.using(alias).filter(sync_id=row.sync_id).exists()
    ]


def test_every_way_of_writing_keeps_a_document_where_its_row_is(ada: Any) -> None:
    sheet = Sheet.objects.create(title="a", user=ada)
    task = Task.objects.create(title="t", user=ada)
    assert (alias_of(sheet), alias_of(task)) == (["other"], ["default"])
    sheet.title = "b"
    sheet.save()
    Sheet.objects.update(votes=3)
    made = Sheet.objects.bulk_create([Sheet(title=str(n), user=ada) for n in range(3)])
    made[0].title = "bulk"
    Sheet.objects.bulk_update(made, ["title"])
    label = Label.objects.create(name="l")
    sheet.labels.add(label)
    sheet.refresh_from_db()
    assert sheet.version == 4
    made[1].delete()
    assert {tuple(alias_of(each)) for each in (*made, label)} == {("other",)}
    assert Document.objects.using("other").filter(deleted=True).count() == 1
    for alias, count in (("default", 1), ("other", 5)):
        assert Feed.objects.using(alias).count() == count
        assert not Outbox.objects.using(alias).exists()
    assert [one for step in verify(Sheet, "other") for one in step.findings] == []


def test_devices_have_one_view_of_both(phone: Phone, other_phone: Phone, ada: Any) -> None:
    sheet = Sheet.objects.create(title="server's", user=ada)
    made = phone.replica.create(SHEET, {"title": "device's", "votes": 2})
    task = phone.replica.create(TASK, {"title": "t"})
    label = phone.replica.create(LABEL, {"name": "l"})
    phone.replica.set(SHEET, made, labels=[str(label)], label=label, reviewer=ada.pk)
    phone.sync()
    other_phone.sync()
    assert phone.row(SHEET, sheet.sync_id)["title"] == "server's"
    row = Sheet.objects.get(sync_id=made)
    assert (row.title, row.user_id, row.reviewer_id) == ("device's", ada.pk, ada.pk)
    assert (row.label, list(row.labels.all())) == (Label.objects.get(), [Label.objects.get()])
    assert Task.objects.get().sync_id == task
    assert other_phone.row(LABEL, label)["name"] == "l"
    assert other_phone.replica.get(SHEET, made) is None
    assert other_phone.replica.get(TASK, task) is None
    phone.replica.delete(SHEET, made)
    phone.sync()
    assert list(Sheet.objects.all()) == [sheet]


def test_changes_of_both_are_live(phone: Phone, ada: Any) -> None:
    sheet = Sheet.objects.create(title="a", user=ada)
    task = Task.objects.create(title="a", user=ada)
    phone.exchange()
    Sheet.objects.update(title="b")
    Task.objects.update(title="b")
    assert len(phone.live()) == 2
    phone.exchange()
    assert phone.row(SHEET, sheet.sync_id)["title"] == phone.row(TASK, task.sync_id)["title"] == "b"


def test_a_cursor_of_one_is_none_of_the_other(phone: Phone, ada: Any) -> None:
    heads = feed.scope_heads(ada)
    assert {key.partition("/")[0] for key in heads} == {"default", "other"}
    phone.cut()
    for number in range(3):
        Task.objects.create(title=str(number), user=ada)
    Sheet.objects.create(title="a", user=ada)
    after = feed.scope_heads(ada)
    moved = {key for key in after if after[key] != heads.get(key)}
    assert {key.partition("/")[0] for key in moved} == {"default", "other"}
    phone.sync()
    assert len(list(phone.replica.all(TASK))) == 3
    assert len(list(phone.replica.all(SHEET))) == 1


def test_a_rollback_in_one_leaves_the_other(phone: Phone, ada: Any) -> None:
    with transaction.atomic(using="other"):
        task = Task.objects.create(title="stays", user=ada)
        Sheet.objects.create(title="goes", user=ada)
        transaction.set_rollback(True, using="other")
    phone.sync()
    assert [row.id for row in phone.replica.all(TASK)] == [task.sync_id]
    assert list(phone.replica.all(SHEET)) == []
    assert not Document.objects.using("other").exists()


def test_membership_is_noticed_where_it_is(phone: Phone, other_phone: Phone, ada: Any) -> None:
    circle = phone.replica.create(CIRCLE, {"name": "c", "members": [ada.pk]})
    letter = phone.replica.create(LETTER, {"text": "t", "circle": circle})
    phone.sync()
    assert Letter.objects.get().sync_id == letter
    other_phone.exchange()
    assert other_phone.replica.get(LETTER, letter) is None
    bob = other_phone.user
    Circle.objects.get().members.add(bob)
    other_phone.exchange()
    assert other_phone.row(LETTER, letter)["text"] == "t"
    phone.exchange()
    phone.replica.set(CIRCLE, circle, members=[ada.pk])
    phone.sync()
    other_phone.exchange()
    assert other_phone.replica.get(LETTER, letter) is None
    assert other_phone.replica.get(CIRCLE, circle) is None
    assert (
        scopes.of_user(ada)[f"other/elsewhere.circle/members/{Circle.objects.get().pk}"] == "other"
    )


def test_an_outcome_of_one_that_is_confirmed_leaves_the_others(phone: Phone, ada: Any) -> None:
    task = Task.objects.create(title="a", user=ada)
    sheet = Sheet.objects.create(title="a", user=ada)
    backend = Backend()
    number = phone.number
    undone = {"title": {"value": "b", "code": "denied", "message": "No."}}
    for using, row in (("default", task), ("other", sheet)):
        document: Any = Document.objects.using(using).get(sync_id=row.sync_id)
        store_outcomes(using, number, [(0, document, 1, undone, None)])
    first, second = backend.outcomes(number)
    assert {first.model, second.model} == {TASK, SHEET}
    assert first.id != second.id
    backend.confirm(number, [second.id])
    assert [each.id for each in backend.outcomes(number)] == [first.id]
    backend.confirm(number, [first.id])
    assert backend.outcomes(number) == []


def test_a_restored_database_is_a_new_epoch_whichever_it_was() -> None:
    backend = Backend()
    before = backend.epoch()
    assert backend.epoch() == before
    Clock.objects.using("other").all().delete()
    assert backend.epoch() != before


def test_no_device_is_taken_for_the_server_of_either_database(ada: Any) -> None:
    for using in ("default", "other"):
        with pytest.raises(ReplicaTaken):
            Backend.claim_replica(ada, Hello(identity.replica_id(using), "phone"))


def test_who_wrote_a_conflict_is_known(phone: Phone, board: Switchboard, ada: Any) -> None:
    tablet = Phone(board, ada, 800_003)
    row = Sheet.objects.create(title="a", user=ada)
    phone.sync()
    tablet.sync()
    for each, title in ((phone, "b"), (tablet, "c")):
        each.replica.set(SHEET, row.sync_id, title=title)
    phone.sync()
    tablet.sync()
    found = Sheet.objects.get().conflicts()["title"]
    assert {(each.value, each.author) for each in found} == {("b", ada), ("c", ada)}
    Sheet.objects.get().resolve("title", "d")
    assert Sheet.objects.get().conflicts() == {}


def test_parked_rows_of_both_get_in(phone: Phone) -> None:
    coming = uuid.uuid4()
    made = phone.replica.create(SHEET, {"title": "a", "label": coming})
    phone.sync()
    assert [each.sync_id for each in Sheet.objects.parked()] == [made]
    assert Task.objects.parked() == []
    Label.objects.create(name="l", sync_id=coming)
    assert Sheet.objects.get().label == Label.objects.get()


def test_an_instance_that_was_read_from_a_replica_is_stale_not_new(ada: Any) -> None:
    Sheet.objects.create(title="a", user=ada)
    stale = Sheet.objects.get()
    stale._state.db = "replica"
    Sheet.objects.update(votes=3)
    stale.title = "b"
    with override_settings(DATABASE_ROUTERS=[_Replicated()]):
        stale.save()
        assert len(stale.vector_clock) == 1
    row = Sheet.objects.get()
    assert (row.title, row.votes) == ("b", 3)


class _Replicated:
    """A router that has everything read from a replica."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "other"


def test_rows_past_the_models_are_adopted_where_they_are(ada: Any) -> None:
    row = Sheet.objects.create(title="a", user=ada)
    Document.objects.using("other").all().delete()
    Sheet.objects.using("other").filter(pk=row.pk)._plain().update(version=0)
    assert sum(step.rows for step in adopt(Sheet, "other")) == 1
    assert alias_of(row) == ["other"]


def test_the_admin_shows_the_documents_of_each_database(client: Client, ada: Any) -> None:
    ada.is_staff = ada.is_superuser = True
    ada.save()
    client.force_login(ada)
    sheet = Sheet.objects.create(title="far", user=ada)
    task = Task.objects.create(title="near", user=ada)
    # Their keys may be the same: which is meant is said by the list that a page was opened from.
    documents = {
        alias: Document.objects.using(alias).get(sync_id=row.sync_id)
        for alias, row in (("default", task), ("other", sheet))
    }
    for query, here, there in (("", task, sheet), ("?database=other", sheet, task)):
        listed = client.get(f"/admin/django_pulse/document/{query}").content.decode()
        assert str(here.sync_id) in listed
        assert str(there.sync_id) not in listed
        assert "?database=other" in listed
        alias = "other" if query else "default"
        [link] = re.findall(rf'href="([^"]*/{documents[alias].pk}/change/[^"]*)"', listed)
        page = client.get(html.unescape(link)).content.decode()
        assert str(here.sync_id) in page
        assert here.title in page
        assert client.get(f"/admin/django_pulse/outcome/{query}").status_code == 200
    nowhere = client.get("/admin/django_pulse/document/?database=nowhere").content.decode()
    assert str(task.sync_id) in nowhere
