"""What tests of the feed ask of its pages."""

from __future__ import annotations

from typing import Any

from crdt.document import Document as CrdtDocument
from django_pulse.changefeed.pages import Change, Page
from django_pulse.mapping.schema import schema_of
from django_pulse.visibility import scopes
from tests.project.todo.models import Note, Task


def of(user: Any) -> str:
    return scopes.personal("default", user.pk)


def titles(page: Page) -> list[str]:
    return [title_of(change) for change in page.items]


def title_of(change: Change) -> str:
    schema = schema_of(Task if change.model == "todo.task" else Note)
    values = schema.read(CrdtDocument(change.update)).values
    return str(values["title"])
