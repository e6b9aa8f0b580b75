"""What rows begin with: the values that fields have before anybody wrote them, and in which order
those of a new row are written.

Where the push of a new row has to be cut, its first part makes the row. So what a row needs is
written first, long values behind it, and long texts last; that there are such is said before, or
the server would fill in their defaults.
"""

from collections.abc import Mapping
from typing import Any, Final

from .schema import MISSING, Field, Schema
from .values import decode

__all__ = ["Values", "defaults", "first_writes", "long_texts", "starting_points"]

LONG: Final = 1_000
"""Characters or items beyond which a value may not fit into one push with the others."""


class Values(dict[str, Any]):
    """A row's values by their fields' names; the names that those had find them, too."""

    __slots__ = ("_schema",)

    def __init__(self, schema: Schema, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._schema = schema

    def __missing__(self, name: str) -> Any:
        known = self._schema.named(name)
        if known is None or known.name == name:
            raise KeyError(name)
        return self[known.name]


def starting_points(schema: Schema) -> dict[str, Any]:
    """Defaults that edits build on: what is added to a number, or typed into a text, counts from
    there, so a new row has to say it.
    """
    return {
        name: value
        for name, value in defaults(schema).items()
        if value and (schema.fields[name].rule.text or not schema.fields[name].rule.whole)
    }


def defaults(schema: Schema) -> dict[str, Any]:
    """What a new row holds in the fields of which its creator says nothing, as far as known."""
    return {
        known.name: decode(known.kind, known.default)
        for known in schema.fields.values()
        if known.default is not MISSING
    }


def first_writes(schema: Schema, given: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What to write to the fields of a new row, in this order; long texts are begun, and empty."""
    short = [(name, value) for name, value in given.items() if not _is_long(value)]
    begun = [(known.name, "") for known, _ in long_texts(schema, given)]
    others = [it for it in given.items() if _is_long(it[1]) and not schema.fields[it[0]].rule.text]
    return [*short, *begun, *others]


def long_texts(schema: Schema, given: Mapping[str, Any]) -> list[tuple[Field, str]]:
    """The texts to write after that."""
    fields = schema.fields
    return [(fields[n], v) for n, v in given.items() if _is_long(v) and fields[n].rule.text]


def _is_long(value: Any) -> bool:
    return isinstance(value, (str, list, tuple, dict)) and len(value) > LONG
