"""The server's protocol once a client was welcomed, without a socket, a loop or a database."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from crdt.errors import RemoteFault
from crdt.messages import (
    Ack,
    Busy,
    Changes,
    Confirm,
    Fault,
    Item,
    Key,
    Leave,
    Ping,
    Pong,
    Pull,
    Push,
    Refused,
    Resend,
    Reverted,
    RevertedField,
)
from django_pulse.changefeed.pages import Page
from django_pulse.server.session import Session
from django_pulse.server.steps import Close, CloseCode, Join, Part, Send, Work
from django_pulse.sign_in.auth import Refused as SignInRefused
from tests.django_pulse.stand_ins import (
    BOUNDS,
    EPOCH,
    HANDSHAKE,
    HELLO,
    StandIns,
    changes,
    drive,
    messages,
    ready,
    result,
    row,
    tell,
)

UNDONE = {"title": {"value": "x" * 3, "code": "max_length", "message": "Too long."}}


def items(*numbers: int) -> tuple[Item, ...]:
    return tuple(Item("todo.task", row(n), b"update") for n in numbers)


# Push


def test_an_ack_lists_exceptions_only() -> None:
    verdicts = [result(), result("resend", clock=4), result("busy")]
    session = ready(StandIns(results=lambda _: verdicts))
    assert tell(session, Push(9, EPOCH, items(1, 2, 3))) == [Ack(9, 3, {1: Resend(4), 2: Busy()})]


def test_refusals_and_reverts_are_told_item_by_item() -> None:
    verdicts = [
        result("refused", code="forbidden", message="Not yours."),
        result("ok", reverted=UNDONE, outcome=3, clock=8),
    ]
    session = ready(StandIns(results=lambda _: verdicts))
    (ack,) = tell(session, Push(1, EPOCH, items(1, 2)))
    fields = {"title": RevertedField("xxx", "max_length", "Too long.")}
    assert ack.exceptions == {0: Refused("forbidden", "Not yours."), 1: Reverted(fields, 3, 8)}


def test_a_push_is_written_as_the_replica_that_said_hello() -> None:
    services = StandIns()
    tell(ready(services), Push(1, EPOCH, items(1)))
    assert services.asked == [("current_user",), ("push", 5, [row(1)])]


def test_a_push_of_too_many_rows_is_refused_whole() -> None:
    services = StandIns()
    (fault,) = tell(ready(services), Push(1, EPOCH, items(1, 2, 3, 4)))
    assert (fault.code, fault.push, fault.fatal) == ("too_large", 1, False)
    assert services.asked == []


def test_a_push_of_another_epoch_is_not_written_and_the_client_says_hello_again() -> None:
    services = StandIns()
    fault, close = tell(ready(services), Push(4, "an older life", items(1)))
    assert (fault.code, fault.push, fault.fatal) == ("epoch", 4, True)
    assert close.code is CloseCode.CONFLICT
    assert services.asked == [("current_user",)]


def test_outcomes_are_confirmed_for_the_own_replica_only() -> None:
    services = StandIns()
    assert tell(ready(services), Confirm((1, 2))) == []
    assert services.asked == [("confirm", 5, (1, 2))]


# Pull


def test_a_pull_gets_pages_until_there_are_no_more() -> None:
    gone = Key("todo.task", row(9))
    pages = [
        Page("all", 3, 5, True, changes(1, 2), ()),
        Page("all", 5, 10, False, changes(3), (gone,)),
    ]
    services = StandIns(pages=pages)
    first, second = tell(ready(services), Pull(8, {"all": 3}))
    assert first == Changes("all", 3, 5, True, False, 8, _as_items(1, 2))
    assert second == Changes("all", 5, 10, False, False, 8, _as_items(3), (gone,))
    assert services.asked[-2:] == [("pull", "all", 3, 2), ("pull", "all", 5, 2)]


def test_a_pull_of_a_scope_that_is_not_the_users_is_answered_like_one_that_does_not_exist() -> None:
    services = StandIns()
    answers = tell(ready(services), Pull(1, {"bob": 0, "no such scope": 0}))
    assert answers == [Leave("bob"), Leave("no such scope")]
    assert "pull" not in [asked[0] for asked in services.asked]


def test_documents_are_answered_whole_in_bounded_parts_and_others_left_out() -> None:
    wanted = tuple(Key("todo.task", row(n)) for n in (1, 2, 3, 100, 4))
    answers = tell(ready(StandIns()), Pull(2, {}, wanted))
    assert [change.more for change in answers] == [True, True, True, False]
    assert all(change.scope is None and change.pull == 2 for change in answers)
    assert [item.id.int for change in answers for item in change.items] == [1, 2, 3, 4]


def test_documents_that_are_all_unknown_are_answered_all_the_same() -> None:
    answers = tell(ready(StandIns()), Pull(2, {}, (Key("todo.task", row(100)),)))
    assert answers == [Changes(None, 0, 0, pull=2)]


def test_a_feed_that_stands_still_does_not_loop_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    services = StandIns(pages=[Page("all", 3, 3, True, (), ())])
    (fault,) = tell(ready(services), Pull(1, {"all": 3}))
    assert fault.code == "internal"
    assert "stands still" in caplog.text


def _as_items(*numbers: int) -> tuple[Item, ...]:
    return tuple(Item(one.model, one.id, one.update) for one in changes(*numbers))


# Ping, live frames, scopes that come and go


def test_a_pong_carries_the_heads() -> None:
    services = StandIns()
    session = ready(services)
    services.heads["all"] = 99
    assert tell(session, Ping(123)) == [Pong(123, {"all": 99, "ada": 20})]


def test_live_frames_are_passed_on_for_the_users_scopes_only() -> None:
    session = ready(StandIns())
    assert drive(session.relay("all", b"frame")) == [Send(b"frame")]
    assert drive(session.relay("bob", b"frame")) == []


def test_a_live_frame_under_another_count_waits_until_it_is_asked_who_reads_the_scope() -> None:
    services = StandIns(access={"all": 3, "ada": 1})
    session = ready(services)
    assert drive(session.relay("all", b"frame", 3)) == [Send(b"frame")]
    assert not services.asked
    del services.heads["ada"]
    assert messages(drive(session.relay("ada", b"frame", 2))) == [
        Part(frozenset({"ada"})),
        Leave("ada"),
    ]
    assert drive(session.relay("all", b"frame", 4)) == [Send(b"frame")]
    services.asked.clear()
    assert drive(session.relay("all", b"frame", 4)) == [Send(b"frame")]
    assert not services.asked, "under the count that it was asked under"


def test_a_live_frame_is_kept_back_where_nobody_can_say_who_reads_the_scope() -> None:
    services = StandIns(failing={})
    session = ready(services)
    services.failing["scope_heads"] = RuntimeError("the database is gone")
    frames = messages(drive(session.relay("all", b"frame", 1)))
    assert [type(frame) for frame in frames] == [Fault]
    del services.failing["scope_heads"]
    assert drive(session.relay("all", b"frame", 1)) == [Send(b"frame")]


def test_scopes_gained_are_told_to_a_client_that_did_not_ask() -> None:
    services = StandIns()
    session = ready(services)
    services.heads["club"] = 30
    assert messages(drive(session.check())) == [
        Join(frozenset({"club"})),
        Pong(0, {"all": 10, "ada": 20, "club": 30}),
    ]
    assert messages(drive(session.check())) == []


def test_an_answer_that_was_overtaken_does_not_bring_a_scope_back() -> None:
    services = StandIns()
    session = ready(services)
    slow = session.check()
    work = next(slow)
    assert isinstance(work, Work)
    old = work.function()
    del services.heads["ada"]
    drive(session.check())
    with pytest.raises(StopIteration):
        slow.send(old)
    assert session.scopes == {"all"}


def test_live_frames_wait_for_the_welcome() -> None:
    assert drive(Session(StandIns(), HANDSHAKE, BOUNDS).relay("all", b"frame")) == []


@pytest.mark.parametrize("message", [Ping(1), Pull(1, {})])
def test_scopes_gained_are_joined_and_scopes_lost_are_left(message: Any) -> None:
    services = StandIns()
    session = ready(services)
    services.heads = {"all": 10, "club": 30}
    joined, parted, left, *_ = tell(session, message)
    assert (joined, parted) == (Join(frozenset({"club"})), Part(frozenset({"ada"})))
    assert left == Leave("ada")
    assert drive(session.relay("ada", b"frame")) == []


# The user


@pytest.mark.parametrize("message", [Ping(1), Pull(1, {}), Push(1, EPOCH, items(1))])
def test_a_user_who_is_gone_is_noticed_at_the_next_message(message: Any) -> None:
    services = StandIns()
    session = ready(services)
    services.failing["current_user"] = SignInRefused("Gone.", code="unauthenticated")
    fault, close = tell(session, message)
    assert (fault.code, fault.fatal) == ("unauthenticated", True)
    assert close.code is CloseCode.UNAUTHENTICATED
    assert "push" not in [asked[0] for asked in services.asked]


def test_a_user_who_is_gone_is_noticed_by_the_timer() -> None:
    services = StandIns()
    session = ready(services)
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
    session = ready(services)
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
