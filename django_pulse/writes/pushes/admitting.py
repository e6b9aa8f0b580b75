"""Admitting: rows that waited get in by themselves, once what they waited for is there.

Laws:

1. Nobody is let in whom a push of the same content would not be: the same path judges both, for
   the user who made the document wait.
2. What is busy stays ready, and is tried again by whoever delivers next. It never waits for a lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth import get_user_model

from ...mapping.schema import model_of
from ...prepared import Prepared
from ...tables import Awaited, Document
from ...visibility import scopes
from .batches import Batch
from .items import PushItem, Upload
from .pushing import stored

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

__all__ = ["admit", "admit_of"]

ADMITTED_AT_ONCE = 500
"""Documents that are tried in one go: bounds the transaction, as a push does."""

ADMITTING_SECONDS = 5.0
"""Seconds after which the rest is left to whoever delivers next: it is somebody's request or ping
that pays for this."""


_OF_USER = Prepared(lambda user: Awaited.objects.filter(user=user).values_list("pk")[:1])


class _Here(threading.local):
    """Is this thread at it already? Then the commits of what it admits need not begin anew."""

    busy = False


_here = _Here()


def admit(using: str) -> None:
    """Let in what is ready, and what becomes ready by that."""
    if _here.busy:
        return
    _here.busy = True
    try:
        deadline = time.monotonic() + ADMITTING_SECONDS
        left: set[int] = set()
        while time.monotonic() < deadline and (ready := _ready(using, left)):
            for batch, documents in _batches(using, ready):
                results = stored(batch, deadline)
                left.update(documents[p] for p, r in results.items() if r.status == "busy")
                gone = {documents[p] for p, r in results.items() if r.status == "refused"}
                _lay_aside(using, gone, str(batch.user.pk))
    finally:
        _here.busy = False


def admit_of(user: AbstractBaseUser) -> None:
    """Let in what this user made wait, where that is for a row which he may not have seen then."""
    for using in scopes.databases():
        if _OF_USER.rows(using, str(user.pk)):  # seldom
            Awaited.objects.using(using).filter(user=str(user.pk)).update(ready=True)
            admit(using)


def _ready(using: str, left: Iterable[int]) -> list[tuple[int, str]]:
    """Documents to look at, with the user whom each waits for."""
    rows = Awaited.objects.using(using).filter(ready=True).exclude(document__in=left)
    return list(rows.order_by("pk").values_list("document", "user")[:ADMITTED_AT_ONCE])


def _batches(
    using: str, ready: Iterable[tuple[int, str]]
) -> Iterator[tuple[Batch, dict[int, int]]]:
    """The documents by user, replica and model; with each batch the documents by their place."""
    users = _users({user for _, user in ready})
    rows = Document.objects.using(using).filter(pk__in={document for document, _ in ready})
    named = {row[0]: row for row in rows.values_list("pk", "model", "sync_id", "parked")}
    groups: dict[tuple[str, str, int], dict[int, UUID]] = {}
    for document, user in dict.fromkeys(ready):
        _, label, sync_id, parked = named.get(document, (0, "", None, None))
        model = model_of(label)
        if sync_id and user in users and model is not None and scopes.database_of(model) == using:
            replica = parked["replica"] if parked else 0
            groups.setdefault((label, user, replica), {})[document] = sync_id
        else:
            _lay_aside(using, [document], user)
    for (label, user, replica), ids in groups.items():
        model = model_of(label)
        assert model is not None
        items: dict[int, PushItem | Upload] = {
            place: PushItem(label, each, b"") for place, each in enumerate(ids.values())
        }
        batch = Batch(users[user], replica, model, using, items, waited=True)
        yield batch, dict(enumerate(ids))


def _users(keys: Iterable[str]) -> dict[str, AbstractBaseUser]:
    """The users with these primary keys who may still write."""
    found: Any = get_user_model()._base_manager.filter(pk__in=list(keys))
    return {str(user.pk): user for user in found if user.is_active}


def _lay_aside(using: str, documents: Iterable[int], user: str) -> None:
    """Look at these no more before something they wait for changes."""
    rows = Awaited.objects.using(using).filter(document__in=list(documents), user=user)
    rows.update(ready=False)
