"""Django REST framework: serializers that write what a client changed.

    class TaskSerializer(SyncSerializerMixin, serializers.ModelSerializer):
        class Meta:
            model = Task
            fields = ["id", "title", "notes"]

What is read carries its base (see `bases`), an opaque text under the key "base". A client sends it
back with its PUT or PATCH: then the fields that it did not change are left alone, and those that it
changed are merged by their rules into the row as it is. Without it, a PUT is what it always was.

This module imports the framework only when something has to be refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils.translation import gettext as _

from . import bases
from .bases import Base, ForgedBase
from .mapping.columns import AnyField
from .writes.rebasing import rebased

if TYPE_CHECKING:
    _Serializer = Any
else:
    _Serializer = object

__all__ = ["SyncSerializerMixin"]


class SyncSerializerMixin(_Serializer):  # type: ignore[misc]
    """For a `ModelSerializer` of a model that syncs; to be named before it.

    `base_name` is the key under which the base travels.
    """

    base_name = "base"

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """As the framework's, with the base."""
        shown: dict[str, Any] = super().to_representation(instance)
        base = {f.name: _said(f, instance) for f, _field in self._rebased_fields()}
        shown[self.base_name] = bases.sign(base, *self._bound_to(instance))
        return shown

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """As the framework's; where a base came along, unchanged fields hold the row's values."""
        values: dict[str, Any] = super().to_internal_value(data)
        token = data.get(self.base_name) if isinstance(data, Mapping) else None
        if token and isinstance(self.instance, models.Model):
            try:
                base: Base = bases.read(str(token), *self._bound_to(self.instance))
            except ForgedBase:
                raise _refused({self.base_name: [_("This is not the base of this row.")]}) from None
            self._rebase(values, base)
        return values

    def _rebase(self, values: dict[str, Any], base: Base) -> None:
        row, both = self.instance, {}
        fields = {f.name: (f, field) for f, field in self._rebased_fields() if f.name in base}
        for name, (f, field) in fields.items():
            if name not in values:
                continue
            moved = _said(f, row) != base[name]
            if f.many_to_many:
                values[name] = _rows(f, row, base[name], values[name])
            elif not _is_edited(f, field, base[name], values[name]):
                if moved or not f.is_relation:
                    values[name] = getattr(row, name)
            elif moved and not f.is_relation and not isinstance(f, models.FileField):
                both[name] = (bases.restored(f, base[name]), values[name])
        for name, value in (rebased(row, both) if both else {}).items():
            f, field = fields[name]
            try:
                f.clean(value, row)
            except ValidationError as error:
                raise _refused({field.field_name: error.messages}) from error
            values[name] = value

    def _rebased_fields(self) -> Iterator[tuple[AnyField, Any]]:
        """The model fields that are both shown and written, with the serializer's own."""
        for field in self._writable_fields:
            try:
                f = self.Meta.model._meta.get_field(field.source)
            except FieldDoesNotExist:
                continue
            if not isinstance(f, models.Field) or f.primary_key or field.write_only:
                continue
            if not f.many_to_many or hasattr(field, "child_relation"):  # not a nested serializer
                yield f, field

    def _bound_to(self, row: models.Model) -> tuple[Any, ...]:
        return type(row), type(self).__qualname__, row.pk


def _said(f: AnyField, row: models.Model) -> Any:
    if f.many_to_many:
        return sorted(str(each.pk) for each in getattr(row, f.name).all())
    return bases.said(f, row)


def _is_edited(f: AnyField, field: Any, said: str | None, value: Any) -> bool:
    """Is it another value than what was shown becomes when it is sent back?"""
    if isinstance(f, models.FileField):
        return True  # sent only by who chose one
    if isinstance(value, models.Model):
        value = getattr(value, f.target_field.attname)  # type: ignore[attr-defined]
    seen = bases.restored(f, said)
    if seen is None or value is None or f.is_relation:
        return bool(seen != value)
    return bool(field.to_internal_value(field.to_representation(seen)) != value)


def _rows(f: AnyField, row: Any, said: list[str], posted: list[Any]) -> list[Any]:
    """What a set of rows is by the edit: what was added and what was removed."""
    sent = {str(each.pk): each for each in posted}
    current = {str(each.pk): each for each in getattr(row, f.name).all()}
    kept = {key: each for key, each in current.items() if key in sent or key not in said}
    added = {key: each for key, each in sent.items() if key not in said}
    return list((kept | added).values())


def _refused(problems: dict[str, Any]) -> Exception:
    from rest_framework.exceptions import ValidationError as Refused

    error: Exception = Refused(problems)
    return error
