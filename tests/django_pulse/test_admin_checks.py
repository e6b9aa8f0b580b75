"""What the checks say about admin pages: one test for each id."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django import forms
from django.contrib import admin
from django.core.checks import CheckMessage

from django_pulse.admin import SyncAdmin, SyncTabularInline
from django_pulse.checks.admin import check_admin, check_site
from tests.project.forms.models import Board, Card, Label, Step
from tests.project.forms.site import site as good_site

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def site() -> Iterator[admin.AdminSite]:
    site = admin.AdminSite("checked")
    yield site
    site._registry.clear()  # Django knows the site until it is collected


def only(site: admin.AdminSite) -> CheckMessage:
    (message,) = check_site(site)
    assert message.hint
    return message


class PlainForm(forms.ModelForm):  # type: ignore[type-arg]
    """Carries no base."""


def test_pages_of_ours_are_fine_and_other_models_are_nobodys_business(
    site: admin.AdminSite,
) -> None:
    site.register(Label)
    assert list(check_site(site)) == list(check_site(good_site)) == []
    assert check_admin() == []


def test_w060_a_plain_model_admin(site: admin.AdminSite) -> None:
    site.register(Card)
    message = only(site)
    assert (message.id, message.obj) == ("pulse.W060", admin.ModelAdmin)
    assert list(check_site(site, {"auth"})) == []


def test_w061_a_form_without_a_base(site: admin.AdminSite) -> None:
    site.register(Board, SyncAdmin, form=PlainForm)
    message = only(site)
    assert message.id == "pulse.W061"
    assert "Derive PlainForm from django_pulse.forms.SyncModelForm" in (message.hint or "")


def test_w061_also_in_inlines(site: admin.AdminSite) -> None:
    class StepInline(SyncTabularInline):
        model = Step
        form = PlainForm  # type: ignore[assignment]

    site.register(Card, SyncAdmin, inlines=[StepInline])
    assert (only(site).id, only(site).obj) == ("pulse.W061", StepInline)


def test_w062_a_plain_inline(site: admin.AdminSite) -> None:
    class StepInline(admin.TabularInline):  # type: ignore[type-arg]
        model = Step

    site.register(Card, SyncAdmin, inlines=[StepInline])
    message = only(site)
    assert (message.id, message.obj) == ("pulse.W062", StepInline)


WITHOUT_THE_ADMIN = """
import sys
import django
from django.conf import settings
from django.core import checks
names = ["contenttypes", "auth"]
settings.configure(
    INSTALLED_APPS=[*(f"django.contrib.{name}" for name in names), "channels", "django_pulse"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
import django_pulse.forms, django_pulse.formsets, django_pulse.rest
checks.run_checks()
ours = "django_pulse.checks.admin"
assert not [name for name in sys.modules if name.endswith(".admin") and name != ours]
assert not [name for name in sys.modules if "rest_framework" in name]
"""


def test_without_the_admin_nothing_of_it_is_imported() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_THE_ADMIN], cwd=CHECKOUT, check=True)
