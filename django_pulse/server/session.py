"""The server's side of one connection, as a state machine without I/O.

Every entry point is a generator of *steps*: frames to send, work to do in a thread, groups of
the channel layer to join. Whoever drives it performs each step and sends the result back in (or
throws the exception of failed work). So the protocol runs the same under a WebSocket, under an
HTTP request and in a test without an event loop.

Laws:

1. Nothing is read, merged or told before `hello` has been answered by `welcome`.
2. What a client may send is a table of state and message; its own words never name code.
3. A connection joins a scope's group before it reads the scope's head, so that what is not in the
   head arrives live.
4. Whatever a client sends, or a service raises, is answered by an error frame. It ends the
   connection only where the two sides could not go on.
5. Whoever may no longer be served is noticed at the next push, pull, ping or timer, and an end of
   the sign-in that is known beforehand when it comes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from crdt.errors import RemoteFault, TooLarge
from crdt.frames import decode, encode
from crdt.messages import (
    Ack,
    Changes,
    Confirm,
    Fault,
    Hello,
    Item,
    Key,
    Leave,
    Message,
    Outcome,
    Outcomes,
    Ping,
    Pong,
    Pull,
    Push,
    Renew,
    Renewed,
    Subscribe,
    Subscribed,
    Welcome,
)

from ..sign_in.auth import GONE
from .answers import batches, fault_message, item_of, limits_of, outcome, parts, verdict
from .endings import ending_of
from .greeting import check_hello
from .steps import Close, CloseCode, Join, Part, Send, Step, Steps, ask
from .wanted import Wanted

if TYPE_CHECKING:
    from ..changefeed.pages import Change, Heads
    from ..sign_in.auth import Handshake, SignIn
    from ..writes import ItemResult
    from .bounds import Bounds
    from .services import Services

__all__ = ["Session", "State"]

logger = logging.getLogger(__name__)


class State(Enum):
    """Where the conversation stands."""

    NEW = auto()
    READY = auto()
    CLOSED = auto()


_INTERNAL = "Something failed on the server. Nothing of this message is lost: send it again later."


class Session:
    """One connection. Its messages are handled one after another."""

    __slots__ = (
        "_access",
        "_answered",
        "_asked",
        "_bounds",
        "_handshake",
        "_replica",
        "_services",
        "_signed",
        "_subset",
        "checks",
        "scopes",
        "state",
    )

    def __init__(self, services: Services, handshake: Handshake, bounds: Bounds) -> None:
        self._services = services
        self._handshake = handshake
        self._bounds = bounds
        self._signed: SignIn | None = None
        self._replica = 0
        self._subset = Wanted(services)
        self._access: dict[str, int] = {}
        # Two tasks may ask at the same time who reads what: whoever asked last knows best.
        self._asked = self._answered = 0
        self.state = State.NEW
        self.scopes: frozenset[str] = frozenset()
        #: How often the user was found to be in good standing.
        self.checks = 0

    @property
    def seconds_left(self) -> float | None:
        """How long the sign-in lasts; None where it has no end of its own, or there is none yet."""
        return None if self._signed is None else self._signed.seconds_left

    # Entry points

    def receive(self, frame: bytes) -> Steps:
        """Answer a binary frame."""
        if self.state is State.CLOSED:
            return
        try:
            message = decode(frame, self._bounds.frame_bytes)
        except RemoteFault as fault:
            yield Send(encode(Fault(fault.code, str(fault))))
            return
        push = message.id if isinstance(message, Push) else None
        yield from self._guarded(self._handle(message), push)

    def receive_text(self, text: str) -> Steps:
        """Answer a text frame: here it is out of place."""
        if self.state is State.CLOSED:
            return
        message = "This connection speaks the binary protocol: open another one for text."
        yield Send(orjson.dumps({"type": "error", "code": "protocol", "message": message}).decode())

    def relay(self, scope: str, frame: bytes, access: int = 0) -> Steps:
        """Pass on a live frame that came for `scope`, if the client still reads that.

        Where the count of changes of who does is another than when this was last asked, it is asked
        again.
        """
        if not self._reads(scope):
            return
        if access != self._access.get(scope, 0):
            asked = self._asked
            yield from self.check()
            if self._answered <= asked:
                return  # nobody could say; the client will pull
            self._access[scope] = access
        wanted = self._subset.live(scope, frame) if self._reads(scope) else None
        if wanted is not None:
            yield Send(wanted)

    def check(self, ended: str = "") -> Steps:
        """Find out whether the user may still be served, and what he reads now.

        `ended` is the name of a session that ends just now.
        """
        if self.state is State.READY:
            yield from self._guarded(self._tell_news(ended), None)

    def expire(self) -> Steps:
        """End a connection whose hello did not come in time."""
        self.state = State.CLOSED
        yield Close(CloseCode.TOO_SLOW, "No hello came in time.")

    # The table

    def _handle(self, message: Message) -> Steps:
        handler = self._TABLE[self.state].get(type(message))
        if handler is None:
            raise RemoteFault(_out_of_place(self.state, message), code="protocol")
        yield from handler(self, message)

    def _hello(self, hello: Hello) -> Steps:
        check_hello(hello)
        signed, heads, certificate = yield from ask(self._admit, hello)
        if signed.is_anonymous:
            # Whoever writes nothing needs no replica id, and may not name another's.
            hello = replace(hello, replica=0, outcomes=())
        scopes = frozenset(heads)
        yield Join(scopes | {self._services.user_channel(signed.user)})
        welcome, outcomes = yield from ask(self._open, signed, hello, certificate)
        new = frozenset(welcome.scopes) - scopes
        if new:
            yield Join(new)
        self._signed, self._replica = signed, hello.replica
        self.scopes = frozenset(welcome.scopes)
        yield from ask(self._subset.become, hello.subscription, self.scopes)
        # As they were before it was asked, for the second time, who reads what.
        self._access = {scope: heads.access.get(scope, 0) for scope in scopes & self.scopes}
        self.state = State.READY
        self.checks += 1
        yield Send(encode(welcome))
        for batch in batches(outcomes, self._bounds.page_rows):
            yield Send(encode(Outcomes(batch)))

    def _renew(self, renew: Renew) -> Steps:
        self._signed = yield from ask(self._services.renew, self._known(), renew.token)
        self.checks += 1
        yield Send(encode(Renewed(self.seconds_left)))

    def _push(self, push: Push) -> Steps:
        if len(push.items) > self._bounds.push_rows:
            raise TooLarge(
                f"A push of {len(push.items)} rows is over the limit of {self._bounds.push_rows}."
            )
        results = yield from ask(self._commit, push)
        verdicts = {index: verdict(result) for index, result in enumerate(results)}
        exceptions = {index: said for index, said in verdicts.items() if said is not None}
        yield Send(encode(Ack(push.id, len(push.items), exceptions)))

    def _pull(self, pull: Pull) -> Steps:
        heads = yield from self._refresh()
        for scope, cursor in pull.cursors.items():
            if scope in self.scopes:
                yield from self._pages(pull, scope, cursor, heads.get(scope, 0))
            else:
                yield Send(encode(Leave(scope)))
        if pull.documents:
            yield from self._documents(pull)

    def _ping(self, ping: Ping) -> Steps:
        heads = yield from self._refresh()
        yield Send(encode(Pong(ping.time, heads)))

    def _subscribe(self, asked: Subscribe) -> Steps:
        yield from ask(self._subset.become, asked.subscription, self.scopes)
        heads = yield from self._refresh()
        yield Send(encode(Subscribed(asked.id, heads)))

    def _confirm(self, confirm: Confirm) -> Steps:
        yield from ask(self._services.confirm, self._replica, confirm.outcomes)

    _TABLE: ClassVar[Mapping[State, Mapping[type, Callable[[Session, Any], Steps]]]] = {
        State.NEW: {Hello: _hello},
        State.READY: {
            Push: _push,
            Pull: _pull,
            Ping: _ping,
            Confirm: _confirm,
            Renew: _renew,
            Subscribe: _subscribe,
        },
        State.CLOSED: {},
    }

    # Work: these run in a thread, while the connection waits, and change nothing of the session

    def _admit(self, hello: Hello) -> tuple[SignIn, Heads, str | None]:
        signed = self._services.sign_in(self._handshake, hello.token)
        certificate = None
        if not signed.is_anonymous:
            certificate = self._services.claim_replica(signed.user, hello)
            self._services.admit_of(signed.user)
        return signed, self._services.scope_heads(signed.user), certificate

    def _open(
        self, signed: SignIn, hello: Hello, certificate: str | None
    ) -> tuple[Welcome, list[Outcome]]:
        services, bounds = self._services, self._bounds
        if hello.outcomes:
            services.confirm(hello.replica, hello.outcomes)
        welcome = Welcome(
            epoch=services.epoch(),
            time=services.now(),
            user="" if signed.is_anonymous else str(signed.user.pk),
            schemas=services.schemas(),
            scopes=services.scope_heads(signed.user),
            limits=limits_of(bounds),
            poll=bounds.poll_seconds,
            expires_in=signed.seconds_left,
            certificate=certificate,
        )
        return welcome, [outcome(one) for one in services.outcomes(hello.replica)]

    def _commit(self, push: Push) -> Sequence[ItemResult]:
        user = self._services.current_user(self._known())
        if push.epoch != self._services.epoch():
            raise RemoteFault(
                "This push is for another epoch of the database: connect again.", code="epoch"
            )
        if push.marks:
            self._services.note_marks(self._replica, push.marks)
        return self._services.push(user, self._replica, push.items)

    def _current_heads(self) -> dict[str, int]:
        return self._services.scope_heads(self._services.current_user(self._known()))

    def _wanted(self, keys: Sequence[Key]) -> tuple[Sequence[Change], Sequence[Key]]:
        user = self._services.current_user(self._known())
        return self._subset.documents(self._services.documents(user, keys))

    def _known(self) -> SignIn:
        assert self._signed is not None, "only a session that is ready asks this"
        return self._signed

    # Parts of answers

    def _tell_news(self, ended: str) -> Steps:
        """Tell the client of scopes that it may read from now on, and of those it may no more."""
        if ended and self._known().ends_with(ended):
            raise RemoteFault(GONE, code="unauthenticated")
        before = self.scopes
        heads = yield from self._refresh()
        if heads.keys() - before:
            yield Send(encode(Pong(0, heads)))

    def _refresh(self) -> Generator[Step, Any, dict[str, int]]:
        """The heads of what the user may read now; leaves what they no longer may."""
        self._asked += 1
        mine = self._asked
        heads = yield from ask(self._current_heads)
        if mine < self._answered:
            return {scope: head for scope, head in heads.items() if scope in self.scopes}
        self._answered = mine
        self.checks += 1
        gained, lost = heads.keys() - self.scopes, self.scopes - heads.keys()
        self.scopes = frozenset(heads)
        if gained and not self._subset.is_all:
            yield from ask(self._subset.look_at, self.scopes)
        if gained:
            yield Join(frozenset(gained))
            yield from ask(self._services.admit_of, self._known().user)
        if lost:
            yield Part(lost)
        for scope in sorted(lost):
            yield Send(encode(Leave(scope)))
        return heads

    def _pages(self, pull: Pull, scope: str, cursor: int, head: int) -> Steps:
        """Everything in `scope` past `cursor` that the client wants, a page at a time."""
        rows, begun = self._bounds.page_rows, pull.listings.get(scope, -1)
        for _ in range(self._bounds.pages):
            page = yield from ask(self._subset.page, scope, cursor, rows, begun, head)
            cursor = min(cursor, page.start)  # a listing starts at 0
            begun = page.listing.head if page.listing else begun
            if page.more and page.end <= cursor:
                raise RuntimeError(f"The feed stands still at position {cursor}.")
            items = tuple(item_of(change) for change in page.items)
            leaves = tuple(Key(model, sync_id) for model, sync_id in page.leaves)
            ends = scope, page.start, page.end, page.more, False, pull.id
            yield Send(encode(Changes(*ends, items, leaves, page.listing)))
            if not page.more:
                return
            cursor = page.end

    def _documents(self, pull: Pull) -> Steps:
        """The documents asked for, whole; those the user may not see are left out in silence, those
        that the client does not want are named.
        """
        pending: tuple[Item, ...] = ()
        outside: list[Key] = []
        for keys in batches(pull.documents, self._bounds.page_rows):
            found, unwanted = yield from ask(self._wanted, keys)
            outside += unwanted
            for part in parts(found, self._bounds.page_bytes):
                if pending:
                    yield Send(encode(Changes(None, 0, 0, True, pull=pull.id, items=pending)))
                pending = part
        last = Changes(None, 0, 0, pull=pull.id, items=pending, leaves=tuple(outside))
        yield Send(encode(last))

    def _reads(self, scope: str) -> bool:
        return self.state is State.READY and scope in self.scopes

    # Faults

    def _guarded(self, steps: Generator[Step, Any, Any], push: int | None) -> Steps:
        """Run `steps`; whatever they raise becomes an answer."""
        try:
            yield from steps
        except RemoteFault as fault:
            yield from self._refuse(fault, push)
        except Exception:
            logger.exception("Answering a message failed.")
            yield from self._refuse(RemoteFault(_INTERNAL, code="internal"), push)

    def _refuse(self, fault: RemoteFault, push: int | None) -> Steps:
        ending = ending_of(fault.code, is_new=self.state is State.NEW)
        yield Send(encode(fault_message(fault, ending is not None, push)))
        if ending is not None:
            self.state = State.CLOSED
            yield Close(*ending)


def _out_of_place(state: State, message: Message) -> str:
    if isinstance(message, Hello):
        return "Say hello once only: this connection is open already."
    if isinstance(message, Push | Pull | Ping | Confirm | Renew):
        return "Say hello first: nothing is answered before it."
    return f"A {type(message).__name__.lower()} is for the server to send."
