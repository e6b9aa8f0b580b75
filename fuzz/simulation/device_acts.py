"""What people do on devices."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final
from uuid import UUID

from crdt import Replica, RowView
from crdt.messages import Key

from . import memo_acts, piece_acts
from .durably import durably, write
from .scenery import ACCOUNT, MEMO, Part, Scenery

__all__ = [
    "create",
    "delete",
    "edit",
    "edit_row",
    "row_on",
    "set_clock",
    "subscribe",
    "write_what_changes",
]

FIRST_MARK: Final = 0xF0000
"""Characters for private use, outside the basic plane: one for each insertion into a text."""

FAVOURITES: Final = 2
"""Rows that a device edits: so few that devices meet."""

NEWEST: Final = 0.2
"""How often it is instead the one that it made last, which the server may not have yet."""

MEMOS: Final = 0.3
"""How much of what is edited are memos."""

NEW_MEMOS: Final = 0.5
"""How much of what is made."""

FIELDS_AT_ONCE: Final = 4
"""Fields that one edit writes, at most."""

EDITS_AT_ONCE: Final = (1, 2, 4, 8)
"""Edits before somebody puts a device away again."""


def create(scenery: Scenery, device: Any) -> None:
    """A new row: a memo, or an account of some branch, also of one that the user is not in."""
    chance, replica = scenery.random, device.replica
    if MEMO not in replica.schemas:
        return
    pair = f"p{scenery.mark}"
    values: dict[str, Any]
    if chance.random() < NEW_MEMOS:
        label = MEMO
        values = {"left": pair, "right": pair, **memo_acts.beginnings(scenery, device)}
    else:
        branch = chance.choice(scenery.branches).pk
        label, values = ACCOUNT, {"left": pair, "right": pair, "branch": branch}

    def note() -> None:
        key = scenery.newest[device.number] = Key(label, scenery.last_id)
        if label == MEMO:
            memo_acts.made(scenery, device, key, pair)
        else:
            scenery.ledger.made(key)
            scenery.ledger.wrote(key, "left", pair)

    durably(scenery, device, lambda: replica.create(label, values), note)


def delete(scenery: Scenery, device: Any) -> None:
    """Delete a row, seldom: then nothing can be asked of it any more."""
    row = row_on(scenery, device)
    if row is not None:
        key, replica = Key(_label(row), row.id), device.replica
        removed = memo_acts.delete if key.model == MEMO else _removed

        def note() -> None:
            removed(scenery, device, key)
            scenery.observer.let_go(device, key)

        durably(scenery, device, lambda: replica.delete(key.model, key.id), note)


def edit(scenery: Scenery, device: Any) -> None:
    """Some of many edits of rows that are here; who edits mostly does so more than once."""
    for _ in range(scenery.random.choice(EDITS_AT_ONCE)):
        edit_row(scenery, device, row_on(scenery, device))


def edit_row(scenery: Scenery, device: Any, row: RowView | None) -> None:
    """One edit of a row, if it is there."""
    if row is not None:
        key = Key(_label(row), row.id)
        scenery.touched = device.user, key
        scenery.mark += 1
        scenery.clock.advance(scenery.random.choice((0, 1, 300)))
        act = scenery.random.choice(_MEMO if key.model == MEMO else _ACCOUNT)
        act(scenery, device, row, key)


def row_on(scenery: Scenery, device: Any) -> RowView | None:
    """One of the few rows that a device edits."""
    if MEMO not in device.replica.schemas:
        return None
    replica: Replica = device.replica
    newest = scenery.newest.get(device.number)
    if newest is not None and scenery.random.random() < NEWEST:
        return replica.get(*newest)
    label = MEMO if scenery.random.random() < MEMOS else ACCOUNT
    ids = list(islice(_ids(replica, label), FAVOURITES))
    return replica.get(label, scenery.random.choice(ids)) if ids else None


def set_clock(scenery: Scenery, device: Any) -> None:
    """The device's clock is wrong from now on, or right again."""
    before = device.skew_ms
    device.skew_ms = scenery.random.choice((0, 0, 3_600_000, -3_600_000, 90_000, 10**9))
    scenery.counts["clock wrong"] += device.skew_ms != 0
    if device.skew_ms != before:  # what it has not sent yet will be moved by as much
        scenery.ledger.clock_is_wrong(device.replica._shelf.pending)


