"""An admin site of these models."""

from __future__ import annotations

from django.contrib.admin import AdminSite

from django_pulse.admin import SyncAdmin, SyncStackedInline, SyncTabularInline

from .models import Board, Card, Step

__all__ = ["site"]

site = AdminSite("boards")


class StepInline(SyncTabularInline):
    model = Step
    extra = 0


class CardInline(SyncStackedInline):
    model = Card
    fields = ["title", "votes"]
    extra = 1


class CardAdmin(SyncAdmin):
    list_display = ["pk", "title", "votes"]
    list_editable = ["title", "votes"]
    fieldsets = [
        (None, {"fields": ["title", ("notes", "votes")]}),
        ("More", {"fields": ["story", "done", "due", "data", "scan", "board", "labels", "secret"]}),
    ]
    readonly_fields = ["secret"]
    inlines = [StepInline]
    save_as = True


class BoardAdmin(SyncAdmin):
    inlines = [CardInline]


site.register(Card, CardAdmin)
site.register(Board, BoardAdmin)
site.register(Step, SyncAdmin)
