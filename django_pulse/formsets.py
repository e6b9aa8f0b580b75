"""Formsets of `SyncModelForm`s: one base for all rows, carried by the management form.

The management form is rendered wherever a formset is, whichever of its fields a template shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.functional import cached_property

from . import bases
from .bases import Base, ForgedBase
from .forms import BASE_FIELD, BaseField, SyncModelForm

if TYPE_CHECKING:
    _FormSet = forms.BaseModelFormSet[Any, Any]
    _InlineFormSet = forms.BaseInlineFormSet[Any, Any, Any]
    _Mixin = _FormSet
else:
    _FormSet = forms.BaseModelFormSet
    _InlineFormSet = forms.BaseInlineFormSet
    _Mixin = object

__all__ = ["SyncFormSetMixin", "SyncInlineFormSet", "SyncModelFormSet"]

BASES = "PULSE_BASE"
"""The management form's field; the others there are called so, too."""


class SyncFormSetMixin(_Mixin):
    """For any formset of models whose forms are `SyncModelForm`s."""

    @cached_property
    def management_form(self) -> Any:
        """As Django's, with the base of the forms that edit rows."""
        form: Any = super().management_form
        form.fields[BASES] = BaseField(initial=self._signed)
        return form

    def add_fields(self, form: Any, index: int | None) -> None:
        """As Django's; the form's base is the formset's."""
        super().add_fields(form, index)
        if not isinstance(form, SyncModelForm):
            return
        form.fields.pop(BASE_FIELD, None)
        if form.is_bound and form.edits_row and self._token:
            form.take_base(self._bases.get(str(form.instance.pk)))

    def _signed(self) -> str:
        shown = {
            str(form.instance.pk): form.shown()
            for form in self.initial_forms
            if isinstance(form, SyncModelForm) and form.edits_row
        }
        return bases.sign(shown, *self._bound_to)

    @property
    def _token(self) -> str:
        return str(self.data.get(self.management_form.add_prefix(BASES), ""))

    @cached_property
    def _bases(self) -> dict[str, Base]:
        """The bases by primary key; none at all where somebody forged them."""
        try:
            found: dict[str, Base] = bases.read(self._token, *self._bound_to)
        except ForgedBase:
            return {}
        return found

    @property
    def _bound_to(self) -> tuple[Any, ...]:
        return self.model, "forms", self.form.__qualname__


class SyncModelFormSet(SyncFormSetMixin, _FormSet):
    """`modelformset_factory(Task, form=TaskForm, formset=SyncModelFormSet)`."""


class SyncInlineFormSet(SyncFormSetMixin, _InlineFormSet):
    """`inlineformset_factory(Project, Task, form=TaskForm, formset=SyncInlineFormSet)`."""
