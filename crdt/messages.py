"""The messages of the wire, as values.

One frozen class per kind of message. `crdt.frames` turns them into bytes and back; what each is
for, and who sends it, stands in its docstring ("c" is a client, "s" the server).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

__all__ = [
    "PROTOCOL",
    "UPDATE_BYTES",
    "Ack",
    "Busy",
    "Changes",
    "Confirm",
    "Fault",
    "Hello",
    "Item",
    "Key",
    "Leave",
    "Limits",
    "Listing",
    "Mark",
    "Message",
    "Outcome",
    "Outcomes",
    "ParkedRow",
    "Ping",
    "Pong",
    "Pull",
    "Push",
    "Refused",
    "Renew",
    "Renewed",
    "Resend",
    "Reverted",
    "RevertedField",
    "Subscribe",
    "Subscribed",
    "Subscription",
    "Verdict",
    "Welcome",
]

PROTOCOL: Final = 1
"""The version of the wire that this code speaks; named in `hello` and `welcome`."""


UPDATE_BYTES: Final = 256 << 10
"""Bytes of an update where `welcome` says nothing of them."""


class Key(NamedTuple):
    """Which document: the model's label ("todo.task") and the row's `sync_id`."""

    model: str
    id: UUID


class Item(NamedTuple):
    """A document and an update of it (Yjs update v1).

    `seen` is said in a push of a document that the server has, or may have: up to which position of
    the feed the pusher knows what became of it. Should the server have purged it since, it answers
    "gone", and does not take the update for a new row.
    """

    model: str
    id: UUID
    data: bytes
    seen: int | None = None

    @property
    def key(self) -> Key:
        """The document's key."""
        return Key(self.model, self.id)


class Listing(NamedTuple):
    """A complete listing of a scope, from position 0, for a client whose cursor is older than
    `purged`: up to there the feed has forgotten which rows were deleted, and which left.

    `head` was the scope's when the listing began. What the client holds under the scope, and the
    listing did not name by its last page, is gone.
    """

    purged: int
    head: int


