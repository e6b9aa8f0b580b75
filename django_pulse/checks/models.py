"""System checks of every SyncModel: its `class Sync`, its fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from crdt.entry import ROW_FIELD
from crdt.rules import MergeRule

from ..bookkeeping import BOOKKEEPING
from ..mapping.columns import Column, columns_of
from ..mapping.options import ATTRIBUTES
from ..mapping.schema import sync_models
from ..mapping.uniqueness import field_to_rename, unique_sets
from ..sync_model import SyncModel
from ..visibility.audience import audience_of, follow
from ..visibility.ownership import OWNER, points_to_users
from .past import check_past
from .permissions import check_permissions
from .relations import check_relations
from .writes import check_writers

__all__ = ["check_model", "check_models"]

Model = type[SyncModel]


def check_models(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """E010-E020, for every model that syncs."""
    try:
        get_user_model()
    except ImproperlyConfigured:
        return [_no_users()]
    chosen = None if app_configs is None else {config.label for config in app_configs}
    return [
        message
        for model in sync_models()
        if chosen is None or model._meta.app_label in chosen
        for message in check_model(model)
    ]


def check_model(model: Model) -> list[CheckMessage]:
    """Everything there is to say about one model."""
    return [
        *_check_attributes(model),
        *_check_merge(model),
        *_check_read_only(model),
        *_check_filters(model),
        *_check_audience(model),
        *_check_names(model),
        *check_relations(model),
        *check_writers(model),
        *check_permissions(model),
        *check_past(model),
        *_check_on_unique(model),
    ]


def _no_users() -> CheckMessage:
    return Error(
        f"Django Pulse shows rows to users, and {settings.AUTH_USER_MODEL} is not installed.",
        hint='Add the line "django.contrib.auth", to INSTALLED_APPS, or correct AUTH_USER_MODEL.',
        id="pulse.E019",
    )


def _check_attributes(model: Model) -> Iterator[CheckMessage]:
    for name in model._sync.unknown:
        if name == "can_sync":
            continue  # which has an id of its own
        yield Error(
            f"`class Sync` has no attribute {name!r}.",
            hint=_instead(name, ATTRIBUTES),
            obj=model,
            id="pulse.E010",
        )
    for mistake in model._sync.mistakes:
        yield Error(
            f"In `class Sync`, {mistake.message}", hint=mistake.hint, obj=model, id=mistake.check
        )


def _check_merge(model: Model) -> Iterator[CheckMessage]:
    columns = columns_of(model)
    for name, rule in model._sync.merge.items():
        if name not in columns:
            yield _not_a_field(model, name, "merge", "pulse.E012")
        else:
            yield from _check_rule(model, columns[name], rule)


def _check_rule(model: Model, field: Column, rule: MergeRule) -> Iterator[CheckMessage]:
    rule_name, kind = type(rule).__name__, field.kind
    if rule.kinds is not None and kind not in rule.kinds:
        yield Error(
            f"The merge rule {rule_name} cannot serve {field.name!r}, whose values are {kind}.",
            hint=f"It serves {', '.join(sorted(rule.kinds))}. Choose another rule for the field.",
            obj=model,
            id="pulse.E013",
        )
    elif mistake := _takes_values_apart(rule, field):
        yield Error(
            f"The merge rule {rule_name} cannot serve {field.name!r}, {mistake}.",
            hint="Choose a rule that takes one of the values that were written: Latest, Conflicts "
            "or First.",
            obj=model,
            id="pulse.E013",
        )
    elif field.null and not rule.nullable:
        yield Error(
            f"The merge rule {rule_name} has no null, but {field.name!r} may be null.",
            hint=f"Remove null=True from {field.name!r} and give it a default.",
            obj=model,
            id="pulse.E014",
        )
    elif mistake := _cannot_hold_default(rule, field):
        yield Error(
            f"The default of {field.name!r} is none that the merge rule {rule_name} can hold: "
            f"{mistake}",
            hint=f"Write default=list for {field.name!r}, or choose another rule for it.",
            obj=model,
            id="pulse.E030",
        )


def _takes_values_apart(rule: MergeRule, column: Column) -> str:
    """Why a rule must not make one value of parts of several, if it does that."""
    if rule.whole and not rule.text:
        return ""
    if column.refers and not column.is_set:
        return "which refers to a row: what it makes of two references leads nowhere"
    if rule.text and not column.is_free_text:
        return "which holds no free text: what it makes of two values may be none"
    return ""


def _cannot_hold_default(rule: MergeRule, column: Column) -> str:
    for field in column.concrete:
        try:
            if field.has_default():
                rule.check(field.get_default())
        except ValueError as error:
            return str(error)
    return ""


def _check_filters(model: Model) -> Iterator[CheckMessage]:
    """E090, E091: what clients are to subscribe by, and cannot."""
    columns = columns_of(model)
    for name in sorted(model._sync.filters):
        if name not in columns:
            yield _not_a_field(model, name, "filters", "pulse.E090")
        elif columns[name].is_set or (columns[name].kind == "json" and not columns[name].refers):
            yield Error(
                f"`filters` in `class Sync` names {name!r}, which is no one value to compare with.",
                hint="Remove it; a foreign key, a number, a date or a text can stand there.",
                obj=model,
                id="pulse.E091",
            )


def _check_read_only(model: Model) -> Iterator[CheckMessage]:
    for name in sorted(model._sync.read_only - columns_of(model).keys()):
        yield _not_a_field(model, name, "read_only", "pulse.E015")


def _not_a_field(model: Model, name: str, attribute: str, check: str) -> CheckMessage:
    columns = columns_of(model)
    stored = {field.name for field in model._meta.get_fields()}
    hint = (
        "Keys, bookkeeping columns, many-to-many, generated and auto_now fields are not in "
        "documents; remove it."
        if name in stored
        else _instead(name, columns)
    )
    return Error(
        f"`{attribute}` in `class Sync` names {name!r}, which is no field that syncs.",
        hint=hint,
        obj=model,
        id=check,
    )


def _check_audience(model: Model) -> Iterator[CheckMessage]:
    """A row that names a user, and does not say who sees it, is seen by nobody."""
    if audience_of(model) is not None:
        return
    to_everybody = "or audience = None, if every signed-in user may see the rows"
    path = model._sync.audience
    if isinstance(path, str):
        yield Error(
            f"`audience` in `class Sync` is {path!r}, which does not lead to users: "
            f"{follow(model, path)}. As it is, nobody sees the rows.",
            hint=f'Write a lookup that ends at {settings.AUTH_USER_MODEL}, as "owner" or '
            f'"project__members", {to_everybody}.',
            obj=model,
            id="pulse.E020",
        )
        return
    for field in model._meta.concrete_fields:
        if points_to_users(field) or (field.name == OWNER and field.is_relation):
            yield Error(
                f"{field.name!r} is a foreign key that does not say who sees the row: as it is, "
                "nobody does.",
                hint=f'Write audience = "{field.name}" in `class Sync`, {to_everybody}.'
                if points_to_users(field)
                else f"Rename {field.name!r} if it is no user, {to_everybody}.",
                obj=model,
                id="pulse.E016",
            )


def _check_names(model: Model) -> Iterator[CheckMessage]:
    for field in model._meta.concrete_fields:
        if field.name == ROW_FIELD:
            yield Error(
                f"A field is called {ROW_FIELD!r}, which in documents stands for the row itself.",
                hint="Rename the field; db_column keeps its column.",
                obj=model,
                id="pulse.E017",
            )
        elif field.name in BOOKKEEPING and not _is_bookkeeping(field):
            yield Error(
                f"{field.name!r} replaces the field of that name that every SyncModel has.",
                hint="Rename the field; db_column keeps its column.",
                obj=model,
                id="pulse.E017",
            )


def _check_on_unique(model: Model) -> Iterator[CheckMessage]:
    """E041, E042: a policy that has nothing to work on."""
    policy = model._sync.on_unique
    sets = unique_sets(model)
    if policy != "park" and not sets:
        yield Error(
            f'`on_unique` in `class Sync` is "{policy}", but no field of the model is unique.',
            hint="Remove it, or say unique=True of the field that it is for.",
            obj=model,
            id="pulse.E042",
        )
    elif policy == "rename":
        for names in sets:
            if field_to_rename(model, names) is None:
                yield Error(
                    '`on_unique` in `class Sync` is "rename", but there is no text to rename in '
                    f"what must be unique: {', '.join(sorted(names))}.",
                    hint='Write on_unique = "park", or add a CharField to the constraint.',
                    obj=model,
                    id="pulse.E041",
                )


def _is_bookkeeping(field: Any) -> bool:
    original = SyncModel._meta.get_field(field.name)
    return bool(field.get_internal_type() == original.get_internal_type())


def _instead(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = get_close_matches(name, names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(names)}."
