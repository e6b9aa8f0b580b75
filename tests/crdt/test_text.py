"""Text: differences that give back the new text, three-way merges, and the work they take."""

import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.document import Document
from crdt.text import TextEdit, difference, rebase, utf8_length, utf16_length

alphabets = st.sampled_from(["ab", "abcdefgh \n", "é😀a\u0301中👩\u200d"])
strings = alphabets.flatmap(lambda alphabet: st.text(st.sampled_from(alphabet), max_size=60))
any_text = st.text(st.characters(exclude_categories=["Cs"]))


def applied(text: str, edits: list[TextEdit]) -> str:
    end = len(text)
    for index, deleted, inserted in edits:
        assert 0 <= index <= index + deleted <= end
        text = text[:index] + inserted + text[index + deleted :]
        end = index
    return text


def scattered(text: str, count: int, seed: int = 1) -> str:
    chosen = random.Random(seed)
    pieces = list(text)
    for _ in range(count):
        pieces[chosen.randrange(len(pieces))] = chosen.choice(["", "x", "hello", "é😀"])
    return "".join(pieces)


def prose(length: int, seed: int = 0) -> str:
    return "".join(random.Random(seed).choices("etaoin shrdlu cmfwyp\n é😀", k=length))


def steps(work: Callable[[], object]) -> int:
    """How many lines of Python are run by it."""
    count = 0

    def run(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return run

    traced = sys.gettrace()
    sys.settrace(run)
    try:
        work()
    finally:
        sys.settrace(traced)
    return count


@given(any_text)
def test_lengths_are_those_of_the_encodings(text: str) -> None:
    assert utf8_length(text) == len(text.encode())
    assert utf16_length(text) == len(text.encode("utf-16-le")) // 2


@given(strings, strings)
def test_a_difference_turns_the_old_text_into_the_new(old: str, new: str) -> None:
    edits = difference(old, new)
    assert applied(old, edits) == new
    assert all(edit.deleted or edit.inserted for edit in edits)


@given(st.lists(any_text, max_size=8), st.randoms(use_true_random=False))
def test_passages_that_moved_are_no_trouble(parts: list[str], chance: random.Random) -> None:
    passages = [part + prose(30, index) for index, part in enumerate(parts)]
    moved = passages[:]
    chance.shuffle(moved)
    old, new = "".join(passages), "".join(moved)
    assert applied(old, difference(old, new)) == new


@pytest.mark.parametrize(
    ("old", "new", "edits"),
    [
        ("", "", []),
        ("same", "same", []),
        ("", "new", [(0, 0, "new")]),
        ("old", "", [(0, 3, "")]),
        ("one two", "one big two", [(4, 0, "big ")]),
        ("one two", "one two!", [(7, 0, "!")]),
        ("abc", "xbz", [(2, 1, "z"), (0, 1, "x")]),
    ],
)
def test_a_difference_touches_only_what_differs(
    old: str, new: str, edits: list[tuple[int, int, str]]
) -> None:
    assert difference(old, new) == edits


def test_scattered_edits_of_a_long_text_stay_scattered() -> None:
    old = prose(100_000)
    new = scattered(old, 300)
    edits = difference(old, new)
    assert applied(old, edits) == new
    assert sum(edit.deleted for edit in edits) < 600
    assert sum(len(edit.inserted) for edit in edits) < 3_000


@pytest.mark.parametrize("kind", ["scattered", "repeating", "unrelated", "islands"])
def test_the_work_grows_with_the_length_and_not_with_its_square(kind: str) -> None:
    chance = random.Random(5)

    def noise(length: int) -> str:
        return "".join(chance.choices("ab", k=length))

    def pair(length: int) -> tuple[str, str]:
        text = prose(length)
        if kind == "scattered":
            return text, scattered(text, length // 50)
        if kind == "repeating":
            return "ab" * (length // 2), "abb" * (length // 3)
        if kind == "unrelated":
            return noise(length), noise(length)
        islands = [text[at : at + 24] for at in range(0, length // 6, 24)]
        return (
            "".join(island + noise(120) for island in islands),
            "".join(island + noise(120) for island in islands),
        )

    small, large = (pair(length) for length in (6_000, 24_000))
    # Four times the text: quadratic would be 16 times the work.
    assert steps(lambda: difference(*large)) < 7 * steps(lambda: difference(*small))


def test_many_edits_behind_a_large_deletion_are_rebased_in_linear_time() -> None:
    def rebased(length: int) -> list[TextEdit]:
        base = prose(length)
        return rebase(base, scattered(base, length // 20), base[:10])

    edits = rebased(24_000)
    assert edits == sorted(edits, reverse=True, key=lambda edit: edit.index)
    assert steps(lambda: rebased(24_000)) < 7 * steps(lambda: rebased(6_000))


# Three-way merges. Insertions are marked with characters that stand nowhere else.

bases = st.text(st.sampled_from("abcdefgh"), max_size=30)
marks = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.integers(0, 2)), max_size=4)


def edited(base: str, changes: list[tuple[int, int, int]], first_mark: int) -> str:
    mark = first_mark
    for place, deleted, inserted in changes:
        at = place % (len(base) + 1)
        base = base[:at] + "".join(map(chr, range(mark, mark + inserted))) + base[at + deleted :]
        mark += inserted
    return base


@given(bases, marks, marks)
def test_a_merge_keeps_what_either_side_inserted(
    base: str, ours: list[tuple[int, int, int]], theirs: list[tuple[int, int, int]]
) -> None:
    new, current = edited(base, ours, 0x1F300), edited(base, theirs, 0xE000)
    merged = applied(current, rebase(base, new, current))
    assert [c for c in merged if ord(c) >= 0x1F300] == [c for c in new if ord(c) >= 0x1F300]
    foreign = [c for c in current if 0xE000 <= ord(c) < 0x1F300]
    assert [c for c in merged if 0xE000 <= ord(c) < 0x1F300] == foreign


@given(st.integers(0, 40), marks, marks)
def test_what_either_side_deleted_stays_deleted_and_the_rest_keeps_its_order(
    length: int, ours: list[tuple[int, int, int]], theirs: list[tuple[int, int, int]]
) -> None:
    base = "".join(map(chr, range(0x4E00, 0x4E00 + length)))  # every character once
    new, current = edited(base, ours, 0x1F300), edited(base, theirs, 0xE000)
    merged = applied(current, rebase(base, new, current))
    left = [character for character in merged if 0x4E00 <= ord(character) < 0x9000]
    assert left == [character for character in base if character in new and character in current]


@given(strings, strings)
def test_a_merge_with_one_side_unchanged_is_the_other_side(one: str, other: str) -> None:
    assert applied(one, rebase(one, other, one)) == other
    assert rebase(one, one, other) == []


def test_an_insertion_stands_where_its_neighbours_are_now() -> None:
    base, new, current = "one two", "one big two", "Say: one two"
    assert applied(current, rebase(base, new, current)) == "Say: one big two"


def test_an_insertion_whose_surroundings_are_gone_still_appears() -> None:
    assert applied("ad", rebase("abcd", "abXcd", "ad")) == "aXd"
    assert applied("", rebase("abcd", "abXcd", "")) == "X"


def test_a_replaced_word_does_not_swallow_what_was_typed_in_it() -> None:
    assert applied("abZcd", rebase("abcd", "X", "abZcd")) == "XZ"


@pytest.mark.parametrize("size", [200, 50_000])
def test_a_document_merges_an_edit_of_an_old_text_into_the_current_one(size: int) -> None:
    base = prose(size)
    new, current = scattered(base, size // 50), "<" + base[: size // 2] + "é😀" + base[size // 2 :]
    document = Document(b"", 7)
    document.set_text("notes", base)
    document.set_text("notes", current)
    document.merge_text("notes", base, new)
    expected = applied(current, rebase(base, new, current))
    assert document.text("notes") == expected
    assert Document(document.encode()).text("notes") == expected
    assert expected.startswith("<")
