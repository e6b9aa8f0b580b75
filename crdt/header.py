"""The fields of a frame's header, each read with a check of its own.

Every reading either gives a value of the promised type and size, or raises `Malformed` with the
message's kind, the field's name and what it must be.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from .errors import Malformed
from .messages import Item, Key, Subscription

__all__ = ["MAX_INTEGER", "MAX_ITEMS", "MAX_TEXT", "MAX_WANTED", "Fields"]

MAX_INTEGER: Final = 2**53 - 1
"""What JavaScript can count up to: no header needs more."""

MAX_CLOCK: Final = 2**32 - 1
"""The last clock of a replica in Yjs."""

MAX_ITEMS: Final = 10_000
"""Documents, scopes or outcomes that one header may list; pages and pushes hold hundreds."""

MAX_TEXT: Final = 10_000
"""Characters in a header's text: scope keys, tokens and messages for people are shorter."""

MAX_WANTED: Final = 1_000
"""Models and values that one subscription may name: what a screen shows, not what a table holds."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MODEL = re.compile(r"[^\W]{1,100}\.[^\W]{1,100}")
_REQUIRED: Final = object()


class Fields:
    """One JSON object of a header, and the blobs that its items name."""

    __slots__ = ("_blobs", "_kind", "_values")

    def __init__(self, kind: str, values: Mapping[str, Any], blobs: list[bytes]) -> None:
        self._kind = kind
        self._values = values
        self._blobs = blobs

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def wrong(self, name: str, wanted: str) -> Malformed:
        """The error that says what the field `name` must be."""
        return Malformed(f'In a message "{self._kind}", "{name}" must be {wanted}.')

    def any(self, name: str, default: Any = _REQUIRED) -> Any:
        """The field as it is."""
        value = self._values.get(name, default)
        if value is _REQUIRED:
            raise self.wrong(name, "there")
        return value

    def integer(self, name: str, least: int = 0, most: int = MAX_INTEGER) -> int:
        """A whole number."""
        value = self.any(name)
        if type(value) is not int or not least <= value <= most:
            raise self.wrong(name, f"a whole number from {least} to {most}")
        return value

    def clock(self, name: str) -> int:
        """A replica's clock."""
        return self.integer(name, 0, MAX_CLOCK)

    def bound(self, name: str) -> int:
        """A limit, of at least one."""
        return self.integer(name, 1)

    def integer_or_none(self, name: str) -> int | None:
        """A whole number, or nothing."""
        return None if self.any(name, None) is None else self.integer(name)

    def seconds(self, name: str) -> float:
        """A time span of more than nothing and less than a day."""
        value = self.any(name)
        if type(value) not in (int, float) or not 0 < value < 86_400:
            raise self.wrong(name, "a number of seconds within a day")
        return float(value)

    def seconds_or_none(self, name: str) -> float | None:
        """A time span of any length, down to none; or nothing."""
        value = self.any(name, None)
        if value is None:
            return None
        if type(value) not in (int, float) or not 0 <= value <= MAX_INTEGER:
            raise self.wrong(name, "a number of seconds")
        return float(value)

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        """A text of bounded length."""
        value = self.any(name, default)
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise self.wrong(name, f"a text of at most {MAX_TEXT} characters")
        return value

    def text_or_none(self, name: str) -> str | None:
        """A text, or nothing."""
        return None if self.any(name, None) is None else self.text(name)

    def flag(self, name: str) -> bool:
        """True or false; false if it is not there."""
        value = self.any(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers; empty if it is not there."""
        value = self._list(name)
        if not all(map(_is_position, value)):
            raise self.wrong(name, "a list of whole numbers")
        return tuple(value)

    def pairs(self, name: str) -> tuple[tuple[int, int], ...]:
        """A list of pairs of whole numbers; empty if it is not there."""
        value = self._list(name)
        for pair in value:
            if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_position, pair)):
                raise self.wrong(name, "a list of pairs of whole numbers")
        return tuple((first, second) for first, second in value)

    def objects(self, name: str) -> tuple[Mapping[str, Any], ...]:
        """A list of JSON objects."""
        value = self._list(name)
        if not all(isinstance(one, dict) for one in value):
            raise self.wrong(name, "a list of objects")
        return tuple(value)

    def positions(self, name: str) -> dict[str, int]:
        """Scope keys with a position of each."""
        value = self._object(name)
        for scope, position in value.items():
            if len(scope) > MAX_TEXT or type(position) is not int:
                raise self.wrong(name, "an object of scopes and their positions")
            if not 0 <= position <= MAX_INTEGER:
                raise self.wrong(name, "an object of scopes and their positions")
        return value

    def inner(self, name: str) -> "Fields":
        """A JSON object's own fields."""
        return Fields(f"{self._kind}.{name}", self._object(name), [])

    def inners(self, name: str) -> list["Fields"]:
        """The fields of each object in a list."""
        return [Fields(f"{self._kind}.{name}", one, []) for one in self.objects(name)]

    def by_name(self, name: str) -> dict[str, "Fields"]:
        """An object of objects: the fields of each."""
        value = self._object(name)
        if not all(isinstance(one, dict) for one in value.values()):
            raise self.wrong(name, "an object of objects")
        return {key: Fields(f"{self._kind}.{name}", one, []) for key, one in value.items()}

    def by_index(self, name: str, count: int) -> dict[int, "Fields"]:
        """An object of objects, whose names are indexes below `count`."""
        found = {}
        for key, one in self.by_name(name).items():
            index = int(key) if key.isascii() and key.isdigit() and len(key) < 10 else -1
            if str(index) != key or not 0 <= index < count:
                raise self.wrong(name, f'an object of indexes below {count}; "{key[:20]}" is none')
            found[index] = one
        return found

    def subscription(self, name: str) -> Subscription | None:
        """Which rows are wanted; `None` if it is not there, or nothing."""
        if self.any(name, None) is None:
            return None
        found: dict[str, dict[str, tuple[Any, ...]]] = {}
        size = 0
        for model, fields in self._object(name).items():
            if not _MODEL.fullmatch(model) or not isinstance(fields, dict):
                raise self.wrong(name, 'an object with, for each "app.model", one of fields')
            found[model] = {}
            for field, values in fields.items():
                if not isinstance(values, list) or not all(map(_is_plain, values)):
                    raise self.wrong(name, "made of lists of plain values for each field")
                found[model][field] = tuple(values)
                size += 1 + len(values)
            size += 1
            if size > MAX_WANTED:
                raise self.wrong(name, f"an object of at most {MAX_WANTED} models and values")
        return found

    def key(self, model: str, identity: str) -> Key:
        """A document's key that stands in two fields."""
        return self._key(model, [self.any(model), self.any(identity)])

    def keys(self, name: str) -> tuple[Key, ...]:
        """A list of document keys, each there once; empty if it is not there."""
        found = tuple(self._key(name, one) for one in self._list(name))
        if len(set(found)) != len(found):
            raise self.wrong(name, "a list in which no document stands twice")
        return found

    def items(self) -> tuple[Item, ...]:
        """The documents in `"items"`, each with its blob, and its position if it is in `"seen"`."""
        keys = self.keys("items")
        if len(keys) != len(self._blobs):
            raise self.wrong("sizes", f'as many as the {len(keys)} in "items"')
        if "seen" not in self:
            return tuple(Item(*key, blob) for key, blob in zip(keys, self._blobs, strict=True))
        seen = self._list("seen")
        if len(seen) != len(keys) or not all(at is None or _is_position(at) for at in seen):
            raise self.wrong("seen", 'a position, or null, for each in "items"')
        return tuple(Item(*key, *rest) for key, *rest in zip(keys, self._blobs, seen, strict=True))

    def _key(self, name: str, value: Any) -> Key:
        if isinstance(value, list) and len(value) == 2:
            model, identity = value
            texts = isinstance(model, str) and isinstance(identity, str)
            if texts and _MODEL.fullmatch(model) and _UUID.fullmatch(identity):
                return Key(model, UUID(identity))
        raise self.wrong(name, 'made of a model ("app.model") and a UUID in lower case')

    def _list(self, name: str) -> list[Any]:
        value = self.any(name, [])
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise self.wrong(name, f"a list of at most {MAX_ITEMS}")
        return value

    def _object(self, name: str) -> dict[str, Any]:
        value = self.any(name)
        if not isinstance(value, dict) or len(value) > MAX_ITEMS:
            raise self.wrong(name, f"an object of at most {MAX_ITEMS} fields")
        return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    if type(value) is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER
    return value is None or type(value) in (bool, float)


def _is_position(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_INTEGER
