"""`SyncModelForm`: what was not edited on the page leaves the row alone, the rest is merged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import override_settings

from django_pulse.forms import BASE_FIELD, SyncModelForm
from tests.django_pulse.browser import posted
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.posting import CardForm, SecretForm, fresh, page_of, post, written
from tests.project.forms.models import Board, Card, Label, Shortcut

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture(autouse=True)
def media(tmp_path: Path) -> Any:
    with override_settings(MEDIA_ROOT=tmp_path):
        yield


def scanned(card: Card) -> bytes:
    with fresh(card).scan.open() as file:
        content: bytes = file.read()
        return content


@pytest.fixture
def card() -> Card:
    card: Card = Card.objects.create(
        title="Paint",
        notes="the fence",
        story=" first\nsecond ",
        votes=5,
        due=datetime(2026, 5, 1, 12, 30, 15, 123456, tzinfo=UTC),
        data={"a": [1, 2.5], "b": None},
        secret="hush",
    )
    return card


@pytest.fixture
def device() -> Device:
    return Device(get_user_model().objects.create_user("ada"), Card)


def test_a_page_posted_as_it_was_writes_nothing(card: Card) -> None:
    page, before = page_of(card), values_of(card)
    form = post(page, card)
    assert form.is_valid(), form.errors
    assert form.changed_data == []
    form.save()
    assert fresh(card).version == 1
    assert values_of(card) == before


def test_only_the_field_that_was_edited_is_written(card: Card, device: Device) -> None:
    page = page_of(card)
    written(
        card, device, title="Paint it", votes=9, done=True, story="third", due=None, data={"c": 1}
    )
    form = post(page, card, notes="the wall")
    assert form.is_valid(), form.errors
    assert form.changed_data == ["notes"]
    form.save()
    row = fresh(card)
    assert (row.notes, row.title, row.votes, row.done) == ("the wall", "Paint it", 9, True)
    assert (row.story, row.due, row.data) == ("third", None, {"c": 1})


def test_both_edited_it_and_the_rule_merges(card: Card, device: Device) -> None:
    page = page_of(card)
    written(card, device, votes=8, notes="the old fence", title="Paint it")
    form = post(page, card, votes="7", notes="the fence twice", title="Paint me")
    assert form.is_valid(), form.errors
    form.save()
    row = fresh(card)
    assert (row.votes, row.notes, row.title) == (10, "the old fence twice", "Paint me")
    told = {each.name: (each.theirs, each.result, each.edited) for each in form.meanwhile}
    assert told == {
        "votes": (8, 10, True),
        "notes": ("the old fence", "the old fence twice", True),
        "title": ("Paint it", "Paint me", True),
    }


def test_what_happens_between_validation_and_saving_is_merged_too(
    card: Card, device: Device
) -> None:
    page = page_of(card)
    form = post(page, card, votes="6")
    assert form.is_valid()
    written(card, device, votes=9, title="Paint it")
    form.save()
    assert (fresh(card).votes, fresh(card).title) == (10, "Paint it")


def test_lines_spaces_and_microseconds_are_no_edits(card: Card, device: Device) -> None:
    """Nothing that only the way through HTML did to a value is written."""
    page = page_of(card)
    form = post(page, card, title="Paint it")
    assert form.changed_data == ["title"]
    form.save()
    row = fresh(card)
    assert row.story == " first\nsecond "
    assert row.due == datetime(2026, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
    assert "\r" not in values_of(card)["story"]


def test_an_edited_text_keeps_the_line_ends_it_had(card: Card) -> None:
    form = post(page_of(card), card, story="first\r\nsecond\r\nthird")
    form.save()
    assert fresh(card).story == "first\nsecond\nthird"


def test_the_merged_value_is_validated(card: Card, device: Device) -> None:
    page = page_of(card)
    written(card, device, notes="the fence" + "x" * 35)
    form = post(page, card, notes="y" * 35 + "the fence")
    assert not form.is_valid()
    (problem,) = form.errors["notes"]
    assert problem.startswith("Merged with what somebody else saved meanwhile, this is “yyy")
    assert "at most 60 characters (it has 79)" in problem
    assert fresh(card).notes == "the fence" + "x" * 35


def test_clean_sees_the_row_as_it_will_be(card: Card, device: Device) -> None:
    page = page_of(card)
    written(card, device, votes=-3)
    form = post(page, card, done="on")
    assert not form.is_valid()
    assert list(form.errors) == ["done"]
    assert fresh(card).done is False


def test_a_form_shown_again_keeps_its_base(card: Card, device: Device) -> None:
    page = page_of(card)
    written(card, device, votes=8)
    refused = post(page, card, votes="6", title="")
    assert list(refused.errors) == ["title"]
    form = post(str(refused), card, title="Paint it")
    assert form.is_valid(), form.errors
    form.save()
    assert (fresh(card).votes, fresh(card).title) == (9, "Paint it")


@pytest.mark.parametrize("forge", ["nonsense", "other row", "other form", "other value"])
def test_a_forged_base_is_refused(card: Card, forge: str) -> None:
    page = page_of(card)
    other = page_of(Card.objects.create(title="other"))
    if forge == "nonsense":
        token = "nonsense"
    elif forge == "other row":
        (token,) = posted(other)[BASE_FIELD]
    elif forge == "other form":
        (token,) = posted(page_of(card, SecretForm))[BASE_FIELD]
    else:
        (token,) = posted(page)[BASE_FIELD]
        token = ("a" if token[0] != "a" else "b") + token[1:]
    form = post(page, card, title="Paint it", pulse_base=token)
    assert not form.is_valid()
    assert "Reload it" in form.non_field_errors()[0]
    assert fresh(card).title == "Paint"


def test_without_a_base_it_is_django_s_own_form(card: Card, device: Device) -> None:
    page = page_of(card)
    written(card, device, votes=9)
    form = post(page, card, title="Paint it", pulse_base=None)
    assert form.is_valid(), form.errors
    form.save()
    assert (fresh(card).title, fresh(card).votes) == ("Paint it", 5)


def test_a_base_holds_what_the_form_shows_and_no_more(card: Card) -> None:
    (token,) = posted(page_of(card, SecretForm))[BASE_FIELD]
    base = SecretForm(instance=card).shown()
    assert base == {"title": "Paint"}
    assert len(token) < 100
    form = post(page_of(card, SecretForm), card, SecretForm, secret="louder")
    form.save()
    assert (fresh(card).secret, fresh(card).story) == ("louder", " first\nsecond ")


def test_a_new_row_needs_no_base() -> None:
    page = str(CardForm())
    data = QueryDict(mutable=True)
    for name, values in posted(page, title="New").items():
        data.setlist(name, values)
    assert data[BASE_FIELD] == ""
    form = CardForm(data)
    assert form.is_valid(), form.errors
    assert form.save().title == "New"


def test_a_suggested_value_is_an_edit(card: Card) -> None:
    """`initial` is what the page shows, though it is not what the row holds."""
    form = post(page_of(card, initial={"title": "Suggested"}), card)
    assert form.is_valid()
    form.save()
    assert fresh(card).title == "Suggested"


def test_foreign_keys_that_were_not_touched_stay_what_others_made_of_them(card: Card) -> None:
    red, blue = (Board.objects.create(name=name) for name in ("red", "blue"))
    Card.objects.update(board=red)
    page = page_of(card)
    Card.objects.update(board=blue)
    post(page, card, title="Paint it").save()
    assert (fresh(card).board, fresh(card).title) == (blue, "Paint it")
    post(page, card, board="").save()
    assert fresh(card).board is None


def test_files_that_were_not_chosen_stay_what_others_made_of_them(card: Card) -> None:
    card.scan.save("one.txt", ContentFile(b"one"))
    page = page_of(card)
    other = fresh(card)
    other.scan.save("two.txt", ContentFile(b"two"))
    post(page, card, title="Paint it").save()
    assert scanned(card) == b"two"
    post(page, card, scan=SimpleUploadedFile("three.txt", b"three")).save()
    assert scanned(card) == b"three"
    clear = {"scan-clear": "on"}
    post(page_of(card), card, **clear).save()
    assert not fresh(card).scan


def test_of_a_set_only_what_was_added_and_removed_is_written(card: Card) -> None:
    red, blue, green, grey = (Label.objects.create(name=n) for n in ("red", "blue", "gr", "grey"))
    card.labels.set([red, blue])
    page = page_of(card)
    card.labels.remove(red)
    card.labels.add(grey)
    form = post(page, card, labels=[red.pk, green.pk])
    assert form.is_valid(), form.errors
    assert form.changed_data == ["labels"]
    assert set(form.cleaned_data["labels"]) == {green, grey}
    card.labels.add(blue)  # once more, before it is saved
    form.save()
    assert set(card.labels.all()) == {green, grey}
    form = post(page_of(card), card, title="Paint it")
    assert form.changed_data == ["title"]
    card.labels.add(blue)
    form.save(commit=False).save()
    form.save_m2m()
    assert set(card.labels.all()) == {green, grey, blue}


def test_prefixes_and_views_that_save_later(card: Card, device: Device) -> None:
    page = page_of(card, prefix="a")
    written(card, device, votes=8)
    data = QueryDict(mutable=True)
    for name, values in posted(page, **{"a-votes": "6"}).items():
        data.setlist(name, values)
    form = CardForm(data, instance=fresh(card), prefix="a")
    row = form.save(commit=False)
    row.title = "By the view"
    row.save()
    assert (fresh(card).votes, fresh(card).title) == (9, "By the view")


def test_json_is_compared_as_json(card: Card, device: Device) -> None:
    page = page_of(card)
    form = post(page, card, data=json.dumps({"b": None, "a": [1, 2.5]}))
    assert form.changed_data == []
    written(card, device, data={"theirs": True})
    form = post(page, card, data='{"a": [1, 2.5], "b": 2}')
    form.save()
    assert form.changed_data == ["data"]
    assert fresh(card).data == {"a": [1, 2.5], "b": 2}


def test_a_row_whose_document_is_behind_is_merged_as_it_is(card: Card) -> None:
    """Columns written past the models are what the page's edit is merged with."""
    from django.db import models

    page = page_of(card)
    models.QuerySet(Card).update(votes=20, notes="the green fence")
    post(page, card, votes="6", notes="the fence now").save()
    assert (fresh(card).votes, fresh(card).notes) == (21, "the green fence now")


class ShortcutForm(SyncModelForm):
    class Meta:
        model = Shortcut
        fields = ["title", "votes"]


def test_a_proxy_is_the_model_behind_it(card: Card, device: Device) -> None:
    shortcut = Shortcut.objects.get()
    page = str(ShortcutForm(instance=shortcut))
    written(card, device, votes=8, title="Paint it")
    data = {name: values[0] for name, values in posted(page, votes=6).items()}
    form = ShortcutForm(data, instance=Shortcut.objects.get())
    form.save()
    assert (fresh(card).votes, fresh(card).title) == (9, "Paint it")
