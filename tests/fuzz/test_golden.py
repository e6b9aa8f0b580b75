"""The golden vectors are what the generator makes, and mean what they say, to every reader."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Array, Doc, Text, merge_updates

from crdt import Document, Dot, Schema, conflicts
from crdt.rules import RowRule
from crdt.rules.built_in import _RULES
from crdt.schema import Field
from fuzz.__main__ import main
from fuzz.golden import FILE, load

CASES = load()
FIELD = "field"


def updates_of(case: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(update["hex"]) for update in case["updates"]]


def same(known: Field, value: Any, wire: Any) -> bool:
    """Is the value what stands in the file?"""
    return known.same(value, wire) if known.kind == "json" else known.encode(value) == wire


def test_the_file_is_what_the_generator_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["golden"]) == 0
    made = capsys.readouterr().out
    assert FILE.read_text(encoding="utf-8") == made, "run python -m fuzz golden --write"


def test_every_rule_is_shown_in_concurrency_and_reverted() -> None:
    for rule in _RULES:
        of_rule = [
            case["name"]
            for case in CASES
            if rule.describe() in (case["schema"]["row"], case["schema"]["fields"][0]["rule"])
        ]
        assert len(of_rule) >= 3, rule
        assert isinstance(rule, RowRule) or any("one value after the other" in n for n in of_rule)
        if rule.client_writes and not isinstance(rule, RowRule):
            assert any("later one is reverted" in name for name in of_rule), rule
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert any(case["conflict"] for case in CASES)


def test_our_reader_reads_what_the_file_says() -> None:
    for case in CASES:
        schema = Schema.from_description(case["schema"])
        known, document = schema.fields[FIELD], Document()
        for update, read, deleted in zip(
            updates_of(case), case["reads"], case["deleted"], strict=True
        ):
            document.apply_update(update)
            assert same(known, known.read(document), read), case["name"]
            assert schema.is_deleted(document) is deleted, case["name"]
        for each in (document, Document(merge_updates(*updates_of(case)))):
            assert same(known, known.read(each), case["reads"][-1]), case["name"]
            live = [
                {"replica": e.dot.replica, "clock": e.dot.clock, "stamp": e.stamp, "value": e.value}
                for e in each.live(FIELD)
            ]
            assert live == case["live"], case["name"]
            found = conflicts(each, schema).get(FIELD, [])
            assert len(found) == len(case["conflict"])
            for alive, value in zip(found, case["conflict"], strict=True):
                assert same(known, alive.value, value), case["name"]


def test_pycrdt_shows_the_roots_that_the_file_says() -> None:
    for case in CASES:
        doc: Doc[Any] = Doc()
        for update in updates_of(case):
            doc.apply_update(update)
        for root, items in case["arrays"].items():
            assert doc.get(root, type=Array).to_py() == items, case["name"]
        for root, text in case["texts"].items():
            assert str(doc.get(root, type=Text)) == text, case["name"]


def test_the_live_entries_follow_from_the_roots_as_the_file_says() -> None:
    for case in CASES:
        entries = Document(merge_updates(*updates_of(case))).entries
        named = {
            dot for items in case["arrays"].values() for entry in items for dot in _named(entry)
        }
        live = [
            {"replica": dot.replica, "clock": dot.clock, "stamp": raw[1], "value": raw[2]}
            for dot, raw in ((dot, entries[dot].raw()) for dot in sorted(entries))
            if raw[0] == FIELD and dot not in named and _stands_for(raw) not in named
        ]
        assert live == case["live"], case["name"]


def _named(entry: list[Any]) -> list[Dot]:
    return [Dot(*dot) for dot in entry[3]] if len(entry) > 3 else []


def _stands_for(entry: list[Any]) -> Dot | None:
    return Dot(*entry[4]) if len(entry) > 4 else None
