"""Several releases of one model over one database, in one process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from crdt.rules import MergeRule
from crdt.schema import Field, Schema
from django_pulse.mapping import schema
from django_pulse.mapping.schema import schema_of
from django_pulse.naming import recording, register
from django_pulse.tables import Naming
from tests.project.drift.models import Gauge

__all__ = ["LABEL", "forgetful", "held", "once", "release"]

LABEL = "drift.gauge"


@contextmanager
def forgetful() -> Iterator[None]:
    """What the process learns inside of the names of `Gauge` is forgotten afterwards."""
    for model in recording._models():  # those of the others are known, not read again and again
        schema.names_in(model)
        schema.label_of(model)
    others = (
        {m: v for m, v in cache.items() if m is not Gauge}
        for cache in (schema._schemas, schema._names)
    )
    with (
        mock.patch.object(register, "_remembered", {}),
        mock.patch.object(schema, "_schemas", next(others)),
        mock.patch.object(schema, "_names", next(others)),
        mock.patch.object(schema, "_models", dict(schema._models)),
        mock.patch.object(schema, "_descriptions", []),
    ):
        yield


@contextmanager
def release(**rules: MergeRule) -> Iterator[Schema]:
    """Server code in which the fields of `Gauge` have these merge rules."""
    options = replace(Gauge._sync, merge=rules)
    with mock.patch.object(Gauge, "_sync", options), forgetful():
        yield schema_of(Gauge)


def held(wire: str, kind: str, rule: Mapping[str, Any] | None = None) -> list[Any]:
    """A shape in which documents hold a field, as the register has it."""
    return [wire, kind, rule or {"name": "latest"}, "value"]


def once(name: str, kind: str, *, removed: bool = False) -> Schema:
    """Write down that the field `name` was of another kind once, or, `removed`, that there was one.

    Returns the schema that devices have from that time.
    """
    row = Naming.objects.get(label=LABEL)
    if removed:
        row.fields = [*row.fields, [[name], name, [held(name, kind)]]]
    else:
        for names, _, shapes in row.fields:
            if names[-1] == name:
                shapes[:] = [held(name, kind), *([f"{name}:{s[1]}", *s[1:]] for s in shapes)]
    row.save()
    fields = dict(schema_of(Gauge).fields)
    return Schema(LABEL, {**fields, name: Field(name, kind)})
