"""The server's protocol, without a socket, a loop or a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from crdt.errors import RemoteFault
from crdt.frames import encode
from crdt.messages import (
    PROTOCOL,
    Ack,
    Changes,
    Confirm,
    Fault,
    Hello,
    Item,
    Leave,
    Limits,
    Outcome,
    Outcomes,
    Ping,
    Pong,
    Pull,
    Push,
    Renew,
    Renewed,
    RevertedField,
    Welcome,
)
from django_pulse.changefeed.pages import Heads
from django_pulse.server.session import Session, State
from django_pulse.server.steps import Close, CloseCode, Join, Send
from django_pulse.sign_in.auth import Refused
from tests.django_pulse.stand_ins import (
    BOUNDS,
    EPOCH,
    HANDSHAKE,
    HELLO,
    TOKEN,
    StandIns,
    drive,
    ready,
    row,
    tell,
)

UNDONE = {"title": {"value": "x" * 3, "code": "max_length", "message": "Too long."}}


def items(*numbers: int) -> tuple[Item, ...]:
    return tuple(Item("todo.task", row(n), b"update") for n in numbers)


# Hello


def test_welcome_tells_everything_a_client_needs_to_begin() -> None:
    session = Session(StandIns(), HANDSHAKE, BOUNDS)
    assert tell(session, HELLO) == [
        Join(frozenset({"all", "ada", "@7"})),
        Welcome(
            epoch=EPOCH,
            time=1_700_000_000_000,
            user="7",
            schemas=({"label": "todo.task"},),
            scopes={"all": 10, "ada": 20},
            limits=Limits(4096, 3, 1000),
            poll=15,
            certificate="1.certificate",
        ),
    ]


def test_a_sign_in_with_an_end_says_when_and_may_be_renewed() -> None:
    services = StandIns(expires_at=datetime.now(UTC) + timedelta(minutes=5))
    session = Session(services, HANDSHAKE, BOUNDS)
    _, welcome = tell(session, HELLO)
    assert 290 < welcome.expires_in <= 300
    services.expires_at = datetime.now(UTC) + timedelta(minutes=10)
    (renewed,) = tell(session, Renew("another"))
    assert services.asked[-1] == ("renew", "another")
    assert 590 < renewed.expires_in <= 600
    services.expires_at = None
    assert tell(session, Renew("endless")) == [Renewed(None)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("unauthenticated", CloseCode.UNAUTHENTICATED),
        ("expired", CloseCode.UNAUTHENTICATED),
        ("denied", CloseCode.FORBIDDEN),
        ("other_user", CloseCode.CONFLICT),
    ],
)
def test_a_token_that_is_not_accepted_ends_the_connection(code: str, expected: CloseCode) -> None:
    services = StandIns(failing={"renew": Refused("No.", code=code)})
    fault, close = tell(ready(services), Renew("bad"))
    assert fault == Fault(code, "No.", fatal=True)
    assert close.code is expected


def test_groups_are_joined_before_heads_are_read() -> None:
    services = StandIns()
    tell(Session(services, HANDSHAKE, BOUNDS), HELLO, services)
    names = [asked[0] for asked in services.asked]
    assert names[:2] == ["sign_in", "claim_replica"]
    joined = names.index("join")
    assert "scope_heads" in names[joined:], "heads are read after joining"
    assert names.index("sign_in") < joined


def test_a_scope_gained_while_joining_is_joined_too() -> None:
    services = StandIns()
    steps = Session(services, HANDSHAKE, BOUNDS).receive(encode(HELLO))
    answered = services.scope_heads

    def growing(user: Any) -> Heads:
        heads = answered(user)
        services.heads["new"] = 30
        return heads

    services.scope_heads = growing  # type: ignore[method-assign]
    joins = [step for step in drive(steps) if isinstance(step, Join)]
    assert joins == [Join(frozenset({"all", "ada", "@7"})), Join(frozenset({"new"}))]


def test_unconfirmed_outcomes_follow_the_welcome_in_batches() -> None:
    stored = [
        SimpleNamespace(
            id=n, model="todo.task", sync_id=row(n), clock=n, reverted=UNDONE, parked=None
        )
        for n in (1, 2, 3)
    ]
    _, _, *repeated = tell(Session(StandIns(stored=stored), HANDSHAKE, BOUNDS), HELLO)
    field = {"title": RevertedField("xxx", "max_length", "Too long.")}
    expected = [Outcome(n, "todo.task", row(n), n, field) for n in (1, 2, 3)]
    assert repeated == [Outcomes(tuple(expected[:2])), Outcomes((expected[2],))]


def test_outcomes_that_hello_confirms_are_confirmed_before_the_rest_is_repeated() -> None:
    services = StandIns()
    tell(Session(services, HANDSHAKE, BOUNDS), Hello(5, "phone", TOKEN, outcomes=(1, 2)))
    assert services.asked.index(("confirm", 5, (1, 2))) < services.asked.index(("outcomes", 5))


def test_anonymous_is_refused_before_a_replica_is_claimed() -> None:
    services = StandIns()
    session = Session(services, HANDSHAKE, BOUNDS)
    fault, close = tell(session, Hello(5, token="wrong"))
    assert fault == Fault("unauthenticated", "Sign in first.", fatal=True)
    assert close == Close(CloseCode.UNAUTHENTICATED, "Nobody is signed in.")
    assert session.state is State.CLOSED
    assert [asked[0] for asked in services.asked] == ["sign_in"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("forbidden", CloseCode.FORBIDDEN),
        ("replica_taken", CloseCode.CONFLICT),
        ("anything", CloseCode.PROTOCOL),
    ],
)
def test_a_hello_that_fails_ends_the_connection(code: str, expected: CloseCode) -> None:
    services = StandIns(failing={"claim_replica": RemoteFault("No.", code=code)})
    fault, close = tell(Session(services, HANDSHAKE, BOUNDS), HELLO)
    assert fault == Fault(code, "No.", fatal=True)
    assert close.code is expected


def test_a_protocol_from_the_future_is_refused_and_says_who_is_old() -> None:
    services = StandIns()
    fault, close = tell(
        Session(services, HANDSHAKE, BOUNDS), Hello(5, token=TOKEN, protocol=PROTOCOL + 1)
    )
    assert (fault.code, fault.fatal) == ("protocol", True)
    assert "update the server" in fault.message
    assert close.code is CloseCode.PROTOCOL
    assert services.asked == []


@pytest.mark.parametrize("device", ["x" * 101, "a\0b", "line\nbreak"])
def test_a_device_name_that_no_table_can_hold_is_refused(device: str) -> None:
    services = StandIns()
    fault, close = tell(Session(services, HANDSHAKE, BOUNDS), Hello(5, device, TOKEN))
    assert (fault.code, close.code) == ("malformed", CloseCode.PROTOCOL)
    assert services.asked == []


# The table


@pytest.mark.parametrize(
    "message",
    [Push(1, EPOCH, items(1)), Pull(1, {"all": 0}), Ping(1), Confirm((1,)), Renew("token")],
)
def test_nothing_is_answered_before_hello(message: Any) -> None:
    services = StandIns()
    fault, close = tell(Session(services, HANDSHAKE, BOUNDS), message)
    assert (fault.code, fault.fatal) == ("protocol", True)
    assert "hello first" in fault.message
    assert close.code is CloseCode.PROTOCOL
    assert services.asked == []


def test_a_second_hello_ends_the_connection() -> None:
    session = ready(StandIns())
    fault, close = tell(session, HELLO)
    assert "once only" in fault.message
    assert close.code is CloseCode.PROTOCOL


@pytest.mark.parametrize(
    "message", [Pong(1, {}), Leave("all"), Ack(1, 0), Fault("x", "y"), Changes("all", 0, 1)]
)
def test_what_only_a_server_says_is_refused(message: Any) -> None:
    fault, _ = tell(ready(StandIns()), message)
    assert "for the server to send" in fault.message


def test_a_closed_session_answers_nothing_more() -> None:
    session = ready(StandIns())
    tell(session, HELLO)
    assert tell(session, Ping(1)) == []
    assert drive(session.receive_text("{}")) == []
    assert drive(session.check()) == []
    assert drive(session.relay("all", b"frame")) == []


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", "malformed"),
        (b"\0\0\0\xff{}", "malformed"),
        (b'\0\0\0\x0f{"type":"dance"}', "malformed"),
        (b'\0\0\0\x10{"type":"dance"}', "protocol"),
        (b'\0\0\0\x12{"type":"receive"}', "protocol"),
        (b'\0\0\0\x11{"type":"_hello"}', "protocol"),
        (b"x" * 4097, "too_large"),
    ],
)
def test_frames_that_are_none_are_answered_and_the_session_lives(frame: bytes, code: str) -> None:
    for session in (Session(StandIns(), HANDSHAKE, BOUNDS), ready(StandIns())):
        before = session.state
        (fault,) = tell(session, frame)
        assert (fault.code, fault.fatal) == (code, False)
        assert session.state is before


def test_text_is_answered_in_text() -> None:
    (answer,) = drive(ready(StandIns()).receive_text('{"type":"SYNC_UPLOAD"}'))
    assert isinstance(answer, Send)
    assert isinstance(answer.frame, str)
    assert "speaks the binary protocol" in answer.frame
