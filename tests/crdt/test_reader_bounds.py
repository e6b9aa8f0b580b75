"""What a hostile client may delete, and how much he may send; known faults stand at the end."""

import sys
from types import FrameType
from typing import Any

import pytest

from crdt.entry import Dot
from crdt.errors import Malformed, RemoteFault, TooLarge
from crdt.lib0 import write_any, write_varuint
from crdt.update import Limits, read_push, read_state
from tests.crdt.handmade import (
    ENTRY,
    ME,
    NOTES,
    OTHER,
    ROOT,
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


@pytest.mark.parametrize(
    "ranges",
    [
        deletes(r5=[(0, 1)]),
        deletes(r5=[(0, 3)]),
        deletes(r5=[(8, 2)]),
        deletes(r5=[(9, 2)]),
        deletes(r5=[(5, 6)]),
        deletes(r10=[(0, 1)]),
        deletes(r10=[(1, 2)]),
    ],
)
def test_deletions_of_entries(stored: bytes, ranges: bytes) -> None:
    """Alone, behind characters, behind what is deleted already, and one's own."""
    refused(update(entries(ENTRY), deletes=ranges), stored)


@pytest.mark.parametrize(
    "ranges",
    [
        deletes(r5=[(2, 1)]),
        deletes(r5=[(3, 1)]),
        deletes(r5=[(1, 2)]),
        deletes(r5=[(4, 1), (2, 1)]),
        deletes(r5=[(1, 3), (2, 2)]),
        deletes(r5=[(1, 0)]),
        deletes(r5=[]),
        deletes(r5=[(11, 1)]),
        deletes(r5=[(5, 2**32 - 1)]),
        deletes(r5=[(2**53 - 1, 2**53 - 1)]),
        deletes(r10=[(2, 2)]),
        deletes(r10=[(3, 1)]),
        deletes(r4=[(0, 1)]),
        deletes(r5=[(1, 1)], r05=[(1, 1)]),
    ],
)
def test_deletions_that_are_not_canonical_or_of_what_is_not_there(
    stored: bytes, ranges: bytes
) -> None:
    refused(update(entries(ENTRY), deletes=ranges), stored)


@pytest.mark.parametrize("replicas", [40_000, 2**40])
def test_deletions_of_many_replicas(stored: bytes, replicas: int) -> None:
    few = b"".join(write_varuint(number) + b"\1\0\1" for number in range(20_000, 60_000))
    refused(update(entries(ENTRY), deletes=write_varuint(replicas) + few), stored, RemoteFault)


def test_two_hundred_thousand_ranges(stored: bytes) -> None:
    ranges = deletes(r5=[(2 * number, 1) for number in range(200_000)])
    refused(update(entries(ENTRY), deletes=ranges), stored, TooLarge)


def test_every_bound_of_a_push(stored: bytes) -> None:
    known = read_state(stored)
    typed = (characters("x", Dot(ME, clock)) for clock in range(2, 7))
    many = update(characters("x", Dot(OTHER, 1)), *typed)
    dots = write_any(["title", 5, None, [[n, 0] for n in range(6)]])
    long = write_any(["title", 5, "x" * 60])
    for data, limits in (
        (update(entries(long)), Limits(update=50)),
        (many, Limits(structs=5)),
        (update(entries(long)), Limits(value=50)),
        (update(characters("x" * 60)), Limits(text=50)),
        (update(entries(dots)), Limits(replaces=5)),
    ):
        read_push(data, ME, known)
        with pytest.raises(TooLarge):
            read_push(data, ME, known, limits)


def test_a_stored_document_with_one_bit_flipped_reads_or_is_malformed(stored: bytes) -> None:
    for at in range(len(stored)):
        for bit in range(8):
            data = stored[:at] + bytes((stored[at] ^ 1 << bit,)) + stored[at + 1 :]
            try:
                read_state(data)
            except Malformed:
                continue


def test_many_ranges_over_many_runs_take_as_many_steps_as_they_are() -> None:
    """Four times as many ranges over four times as many runs: not sixteen times the work."""
    small, large = steps_for_ranges(500), steps_for_ranges(2_000)
    assert large < 5 * small


def steps_for_ranges(count: int) -> int:
    """Calls that the reader makes, of Python functions and of built-in ones."""
    client = b"\1" + write_varuint(count) + b"\5\0" + NOTES + b"\2ab"
    client += b"".join(b"\x84\5" + write_varuint(2 * n - 1) + b"\2ab" for n in range(1, count))
    known = read_state(client + b"\0")
    data = update(
        entries(ENTRY, place=b"\x08" + ROOT),
        clock=0,
        deletes=deletes(r5=[(2 * n, 1) for n in range(count)]),
    )
    calls = 0

    def count_call(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count_call)
    try:
        read_push(data, ME, known)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("mine", [True, False])
def test_ranges_that_touch_inside_a_character(mine: bool) -> None:
    """Joined they delete whole characters; pycrdt takes them one by one, and loses a clock."""
    family = characters("👩\u200d👩\u200d👧")
    touching = [(2, 2), (4, 2)]
    if mine:
        refused(update(family, clock=0, deletes=deletes(r10=touching)), b"")
        return
    base = update(family, replica=OTHER, clock=0)
    refused(
        update(entries(ENTRY, place=b"\x08" + ROOT), clock=0, deletes=deletes(r5=touching)), base
    )


# Neighbours that nobody can have seen side by side: such texts diverge, or take minutes to load


def backwards() -> tuple[bytes, bytes]:
    """A document "abcdef" of one replica, and a push whose neighbours are the wrong way round."""
    base = update(characters("abcdef"), replica=OTHER, clock=0)
    return base, update(characters("X", Dot(OTHER, 4), Dot(OTHER, 1)), clock=0)


def test_characters_whose_neighbours_are_the_wrong_way_round() -> None:
    base, push = backwards()
    refused(push, base)


def test_characters_put_in_a_place_where_ones_own_stand_already() -> None:
    """Who sees both neighbours also sees what he himself put between them."""
    base = update(characters("ab"), replica=OTHER, clock=0)
    gap = (Dot(OTHER, 0), Dot(OTHER, 1))
    refused(update(characters("x", *gap), characters("y", *gap), clock=0), base)


def test_characters_that_pass_over_what_their_right_neighbour_stood_behind() -> None:
    """Nobody sees "c" without the "b" it was typed behind."""
    base = update(
        characters("a"), characters("b", Dot(OTHER, 0)), characters("c", Dot(OTHER, 1)),
        replica=OTHER, clock=0,
    )  # fmt: skip
    refused(update(characters("x", Dot(OTHER, 0), Dot(OTHER, 2)), clock=0), base)
