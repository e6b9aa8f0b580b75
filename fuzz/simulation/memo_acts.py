"""What people do with memos: they may not do all of it, and some of it has to wait.

What a user may not do is left out of the ledger: if it stands nevertheless, too much is there.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from crdt import RowView
from crdt.messages import Key

from ..bank.memos import denied_to
from .durably import durably, write
from .scenery import MEMO, Scenery

__all__ = ["answer", "beginnings", "claim", "delete", "hang", "made", "vote"]

CODES: Final = 3
"""Codes of which each memo has another: so few that devices claim the same."""


def beginnings(scenery: Scenery, device: Any) -> dict[str, Any]:
    """What a new memo may say: a code that another has, or which it answers, there or not."""
    chance, values = scenery.random, dict[str, Any]()
    if chance.random() < 0.6:
        values["code"] = _code(scenery)
    newest = scenery.newest.get(device.number)
    if newest is not None and newest.model == MEMO and chance.random() < 0.6:
        values["answers"] = newest.id
    return values


def made(scenery: Scenery, device: Any, key: Key, pair: str) -> None:
    """Note a new memo; not so one that its user may not make."""
    if denied_to(device.user.pk, key.id) == "create":
        scenery.ledger.barred.add(key)
        return
    scenery.ledger.made(key)
    scenery.ledger.wrote(key, "left", pair)


def delete(scenery: Scenery, device: Any, key: Key) -> None:
    """Note that a memo was deleted; not so by who may not. One that may not be there yet, as far
    as its device knows, he takes back, if it is not.
    """
    shelf = device.replica._shelf
    held = shelf.held(key)
    if denied_to(device.user.pk, key.id) != "delete" or not held.was_sent:
        scenery.ledger.removed(key)
    elif not held.is_confirmed or key in shelf.parked:
        scenery.ledger.withdrew(key)


def vote(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    """Add to what everybody adds to."""
    amount = scenery.random.choice((1, 5, 20, -3, -10))

    def note() -> None:
        if denied_to(device.user.pk, key.id) != "votes":
            scenery.ledger.added(key, "votes", amount)

    durably(scenery, device, lambda: device.replica.add(MEMO, key.id, "votes", amount), note)


def hang(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    """Hang a label at a memo that hangs nowhere yet, or take one away."""
    held = list(row.values.get("labels") or [])
    is_denied = denied_to(device.user.pk, key.id) == "labels"
    if held and scenery.random.random() < 0.4:
        label = scenery.random.choice(held)
        wanted, ends = [each for each in held if each != label], not is_denied
    else:
        label = next(scenery.labels)
        wanted, ends = [*held, label], is_denied

    def note() -> None:
        if label in wanted:
            scenery.ledger.put(key, "labels", label)
        if ends:
            scenery.ledger.took(key, "labels", label)

    write(scenery, device, key, {"labels": wanted}, note)


def claim(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    """Want a code, or give it up."""
    code = None if row.values.get("code") and scenery.random.random() < 0.5 else _code(scenery)
    write(scenery, device, key, {"code": code}, _nothing)


def answer(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    """Have a memo answer another, which the server may not have, or answer none."""
    newest = scenery.newest.get(device.number)
    other: UUID | None = None
    if newest is not None and newest.model == MEMO and newest != key:
        other = newest.id
    write(scenery, device, key, {"answers": other}, _nothing)


def _code(scenery: Scenery) -> str:
    return f"c{scenery.random.randrange(CODES)}"


def _nothing() -> None:
    """Which of those who want a code has it, and who waits, the end asks the server."""
