"""Complete listings: what a replica does that comes back after the server has forgotten deletions.

Laws:

1. A row is dropped because nobody named it only once every row of a scope was listed since the
   server last forgot any; what was edited in it and not pushed is kept.
2. A listing may break off anywhere, and goes on at the cursor; what came live meanwhile counts.
"""

from dataclasses import replace

from .events import Event, Resyncing
from .messages import Key, Listing
from .shelf import Shelf
from .uplink import Uplink

__all__ = ["begin_listing", "end_listing"]


def begin_listing(shelf: Shelf, scope: str, listing: Listing) -> list[Event]:
    """From here on a row that is held under the scope has to be named to stay.

    Unless the database was restored, and this replica had seen everything that it has purged: then
    a row that is not named was lost there, and is pushed again.
    """
    standing = shelf.standing
    shelf.stand(replace(standing, listings={**standing.listings, scope: listing.head}))
    if standing.catching_up and standing.before.get(scope, 0) >= listing.purged:
        return []
    keys = [key for key, record in shelf.all_records() if scope in record.scopes]
    for key in keys:
        shelf.doubt(key, scope)
    return [Resyncing(scope)] if keys else []


def end_listing(shelf: Shelf, uplink: Uplink, scope: str, now: int) -> list[Event]:
    """Every row of the scope was named by now: what was not is gone.

    What the server took and no scope has told of since may be gone, too: it is asked.
    """
    standing = shelf.standing
    if scope not in standing.listings:
        return []
    listings = {key: head for key, head in standing.listings.items() if key != scope}
    shelf.stand(replace(standing, listings=listings))
    events: list[Event] = []
    for key, _ in list(shelf.all_records()):
        record = shelf.record(key)
        if scope in record.doubtful:
            events += _unnamed(shelf, uplink, key, scope, now)
        elif record.acked and not record.scopes and not standing.catching_up:
            shelf.want(key)
    return events


def _unnamed(shelf: Shelf, uplink: Uplink, key: Key, scope: str, now: int) -> list[Event]:
    held = shelf.held(key)
    held.part(scope)
    if held.record.scopes:
        return []
    if held.is_pending:  # it may be in another scope by now
        shelf.want(key)
        return []
    return uplink.gone(held, now)
