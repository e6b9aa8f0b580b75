"""Values of every field type survive the way through a document, exactly."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.test.utils import isolate_apps
from hypothesis import given
from hypothesis import strategies as st

from crdt.sameness import same_json
from crdt.values import decode, encode
from django_pulse.mapping.columns import AnyField, columns_of, kind_of, same, to_column, to_document
from tests.project.todo.models import Category, Colour, Everything, Item, Task

NAIVE_NOON = dt.datetime(2024, 7, 1, 12)
BERLIN_SUMMER = dt.timezone(dt.timedelta(hours=2))

# Two values for every column of Everything that takes any; what the second one is, is unusual.
VALUES: dict[str, tuple[Any, Any]] = {
    "big": (1, 2**63 - 1),
    "big_or_null": (-(2**53) - 1, -(2**63)),
    "binary": (b"abc", bytes(range(256))),
    "binary_or_null": (b"", b"\0"),
    "boolean": (True, False),
    "boolean_or_null": (True, False),
    "char": ("abc", "e\u0301 \N{GRINNING FACE} 日本"),
    "char_or_null": ("", "null"),
    "colour": ("r", "g"),
    "date": (dt.date(2024, 2, 29), dt.date(1, 1, 1)),
    "moment": (
        dt.datetime(2024, 7, 1, 12, 30, 0, 123456, tzinfo=BERLIN_SUMMER),
        dt.datetime(2024, 10, 27, 1, 30, tzinfo=dt.UTC),
    ),
    # SQLite keeps 15 digits of a decimal.
    "decimal": (Decimal("1.5"), Decimal("-999999999.999999")),
    "decimal_or_null": (Decimal("0.000001"), Decimal(0)),
    "duration": (dt.timedelta(days=-3, microseconds=1), dt.timedelta(days=100_000)),
    "email": ("a@example.org", ""),
    "file": ("files/a.txt", ""),
    "file_path": ("/etc/hosts", ""),
    "floating": (0.1, -1.5e300),
    "floating_or_null": (1.0, 2.0**53),
    "address": ("10.0.0.1", "2001:db8::1"),
    "integer": (7, -(2**31)),
    "integer_or_null": (0, 2**31 - 1),
    "json": ({"a": [1, 2.5, None, True, {"b": "\N{GRINNING FACE}"}]}, []),
    "json_or_null": ("text", {"": 2**70}),
    "positive": (0, 2**31 - 1),
    "positive_big": (0, 2**63 - 1),
    "positive_small": (0, 32767),
    "slug": ("a-b", ""),
    "small": (-32768, 32767),
    "text": ("line\nline\r\n", " "),
    "text_or_null": ("", "x" * 10_000),
    "time": (dt.time(23, 59, 59, 999999), dt.time(0)),
    "url": ("https://example.org/?a=b", ""),
    "uuid": (uuid.UUID(int=1), uuid.UUID(int=2**128 - 1)),
}
KEYS = {"category", "partner", "task"}
COLUMNS = columns_of(Everything)


def test_every_shared_column_of_the_model_is_tried() -> None:
    assert set(COLUMNS) == set(VALUES) | KEYS


def test_keys_bookkeeping_generated_and_automatic_fields_are_not_shared() -> None:
    absent = {"id", "sync_id", "version", "is_local_only", "sync_error", "created_at"}
    absent |= {"updated_at", "date_changed", "twice"}
    assert not absent & set(COLUMNS)


def through_a_document(name: str, value: Any) -> Any:
    """The value as another replica's instance would get it."""
    column = COLUMNS[name]
    wire = json.loads(json.dumps(encode(column.kind, column.to_document(value))))
    return column.to_column(decode(column.kind, wire))


@pytest.mark.parametrize("index", [0, 1], ids=["usual", "unusual"])
@pytest.mark.databases("sqlite", "postgres")
@pytest.mark.django_db
def test_what_comes_out_of_a_document_is_stored_as_what_went_in(index: int) -> None:
    values = {name: pair[index] for name, pair in VALUES.items()}
    arrived = {name: through_a_document(name, value) for name, value in values.items()}
    Everything._base_manager.bulk_create([Everything(**values), Everything(**arrived)])
    row, copy = Everything.objects.order_by("pk")
    for name, column in COLUMNS.items():
        stored, copied = getattr(row, column.attname), getattr(copy, column.attname)
        assert column.same(stored, copied), name
        if name in values:
            assert column.same(stored, values[name]), name
            assert encode(column.kind, column.to_document(stored)) == encode(
                column.kind, column.to_document(copied)
            ), name


@pytest.mark.parametrize("name", sorted(n for n in COLUMNS if COLUMNS[n].field.null))
def test_null_stays_null(name: str) -> None:
    assert through_a_document(name, None) is None
    assert COLUMNS[name].same(None, None)
    if name in VALUES:
        assert not COLUMNS[name].same(None, VALUES[name][0])


@pytest.mark.parametrize("name", sorted(VALUES))
def test_different_values_are_different(name: str) -> None:
    usual, unusual = VALUES[name]
    assert COLUMNS[name].same(usual, usual)
    assert not COLUMNS[name].same(usual, unusual)


