"""Between the values of one Django field and those that documents hold, for every type of field;
and what is asked of every column.

Laws:

1. `inward` gives what the database would give back, so a value compares equal before and after it
   was stored: rounded as the column rounds, a JSON tuple as a list, a file as its name.
2. `outward(inward(value))` stands for the same value.
3. Both refuse with Django's `ValidationError`, as `Field.to_python` does, and know nothing of
   expressions: what holds an `F()` is resolved by the database first.
"""

from __future__ import annotations

import decimal
import json
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.backends.utils import format_number
from django.utils import timezone

from crdt.sameness import same_json
from crdt.schema import MISSING

from ..databases import database_for

if TYPE_CHECKING:
    from .keys import Keys, Target

    AnyField = models.Field[Any, Any]
else:
    AnyField = models.Field

__all__ = ["AnyField", "Codec", "Column", "Reference", "codec_of"]

Convert = Callable[[AnyField, Any], Any]


@dataclass(frozen=True, slots=True)
class Codec:
    """How fields of one type are converted. `none`: the functions want to see None as well."""

    kind: str
    inward: Convert
    outward: Convert
    equal: Callable[[Any, Any], bool]
    none: bool = False

    def to_document(self, field: AnyField, value: Any) -> Any:
        """The field's value as a Python value of the kind."""
        if value is None and not self.none:
            return None
        return self.inward(field, value)

    def to_column(self, field: AnyField, value: Any) -> Any:
        """A value of the kind as the attribute of an instance."""
        if value is None and not self.none:
            return None
        return self.outward(field, value)


Reference = tuple["Target", Any]
"""A model and the key of one of its rows, or the value that the referring column holds."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field that documents hold: its name there, its attribute on instances, its kind."""

    name: str
    attname: str
    kind: str
    field: AnyField
    codec: Codec
    target: Target | None = None
    """What a foreign key refers to."""

    @property
    def concrete(self) -> tuple[AnyField, ...]:
        """The fields that are columns of the table."""
        return (self.field,)

    @property
    def null(self) -> bool:
        """May there be no value?"""
        return all(field.null for field in self.concrete)

    @property
    def refers(self) -> bool:
        """Does it refer to other rows?"""
        return self.target is not None

    @property
    def looks_up(self) -> bool:
        """Are those called otherwise in documents than in the column?"""
        return False

    @property
    def is_set(self) -> bool:
        """Does it refer to any number of them, by a table between?"""
        return False

    @property
    def is_free_text(self) -> bool:
        """Is any text a value, as far as the column knows? Addresses and names of files are not."""
        is_text = isinstance(self.field, (models.CharField, models.TextField))
        return is_text and self.codec.inward is _text and not self.field.choices

    def choices(self, target: Target, using: str) -> models.QuerySet[Any] | None:
        """The rows of a target that the field may refer to (`limit_choices_to`); None for none."""
        field: Any = self.field
        model = field.remote_field.model
        rows = model._base_manager.using(database_for(model, using))
        limited: models.QuerySet[Any] = rows.complex_filter(field.get_limit_choices_to())
        return limited

    def read(self, attributes: Mapping[str, Any], keys: Keys) -> Any:
        """The document value of a row with these attributes.

        MISSING where they are deferred, or refer to a row that is not there.
        """
        if self.attname not in attributes:
            return MISSING
        return self.to_document(attributes[self.attname])

    def write(self, attributes: MutableMapping[str, Any], value: Any, keys: Keys) -> bool:
        """Set the attributes to a document value; False, and nothing set, where it refers to a row
        that is not there.
        """
        attributes[self.attname] = self.to_column(value)
        return True

    def refers_to(self, value: Any) -> Reference | None:
        """The target and key that a document value names, if it names any.

        Raises `ValueError` for a value that can name none.
        """
        return None if self.target is None or value is None else (self.target, value)

    def referred(self, attributes: Mapping[str, Any], using: str) -> Reference | None:
        """The target and the value by which a row with these attributes refers to one."""
        value = attributes.get(self.attname)
        return None if self.target is None or value is None else (self.target, value)

    def to_document(self, value: Any) -> Any:
        """The column's value as a Python value of the kind."""
        return self.codec.to_document(self.field, value)

    def to_column(self, value: Any) -> Any:
        """A value of the kind as the attribute of an instance."""
        return self.codec.to_column(self.field, value)

    def same(self, a: Any, b: Any) -> bool:
        """Whether two column values mean the same."""
        return self.codec.equal(self.to_document(a), self.to_document(b))


@cache
def codec_of(field: AnyField) -> Codec:
    """How values of any concrete field are converted; a foreign key's as those of its target."""
    field = _target(field)
    if not _has_values_of_its_own(field):
        for base, codec in _CODECS:
            if isinstance(field, base):
                return codec
    return _AS_TEXT


def _target(field: AnyField) -> AnyField:
    """What a foreign key holds, through chains of keys that are primary keys themselves."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field


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
    (models.JSONField, Codec("json", _plain_json, _rich_json, same_json)),
    (models.BinaryField, Codec("binary", _bytes, _bytes, _equal)),
    (models.FileField, Codec("str", _file, _file, _equal, none=True)),
    (models.GenericIPAddressField, Codec("str", _address, _address, _equal)),
    (models.FilePathField, Codec("str", _text, _text, _equal)),
    (models.CharField, Codec("str", _text, _text, _equal)),
    (models.TextField, Codec("str", _text, _text, _equal)),
)
