"""What the checks say about a project's settings: one test for each id."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.core import checks
from django.core.checks import CheckMessage
from django.db import connections

from django_pulse.checks.project import check_databases, check_project, check_settings


def only(found: list[CheckMessage]) -> CheckMessage:
    (message,) = found
    assert message.hint
    return message


def hint(message: CheckMessage) -> str:
    assert message.hint is not None
    return message.hint


def authenticate(token: str) -> None:
    """What AUTHENTICATE may name."""


@pytest.mark.django_db(databases="__all__")  # some checks ask what a database can do
def test_the_test_project_passes_every_check(settings: Any) -> None:
    settings.DEBUG = True
    assert [each for each in checks.run_checks() if not each.is_silenced()] == []


def test_the_checks_are_registered() -> None:
    from django.core.checks.registry import registry

    names = {getattr(check, "__name__", "") for check in registry.registered_checks}
    assert {"check_settings", "check_project", "check_databases", "check_models"} <= names


@pytest.mark.parametrize("given", [None, {}, {"POLL_SECONDS": 0.5, "AUTHENTICATE": None}])
def test_fit_settings_are_fine(settings: Any, given: Any) -> None:
    settings.DJANGO_PULSE = given
    assert check_settings() == []


def test_e001_settings_that_are_no_dictionary(settings: Any) -> None:
    settings.DJANGO_PULSE = ["POLL_SECONDS"]
    assert only(check_settings()).id == "pulse.E001"


def test_e002_an_unknown_setting_and_the_one_that_was_meant(settings: Any) -> None:
    settings.DJANGO_PULSE = {"POLL_SECOND": 3}
    message = only(check_settings())
    assert message.id == "pulse.E002"
    assert "'POLL_SECONDS'" in hint(message)


def test_e002_an_unknown_setting_that_resembles_none_lists_all(settings: Any) -> None:
    settings.DJANGO_PULSE = {"XYZ": 3}
    assert "AUTHENTICATE, ALLOW_ANONYMOUS, " in hint(only(check_settings()))


@pytest.mark.parametrize(
    "given",
    [
        {"POLL_SECONDS": "15"},
        {"POLL_SECONDS": 0},
        {"PAGE_ROWS": 1.5},
        {"THREADS": True},
        {"THREAD_SENSITIVE": 1},
        {"AUTHENTICATE": authenticate},
    ],
)
def test_e003_a_value_of_the_wrong_type(settings: Any, given: Any) -> None:
    settings.DJANGO_PULSE = given
    message = only(check_settings())
    assert message.id == "pulse.E003"
    assert "the default is" in hint(message)


@pytest.mark.parametrize("path", ["nowhere.at_all", "plainword", "django_pulse.conf.SETTINGS_NAME"])
def test_e004_an_authenticate_that_cannot_be_called(settings: Any, path: str) -> None:
    settings.DJANGO_PULSE = {"AUTHENTICATE": path}
    message = only(check_settings())
    assert message.id == "pulse.E004"
    assert path in message.msg


def test_e004_not_for_a_function(settings: Any) -> None:
    settings.DJANGO_PULSE = {"AUTHENTICATE": f"{__name__}.authenticate"}
    assert check_settings() == []


def test_w001_channels_is_not_installed(settings: Any) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "channels"]
    message = only(check_project())
    assert message.id == "pulse.W001"
    assert '"channels",' in hint(message)


def test_w002_no_asgi_application(settings: Any) -> None:
    settings.ASGI_APPLICATION = None
    message = only(check_project())
    assert message.id == "pulse.W002"
    assert 'ASGI_APPLICATION = "tests.project.asgi.application"' in hint(message)


@pytest.mark.parametrize("layers", [{}, {"other": {}}, None])
def test_w003_no_channel_layer(settings: Any, layers: Any) -> None:
    settings.CHANNEL_LAYERS = layers
    message = only(check_project())
    assert message.id == "pulse.W003"
    assert "channels.layers.InMemoryChannelLayer" in hint(message)


@pytest.fixture
def without_daphne(settings: Any) -> Any:
    from django.core.management import get_commands

    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "daphne"]
    commands: Any = get_commands  # a functools.cache, which Django's types do not say
    commands.cache_clear()
    yield
    commands.cache_clear()


@pytest.mark.usefixtures("without_daphne")
def test_w004_runserver_cannot_speak_websocket(settings: Any) -> None:
    settings.DEBUG = True
    message = only(check_project())
    assert message.id == "pulse.W004"
    assert '"daphne",' in hint(message)


@pytest.mark.usefixtures("without_daphne")
def test_w004_also_where_runserver_is_started_without_debug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["manage.py", "runserver"])
    assert only(check_project()).id == "pulse.W004"


@pytest.mark.usefixtures("without_daphne")
def test_w004_not_in_production() -> None:
    assert check_project() == []


def test_w004_not_for_a_runserver_of_somebody_else(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    monkeypatch.setattr("django_pulse.checks.project.get_commands", lambda: {"runserver": "daphne"})
    assert check_project() == []


@pytest.mark.databases("sqlite")
def test_w005_sqlite_without_immediate_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", {})
    message = only(check_databases())
    assert message.id == "pulse.W005"
    assert '"OPTIONS": {"transaction_mode": "IMMEDIATE"},' in hint(message)


@pytest.mark.databases("sqlite")
def test_w005_not_for_a_database_that_holds_none_of_our_tables(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Elsewhere:
        def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
            return app_label != "django_pulse"

    settings.DATABASE_ROUTERS = [Elsewhere()]
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", {})
    assert check_databases() == []
