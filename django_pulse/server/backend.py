"""The services a session runs on: this app's own modules, behind the one interface it knows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS

from .. import identity, writes
from ..changefeed import feed
from ..mapping import schema
from ..sign_in import auth, replicas
from ..upkeep import purging
from ..visibility import scopes, subscriptions

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    from crdt.messages import Item, Key

    from ..changefeed.pages import Change, Heads

__all__ = ["Backend"]


class Backend:
    """See `services.Services`, which says what each of these is for."""

    sign_in = staticmethod(auth.sign_in)
    renew = staticmethod(auth.renew)
    current_user = staticmethod(auth.current_user)
    claim_replica = staticmethod(replicas.claim_replica)
    note_marks = staticmethod(replicas.note_marks)
    admit_of = staticmethod(writes.admit_of)
    confirm = staticmethod(writes.confirm)
    outcomes = staticmethod(writes.outcomes)
    pull = staticmethod(feed.pull)
    subscription = staticmethod(subscriptions.read)
    idle_scopes = staticmethod(subscriptions.idle_scopes)
    narrowed = staticmethod(subscriptions.narrowed)
    chosen = staticmethod(subscriptions.chosen)

    def now(self) -> int:
        """The server's clock, in milliseconds."""
        return time.time_ns() // 1_000_000

    def user_channel(self, user: AbstractBaseUser) -> str:
        """That of his primary key."""
        return scopes.channel_of(user.pk)

    def epoch(self) -> str:
        """That of all databases that rows are in."""
        return identity.epoch(scopes.databases() or [DEFAULT_DB_ALIAS])

    def scope_heads(self, user: AbstractBaseUser) -> Heads:
        """The heads of what the user may read. Who asks also purges a little, now and then."""
        heads = feed.scope_heads(user)
        for using in {key.partition("/")[0] for key in heads}:
            purging.purge_now_and_then(using)
        return heads

    def schemas(self) -> tuple[Mapping[str, Any], ...]:
        """The descriptions of all synced models."""
        return schema.descriptions()

    def push(
        self, user: AbstractBaseUser | AnonymousUser, replica: int, items: Sequence[Item]
    ) -> Sequence[writes.ItemResult]:
        """Merge and commit."""
        rows = [writes.PushItem(*item) for item in items]
        return writes.push(user, replica, rows)

    def documents(self, user: AbstractBaseUser, keys: Sequence[Key]) -> Sequence[Change]:
        """Those of the documents that the user may see, whole."""
        return feed.documents(user, [(key.model, key.id) for key in keys])
