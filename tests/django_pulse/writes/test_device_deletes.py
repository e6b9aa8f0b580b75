"""What goes with a row that a device deletes, as `on_delete` says."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_pulse import writes
from django_pulse.tables import Document, Feed
from django_pulse.writes import PushItem
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.phones import Phone, switchboard, told
from tests.project.constraints.models import Bookmark, File, Folder, Link, Visit
from tests.project.members.models import Article, Tag
from tests.project.relations.models import Task

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def folders(user: Any) -> Device:
    return Device(user, Folder)


def test_what_cascades_goes_and_what_is_set_null_forgets(folders: Device, user: Any) -> None:
    made = folders.create(name="old")
    folders.push()
    folder = Folder.objects.get()
    links = [Link.objects.create(folder=folder, user=user) for _ in range(3)]
    Bookmark.objects.create(folder=folder, user=user)
    Visit.objects.create(folder=folder)
    folders.delete(made)
    [result] = folders.push()
    assert (result.status, result.reverted) == ("ok", {})
    assert [each.objects.count() for each in (Folder, Link, Visit)] == [0, 0, 0]
    for link in links:
        assert Document.objects.get(sync_id=link.sync_id).deleted
    assert Bookmark.objects.get().folder is None
    told = Feed.objects.filter(document__sync_id__in=[each.sync_id for each in links])
    assert told.count() == 3


def test_a_delete_that_others_protect_it_from_is_undone_with_the_reason(
    folders: Device, user: Any
) -> None:
    made, free = folders.create(name="full"), folders.create(name="empty")
    folders.push()
    File.objects.create(folder=Folder.objects.get(sync_id=made), user=user)
    folders.set(made, name="renamed")
    folders.delete(made)
    folders.delete(free)
    full, empty = folders.push()
    assert (full.status, full.reverted["-"]["code"]) == ("ok", "protected")
    assert empty.reverted == {}
    row = Folder.objects.get()
    assert (row.sync_id, row.name) == (made, "renamed"), "the rest of the push stands"
    assert not Document.objects.get(sync_id=made).deleted
    folders.pull()
    assert not folders.schema.is_deleted(folders.rows[made])
    File.objects.all().delete()
    folders.delete(made)
    assert folders.push(made)[0].reverted == {}
    assert not Folder.objects.exists()


@pytest.mark.parametrize("first", ["folder", "file"])
def test_what_protects_a_row_may_go_in_the_same_frame(user: Any, first: str) -> None:
    folders, files = Device(user, Folder), Device(user, File)
    files.replica = folders.replica
    folder = folders.create(name="full")
    folders.push()
    file = files.create(folder=folder)
    files.push()
    folders.delete(folder)
    files.delete(file)
    items = [
        PushItem("constraints.folder", folder, folders.update(folder)),
        PushItem("constraints.file", file, files.update(file)),
    ]
    if first == "file":
        items.reverse()
    results = writes.push(user, folders.replica, items)
    assert [(each.status, each.reverted) for each in results] == [("ok", {})] * 2
    assert [each.objects.count() for each in (Folder, File)] == [0, 0]


def test_links_of_a_deleted_row_go_without_a_word_of_their_own(user: Any) -> None:
    """The document of a row that is about to be deleted is not written in between."""
    with switchboard() as board:
        phones = [Phone(board, user, 4_700 + n) for n in range(2)]
        row = Article.objects.create(title="x")
        row.tags.add(*(Tag.objects.create(name=name) for name in "ab"))
        for phone in phones:
            phone.sync()
        phones[0].replica.delete("members.article", row.sync_id)
        for phone in phones:
            phone.sync()
        _agree(row, phones)


def test_rows_of_one_frame_that_a_deletion_reaches_keep_nothing_of_it(user: Any) -> None:
    with switchboard() as board:
        phones = [Phone(board, user, 4_800 + n) for n in range(2)]
        parent = Task.objects.create(title="parent")
        child = Task.objects.create(title="child", parent=parent)
        gone, linked = (Article.objects.create(title=title) for title in ("gone", "linked"))
        linked.related.add(gone)
        for phone in phones:
            phone.sync()
        replica = phones[0].replica
        replica.delete("relations.task", parent.sync_id)
        replica.set("relations.task", child.sync_id, title="edited")
        replica.delete("members.article", gone.sync_id)
        replica.set("members.article", linked.sync_id, title="edited")
        for phone in phones:
            phone.sync()
        assert not Task.objects.exists()
        assert Document.objects.get(sync_id=child.sync_id).deleted
        assert (values_of(linked)["title"], values_of(linked)["related"]) == ("edited", [])
        for row in (parent, child, gone, linked):
            _agree(row, phones)


def _agree(row: Any, phones: list[Phone]) -> None:
    """Every device has the document that is stored."""
    stored = Document.objects.get(sync_id=row.sync_id)
    for phone in phones:
        assert phone.documents(stored.model)[row.sync_id] == told(bytes(stored.state))
