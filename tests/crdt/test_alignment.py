"""Alignment: what became of the items of a list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.alignment import align, kept_in_order

words = st.lists(st.sampled_from("abcde"), max_size=12)


@pytest.mark.parametrize(
    ("old", "new", "sources"),
    [
        ("", "ab", [None, None]),
        ("abc", "abc", [0, 1, 2]),
        ("abc", "axc", [0, 1, 2]),  # changed in place
        ("abc", "cab", [2, 0, 1]),  # moved
        ("abc", "ac", [0, 2]),
        ("ac", "abc", [0, None, 1]),
        ("aab", "ab", [0, 2]),
        ("abc", "xaby", [None, 0, 1, 2]),
        ("abcd", "dxbc", [3, 0, 1, 2]),
    ],
)
def test_items_are_found_again(old: str, new: str, sources: list[int | None]) -> None:
    assert align(old, new) == sources


@given(words, words)
def test_no_item_is_used_twice_and_equal_ones_are_found(old: list[str], new: list[str]) -> None:
    sources = align(old, new)
    used = [source for source in sources if source is not None]
    assert len(sources) == len(new)
    assert len(set(used)) == len(used)
    for word in set(old) & set(new):
        kept = [index for index in used if old[index] == word]
        assert len(kept) >= min(old.count(word), new.count(word))


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_as_few_as_can_be_are_left_out(order: list[int], unknown: set[int]) -> None:
    sources = [None if source in unknown else source for source in order]
    kept = [sources[place] for place in sorted(kept_in_order(sources))]
    assert kept == sorted(kept)  # type: ignore[type-var]
    longest = [0] * 6
    for place, source in enumerate(sources):
        if source is not None:
            below = (p for p in range(place) if sources[p] is not None and sources[p] < source)  # type: ignore[operator]
            longest[place] = 1 + max((longest[p] for p in below), default=0)
    assert len(kept) == max(longest)
