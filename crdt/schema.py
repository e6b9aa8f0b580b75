"""Schemas: which fields a model has, what they hold, and by which rule each of them merges.

The server describes its schemas to clients as JSON; both sides then read a document alike.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Self

from .document import Document
from .entry import ROW_FIELD, Entry, Live
from .rules import (
    DeleteWins,
    Latest,
    MergeRule,
    RowRule,
    check_name,
    rule_from_description,
)
from .values import DECODERS, KINDS, encode

__all__ = ["MISSING", "Field", "Row", "Schema", "latest_action"]


class _Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"  # copied and unpickled it is the same, so that `is` tells


MISSING: Final = _Missing()
"""Said of a value that is not there, where `None` is a value."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its kind (see `crdt.values`), its merge rule, and what a form would like to know.

    `default` is what a new row holds if its creator says nothing, as it travels, or `MISSING`.
    `options` are JSON: `null`, `max_length`, `choices`, `max_digits`, `decimal_places`.
    `wire` is what documents call the field: its first name, whatever it is called now. `aliases`
    are the names it had since, by which apps may still ask for it.

    Raises `LocalFault` for a rule without a name of its own.
    """

    name: str
    kind: str
    rule: MergeRule = field(default_factory=Latest)
    required: bool = False
    default: Any = MISSING
    options: Mapping[str, Any] = field(default_factory=dict)
    wire: str = ""
    aliases: tuple[str, ...] = ()
    _read: Callable[[Any], Any] = field(init=False, repr=False, compare=False)
    """Decodes the value of an entry."""
    _reads_alone: bool = field(init=False, repr=False, compare=False)
    """Does the rule read of one entry just its value?"""

    def __post_init__(self) -> None:
        check_name(self.rule)
        plain = type(self.rule).decode is MergeRule.decode
        read = DECODERS[self.kind] if plain else partial(self.rule.decode, self.kind)
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_reads_alone", type(self.rule).read is Latest.read)
        if not self.wire:
            object.__setattr__(self, "wire", self.name)

    def live(self, entries: Iterable[Entry]) -> list[Live]:
        """Live entries with their values decoded; what is no value of this kind is left out.

        They come from a time when the field was of another kind: whoever reads by the same schema
        leaves out the same ones.
        """
        found = []
        read, new = self._read, tuple.__new__  # every row that is read passes here
        for dot, _, stamp, value, _, _ in entries:
            try:
                found.append(new(Live, (dot, stamp, read(value))))
            except ValueError:
                continue
        return found

    def read(self, document: Document) -> Any:
        """The field's value in `document`, or `MISSING` if nobody wrote it."""
        entries = document.live(self.wire)
        return self.read_live(document, entries) if entries else MISSING

    def read_live(self, document: Document, entries: Sequence[Entry]) -> Any:
        """The same, for who has the field's live entries already."""
        if self._reads_alone and len(entries) == 1:  # as most fields of most rows
            try:
                return self._read(entries[0].value)
            except ValueError:
                return MISSING
        if self.rule.text:
            return document.text(self.wire)
        live = self.live(entries)
        return self.rule.read(live) if live else MISSING

    def encode(self, value: Any) -> Any:
        """The (whole) value as it travels; raises `ValueError` with the field's name in it."""
        try:
            return encode(self.kind, value)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error

    def encode_entry(self, value: Any) -> Any:
        """The value of one entry as it travels; raises `ValueError` alike."""
        try:
            return self.rule.encode(self.kind, value)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error

    def restamped(self, wire: Any, move: Callable[[int], int]) -> Any:
        """One entry's value as it travels, with what `move` makes of each stamp in it. What is no
        value of this kind stays as it is.
        """
        if type(self.rule).restamped is MergeRule.restamped:
            return wire
        try:
            return self.encode_entry(self.rule.restamped(self._read(wire), move))
        except ValueError:
            return wire

    def check(self, value: Any) -> None:
        """Raise `ValueError` with the field's name in it if the field cannot hold the value."""
        try:
            self.rule.check(value)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error

    def same(self, a: Any, b: Any) -> bool:
        """Do two values of the field mean the same, so that one for the other is no edit?"""
        return self.rule.same(self.kind, a, b)

    def told(self, entries: Sequence[Entry]) -> Any:
        """What these entries of one writer say by themselves, as it travels: to show an edit that
        did not stand.
        """
        live = [] if self.rule.whole else self.live(entries)
        return self.encode(self.rule.read(live)) if live else entries[-1].value

    def description(self) -> dict[str, Any]:
        """The field as JSON."""
        described: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "rule": self.rule.describe(),
        }
        if self.required:
            described["required"] = True
        if self.default is not MISSING:
            described["default"] = self.default
        if self.options:
            described["options"] = dict(self.options)
        if self.wire != self.name:
            described["wire"] = self.wire
        if self.aliases:
            described["aliases"] = list(self.aliases)
        return described

    @classmethod
    def from_description(
        cls, described: Mapping[str, Any], rules: Iterable[MergeRule] = ()
    ) -> Self:
        """Read what `description` gave; raises `ValueError` for a kind unknown here."""
        if described["kind"] not in KINDS:
            raise ValueError(
                f"{described['name']} is of kind {described['kind']!r}, which this version "
                "does not know: update the client."
            )
        return cls(
            described["name"],
            described["kind"],
            rule_from_description(described["rule"], rules),
            described.get("required", False),
            described.get("default", MISSING),
            described.get("options", {}),
            described.get("wire", ""),
            tuple(described.get("aliases", ())),
        )


