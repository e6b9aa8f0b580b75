"""What a session asks of the rest of the app: the shape of it, without the app.

All of it is plain synchronous code that may query the database and returns evaluated values, so
that a session can have it run in a thread. `backend.Backend` is the real thing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from crdt import messages
from crdt.messages import Hello, Item, Key, Mark

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from ..changefeed.pages import Change, Heads, Page
    from ..sign_in.auth import Handshake, SignIn
    from ..visibility.subscriptions import Subscription
    from ..writes import ItemResult, StoredOutcome

__all__ = ["Services"]


class Services(Protocol):
    """Faults of the client are raised as `crdt.errors.RemoteFault`; the rest are our own."""

    def now(self) -> int:
        """The server's clock: milliseconds since 1970."""

    def sign_in(self, handshake: Handshake, token: str | None) -> SignIn:
        """Who this is; raises where it is nobody."""

    def renew(self, signed: SignIn, token: str) -> SignIn:
        """The sign-in that another token of the same user makes of it; raises if it is none."""

    def current_user(self, signed: SignIn) -> AbstractBaseUser:
        """The user as the database has them now; raises once they may not be served."""

    def claim_replica(self, user: AbstractBaseUser, hello: Hello) -> str:
        """Register the replica id to this user's device; raises where it is somebody else's, or
        that of a store of which this is a copy. Returns the certificate for the next time.
        """

    def note_marks(self, replica: int, marks: Sequence[Mark]) -> None:
        """Store the marks of what the replica is about to push."""

    def epoch(self) -> str:
        """The name of the database's present epoch."""

    def schemas(self) -> tuple[Mapping[str, Any], ...]:
        """The description of every synced model."""

    def scope_heads(self, user: AbstractBaseUser) -> Heads:
        """Every scope the user may read, with its head; what is committed is counted in."""

    def admit_of(self, user: AbstractBaseUser) -> None:
        """Let in what waits for rows that the user did not see before."""

    def user_channel(self, user: AbstractBaseUser) -> str:
        """Where the user's sockets are told to ask again what he may read."""

    def push(
        self, user: AbstractBaseUser, replica: int, items: Sequence[Item]
    ) -> Sequence[ItemResult]:
        """Merge and commit; one result per item, in order."""

    def outcomes(self, replica: int) -> Sequence[StoredOutcome]:
        """What the replica has not confirmed yet."""

    def confirm(self, replica: int, ids: Sequence[int]) -> None:
        """Forget these outcomes of the replica."""

    def pull(self, scope: str, cursor: int, limit: int, begun: int) -> Page:
        """The next page of a scope; `begun` is the head at which its listing began, or -1."""

    def subscription(self, asked: messages.Subscription | None) -> Subscription | None:
        """What a client asked for, as far as there is such a thing; None for everything."""

    def idle_scopes(self, subscription: Subscription, keys: Collection[str]) -> frozenset[str]:
        """The scopes in which there can be no row that was asked for."""

    def narrowed(self, page: Page, subscription: Subscription) -> Page:
        """A page without what was not asked for."""

    def chosen(self, changes: Sequence[Change], subscription: Subscription) -> Sequence[Change]:
        """Those of some documents that were asked for."""

    def documents(self, user: AbstractBaseUser, keys: Sequence[Key]) -> Sequence[Change]:
        """Those of the documents that the user may see, whole."""
