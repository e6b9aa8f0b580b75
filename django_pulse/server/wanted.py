"""What of a user's rows one client wants, on its way through a session."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from crdt.frames import decode, encode
from crdt.messages import Changes, Key, Subscription

from ..changefeed.pages import Change, Page
from ..visibility.subscriptions import narrowed_live

if TYPE_CHECKING:
    from ..visibility import subscriptions
    from .services import Services

__all__ = ["Wanted"]


class Wanted:
    """The subscription in effect. What asks the services is to be run in a thread."""

    __slots__ = ("_idle", "_services", "_subscription")

    def __init__(self, services: Services) -> None:
        self._services = services
        self._subscription: subscriptions.Subscription | None = None
        self._idle: frozenset[str] = frozenset()

    @property
    def is_all(self) -> bool:
        """Does the client want everything?"""
        return self._subscription is None

    def become(self, asked: Subscription | None, scopes: Collection[str]) -> None:
        """Take what the client asked for, which reads these scopes. Asks the services."""
        self._subscription = self._services.subscription(asked)
        self.look_at(scopes)

    def look_at(self, scopes: Collection[str]) -> None:
        """Find out in which of the scopes there is nothing for the client. Asks the services."""
        chosen = self._subscription
        idle = frozenset() if chosen is None else self._services.idle_scopes(chosen, scopes)
        if chosen is self._subscription:  # two tasks look, and the client may change its mind
            self._idle = idle

    def page(self, scope: str, cursor: int, rows: int, begun: int, head: int) -> Page:
        """The next page of a scope, whose head is there or beyond. Asks the services."""
        if scope in self._idle:
            return Page(scope, min(cursor, head), head, False, (), ())
        page = self._services.pull(scope, cursor, rows, begun)
        chosen = self._subscription
        return page if chosen is None else self._services.narrowed(page, chosen)

    def documents(self, found: Sequence[Change]) -> tuple[Sequence[Change], Sequence[Key]]:
        """Those of some documents that the client wants, and which others there are. Asks the
        services.
        """
        chosen = self._subscription
        if chosen is None:
            return found, ()
        wanted = self._services.chosen(found, chosen)
        names = {(change.model, change.id) for change in wanted}
        others = [Key(change.model, change.id) for change in found]
        return wanted, [key for key in others if key not in names]

    def live(self, scope: str, frame: bytes) -> bytes | None:
        """A live frame as this client gets it; None where it is of no use."""
        if self._subscription is None:
            return frame
        if scope in self._idle:
            return None
        changes = decode(frame)
        assert isinstance(changes, Changes), "nothing else is relayed"
        return encode(narrowed_live(changes, self._subscription))