def latest_action(document: Document) -> int:
    """The latest stamp at which `document` was written to other than to delete the row; or -1."""
    by_field = document.fields().items()
    return max(
        (e.stamp for wire, live in by_field for e in live if wire != ROW_FIELD or e.value is False),
        default=-1,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """What a document says: the fields somebody wrote, and whether the row is deleted."""

    values: dict[str, Any]
    deleted: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """A model: its label ("todo.task"), its fields by name, and the rule of the row itself.

    `label` is what documents call the model: its first label. `name` is what it is called now,
    `aliases` what it was called in between. `retired` are fields that documents may hold and the
    model has no more, by their name in documents: those that were removed, and those in whose place
    there is one of the same name that merges by another kind of rule, or holds another kind of
    value.
    """

    label: str
    fields: Mapping[str, Field]
    row: RowRule = field(default_factory=DeleteWins)
    name: str = ""
    aliases: tuple[str, ...] = ()
    retired: Mapping[str, Field] = field(default_factory=dict)
    _by_wire: Mapping[str, Field] = field(init=False, repr=False, compare=False)
    _by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = self.fields.values()
        if not self.name:
            object.__setattr__(self, "name", self.label)
        object.__setattr__(self, "_by_wire", {each.wire: each for each in known})
        aliases = {alias: each for each in known for alias in each.aliases}
        object.__setattr__(self, "_by_name", {**aliases, **self.fields})

    def get(self, wire: str) -> Field | None:
        """The field that documents call so, a retired one or the row's own marker included."""
        found = self._by_wire.get(wire) or self.retired.get(wire)
        return self.marker if found is None and wire == ROW_FIELD else found

    def named(self, name: str) -> Field | None:
        """The field that is called so, or was."""
        return self._by_name.get(name)

    @property
    def texts(self) -> list[str]:
        """The names that documents have for shared texts."""
        known = (*self._by_wire.values(), *self.retired.values())
        return [each.wire for each in known if each.rule.text]

    @property
    def marker(self) -> Field:
        """The field that tells whether the row was deleted."""
        return Field(ROW_FIELD, "bool", self.row)

    def read(self, document: Document) -> Row:
        """The row that `document` describes; fields unknown here are passed over."""
        values = {}
        for wire, entries in document.fields().items():
            known = self._by_wire.get(wire)
            if known is not None:
                value = known.read_live(document, entries)
                if value is not MISSING:
                    values[known.name] = value
        for wire in document.text_fields - document.fields().keys():
            known = self._by_wire.get(wire)
            if known is not None and known.rule.text and document.text(wire):
                values[known.name] = document.text(wire)  # the entry is in a part yet to come
        return Row(values, self.is_deleted(document))

    def is_deleted(self, document: Document) -> bool:
        """Does `document` say that the row was deleted?"""
        for entry in document.entries.values():
            if entry.field == ROW_FIELD:
                break
        else:
            return False  # as most: nobody ever said anything of the row itself
        found = document.live(ROW_FIELD)
        return self.row.is_deleted(self.marker.live(found), latest_action(document))

    def description(self) -> dict[str, Any]:
        """The schema as JSON, as `welcome` carries it."""
        described: dict[str, Any] = {
            "model": self.label,
            "row": self.row.describe(),
            "fields": [known.description() for known in self.fields.values()],
        }
        if self.name != self.label:
            described["name"] = self.name
        if self.aliases:
            described["aliases"] = list(self.aliases)
        if self.retired:
            described["retired"] = [known.description() for known in self.retired.values()]
        return described

    @classmethod
    def from_description(
        cls, described: Mapping[str, Any], rules: Iterable[MergeRule] = ()
    ) -> Self:
        """Read what `description` gave, with `rules` for the names that are not built in."""
        fields = [Field.from_description(each, rules) for each in described["fields"]]
        retired = [Field.from_description(each, rules) for each in described.get("retired", ())]
        row = rule_from_description(described["row"], rules)
        return cls(
            described["model"],
            {known.name: known for known in fields},
            row if isinstance(row, RowRule) else DeleteWins(),
            described.get("name", ""),
            tuple(described.get("aliases", ())),
            {known.wire: known for known in retired},
        )
