"""What a hostile client may send, written by hand byte for byte: all of it is refused."""

from struct import pack
from typing import Any

import pytest
from pycrdt import Doc
from pycrdt import Text as YText

from crdt.entry import Dot
from crdt.errors import Gap, RemoteFault
from crdt.lib0 import write_any, write_text, write_varuint
from crdt.update import read_push, read_state, write_update
from tests.crdt.handmade import (
    BEHIND,
    ENTRY,
    ME,
    NOTES,
    OTHER,
    ROOT,
    SERVER,
    characters,
    deletes,
    entries,
    refused,
    stored_document,
    update,
)


@pytest.fixture(scope="module")
def stored() -> bytes:
    return stored_document()


def test_the_honest_pushes_that_the_others_are_made_from_are_accepted(stored: bytes) -> None:
    known = read_state(stored)
    assert read_push(update(entries(ENTRY)), ME, known).entries[0].value == "x"
    data = update(characters("é", Dot(OTHER, 1), Dot(OTHER, 2)), deletes=deletes(r5=[(1, 3)]))
    assert read_push(data, ME, known).text_fields == {"notes"}


def test_bytes_cut_off_anywhere(stored: bytes) -> None:
    whole = update(
        entries(write_any(["title", 5, "é", [[ME, 1]]])),
        characters("😀", Dot(OTHER, 1), Dot(OTHER, 2)),
        deletes=deletes(r5=[(2, 3)], r10=[(2, 1)]),
    )
    read_push(whole, ME, read_state(stored))
    for length in range(len(whole)):
        refused(whole[:length], stored)


@pytest.mark.parametrize("more", [b"\0", b"\0\0", b"\1"])
def test_bytes_after_the_end(stored: bytes, more: bytes) -> None:
    refused(update(entries(ENTRY)) + more, stored)


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\0\0\0", b"\1\0\x0a\2\0"])
def test_nothing_and_an_empty_update_of_version_2(stored: bytes, data: bytes) -> None:
    refused(data, stored)


@pytest.mark.parametrize("replica", [OTHER, SERVER, 0, 2**53, 2**53 + ME, 2**64 - 1])
def test_a_forged_replica(stored: bytes, replica: int) -> None:
    refused(update(entries(ENTRY), replica=replica), stored)


def test_two_sections_of_one_replica_and_of_two(stored: bytes) -> None:
    one = update(entries(ENTRY))[1:-1]
    refused(b"\2" + one + one + b"\0", stored)
    refused(b"\2" + one + update(characters("x"), replica=4, clock=0)[1:-1] + b"\0", stored)


@pytest.mark.parametrize("clock", [1, 3, 2**31, 2**32 - 1, 2**32, 2**53 - 1])
def test_other_clocks_than_the_next_are_asked_for_again(stored: bytes, clock: int) -> None:
    data = update(entries(ENTRY, ENTRY), clock=clock)
    refused(data, stored, RemoteFault)
    if clock == 3:
        refused(data, stored, Gap)


def test_known_clocks_with_other_content_are_refused(stored: bytes) -> None:
    """Somebody else writes as this replica: a store was copied."""
    place = b"\x08" + ROOT
    own = [write_any(["title", stamp, value]) for stamp, value in ((1, "one"), (2, "two"))]
    same = update(entries(*own, place=place), clock=0)
    assert read_push(same, ME, read_state(stored)).known
    refused(update(entries(ENTRY, place=place), clock=0), stored)


@pytest.mark.parametrize("info", [0x00, 0x0A])
@pytest.mark.parametrize("length", [1, 2**31, 2**32 - 1, 2**53 - 1])
def test_collected_and_skipped_runs(stored: bytes, info: int, length: int) -> None:
    refused(update(bytes((info,)) + write_varuint(length)), stored)
    refused(update(entries(ENTRY), bytes((info,)) + write_varuint(length)), stored)