def field(name: str) -> Any:
    return Everything._meta.get_field(name)


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("integer", "7", 7),
        ("integer", True, 1),
        ("boolean", 1, True),
        ("char", 12, "12"),
        ("colour", Colour.GREEN, "g"),
        ("date", "2024-02-29", dt.date(2024, 2, 29)),
        ("date", dt.datetime(2024, 2, 28, 23, 30, tzinfo=dt.UTC), dt.date(2024, 2, 29)),
        ("moment", NAIVE_NOON, dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC)),
        ("decimal", "1.50", Decimal("1.500000")),
        ("decimal", 0.1, Decimal("0.100000")),
        ("decimal", Decimal("1.00000050000001"), Decimal("1.000001")),
        ("uuid", "00000000-0000-0000-0000-000000000001", uuid.UUID(int=1)),
        ("uuid", 1, uuid.UUID(int=1)),
        ("json", {"a": (1, 2), 3: None}, {"a": [1, 2], "3": None}),
        ("binary", memoryview(b"ab"), b"ab"),
        ("binary", bytearray(b"ab"), b"ab"),
        ("address", "2001:0DB8:0::1", "2001:db8::1"),
        ("file", None, ""),
        ("floating", "0.5", 0.5),
        ("category", "4", 4),
    ],
)
def test_a_document_holds_what_the_column_would(name: str, written: Any, meant: Any) -> None:
    held = to_document(field(name), written)
    assert held == meant
    assert type(held) is type(meant)
    assert same(field(name), written, meant)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ({"a": 1}, {"a": True}, False),
        ([1, [2]], [1, [2]], True),
        ([1], [1, 1], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": None}, {}, False),
        ("1", 1, False),
        ([], {}, False),
        (None, [], False),
    ],
)
def test_json_is_compared_as_json(a: Any, b: Any, expected: bool) -> None:
    assert same(field("json"), a, b) is expected
    assert same(field("json"), b, a) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_json_equals_itself_after_a_round_trip(value: Any) -> None:
    assert same(field("json"), value, json.loads(json.dumps(value)))


def test_deep_json_is_compared_without_recursion() -> None:
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    assert same_json(deep, deep)


def test_a_saved_file_is_its_name() -> None:
    row = Everything()
    assert to_document(field("file"), row.file) == ""
    row.file = "files/b.txt"
    assert to_document(field("file"), row.file) == "files/b.txt"
    row.file = ContentFile(b"", name="c.txt")
    assert to_document(field("file"), row.file) == "c.txt"


def test_a_number_with_too_many_digits_is_left_to_the_validators() -> None:
    price: Any = Item._meta.get_field("price")
    assert to_document(price, Decimal(10) ** 20) == Decimal(10) ** 20


@pytest.mark.parametrize(("name", "value"), [("integer", "x"), ("date", "x"), ("uuid", "x")])
def test_what_is_no_value_is_refused_as_django_refuses_it(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        to_document(field(name), value)


def test_foreign_keys_have_the_kind_of_their_target() -> None:
    assert kind_of(field("category")) == "int"
    assert kind_of(field("partner")) == "int"
    with isolate_apps("tests.project.todo"):

        class Target(models.Model):
            id = models.UUIDField(primary_key=True)
            category = models.OneToOneField(Category, models.CASCADE, related_name="+")

            class Meta:
                app_label = "todo"

        class Source(models.Model):
            target = models.ForeignKey(Target, models.CASCADE)
            by_category = models.ForeignKey(
                Target, models.CASCADE, to_field="category", related_name="+"
            )

            class Meta:
                app_label = "todo"

        target: Any = Source._meta.get_field("target")
        chained: Any = Source._meta.get_field("by_category")
    assert kind_of(target) == "uuid"
    assert to_column(target, uuid.UUID(int=5)) == uuid.UUID(int=5)
    assert kind_of(chained) == "int"


class Roman(AnyField):
    """A type of field that nobody here has heard of."""

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, tuple) else tuple(value.split("-"))

    def value_to_string(self, obj: Any) -> str:
        return "-".join(self.value_from_object(obj))


class Rounded(models.FloatField):  # type: ignore[type-arg]
    """A known type whose values look otherwise in Python."""

    def from_db_value(self, value: Any, *args: Any) -> Any:
        return None if value is None else Decimal(str(value))


def test_unknown_types_travel_as_dumpdata_writes_them() -> None:
    with isolate_apps("tests.project.todo"):

        class Odd(models.Model):
            roman = Roman()
            rounded = Rounded()

            class Meta:
                app_label = "todo"

        columns = columns_of(Odd)
    roman, rounded = columns["roman"], columns["rounded"]
    assert (roman.kind, rounded.kind) == ("str", "str")
    assert roman.to_document(("i", "v")) == "i-v"
    assert roman.to_column("i-v") == ("i", "v")
    assert roman.to_document(None) is None
    assert rounded.to_document(Decimal("0.5")) == "0.5"


def test_an_encoder_of_the_field_is_used() -> None:
    with isolate_apps("tests.project.todo"):

        class Dated(models.Model):
            payload = models.JSONField(encoder=DjangoJSONEncoder)

            class Meta:
                app_label = "todo"

        payload = columns_of(Dated)["payload"]
    assert payload.to_document({"on": dt.date(2024, 1, 2)}) == {"on": "2024-01-02"}
    assert payload.same({"on": dt.date(2024, 1, 2)}, {"on": "2024-01-02"})


@pytest.mark.parametrize("use_tz", [True, False])
def test_moments_are_aware_exactly_where_the_project_says_so(settings: Any, use_tz: bool) -> None:
    settings.USE_TZ = use_tz
    aware = dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC)
    assert same(field("moment"), aware, NAIVE_NOON)
    assert to_column(field("moment"), aware) == (aware if use_tz else NAIVE_NOON)


def test_a_proxy_has_the_columns_of_its_model() -> None:
    with isolate_apps("tests.project.todo"):

        class Urgent(Task):
            class Meta:
                app_label = "todo"
                proxy = True

    assert columns_of(Urgent) is columns_of(Task)
