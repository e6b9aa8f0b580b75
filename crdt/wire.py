"""The header of every message: how it is written, and how it is read back.

One pair of functions for each kind of message, and a table of each. `crdt.frames` puts headers and
blobs together.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from .header import Fields
from .messages import (
    UPDATE_BYTES,
    Ack,
    Busy,
    Changes,
    Confirm,
    Fault,
    Hello,
    Item,
    Key,
    Leave,
    Limits,
    Listing,
    Mark,
    Message,
    Outcome,
    Outcomes,
    ParkedRow,
    Ping,
    Pong,
    Pull,
    Push,
    Refused,
    Renew,
    Renewed,
    Resend,
    Reverted,
    RevertedField,
    Subscribe,
    Subscribed,
    Verdict,
    Welcome,
)

__all__ = ["READERS", "WRITERS"]

# Writing: each gives the header and, where the message carries updates, the blobs.

_Written = tuple[dict[str, Any], "list[bytes] | None"]


def _keys(keys: Iterable[Key]) -> list[list[str]]:
    return [[model, str(identity)] for model, identity in keys]


def _items(items: tuple[Item, ...]) -> tuple[list[list[str]], list[bytes]]:
    return [[item.model, str(item.id)] for item in items], [item.data for item in items]


def _said(name: str, value: Any) -> dict[str, Any]:
    """A field that is left out where it says nothing."""
    return {} if value is None else {name: value}


def _marks(marks: Iterable[Mark]) -> dict[str, Any]:
    return _said("marks", [[mark.tag, mark.edits] for mark in marks] or None)


def _reverted(fields: Mapping[str, RevertedField]) -> dict[str, Any]:
    return {
        name: {"value": undone.value, "code": undone.code, "message": undone.message}
        for name, undone in fields.items()
    }


def _parked(parked: ParkedRow | None) -> dict[str, Any]:
    if parked is None:
        return {}
    told = {"code": parked.code, "message": parked.message, "fields": _reverted(parked.fields)}
    return {"parked": told | ({} if parked.into is None else {"into": str(parked.into)})}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    match verdict:
        case Resend(clock):
            return {"status": "resend", "clock": clock}
        case Refused(code, text, fields):
            said: dict[str, Any] = {"status": "refused", "code": code, "message": text}
            return said | ({"fields": _reverted(fields)} if fields else {})
        case Busy():
            return {"status": "busy"}
        case Reverted(fields, outcome, clock, parked):
            told = {"status": "ok", "reverted": _reverted(fields)} | _parked(parked)
            return told | {"outcome": outcome, "clock": clock}


def _write_hello(it: Hello) -> _Written:
    header: dict[str, Any] = {"type": "hello", "protocol": it.protocol, "replica": it.replica}
    header |= {"device": it.device, "token": it.token, "outcomes": it.outcomes}
    header |= _said("models", it.subscription) | _said("certificate", it.certificate)
    return header | _said("attempts", it.attempts or None) | _marks(it.marks), None


def _write_welcome(it: Welcome) -> _Written:
    header: dict[str, Any] = {"type": "welcome", "protocol": it.protocol, "epoch": it.epoch}
    header |= {"time": it.time, "user": it.user, "schemas": it.schemas, "scopes": it.scopes}
    limits = {"frame": it.limits.frame, "rows": it.limits.rows, "structs": it.limits.structs}
    if it.limits.update != UPDATE_BYTES:
        limits["update"] = it.limits.update
    header |= {"limits": limits, "poll": it.poll} | _said("expires_in", it.expires_in)
    return header | _said("certificate", it.certificate), None


def _write_renew(it: Renew) -> _Written:
    return {"type": "renew", "token": it.token}, None


def _write_renewed(it: Renewed) -> _Written:
    return {"type": "renewed", **_said("expires_in", it.expires_in)}, None


def _write_push(it: Push) -> _Written:
    keys, blobs = _items(it.items)
    header: dict[str, Any] = {"type": "push", "id": it.id, "epoch": it.epoch, "items": keys}
    seen = [item.seen for item in it.items]
    header |= {"seen": seen} if any(at is not None for at in seen) else {}
    return header | _marks(it.marks), blobs


def _write_ack(it: Ack) -> _Written:
    exceptions = {str(index): _verdict(verdict) for index, verdict in it.exceptions.items()}
    return {"type": "ack", "push": it.push, "count": it.count, "exceptions": exceptions}, None


def _write_outcomes(it: Outcomes) -> _Written:
    outcomes = [
        {
            "outcome": one.outcome,
            "model": one.model,
            "id": str(one.id),
            "clock": one.clock,
            "reverted": _reverted(one.fields),
            **_parked(one.parked),
        }
        for one in it.outcomes
    ]
    return {"type": "ack", "push": None, "outcomes": outcomes}, None


def _write_confirm(it: Confirm) -> _Written:
    return {"type": "ack", "outcomes": it.outcomes}, None


def _write_pull(it: Pull) -> _Written:
    header: dict[str, Any] = {"type": "pull", "id": it.id, "cursors": it.cursors}
    header["documents"] = _keys(it.documents)
    return header | ({"listings": it.listings} if it.listings else {}), None


def _write_changes(it: Changes) -> _Written:
    keys, blobs = _items(it.items)
    header: dict[str, Any] = {"type": "changes", "scope": it.scope, "from": it.start, "to": it.end}
    header |= {"more": it.more, "live": it.live, "pull": it.pull, "items": keys}
    header["leaves"] = _keys(it.leaves)
    return header | ({"listing": [*it.listing]} if it.listing else {}), blobs


def _write_subscribe(it: Subscribe) -> _Written:
    return {"type": "subscribe", "id": it.id, "models": it.subscription}, None


def _write_subscribed(it: Subscribed) -> _Written:
    return {"type": "subscribed", "id": it.id, "heads": it.heads}, None


def _write_leave(it: Leave) -> _Written:
    return {"type": "leave", "scope": it.scope}, None


def _write_ping(it: Ping) -> _Written:
    return {"type": "ping", "time": it.time}, None


def _write_pong(it: Pong) -> _Written:
    return {"type": "pong", "time": it.time, "heads": it.heads}, None


def _write_fault(it: Fault) -> _Written:
    header: dict[str, Any] = {"type": "error", "code": it.code, "message": it.message}
    header |= {"fatal": it.fatal, "push": it.push}
    header |= _said("shared", it.shared or None)
    return header | _said("doubtful", it.doubtful or None), None


WRITERS: Final[dict[type, Callable[[Any], _Written]]] = {
    Hello: _write_hello,
    Welcome: _write_welcome,
    Renew: _write_renew,
    Renewed: _write_renewed,
    Push: _write_push,
    Ack: _write_ack,
    Outcomes: _write_outcomes,
    Confirm: _write_confirm,
    Pull: _write_pull,
    Changes: _write_changes,
    Subscribe: _write_subscribe,
    Subscribed: _write_subscribed,
    Leave: _write_leave,
    Ping: _write_ping,
    Pong: _write_pong,
    Fault: _write_fault,
}


# Reading: each takes the header's fields, which check themselves.


def _read_hello(it: Fields) -> Message:
    return Hello(
        it.integer("replica"),
        it.text("device", ""),
        it.text_or_none("token"),
        it.integers("outcomes"),
        it.integer("protocol"),
        it.subscription("models"),
        it.text_or_none("certificate"),
        it.integers("attempts"),
        _read_marks(it),
    )


def _read_marks(it: Fields) -> tuple[Mark, ...]:
    return tuple(Mark(*pair) for pair in it.pairs("marks"))


def _read_welcome(it: Fields) -> Message:
    limits = it.inner("limits")
    return Welcome(
        it.text("epoch"),
        it.integer("time"),
        it.text("user"),
        it.objects("schemas"),
        it.positions("scopes"),
        _read_limits(limits),
        it.seconds("poll"),
        it.integer("protocol"),
        it.seconds_or_none("expires_in"),
        it.text_or_none("certificate"),
    )


def _read_limits(it: Fields) -> Limits:
    frame, rows, structs = it.bound("frame"), it.bound("rows"), it.bound("structs")
    return Limits(frame, rows, structs, it.bound("update") if "update" in it else UPDATE_BYTES)


def _read_renew(it: Fields) -> Message:
    return Renew(it.text("token"))


def _read_renewed(it: Fields) -> Message:
    return Renewed(it.seconds_or_none("expires_in"))


def _read_push(it: Fields) -> Message:
    return Push(it.integer("id"), it.text("epoch"), it.items(), _read_marks(it))


def _read_ack(it: Fields) -> Message:
    if "push" not in it:
        return Confirm(it.integers("outcomes"))
    if it.integer_or_none("push") is None:
        return Outcomes(tuple(_read_outcome(one) for one in it.inners("outcomes")))
    count = it.integer("count")
    exceptions = it.by_index("exceptions", count)
    verdicts = {index: _read_verdict(one) for index, one in exceptions.items()}
    return Ack(it.integer("push"), count, verdicts)


def _read_outcome(it: Fields) -> Outcome:
    key = it.key("model", "id")
    outcome, clock = it.integer("outcome"), it.integer("clock")
    return Outcome(outcome, *key, clock, _read_fields(it, "reverted"), _read_parked(it))


def _read_fields(it: Fields, name: str) -> dict[str, RevertedField]:
    return {
        field: RevertedField(undone.any("value"), undone.text("code"), undone.text("message"))
        for field, undone in it.by_name(name).items()
    }


def _read_parked(it: Fields) -> ParkedRow | None:
    if "parked" not in it:
        return None
    told = it.inner("parked")
    fields, into = _read_fields(told, "fields"), told.text_or_none("into")
    try:
        row = None if into is None else UUID(into)
    except ValueError:
        raise told.wrong("into", "a UUID") from None
    return ParkedRow(told.text("code"), told.text("message"), fields, row)


def _read_verdict(it: Fields) -> Verdict:
    match it.text("status"):
        case "resend":
            return Resend(it.clock("clock"))
        case "refused":
            fields = _read_fields(it, "fields") if "fields" in it else {}
            return Refused(it.text("code"), it.text("message"), fields)
        case "busy":
            return Busy()
        case "ok":
            fields = _read_fields(it, "reverted")
            return Reverted(fields, it.integer("outcome"), it.clock("clock"), _read_parked(it))
    raise it.wrong("status", '"resend", "refused", "busy" or "ok"')


def _read_pull(it: Fields) -> Message:
    listings = it.positions("listings") if "listings" in it else {}
    return Pull(it.integer("id"), it.positions("cursors"), it.keys("documents"), listings)


def _read_changes(it: Fields) -> Message:
    changes = Changes(
        it.text_or_none("scope"),
        it.integer("from"),
        it.integer("to"),
        it.flag("more"),
        it.flag("live"),
        it.integer_or_none("pull"),
        it.items(),
        it.keys("leaves"),
        _read_listing(it) if "listing" in it else None,
    )
    if changes.end < changes.start:
        raise it.wrong("to", 'at least "from"')
    return changes


def _read_listing(it: Fields) -> Listing:
    listing = it.integers("listing")
    if len(listing) != 2:
        raise it.wrong("listing", "two positions")
    return Listing(*listing)


def _read_subscribe(it: Fields) -> Message:
    return Subscribe(it.integer("id"), it.subscription("models"))


def _read_subscribed(it: Fields) -> Message:
    return Subscribed(it.integer("id"), it.positions("heads"))


def _read_leave(it: Fields) -> Message:
    return Leave(it.text("scope"))


def _read_ping(it: Fields) -> Message:
    return Ping(it.integer("time"))


def _read_pong(it: Fields) -> Message:
    return Pong(it.integer("time"), it.positions("heads"))


def _read_fault(it: Fields) -> Message:
    push = it.integer_or_none("push")
    shared, doubtful = it.integers("shared"), it.integers("doubtful")
    return Fault(it.text("code"), it.text("message"), it.flag("fatal"), push, shared, doubtful)


READERS: Final[dict[str, Callable[[Fields], Message]]] = {
    "hello": _read_hello,
    "welcome": _read_welcome,
    "renew": _read_renew,
    "renewed": _read_renewed,
    "push": _read_push,
    "ack": _read_ack,
    "pull": _read_pull,
    "changes": _read_changes,
    "subscribe": _read_subscribe,
    "subscribed": _read_subscribed,
    "leave": _read_leave,
    "ping": _read_ping,
    "pong": _read_pong,
    "error": _read_fault,
}
