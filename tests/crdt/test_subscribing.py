"""What an app may ask for, and what of it a frame may carry."""

import json
from typing import Any
from uuid import UUID

import pytest

from crdt.errors import LocalFault, Malformed
from crdt.frames import decode
from crdt.messages import Subscribe
from crdt.rules import Latest
from crdt.schema import Field, Schema
from crdt.subscribing import subscription_of

FOLDER = UUID("00000000-0000-4000-8000-000000000001")
FILTER = {"filter": True}
CARD = Schema(
    "parts.card",
    {
        field.name: field
        for field in (
            Field("folder", "uuid", Latest(), options=FILTER, wire="box", aliases=("binder",)),
            Field("team", "json", Latest(), options=FILTER),
            Field("title", "str", Latest()),
        )
    },
    name="parts.index_card",
)
MODELS = {"parts.card": CARD, "parts.index_card": CARD}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([], {}),
        (["parts.card"], {"parts.card": {}}),
        (["parts.Index_Card"], {"parts.card": {}}),
        ({"parts.index_card": {}}, {"parts.card": {}}),
        ({"parts.card": {"folder": FOLDER}}, {"parts.card": {"box": (str(FOLDER),)}}),
        ({"parts.card": {"binder": [FOLDER, FOLDER]}}, {"parts.card": {"box": (str(FOLDER),)}}),
        ({"parts.card": {"folder": {None}}}, {"parts.card": {"box": (None,)}}),
        ({"parts.card": {"team": ["red"]}}, {"parts.card": {"team": ('["red"]',)}}),
        ({"parts.card": {"team": [["b"], ["a"]]}}, {"parts.card": {"team": ('["a"]', '["b"]')}}),
    ],
)
def test_what_is_asked_for_is_said_in_the_words_of_documents(wanted: Any, expected: Any) -> None:
    assert subscription_of(MODELS, wanted) == expected


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (["parts.nothing"], "no model"),
        ({"parts.card": {"title": "x"}}, "only by folder, team"),
        ({"parts.card": {"box": FOLDER}}, "only by folder, team"),
        ({"parts.card": {"folder": [UUID(int=n) for n in range(999)]}}, "1000 models and values"),
    ],
)
def test_what_cannot_be_asked_for_is_said(wanted: Any, error: str) -> None:
    with pytest.raises(LocalFault, match=error):
        subscription_of(MODELS, wanted)


@pytest.mark.parametrize("value", ["no uuid", 7, [7], {"a": 1}])
def test_a_value_that_the_field_cannot_hold_is_refused_with_its_name(value: Any) -> None:
    with pytest.raises(ValueError, match="folder"):
        subscription_of(MODELS, {"parts.card": {"folder": value}})


def frame(models: Any) -> bytes:
    header = json.dumps({"type": "subscribe", "id": 1, "models": models}).encode()
    return len(header).to_bytes(4, "big") + header


@pytest.mark.parametrize(
    "models",
    [
        [],
        "parts.card",
        {"card": {}},
        {"": {}},
        {"parts.card": None},
        {"parts.card": []},
        {"parts.card": {"folder": "x"}},
        {"parts.card": {"folder": {"x": 1}}},
        {"parts.card": {"folder": [[]]}},
        {"parts.card": {"folder": [{}]}},
        {"parts.card": {"folder": [2**53]}},
        {"parts.card": {"folder": [-(2**53)]}},
        {"parts.card": {"folder": ["x" * 10_001]}},
        {"parts.card": {"folder": [1] * 1_000}},
        {"parts.card": {str(n): [] for n in range(1_000)}},
        {f"parts.card{n}": {} for n in range(1_001)},
    ],
    ids=lambda models: str(models)[:40],
)
def test_a_part_that_does_not_hold_together_is_refused(models: Any) -> None:
    with pytest.raises(Malformed, match="models"):
        decode(frame(models))


def test_a_part_of_the_largest_size_is_read() -> None:
    models = {"parts.card": {"folder": list(range(998))}}
    message = decode(frame(models))
    assert isinstance(message, Subscribe)
    assert message.subscription == {"parts.card": {"folder": tuple(range(998))}}
    assert decode(frame(None)) == Subscribe(1, None)
