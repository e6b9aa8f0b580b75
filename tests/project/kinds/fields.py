"""Every type of Django field that documents hold, with a name and some of its values.

A field type that Django adds, or a class of columns that we add, belongs in FIELD_TYPES: a test
compares it with both.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

__all__ = ["FIELD_TYPES", "REFERRED", "FieldType", "Version"]

REFERRED = 4
"""Rows of each model that references refer to, with the primary keys from 1 on."""


class Version(models.Field):  # type: ignore[type-arg]
    """A type of field that is none of Django's: numbers with dots between them."""

    def db_type(self, connection: Any) -> str:
        return "varchar(40)"

    def from_db_value(self, value: Any, *args: Any) -> Any:
        return self.to_python(value)

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, tuple):
            return value
        return tuple(int(part) for part in value.split("."))

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else ".".join(map(str, self.to_python(value)))

    def value_to_string(self, obj: Any) -> str:
        return str(self.get_prep_value(self.value_from_object(obj)))


@dataclass(frozen=True)
class FieldType:
    """One type: how its fields are made, and values as documents hold them, none of them blank.

    `zero` is where a number starts, `start` where a text does: new characters come at `at`.
    """

    make: Callable[..., Any]
    kind: str
    samples: tuple[Any, ...]
    zero: Any = 0
    negative: bool = True
    """May a number be less than nothing?"""
    start: str = ""
    at: int = 0
    letters: str = ""
    """What may be typed into a text; anything, where this is empty."""
    takes_parts: bool = True
    """Is what a rule makes of parts of several values always one?"""

    def fields(self, name: str, **options: Any) -> dict[str, Any]:
        """What a model's body has to say."""
        return {name: self.make(**options)}

    def attributes(self, name: str, value: Any) -> dict[str, Any]:
        """The attributes of an instance that hold a document's value."""
        return {name: value}

    def shown(self, row: Any, name: str) -> Any:
        """The document's value of what an instance holds."""
        return getattr(row, name)


class _Converted(FieldType):
    """Its values are others in columns."""

    inward: Callable[[Any], Any] = staticmethod(lambda value: value)
    outward: Callable[[Any], Any] = staticmethod(lambda value: value)
    suffix = ""

    def attributes(self, name: str, value: Any) -> dict[str, Any]:
        return {f"{name}{self.suffix}": None if value is None else self.outward(value)}

    def shown(self, row: Any, name: str) -> Any:
        value = getattr(row, f"{name}{self.suffix}")
        return None if value is None else self.inward(value)


class _File(_Converted):
    inward = staticmethod(lambda file: file.name or None)


class _Bytes(_Converted):
    inward = staticmethod(bytes)


class _Own(_Converted):
    inward = staticmethod(lambda version: ".".join(map(str, version)))
    outward = staticmethod(lambda text: tuple(map(int, text.split("."))))


class _Key(_Converted):
    suffix = "_id"


class _SyncKey(_Key):
    inward = staticmethod(lambda pk: UUID(int=pk))
    outward = staticmethod(lambda sync_id: sync_id.int)


class _NaturalKey(_Key):
    inward = staticmethod(lambda pk: [str(pk)])
    outward = staticmethod(lambda key: int(key[0]))


class _Generic(FieldType):
    """The two columns of a GenericForeignKey, which documents hold as one."""

    def fields(self, name: str, **options: Any) -> dict[str, Any]:
        kind = models.ForeignKey(
            "contenttypes.ContentType", models.CASCADE, related_name="+", **options
        )
        number = models.PositiveBigIntegerField(**options)
        key = GenericForeignKey(f"{name}_type", f"{name}_number")
        return {f"{name}_type": kind, f"{name}_number": number, name: key}

    def attributes(self, name: str, value: Any) -> dict[str, Any]:
        if value is None:
            return {f"{name}_type_id": None, f"{name}_number": None}
        kind = ContentType.objects.get_by_natural_key(*value[0].split("."))
        return {f"{name}_type_id": kind.pk, f"{name}_number": UUID(value[1]).int}

    def shown(self, row: Any, name: str) -> Any:
        number = getattr(row, f"{name}_number")
        return None if number is None else ["relations.project", str(UUID(int=number))]


def _char(**options: Any) -> Any:
    return models.CharField(max_length=200, **options)


def _to(model: str, kind: Any = models.ForeignKey, **more: Any) -> Callable[..., Any]:
    def make(**options: Any) -> Any:
        return kind(model, models.SET_NULL, related_name="+", **more, **options)

    return make


def _decimal(**options: Any) -> Any:
    return models.DecimalField(max_digits=20, decimal_places=4, **options)


def _path(**options: Any) -> Any:
    return models.FilePathField(path="/", **options)


