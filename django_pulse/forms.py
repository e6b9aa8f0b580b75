"""Forms that write what was edited on them, and nothing else.

A form carries the base it was rendered with in a hidden field (see `bases`). When it is posted, the
fields that are as they were shown take the row's values, and the others are merged with those by
their rules; all of it before `clean()`, so that what is validated is what will be saved.

    class TaskForm(SyncModelForm):
        class Meta:
            model = Task
            fields = ["title", "notes"]

A form that is posted without a base (by a test, or some other program) is Django's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from itertools import chain
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, models
from django.forms.models import InlineForeignKeyField
from django.utils.functional import cached_property
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from . import bases
from .bases import Base, ForgedBase, Meanwhile
from .databases import database_for
from .mapping.columns import AnyField
from .mapping.schema import syncs
from .writes.rebasing import rebased

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelForm = forms.ModelForm

__all__ = ["BASE_FIELD", "BaseField", "SyncModelForm"]

BASE_FIELD = "pulse_base"

MOST_SHOWN = 200
"""Characters of a merged value in an error message."""

FORGED = _("This page does not belong to this row any more. Reload it, and make your edit again.")
MERGED = _("Merged with what somebody else saved meanwhile, this is “%(value)s”. %(problem)s")


class BaseField(forms.CharField):
    """Carries a base; it is never what a form was changed in."""

    widget = forms.HiddenInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, label="", **kwargs)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class SyncModelForm(_ModelForm):
    """A `ModelForm` whose untouched fields leave the row alone.

    `meanwhile` tells, once the form was validated, which fields somebody else wrote since it was
    rendered, and what became of them.
    """

    pulse_base = BaseField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given = args[4] if len(args) > 4 else kwargs.get("initial")
        self._given_initial = set(given or ())
        self._base: Base | None = None
        self._is_forged = False
        self._m2m_edits: dict[str, tuple[set[Any], set[Any]]] = {}
        self.meanwhile: list[Meanwhile] = []
        if not self.edits_row:
            return
        if not self.is_bound:
            self.initial[BASE_FIELD] = self._signed
        elif token := self.data.get(self.add_prefix(BASE_FIELD)):
            try:
                self.take_base(bases.read(token, *self._bound_to))
            except ForgedBase:
                self.take_base(None)

    # Bases

    @property
    def edits_row(self) -> bool:
        """Is there a row that the form edits? Otherwise it makes one, and needs no base."""
        return not self.instance._state.adding and self.instance.pk is not None

    def shown(self) -> dict[str, Any]:
        """The base of the form as it is rendered."""
        return {f.name: self._said(f) for f in self._rebased_fields()}

    def take_base(self, base: Base | None) -> None:
        """Compare what was posted with this base; None stands for a forged one."""
        self._base, self._is_forged = base, base is None
        for name, value in self._shown_values.items():
            if name not in self._given_initial:
                self.initial[name] = value

    def _signed(self) -> str:
        return bases.sign(self.shown(), *self._bound_to)

    @property
    def _bound_to(self) -> tuple[Any, ...]:
        return type(self.instance), type(self).__qualname__, self.instance.pk

    def _rebased_fields(self) -> Iterator[AnyField]:
        """The model fields that the form shows, and would write."""
        meta, options = self._meta, self.instance._meta
        for f in chain(options.concrete_fields, options.many_to_many):
            form_field = self.fields.get(f.name)
            written = meta.fields is None or f.name in meta.fields
            written = written and f.name not in (meta.exclude or ()) and f.editable
            if form_field is not None and written and not f.primary_key and _shows(form_field):
                yield f

    def _posted_fields(self) -> list[AnyField]:
        base = self._base or {}
        return [f for f in self._rebased_fields() if f.name in base]

    def _said(self, f: AnyField) -> Any:
        if f.many_to_many:
            return sorted(str(row.pk) for row in self._current_rows[f.name])
        return bases.said(f, self.instance)

    @cached_property
    def _current_rows(self) -> dict[str, list[models.Model]]:
        """What many-to-many fields hold; Django has read it for `initial` already."""
        return {
            f.name: f.value_from_object(self.instance)
            if f.name in self._given_initial or f.name not in self.initial
            else self.initial[f.name]
            for f in self._rebased_fields()
            if f.many_to_many
        }

    @cached_property
    def _shown_values(self) -> dict[str, Any]:
        """What the fields were rendered from, by the base."""
        if self._base is None:
            return {}
        self._current_rows  # noqa: B018 - before `initial` is the base's
        fields = self._posted_fields()
        plain = [f for f in fields if not f.many_to_many]
        seen = bases.seen_row(self.instance, self._base, plain)
        values = {f.name: self._base[f.name] for f in fields if f.many_to_many}
        for f in plain:
            value = f.value_from_object(seen)
            if isinstance(value, datetime | time):
                supported = self.fields[f.name].widget.supports_microseconds
                value = value if supported else value.replace(microsecond=0)
            values[f.name] = value
        return values

    # What was edited

    @cached_property
    def changed_data(self) -> list[str]:
        """As Django's: the fields that were edited on the page, whoever else edited them."""
        names: list[str] = super().changed_data
        return [name for name in names if name not in self._shown_values or self._edited(name)]

    def _edited(self, name: str) -> bool:
        field, shown = self.fields[name], self._shown_values[name]
        data = self[name].data
        if isinstance(shown, str) and isinstance(data, str) and _is_text(field):
            return bool(field.to_python(_lines(data)) != field.to_python(_lines(shown)))
        return field.has_changed(shown, data)

    # Validation

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        if self._is_forged:
            self.add_error(None, ValidationError(FORGED, code="forged_base"))
        elif self._base is not None:
            self._rebase(self._base)

    def _rebase(self, base: Base) -> None:
        """Make what was posted an edit of the row as it is now."""
        moved = [f for f in self._posted_fields() if self._said(f) != base[f.name]]
        both = {}
        for f in self._posted_fields():
            name = f.name
            if name not in self.cleaned_data:
                continue  # it has an error
            if f.many_to_many:
                self._rebase_rows(f, base[name])
            elif not self._edited(name):
                if f in moved or not f.is_relation:
                    self.cleaned_data[name] = getattr(self.instance, name)
            else:
                self._keep_lines(name)
                if f in moved and not f.is_relation and not isinstance(f, models.FileField):
                    both[name] = (bases.restored(f, base[name]), self.cleaned_data[name])
        if both and syncs(type(self.instance)._meta.concrete_model):
            for name, value in rebased(self.instance, both).items():
                self._take_merged(name, value)
        self.meanwhile = [self._told(f) for f in moved if f.name in self.cleaned_data]

    def _rebase_rows(self, f: AnyField, keys: list[str]) -> None:
        """Of a set of rows what was edited is what was added and what was removed."""
        posted = {str(row.pk): row for row in self.cleaned_data[f.name]}
        current = {str(row.pk) for row in self._current_rows[f.name]}
        added, removed = posted.keys() - set(keys), set(keys) - posted.keys()
        self._m2m_edits[f.name] = ({posted[key] for key in added}, removed)
        result = (current | added) - removed
        if result != posted.keys():
            model: Any = f.related_model
            using = database_for(model, self.instance._state.db or DEFAULT_DB_ALIAS)
            rows = model._base_manager.using(using)
            self.cleaned_data[f.name] = rows.filter(pk__in=result)

    def _keep_lines(self, name: str) -> None:
        """Browsers end lines by CR LF; that is no edit of a text whose lines end by LF."""
        posted, shown = self.cleaned_data[name], self._shown_values[name]
        if isinstance(posted, str) and isinstance(shown, str) and "\r\n" not in shown:
            self.cleaned_data[name] = _lines(posted)

    def _take_merged(self, name: str, value: Any) -> None:
        f: Any = self.instance._meta.get_field(name)
        try:
            f.clean(value, self.instance)
            self.fields[name].run_validators(value)
        except ValidationError as error:
            shown = Truncator(str(value)).chars(MOST_SHOWN)
            told = {"value": shown, "problem": " ".join(error.messages)}
            self.add_error(name, ValidationError(MERGED, code="merged", params=told))
        else:
            self.cleaned_data[name] = value

    def _told(self, f: AnyField) -> Meanwhile:
        theirs = self._current_rows[f.name] if f.many_to_many else getattr(self.instance, f.name)
        label = str(self.fields[f.name].label or f.verbose_name)
        result = self.cleaned_data[f.name]
        return Meanwhile(f.name, label, theirs, result, self._edited(f.name))

    # Saving

    def _save_m2m(self) -> None:
        edits = {name: edit for name, edit in self._m2m_edits.items() if name in self.cleaned_data}
        cleaned = self.cleaned_data
        self.cleaned_data = {n: value for n, value in cleaned.items() if n not in edits}
        try:
            super()._save_m2m()  # type: ignore[misc]
        finally:
            self.cleaned_data = cleaned
        for name, (added, removed) in edits.items():
            manager = getattr(self.instance, name)
            if added:
                manager.add(*added)
            if removed:
                manager.remove(*removed)


def _shows(field: forms.Field) -> bool:
    """Does the form show the field's value, and can it be edited?"""
    hidden = getattr(field.widget, "input_type", "") == "password"
    return not (hidden or field.disabled or isinstance(field, InlineForeignKeyField))


def _is_text(field: forms.Field) -> bool:
    return isinstance(field, forms.CharField) and not isinstance(field, forms.JSONField)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
