"""System checks of the project's settings; those of its models are in `models`.

Errors are what would lose data, show it to the wrong people, or crash later with a message that
is harder to understand. Warnings are what only makes syncing slower or unavailable.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.core.management import get_commands
from django.db import connections, router

from ..conf import SETTINGS_NAME, Conf, Setting
from ..tables import Document
from . import admin as admin_checks
from . import models as model_checks
from .sign_in import check_anonymous, check_authenticate

__all__ = ["check_databases", "check_project", "check_settings", "register"]

# Apps whose `runserver` answers HTTP only.
_WSGI_RUNSERVERS = {"django.core", "django.contrib.staticfiles"}


def register() -> None:
    """Called once, when the app is ready."""
    checks.register(check_settings, "pulse")
    checks.register(check_project, "pulse")
    checks.register(check_databases, "pulse")
    checks.register(model_checks.check_models, checks.Tags.models)
    checks.register(check_anonymous, checks.Tags.models)
    checks.register(admin_checks.check_admin, checks.Tags.admin)


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """E001-E004, E080, E081: the dictionary DJANGO_PULSE."""
    given = getattr(settings, SETTINGS_NAME, None)
    if given is None:
        return []
    if not isinstance(given, Mapping):
        return [
            checks.Error(
                f"{SETTINGS_NAME} is {given!r}, not a dictionary.",
                hint=f'Write {SETTINGS_NAME} = {{"POLL_SECONDS": 15}}.',
                id="pulse.E001",
            )
        ]
    known = {setting.name: setting for setting in Conf.all()}
    found: list[CheckMessage] = []
    for name, value in given.items():
        if name not in known:
            found.append(_unknown_setting(name, list(known)))
        elif not known[name].accepts(value):
            found.append(_unfit_setting(known[name], value))
        elif name == "AUTHENTICATE" and value is not None:
            found.extend(check_authenticate(value))
    return found


def _unknown_setting(name: Any, known: list[str]) -> CheckMessage:
    close = get_close_matches(str(name).upper(), known, n=1)
    return checks.Error(
        f"{SETTINGS_NAME} has no setting {name!r}.",
        hint=f"Did you mean {close[0]!r}?" if close else f"Its settings are: {', '.join(known)}.",
        id="pulse.E002",
    )


def _unfit_setting(setting: Setting[Any], value: Any) -> CheckMessage:
    kinds = setting.kind if isinstance(setting.kind, tuple) else (setting.kind,)
    wanted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
    positive = ", greater than zero" if int in kinds else ""
    return checks.Error(
        f"{SETTINGS_NAME}[{setting.name!r}] is {value!r}.",
        hint=f"It must be {wanted}{positive}; the default is {setting.default!r}.",
        id="pulse.E003",
    )


def check_project(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """W001-W004: what has to be around Django Pulse for sockets to reach it."""
    return [
        *_check_channels(),
        *_check_asgi_application(),
        *_check_channel_layers(),
        *_check_runserver(),
    ]


def _check_channels() -> Iterator[CheckMessage]:
    if not apps.is_installed("channels"):
        yield checks.Warning(
            "Django Pulse serves WebSockets by Channels, which is not in INSTALLED_APPS.",
            hint='Add the line "channels", to INSTALLED_APPS, above "django_pulse".',
            id="pulse.W001",
        )


def _check_asgi_application() -> Iterator[CheckMessage]:
    if not getattr(settings, "ASGI_APPLICATION", None):
        project = str(getattr(settings, "ROOT_URLCONF", "") or "").rpartition(".")[0]
        yield checks.Warning(
            "ASGI_APPLICATION is not set, so servers do not find the WebSocket routes.",
            hint=(
                f'Add the line ASGI_APPLICATION = "{project or "your_project"}.asgi.application" '
                "to your settings, and the routes of django_pulse.routing to that file."
            ),
            id="pulse.W002",
        )


def _check_channel_layers() -> Iterator[CheckMessage]:
    layers = getattr(settings, "CHANNEL_LAYERS", None)
    if not isinstance(layers, Mapping) or "default" not in layers:
        yield checks.Warning(
            "There is no default channel layer: clients receive changes when they poll, not live.",
            hint=(
                "For one server process add the line CHANNEL_LAYERS = "
                '{"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}; for several, '
                'use "channels_redis.core.RedisChannelLayer" with your Redis as CONFIG.'
            ),
            id="pulse.W003",
        )


def _check_runserver() -> Iterator[CheckMessage]:
    """Only where somebody develops: servers in production are not `runserver`."""
    if not (settings.DEBUG or sys.argv[1:2] == ["runserver"]):
        return
    provider: Any = get_commands().get("runserver")
    name = provider.name if isinstance(provider, AppConfig) else provider
    if name in _WSGI_RUNSERVERS:
        yield checks.Warning(
            "`manage.py runserver` cannot speak WebSocket: clients will not be able to connect.",
            hint=(
                'Install daphne and add the line "daphne", as the first of INSTALLED_APPS. If you '
                "develop with another ASGI server (uvicorn, hypercorn), add "
                'SILENCED_SYSTEM_CHECKS = ["pulse.W004"] instead.'
            ),
            id="pulse.W004",
        )


def check_databases(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """W005: databases that would make writers fail where they could wait."""
    return [
        checks.Warning(
            f"The SQLite database {alias!r} starts transactions without the write lock, so of two "
            'that write at the same time one fails with "database is locked" instead of waiting.',
            hint=(
                'Add the line "OPTIONS": {"transaction_mode": "IMMEDIATE"}, '
                f"to DATABASES[{alias!r}]."
            ),
            id="pulse.W005",
        )
        for alias in connections
        if connections[alias].vendor == "sqlite"
        and router.allow_migrate_model(alias, Document)
        and not _is_immediate(connections[alias].settings_dict)
    ]


def _is_immediate(database: Mapping[str, Any]) -> bool:
    mode = database.get("OPTIONS", {}).get("transaction_mode")
    return isinstance(mode, str) and mode.upper() in {"IMMEDIATE", "EXCLUSIVE"}