def subscribe(scenery: Scenery, device: Any) -> None:
    """Ask for another part of what the user may see, or for all of it."""
    if MEMO not in device.replica.schemas:
        return
    branch = scenery.random.choice(scenery.branches).pk
    parts: tuple[Part, ...] = (
        None,
        {MEMO: {}},
        {ACCOUNT: {}},
        {MEMO: {}, ACCOUNT: {"branch": branch}},
        {MEMO: {}, ACCOUNT: {"colour": "g"}},
    )
    part = None if scenery.parts.get(device.number) else scenery.random.choice(parts)

    def note() -> None:
        scenery.parts[device.number] = part

    durably(scenery, device, lambda: device.replica.subscribe(part), note)


def write_what_changes(scenery: Scenery, device: Any) -> None:
    """Write the fields that the second release calls otherwise, or has no more."""
    row = row_on(scenery, device)
    if row is not None and _label(row) == ACCOUNT:
        key, title = Key(ACCOUNT, row.id), f"t{scenery.mark}"
        values = {"title": title, "motto": title}
        note = scenery.ledger.wrote
        write(scenery, device, key, values, lambda: note(key, "title", title))
        scenery.mark += 1


def _ids(replica: Replica, label: str) -> Iterator[UUID]:
    """The rows that are here, in order: to read all of them each time would take longest of all."""
    schema = replica.schemas[label]
    for sync_id, document in replica._shelf.documents(label):
        if document.entries and not schema.is_deleted(document):
            yield sync_id


def _label(row: RowView) -> str:
    return MEMO if row.model == MEMO else ACCOUNT


def _removed(scenery: Scenery, device: Any, key: Key) -> None:
    scenery.ledger.removed(key)


def _deposit(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    amount = scenery.random.choice((1, 5, 20, -3, -10))
    durably(
        scenery,
        device,
        lambda: device.replica.add(ACCOUNT, key.id, "balance", amount),
        lambda: scenery.ledger.added(key, "balance", amount),
    )


def _pair(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    pair = f"p{scenery.mark}"
    durably(
        scenery,
        device,
        lambda: device.replica.set(key.model, key.id, left=pair, right=pair),
        lambda: scenery.ledger.wrote(key, "left", pair),
    )


def _type(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    field = "notes" if key.model == ACCOUNT else "body"
    text = str(row.values.get(field) or "")
    start = scenery.random.randint(0, len(text))
    gone = min(scenery.random.choice((0, 0, 0, 1, 3)), len(text) - start)
    mark = chr(FIRST_MARK + scenery.mark)
    word = scenery.random.choice(("a", "é", "😀", "e\u0301", "")) + mark

    def note() -> None:
        scenery.ledger.put(key, field, mark)
        for letter in text[start : start + gone]:
            scenery.ledger.took(key, field, letter)

    replica = device.replica
    durably(
        scenery,
        device,
        lambda: replica.edit_text(key.model, key.id, field, start, gone, word),
        note,
    )


def _write(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    """Fields with another rule each, at once; some of what is written may not stand."""
    mark, schema = scenery.mark, device.replica.schemas[ACCOUNT]
    title = "title" if "title" in schema.fields else "headline"
    number = scenery.random.randint(1, 9_999)
    choices: list[tuple[str, Any]] = [
        (title, f"t{mark}"),
        ("nick", f"n{mark}"),
        ("claimed", f"c{mark}"),
        ("highest", number),
        ("lowest", number),
        ("frozen", scenery.random.random() < 0.5),
        ("colour", scenery.random.choice("rg?")),
        ("branch", scenery.random.choice(scenery.branches).pk),
    ]
    if "motto" in schema.fields:
        choices.append(("motto", f"o{mark}"))
    values = dict(scenery.random.sample(choices, scenery.random.randint(1, FIELDS_AT_ONCE)))
    written = {field: value for field, value in values.items() if row.values.get(field) != value}

    def note() -> None:
        for field, value in written.items():
            scenery.ledger.wrote(key, "title" if field == "headline" else field, value)

    write(scenery, device, key, values, note)


_MEMO: Final = (
    *(memo_acts.vote, memo_acts.vote, memo_acts.hang, memo_acts.claim, memo_acts.answer),
    *(_pair, _type),
)
_ACCOUNT: Final = (
    *(_deposit, _pair, _type, _write, _write),
    *(piece_acts.collect, piece_acts.collect, piece_acts.rearrange, piece_acts.plant),
)
