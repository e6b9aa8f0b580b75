"""Values: every kind comes back as it went, and nothing that is sent can break a reader."""

import json
import math
import struct
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crdt.document import Document
from crdt.values import KINDS, MAX_JSON_DEPTH, decode, encode

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
offsets = st.integers(-(24 * 60 - 1), 24 * 60 - 1).map(lambda n: timezone(timedelta(minutes=n)))
ZONES = ["Europe/Paris", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Monrovia", "UTC"]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int": st.integers(-(10**100) + 1, 10**100 - 1)
    | st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, -(2**53), 2**63, -(2**63)]),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "str": texts,
    "decimal": st.decimals(allow_nan=False, allow_infinity=False).filter(
        lambda value: abs(value.adjusted()) < 400 and int(value.as_tuple().exponent) > -400
    ),
    "date": st.dates(),
    "time": st.times(),
    "datetime": st.datetimes() | st.datetimes(allow_imaginary=True, timezones=st.just(UTC)),
    "duration": st.timedeltas(),
    "uuid": st.uuids(),
    "json": json_values,
    "binary": st.binary(),
}


def through_a_document(wire: Any) -> Any:
    """What the value is after it was stored and read again."""
    document = Document(b"", 7)
    document.append("field", 1, wire)
    (entry,) = Document(document.encode()).live("field")
    return entry.value


def test_every_kind_is_tried() -> None:
    assert VALUES.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(data=st.data())
def test_a_value_comes_back_as_it_went(kind: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    back = decode(kind, through_a_document(encode(kind, value)))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_null_is_null_for_every_kind(kind: str) -> None:
    assert encode(kind, None) is None
    assert decode(kind, None) is None


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=offsets))
def test_an_aware_time_comes_back_as_the_same_instant(value: datetime) -> None:
    back = decode("datetime", encode("datetime", value))
    assert back == value
    assert back.tzinfo is UTC


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(ZONES),
    st.integers(0, 1),
)
def test_a_time_that_a_clock_shows_twice_or_never_keeps_its_instant(
    value: datetime, zone: str, fold: int
) -> None:
    aware = value.replace(tzinfo=ZoneInfo(zone), fold=fold)
    assert decode("datetime", encode("datetime", aware)) == aware.astimezone(UTC)


FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)


@pytest.mark.parametrize("value", [FIRST, LAST])
@pytest.mark.parametrize("hours", [-5, 5])
def test_an_instant_outside_the_calendar_is_refused(value: datetime, hours: int) -> None:
    aware = value.replace(tzinfo=timezone(timedelta(hours=hours)))
    if (value is FIRST) == (hours > 0):
        with pytest.raises(ValueError, match="not a value of kind datetime"):
            encode("datetime", aware)
    else:
        assert decode("datetime", encode("datetime", aware)) == aware


def test_a_naive_time_stays_naive() -> None:
    naive = datetime(2024, 10, 27, 2, 30, fold=1)
    assert encode("datetime", naive) == "2024-10-27T02:30:00"
    assert decode("datetime", "2024-10-27T02:30:00").tzinfo is None


def test_a_time_as_a_browser_writes_it_is_read() -> None:
    expected = datetime(2024, 5, 6, 7, 8, 9, 250_000, UTC)
    assert decode("datetime", "2024-05-06T07:08:09.250Z") == expected
    assert decode("datetime", "2024-05-06T09:08:09.250+02:00") == expected


def test_minus_zero_is_zero_before_and_after_it_travelled() -> None:
    wire = encode("float", -0.0)
    assert math.copysign(1, wire) == 1
    assert math.copysign(1, decode("float", through_a_document(wire))) == 1


def test_whole_numbers_stay_of_their_type() -> None:
    assert type(decode("int", through_a_document(encode("int", 1)))) is int
    assert type(decode("float", through_a_document(encode("float", 1.0)))) is float
    assert encode("int", 2**53 - 1) == 2**53 - 1
    assert encode("int", 2**53) == str(2**53)


