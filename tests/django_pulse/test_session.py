"""The server's protocol, without a socket, a loop or a database."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from crdt.errors import RemoteFault
from crdt.frames import encode
from crdt.messages import (
    PROTOCOL,
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
    Outcome,
    Outcomes,
    Ping,
    Pong,
    Pull,
    Push,
    Refused,
    Resend,
    Reverted,
    RevertedField,
    Welcome,
)
from django_pulse.auth import Refused as SignInRefused
from django_pulse.feed import Page
from django_pulse.session import Session, State
from django_pulse.steps import Close, CloseCode, Join, Part, Send

from .stand_ins import (
    BOUNDS,
    EPOCH,
    HANDSHAKE,
    TOKEN,
    StandIns,
    changes,
    drive,
    messages,
    result,
    row,
)

HELLO = Hello(replica=5, device="phone", token=TOKEN)
UNDONE = {"title": {"value": "x" * 3, "code": "max_length", "message": "Too long."}}


def tell(session: Session, message: Any, services: StandIns | None = None) -> list[Any]:
    frame = message if isinstance(message, bytes) else encode(message)
    return messages(drive(session.receive(frame), services.asked if services else None))


def opened(services: StandIns) -> Session:
    session = Session(services, HANDSHAKE, BOUNDS)
    tell(session, HELLO)
    assert session.state is State.READY
    services.asked.clear()
    return session


def items(*numbers: int) -> tuple[Item, ...]:
    return tuple(Item("todo.task", row(n), b"update") for n in numbers)


# Hello


def test_welcome_tells_everything_a_client_needs_to_begin() -> None:
    session = Session(StandIns(), HANDSHAKE, BOUNDS)
    assert tell(session, HELLO) == [
        Join(frozenset({"all", "ada"})),
        Welcome(
            epoch=EPOCH,
            time=1_700_000_000_000,
            user="7",
            schemas=({"label": "todo.task"},),
            scopes={"all": 10, "ada": 20},
            limits=Limits(4096, 3, 1000),
            poll=15,
        ),
    ]


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

    def growing(user: Any) -> dict[str, int]:
        heads = answered(user)
        services.heads["new"] = 30
        return heads

    services.scope_heads = growing  # type: ignore[method-assign]
    joins = [step for step in drive(steps) if isinstance(step, Join)]
    assert joins == [Join(frozenset({"all", "ada"})), Join(frozenset({"new"}))]


def test_unconfirmed_outcomes_follow_the_welcome_in_batches() -> None:
    stored = [
        SimpleNamespace(id=n, model="todo.task", sync_id=row(n), clock=n, reverted=UNDONE)
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
    "message", [Push(1, EPOCH, items(1)), Pull(1, {"all": 0}), Ping(1), Confirm((1,))]
)
def test_nothing_is_answered_before_hello(message: Any) -> None:
    services = StandIns()
    fault, close = tell(Session(services, HANDSHAKE, BOUNDS), message)
    assert (fault.code, fault.fatal) == ("protocol", True)
    assert "hello first" in fault.message
    assert close.code is CloseCode.PROTOCOL
    assert services.asked == []


def test_a_second_hello_ends_the_connection() -> None:
    session = opened(StandIns())
    fault, close = tell(session, HELLO)
    assert "once only" in fault.message
    assert close.code is CloseCode.PROTOCOL


@pytest.mark.parametrize(
    "message", [Pong(1, {}), Leave("all"), Ack(1, 0), Fault("x", "y"), Changes("all", 0, 1)]
)
def test_what_only_a_server_says_is_refused(message: Any) -> None:
    fault, _ = tell(opened(StandIns()), message)
    assert "for the server to send" in fault.message


def test_a_closed_session_answers_nothing_more() -> None:
    session = opened(StandIns())
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
    for session in (Session(StandIns(), HANDSHAKE, BOUNDS), opened(StandIns())):
        before = session.state
        (fault,) = tell(session, frame)
        assert (fault.code, fault.fatal) == (code, False)
        assert session.state is before


def test_text_is_answered_in_text() -> None:
    (answer,) = drive(opened(StandIns()).receive_text('{"type":"SYNC_UPLOAD"}'))
    assert isinstance(answer, Send)
    assert isinstance(answer.frame, str)
    assert "no text protocol" in answer.frame


# Push


def test_an_ack_lists_exceptions_only() -> None:
    verdicts = [result(), result("resend", clock=4), result("busy")]
    session = opened(StandIns(results=lambda _: verdicts))
    assert tell(session, Push(9, EPOCH, items(1, 2, 3))) == [Ack(9, 3, {1: Resend(4), 2: Busy()})]


def test_refusals_and_reverts_are_told_item_by_item() -> None:
    verdicts = [
        result("refused", code="forbidden", message="Not yours."),
        result("ok", reverted=UNDONE, outcome=3, clock=8),
    ]
    session = opened(StandIns(results=lambda _: verdicts))
    (ack,) = tell(session, Push(1, EPOCH, items(1, 2)))
    fields = {"title": RevertedField("xxx", "max_length", "Too long.")}
    assert ack.exceptions == {0: Refused("forbidden", "Not yours."), 1: Reverted(fields, 3, 8)}


def test_a_push_is_written_as_the_replica_that_said_hello() -> None:
    services = StandIns()
    tell(opened(services), Push(1, EPOCH, items(1)))
    assert services.asked == [("current_user",), ("push", 5, [row(1)])]


def test_a_push_of_too_many_rows_is_refused_whole() -> None:
    services = StandIns()
    (fault,) = tell(opened(services), Push(1, EPOCH, items(1, 2, 3, 4)))
    assert (fault.code, fault.push, fault.fatal) == ("too_large", 1, False)
    assert services.asked == []


def test_a_push_of_another_epoch_is_not_written_and_the_client_says_hello_again() -> None:
    services = StandIns()
    fault, close = tell(opened(services), Push(4, "an older life", items(1)))
    assert (fault.code, fault.push, fault.fatal) == ("epoch", 4, True)
    assert close.code is CloseCode.CONFLICT
    assert services.asked == [("current_user",)]


def test_outcomes_are_confirmed_for_the_own_replica_only() -> None:
    services = StandIns()
    assert tell(opened(services), Confirm((1, 2))) == []
    assert services.asked == [("confirm", 5, (1, 2))]


# Pull


def test_a_pull_gets_pages_until_there_are_no_more() -> None:
    gone = Key("todo.task", row(9))
    pages = [
        Page("all", 3, 5, True, changes(1, 2), ()),
        Page("all", 5, 10, False, changes(3), (gone,)),
    ]
    services = StandIns(pages=pages)
    first, second = tell(opened(services), Pull(8, {"all": 3}))
    assert first == Changes("all", 3, 5, True, False, 8, _as_items(1, 2))
    assert second == Changes("all", 5, 10, False, False, 8, _as_items(3), (gone,))
    assert services.asked[-2:] == [("pull", "all", 3, 2), ("pull", "all", 5, 2)]


def test_a_pull_of_a_scope_that_is_not_the_users_is_answered_like_one_that_does_not_exist() -> None:
    services = StandIns()
    answers = tell(opened(services), Pull(1, {"bob": 0, "no such scope": 0}))
    assert answers == [Leave("bob"), Leave("no such scope")]
    assert "pull" not in [asked[0] for asked in services.asked]


def test_documents_are_answered_whole_in_bounded_parts_and_others_left_out() -> None:
    wanted = tuple(Key("todo.task", row(n)) for n in (1, 2, 3, 100, 4))
    answers = tell(opened(StandIns()), Pull(2, {}, wanted))
    assert [change.more for change in answers] == [True, True, True, False]
    assert all(change.scope is None and change.pull == 2 for change in answers)
    assert [item.id.int for change in answers for item in change.items] == [1, 2, 3, 4]


def test_documents_that_are_all_unknown_are_answered_all_the_same() -> None:
    answers = tell(opened(StandIns()), Pull(2, {}, (Key("todo.task", row(100)),)))
    assert answers == [Changes(None, 0, 0, pull=2)]


def test_a_feed_that_stands_still_does_not_loop_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    services = StandIns(pages=[Page("all", 3, 3, True, (), ())])
    (fault,) = tell(opened(services), Pull(1, {"all": 3}))
    assert fault.code == "internal"
    assert "stands still" in caplog.text


def _as_items(*numbers: int) -> tuple[Item, ...]:
    return tuple(Item(one.model, one.id, one.update) for one in changes(*numbers))


# Ping, live frames, scopes that come and go


def test_a_pong_carries_the_heads() -> None:
    services = StandIns()
    session = opened(services)
    services.heads["all"] = 99
    assert tell(session, Ping(123)) == [Pong(123, {"all": 99, "ada": 20})]


def test_live_frames_are_passed_on_for_the_users_scopes_only() -> None:
    session = opened(StandIns())
    assert drive(session.relay("all", b"frame")) == [Send(b"frame")]
    assert drive(session.relay("bob", b"frame")) == []


def test_live_frames_wait_for_the_welcome() -> None:
    assert drive(Session(StandIns(), HANDSHAKE, BOUNDS).relay("all", b"frame")) == []


@pytest.mark.parametrize("message", [Ping(1), Pull(1, {})])
def test_scopes_gained_are_joined_and_scopes_lost_are_left(message: Any) -> None:
    services = StandIns()
    session = opened(services)
    services.heads = {"all": 10, "club": 30}
    joined, parted, left, *_ = tell(session, message)
    assert (joined, parted) == (Join(frozenset({"club"})), Part(frozenset({"ada"})))
    assert left == Leave("ada")
    assert drive(session.relay("ada", b"frame")) == []


# The user


@pytest.mark.parametrize("message", [Ping(1), Pull(1, {}), Push(1, EPOCH, items(1))])
def test_a_user_who_is_gone_is_noticed_at_the_next_message(message: Any) -> None:
    services = StandIns()
    session = opened(services)
    services.failing["current_user"] = SignInRefused("Gone.", code="unauthenticated")
    fault, close = tell(session, message)
    assert (fault.code, fault.fatal) == ("unauthenticated", True)
    assert close.code is CloseCode.UNAUTHENTICATED
    assert "push" not in [asked[0] for asked in services.asked]


def test_a_user_who_is_gone_is_noticed_by_the_timer() -> None:
    services = StandIns()
    session = opened(services)
    assert drive(session.check()) == []
    services.failing["current_user"] = SignInRefused("Gone.", code="unauthenticated")
    _, close = drive(session.check())
    assert isinstance(close, Close)


def test_a_hello_that_does_not_come_closes_without_asking_the_user_to_sign_in() -> None:
    session = Session(StandIns(), HANDSHAKE, BOUNDS)
    assert drive(session.expire()) == [Close(CloseCode.TOO_SLOW, "No hello came in time.")]


# Our own failures


@pytest.mark.parametrize(
    ("service", "message", "push"),
    [
        ("push", Push(4, EPOCH, items(1)), 4),
        ("pull", Pull(1, {"all": 0}), None),
        ("scope_heads", Ping(1), None),
        ("confirm", Confirm((1,)), None),
    ],
)
def test_a_failing_service_is_logged_and_answered_without_a_secret(
    service: str, message: Any, push: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    services = StandIns()
    session = opened(services)
    services.failing[service] = ValueError("password=hunter2")
    (fault,) = tell(session, message)
    assert (fault.code, fault.fatal, fault.push) == ("internal", False, push)
    assert "hunter2" not in fault.message
    assert "hunter2" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR
    services.failing.clear()
    assert tell(session, Ping(1)) == [Pong(1, services.heads)]


def test_a_failure_while_greeting_closes_for_another_try() -> None:
    services = StandIns(failing={"outcomes": ValueError("hunter2")})
    *_, fault, close = tell(Session(services, HANDSHAKE, BOUNDS), HELLO)
    assert (fault.code, fault.fatal) == ("internal", True)
    assert close.code is CloseCode.INTERNAL


def test_every_reason_for_closing_fits_a_closing_frame() -> None:
    for code in ("unauthenticated", "forbidden", "epoch", "replica_taken", "x" * 500):
        services = StandIns(failing={"sign_in": RemoteFault("No.", code=code)})
        *_, close = tell(Session(services, HANDSHAKE, BOUNDS), HELLO)
        assert len(close.reason.encode()) <= 123
