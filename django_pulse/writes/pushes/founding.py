"""Founding: rows that nobody sees yet, until whoever made them makes the row that shows them.

Of a model whose audience begins with other rows ("memberships__member"), `can_sync` may let devices
make rows. Nobody sees a new one. So that its writer can let himself in, he may refer to it, and put
rows where those will be seen who see it.

Laws:

1. A row is founded by one user where his devices alone have written to it, and it was never in
   anybody's sight: not once it was seen, be it that everybody lost it since.
2. Whoever did not found it learns nothing of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, OuterRef

from ... import identity
from ...mapping.options import SyncOptions
from ...mapping.schema import label_of
from ...tables import Device, Document, Feed, Outbox
from ...visibility.audience import Hop, audience_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.base_user import AbstractBaseUser

    from ...sync_model import SyncModel

__all__ = ["founded"]


def founded(user: AbstractBaseUser, using: str, rows: Sequence[SyncModel]) -> Collection[SyncModel]:
    """Those of the rows, of one model, that the user founded, or that are where he founded what
    says who sees them. A few queries for all of them.
    """
    audience = audience_of(type(rows[0])) if rows else None
    hop = audience.hops[0] if audience is not None and audience.hops else None
    if hop is None:
        return ()
    attname = hop.attname
    if attname is None:
        return _founded(user, using, rows, hop)
    anchor: Any = hop.target
    if not isinstance(getattr(anchor, "_sync", None), SyncOptions):
        return ()
    of_anchor = audience_of(anchor)
    if of_anchor is None or not of_anchor.hops or of_anchor.hops[0].attname is not None:
        return ()
    named = {getattr(row, attname) for row in rows}
    anchors = anchor._base_manager.using(using).filter(**{f"{hop.key}__in": named})
    own = _founded(user, using, list(anchors), of_anchor.hops[0])
    keys = {getattr(each, hop.key) for each in own}
    return [row for row in rows if getattr(row, attname) in keys]


def _founded(
    user: AbstractBaseUser, using: str, rows: Sequence[SyncModel], hop: Hop
) -> list[SyncModel]:
    """Those that the user founded, of rows that others show by this relation."""
    shown_by_others = hop.attname is None and hop.field.auto_created
    found = [row for row in rows if not row.is_local_only] if shown_by_others else []
    if not found:
        return []
    writers = _writers(using, found)
    replicas = {int(replica) for each in writers.values() for replica in each}
    devices = Device.objects.using(DEFAULT_DB_ALIAS).filter(replica__in=replicas)
    his = set(devices.filter(user=str(user.pk)).values_list("replica", flat=True))
    return [
        row
        for row in found
        if writers.get(row.sync_id) and his.issuperset(map(int, writers[row.sync_id]))
    ]


def _writers(using: str, rows: Sequence[SyncModel]) -> dict[UUID, Collection[str]]:
    """Which replicas pushed to each of those rows that never were in anybody's sight."""
    documents = Document.objects.using(using).filter(
        model=label_of(type(rows[0])),
        sync_id__in=[row.sync_id for row in rows],
        deleted=False,
        parked__isnull=True,
    )
    told = Feed.objects.using(using).filter(document=OuterRef("pk"))
    untold = Outbox.objects.using(using).filter(document=OuterRef("pk")).exclude(scope="")
    unseen = documents.filter(~Exists(told), ~Exists(untold))
    return {
        sync_id: {*(clocks or ())} - {str(identity.replica_id(using))}
        for sync_id, scopes, clocks in unseen.values_list("sync_id", "scopes", "clocks")
        if not scopes
    }
