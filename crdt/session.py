"""One connection after another: hello, welcome, and who takes which message.

Laws:

1. Before `welcome` nothing is sent but `hello`, and nothing is taken but `welcome` and `error`.
2. The local clock is corrected by what `welcome` told. Edits that were never sent move along where
   they can have been made then: after the welcome before this one, and not later than now.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from .copied import take_new_identity
from .downlink import Downlink
from .errors import LocalFault, RemoteFault
from .events import Connected, Event, Failed, SignInRenewed, Synced
from .frames import decode, encode
from .messages import (
    PROTOCOL,
    Ack,
    Changes,
    Confirm,
    Fault,
    Hello,
    Leave,
    Limits,
    Message,
    Outcomes,
    Ping,
    Pong,
    Renew,
    Renewed,
    Subscribed,
    Subscription,
    Welcome,
)
from .restamping import OFFSET_MOVED, restamp
from .shelf import Shelf
from .subscribing import Subscribing, relist
from .uplink import Uplink

__all__ = ["Session"]

MAX_ATTEMPTS: Final = 100
"""Hellos without a welcome that are remembered: so many in a row may be lost on their way before
one whose welcome was lost is taken for that of a copy.
"""

_BROKEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading nonsense may raise; a store's own errors are none of these."""


class Session:
    """The replica's side of its connections."""

    def __init__(self, shelf: Shelf, now: Callable[[], int]) -> None:
        self._shelf = shelf
        self._now = now
        self._uplink = Uplink(shelf)
        self._downlink = Downlink(shelf, self._uplink)
        self._subscribing = Subscribing(shelf)
        self._limits = Limits(1, 1, 1)
        self.poll_seconds = 15.0
        self._forget()

    def _forget(self) -> None:
        self._hello: Hello | None = None
        self._greeted = 0
        self._is_welcome = False
        self._was_in_sync = False
        self._unsaid: list[Event] = []
        self._said: set[int] = set()
        self._read_up_to: list[int] = []

    def time(self) -> int:
        """Milliseconds since 1970, by the server's clock as far as it is known."""
        return max(self._now() + (self._shelf.standing.offset or 0), 0)

    @property
    def is_in_sync(self) -> bool:
        """Is everything from here durable there, and everything from there here?"""
        idle = self._uplink.is_idle and self._downlink.is_idle and self._subscribing.is_settled
        return self._is_welcome and idle and not self._shelf.pending

    @property
    def retry_after(self) -> float | None:
        """Seconds after which to call `retry`; `None` if nothing waits for it."""
        return self._uplink.retry_after

    def retry(self) -> None:
        """Try rows again that were busy."""
        self._uplink.retry()

    def edited(self) -> None:
        """Something was written here."""
        self._was_in_sync = False

    def subscribe(self, subscription: Subscription | None) -> None:
        """Want this part of what the user may see; asking for the same again is no change."""
        standing = self._shelf.standing
        wanted = _stored(subscription)
        if wanted == standing.subscription:
            return
        self._shelf.stand(replace(standing, subscription=wanted))
        if not standing.catching_up:
            relist(self._shelf)
            self._downlink.pause()
        self.edited()

    # Sending

    def connected(self, token: str | None) -> bytes:
        """A connection is open: the first frame."""
        self.disconnected()
        shelf = self._shelf
        with shelf.changing():
            attempts = (*shelf.standing.attempts, shelf.random())[-MAX_ATTEMPTS:]
            shelf.stand(replace(shelf.standing, attempts=attempts))
        standing = shelf.standing
        self._greeted = self._now()
        self._hello = Hello(
            standing.replica,
            standing.device,
            token,
            tuple(shelf.unconfirmed),
            subscription=self._subscribing.hello(),
            certificate=standing.certificate,
            attempts=standing.attempts,
            marks=shelf.marks.tell(),
        )
        return encode(self._hello)

    def disconnected(self) -> None:
        """The connection is gone."""
        self._forget()
        self._uplink.reset()
        self._downlink.reset()
        self._subscribing.reset()

    def ping(self) -> bytes:
        """A ping."""
        self._downlink.pinged()
        return encode(Ping(max(self._now(), 0)))

    def renew(self, token: str) -> bytes:
        """Another token, for the connection that stands."""
        return encode(Renew(token))

    def outgoing(self) -> list[bytes]:
        """The frames to send now."""
        if not self._is_welcome:
            return []
        found: list[Message] = [Pong(time, {}) for time in self._read_up_to]
        self._read_up_to.clear()
        news = tuple(self._shelf.unconfirmed.keys() - self._said)
        if news:
            found.append(Confirm(news))
            self._said.update(news)
        with self._shelf.changing():
            pushes, failures = self._uplink.pushes(self._limits, self._downlink.position)
        self._uplink.sent(pushes)
        self._unsaid += failures
        found += pushes
        subscribe = self._subscribing.next()
        if subscribe is not None:
            self._downlink.pause()
        elif self._subscribing.is_settled:  # it may have been asked for, and taken back
            self._downlink.resume({})
        found += filter(None, (subscribe, self._downlink.pull()))
        return [encode(message) for message in found]

    # Receiving

    def receive(self, frame: bytes) -> list[Event]:
        """Take one frame."""
        message = decode(frame)
        with self._shelf.changing():
            taken = self._guarded(message)
        events, self._unsaid = [*self._unsaid, *taken], []
        if self.is_in_sync and not self._was_in_sync:
            events.append(Synced())
        self._was_in_sync = self.is_in_sync
        return events

    def _guarded(self, message: Message) -> list[Event]:
        try:
            return self._take(message)
        except _BROKEN as error:
            raise RemoteFault(f"The server sent what cannot be used: {error}") from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # pycrdt's, which is no Exception
                raise
            raise RemoteFault(f"The server sent what cannot be merged: {error}") from error

    def _take(self, message: Message) -> list[Event]:
        if isinstance(message, Fault):
            return self._failed(message)
        if isinstance(message, Welcome):
            return self._welcome(message)
        if not self._is_welcome:
            raise RemoteFault("The first message must be a welcome.", code="protocol")
        match message:
            case Ack():
                return self._uplink.acked(message, self.time())
            case Outcomes():
                return self._uplink.outcomes(message, self.time())
            case Changes():
                return self._downlink.changed(message, self.time())
            case Leave(scope):
                return self._downlink.left(scope, self.time())
            case Ping(time):
                self._read_up_to.append(time)
                return []
            case Pong():
                return self._downlink.ponged(message.heads)
            case Renewed(expires_in):
                return [SignInRenewed(expires_in)]
            case Subscribed():
                if self._subscribing.answered(message):
                    self._downlink.resume(message.heads)
                return []
        raise RemoteFault("A server does not send this message.", code="protocol")

    def _failed(self, fault: Fault) -> list[Event]:
        if fault.push is not None:
            self._uplink.failed(fault.push)
        elif not fault.fatal:
            self._downlink.failed()
        if fault.code == "replica_taken" and not self._is_welcome:
            take_new_identity(self._shelf, fault.shared, fault.doubtful, self.time())
        return [Failed(fault.code, fault.message)]

    def _welcome(self, welcome: Welcome) -> list[Event]:
        if self._hello is None or self._is_welcome:
            raise RemoteFault("A welcome that nobody asked for.", code="protocol")
        if welcome.protocol != PROTOCOL:
            raise RemoteFault(
                f"The server speaks version {welcome.protocol} of the protocol, this client "
                f"version {PROTOCOL}: update the older one.",
                code="protocol",
            )
        self._check_user(welcome.user)
        self._shelf.learn(welcome.schemas)
        self._shelf.confirmed(self._hello.outcomes)
        self._set_clock(welcome.time)
        self._set_epoch(welcome)
        events = self._downlink.welcomed(welcome.scopes, self.time())
        self._limits = welcome.limits
        self.poll_seconds = welcome.poll
        self._is_welcome = True
        return [Connected(welcome.user, welcome.expires_in), *events]

    def _check_user(self, user: str) -> None:
        known = self._shelf.standing.user
        # What nobody in particular may read may stay when somebody signs in.
        if known and known != user:
            raise LocalFault(
                f"This store holds rows of the user {known}, but the server signed in "
                f"{user or 'nobody'}: "
                "give every user a store of their own."
            )

    def _set_epoch(self, welcome: Welcome) -> None:
        standing = self._shelf.standing
        if standing.epoch not in (None, welcome.epoch):
            before = standing.before if standing.catching_up else standing.cursors
            cursors = dict.fromkeys(standing.cursors, 0)
            standing = replace(standing, cursors=cursors, before=before, catching_up=True)
        certificate = welcome.certificate or standing.certificate
        standing = replace(standing, certificate=certificate, attempts=())
        self._shelf.stand(replace(standing, epoch=welcome.epoch, user=welcome.user))
        self._shelf.marks.close()

    def _set_clock(self, time: int) -> None:
        """The server read its clock between the hello and now: what is known of the offset is wrong
        only where no moment of those agrees with it. However slow the network, it moves no stamps.
        """
        standing = self._shelf.standing
        known = standing.offset or 0
        offset = max(time - self._now(), min(known, time - self._greeted))
        moved = offset - known
        self._shelf.stand(replace(standing, offset=offset, heard=time))
        if abs(moved) > OFFSET_MOVED:
            for key in list(self._shelf.pending):
                schema = self._shelf.schemas.get(key.model)
                restamp(self._shelf.held(key), schema, moved, standing.heard, self.time())


def _stored(subscription: Subscription | None) -> dict[str, dict[str, list[Any]]] | None:
    """As it is read again from a store."""
    if subscription is None:
        return None
    return {
        model: {name: list(values) for name, values in fields.items()}
        for model, fields in subscription.items()
    }
