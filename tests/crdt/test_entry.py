"""Entries: their array form, and which of them are live."""

from hypothesis import given
from hypothesis import strategies as st

from crdt.document import Document
from crdt.entry import Dot, Entry, entries_root, live_entries, text_root

dots = st.builds(Dot, st.integers(1, 3), st.integers(0, 4))
entries = st.builds(
    Entry,
    dots,
    st.sampled_from(["title", "done"]),
    st.integers(0, 5),
    st.none() | st.booleans() | st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(dots, max_size=3).map(tuple),
    st.none() | dots,
)


def present(*found: Entry) -> dict[Dot, Entry]:
    return {entry.dot: entry for entry in found}


def live(*found: Entry) -> set[Dot]:
    return {entry.dot for entry in live_entries(present(*found))}


def entry(clock: int, *replaces: Dot, stands_for: Dot | None = None, replica: int = 1) -> Entry:
    return Entry(Dot(replica, clock), "title", 1, None, replaces, stands_for)


def test_an_entry_that_nobody_replaces_is_live() -> None:
    assert live(entry(0), entry(1)) == {Dot(1, 0), Dot(1, 1)}
    assert live() == set()


def test_a_replaced_entry_is_not_live_and_is_again_when_its_successor_goes() -> None:
    first, second = entry(0), entry(1, Dot(1, 0))
    assert live(first, second) == {second.dot}
    assert live(first) == {first.dot}


def test_what_stands_for_another_dies_when_that_one_is_named() -> None:
    original = Dot(7, 3)
    stand_in = entry(0, stands_for=original, replica=9)
    successor = entry(4, original, replica=7)
    assert live(stand_in) == {stand_in.dot}
    assert live(stand_in, successor) == {successor.dot}


def test_what_stands_for_another_dies_when_it_is_named_itself() -> None:
    stand_in = entry(0, stands_for=Dot(7, 3), replica=9)
    successor = entry(0, stand_in.dot, replica=8)
    assert live(stand_in, successor) == {successor.dot}


def test_what_stands_for_another_does_not_die_of_its_own_naming() -> None:
    original = Dot(7, 3)
    stand_in = entry(0, original, stands_for=original, replica=9)
    assert live(stand_in) == {stand_in.dot}
    assert live(stand_in, entry(4, original, replica=7)) == {Dot(7, 4)}


@given(st.lists(entries, max_size=8), st.randoms(use_true_random=False))
def test_what_is_live_depends_on_no_order(found: list[Entry], random: st.DataObject) -> None:
    unique = list(present(*found).values())
    shuffled = unique[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert live(*shuffled) == live(*unique)


@given(st.lists(entries, max_size=6))
def test_an_entry_comes_back_from_a_document_as_it_was(found: list[Entry]) -> None:
    document = Document(b"", 5)
    written = [
        document.append(one.field, one.stamp, one.value, one.replaces, one.stands_for)
        for one in found
    ]
    again = Document(document.encode())
    assert again.entries == {one.dot: one for one in written}
    for one, original in zip(written, found, strict=True):
        assert one.raw() == original.raw()


def test_the_array_has_only_the_parts_that_are_needed() -> None:
    assert entry(0).raw() == ["title", 1, None]
    assert entry(0, Dot(2, 3)).raw() == ["title", 1, None, [[2, 3]]]
    assert entry(0, stands_for=Dot(2, 3)).raw() == ["title", 1, None, [], [2, 3]]


def test_roots_are_named_after_their_replica_or_field() -> None:
    assert entries_root(255) == "eff"
    assert text_root("notes") == "tnotes"
