"""Announcing: Django's own signals for rows that devices changed, and `rows_synced`.

They are sent after the commit, so that what a receiver raises undoes nobody's edits and what it
saves is an ordinary save. Where nobody listens they cost nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.signals import post_save

from ...signals import rows_synced
from .. import seen
from ..merging import Merged

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
    if post_save.has_listeners(model):
        for merged in batch:
            if merged.row is not None and not merged.deleted:
                seen.note_refreshed(merged.row, None)  # what was pushed is no edit of whoever saves
                answers = post_save.send_robust(
                    sender=model,
                    instance=merged.row,
                    created=merged.inserted,
                    raw=False,
                    using=using,
                    update_fields=None if merged.inserted else frozenset(merged.columns),
                )
                _log(answers)
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


def _log(answers: Sequence[tuple[object, object]]) -> None:
    for receiver, answer in answers:
        if isinstance(answer, Exception):
            logger.error("The receiver %r failed after a sync.", receiver, exc_info=answer)
