"""Read-only pages of the tables behind the models: what a document says, who the devices are, what
became of pushes. Whoever may view these models sees them; nobody edits them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from crdt.document import Document as Scratch
from crdt.entry import Entry
from crdt.errors import Malformed
from crdt.schema import Schema
from crdt.stamp import FILLED

from .conflicts import authors_of, moment_of
from .mapping.schema import schemas
from .tables import Document
from .visibility import scopes

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

__all__ = ["DeviceAdmin", "DocumentAdmin", "OutcomeAdmin"]

MOST_SHOWN = 1_000
"""Characters of one value on a document's page."""

_TABLE = (
    "<table><thead><tr><th>Field</th><th>Value</th><th>Who</th><th>When</th><th>Replica</th>"
    "</tr></thead><tbody>{}</tbody></table>"
)
_ROW = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"


class _ReadOnly(_ModelAdmin):
    """Nothing is added, changed or deleted."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _InDatabase(admin.SimpleListFilter):
    """Which database is looked into, where rows that sync lie in several."""

    title = "database"
    parameter_name = "database"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = scopes.databases()
        return [(alias, alias) for alias in found] if len(found) > 1 else []

    def choices(self, changelist: Any) -> Iterator[Any]:
        """The databases, one of which is always looked into; there is no view of all."""
        _, *aliases = super().choices(changelist)
        chosen = any(choice["selected"] for choice in aliases)
        for choice in aliases:
            yield {**choice, "selected": choice["selected"] or not chosen}
            chosen = True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class _OfRows(_ReadOnly):
    """What lies in the database of the rows it is about."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).using(_alias(request))
        return rows


class DeviceAdmin(_ReadOnly):
    """Whose a replica id is."""

    list_display = ["replica", "user", "device", "created_at"]
    search_fields = ["=replica", "=user", "device"]


class OutcomeAdmin(_OfRows):
    """What a device has to hear of its pushes and has not confirmed yet."""

    list_display = ["id", "replica", "document_id", "clock"]
    list_filter = [_InDatabase]
    fields = ["replica", "document_id", "clock", "payload"]
    readonly_fields = ["document_id"]
    search_fields = ["=replica"]


class DocumentAdmin(_OfRows):
    """Documents: what stands in them of each field, by whom and since when."""

    list_display = ["sync_id", "model", "version", "is_parked", "deleted", "size"]
    list_filter = [_InDatabase, "deleted", ("parked", admin.EmptyFieldListFilter)]
    search_fields = ["=sync_id", "=model"]
    fields = [
        "model", "sync_id", "version", "deleted", "parked", "waiting", "scopes", "size", "entries",
    ]  # fmt: skip
    readonly_fields = ["size", "entries"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the documents themselves, of which the list shows only the size."""
        rows: Any = super().get_queryset(request).annotate(bytes=Length("state"))
        sized: QuerySet[Any] = rows.defer("state")
        return sized

    @admin.display(description="bytes", ordering="bytes")
    def size(self, document: Any) -> int:
        """Bytes of the document."""
        size: int = document.bytes
        return size

    @admin.display(boolean=True, description="parked")
    def is_parked(self, document: Document) -> bool:
        """Has it no row yet?"""
        return document.parked is not None

    @admin.display(description="live entries")
    def entries(self, document: Document) -> SafeString:
        """The live entries by field, with value, author and time."""
        try:
            scratch = Scratch(bytes(document.state))
        except Malformed as error:
            return format_html("{} `manage.py pulse_verify --fix` repairs it.", str(error))
        schema = next((s for s in schemas() if s.label == document.model), None)
        live = [entry for field in scratch.fields().values() for entry in field]
        authors = authors_of(map(_replica, live))
        rows = [
            (
                entry.field,
                _value(scratch, schema, entry),
                authors.get(_replica(entry), ""),
                moment_of(entry.stamp) if entry.stamp != FILLED else "",
                _replica(entry),
            )
            for entry in live
        ]
        return format_html(_TABLE, format_html_join("", _ROW, rows))


def _alias(request: HttpRequest) -> str:
    """The database that a list, or the list that a page was opened from, was asked for."""
    found, name = scopes.databases(), _InDatabase.parameter_name
    listed = parse_qs(request.GET.get("_changelist_filters", "")).get(name, [""])[0]
    wanted = request.GET.get(name, listed)
    return wanted if wanted in found or not found else found[0]


def _replica(entry: Entry) -> int:
    return (entry.stands_for or entry.dot).replica


def _value(document: Scratch, schema: Schema | None, entry: Entry) -> str:
    known = schema.get(entry.field) if schema is not None else None
    value: Any = entry.value
    if known is not None and known.rule.text:
        value = document.text(entry.field)
    elif known is not None:
        value = next((live.value for live in known.live([entry])), value)
    return Truncator(str(value)).chars(MOST_SHOWN)
