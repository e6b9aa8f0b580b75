"""What comes down: changes, pages of them, and scopes that are lost.

Laws:

1. A cursor moves only in the same write as the rows it stands for, and only over changes that
   were applied, or whose documents are on the list to be fetched whole; or over one whose bytes are
   broken on the server, from where it comes again once it is repaired.
2. Changes that do not continue where the cursor stands are not applied; they are pulled.
3. Anything may come twice, and a stream of pages may break off anywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from .carrying import contradicts
from .errors import Gap, Malformed, RemoteFault
from .events import Changed, Event, Failed, Removed
from .held import Held
from .listing import begin_listing, end_listing
from .messages import Changes, Item, Key, Pull
from .seeing import Seen, seen, told
from .shelf import Shelf
from .subscribing import relist
from .unseen import ask_for_unseen, ask_for_unwanted, is_out_of_sight
from .uplink import Uplink

__all__ = ["Downlink"]

MAX_DOCUMENTS: Final = 500
"""Documents asked for whole in one pull."""

PATIENCE: Final = 2
"""Pings after which a pull that brings nothing is given up and sent again."""


class Downlink:
    """The cursors of one replica, and the pull under way."""

    def __init__(self, shelf: Shelf, uplink: Uplink) -> None:
        self._shelf = shelf
        self._uplink = uplink
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """The connection is gone: what was asked for will not come."""
        self.heads: dict[str, int] = {}
        self._polled: dict[str, int] = {}
        self._pull: Pull | None = None
        self._awaited: set[str | None] = set()
        self._answered: set[Key] = set()
        self._quiet = 0
        self._paused = False

    # Asking

    @property
    def position(self) -> int:
        """How far the feed has got, as far as is known."""
        known = (*self.heads.values(), *self._shelf.standing.cursors.values())
        return max(known, default=0)

    @property
    def is_idle(self) -> bool:
        """Is everything that the server has, as far as is known, here?"""
        standing = self._shelf.standing
        behind = self._pull or self._shelf.wanted or standing.catching_up or self._behind()
        return not behind

    def _behind(self) -> dict[str, int]:
        cursors, listings = self._shelf.standing.cursors, self._shelf.standing.listings
        return {
            scope: cursors.get(scope, 0)
            for scope, head in self.heads.items()
            if cursors.get(scope, 0) < head or (head and scope in listings)
        }

    def pull(self) -> Pull | None:
        """The pull to send now, if there is anything to ask for and none is under way."""
        behind = self._behind()
        documents = tuple(self._shelf.wanted)[:MAX_DOCUMENTS]
        if self._paused or self._pull is not None or not (behind or documents):
            return None
        behind |= self._telling_of(documents)
        listings = self._shelf.standing.listings
        broken_off = {scope: listings[scope] for scope in behind if scope in listings}
        self._pull = Pull(self._next_id, behind, documents, broken_off)
        self._next_id += 1
        self._awaited = {*behind} | ({None} if documents else set())
        self._answered = set()
        self._quiet = 0
        return self._pull

    def _telling_of(self, documents: Iterable[Key]) -> dict[str, int]:
        """The cursors of scopes that tell whether a row which the server knows less of than it
        should has left them: of such a row nothing was lost.
        """
        cursors = self._shelf.standing.cursors
        records = map(self._shelf.record, documents)
        telling = {scope for each in records if each.rebase for scope in each.scopes}
        return {scope: at for scope, at in cursors.items() if scope in telling}

    def pinged(self) -> None:
        """Another poll interval went by: a pull that brings nothing is asked for again."""
        self._quiet += 1
        if self._quiet > PATIENCE:
            self._pull = None

    def pause(self) -> None:
        """Another part is wanted: what comes before the answer to that counts for nothing."""
        self._paused = True
        self._pull = None

    def resume(self, heads: Mapping[str, int]) -> None:
        """What comes from here on goes by the new subscription."""
        self._paused = False
        self.heads |= heads

    def failed(self) -> None:
        """The server could not answer; the next ping's answer starts another pull."""
        self._pull = None
        self.heads = dict.fromkeys(self.heads, 0)

    # Scopes

    def welcomed(self, heads: Mapping[str, int], now: int) -> list[Event]:
        """These are the scopes now, and their heads."""
        self.heads = dict(heads)
        standing = self._shelf.standing
        events = [
            event
            for scope in standing.cursors.keys() - heads.keys()
            for event in self.left(scope, now)
        ]
        cursors = {
            scope: position if position <= heads[scope] else 0
            for scope, position in self._shelf.standing.cursors.items()
        }
        self._shelf.stand(replace(self._shelf.standing, cursors=cursors))
        ask_for_unseen(self._shelf)
        return events + self._caught_up(now)

    def ponged(self, heads: Mapping[str, int]) -> list[Event]:
        """The heads are there by now."""
        for scope, head in heads.items():
            self.heads[scope] = max(head, self.heads.get(scope, 0))
        if self.heads != self._polled:
            self._polled = dict(self.heads)
            ask_for_unwanted(self._shelf)
        return []

    def left(self, scope: str, now: int) -> list[Event]:
        """The scope is lost: rows held only under it go."""
        self.heads.pop(scope, None)
        self._awaited.discard(scope)
        standing = self._shelf.standing
        cursors = {key: at for key, at in standing.cursors.items() if key != scope}
        listings = {key: head for key, head in standing.listings.items() if key != scope}
        self._shelf.stand(replace(standing, cursors=cursors, listings=listings))
        keys = [key for key, record in self._shelf.all_records() if scope in record.scopes]
        events = [event for key in keys for event in self._leave(key, scope, now)]
        ask_for_unseen(self._shelf)
        return events

    def _leave(self, key: Key, scope: str, now: int) -> list[Event]:
        """A client obeys a leave only from a scope that it holds the row under."""
        held = self._shelf.held(key)
        if scope not in held.record.scopes:
            if held.record.acked and not held.record.scopes:
                self._shelf.want(key)
            return []
        held.part(scope)
        return [] if held.record.scopes else self._remove(held, now)

    def _remove(self, held: Held, now: int) -> list[Event]:
        self._uplink.leave(held, now)
        was_known = held.is_known
        held.drop()
        self._shelf.track(held)
        self._shelf.want(held.key, wanted=False)
        return [Removed(*held.key)] if was_known else []

    # Changes

    def changed(self, changes: Changes, now: int) -> list[Event]:
        """Apply changes, if they continue what is here."""
        if changes.scope is None:
            return self._documents(changes, now)
        if self._paused:
            return []
        scope = changes.scope
        cursor = self._shelf.standing.cursors.get(scope, 0)
        if changes.live:
            self.heads[scope] = max(changes.end, self.heads.get(scope, 0))
        if cursor < changes.start or (changes.live and (changes.more or cursor >= changes.end)):
            return self._skip(changes)
        events: list[Event] = []
        if changes.listing is not None and not changes.live:
            if not changes.start:
                events += begin_listing(self._shelf, scope, changes.listing)
                cursor = 0
            elif self._shelf.standing.listings.get(scope) != changes.listing.head:
                return self._skip(changes)
        events += self._apply(changes, scope, now)
        self._move(scope, max(cursor, changes.end))
        if not changes.live:
            self._page_done(changes, scope)
            if not changes.more:
                events += end_listing(self._shelf, self._uplink, scope, now)
        return events + self._caught_up(now)

    def _skip(self, changes: Changes) -> list[Event]:
        """What cannot be applied is pulled: the head is ahead of the cursor by now."""
        if not changes.live and self._is_current(changes):
            self._pull = None
        return []

    def _apply(self, changes: Changes, scope: str, now: int) -> list[Event]:
        events: list[Event] = []
        for item in changes.items:
            events += self._merge(item, scope, whole=not changes.live)
        for key in changes.leaves:
            events += self._leave(key, scope, now)
        return events

    def _move(self, scope: str, position: int) -> None:
        standing = self._shelf.standing
        cursors = {**standing.cursors, scope: position}
        self._shelf.stand(replace(standing, cursors=cursors))

    def _page_done(self, changes: Changes, scope: str | None) -> None:
        if not self._is_current(changes):
            return
        self._quiet = 0
        if changes.more:
            return
        if scope is not None:
            self.heads[scope] = changes.end
        self._awaited.discard(scope)
        if not self._awaited:
            self._pull = None

    def _is_current(self, changes: Changes) -> bool:
        return self._pull is not None and self._pull.id == changes.pull

    def _documents(self, changes: Changes, now: int) -> list[Event]:
        """The whole documents that a pull asked for."""
        if changes.live:
            raise RemoteFault("Live changes must name their scope.", code="protocol")
        pull = self._pull
        if pull is None or not self._is_current(changes):
            return []
        events: list[Event] = []
        for item in changes.items:
            if item.key in pull.documents:
                self._answered.add(item.key)
                if item.key in self._shelf.wanted:  # the row may have gone from here meanwhile
                    events += self._merge(item, None, whole=True)
        for key in changes.leaves:
            events += self._outside(key, now)
            self._answered.add(key)
        if not changes.more:
            for key in set(pull.documents) - self._answered:
                events += self._absent(key, now)
        self._page_done(changes, None)
        return events + self._caught_up(now)

    def _outside(self, key: Key, now: int) -> list[Event]:
        """There is such a row, and it is not wanted here: it goes, once its edits are pushed."""
        held = self._shelf.held(key)
        if held.record.rebase:  # nor can they be: they build on what does not come
            return self._absent(key, now)
        self._shelf.want(key, wanted=False)
        return [] if held.is_pending or held.record.scopes else self._remove(held, now)

    def _absent(self, key: Key, now: int) -> list[Event]:
        """The server has no such document for us: what it asked for again is pushed again, what no
        listing names any more is gone.
        """
        self._shelf.want(key, wanted=False)
        held = self._shelf.held(key)
        if held.record.rebase:
            hidden = is_out_of_sight(self._shelf, held.record)
            return self._remove(held, now) if hidden else self._push_again(held)
        if held.record.scopes or not held.is_confirmed:
            return []
        return self._uplink.gone(held, now)

    def _merge(self, item: Item, scope: str | None, *, whole: bool) -> list[Event]:
        """Merge one document's bytes; what cannot be merged is put on the list to fetch whole."""
        held = self._shelf.held(item.key)
        scopes = held.record.scopes
        if scope is not None and (scope not in scopes or scope in held.record.doubtful):
            doubtful = held.record.doubtful - {scope}
            held.note(scopes=scopes | {scope}, doubtful=doubtful)
        if scope is not None and self._uplink.is_flying(item.key) and not held.flight:
            # The row went out of sight with a push on its way, and is back before the answer: this
            # was read before that arrived, or after. What is asked for now is read after.
            self._shelf.want(item.key)
            return []
        before = self._read(held)
        try:
            known = held.record.acked if whole and scope is not None else 0
            if not self._is_astray(held) and contradicts(held.view, item.data, known):
                held.note(rebase=True)  # by all that the server has, which is asked for now
                self._shelf.want(item.key)
                return []
            self._take(held, item.data, whole)
        except Gap as gap:
            if whole:
                raise RemoteFault(f"A whole document has a gap: {gap}") from gap
            self._shelf.want(item.key)
            return []
        except Malformed as error:
            # The server's copy is broken. It will be repaired there, and come again.
            self._shelf.want(item.key, wanted=not whole)
            return [_broken(item.key, error)] if whole else []
        events = self._taken(held, before, whole)
        # What is in a scope has a row.
        if held.record.scopes and self._shelf.unpark(item.key) and not events:
            return [Changed(*item.key, frozenset())]
        return events

    def _take(self, held: Held, data: bytes, whole: bool) -> None:
        if not whole and held.key in self._shelf.wanted:  # it builds on what will come whole
            raise Gap(0, 0, 0)
        if not self._is_astray(held) and not held.is_foreign(data):
            held.merge(data)
        elif whole:
            held.rebase(data, self._shelf.schemas.get(held.key.model))
        else:
            raise Gap(0, 0, 0)

    def _is_astray(self, held: Held) -> bool:
        """Does the next whole document take the place of what is here?"""
        return held.record.rebase or held.record.epoch not in (None, self._shelf.standing.epoch)

    def _taken(self, held: Held, before: Seen, whole: bool) -> list[Event]:
        """The server's content is in: what follows from it."""
        held.note(epoch=self._shelf.standing.epoch)
        self._shelf.arrived(held.key, held.view.vector)
        self._shelf.track(held)
        if whole:
            self._shelf.want(held.key, wanted=False)
        return told(held.key, before, self._read(held))

    def _read(self, held: Held) -> Seen:
        return seen(held.view, self._shelf.schemas.get(held.key.model))

    def _push_again(self, held: Held) -> list[Event]:
        """What the server does not have it is told again, and up to where the row was there: if it
        has purged anything since, it may have purged this row as well.
        """
        before = self._read(held)
        since = self._shelf.seen(held)
        held.note(scopes=frozenset())
        held.rebase(b"", self._shelf.schemas.get(held.key.model), since)
        return self._taken(held, before, whole=True)

    def _caught_up(self, now: int) -> list[Event]:
        """In a new epoch, once all was read: what the server does not have is pushed or goes."""
        standing = self._shelf.standing
        reading = self._paused or self._pull or self._behind() or self._shelf.wanted
        if not standing.catching_up or reading:
            return []
        events: list[Event] = []
        for key, _ in list(self._shelf.all_records()):
            if self._shelf.record(key).epoch not in (None, standing.epoch):
                events += self._missing(key, now)
        self._shelf.stand(replace(self._shelf.standing, catching_up=False, before={}))
        if standing.subscription is not None:
            relist(self._shelf)
            self.pause()
        return events

    def _missing(self, key: Key, now: int) -> list[Event]:
        """A row of an earlier epoch that the server did not send.

        Of one that was deleted there is nothing to push: without the others' part, the deletion
        among it perhaps, our own would make a row of it again.
        """
        held = self._shelf.held(key)
        if held.own_entries(0) and self._read(held).is_row:
            return self._push_again(held)
        return self._uplink.gone(held, now)


def _broken(key: Key, error: Malformed) -> Failed:
    return Failed(
        "broken",
        f"What the server has of {key.model} {key.id} cannot be read: {error} What is here stays.",
    )
