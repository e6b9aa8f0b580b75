"""What documents call models and their fields: by the first names that these ever had.

Laws:

1. A name in documents never comes to mean another field, another kind of value, or entries that
   only another rule can read. A field that changes so goes on under a new name; what devices write
   under the old one is still understood (`Names.retired`).
2. Every process goes by the models of its own code. Of two releases with one database each finds
   its own fields, by the names that they have there.
3. What was known once is never forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

__all__ = ["Called", "FieldNow", "KnownField", "KnownModel", "ModelNow", "Names", "Shape"]
__all__ += ["called_last", "find_model", "names_of", "plain_names", "with_model"]


@dataclass(frozen=True, slots=True)
class FieldNow:
    """A field as the code has it. `form` tells apart rules that cannot read each other's entries;
    `column` is None where the table of the model has none.
    """

    name: str
    column: str | None
    kind: str
    rule: Mapping[str, Any]
    form: str


@dataclass(frozen=True, slots=True)
class ModelNow:
    """A model as the code has it; `renamed` and `formerly` are what its `class Sync` says."""

    label: str
    table: str
    fields: Mapping[str, FieldNow]
    renamed: Mapping[str, str] = field(default_factory=dict)
    formerly: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """How documents hold a field: what they call it, its kind, its rule, and the rule's form."""

    wire: str
    kind: str
    rule: Mapping[str, Any]
    form: str


@dataclass(frozen=True, slots=True)
class KnownField:
    """A field with its past: every name it had, the present one last ("" once another field got
    it); and every shape.
    """

    names: tuple[str, ...]
    column: str | None
    shapes: tuple[Shape, ...]

    def shape(self, now: FieldNow) -> Shape | None:
        """The shape in which documents hold the field as it is now."""
        found = (s for s in self.shapes if (s.kind, s.form) == (now.kind, now.form))
        return next(found, None)


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model with its past; `label` is what documents call it, `names` as of `KnownField`."""

    label: str
    names: tuple[str, ...]
    table: str
    fields: tuple[KnownField, ...] = ()

    @property
    def wires(self) -> set[str]:
        """Every name that documents have for something of it."""
        return {shape.wire for each in self.fields for shape in each.shapes}


@dataclass(frozen=True, slots=True)
class Called:
    """What documents call a field, and the names that it had or has elsewhere."""

    wire: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What documents call a model and its fields. `retired`: the shapes that the model has no more,
    by their names in documents, each with the name that its field has, or had last.
    """

    label: str
    fields: Mapping[str, Called]
    aliases: tuple[str, ...] = ()
    retired: Mapping[str, tuple[str, Shape]] = field(default_factory=dict)


def called_last(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The names, of which `name` is the present one."""
    return (*(each for each in names if each != name), name)


def plain_names(now: ModelNow) -> Names:
    """Those of a model without a past."""
    return Names(now.label, {name: Called(name) for name in now.fields})


def names_of(now: ModelNow, known: KnownModel) -> Names | None:
    """The names of a model, or None if some of its fields are not known in the shape they have."""
    found = _lineages(now, known)
    fields = {}
    for name, each in now.fields.items():
        shape = found[name].shape(each) if name in found else None
        if shape is None:
            return None
        aliases = tuple(n for n in found[name].names if n and n not in now.fields)
        fields[name] = Called(shape.wire, aliases)
    current = {id(each): name for name, each in found.items()}
    used = {called.wire for called in fields.values()}
    retired = {
        shape.wire: (current.get(id(each)) or each.names[-1] or each.names[-2], shape)
        for each in known.fields
        for shape in each.shapes
        if shape.wire not in used
    }
    aliases = tuple(name for name in known.names if name not in ("", now.label, known.label))
    return Names(known.label, fields, aliases, retired)


def find_model(
    now: ModelNow, known: Iterable[KnownModel], installed: Collection[str]
) -> KnownModel | None:
    """What is known of a model; `installed` are the labels of all that sync."""
    free = []
    for each in known:
        if each.names[-1] == now.label:
            return each
        if each.names[-1] not in installed:
            free.append(each)
    tests = (
        lambda each: now.formerly in each.names,
        lambda each: now.label in each.names,
        lambda each: each.table == now.table,
    )
    return next((each for test in tests for each in free if test(each)), None)


def with_model(
    now: ModelNow, known: Sequence[KnownModel], installed: Collection[str], *, settled: bool
) -> KnownModel:
    """What is known of a model once its fields are known in the shapes that they have now.

    `settled`: the database was brought to this code; names that models and fields have here are
    then the present ones.
    """
    found = find_model(now, known, installed)
    if found is None:
        label = _free(now.label, {each.label for each in known}, "_")
        found = KnownModel(label, (now.label,), now.table)
    elif settled:
        found = replace(found, names=called_last(found.names, now.label), table=now.table)
    lineages = _lineages(now, found)
    order = {id(each): place for place, each in enumerate(found.fields)}
    fields = list(found.fields)
    taken = found.wires
    for name, each in now.fields.items():
        before = lineages.get(name)
        after = _with_shape(before or KnownField((name,), each.column, ()), each, taken, settled)
        taken |= {shape.wire for shape in after.shapes}
        if before is None:
            fields.append(after)
        else:
            fields[order[id(before)]] = after
    return replace(found, fields=tuple(fields))


def _with_shape(before: KnownField, now: FieldNow, taken: set[str], settled: bool) -> KnownField:
    if settled:
        before = replace(before, names=called_last(before.names, now.name), column=now.column)
    shape = before.shape(now)
    if shape is None:
        wire = before.shapes[0].wire if before.shapes else now.name
        if before.shapes:
            wire += f":{now.kind}" if now.form == "value" else f":{now.kind}.{now.rule['name']}"
        new = Shape(_free(wire, taken, ":"), now.kind, now.rule, now.form)
        return replace(before, shapes=(*before.shapes, new))
    if settled and shape.rule != now.rule:
        latest = replace(shape, rule=now.rule)
        shapes = tuple(latest if each is shape else each for each in before.shapes)
        return replace(before, shapes=shapes)
    return before


def _lineages(now: ModelNow, known: KnownModel) -> dict[str, KnownField]:
    """Which known field each field is: that of its name; else one that the model has not under its
    last name, by what the code declares, by an earlier name, by the column.
    """
    found = {each.names[-1]: each for each in known.fields if each.names[-1] in now.fields}
    free = [each for each in known.fields if each.names[-1] not in now.fields]
    for field_now in now.fields.values():
        if field_now.name in found:
            continue
        same = next(_candidates(field_now, now.renamed.get(field_now.name), free), None)
        if same is not None:
            found[field_now.name] = same
            free.remove(same)
    return found


def _candidates(
    now: FieldNow, declared: str | None, free: Iterable[KnownField]
) -> Iterator[KnownField]:
    yield from (each for each in free if declared in each.names)
    yield from (each for each in free if now.name in each.names)
    yield from (each for each in free if now.column is not None and each.column == now.column)


def _free(wanted: str, taken: Collection[str], joint: str) -> str:
    if wanted not in taken:
        return wanted
    return next(name for n in count(2) if (name := f"{wanted}{joint}{n}") not in taken)