class Mark(NamedTuple):
    """A stretch of edits in one store: a random number, and how many edits were made under it.

    A copy of a store has the same marks as the store, and from then on each has its own.
    """

    tag: int
    edits: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What one frame may hold: bytes in all, rows in a push, structs and bytes in an update."""

    frame: int
    rows: int
    structs: int
    update: int = UPDATE_BYTES


@dataclass(frozen=True, slots=True)
class RevertedField:
    """What the server undid in one field: the value as it travels, and why."""

    value: Any
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """Why a row is not there yet although it is durable. `into` names the row that took it in,
    where there is one; then it never will be.
    """

    code: str
    message: str
    fields: Mapping[str, RevertedField]
    into: UUID | None = None


@dataclass(frozen=True, slots=True)
class Resend:
    """A verdict: the server knows the pusher's replica up to `clock`; send again from there."""

    clock: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A verdict: nothing of the update was taken, and sending it again would not help.

    The code "gone" says that the row was deleted, so long ago that its document was purged: the
    client drops the row, and keeps aside what it had not pushed. Where it names `fields`, without
    values, these alone are to blame: the client pushes the others again without them.
    """

    code: str
    message: str
    fields: Mapping[str, RevertedField] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Busy:
    """A verdict: somebody else held the row; send the same again a little later."""


@dataclass(frozen=True, slots=True)
class Reverted:
    """A verdict: merged, but some fields were undone, or the row is not there yet. `outcome` is
    repeated until confirmed; `clock` is the pusher's clock after the update.
    """

    fields: Mapping[str, RevertedField]
    outcome: int
    clock: int
    parked: ParkedRow | None = None


Verdict = Resend | Refused | Busy | Reverted
"""What became of a pushed update that was not simply merged."""


Subscription = Mapping[str, Mapping[str, Sequence[Any]]]
"""Which rows a client wants: models by their labels, and of each the values, as they travel, that a
field must have one of. A model without fields is wanted whole."""


@dataclass(frozen=True, slots=True)
class Hello:
    """c: the first message. `outcomes` confirms those that the client has stored. `subscription` is
    what it wants of what its user may see; `None` stands for everything.

    `certificate` is what the last welcome gave; `attempts` has a random number for this hello, and
    before it those of earlier ones that got no welcome; `marks` are those under which edits wait.
    """

    replica: int
    device: str = ""
    token: str | None = None
    outcomes: tuple[int, ...] = ()
    protocol: int = PROTOCOL
    subscription: Subscription | None = None
    certificate: str | None = None
    attempts: tuple[int, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Welcome:
    """s: the client is signed in. `time` is the server's clock in milliseconds since 1970,
    `scopes` maps what the user may see to its head, `poll` is in seconds. In `expires_in` seconds
    the sign-in ends, unless it is renewed; None where it has no end of its own.
    `certificate` is for the next hello.
    """

    epoch: str
    time: int
    user: str
    schemas: tuple[Mapping[str, Any], ...]
    scopes: Mapping[str, int]
    limits: Limits
    poll: float
    protocol: int = PROTOCOL
    expires_in: float | None = None
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class Renew:
    """c: another token of the same user, for a sign-in that is about to end."""

    token: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """s: the token was taken; `expires_in` as in `welcome`."""

    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """c: what this client's replica wrote, at most one update per document. `marks` are those of
    its edits that this connection did not tell yet.
    """

    id: int
    epoch: str
    items: tuple[Item, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Ack:
    """s: push `push` is done; items whose index is not in `exceptions` are merged and durable."""

    push: int
    count: int
    exceptions: Mapping[int, Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A stored verdict about a push of an earlier connection."""

    outcome: int
    model: str
    id: UUID
    clock: int
    fields: Mapping[str, RevertedField]
    parked: ParkedRow | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """s: outcomes that the client has not confirmed yet."""

    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Confirm:
    """c: these outcomes are stored here; they need not be repeated."""

    outcomes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pull:
    """c: send what changed in each scope since the cursor, and `documents` whole.

    `listings` has the `head` of each listing that broke off and is to go on at the cursor. The
    server begins anew where it purged something behind that head meanwhile.
    """

    id: int
    cursors: Mapping[str, int]
    documents: tuple[Key, ...] = ()
    listings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """s: what changed in `scope` between the positions `start` and `end`.

    A page of a pull holds whole states, a live message the deltas since `start`. `more` says
    that further changes wait: in pages of the same pull, or, if live, for a pull to ask for. A
    `scope` of `None` answers a request for documents. A page of a `listing` that starts at 0 begins
    it; the first page with nothing more behind it, with a `listing` or without, ends it.
    """

    scope: str | None
    start: int
    end: int
    more: bool = False
    live: bool = False
    pull: int | None = None
    items: tuple[Item, ...] = ()
    leaves: tuple[Key, ...] = ()
    listing: Listing | None = None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """c: from here on send this part of what the user may see; `None` stands for everything.

    Nothing is sent again for it: a client that wants more than before pulls from the beginning.
    """

    id: int
    subscription: Subscription | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """s: what follows goes by the subscription with this `id`; `heads` as in a pong."""

    id: int
    heads: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Leave:
    """s: the client may no longer see `scope`."""

    scope: str


@dataclass(frozen=True, slots=True)
class Ping:
    """c: are you there, and what are the heads? `time` is the client's own and comes back.

    s: have you read up to here? `time` is a number that the client brings back.
    """

    time: int


@dataclass(frozen=True, slots=True)
class Pong:
    """s: answers a ping with the head of every scope.

    c: answers a ping, with no heads: what came before that was read.
    """

    time: int
    heads: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Fault:
    """s: something the client sent was refused; `fatal` if the connection ends by it.

    With the code "replica_taken": which of the client's marks a store has that uses the same id,
    `shared` with all that was edited under them here, `doubtful` with some of it at most.
    """

    code: str
    message: str
    fatal: bool = False
    push: int | None = None
    shared: tuple[int, ...] = ()
    doubtful: tuple[int, ...] = ()


Message = (
    Hello
    | Welcome
    | Renew
    | Renewed
    | Push
    | Ack
    | Outcomes
    | Confirm
    | Pull
    | Changes
    | Subscribe
    | Subscribed
    | Leave
    | Ping
    | Pong
    | Fault
)
"""Everything that can be in a frame."""
