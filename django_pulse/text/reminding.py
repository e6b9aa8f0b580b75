"""Places at which clients of the text protocol are told a row once more.

Such a client remembers one position for a whole table, and takes no update of a row that it has
something to send of. So there are two things that it would never hear of, and is reminded of:

1. A row that it sent, which nobody changed by that, while others had changed it before: its
   position may be behind the client's by then. The reminder is its user's own.
2. A row that was deleted, or left a scope, longer ago than the feed remembers. The reminder stands
   where the feed had it, and is kept for good. It is left where such clients may know the row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from .. import identity
from ..mapping.schema import label_of
from ..sql import upsert_many
from ..tables import Document, Feed, Reading, Reminder, Scope, Told
from ..visibility import scopes

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    from ..sync_model import SyncModel

__all__ = ["own_scope", "remind_of_forgotten", "remind_sender"]

_OWN = "~"
"""How the own scopes of users begin; no database can be called so."""

_NAMES = ("scope", "position", "model", "sync_id")
_UNIQUE = ("scope", "model", "sync_id")


def own_scope(user: AbstractBaseUser | AnonymousUser) -> str:
    """The name under which a user is reminded of rows."""
    return f"{_OWN}{user.pk}"


def remind_sender(
    user: AbstractBaseUser, model: type[SyncModel], sent: Mapping[UUID, float]
) -> None:
    """Remind a user of rows that he sent, each with the version that he knows, as far as there is a
    later one and he may know of it. To be called outside a transaction.
    """
    if not sent:
        return
    using, label, own = scopes.database_of(model), label_of(model), own_scope(user)
    keys = list(scopes.of_user(user))
    changed = Feed.objects.using(using).filter(
        scope__key__in=keys, document__model=label, document__sync_id__in=sent
    )
    reminders = Reminder.objects.using(using).filter(scope__in=keys, model=label, sync_id__in=sent)
    found = [*changed.values_list("document__sync_id", "position")]
    found += reminders.values_list("sync_id", "position")
    wanted = list(dict.fromkeys(sync_id for sync_id, at in found if at > sent[sync_id]))
    if wanted:
        with transaction.atomic(using=using):
            first = identity.advance(using, len(wanted)) - len(wanted) + 1
            rows = [(own, first + number, label, row) for number, row in enumerate(wanted)]
            upsert_many(Reminder, using, _NAMES, rows, unique=_UNIQUE)


def remind_of_forgotten(using: str, places: Sequence[tuple[int, int, int]]) -> None:
    """Leave reminders at places that the feed is about to forget: the scope, the document and the
    position of each. To be called in the transaction that forgets them.
    """
    documents = {document for _, document, _ in places}
    named = Scope.objects.using(using).filter(pk__in={scope for scope, _, _ in places})
    keys: dict[int, str] = dict(named.values_list("pk", "key"))
    read = _among(using, Reading, "scope", keys.values())
    told = _among(using, Told, "document", documents)
    rows = Document.objects.using(using).filter(pk__in=documents)
    names = {pk: name for pk, *name in rows.values_list("pk", "model", "sync_id")}
    reminders = [
        (keys[scope], position, *names[document])
        for scope, document, position in places
        if document in names and (document in told or keys.get(scope) in read)
    ]
    upsert_many(Reminder, using, _NAMES, reminders, unique=_UNIQUE)


def _among(using: str, table: Any, name: str, values: Collection[Any]) -> set[Any]:
    """Those of the values that a column of the table holds."""
    rows = table.objects.using(using).filter(**{f"{name}__in": list(values)})
    return set(rows.values_list(name, flat=True))
