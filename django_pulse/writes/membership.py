"""Membership: the links of many-to-many fields, as sets in documents.

Laws:

1. What the ORM links or unlinks is mirrored in the transaction that did it, in set-sized queries,
   from whichever side; where a link stands for two, on both. So are links that go because one of
   their ends is deleted.
2. What a merge added to a set is linked, what it removed is unlinked, and nothing else: a member
   whose row is not there stays in the document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from django.apps import apps
from django.db import models, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save

from crdt.schema import MISSING

from .. import identity
from ..manager import put_base_manager
from ..mapping.columns import sets_of
from ..mapping.relations import Members
from ..mapping.schema import syncs
from ..signals import DEVICE
from .merging import Merged
from .noting import being_deleted

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["Links", "connect", "mirror_others", "store_members"]

_CLEARED = "_pulse_cleared"
"""Where an instance notes, between two signals, the rows that it is taken out of."""


class Links(NamedTuple):
    """What one row was linked to, and is linked to no more, by what the links say of it."""

    made: set[Any]
    ended: set[Any]

    @classmethod
    def of(cls, source: Any, *pairs: Iterable[tuple[Any, Any]]) -> Self:
        """Those of these pairs that the row `source` is the first of."""
        return cls(*({value for row, value in some if row == source} for some in pairs))


def connect() -> None:
    """Have changes of every many-to-many field that documents hold told; once models are loaded."""
    for model in filter(syncs, apps.get_models()):
        for column in sets_of(model).values():
            through = column.through
            uid = f"pulse.{through!r}"
            m2m_changed.connect(_after_change, sender=through, dispatch_uid=uid)
            if not through._meta.auto_created:
                for signal in (post_save, post_delete):
                    signal.connect(_after_link, sender=through, dispatch_uid=uid)
            else:
                put_base_manager(through, _LinkManager())


def store_members(model: type[SyncModel], using: str, batch: Iterable[Merged]) -> None:
    """Link and unlink what merges added to sets and removed; the rows are written."""
    changed = [m for m in batch if m.sets and m.row is not None and not m.deleted]
    for name, column in sets_of(model).items() if changed else ():
        target = column.target
        assert target is not None
        edits = [(merged, merged.sets[name]) for merged in changed if name in merged.sets]
        keys = changed[0].held.keys
        named = [target.from_wire(key) for _, edit in edits for key, _ in edit.values()]
        keys.find(target, named)
        wanted: dict[tuple[Any, Any], bool] = {}
        for merged, edit in edits:
            source = getattr(merged.row, column.attname)
            for key, added in edit.values():
                value = keys.value(target, target.from_wire(key))
                if value is not MISSING:
                    wanted[source, value] = added
        if wanted:
            made, ended = _link(column, using, wanted)
            for merged, _ in edits:
                merged.linked[name] = Links.of(getattr(merged.row, column.attname), made, ended)


def mirror_others(model: type[SyncModel], using: str, batch: Iterable[Merged]) -> None:
    """Mirror the rows at the other end of links that stand for two, once these are written."""
    changed = [merged for merged in batch if merged.sets]
    for name, column in sets_of(model).items() if changed else ():
        target, keys = column.target, changed[0].held.keys
        if column.is_symmetrical and target is not None:
            named = [key for m in changed for key, _ in m.sets.get(name, {}).values()]
            values = {keys.value(target, target.from_wire(key)) for key in named} - {MISSING}
            for owner, _ in _columns(column.through) if values else ():
                _absorb(owner, column, using, values)


def _link(
    column: Members, using: str, wanted: dict[tuple[Any, Any], bool]
) -> tuple[list[tuple[Any, Any]], list[tuple[Any, Any]]]:
    """Have these pairs linked, or not; returns those that were linked, and those unlinked."""
    if column.is_symmetrical:
        wanted |= {(value, source): added for (source, value), added in wanted.items()}
    ends = (column.source.attname, column.member.attname)
    links: models.QuerySet[Any] = models.QuerySet(column.through, using=using)
    found = links.filter(
        **{
            f"{ends[0]}__in": {source for source, _ in wanted},
            f"{ends[1]}__in": {value for _, value in wanted},
        }
    )
    there = {(source, value): pk for pk, source, value in found.values_list("pk", *ends)}
    gone = [pair for pair in there if wanted.get(pair) is False]
    if gone:
        links.filter(pk__in=[there[pair] for pair in gone])._raw_delete(using)
    new = [pair for pair, added in wanted.items() if added and pair not in there]
    links.bulk_create([column.through(**dict(zip(ends, pair, strict=True))) for pair in new])
    return new, gone


def _after_change(
    sender: type[models.Model],
    instance: Any,
    action: str,
    reverse: bool,
    pk_set: set[Any] | None,
    using: str,
    origin: Any = None,
    **kwargs: Any,
) -> None:
    """Mirror the rows whose links Django changed; of those that stand for two, both."""
    if origin == DEVICE:
        return
    if action == "pre_clear":
        instance.__dict__[_CLEARED] = {
            model: _sources(column, using, [getattr(instance, column.member.target_field.attname)])
            for model, column in _columns(sender)
            if reverse or column.is_symmetrical
        }
    elif action in {"post_add", "post_remove", "post_clear"}:
        cleared = instance.__dict__.pop(_CLEARED, {}) if action == "post_clear" else {}
        for model, column in _columns(sender):
            others = cleared.get(model, ()) if pk_set is None else pk_set
            mine = [] if reverse else [getattr(instance, column.attname)]
            both = reverse or column.is_symmetrical
            if column.is_symmetrical and action == "post_add":  # Django makes the other half later
                _link(column, using, {(each, other): True for each in mine for other in others})
            _absorb(model, column, using, [*mine, *(others if both else ())])


def _after_link(sender: type[models.Model], instance: Any, using: str, **kwargs: Any) -> None:
    """Mirror the row of a link that was saved or deleted by itself."""
    for model, column in _columns(sender):
        _absorb(model, column, using, [getattr(instance, column.source.attname)])


def _absorb(model: type[SyncModel], column: Members, using: str, sources: Collection[Any]) -> None:
    from .absorbing import absorb_rows

    if sources:
        with transaction.atomic(using=using):
            identity.take_write_lock(using)
            rows = model._base_manager.using(using).filter(**{f"{column.attname}__in": sources})
            rows = rows.exclude(sync_id__in=being_deleted(using))
            absorb_rows(model, using, list(rows.order_by("pk").values_list("pk", flat=True)))


class _LinkQuerySet(models.QuerySet[Any] if TYPE_CHECKING else models.QuerySet):  # type: ignore[misc]
    """Links as Django reads them to delete those of a row that is deleted."""

    def _raw_delete(self, using: str) -> int:
        found = {
            model: (column, set(self.values_list(column.source.attname, flat=True)))
            for model, column in _columns(self.model)
        }
        count: int = super()._raw_delete(using)
        for model, (column, sources) in found.items():
            _absorb(model, column, using, sources)
        return count


class _LinkManager(models.Manager.from_queryset(_LinkQuerySet)):  # type: ignore[misc]
    """The base manager of tables between, where Django made them."""


def _columns(through: type[models.Model]) -> Sequence[tuple[type[SyncModel], Members]]:
    """The fields whose links these are; of a model and those below it, the former's."""
    found = [
        (cast("type[SyncModel]", model), column)
        for model in filter(syncs, apps.get_models())
        if model._meta.concrete_model is model
        for column in sets_of(model).values()
        if column.through is through
    ]
    return [
        (model, column)
        for model, column in found
        if not any(
            column.field == other.field and above in model._meta.get_parent_list()
            for above, other in found
        )
    ]


def _sources(column: Members, using: str, values: Collection[Any]) -> set[Any]:
    links: models.QuerySet[Any] = models.QuerySet(column.through, using=using)
    found = links.filter(**{f"{column.member.attname}__in": values})
    return set(found.values_list(column.source.attname, flat=True))
