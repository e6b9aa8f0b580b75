"""The wire: golden bytes, and everything that must not pass."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import frames
from crdt.errors import LocalFault, Malformed, RemoteFault, TooLarge
from crdt.frames import (
    Ack,
    Changes,
    Item,
    Leave,
    Message,
    Ping,
    Push,
    Reverted,
    RevertedField,
    decode,
    encode,
)
from tests.crdt.golden_frames import GOLDEN, ONE

NAMES = [type(message).__name__ for message, _, _ in GOLDEN]


def framed(header: str | bytes | dict[str, Any], blobs: bytes = b"") -> bytes:
    if isinstance(header, dict):
        header = json.dumps(header)
    if isinstance(header, str):
        header = header.encode()
    return len(header).to_bytes(4, "big") + header + blobs


@pytest.mark.parametrize(("message", "header", "blobs"), GOLDEN, ids=NAMES)
class TestGolden:
    def test_the_bytes_of_a_message_stay_as_they_are(
        self, message: Message, header: str, blobs: bytes
    ) -> None:
        assert encode(message) == framed(header, blobs)

    def test_the_bytes_are_read_back(self, message: Message, header: str, blobs: bytes) -> None:
        assert decode(framed(header, blobs)) == message

    def test_a_field_from_the_future_is_passed_over(
        self, message: Message, header: str, blobs: bytes
    ) -> None:
        assert decode(framed(header[:-1] + ',"new":[{}]}', blobs)) == message

    def test_every_truncation_is_refused(self, message: Message, header: str, blobs: bytes) -> None:
        frame = framed(header, blobs)
        for end in range(len(frame)):
            with pytest.raises(Malformed):
                decode(frame[:end])

    def test_a_trailing_byte_is_refused(self, message: Message, header: str, blobs: bytes) -> None:
        with pytest.raises(Malformed, match="adds up to"):
            decode(framed(header, blobs) + b"\x00")

    def test_a_field_of_another_type_is_refused_or_absent(
        self, message: Message, header: str, blobs: bytes
    ) -> None:
        for name in json.loads(header):
            wrongs: list[Any] = [True, -1, 1.5, "\u0000", [[]], {"": []}, 2**53]
            for wrong in wrongs:
                changed = json.loads(header) | {name: wrong}
                try:
                    decode(framed(changed, blobs))
                except RemoteFault:
                    continue
                assert name in {"code", "device", "message", "token", "user", "more", "live"} | {
                    "epoch",
                    "expires_in",
                    "scope",
                    "fatal",
                    "poll",
                    "sizes",
                    "type",
                }, f"{name}={wrong!r} was accepted"


def test_every_kind_of_message_has_golden_bytes() -> None:
    assert set(NAMES) == {kind.__name__ for kind in Message.__args__}


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00\x00\x00",
        b"\xff\xff\xff\xff{}",
        framed(""),
        framed("{"),
        framed("null"),
        framed("[]"),
        framed('"ping"'),
        framed("NaN"),
        framed('{"type":"ping","time":Infinity}'),
        framed(b'{"type":"leave","scope":"\xff"}'),
        framed('{"type":"leave","scope":"\\ud800"}'),
        framed('{"type":"ping","time":1}'.encode("utf-16")),
        framed('{"type":"ping","time":1} {}'),
        framed('{"type":"ping","type":"ping","time":1}'),
        framed('{"type":"pong","time":1,"heads":{"a":1,"a":2}}'),
        framed('{"type":"ping","time":' + "9" * 5_000 + "}"),
        framed('{"type":"ping","time":1e400}'),
    ],
)
def test_a_header_that_is_not_one_json_object_is_refused(frame: bytes) -> None:
    with pytest.raises(Malformed):
        decode(frame)


@pytest.mark.parametrize("depth", [33, 1_000, 20_000, 100_000, 1_000_000])
@pytest.mark.parametrize("brackets", ["[]", "{}", '{"a":}'])
def test_deep_nesting_is_refused_before_it_is_parsed(depth: int, brackets: str) -> None:
    nested = brackets[:-1] * depth + brackets[-1] * depth
    with pytest.raises(RemoteFault):
        decode(framed('{"type":"ping","time":1,"x":' + nested + "}"))
    with pytest.raises(RemoteFault):
        decode(framed(brackets[:-1] * depth))


@pytest.mark.parametrize("tail", [b"", b"\\"])
def test_a_string_without_an_end_is_refused_in_linear_time(tail: bytes) -> None:
    with pytest.raises(Malformed):
        decode(framed(b'{"type":"' + b'\\"' * 1_000_000 + b"[" + tail))


def test_brackets_inside_text_are_no_nesting() -> None:
    scope = "[{" * 100 + '"\\'
    assert decode(encode(Leave(scope))) == Leave(scope)


def test_nesting_up_to_the_bound_is_read() -> None:
    nested = "[" * (frames.MAX_DEPTH - 1) + "]" * (frames.MAX_DEPTH - 1)
    assert decode(framed('{"type":"ping","time":1,"x":' + nested + "}")) == Ping(1)


@pytest.mark.parametrize("kind", ["", "Ping", "websocket.connect", "__init__", 1, None, [], {}])
def test_a_type_that_is_no_message_is_refused(kind: Any) -> None:
    with pytest.raises(RemoteFault) as raised:
        decode(framed({"type": kind, "time": 1}))
    assert raised.value.code == "protocol"


def test_one_byte_over_the_limit_is_refused_unread() -> None:
    frame = encode(Ping(1))
    assert decode(frame, limit=len(frame)) == Ping(1)
    with pytest.raises(TooLarge):
        decode(frame, limit=len(frame) - 1)


def test_a_header_over_its_own_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        decode(framed(" " * (frames.MAX_HEADER_BYTES + 1)))


ITEM = ["todo.task", str(ONE)]


@pytest.mark.parametrize(
    "changes",
    [
        {"sizes": [3]},
        {"sizes": [1]},
        {"sizes": [2, 0]},
        {"sizes": []},
        {"sizes": [-1, 3]},
        {"sizes": [2.0]},
        {"sizes": [True, True]},
        {"sizes": {"0": 2}},
        {"items": []},
        {"items": [ITEM, ITEM], "sizes": [1, 1]},
        {"items": [["task", str(ONE)]]},
        {"items": [["a.b.c", str(ONE)]]},
        {"items": [["a/b.c", str(ONE)]]},
        {"items": [["todo.task", str(ONE).upper().replace("-8", "-A")]]},
        {"items": [["todo.task", ONE.hex]]},
        {"items": [["todo.task", "{" + str(ONE) + "}"]]},
        {"items": [["todo.task", 1]]},
        {"items": [["todo.task"]]},
        {"items": [[*ITEM, 1]]},
        {"items": ["todo.task"]},
        {"items": [None]},
        {"id": -1},
        {"id": 1.0},
        {"id": True},
        {"id": None},
        {"epoch": None},
        {"epoch": "e" * 20_000},
    ],
)
def test_a_push_that_does_not_hold_together_is_refused(changes: dict[str, Any]) -> None:
    header = {"type": "push", "id": 1, "epoch": "e", "items": [ITEM], "sizes": [2]}
    assert decode(framed(header, b"ab")) == Push(1, "e", (Item("todo.task", ONE, b"ab"),))
    with pytest.raises(Malformed):
        decode(framed(header | changes, b"ab"))


@pytest.mark.parametrize(
    "exceptions",
    [
        {"2": {"status": "busy"}},
        {"-1": {"status": "busy"}},
        {"01": {"status": "busy"}},
        {"x": {"status": "busy"}},
        {"²": {"status": "busy"}},
        {"": {"status": "busy"}},
        {"9" * 6_000: {"status": "busy"}},
        {"0": {"status": "ok"}},
        {"0": {"status": "lost"}},
        {"0": {"status": "resend"}},
        {"0": {"status": "resend", "clock": 2**32}},
        {"0": {"status": "refused", "code": "x"}},
        {"0": {"status": "ok", "reverted": {"f": {"value": 1}}, "outcome": 1, "clock": 1}},
        {"0": {"status": "ok", "reverted": {"f": 1}, "outcome": 1, "clock": 1}},
        {"0": {"status": "ok", "reverted": {}, "parked": None, "outcome": 1, "clock": 1}},
        {"0": {}},
        {"0": None},
        [],
    ],
)
def test_a_verdict_that_is_none_is_refused(exceptions: Any) -> None:
    with pytest.raises(Malformed):
        decode(framed({"type": "ack", "push": 1, "count": 2, "exceptions": exceptions}))


def test_changes_do_not_go_backwards() -> None:
    with pytest.raises(Malformed, match="from"):
        decode(encode(Changes("all", 5, 4)))


def test_an_error_names_the_message_and_the_field() -> None:
    with pytest.raises(Malformed, match='In a message "ping", "time" must be a whole number'):
        decode(framed({"type": "ping", "time": "now"}))


def test_what_is_no_json_is_the_callers_fault() -> None:
    with pytest.raises(LocalFault, match="cannot be written"):
        encode(Ack(1, 1, {0: Reverted({"f": RevertedField({1, 2}, "c", "m")}, 1, 1)}))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    with pytest.raises(RemoteFault):
        decode(noise)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@settings(max_examples=200)
@given(st.sampled_from(GOLDEN), st.data())
def test_any_change_to_a_header_is_read_or_refused(
    golden: tuple[Message, str, bytes], data: st.DataObject
) -> None:
    _, text, blobs = golden
    header = json.loads(text)
    header[data.draw(st.sampled_from(sorted(header)))] = data.draw(json_values)
    try:
        message = decode(framed(header, blobs))
    except RemoteFault:
        return
    assert decode(encode(message)) == message
