"""Announcing: Django's own signals for rows that devices changed, and `rows_synced`.

They are sent after the commit, so that what a receiver raises undoes nobody's edits and what it
saves is an ordinary save. Where nobody listens they cost nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models.signals import m2m_changed, post_save

from ...mapping.columns import sets_of
from ...signals import DEVICE, rows_synced
from ..merging import Merged
from ..orm import seen

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from ...sync_model import SyncModel

__all__ = ["after_commit"]

logger = logging.getLogger("django_pulse")


def after_commit(
    user: AbstractBaseUser, model: type[SyncModel], using: str, batch: Sequence[Merged]
) -> None:
    """Send the signals of a batch once its transaction has committed."""
    if batch:
        transaction.on_commit(
            lambda: _announce(user, model, using, batch), using=using, robust=True
        )


def _announce(
    user: AbstractBaseUser, model: type[SyncModel], using: str, batch: Sequence[Merged]
) -> None:
    for merged in batch:
        if merged.row is not None and not merged.deleted:
            listened = post_save.has_listeners(model)
            if listened or merged.linked:
                seen.note_refreshed(merged.row, None)  # what was pushed is no edit of whoever saves
            if listened:
                answers = post_save.send_robust(
                    sender=model,
                    instance=merged.row,
                    created=merged.inserted,
                    raw=False,
                    using=using,
                    update_fields=None if merged.inserted else frozenset(merged.columns),
                )
                _log(answers)
            _announce_links(merged, using)
    if rows_synced.has_listeners(model):
        _log(
            rows_synced.send_robust(
                sender=model,
                user=user,
                using=using,
                created=[m.held.sync_id for m in batch if m.inserted],
                updated=[
                    m.held.sync_id
                    for m in batch
                    if m.row is not None and not m.inserted and not m.deleted
                ],
                deleted=[m.held.sync_id for m in batch if m.deleted],
            )
        )


def _announce_links(merged: Merged, using: str) -> None:
    """Send what Django sends where rows are linked and unlinked by `add` and `remove`."""
    row = merged.row
    assert row is not None, "whoever is linked has a row"
    for name, links in merged.linked.items():
        field: Any = sets_of(type(row))[name].field
        for action, values in (("remove", links.ended), ("add", links.made)):
            for when in ("pre", "post") if values else ():
                _log(
                    m2m_changed.send_robust(
                        sender=field.remote_field.through,
                        instance=row,
                        action=f"{when}_{action}",
                        reverse=False,
                        model=field.related_model,
                        pk_set=set(values),
                        using=using,
                        raw=False,  # as Django does from 6.1 on
                        origin=DEVICE,
                    )
                )


def _log(answers: Sequence[tuple[object, object]]) -> None:
    for receiver, answer in answers:
        if isinstance(answer, Exception):
            logger.error("The receiver %r failed after a sync.", receiver, exc_info=answer)
