"""What is kept aside of an edit that did not stand: its fields, with what they were to hold."""

from collections.abc import Mapping

from .entry import Entry
from .events import KeptField
from .held import Held
from .messages import RevertedField
from .schema import Schema

__all__ = ["kept_of", "written"]


def written(
    held: Held, start: int, until: int | None, schema: Schema | None
) -> dict[str, KeptField]:
    """What own entries between two clocks wrote, by field, as it travels."""
    by_field: dict[str, list[Entry]] = {}
    for entry in held.own_entries(start):
        if until is None or entry.dot.clock < until:
            by_field.setdefault(entry.field, []).append(entry)
    fields = {}
    for wire, entries in by_field.items():
        known = schema.get(wire) if schema else None
        value = entries[-1].value if known is None else known.told(entries)
        if known is not None and known.rule.text:
            value = held.view.text(wire)
        fields[wire] = KeptField(value, "", "")
    return fields


def kept_of(fields: Mapping[str, RevertedField]) -> dict[str, KeptField]:
    """Fields that the server undid, as they are kept."""
    return {name: KeptField(one.value, one.code, one.message) for name, one in fields.items()}
