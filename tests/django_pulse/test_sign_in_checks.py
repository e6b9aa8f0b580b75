"""What the checks say about who may sign in: one test for each id."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from django_pulse.checks import check_settings

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
