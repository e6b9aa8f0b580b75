"""What a replica stores, and under which keys.

    state                        identity, cursors, clock offset, the server's epoch (`Standing`)
    schemas                      the schemas as the server described them
    meta/<model>/<id>            what is known of a document besides its content (`Record`)
    doc/<model>/<id>/a           its confirmed content: a snapshot,
    doc/<model>/<id>/b<number>   confirmed updates since the snapshot,
    doc/<model>/<id>/c<number>   pushes in flight, each with the clock it ends at,
    doc/<model>/<id>/d<number>   edits that were never sent
    todo/<model>/<id>            the document has edits to push; the value orders them
    want/<model>/<id>            the document has to be fetched whole
    parked/<model>/<id>          why the row is not there yet on the server
    aside/<reason>/...           an edit that did not stand (`Kept`)
    confirm/<outcome>            an outcome that the server may forget
    mark/<number>                a mark under which something was edited that waits here

Laws:

1. What lies under `b` was merged by the server; `a` + `b` + `c` + `d` is what the app sees.
2. Bytes under `c` may have left the device and are never changed; bytes under `d` have not.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Self
from uuid import UUID

import orjson

from .events import Kept, KeptField, Parked
from .made import Made
from .messages import Key

__all__ = [
    "ASIDE",
    "CONFIRM",
    "COPIED",
    "MARK",
    "META",
    "PARKED",
    "SCHEMAS",
    "STATE",
    "TODO",
    "WANT",
    "Record",
    "Standing",
    "document_prefix",
    "document_tail",
    "kept_from_bytes",
    "kept_to_bytes",
    "key_under",
    "model_prefix",
    "name_under",
    "parked_from_bytes",
    "parked_to_bytes",
]

STATE: Final = "state"
SCHEMAS: Final = "schemas"
META: Final = "meta/"
TODO: Final = "todo/"
WANT: Final = "want/"
PARKED: Final = "parked/"
ASIDE: Final = "aside/"
COPIED: Final = "aside/copied/"
CONFIRM: Final = "confirm/"
MARK: Final = "mark/"


def name_under(prefix: str, key: Key) -> str:
    """Where `prefix` keeps what belongs to a document."""
    return f"{prefix}{key.model}/{key.id.hex}"


def key_under(prefix: str, name: str) -> Key:
    """The document whose name under `prefix` is `name`."""
    model, _, identity = name[len(prefix) :].partition("/")
    return Key(model, UUID(identity))


def model_prefix(model: str) -> str:
    """Where the documents of a model lie."""
    return f"doc/{model}/"


def document_prefix(key: Key) -> str:
    """Where the parts of a document lie."""
    return f"doc/{key.model}/{key.id.hex}/"


def document_tail(model: str, name: str) -> tuple[str, str]:
    """The document's id in hexadecimal and the part ("a", "b0000001", ...) that `name` names."""
    identity, _, part = name[len(model_prefix(model)) :].partition("/")
    return identity, part


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one document besides its content.

    `acked`: own clocks below it are durable on the server. `sent`: own clocks below it may have
    left the device or were used and withdrawn; they are never used again. `void`: own clocks
    below it that are not acked say nothing, and need no push of their own. `epoch` is the
    server's at the last time it confirmed the document. `rebase`: the server knows less or more
    of us than it should; the next whole state from it replaces ours, and what it lacks is pushed
    again. Under the scopes in `doubtful` the row is held, but a complete listing under way has not
    named it yet. `since` is how far the feed had got when the first push of a new row left. `made`
    has the marks of what is not acked: each with the own clock from which on it is that of edits.
    `flown`: before this millisecond lie the stamps of what was on its way when the row was dropped;
    it may arrive yet, and what is edited from then on is later.
    """

    scopes: frozenset[str] = frozenset()
    acked: int = 0
    sent: int = 0
    void: int = 0
    epoch: str | None = None
    rebase: bool = False
    doubtful: frozenset[str] = frozenset()
    since: int = 0
    made: Made = ()
    flown: int = 0

    def to_bytes(self) -> bytes:
        """The record as JSON."""
        clocks = [self.acked, self.sent, self.void]
        record = [sorted(self.scopes), clocks, self.epoch, self.rebase]
        if self.doubtful or self.since or self.made or self.flown:
            record += [sorted(self.doubtful), self.since, self.made, self.flown]
        return orjson.dumps(record)

    @classmethod
    def from_bytes(cls, data: bytes | None) -> Self:
        """Read what `to_bytes` gave; nothing gives the record of an unknown document."""
        if data is None:
            return cls()
        scopes, (acked, sent, void), epoch, rebase, *rest = orjson.loads(data)
        doubtful, since, *late = rest or ((), 0)
        made = tuple((tag, clock) for tag, clock in late[0]) if late else ()
        flown = late[1] if late[1:] else 0
        known = acked, sent, void, epoch, rebase
        return cls(frozenset(scopes), *known, frozenset(doubtful), since, made, flown)


@dataclass(frozen=True, slots=True)
class Standing:
    """Who this replica is, and how far it has got with the server.

    `offset` is what to add to the local clock, in milliseconds, or `None` before the server ever
    told the time. `catching_up` is set from a change of epoch until every scope was read anew;
    `before` are the cursors of the earlier epoch. `listings` has, for each scope that is being
    listed completely, its head when that began. `subscription` is what the app wants of what its
    user may see, as it travels; `None` stands for everything.
    `certificate` is what the last welcome gave for the next hello; `attempts` are the numbers of
    hellos that got no welcome. `heard` is the server's time, in milliseconds, as the last welcome
    told it.
    """

    replica: int
    device: str
    user: str | None = None
    epoch: str | None = None
    offset: int | None = None
    catching_up: bool = False
    cursors: dict[str, int] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    listings: dict[str, int] = field(default_factory=dict)
    subscription: dict[str, dict[str, list[Any]]] | None = None
    certificate: str | None = None
    attempts: tuple[int, ...] = ()
    heard: int = 0

    def to_bytes(self) -> bytes:
        """The standing as JSON."""
        return orjson.dumps(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave."""
        loaded = orjson.loads(data)
        return cls(**loaded | {"attempts": tuple(loaded.get("attempts", ()))})


def kept_to_bytes(kept: Kept) -> bytes:
    """An edit that did not stand, as JSON, with its values as they travel."""
    fields = {name: [one.value, one.code, one.message] for name, one in kept.fields.items()}
    head = [kept.reason, kept.model, str(kept.id), kept.at, kept.code, kept.message]
    return orjson.dumps([*head, fields])


def kept_from_bytes(key: str, data: bytes) -> Kept:
    """Read what `kept_to_bytes` gave; values are still as they travel."""
    loaded: list[Any] = orjson.loads(data)
    reason, model, identity, at, code, message, fields = loaded
    values = {name: KeptField(*one) for name, one in fields.items()}
    return Kept(key, reason, model, UUID(identity), at, code, message, values)


def parked_to_bytes(parked: Parked) -> bytes:
    """Why a row is not there yet, as JSON, with values as they travel."""
    fields = {name: [one.value, one.code, one.message] for name, one in parked.fields.items()}
    return orjson.dumps([parked.code, parked.message, fields])


def parked_from_bytes(key: Key, data: bytes) -> Parked:
    """Read what `parked_to_bytes` gave; values are still as they travel."""
    code, message, fields = orjson.loads(data)
    values = {name: KeptField(*one) for name, one in fields.items()}
    return Parked(*key, code, message, values)