@pytest.mark.parametrize("length", [2**31, 2**32 - 3, 2**32, 2**40, 2**53 - 1, 2**64 - 1])
def test_lengths_that_are_not_there(stored: bytes, length: int) -> None:
    number = write_varuint(length)
    refused(update(NOTES + number + b"x"), stored)
    refused(update(BEHIND + b"\1" + number + ENTRY), stored)
    refused(update(BEHIND + b"\1\1\x75" + number + ENTRY), stored)
    refused(b"\1" + number + b"\x0a\2" + entries(ENTRY) + b"\0", stored, RemoteFault)


def test_a_deleted_run_past_the_last_clock(stored: bytes) -> None:
    run = b"\x81\x0a\1" + write_varuint(2**32 - 2)
    refused(update(run, deletes=deletes(r10=[(2, 2**32 - 2)])), stored)


def test_a_deleted_run_that_the_deletions_do_not_name(stored: bytes) -> None:
    refused(update(b"\x81\x0a\1\2", deletes=deletes(r10=[(2, 1)])), stored)


@pytest.mark.parametrize("content", [2, 3, 5, 6, 7, 9, 11, 12, 31])
def test_content_that_documents_do_not_hold(stored: bytes, content: int) -> None:
    refused(update(bytes((content,)) + b"\1" + write_text("tnotes") + b"\0\0"), stored)
    refused(update(bytes((content | 0x80,)) + b"\5\1" + b"\0\0"), stored)


def test_a_key_of_a_map_and_unknown_bits(stored: bytes) -> None:
    for bit in (0x20, 0x10, 0x40):
        refused(update(bytes((0x08 | bit,)) + ROOT + write_text("k") + b"\1" + ENTRY), stored)
        refused(update(bytes((0x04 | bit,)) + b"\1" + write_text("tnotes") + b"\1k\1x"), stored)


def test_an_item_inside_another_item(stored: bytes) -> None:
    refused(update(b"\x08\0\5\0\1" + ENTRY), stored)
    refused(update(b"\x04\0\x0a\2" + write_text("x")), stored)


@pytest.mark.parametrize(
    "root", ["", "\0", "e", "eA", "e0a", "e10", "e5", "e1", "tnotes", "lx", "x"]
)
def test_entries_in_another_root_than_ones_own(root: str) -> None:
    refused(update(b"\x08\1" + write_text(root) + b"\1" + ENTRY, clock=0), b"")


@pytest.mark.parametrize("root", ["", "\0", "e", "ea", "e5", "lnotes", "notes", "T"])
def test_characters_in_a_root_that_is_no_text(stored: bytes, root: str) -> None:
    refused(update(b"\x04\1" + write_text(root) + b"\1x"), stored)


@pytest.mark.parametrize(
    "place",
    [
        b"\x08" + ROOT,
        b"\x88\x0a\0",
        b"\x88\x0a\2",
        b"\x88\x0a\3",
        b"\x88\5\0",
        b"\x88\5\1",
        b"\x48\x0a\0",
        b"\xc8\x0a\1\x0a\0",
    ],
)
def test_entries_anywhere_but_behind_ones_own_last(stored: bytes, place: bytes) -> None:
    refused(update(entries(ENTRY, place=place)), stored)


def test_characters_beside_entries_or_in_two_texts(stored: bytes) -> None:
    for dot in (Dot(ME, 1), Dot(OTHER, 0), Dot(OTHER, 9), Dot(OTHER, 10)):
        refused(update(characters("x", dot)), stored)
        refused(update(characters("x", None, dot)), stored)
    body = b"\x04\1" + write_text("tbody") + b"\1x"
    refused(update(body, characters("y", Dot(ME, 2), Dot(OTHER, 1))), stored)


@pytest.mark.parametrize("dot", [Dot(ME, 2), Dot(ME, 3), Dot(OTHER, 99), Dot(4, 0), Dot(2**52, 0)])
def test_characters_beside_what_is_not_there_yet(stored: bytes, dot: Dot) -> None:
    """Themselves, a later one of the same push, a clock and a replica that nobody knows."""
    refused(update(characters("x", dot), characters("y")), stored)
    refused(update(characters("x", None, dot), characters("y")), stored)


