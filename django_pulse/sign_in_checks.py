"""System checks of who may sign in: AUTHENTICATE, and what the ready-made functions need."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from . import authenticators
from .conf import SETTINGS_NAME

__all__ = ["check_authenticate"]


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