def test_a_decimal_keeps_its_zeros_and_loses_its_exponent() -> None:
    assert encode("decimal", Decimal("1.50")) == "1.50"
    assert encode("decimal", Decimal("1E+3")) == "1000"
    assert encode("decimal", Decimal("1E-7")) == "0.0000001"
    assert encode("decimal", 7) == "7"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bool", 1),
        ("int", True),
        ("int", 1.5),
        ("int", "1"),
        ("int", 10**100),
        ("int", 10**5_000),
        ("int", Decimal("NaN")),
        ("int", float("inf")),
        ("float", float("nan")),
        ("float", float("inf")),
        ("float", 10**400),
        ("float", "1.0"),
        ("float", True),
        ("float", 1j),
        ("str", b"bytes"),
        ("str", "half \ud83d"),
        ("str", "a\0b"),
        ("decimal", 0.1),
        ("decimal", "abc"),
        ("decimal", ""),
        ("decimal", Decimal("NaN")),
        ("decimal", Decimal("sNaN")),
        ("decimal", Decimal("-Infinity")),
        ("decimal", Decimal("1E+999999")),
        ("decimal", Decimal("1E-999999")),
        ("date", datetime(2024, 1, 1)),
        ("date", "2024-01-01"),
        ("time", time(1, 2, tzinfo=UTC)),
        ("datetime", date(2024, 1, 1)),
        ("duration", 5),
        ("uuid", "nonsense"),
        ("uuid", 5),
        ("json", float("nan")),
        ("json", {"a": [float("inf")]}),
        ("json", {"a": ["\0"]}),
        ("json", "\0"),
        ("json", ["\ud800"]),
        ("json", [10**600]),
        ("json", {1, 2}),
        ("binary", "text"),
        ("binary", 5),
    ],
    ids=count(),
)
def test_what_a_kind_cannot_hold_is_refused(kind: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        encode(kind, value)


@pytest.mark.parametrize(
    ("kind", "wire"),
    [
        ("bool", 1),
        ("bool", "true"),
        ("int", True),
        ("int", 1.5),
        ("int", "1_000"),
        ("int", "٣"),
        ("int", " 1"),
        ("int", "1\n"),
        ("int", "+1"),
        ("int", "NaN"),
        ("int", "9" * 100_000),
        ("int", []),
        ("float", "1.0"),
        ("float", float("nan")),
        ("decimal", 0.1),
        ("decimal", "NaN"),
        ("decimal", "1E+9"),
        ("decimal", "1_0"),
        ("decimal", "٣"),
        ("decimal", "9" * 100_000),
        ("decimal", "1."),
        ("date", "2024-02-30"),
        ("date", "0000-01-01"),
        ("date", "10000-01-01"),
        ("date", "20240101"),
        ("date", "2024-W01-1"),
        ("date", "２０２４-01-01"),
        ("date", 5),
        ("time", "24:00"),
        ("time", "10"),
        ("time", "T10:00"),
        ("time", "10:00Z"),
        ("time", "10:00:00,5"),
        ("datetime", "2024-01-01"),
        ("datetime", "2024-01-01T24:00:00"),
        ("datetime", "2024-01-01T10"),
        ("datetime", "2024-W01-1T10:00:00"),
        ("datetime", "2024-01-01T10:00:00+00:00:01"),
        ("datetime", "0001-01-01T00:00:00+05:00"),
        ("datetime", "9999-12-31T23:59:59-05:00"),
        ("duration", "9" * 40),
        ("duration", 1.5),
        ("uuid", "{12345678-1234-1234-1234-123456789abc}"),
        ("uuid", "12345678123412341234123456789abc"),
        ("uuid", 5),
        ("json", "NaN"),
        ("json", "[Infinity]"),
        ("json", "1e999"),
        ("json", "9" * 5_000),
        ("json", "9" * 501),
        ("json", ""),
        ("json", "{"),
        ("json", {"a": 1}),
        ("json", '{"a":["\\u0000"]}'),
        ("json", '"\\\\\\u0000"'),
        ("json", '["\\ud800"]'),
        ("json", '{"\\uDC00":1}'),
        ("json", "[" * 100_000 + "]" * 100_000),
        ("json", '{"a":' * 100_000),
        ("json", '"' + '\\"' * 100_000),
        ("json", "[" * 300 + '"' + '\\"' * 100_000),
        ("binary", "a"),
        ("binary", "é==="),
        ("binary", "ab\ncd=="),
    ],
    ids=count(),
)
def test_what_is_no_value_of_a_kind_raises_value_error_and_nothing_else(
    kind: str, wire: Any
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        decode(kind, wire)
    assert len(str(caught.value)) < 200


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
lookalikes = st.from_regex(
    r"[-+]?[0-9]{0,5}[-:T .eE]?[0-9]{0,5}[-:T .]?[0-9]{0,3}[Z+]?[0-9:]{0,6}", fullmatch=True
)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(wire=anything | lookalikes)
@settings(max_examples=50)
@example(wire="1" * 5_000)
@example(wire="\ud800")
def test_decode_takes_anything(kind: str, wire: Any) -> None:
    try:
        value = decode(kind, wire)
    except ValueError:
        return
    assert decode(kind, encode(kind, value)) == value


@given(st.text(st.sampled_from('[]{}"\\,:u0dD8eabc1 '), max_size=40))
def test_json_that_is_accepted_can_be_stored_and_sent_again(wire: str) -> None:
    try:
        value = decode("json", wire)
    except ValueError:
        return
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()
    assert decode("json", encode("json", value)) == value


def test_how_deep_json_may_nest_does_not_depend_on_the_caller() -> None:
    fits = "[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH
    assert encode("json", decode("json", fits)) == fits
    with pytest.raises(ValueError, match="deeper than 200"):
        decode("json", f"[{fits}]")
    with pytest.raises(ValueError, match="deeper than 200"):
        encode("json", [decode("json", fits)])
    brackets = json.dumps(["[{" * 1_000])
    assert decode("json", brackets) == ["[{" * 1_000]


def test_json_deeper_than_the_stack_is_refused() -> None:
    value: list[Any] = []
    for _ in range(sys.getrecursionlimit() * 3):
        value = [value]
    with pytest.raises(ValueError, match=r"."):
        encode("json", value)


def test_json_with_a_written_backslash_before_u0000_is_fine() -> None:
    value = {"path": "\\u0000", "emoji": "😀"}
    assert decode("json", encode("json", value)) == value
    assert decode("json", '"\\ud83d\\ude00"') == "😀"


def test_bytes_of_every_shape_are_taken() -> None:
    data = struct.pack(">d", 1.5)
    for value in (data, bytearray(data), memoryview(data)):
        assert decode("binary", encode("binary", value)) == data


def test_uuids_are_read_in_either_case() -> None:
    identity = UUID("12345678-1234-1234-1234-123456789abc")
    assert decode("uuid", str(identity).upper()) == identity
    assert encode("uuid", str(identity)) == str(identity)
