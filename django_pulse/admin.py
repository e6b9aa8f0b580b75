"""The admin: `SyncAdmin` for models that sync, and read-only pages of the tables behind them.

    @admin.register(Task)
    class TaskAdmin(SyncAdmin):
        inlines = [StepInline]  # a SyncTabularInline

What was not edited on a page is not written, also in inlines and in editable lists; what somebody
else wrote meanwhile is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from .bases import Meanwhile
from .forms import BASE_FIELD, SyncModelForm
from .formsets import SyncInlineFormSet, SyncModelFormSet
from .log_admin import DeviceAdmin, DocumentAdmin, OutcomeAdmin
from .tables import Device, Document, Outcome

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
    _StackedInline = admin.StackedInline[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _TabularInline = admin.TabularInline
    _StackedInline = admin.StackedInline

__all__ = ["SyncAdmin", "SyncStackedInline", "SyncTabularInline"]

MOST_TOLD = 60
"""Characters of a value in a message; the page shows the rest."""

Fieldsets = Sequence[tuple[Any, Any]]


class SyncAdmin(_ModelAdmin):
    """A `ModelAdmin` whose forms write what was edited on them."""

    form = SyncModelForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """As Django's; where a row is edited, the form's base comes last."""
        fieldsets: Any = _without_base(super().get_fieldsets(request, obj))
        if obj is None or not self.has_change_permission(request, obj) or not fieldsets:
            return fieldsets
        *others, (name, options) = fieldsets
        return [*others, (name, {**options, "fields": [*options["fields"], BASE_FIELD]})]

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        """As Django's; a `SyncModelForm`."""
        return super().get_changelist_form(request, **{"form": SyncModelForm, **kwargs})

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        """As Django's; a `SyncModelFormSet`."""
        return super().get_changelist_formset(request, **{"formset": SyncModelFormSet, **kwargs})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """As Django's; what somebody else wrote meanwhile is told."""
        super().save_model(request, obj, form, change)
        self._tell(request, form)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """As Django's; what somebody else wrote meanwhile is told."""
        super().save_formset(request, form, formset, change)
        for each in formset.initial_forms:
            if each not in formset.deleted_forms:
                self._tell(request, each)

    def _tell(self, request: HttpRequest, form: Any) -> None:
        meanwhile: list[Meanwhile] = getattr(form, "meanwhile", [])
        if meanwhile:
            told = " ".join(_told(each) for each in meanwhile)
            text = _("Somebody else changed “%(row)s” while you were editing it.")
            text %= {"row": Truncator(str(form.instance)).chars(MOST_TOLD)}
            self.message_user(request, f"{text} {told}", messages.INFO)


class _SyncInline:
    """What both kinds of inlines have: their rows' base travels with the formset."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return _without_base(super().get_fieldsets(request, obj))  # type: ignore[misc]


class SyncTabularInline(_SyncInline, _TabularInline):
    """A `TabularInline` whose forms write what was edited on them."""

    form = SyncModelForm
    formset = SyncInlineFormSet


class SyncStackedInline(_SyncInline, _StackedInline):
    """A `StackedInline` whose forms write what was edited on them."""

    form = SyncModelForm
    formset = SyncInlineFormSet


def _without_base(fieldsets: Fieldsets) -> Fieldsets:
    if BASE_FIELD not in flatten_fieldsets(fieldsets):  # type: ignore[arg-type]
        return fieldsets
    return [
        (name, {**options, "fields": [each for each in options["fields"] if each != BASE_FIELD]})
        for name, options in fieldsets
    ]


def _told(each: Meanwhile) -> str:
    values = {"field": each.label, "theirs": _short(each.theirs), "result": _short(each.result)}
    if not each.edited:
        return _("%(field)s is now “%(theirs)s”.") % values
    if each.theirs == each.result:
        return _("%(field)s: both made it “%(result)s”.") % values
    return _("%(field)s: they made it “%(theirs)s”, with your edit it is “%(result)s”.") % values


def _short(value: Any) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | dict):
        value = ", ".join(_names(value))
    return Truncator(str(value)).chars(MOST_TOLD)


def _names(values: Iterable[Any]) -> Iterator[str]:
    return (str(each) for each in values)


admin.site.register(Device, DeviceAdmin)
admin.site.register(Document, DocumentAdmin)
admin.site.register(Outcome, OutcomeAdmin)
