"""What rows begin with: the values that fields have before anybody wrote them."""

from collections.abc import Mapping
from typing import Any

from .schema import MISSING, Schema
from .values import decode

__all__ = ["Values", "defaults", "starting_points"]


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