def _day(day: int) -> dt.datetime:
    return dt.datetime(2026, 3, day, 1, 30, 0, 999_999, tzinfo=dt.UTC)


_WORDS = ("a", "É", "e\u0301", "😀 zwei", "中文", "Ω" * 30)
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_NUMBERS = (1, 2, 7, 12, 100, 30_000)
_KEYS = range(1, REFERRED + 1)

FIELD_TYPES: Mapping[str, FieldType] = {
    "char": FieldType(_char, "str", _WORDS),
    "text": FieldType(models.TextField, "str", (*_WORDS, "two\nlines")),
    "slug": FieldType(models.SlugField, "str", ("a", "b-1", "z_z"), letters=_PLAIN),
    "url": FieldType(
        models.URLField,
        "str",
        ("http://a.example/", "https://b.example/c?d=1#e", "http://c.example"),
        start="http://a.example/",
        at=17,
        letters=_PLAIN,
    ),
    "email": FieldType(
        models.EmailField,
        "str",
        ("ada@a.example", "ben@b.example", "o'x+y@c.example"),
        start="0@a.example",
        letters=_PLAIN,
    ),
    "integer": FieldType(models.IntegerField, "int", (-5, *_NUMBERS, 2**31 - 1)),
    "small": FieldType(models.SmallIntegerField, "int", (-5, *_NUMBERS)),
    "big": FieldType(
        models.BigIntegerField, "int", (-(2**63), *_NUMBERS, 2**53 - 1, 2**53 + 1, 2**63 - 1)
    ),
    "positive": FieldType(models.PositiveIntegerField, "int", _NUMBERS, negative=False),
    "positive_small": FieldType(models.PositiveSmallIntegerField, "int", _NUMBERS, negative=False),
    "positive_big": FieldType(
        models.PositiveBigIntegerField, "int", (*_NUMBERS, 2**53 + 1), negative=False
    ),
    "float": FieldType(models.FloatField, "float", (-2.5, 0.1, 1e300, 5e-324, 2.0**60)),
    "decimal": FieldType(
        _decimal,
        "decimal",
        (Decimal("-3.0000"), Decimal("0.1000"), Decimal("1.1000"), Decimal("9999999999.0001")),
        zero=Decimal("0.0000"),
    ),
    "boolean": FieldType(models.BooleanField, "bool", (True, False)),
    "date": FieldType(
        models.DateField, "date", (dt.date(1, 1, 1), *(_day(d).date() for d in _KEYS))
    ),
    "time": FieldType(models.TimeField, "time", (dt.time(0), dt.time(12, 1), dt.time.max)),
    "datetime": FieldType(models.DateTimeField, "datetime", tuple(map(_day, (*_KEYS, 29)))),
    "duration": FieldType(
        models.DurationField,
        "duration",
        (dt.timedelta(0), dt.timedelta(days=-1, microseconds=1), dt.timedelta(days=400)),
    ),
    "uuid": FieldType(models.UUIDField, "uuid", tuple(UUID(int=n) for n in (0, 1, 2**128 - 1))),
    "json": FieldType(
        models.JSONField, "json", ({}, [], {"a": [1, None, "é"]}, "text", True, 1, [1], [True])
    ),
    "binary": _Bytes(models.BinaryField, "binary", (b"", b"\0\xff", b"abc")),
    "address": FieldType(
        models.GenericIPAddressField, "str", ("::1", "10.0.0.1", "2001:db8::7"), takes_parts=False
    ),
    "file": _File(models.FileField, "str", ("a.txt", "b/é.txt"), takes_parts=False),
    "path": FieldType(_path, "str", ("a.txt", "b/é.txt", "/c"), takes_parts=False),
    "version": _Own(Version, "str", ("1", "1.0", "12.3.4"), takes_parts=False),
    "key": _SyncKey(
        _to("relations.project"), "uuid", tuple(UUID(int=n) for n in _KEYS), takes_parts=False
    ),
    "one": _SyncKey(
        _to("relations.project", models.OneToOneField),
        "uuid",
        tuple(UUID(int=n) for n in _KEYS),
        takes_parts=False,
    ),
    "natural": _NaturalKey(
        _to("relations.category"), "json", tuple([str(n)] for n in _KEYS), takes_parts=False
    ),
    "number": _Key(_to("relations.country"), "int", tuple(_KEYS), takes_parts=False),
    "code": _Key(
        _to("relations.country", to_field="code"),
        "str",
        tuple(f"c{n}" for n in _KEYS),
        takes_parts=False,
    ),
    "generic": _Generic(
        GenericForeignKey,
        "json",
        tuple(["relations.project", str(UUID(int=n))] for n in _KEYS),
        takes_parts=False,
    ),
}
"""Every type of field that a SyncModel can have, and every way in which we hold one."""
