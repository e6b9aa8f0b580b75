"""Golden vectors: the cases as JSON, and how one of them is read back and compared."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from crdt import MISSING, Document, Entry, Schema, conflicts
from crdt.entry import ROW_FIELD, entries_root, text_root

from .cases import stories
from .story import FIELD, Story

__all__ = ["FILE", "case_of", "golden", "load"]

FILE: Final = Path(__file__).with_name("rules.json")
"""The file that ships; `python -m fuzz golden --write` makes it."""

ABOUT: Final = (
    "What documents mean, byte by byte, for ports of Django Pulse to other languages.",
    "Each case is one document of one field. `updates` are Yjs updates, version 1, in hexadecimal, "
    "as they travel: applied in their order, the field reads as `reads` says after each of them, "
    "and `deleted` whether the row is deleted.",
    "After the last one: `arrays` and `texts` are what Yjs shows of the document's roots. In the "
    "array of each replica stand its entries, [field, stamp, value, replaces, stands for], of "
    "which the last two are left out where they are empty.",
    "`live` are the live entries of the field by replica and clock: those that are there, and that "
    "no other names in its `replaces`; one that stands for another dies when that is named.",
    "`conflict` are the values of a field in conflict, the latest first.",
    "Values are written as they travel, but for kind json: there the value itself stands, whose "
    "numbers and keys compare as JSON does.",
)


def golden() -> str:
    """The text of the file."""
    about = ",\n".join(f"  {_json(line)}" for line in ABOUT)
    cases = ",\n".join(_lines({"name": name} | case_of(story)) for name, story in stories())
    return f'{{\n "about": [\n{about}\n ],\n "cases": [\n{cases}\n ]\n}}\n'


def _lines(case: Mapping[str, Any]) -> str:
    """An object with a line for each of its keys: what changes in it can be seen."""
    lines = ",\n".join(f"   {_json(key)}: {_json(value)}" for key, value in case.items())
    return f"  {{\n{lines}\n  }}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def load() -> list[dict[str, Any]]:
    """The cases of the file."""
    cases: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["cases"]
    return cases


def case_of(story: Story) -> dict[str, Any]:
    """What a story comes to."""
    document, reads, deleted = Document(), [], []
    for update in story.updates:
        document.apply_update(update.data)
        document = Document(document.encode())
        reads.append(_read(story.schema, document))
        deleted.append(story.schema.is_deleted(document))
    found = conflicts(document, story.schema).get(FIELD, ())
    known = story.schema.fields[FIELD]
    return {
        "schema": story.schema.description(),
        "updates": [
            {"by": update.by, "replica": update.replica, "hex": update.data.hex()}
            for update in story.updates
        ],
        "reads": reads,
        "deleted": deleted,
        "arrays": _arrays(document),
        "texts": {text_root(FIELD): document.text(FIELD)} if known.rule.text else {},
        "live": [_live(entry) for entry in document.live(FIELD)],
        "conflict": [_value(story.schema, each.value) for each in found],
    }


def _read(schema: Schema, document: Document) -> Any:
    value = schema.fields[FIELD].read(document)
    assert value is not MISSING, "every story begins with a value"
    return _value(schema, value)


def _value(schema: Schema, value: Any) -> Any:
    known = schema.fields[FIELD]
    return value if known.kind == "json" else known.encode(value)


def _arrays(document: Document) -> Mapping[str, list[Any]]:
    """The roots that hold entries, of those replicas that have any left."""
    arrays: dict[str, list[Any]] = {}
    for dot, entry in sorted(document.entries.items()):
        arrays.setdefault(entries_root(dot.replica), []).append(entry.raw())
    return arrays


def _live(entry: Entry) -> dict[str, Any]:
    assert entry.field != ROW_FIELD
    told = {"replica": entry.dot.replica, "clock": entry.dot.clock, "stamp": entry.stamp}
    return told | {"value": entry.value}
