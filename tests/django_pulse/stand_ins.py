"""Stand-ins for what lies around a session: services in memory, and a driver without a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from django.test import override_settings

from crdt.frames import decode, encode
from crdt.messages import Hello, Item, Key, Mark, Message
from django_pulse.changefeed.pages import Change, Heads, Page
from django_pulse.server.bounds import Bounds
from django_pulse.server.session import Session, State
from django_pulse.server.steps import Close, Join, Part, Send, Step, Steps, Work
from django_pulse.sign_in.auth import Handshake, Refused, SignIn

__all__ = [
    "BOUNDS",
    "EPOCH",
    "HANDSHAKE",
    "HELLO",
    "TOKEN",
    "StandIns",
    "changes",
    "drive",
    "messages",
    "row",
]

EPOCH = "e1"
TOKEN = "a token of Ada's"
BOUNDS = Bounds(
    frame_bytes=4096,
    push_rows=3,
    page_rows=2,
    page_bytes=100,
    poll_seconds=15,
    update_structs=1000,
    update_bytes=256 << 10,
)


HELLO = Hello(replica=5, device="phone", token=TOKEN)
HANDSHAKE = Handshake.of({"type": "websocket", "path": "/", "headers": []})


def row(number: int) -> UUID:
    """The sync_id of a row."""
    return UUID(int=number)


def changes(*numbers: int, size: int = 4) -> tuple[Change, ...]:
    """Whole states of rows, `size` bytes each."""
    return tuple(Change("todo.task", row(n), bytes([n % 256]) * size) for n in numbers)


@dataclass
class StandIns:
    """Services that remember what they were asked, in order, and answer what a test says."""

    user: Any = field(default_factory=lambda: SimpleNamespace(pk=7, is_anonymous=False))
    expires_at: datetime | None = None
    access: dict[str, int] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=lambda: {"all": 10, "ada": 20})
    pages: list[Page] = field(default_factory=list)
    stored: list[Any] = field(default_factory=list)
    results: Callable[[Sequence[Item]], Sequence[Any]] | None = None
    failing: dict[str, BaseException] = field(default_factory=dict)
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def _asked(self, name: str, *arguments: Any) -> None:
        self.asked.append((name, *arguments))
        if name in self.failing:
            raise self.failing[name]

    def now(self) -> int:
        return 1_700_000_000_000

    def sign_in(self, handshake: Any, token: str | None) -> SignIn:
        self._asked("sign_in", token)
        if token != TOKEN:
            raise Refused("Sign in first.", code="unauthenticated")
        return SignIn(self.user, expires_at=self.expires_at)

    def renew(self, signed: SignIn, token: str) -> SignIn:
        self._asked("renew", token)
        return replace(signed, expires_at=self.expires_at)

    def current_user(self, signed: SignIn) -> Any:
        self._asked("current_user")
        return signed.user

    def claim_replica(self, user: Any, hello: Hello) -> str:
        self._asked("claim_replica", hello.device, hello.replica)
        return "1.certificate"

    def note_marks(self, replica: int, marks: Sequence[Mark]) -> None:
        self._asked("note_marks", replica, tuple(marks))

    def epoch(self) -> str:
        return EPOCH

    def schemas(self) -> tuple[Mapping[str, Any], ...]:
        return ({"label": "todo.task"},)

    def admit_of(self, user: Any) -> None:
        self._asked("admit_of")

    def scope_heads(self, user: Any) -> Heads:
        self._asked("scope_heads")
        heads = Heads(self.heads)
        heads.access = dict(self.access)
        return heads

    def user_channel(self, user: Any) -> str:
        return f"@{user.pk}"

    def push(self, user: Any, replica: int, items: Sequence[Item]) -> Sequence[Any]:
        self._asked("push", replica, [item.id for item in items])
        if self.results is not None:
            return self.results(items)
        return [result() for _ in items]

    def outcomes(self, replica: int) -> Sequence[Any]:
        self._asked("outcomes", replica)
        return self.stored

    def confirm(self, replica: int, ids: Sequence[int]) -> None:
        self._asked("confirm", replica, tuple(ids))

    def pull(self, scope: str, cursor: int, limit: int, begun: int) -> Page:
        self._asked("pull", scope, cursor, limit)
        return self.pages.pop(0) if self.pages else Page(scope, cursor, cursor, False, (), ())

    def subscription(self, asked: Any) -> Any:
        return asked

    def idle_scopes(self, subscription: Any, keys: Any) -> frozenset[str]:
        return frozenset()

    def narrowed(self, page: Page, subscription: Any) -> Page:
        return replace(page, items=tuple(one for one in page.items if one.model in subscription))

    def chosen(self, changes: Any, subscription: Any) -> Any:
        return [change for change in changes if change.model in subscription]

    def documents(self, user: Any, keys: Sequence[Key]) -> Sequence[Change]:
        self._asked("documents", [key.id.int for key in keys])
        return [one for key in keys for one in changes(key.id.int, size=60) if key.id.int < 100]


Serve = Callable[[StandIns], str]
"""Starts a server on such services; returns its URL."""


def settings(**values: Any) -> Any:
    """These settings of ours, for a while."""
    return override_settings(DJANGO_PULSE=values)


def page(scope: str, *numbers: int, start: int = 10, end: int = 11) -> Page:
    """A page with the whole states of these rows."""
    return Page(scope, start, end, False, changes(*numbers), ())


def result(status: str = "ok", **fields: Any) -> Any:
    """What became of one pushed item."""
    blank: dict[str, Any] = {
        "clock": None,
        "code": "",
        "message": "",
        "reverted": {},
        "outcome": None,
        "parked": None,
    }
    return SimpleNamespace(status=status, **(blank | fields))


def drive(steps: Steps, asked: list[tuple[Any, ...]] | None = None) -> list[Step]:
    """Perform every step at once; returns those that are not work.

    Joins are also noted in `asked`, between the questions to the services.
    """
    done: list[Step] = []
    answer: Any = None
    failure: Exception | None = None
    while True:
        try:
            step = steps.send(answer) if failure is None else steps.throw(failure)
        except StopIteration:
            return done
        answer = failure = None
        if isinstance(step, Work):
            try:
                answer = step.function()
            except Exception as error:  # noqa: BLE001 - as a driver does
                failure = error
            continue
        done.append(step)
        if isinstance(step, Join) and asked is not None:
            asked.append(("join", *sorted(step.scopes)))


def messages(steps: Sequence[Step]) -> list[Message | Join | Part | Close]:
    """The steps, with frames read back into messages."""
    return [
        decode(cast("bytes", step.frame)) if isinstance(step, Send) else cast("Any", step)
        for step in steps
    ]


def tell(session: Session, message: Message | bytes, services: StandIns | None = None) -> list[Any]:
    """Give the session a message; what it answers. Joins are noted among what was asked."""
    frame = message if isinstance(message, bytes) else encode(message)
    return messages(drive(session.receive(frame), services.asked if services else None))


def ready(services: StandIns) -> Session:
    """A session that has said welcome."""
    session = Session(services, HANDSHAKE, BOUNDS)
    tell(session, HELLO)
    assert session.state is State.READY
    services.asked.clear()
    return session
