"""JSON with whole numbers of any size."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_pulse.text.exact import dumps, loads

ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("aé😀0123456789"), inner),
    max_leaves=10,
)


@settings(max_examples=40)
@given(ANY)
def test_what_is_written_is_read(value: Any) -> None:
    read = loads(dumps(value))
    assert read == value
    assert repr(read) == repr(value) or "-0.0" in repr(value) or isinstance(value, dict)


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**64), 10**60])
def test_numbers_beyond_64_bits_keep_their_digits(number: int) -> None:
    assert loads(f'{{"a":[{number}]}}') == {"a": [number]}
    assert dumps({"a": [number]}) == b'{"a":[%d]}' % number


def test_equal_objects_are_written_alike() -> None:
    for number in (1, 2**70):
        assert dumps({"b": number, "a": 2}, sort_keys=True) == b'{"a":2,"b":%d}' % number


NO_JSON: list[str | bytes] = ["", "{", "NaN", '{"a":NaN}', "Infinity", "1e400", "1" * 400]
NO_JSON += ["[" * 2_000 + "]" * 2_000, "[" * 2_000 + "9" * 19 + "]" * 2_000]
NO_JSON += ['"\ud800"', '"\\ud800"', b"\xff", b'"\xed\xa0\x80"']


@pytest.mark.parametrize("text", NO_JSON)
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        loads(text)


def test_a_long_number_in_a_deep_list_is_read_or_a_value_error() -> None:
    depth = 1_000  # Python 3.11 gives up before that, later ones do not
    try:
        found = loads("[" * depth + "9" * 19 + "]" * depth)
    except ValueError:
        return
    for _ in range(depth):
        (found,) = found
    assert found == int("9" * 19)
