"""What the server's own code does, and who runs the server."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from django.db import transaction

from crdt.messages import Key
from django_pulse.prepared import Prepared
from django_pulse.tables import Document
from django_pulse.upkeep import purging

from ..bank.releases import bank, migrate
from .outcome import SERVER_POINTS
from .scenery import ACCOUNT, MEMO, Scenery, Violation

__all__ = [
    "arm",
    "delete",
    "free",
    "hang",
    "join_or_leave",
    "make",
    "purge",
    "release",
    "remove",
    "save",
    "save_stale",
    "update",
]


def make(scenery: Scenery) -> None:
    """A new row."""
    pair, sync_id = f"p{scenery.mark}", scenery.new_id()
    if scenery.random.random() < 0.5:
        key = Key(MEMO, sync_id)
        row = scenery.bank.memo(sync_id=sync_id, left=pair, right=pair)
    else:
        key = Key(ACCOUNT, sync_id)
        branch = scenery.random.choice(scenery.branches)
        row = scenery.bank.account(sync_id=sync_id, left=pair, right=pair, branch_id=branch.pk)

    def note() -> None:
        scenery.ledger.made(key)
        scenery.ledger.wrote(key, "left", pair)

    _committed(scenery, row.save, note)
    scenery.stale[sync_id] = row


def save(scenery: Scenery) -> None:
    """Load a row, change it, save it."""
    row = _row(scenery)
    if row is not None:
        _change(scenery, row, row.save)


def save_stale(scenery: Scenery) -> None:
    """The same with an instance that was loaded long ago; sometimes rolled back."""
    row = _row(scenery)
    if row is None:
        return
    stale = copy.copy(scenery.stale.get(row.sync_id, row))
    tried = scenery.random.random() < 0.5
    if tried:
        _try_in_vain(scenery, stale)
    _change(scenery, stale, stale.save, tried=tried)
    if tried and not type(row).objects.filter(pk=row.pk, left=f"p{scenery.mark}").exists():
        raise Violation(f"After a rollback, the same edit of {_key(row)} was not written again")


def update(scenery: Scenery) -> None:
    """A queryset's `update`."""
    row = _row(scenery)
    if row is not None:
        pair, key = f"p{scenery.mark}", _key(row)
        rows = type(row).objects.filter(pk=row.pk)
        note = scenery.ledger.wrote
        _committed(
            scenery, lambda: rows.update(left=pair, right=pair), lambda: note(key, "left", pair)
        )


def remove(scenery: Scenery) -> None:
    """Delete a row."""
    row = _row(scenery)
    if row is not None:
        delete(scenery, row)


def delete(scenery: Scenery, row: Any) -> None:
    """Delete this row."""
    key = _key(row)
    _committed(scenery, row.delete, lambda: scenery.ledger.removed(key))


def join_or_leave(scenery: Scenery) -> None:
    """Somebody joins a branch, or leaves it: a revocation, often of who was just writing there."""
    branch, user = scenery.random.choice(scenery.branches), scenery.random.choice(scenery.users)
    writer, key = scenery.touched
    place = None if key is None else _place_of(scenery.bank.account).rows("default", key.id.hex)
    if place and scenery.random.random() < 0.5:
        ((pk,),) = place
        branch = next(each for each in scenery.branches if each.pk == pk)
        user = writer
    if branch.members.filter(pk=user.pk).exists():
        branch.members.remove(user)
        scenery.counts["access revoked"] += 1
    else:
        branch.members.add(user)


def hang(scenery: Scenery) -> None:
    """Hang a label at a memo, or take one away."""
    row = scenery.bank.memo.objects.order_by("sync_id").first()
    if row is None:
        return
    key = _key(row)
    hanging = row.labels.order_by("pk").values_list("pk", flat=True).first()
    if hanging is not None and scenery.random.random() < 0.4:
        note = scenery.ledger.took
        _committed(
            scenery, lambda: row.labels.remove(hanging), lambda: note(key, "labels", hanging)
        )
    else:
        label, note = next(scenery.labels), scenery.ledger.put
        _committed(scenery, lambda: row.labels.add(label), lambda: note(key, "labels", label))


def free(scenery: Scenery) -> None:
    """Give up a code: one of those who wait for it has it then."""
    row = scenery.bank.memo.objects.exclude(code=None).order_by("sync_id").first()
    if row is not None:
        row.code = None
        row.save()


def purge(scenery: Scenery) -> None:
    """Forget what was deleted longer than a minute ago."""
    until, before = scenery.clock.moment(), _documents()
    purging.purge("default", until.replace(second=0, microsecond=0))
    scenery.forgotten |= before - _documents()


def release(scenery: Scenery) -> None:
    """Deploy the second release: every connection ends, the tables are migrated."""
    migrate()
    scenery.bank, scenery.release = bank(2), 2
    scenery.stale.clear()


def arm(scenery: Scenery) -> None:
    """Have the server die at a fault point, soon."""
    point = scenery.random.choice(SERVER_POINTS)
    scenery.faults.arm(point, scenery.random.randint(0, 3))


def _try_in_vain(scenery: Scenery, row: Any) -> None:
    """A save that is rolled back: what it was to write is still to be written."""
    pair = f"p{scenery.mark}"
    row.left = row.right = pair
    scenery.ledger.tried(_key(row), "left", pair)
    with suppress(_RolledBack), transaction.atomic():
        row.save()
        raise _RolledBack


class _RolledBack(Exception):
    """The caller changes his mind."""


def _documents() -> set[Key]:
    return {Key(*each) for each in Document.objects.values_list("model", "sync_id")}


def _row(scenery: Scenery) -> Any:
    model = scenery.bank.memo if scenery.random.random() < 0.4 else scenery.bank.account
    rows = _rows_of(model).rows("default")
    return model.from_db("default", _columns(model), scenery.random.choice(rows)) if rows else None


@cache
def _rows_of(model: Any) -> Prepared:
    """All rows of a model, in order; only one of them is made an instance."""
    return Prepared(lambda: model.objects.order_by("sync_id").values_list(*_columns(model)))


@cache
def _place_of(account: Any) -> Prepared:
    """The branch of an account."""
    return Prepared(lambda row: account.objects.filter(sync_id=row).values_list("branch"))


def _columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _key(row: Any) -> Key:
    return Key(MEMO if type(row).__name__ == "Memo" else ACCOUNT, row.sync_id)


def _change(scenery: Scenery, row: Any, save: Callable[[], Any], *, tried: bool = False) -> None:
    key, number = _key(row), scenery.mark
    counter = "balance" if key.model == ACCOUNT else "votes"
    text = "notes" if key.model == ACCOUNT else "body"
    mark, pair = chr(0xF0000 + number), f"p{number}"
    what = scenery.random.choice((counter, text, "pair"))
    if what == "pair":
        row.left = row.right = pair
    elif what == counter:
        setattr(row, counter, getattr(row, counter) + 7)
    else:
        setattr(row, text, f"s{mark}" + getattr(row, text))

    def note() -> None:
        if what == "pair" or tried:
            scenery.ledger.wrote(key, "left", pair)
        if what == counter:
            scenery.ledger.added(key, counter, 7)
        elif what == text:
            scenery.ledger.put(key, text, mark)

    _committed(scenery, save, note)


def _committed(scenery: Scenery, act: Callable[[], Any], note: Callable[[], None]) -> None:
    """Do it, and note it as soon as it is committed: also if the server dies just then."""
    before = scenery.faults.commits
    try:
        act()
    finally:
        if scenery.faults.commits > before:
            note()
