"""The admin: pages write what was edited on them, and tell what others did meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Permission
from django.test import Client, override_settings

from crdt.messages import Hello
from django_pulse.forms import BASE_FIELD
from django_pulse.sign_in import replicas
from django_pulse.tables import Device as StoredDevice
from django_pulse.tables import Document, Outcome
from tests.django_pulse.browser import posted
from tests.django_pulse.devices import Device
from tests.project.forms.models import Board, Card, Label, Step

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture(autouse=True)
def pages() -> Any:
    with override_settings(ROOT_URLCONF="tests.project.forms.urls"):
        yield


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_superuser("ada")


@pytest.fixture
def client(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def card() -> Card:
    card: Card = Card.objects.create(title="Paint", notes="the fence", votes=5)
    return card


def url_of(row: Any) -> str:
    return f"/admin/forms/{row._meta.model_name}/{row.pk}/change/"


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def save(client: Client, url: str, page: str, **edits: Any) -> tuple[Any, list[str]]:
    """Post the page with some edits; the response, and the messages it comes with."""
    response = client.post(url, posted(page, _save="Save", **edits), follow=True)
    assert response.status_code == 200
    return response, [str(message) for message in response.context["messages"]]


def written(user: Any, row: Any, **values: Any) -> None:
    device = Device(user, type(row))
    device.pull(row.sync_id)
    device.set(row.sync_id, **values)
    assert [result.status for result in device.push(row.sync_id)] == ["ok"]


def test_only_what_was_edited_is_written_and_the_rest_is_told(
    client: Client, user: Any, card: Card
) -> None:
    before = page(client, url_of(card))
    written(user, card, title="Paint it", votes=8, notes="the old fence")
    _, told = save(client, url_of(card), before, votes="6", notes="the fence now", story="x")
    row = Card.objects.get()
    assert (row.title, row.votes, row.notes, row.story) == (
        "Paint it", 9, "the old fence now", "x",
    )  # fmt: skip
    assert (
        "Somebody else changed “Paint it” while you were editing it. Title is now “Paint it”. "
        "Notes: they made it “the old fence”, with your edit it is “the old fence now”. "
        "Votes: they made it “8”, with your edit it is “9”."
    ) in told


def test_a_page_posted_as_it_was_writes_nothing_and_tells_nothing(
    client: Client, card: Card
) -> None:
    _, told = save(client, url_of(card), page(client, url_of(card)))
    assert Card.objects.get().version == 1
    assert len(told) == 1


def test_errors_show_the_page_again_with_its_base(client: Client, user: Any, card: Card) -> None:
    before = page(client, url_of(card))
    written(user, card, votes=8)
    response, _ = save(client, url_of(card), before, votes="6", title="")
    assert "Please correct the error below" in response.content.decode()
    _, told = save(client, url_of(card), response.content.decode(), title="Paint it")
    assert (Card.objects.get().title, Card.objects.get().votes) == ("Paint it", 9)
    assert "Somebody else" in " ".join(told)


def test_a_forged_base_asks_to_reload(client: Client, card: Card) -> None:
    before = page(client, url_of(card))
    response, _ = save(client, url_of(card), before, title="x", **{BASE_FIELD: "forged"})
    assert "Reload it, and make your edit again." in response.content.decode()
    assert Card.objects.get().title == "Paint"


def test_labels_are_added_and_removed(client: Client, card: Card) -> None:
    red, blue, green = (Label.objects.create(name=name) for name in ("red", "blue", "green"))
    card.labels.set([red])
    before = page(client, url_of(card))
    card.labels.add(green)
    _, told = save(client, url_of(card), before, labels=[blue.pk])
    assert set(card.labels.all()) == {blue, green}
    assert "with your edit it is “blue, green”" in " ".join(told)


def test_inlines_write_what_was_edited(client: Client, user: Any, card: Card) -> None:
    one, two, gone = (card.step_set.create(text=text) for text in ("one", "two", "gone"))
    before = page(client, url_of(card))
    written(user, one, done=True, text="first")
    written(user, two, done=True)
    places = {posted(before)[f"step_set-{place}-id"][0]: f"step_set-{place}" for place in range(3)}
    _, told = save(
        client,
        url_of(card),
        before,
        **{
            f"{places[str(two.pk)]}-text": "second",
            f"{places[str(gone.pk)]}-DELETE": "on",
            "step_set-TOTAL_FORMS": "4",
            "step_set-3-text": "new",
            "step_set-3-card": str(card.pk),
        },
    )
    rows = sorted(Step.objects.values_list("text", "done"))
    assert rows == [("first", True), ("new", False), ("second", True)]
    assert "Somebody else changed “second” while you were editing it. Done is now “True”." in told


def test_stacked_inlines_too(client: Client, user: Any, card: Card) -> None:
    board = Board.objects.create(name="all")
    card.board = board
    card.save()
    before = page(client, url_of(board))
    written(user, card, votes=9)
    save(client, url_of(board), before, **{"card_set-0-title": "Paint it"})
    assert Card.objects.values_list("title", "votes").get() == ("Paint it", 9)


def test_a_forged_base_of_inlines_writes_none_of_them(client: Client, card: Card) -> None:
    card.step_set.create(text="one")
    before = page(client, url_of(card))
    edits = {"step_set-0-text": "x", "step_set-PULSE_BASE": "forged"}
    response, _ = save(client, url_of(card), before, **edits)
    assert "Reload it" in response.content.decode()
    assert Step.objects.get().text == "one"


def test_editable_lists_write_what_was_edited(client: Client, user: Any, card: Card) -> None:
    other = Card.objects.create(title="other", votes=1)
    url = "/admin/forms/card/"
    before = page(client, url)
    written(user, card, votes=8, title="Paint it")
    data = posted(before)
    place = next(p for p in ("0", "1") if data[f"form-{p}-id"] == [str(card.pk)])
    _, told = save(client, url, before, **{f"form-{place}-votes": "6"})
    assert Card.objects.values_list("title", "votes").get(pk=card.pk) == ("Paint it", 9)
    assert Card.objects.get(pk=other.pk).version == 1
    assert "1 card was changed successfully." in told
    assert any("Somebody else changed “Paint it”" in each for each in told)


def test_save_as_makes_a_row_of_what_the_page_says(client: Client, user: Any, card: Card) -> None:
    card.step_set.create(text="one")
    before = page(client, url_of(card))
    written(user, card, title="Paint it", votes=8)
    data = posted(before, _saveasnew="1", votes="6")
    assert client.post(url_of(card), data).status_code == 302
    made = Card.objects.exclude(pk=card.pk).get()
    assert (made.title, made.votes, made.sync_id == card.sync_id) == ("Paint", 6, False)
    assert made.step_set.get().text == "one"


def test_who_may_only_look_sees_no_base(card: Card) -> None:
    viewer = get_user_model().objects.create_user("eve", is_staff=True)
    create_permissions(apps.get_app_config("forms"), verbosity=0)
    viewer.user_permissions.add(
        Permission.objects.get(codename="view_card", content_type__app_label="forms")
    )
    client = Client()
    client.force_login(viewer)
    assert BASE_FIELD not in posted(page(client, url_of(card)))
    assert client.post(url_of(card), {"title": "x"}).status_code == 403


def test_new_rows_are_made_and_rows_edited_meanwhile_are_deleted(
    client: Client, user: Any, card: Card
) -> None:
    url = "/admin/forms/step/add/"
    save(client, url, page(client, url), text="one", card=card.pk)
    assert Step.objects.get().text == "one"
    before = page(client, url_of(card).replace("change", "delete"))
    written(user, card, title="Paint it")
    client.post(url_of(card).replace("change", "delete"), posted(before))
    assert not Card.objects.exists()
    response = client.get(url_of(card), follow=True)
    assert "Perhaps it was deleted?" in response.content.decode()


@override_settings(ROOT_URLCONF="tests.project.urls")
def test_the_tables_behind_are_shown_and_not_edited(client: Client, user: Any, card: Card) -> None:
    device = Device(user, Card)
    replicas.claim_replica(user, Hello(device.replica, "ada's phone"))
    device.pull(card.sync_id)
    device.set(card.sync_id, title="<b>Paint</b>", done=True)
    device.push()
    document = Document.objects.get(model="forms.card")
    outcome = Outcome.objects.create(replica=1, document=document, clock=3, payload={"a": 1})
    rows = {"document": document, "outcome": outcome, "device": StoredDevice.objects.get()}
    for name, row in rows.items():
        url = f"/admin/django_pulse/{name}/"
        page(client, url)
        page(client, f"{url}{row.pk}/change/")
        assert client.get(f"{url}add/").status_code == 403
        assert client.post(f"{url}{row.pk}/change/", {}).status_code == 403
        assert client.post(f"{url}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    text = page(client, f"/admin/django_pulse/document/{document.pk}/change/")
    assert "&lt;b&gt;Paint&lt;/b&gt;" in text
    assert "the fence" in text
    assert "<td>ada</td>" in text
    text = page(client, "/admin/django_pulse/document/?parked__isempty=0")
    assert "0 documents" in text
