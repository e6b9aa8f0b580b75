"""A workspace with members of every role, their devices, and what these are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from tests.django_pulse.devices import Device
from tests.project.permits.models import Page, Seat, Workspace

__all__ = ["DENIED", "MISSING", "Answer", "answer", "device", "page", "space", "told"]

MISSING = ("refused", "forbidden", "There is no such row, or you may not write it.")
DENIED = ("denied", "You may not change this.")

Answer = Callable[..., Any]


@pytest.fixture
def space() -> Workspace:
    return Workspace.objects.create(name="Hall")


def device(space: Workspace, role: str) -> Device:
    """A device of a new member with this role, which holds what he sees."""
    user, _ = get_user_model().objects.get_or_create(username=role)
    Seat.objects.get_or_create(workspace=space, user=user, defaults={"role": role})
    made = Device(user, Page)
    made.pull()
    return made


def page(space: Workspace, **values: Any) -> Page:
    made: Page = Page.objects.create(**{"title": "Plan", "workspace": space} | values)
    return made


def told(result: Any) -> dict[str, tuple[Any, str, str]]:
    """The fields that were undone, each with value, code and message."""
    return {n: (e["value"], e["code"], e["message"]) for n, e in result.reverted.items()}


def answer(monkeypatch: pytest.MonkeyPatch, function: Answer) -> list[Any]:
    """Let `can_sync` answer so; returns what it was asked, as it comes: (row, action, changes)."""
    asked: list[Any] = []

    def can_sync(self: Page, user: Any, action: str, changes: Any) -> Any:
        asked.append((self, action, changes))
        return function(self, user, action, changes)

    monkeypatch.setattr(Page, "can_sync", can_sync)
    return asked
