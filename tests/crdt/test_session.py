"""Connections: the welcome, the clock, and what a server may not do."""

from datetime import date
from uuid import UUID

import pytest

from crdt import frames
from crdt.document import Document
from crdt.errors import LocalFault, RemoteFault
from crdt.events import Connected, Failed, SignInRenewed, Synced
from crdt.frames import encode
from crdt.messages import (
    Ack,
    Changes,
    Confirm,
    Fault,
    Hello,
    Leave,
    Limits,
    Ping,
    Pong,
    Push,
    Renew,
    Renewed,
    Welcome,
)
from crdt.stamp import stamp_ms

from .authority import MODEL, SCHEMA, Authority
from .phone import Phone, converged


def welcome(**changes: object) -> Welcome:
    values: dict[str, object] = {
        "epoch": "e1",
        "time": 1_700_000_000_000,
        "user": "7",
        "schemas": (SCHEMA.description(),),
        "scopes": {"all": 0},
        "limits": Limits(1 << 20, 500, 1_000),
        "poll": 20.0,
    }
    return Welcome(**(values | changes))  # type: ignore[arg-type]


def test_hello_says_who_is_there(phone: Phone) -> None:
    hello = frames.decode(phone.replica.connected("secret"))
    assert hello == Hello(11, phone.replica.device, "secret", attempts=(11,))


def test_the_identity_survives_restarts(phone: Phone) -> None:
    before = phone.replica.replica, phone.replica.device
    phone.number = 99
    phone.restart()
    assert (phone.replica.replica, phone.replica.device) == before


def test_nothing_is_sent_before_the_welcome(phone: Phone) -> None:
    phone.replica.create(MODEL, {"title": "Eggs"})
    phone.connect()
    assert phone.replica.outgoing() == []
    assert not phone.replica.in_sync
    assert phone.exchange()[0] == Connected("7")
    assert phone.replica.user == "7"


def test_synced_is_told_when_everything_is_durable(phone: Phone) -> None:
    assert phone.sync()[-1] == Synced()
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    assert not phone.replica.in_sync
    assert phone.exchange().count(Synced()) == 1
    phone.replica.set(MODEL, row, title="Milk")
    assert phone.exchange().count(Synced()) == 1
    phone.cut()
    assert not phone.replica.in_sync


def test_the_server_says_how_long_the_sign_in_lasts_and_takes_another_token(phone: Phone) -> None:
    phone.replica.connected("first")
    told = phone.replica.receive(encode(welcome(expires_in=300.0)))
    assert told[0] == Connected("7", 300.0)
    assert frames.decode(phone.replica.renew("second")) == Renew("second")
    assert phone.replica.receive(encode(Renewed(600.0))) == [SignInRenewed(600.0)]


def test_the_server_says_how_often_it_wants_to_be_pinged(phone: Phone) -> None:
    phone.replica.connected()
    phone.replica.receive(encode(welcome(poll=20.0)))
    assert phone.replica.poll_seconds == 20.0
    assert isinstance(frames.decode(phone.replica.ping()), Ping)


# Clocks


def stamps(phone: Phone, row: UUID) -> list[int]:
    document = Document(phone.states()[row])
    return sorted(stamp_ms(entry.stamp) for entry in document.entries.values())


@pytest.mark.parametrize("skew", [-3_600_000, 3_600_000, 86_400_000 * 365])
def test_edits_made_under_a_wrong_clock_are_restamped_before_they_are_sent(skew: int) -> None:
    phone = Phone(Authority(), 11, skew=skew)
    row = phone.replica.create(MODEL, {"title": "Eggs", "notes": "é😀"})
    phone.replica.set(MODEL, row, title="Milk")
    assert all(abs(stamp - phone.authority.now - skew) < 10 for stamp in stamps(phone, row))
    values = phone.rows()
    phone.sync()
    assert phone.rows() == values
    assert all(abs(stamp - phone.authority.now) < 10 for stamp in stamps(phone, row))
    entries = Document(phone.states()[row]).live("title")
    assert [entry.value for entry in entries] == ["Milk"]


