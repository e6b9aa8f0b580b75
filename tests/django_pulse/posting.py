"""Forms of cards as pages, and pages as they are posted."""

from __future__ import annotations

from typing import Any, TypeVar

from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from django_pulse.forms import SyncModelForm
from django_pulse.models import SyncModel
from tests.django_pulse.browser import posted
from tests.django_pulse.devices import Device
from tests.project.forms.models import Card

__all__ = ["CardForm", "SecretForm", "fresh", "page_of", "post", "written"]

Row = TypeVar("Row", bound=SyncModel)


class CardForm(SyncModelForm):
    class Meta:
        model = Card
        fields = "__all__"
        exclude = ["secret"]


class SecretForm(SyncModelForm):
    class Meta:
        model = Card
        fields = ["title", "secret"]
        widgets = {"secret": forms.PasswordInput}


def fresh(row: Row) -> Row:
    found: Row = type(row)._default_manager.get(pk=row.pk)
    return found


def page_of(row: SyncModel, form: Any = CardForm, **kwargs: Any) -> str:
    return str(form(instance=fresh(row), **kwargs))


def post(page: str, row: SyncModel, form: Any = CardForm, **edits: Any) -> Any:
    """The form as the view gets it that the page is posted to."""
    files = {n: edits.pop(n) for n in tuple(edits) if isinstance(edits[n], SimpleUploadedFile)}
    data = QueryDict(mutable=True)
    for name, values in posted(page, **edits).items():
        data.setlist(name, values)
    return form(data, MultiValueDict({n: [f] for n, f in files.items()}), instance=fresh(row))


def written(row: SyncModel, device: Device, **values: Any) -> None:
    """Somebody else writes the row while the page is open."""
    device.pull(row.sync_id)
    device.set(row.sync_id, **values)
    if device.rows[row.sync_id].clock(device.replica) == device.acked[row.sync_id]:
        return  # what is there already is not written again
    assert [result.status for result in device.push(row.sync_id)] == ["ok"]