def test_characters_between_the_halves_of_another(stored: bytes) -> None:
    refused(update(characters("x", Dot(OTHER, 2))), stored)
    refused(update(characters("x", None, Dot(OTHER, 3))), stored)
    refused(update(characters("😀"), characters("x", Dot(ME, 2))), stored)


@pytest.mark.parametrize("text", [b"\xff", b"\xed\xa0\xbd", b"\xc0\x80", b"\xf4\x90\x80\x80", b""])
def test_text_that_is_not_utf_8(stored: bytes, text: bytes) -> None:
    data = write_varuint(len(text)) + text
    refused(update(NOTES + data), stored)
    if text:
        refused(update(entries(b"\x75\3\x77" + data + write_any(5) + b"\x7e")), stored)
        refused(update(entries(b"\x75\3" + write_any("t") + write_any(5) + b"\x77" + data)), stored)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        5,
        "title",
        {},
        [],
        ["title"],
        ["title", 5],
        ["title", 5, None, [], [ME, 0]],
        ["title", 5, None, [], None, None],
        [5, 5, None],
        [None, 5, None],
        ["title", "5", None],
        ["title", True, None],
        ["title", None, None],
        ["title", -1, None],
        ["title", 0.5, None],
        ["title", 5, None, None],
        ["title", 5, None, {}],
        ["title", 5, None, [ME, 0]],
        ["title", 5, None, [[ME]]],
        ["title", 5, None, [[ME, 0, 0]]],
        ["title", 5, None, [[ME, 0.5]]],
        ["title", 5, None, [[True, 0]]],
        ["title", 5, None, [[ME, True]]],
        ["title", 5, None, [["10", 0]]],
        ["title", 5, None, [[-1, 0]]],
        ["title", 5, None, [[ME, -1]]],
        ["title", 5, None, [[ME, 2**32]]],
    ],
)
def test_what_is_not_an_entry(stored: bytes, raw: Any) -> None:
    refused(update(entries(write_any(raw))), stored)


@pytest.mark.parametrize("stamp", [float("nan"), float("inf"), -float("inf"), 2.0**53, 2.0**63])
def test_stamps_that_are_no_times(stored: bytes, stamp: float) -> None:
    raw = b"\x75\3" + write_any("title") + b"\x7b" + pack(">d", stamp) + b"\x7e"
    refused(update(entries(raw)), stored)


@pytest.mark.parametrize("opening", [b"\x75\1", b"\x76\1\1k"])
@pytest.mark.parametrize("depth", [33, 1_000, 20_000, 60_000])
def test_values_nested_too_deep(stored: bytes, opening: bytes, depth: int) -> None:
    value = opening * depth + b"\x7e"
    refused(update(entries(b"\x75\3" + write_any("t") + write_any(5) + value)), stored)
    refused(update(entries(value)), stored)


@pytest.mark.parametrize(
    "value",
    [
        b"\x7f",
        b"\x7a" + bytes(8),
        b"\x7b" + pack(">d", float("nan")),
        b"\x7d\x40",
        b"\x7d\x80\x00",
        b"\x77\x81\x00x",
        b"\x76\2\1k\x7e\1k\x7e",
        b"\x73",
        b"\x00",
    ],
)
def test_values_that_are_not_canonical(stored: bytes, value: bytes) -> None:
    refused(update(entries(b"\x75\3" + write_any("t") + write_any(5) + value)), stored)


def test_integers_that_are_longer_than_they_need_to_be(stored: bytes) -> None:
    for at, data in enumerate([update(entries(ENTRY))] * 6):
        refused(data[:at] + bytes((data[at] | 0x80, 0)) + data[at + 1 :], stored)


def test_write_update_makes_what_the_reader_takes(stored: bytes) -> None:
    data = write_update(ME, 2, 1, [["title", 5, "x"]], {ME: [(2, 1)]})
    assert read_push(data, ME, read_state(stored)).entries == ()
    doc: Doc[Any] = Doc()
    doc.apply_update(stored)
    doc.apply_update(data)
    assert str(doc.get("tnotes", type=YText)) == "a😀b"
