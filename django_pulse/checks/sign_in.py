"""System checks of who may sign in: AUTHENTICATE, what the ready-made functions need, and who need
not sign in at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig, apps
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from .. import authenticators
from ..conf import SETTINGS_NAME, conf
from ..mapping.schema import sync_models

__all__ = ["check_anonymous", "check_authenticate"]


def check_authenticate(path: str) -> Iterator[CheckMessage]:
    """E004, E080, E081: the function that tokens are given to."""
    try:
        found = import_string(path)
        problem = None if callable(found) else "it cannot be called"
    except Exception as error:  # noqa: BLE001 - importing runs the project's code
        found, problem = None, f"{type(error).__name__}: {error}"
    if problem is not None:
        yield Error(
            f"{SETTINGS_NAME}['AUTHENTICATE'] names {path!r}, which cannot be used: {problem}.",
            hint=(
                "It must be the dotted path of a function that takes the token a client sent and "
                "returns its user, or None."
            ),
            id="pulse.E004",
        )
    elif found is authenticators.drf_token:
        yield from _check_drf_token()
    elif found is authenticators.simplejwt:
        yield from _check_simplejwt()


def _check_drf_token() -> Iterator[CheckMessage]:
    if not apps.is_installed("rest_framework.authtoken"):
        missing = find_spec("rest_framework") is None
        first = "Run `pip install djangorestframework`, then add" if missing else "Add"
        yield Error(
            f"{SETTINGS_NAME}['AUTHENTICATE'] is drf_token, and the tokens' app is not installed.",
            hint=(
                f'{first} the line "rest_framework.authtoken", to INSTALLED_APPS, and run '
                "`manage.py migrate`."
            ),
            id="pulse.E080",
        )


def _check_simplejwt() -> Iterator[CheckMessage]:
    if find_spec("rest_framework_simplejwt") is None:
        yield Error(
            f"{SETTINGS_NAME}['AUTHENTICATE'] is simplejwt, and the package is not installed.",
            hint="Run `pip install djangorestframework-simplejwt`.",
            id="pulse.E081",
        )


def check_anonymous(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """E082, W083, E084: it takes a model and a setting for anybody to read without signing in."""
    public = [model for model in sync_models() if model._sync.anonymous]
    found: list[CheckMessage] = [
        Error(
            "`anonymous` in `class Sync` is True, and the model has an audience: as it is, only "
            "that reads the rows.",
            hint=(
                "Write audience = None beside it, if everybody may read every row, signed in or "
                "not; or remove `anonymous`."
            ),
            obj=model,
            id="pulse.E082",
        )
        for model in public
        if not model._sync.everyone
    ]
    if public and not conf.ALLOW_ANONYMOUS:
        found += [_not_allowed(model) for model in public]
    elif conf.ALLOW_ANONYMOUS and not public:
        found.append(
            Error(
                f"{SETTINGS_NAME}['ALLOW_ANONYMOUS'] lets anybody connect, and there is no model "
                "that they may read.",
                hint=(
                    "Remove it, or write anonymous = True and audience = None in the `class Sync` "
                    "of a model whose rows everybody may read."
                ),
                id="pulse.E084",
            )
        )
    return found


def _not_allowed(model: Any) -> CheckMessage:
    return checks.Warning(
        "`anonymous` in `class Sync` is True, and the project lets nobody connect who is not "
        "signed in.",
        hint=(
            f'Add the line "ALLOW_ANONYMOUS": True, to {SETTINGS_NAME}. If it is to stay as it is, '
            'add SILENCED_SYSTEM_CHECKS = ["pulse.W083"].'
        ),
        obj=model,
        id="pulse.W083",
    )
