"""A field's kind changes: its values are carried over where nothing of them is lost."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt.converting import CONVERSIONS, convert
from crdt.values import KINDS, decode, encode

from .test_values import VALUES

UUID_TEXT = "6f1c2a52-3d6b-4c65-9a3e-0d1f2e3a4b5c"


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (5, "int", "str", "5"),
        ("5", "str", "int", 5),
        ("-12", "str", "int", -12),
        (2**70, "int", "str", str(2**70)),
        (5, "int", "decimal", Decimal(5)),
        (Decimal(5), "decimal", "int", 5),
        ("1.50", "str", "decimal", Decimal("1.50")),
        (1.5, "float", "decimal", Decimal("1.5")),
        (0.1, "float", "decimal", Decimal("0.1")),
        (5, "int", "float", 5.0),
        (5.0, "float", "int", 5),
        (True, "bool", "int", 1),
        (0, "int", "bool", False),
        ("true", "str", "bool", True),
        (date(2024, 2, 29), "date", "datetime", datetime(2024, 2, 29, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), "datetime", "date", date(2024, 2, 29)),
        ("2024-02-29", "str", "date", date(2024, 2, 29)),
        (UUID_TEXT, "str", "uuid", UUID(UUID_TEXT)),
        ("text", "str", "json", "text"),
        ({"a": 1}, "json", "json", {"a": 1}),
        (None, "str", "int", None),
    ],
)
def test_what_loses_nothing_is_converted(
    value: Any, source: str, target: str, expected: Any
) -> None:
    converted = convert(value, source, target)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "source", "target"),
    [
        ("five", "str", "int"),
        ("007", "str", "int"),
        (" 5", "str", "int"),
        ("", "str", "decimal"),
        (5.5, "float", "int"),
        (2**53 + 1, "int", "float"),
        (Decimal("1.5"), "decimal", "int"),
        (Decimal("1.50"), "decimal", "json"),
        (2, "int", "bool"),
        ("yes", "str", "bool"),
        (datetime(2024, 2, 29, 1, tzinfo=UTC), "datetime", "date"),
        (datetime(2024, 2, 29), "datetime", "date"),
        ({"a": 1}, "json", "str"),
        (True, "json", "int"),
        (b"a", "binary", "str"),
        (5, "int", "uuid"),
    ],
)
def test_what_would_lose_something_is_not(value: Any, source: str, target: str) -> None:
    with pytest.raises(ValueError, match="without loss"):
        convert(value, source, target)


kinds = st.sampled_from(sorted(KINDS))


@settings(max_examples=150)
@given(st.data(), kinds, kinds)
def test_conversions_are_undone_or_refused(data: st.DataObject, source: str, target: str) -> None:
    value = data.draw(VALUES[source])
    value = decode(source, encode(source, value))
    try:
        converted = convert(value, source, target)
    except ValueError:
        return
    assert decode(target, encode(target, converted)) == converted
    back = convert(converted, target, source)
    assert back == value


def test_every_conversion_has_its_way_back() -> None:
    assert {(target, source) for source, target in CONVERSIONS} == set(CONVERSIONS)
