"""What the checks say about who may sign in: one test for each id."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from django_pulse.checks.project import check_settings
from django_pulse.checks.sign_in import check_anonymous
from django_pulse.mapping.options import SyncOptions, parse
from tests.project.public.models import Notice

from .test_checks import hint, only

DRF_TOKEN = {"AUTHENTICATE": "django_pulse.authenticators.drf_token"}
SIMPLEJWT = {"AUTHENTICATE": "django_pulse.authenticators.simplejwt"}


@pytest.mark.parametrize("given", [DRF_TOKEN, SIMPLEJWT])
def test_what_is_installed_is_fine(settings: Any, given: Any) -> None:
    settings.DJANGO_PULSE = given
    assert check_settings() == []


def test_e080_drf_tokens_without_their_app(settings: Any) -> None:
    settings.DJANGO_PULSE = DRF_TOKEN
    apps = settings.INSTALLED_APPS
    settings.INSTALLED_APPS = [app for app in apps if app != "rest_framework.authtoken"]
    message = only(check_settings())
    assert message.id == "pulse.E080"
    assert hint(message).startswith('Add the line "rest_framework.authtoken",')


def test_e080_without_the_package_tells_how_to_install_it(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJANGO_PULSE = DRF_TOKEN
    apps = settings.INSTALLED_APPS
    settings.INSTALLED_APPS = [app for app in apps if app != "rest_framework.authtoken"]
    monkeypatch.setitem(sys.modules, "rest_framework", None)
    assert "pip install djangorestframework`" in hint(only(check_settings()))


def test_e081_simplejwt_that_is_not_installed(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJANGO_PULSE = SIMPLEJWT
    monkeypatch.setitem(sys.modules, "rest_framework_simplejwt", None)
    message = only(check_settings())
    assert message.id == "pulse.E081"
    assert "pip install djangorestframework-simplejwt" in hint(message)


def test_a_public_model_in_a_project_that_allows_it_is_fine(settings: Any) -> None:
    settings.DJANGO_PULSE = {"ALLOW_ANONYMOUS": True}
    assert check_anonymous() == []


def test_e082_a_public_model_with_an_audience(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJANGO_PULSE = {"ALLOW_ANONYMOUS": True}
    monkeypatch.setattr(Notice, "_sync", SyncOptions(anonymous=True))
    message = only(check_anonymous())
    assert (message.id, message.obj) == ("pulse.E082", Notice)


def test_w083_a_public_model_in_a_project_that_lets_nobody_in(settings: Any) -> None:
    settings.DJANGO_PULSE = {}
    message = only(check_anonymous())
    assert (message.id, message.obj) == ("pulse.W083", Notice)
    assert '"ALLOW_ANONYMOUS": True,' in hint(message)


def test_e084_a_project_that_lets_everybody_in_to_read_nothing(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DJANGO_PULSE = {"ALLOW_ANONYMOUS": True}
    monkeypatch.setattr(Notice, "_sync", SyncOptions(everyone=True))
    assert only(check_anonymous()).id == "pulse.E084"


def test_anonymous_is_true_or_false() -> None:
    class Sync:
        audience = None
        anonymous = "yes"

    options = parse(Sync)
    assert not options.anonymous
    assert [(each.attribute, each.check) for each in options.mistakes] == [
        ("anonymous", "pulse.E011")
    ]
