"""Constraints: which of a row's the database would not accept, and which rows are in its way.

Asked only about single rows that the database has turned down, since every question is a query.
The sentences are Django's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact

from ...mapping.uniqueness import expressions_of, fields_of

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["Violation", "violated"]


@dataclass(frozen=True, slots=True)
class Violation:
    """A constraint that a row breaks: `code` is "unique" or "check", `fields` what it is about.

    `held_by` are the `sync_id`s of the rows that have the values already; None where they cannot
    be found out.
    """

    code: str
    message: str
    fields: frozenset[str]
    held_by: tuple[UUID, ...] | None = ()


def violated(row: SyncModel, using: str) -> list[Violation]:
    """The constraints that the row would break if it were written now."""
    found = list(_by_fields(row, using))
    for model, constraints in row.get_constraints():
        for constraint in constraints:
            try:
                constraint.validate(model, row, using=using)
            except ValidationError as error:
                message = " ".join(error.messages)
                found.append(_violation(row, model, constraint, message, using))
    return found


def _by_fields(row: SyncModel, using: str) -> Iterator[Violation]:
    """Unique fields, and those that are unique together."""
    for model in (type(row), *row._meta.all_parents):
        unique = [
            (field.name,)
            for field in model._meta.local_concrete_fields
            if field.unique and not field.primary_key and field.name != "sync_id"
        ]
        for names in (*unique, *model._meta.unique_together):
            values = _values(row, names)
            if None in values.values():
                continue
            holders = _holders(row, model, Q(**values), using)
            if holders:
                message = " ".join(row.unique_error_message(model, names).messages)
                yield Violation("unique", message, frozenset(names), holders)


def _violation(
    row: SyncModel, model: type[models.Model], constraint: Any, message: str, using: str
) -> Violation:
    if isinstance(constraint, models.CheckConstraint):
        return Violation("check", message, fields_of(model, [constraint.condition]))
    fields = fields_of(model, expressions_of(constraint))
    held_by = None
    if isinstance(constraint, models.UniqueConstraint):
        wanted = _same(row, model, constraint)
        held_by = None if wanted is None else _holders(row, model, wanted, using)
    return Violation("unique", message, fields, held_by)


def _same(row: SyncModel, model: type[models.Model], constraint: Any) -> Q | None:
    """What rows have in common of which the constraint allows one."""
    wanted = constraint.condition or Q()
    for name, value in _values(row, constraint.fields).items():
        wanted &= Q(**{f"{name}__isnull": True}) if value is None else Q(**{name: value})
    if not constraint.expressions:
        return Q(wanted)
    try:
        known = row._get_field_expression_map(meta=model._meta)  # type: ignore[attr-defined]
    except AttributeError:  # Django's own way of asking, which may change
        return None
    replacements = {F(name): value for name, value in known.items()}
    for each in constraint.expressions:
        expression = each.expression if hasattr(each, "descending") else each
        wanted &= Q(Exact(expression, expression.replace_expressions(replacements)))
    return Q(wanted)


def _holders(
    row: SyncModel, model: type[models.Model], wanted: Q, using: str
) -> tuple[UUID, ...] | None:
    """The rows that answer to it, the row itself aside."""
    if not any(field.name == "sync_id" for field in model._meta.concrete_fields):
        return None
    rows = model._base_manager.using(using).filter(wanted).exclude(sync_id=row.sync_id)
    return tuple(rows.order_by("pk").values_list("sync_id", flat=True)[:10])


def _values(row: SyncModel, names: Iterable[str]) -> Mapping[str, Any]:
    fields = [row._meta.get_field(name) for name in names]
    return {field.attname: getattr(row, field.attname) for field in fields}  # type: ignore[union-attr]
