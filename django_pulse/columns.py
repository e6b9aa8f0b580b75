"""Between a model's columns and the values that its documents hold.

Laws:

1. `to_document` gives what the database would give back, so a value compares equal before and
   after it was stored: rounded as the column rounds, a JSON tuple as a list, a file as its name.
2. `to_column(to_document(value))` stands for the same value.
3. Both refuse with Django's `ValidationError`, as `Field.to_python` does, and know nothing of
   expressions: what holds an `F()` is resolved by the database first.
"""

from __future__ import annotations

import decimal
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.backends.utils import format_number
from django.utils import timezone

from .bookkeeping import BOOKKEEPING

if TYPE_CHECKING:
    AnyField = models.Field[Any, Any]
else:
    AnyField = models.Field

__all__ = ["AnyField", "Column", "column_of", "columns_of", "kind_of", "same", "to_column"]
__all__ += ["to_document"]

Convert = Callable[[AnyField, Any], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One field that documents hold: its name there, its attribute on instances, its kind."""

    name: str
    attname: str
    kind: str
    field: AnyField
    codec: Codec

    def to_document(self, value: Any) -> Any:
        """The column's value as a Python value of the kind."""
        if value is None and not self.codec.none:
            return None
        return self.codec.inward(self.field, value)

    def to_column(self, value: Any) -> Any:
        """A value of the kind as the attribute of an instance."""
        if value is None and not self.codec.none:
            return None
        return self.codec.outward(self.field, value)

    def same(self, a: Any, b: Any) -> bool:
        """Whether two column values mean the same."""
        return self.codec.equal(self.to_document(a), self.to_document(b))


@dataclass(frozen=True, slots=True)
class Codec:
    """How fields of one type are converted. `none`: the functions want to see None as well."""

    kind: str
    inward: Convert
    outward: Convert
    equal: Callable[[Any, Any], bool]
    none: bool = False


def columns_of(model: type[models.Model]) -> Mapping[str, Column]:
    """The columns that documents of `model` hold, by field name, in the model's order.

    Not among them: the primary key, the six bookkeeping fields, `auto_now` and `auto_now_add`,
    generated fields.
    """
    return _columns_of(model._meta.concrete_model or model)


@cache
def _columns_of(model: type[models.Model]) -> Mapping[str, Column]:
    fields = (field for field in model._meta.concrete_fields if _is_shared(model, field))
    return MappingProxyType({field.name: column_of(field) for field in fields})


def _is_shared(model: type[models.Model], field: AnyField) -> bool:
    return not (
        field.primary_key
        or field in model._meta.pk_fields
        or field.name in BOOKKEEPING
        or field.generated
        or getattr(field, "auto_now", False)
        or getattr(field, "auto_now_add", False)
    )


@cache
def column_of(field: AnyField) -> Column:
    """The column of any concrete field."""
    codec = _codec(_target(field))
    return Column(field.name, field.attname, codec.kind, field, codec)


def kind_of(field: AnyField) -> str:
    """The kind (see `crdt.values`) of the field's values; a foreign key has that of its target."""
    return column_of(field).kind


def to_document(field: AnyField, value: Any) -> Any:
    """`Column.to_document` for a field."""
    return column_of(field).to_document(value)


def to_column(field: AnyField, value: Any) -> Any:
    """`Column.to_column` for a field."""
    return column_of(field).to_column(value)


def same(field: AnyField, a: Any, b: Any) -> bool:
    """`Column.same` for a field."""
    return column_of(field).same(a, b)


def _target(field: AnyField) -> AnyField:
    """What a foreign key holds, through chains of keys that are primary keys themselves."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field


def _codec(field: AnyField) -> Codec:
    if not _has_values_of_its_own(field):
        for base, codec in _CODECS:
            if isinstance(field, base):
                return codec
    return _AS_TEXT


def _has_values_of_its_own(field: AnyField) -> bool:
    """Whether a class outside Django says how column values look in Python."""
    return any(
        "from_db_value" in vars(cls)
        for cls in type(field).__mro__
        if not cls.__module__.startswith("django.")
    )


def _python(field: AnyField, value: Any) -> Any:
    return _target(field).to_python(value)


def _whole(field: AnyField, value: Any) -> Any:
    return value if type(value) is int else _python(field, value)


def _text(field: AnyField, value: Any) -> Any:
    if type(value) is str:
        return value
    return str(_python(field, value.value if isinstance(value, Enum) else value))


def _address(field: AnyField, value: Any) -> Any:
    return _python(field, value)


def _file(field: AnyField, value: Any) -> Any:
    # Django stores "" for "no file", also where null is allowed, and reads back either.
    return str(value) if value else None if field.null else ""


def _rounded(field: AnyField, value: Any) -> Any:
    number = _python(field, value)
    target = _target(field)
    assert isinstance(target, models.DecimalField)
    if getattr(target, "decimal_places", None) is None or not number.is_finite():
        return number  # PostgreSQL has decimals without a scale
    try:
        return decimal.Decimal(str(format_number(number, target.max_digits, target.decimal_places)))
    except decimal.InvalidOperation:
        return number  # too many digits: the field's validators say so


def _moment(field: AnyField, value: Any) -> Any:
    moment: datetime = _python(field, value)
    if timezone.is_aware(moment) != settings.USE_TZ:
        make = timezone.make_aware if settings.USE_TZ else timezone.make_naive
        moment = make(moment)
    # In one zone, since Python holds no two moments of different zones for equal where clocks
    # are set back.
    return moment.astimezone(UTC) if settings.USE_TZ else moment


def _bytes(field: AnyField, value: Any) -> Any:
    return bytes(_python(field, value))


def _plain_json(field: AnyField, value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    return json.loads(json.dumps(value, cls=getattr(_target(field), "encoder", None)))


def _rich_json(field: AnyField, value: Any) -> Any:
    decoder = getattr(_target(field), "decoder", None)
    return value if decoder is None else json.loads(json.dumps(value), cls=decoder)


def _serialised(field: AnyField, value: Any) -> Any:
    """What `dumpdata` would write: every field, also an unknown one, can do that."""
    target = _target(field)
    return str(target.value_to_string(SimpleNamespace(**{target.attname: value})))  # type: ignore[arg-type]


def _equal(a: Any, b: Any) -> bool:
    return bool(a == b)


def _same_json(a: Any, b: Any) -> bool:
    """Equal as JSON: 1 and 1.0 are (databases do not keep them apart), 1 and true are not."""
    pairs = [(a, b)]
    while pairs:
        a, b = pairs.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            if a.keys() != b.keys():
                return False
            pairs.extend((value, b[key]) for key, value in a.items())
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                return False
            pairs.extend(zip(a, b, strict=True))
        elif isinstance(a, bool) is not isinstance(b, bool) or a != b:
            return False
    return True


_AS_TEXT = Codec("str", _serialised, _python, _equal)

# The first match counts: a DateTimeField is a DateField, an AutoField an IntegerField.
_CODECS: tuple[tuple[type[AnyField], Codec], ...] = (
    (models.BooleanField, Codec("bool", _python, _python, _equal)),
    (models.IntegerField, Codec("int", _whole, _whole, _equal)),
    (models.FloatField, Codec("float", _python, _python, _equal)),
    (models.DecimalField, Codec("decimal", _rounded, _rounded, _equal)),
    (models.DateTimeField, Codec("datetime", _moment, _moment, _equal)),
    (models.DateField, Codec("date", _python, _python, _equal)),
    (models.TimeField, Codec("time", _python, _python, _equal)),
    (models.DurationField, Codec("duration", _python, _python, _equal)),
    (models.UUIDField, Codec("uuid", _python, _python, _equal)),
    (models.JSONField, Codec("json", _plain_json, _rich_json, _same_json)),
    (models.BinaryField, Codec("binary", _bytes, _bytes, _equal)),
    (models.FileField, Codec("str", _file, _file, _equal, none=True)),
    (models.GenericIPAddressField, Codec("str", _address, _address, _equal)),
    (models.FilePathField, Codec("str", _text, _text, _equal)),
    (models.CharField, Codec("str", _text, _text, _equal)),
    (models.TextField, Codec("str", _text, _text, _equal)),
)