def test_the_corrected_clock_is_used_from_then_on(phone: Phone) -> None:
    phone.skew = -5_000_000
    phone.sync()
    phone.restart()
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    assert all(abs(stamp - phone.authority.now) < 10 for stamp in stamps(phone, row))


@pytest.mark.parametrize("skew", [0, -3_600_000, 3_600_000])
def test_a_slow_network_moves_no_stamps(phone: Phone, skew: int) -> None:
    phone.sync()
    phone.skew = skew
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.connect()
    when = phone.authority.now
    phone.authority.now += 60_000  # the welcome is under way for a minute
    phone.exchange()
    late = 60_000 if skew else 0
    assert all(-late - 10 < stamp - when < 10 for stamp in stamps(phone, row))


def test_what_was_sent_keeps_its_stamp(phone: Phone) -> None:
    phone.sync()
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.replica.outgoing()
    before = stamps(phone, row)
    phone.skew = 3_600_000
    phone.sync()
    assert stamps(phone, row) == before


def test_a_delay_of_the_network_restamps_nothing(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    before = Document(phone.states()[row]).entries
    phone.authority.now += 900
    phone.skew = -900
    phone.connect()
    phone.receive()
    assert Document(phone.states()[row]).entries == before


def test_a_restamped_write_stays_behind_what_it_replaced(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.sync()
    phone.cut()
    phone.skew = 3_600_000
    phone.replica.set(MODEL, row, title="Milk")
    phone.authority.now -= 7_200_000
    phone.skew += 1
    other = Phone(phone.authority, 12)
    phone.sync()
    other.sync()
    assert phone.rows()[row]["title"] == other.rows()[row]["title"] == "Milk"


@pytest.mark.parametrize("skew", [-86_400_000, 86_400_000])
def test_a_clock_that_goes_wrong_after_offline_edits_moves_none_of_them(skew: int) -> None:
    phone, other = Phone(Authority(), 11), Phone(Authority(), 12)
    other.authority = phone.authority
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.sync()
    other.sync()
    for device, title, done in ((other, "First", True), (phone, "Second", False)):
        device.cut()
        phone.authority.now += 3_600_000
        device.replica.set(MODEL, row, title=title)
        device.replica.set(MODEL, row, done=done)
    phone.authority.now += 3_600_000
    other.replica.set(MODEL, row, title="Third")
    phone.authority.now += 3_600_000
    phone.skew = skew
    assert converged(phone, other)
    assert phone.rows()[row] | {"title": "Third", "done": False} == phone.rows()[row]


@pytest.mark.parametrize("skew", [-86_400_000, 86_400_000])
def test_edits_made_after_a_clock_went_wrong_are_restamped(phone: Phone, skew: int) -> None:
    phone.sync()
    phone.cut()
    phone.authority.now += 3_600_000
    phone.skew = skew
    made = phone.authority.now
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.authority.now += 3_600_000
    phone.sync()
    assert all(abs(stamp - made) < 10 for stamp in stamps(phone, row))


def test_edits_made_by_a_servers_wrong_clock_are_put_right_by_its_right_one(phone: Phone) -> None:
    phone.skew = -86_400_000
    phone.sync()
    phone.cut()
    phone.authority.now -= 86_400_000
    phone.skew = 0
    phone.authority.now += 3_600_000
    made = phone.authority.now
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.authority.now += 3_600_000
    phone.sync()
    assert all(abs(stamp - made) < 10 for stamp in stamps(phone, row))


def test_edits_whose_stamps_were_corrected_are_not_moved_again(phone: Phone) -> None:
    phone.skew = 86_400_000
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.connect()
    phone.receive()
    phone.cut()
    before = stamps(phone, row)
    phone.skew = 0
    phone.authority.now += 3_600_000
    phone.sync()
    assert stamps(phone, row) == before


def test_restamped_writes_stay_behind_what_was_sent_before_and_in_their_order(phone: Phone) -> None:
    phone.sync()
    phone.skew = 3_600_000
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.send()
    [made] = stamps(phone, row)
    phone.authority.now += 10_000
    phone.replica.set(MODEL, row, done=True, due=date(2026, 11, 27))
    phone.authority.now += 10_000
    phone.replica.set(MODEL, row, title="Milk")
    phone.replica.delete(MODEL, row)
    phone.cut()
    phone.connect()
    phone.receive()
    held = Document(phone.states()[row]).entries.values()
    sent, done, due, title, deleted = sorted(held, key=lambda each: (each.stamp, each.dot))
    assert [done.field, due.field, title.field] == ["done", "due", "title"]
    assert sent.stamp < done.stamp < due.stamp < title.stamp < deleted.stamp
    assert {stamp_ms(each.stamp) for each in held} == {made}


# What a server may not do


@pytest.mark.parametrize(
    "message",
    [
        Ack(1, 0),
        Changes("all", 0, 1),
        Leave("all"),
        Pong(1, {}),
        welcome(protocol=2),
        welcome(schemas=({},)),
        welcome(schemas=({"model": "a.b", "fields": [{"name": "x", "kind": "?", "rule": {}}]},)),
        Hello(1),
        Push(1, "e", ()),
        Confirm(()),
    ],
)
def test_before_the_welcome_nothing_else_is_taken(phone: Phone, message: frames.Message) -> None:
    phone.replica.connected()
    store = dict(phone.store.scan(""))
    with pytest.raises(RemoteFault):
        phone.replica.receive(encode(message))
    assert dict(phone.store.scan("")) == store


@pytest.mark.parametrize("message", [welcome(), Hello(1), Push(1, "e", ()), Confirm(())])
def test_after_the_welcome_a_server_sends_no_client_messages(
    phone: Phone, message: frames.Message
) -> None:
    phone.sync()
    store = dict(phone.store.scan(""))
    with pytest.raises(RemoteFault):
        phone.replica.receive(encode(message))
    assert dict(phone.store.scan("")) == store


def test_a_servers_ping_is_answered_once_with_its_number_and_on_its_own_connection(
    phone: Phone,
) -> None:
    phone.sync()
    for number in (7, 2**52):
        phone.replica.receive(encode(Ping(number)))
    sent = [frames.decode(frame) for frame in phone.replica.outgoing()]
    assert sent == [Pong(7, {}), Pong(2**52, {})]
    assert phone.replica.outgoing() == []
    phone.replica.receive(encode(Ping(8)))
    phone.cut()
    phone.sync()
    assert phone.replica.outgoing() == []


def test_a_store_is_one_users(phone: Phone) -> None:
    phone.replica.create(MODEL, {"title": "Eggs"})
    phone.sync()
    phone.replica.connected()
    with pytest.raises(LocalFault, match="store of their own"):
        phone.replica.receive(encode(welcome(user="8")))
    assert phone.replica.outgoing() == []


def test_an_error_of_the_server_is_told(phone: Phone) -> None:
    phone.replica.connected()
    fault = Fault("unauthenticated", "Sign in.", fatal=True)
    assert phone.replica.receive(encode(fault)) == [Failed("unauthenticated", "Sign in.")]


def test_a_failed_pull_is_asked_for_again_after_the_next_ping(phone: Phone) -> None:
    other = Phone(phone.authority, 12)
    other.replica.create(MODEL, {"title": "Eggs"})
    other.sync()
    phone.connect()
    phone.receive()
    assert len(phone.replica.outgoing()) == 1
    phone.replica.receive(encode(Fault("internal", "Sorry.")))
    assert phone.replica.outgoing() == []
    assert phone.line is not None
    phone.line.take(phone.replica.ping())
    phone.exchange()
    assert phone.rows() == other.rows()
