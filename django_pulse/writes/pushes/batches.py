"""One batch in one transaction: everything from the locks to the outcomes.

    lock rows, then documents -> absorb -> merge on scratch documents -> judge -> undo what may
    not stand -> project -> write rows, documents, outbox, outcomes

Documents that waited take the same way when what they waited for is there, without a push.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from crdt.errors import Dangling, Gap, RemoteFault
from crdt.rebuilding import read_push_to, rebuilt_in
from crdt.update import Push

from ... import identity
from ...broken import BROKEN
from ...mapping.columns import columns_of
from ...mapping.schema import schema_again, schema_of
from ...visibility import scopes
from ..locking import hold, lock_database
from ..merging import Merged, Reverts
from ..orm.deleting import store
from ..storing import store_documents, store_rows
from . import announcing, clashing, joining, parking, placing
from .defaults import Defaults
from .filling import limits, too_full
from .forgotten import answer_to_forgotten
from .items import ItemResult, PushItem, Upload, refused
from .judging import Judge
from .lost import lost_to_deletion
from .outcomes import Told, repeated, settle, store_outcomes
from .parking import Reason
from .permitting import DeniedError, Permits
from .reaching import NO_SUCH_ROW, hide
from .retired import Bridge
from .rings import Rings
from .undoing import texts_refused, undo
from .uploading import Uploads

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from ...sync_model import SyncModel

__all__ = ["Batch", "Results", "merge"]

TOO_MANY = "Too many of your rows wait for others already: nothing of this edit was taken."

Results = dict[int, ItemResult]
"""What became of pushes, by their place in the frame."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Pushes to different rows of one model, by their place in the frame.

    With `waited` these are no pushes, but documents that this user made wait. `tries` counts how
    often the database turned down the one item there is, most recently because of `cause`; `last`
    says that the rest of the frame is done, and will not help.
    """

    user: AbstractBaseUser
    replica: int
    model: type[SyncModel]
    using: str
    items: dict[int, PushItem | Upload]
    waited: bool = False
    tries: int = 0
    cause: BaseException | None = None
    last: bool = False

    @property
    def is_uploaded(self) -> bool:
        """Are these whole rows of a client that keeps no documents?"""
        return any(isinstance(item, Upload) for item in self.items.values())

    def of(self, places: Sequence[int]) -> Batch:
        """The same, with some of the items only."""
        return replace(self, items={place: self.items[place] for place in places})


def merge(batch: Batch) -> Results:
    """Merge the batch, and write what came of it; to be called in a transaction."""
    lock_database(batch.using, wait=False)
    held = hold(batch.model, batch.using, {item.id for item in batch.items.values()}, wait=False)
    replica, now_ms = identity.replica_id(batch.using), time.time_ns() // 1_000_000
    visible = scopes.of_user(batch.user)
    hidden = hide(batch, held, visible)
    waits = parking.Waits.of(batch.using, batch.user, held.values(), look=batch.waited)
    uploads = Uploads(batch, held) if batch.is_uploaded else None
    results: Results = {}
    pushes: dict[int, tuple[Merged, Push]] = {}
    rebuilt: list[Merged] = []
    for place, item in batch.items.items():
        if item.id not in held:
            results[place] = ItemResult("busy")
            continue
        forgotten = answer_to_forgotten(batch.using, visible, held[item.id], item)
        if forgotten is not None:
            results[place] = forgotten
            continue
        merged = Merged.begin(held[item.id], schema_of(batch.model), replica, now_ms)
        if merged.rebuilt:  # the device has to learn of that before it goes on
            results[place] = ItemResult("busy")
            rebuilt.append(merged)
            continue
        answer = _read(batch, merged, place, waits, uploads)
        if isinstance(answer, ItemResult):
            results[place] = answer
        else:
            pushes[place] = answer
    if batch.waited:
        pushes = parking.without_others(pushes, batch.user)
    _learn(batch, pushes)
    judge = Judge(batch.user, batch.model, batch.using)
    unseen = isinstance(batch.cause, placing.UnseenError)
    places = placing.Placing(batch.model, batch.using, visible, judge.founded, unseen=unseen)
    for place in judge.look_up(pushes):
        results[place] = ItemResult("busy")
        del pushes[place]
    reverts = _judged(batch, judge, places, pushes, results)
    if not batch.waited:
        for place in waits.beyond_bound({place: merged for place, (merged, _) in pushes.items()}):
            results[place] = refused("too_many_parked", TOO_MANY)
            del pushes[place]
    for place in [place for place in pushes if batch.items[place].id in hidden]:
        results[place] = refused("forbidden", NO_SUCH_ROW)
        del pushes[place]
    _write(batch, waits, pushes, reverts, results, uploads)
    places.check(merged for merged, _ in pushes.values())
    if uploads is not None:
        results |= uploads.explained(results)
    store_rows(batch.model, batch.using, rebuilt)
    store_documents(batch.using, rebuilt)
    return results


def _read(
    batch: Batch, merged: Merged, place: int, waits: parking.Waits, uploads: Uploads | None
) -> tuple[Merged, Push] | ItemResult:
    """Read one update against the document it is for; an answer, if that is all there is to do."""
    if batch.waited and merged.is_empty:
        return refused(BROKEN, "The document is broken: whoever pushed it has to push it again.")
    if batch.waited:
        return merged, parking.everything(merged, waits.his(merged.held.document))
    item = batch.items[place]
    data = item.data if isinstance(item, PushItem) else b""
    if uploads is not None:
        made = uploads.update(place, merged)
        if isinstance(made, ItemResult):
            return made
        data = made
    try:
        update = read_push_to(merged.document.loaded, data, batch.replica, limits())
    except Gap as gap:
        return ItemResult("resend", clock=gap.expected)
    except RemoteFault as fault:
        if isinstance(fault, Dangling) and rebuilt_in(bytes(merged.held.document.state)):
            return ItemResult("resend", clock=merged.document.clock(batch.replica))
        if isinstance(fault, Dangling) and not merged.document.vector:  # it edits what was there
            return refused("forbidden", NO_SUCH_ROW)
        return refused(fault.code, str(fault))
    if update.known:
        return repeated(batch.using, batch.replica, merged, update.next)
    full = too_full(merged, update)
    return (merged, update) if full is None else refused("full", full)


def _learn(batch: Batch, pushes: Mapping[int, tuple[Merged, Push]]) -> None:
    """Look up what is written to fields that nobody here knows: another release may have them."""
    wires = {entry.field for _, update in pushes.values() for entry in update.entries}
    wires.update(*(update.text_fields for _, update in pushes.values()))
    schema = schema_of(batch.model)
    if all(map(schema.get, wires)):
        return
    schema = schema_again(batch.model)
    for merged, _ in pushes.values():
        merged.schema = schema


def _judged(
    batch: Batch,
    judge: Judge,
    places: placing.Placing,
    pushes: dict[int, tuple[Merged, Push]],
    results: Results,
) -> dict[int, Reverts]:
    """Merge every push, undo what may not stand, and bring the rows to what is left."""
    reverts: dict[int, Reverts] = {}
    permits = Permits(batch.user, batch.model, batch.using, places)
    count = sum(merged.row is None for merged, _ in pushes.values())
    defaults = Defaults(batch.model, batch.using, count)
    rings = Rings(batch.user, batch.model, batch.using, pushes) if batch.waited else None
    projects = partial(_projected, batch, judge, places, defaults, rings)
    joined = set()
    for place, (merged, update) in tuple(pushes.items()):
        reverts[place] = _applied(judge, merged, update)
        into = joining.into_of(merged)
        if into is not None and any(each.held.sync_id == into for each, _ in pushes.values()):
            results[place] = ItemResult("busy")  # until that one is written
            del pushes[place], reverts[place]
            continue
        if into is not None:
            if not joining.join(batch, merged, into, update.entries, merged.before.values):
                reverts[place] |= undo(merged, update, (), joining.NOT_TAKEN)
            merged.compact()
            joined.add(place)
            continue
        permits.note(merged)
        with _turned_down(batch, place, pushes, results):
            reverts[place] |= projects(merged, update)
    permits.prepare(pushes.values())
    for place, (merged, update) in tuple(pushes.items()):
        if place in joined:
            continue
        with _turned_down(batch, place, pushes, results):
            reverts[place] |= permits.judge(merged, update, partial(projects, merged, update))
        if place not in pushes:
            continue
        reverts[place] = _finished(batch, judge, defaults, merged, update, reverts[place])
        refusal = None if batch.waited else texts_refused(batch, merged, reverts[place])
        if refusal is not None:
            results[place] = refusal
            del pushes[place]
    return reverts


def _applied(judge: Judge, merged: Merged, update: Push) -> Reverts:
    """Merge a push, and undo those of its entries that may not stand."""
    if not update.data:
        return judge.judge(merged, update)
    bridge = Bridge(merged, update)
    merged.document.apply(update)
    found = judge.judge(merged, update)
    found |= bridge.cross(judge)
    merged.restamp(update.entries)
    return found


def _finished(
    batch: Batch,
    judge: Judge,
    defaults: Defaults,
    merged: Merged,
    update: Push,
    found: Reverts,
) -> Reverts:
    """Undo what the row as a whole may not be; returns this with what was `found` before."""

    def again() -> None:
        judge.hold_back(merged, update)
        merged.project()

    if judge.follows:  # what refers to a row that another took in says so from now on
        merged.absorb(0)
    of_row = judge.judge_row(merged, update)
    if of_row:
        if merged.inserted and merged.row is not None:
            defaults.fill(merged.row)
        again()
    of_row |= clashing.undone(batch, merged, update, again)
    lost = lost_to_deletion(merged, update)
    merged.compact()  # last: until then what was replaced can live again
    return lost | found | of_row


def _projected(
    batch: Batch,
    judge: Judge,
    places: placing.Placing,
    defaults: Defaults,
    rings: Rings | None,
    merged: Merged,
    update: Push,
) -> Reverts:
    """Bring a row to what its document says, as far as it may be there."""
    judge.hold_back(merged, update)
    merged.project(partial(_new_row, batch, defaults, rings, merged))
    if merged.held.document.deleted and merged.held.document.pk is None and merged.row is None:
        raise placing.MisplacedError(NO_SUCH_ROW)  # nothing was ever there to be deleted
    return places.moved_back(merged, update)


@contextmanager
def _turned_down(
    batch: Batch, place: int, pushes: dict[int, tuple[Merged, Push]], results: Results
) -> Iterator[None]:
    """Refuse a push that would make a row which may not be; park what waited."""
    try:
        yield
    except (_Incomplete, placing.MisplacedError, DeniedError) as cannot:
        code = "required" if isinstance(cannot, _Incomplete) else "forbidden"
        merged, _ = pushes[place]
        if isinstance(cannot, placing.AwaitedError):
            parking.park(merged, batch.user, batch.replica, parking.waiting_for(merged))
        elif batch.waited:
            parking.park(merged, batch.user, batch.replica, Reason(code, str(cannot)))
        else:
            results[place] = refused(code, str(cannot))
            del pushes[place]


def _write(
    batch: Batch,
    waits: parking.Waits,
    pushes: dict[int, tuple[Merged, Push]],
    reverts: dict[int, Reverts],
    results: Results,
    uploads: Uploads | None,
) -> None:
    everyone = [merged for merged, _ in pushes.values()]
    if batch.waited:  # most often nothing has become of it, and there is nothing to write or tell
        for place, (merged, _) in tuple(pushes.items()):
            if not (merged.is_different or reverts[place]):
                results[place] = ItemResult("ok")
                del pushes[place]
    for merged, update in () if batch.waited else pushes.values():
        merged.held.document.count(batch.replica, update.next)
    merges = [merged for merged, _ in pushes.values()]
    store(batch.model, batch.using, merges)
    waits.write(everyone)
    there = [m.held.document for m in merges if m.held.document.was_marked]
    settle(batch.using, [document for document in there if not document.is_marked])
    results |= dict.fromkeys(pushes, ItemResult("ok"))
    if uploads is not None:
        results |= uploads.store(pushes, reverts)
    else:
        for replica, told in _told(batch, pushes, reverts).items():
            results |= store_outcomes(batch.using, replica, told)
    announcing.after_commit(batch.user, batch.model, batch.using, merges)


def _told(
    batch: Batch, pushes: Mapping[int, tuple[Merged, Push]], reverts: Mapping[int, Reverts]
) -> dict[int, list[Told]]:
    """What is told to which replica: whoever pushed, or whose entries waited and may not stand."""
    told: dict[int, list[Told]] = {}
    for place, (merged, update) in pushes.items():
        document = merged.held.document
        if batch.replica:
            news = (place, document, update.next, reverts[place], parking.told(merged))
            told.setdefault(batch.replica, []).append(news)
            continue
        by_replica: dict[int, Reverts] = {}
        for entry in update.entries:
            if entry.field in reverts[place]:
                undone = by_replica.setdefault(entry.dot.replica, {})
                undone[entry.field] = reverts[place][entry.field]
        for replica, undone in by_replica.items():
            clock = merged.document.clock(replica)
            told.setdefault(replica, []).append((place, document, clock, undone, None))
    return told


class _Incomplete(Exception):
    """A new row lacks a value that its table wants."""


def _new_row(
    batch: Batch, defaults: Defaults, rings: Rings | None, merged: Merged, values: dict[str, Any]
) -> SyncModel | None:
    """The instance for a document that has no row yet; it belongs to whoever pushed it.

    None where what it refers to is not there: then the document is parked.
    """
    columns = columns_of(batch.model)
    held = merged.held
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name not in merged.held_back:
            columns[name].write(given, value, held.keys)
    row = batch.model(sync_id=held.sync_id, **given)
    defaults.fill(row)
    owner = scopes.owner_field(batch.model)
    if owner is not None and given.get(owner.attname) is None:  # else it comes back to its owner
        setattr(row, owner.attname, batch.user.pk)
    for name, column in columns.items():
        for field in () if name in merged.held_back else column.concrete:
            if not field.null and getattr(row, field.attname) is None:
                raise _Incomplete(f"There is no such row, and a new one needs a value for {name}.")
    if merged.held_back and not (rings is not None and rings.lets_in(merged)):
        reason: Reason | None = parking.waiting_for(merged)
    else:
        reason = clashing.reason_against(batch, merged, row)
    if reason is None:
        return row
    if merged.had_row:
        raise _Incomplete(f"A deleted row cannot come back like this. {reason.message}")
    parking.park(merged, batch.user, batch.replica, reason)
    return None
