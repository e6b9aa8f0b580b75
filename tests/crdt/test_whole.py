"""Documents without texts are written as pycrdt would have written them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc

from crdt.document import Document
from crdt.entry import Dot, Entry
from crdt.update import read_state
from crdt.whole import write_document

REPLICAS = (1, 130, 2**53 - 1)

values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.floats(-10, 10), st.text()
)
steps = st.lists(
    st.tuples(st.sampled_from(REPLICAS), st.sampled_from("abc"), values, st.booleans()), max_size=30
)


def integrated(*updates: bytes) -> bytes:
    doc: Doc[Any] = Doc()
    for update in updates:
        doc.apply_update(update)
    return doc.get_update()


def says(data: bytes) -> tuple[object, ...]:
    state = read_state(data)
    return state.vector, state.entries, state.last_entry, state.deleted


def write(document: Document, field: str, value: object, *, replacing: bool) -> None:
    replaced = [entry.dot for entry in document.live(field)] if replacing else []
    document.append(field, document.next_stamp(1), value, replaced)
    document.delete(replaced)


@given(steps)
def test_a_document_is_written_as_pycrdt_would_show_it(
    history: list[tuple[int, str, object, bool]],
) -> None:
    state, updates = b"", []
    for replica, field, value, replacing in history:
        document = Document(state, replica)
        write(document, field, value, replacing=replacing)
        state = document.encode()
        updates.append(document.delta())
        assert says(state) == says(integrated(*updates))
        assert says(integrated(state)) == says(state)
        assert read_state(state).vector == document.vector


@given(steps, st.randoms(use_true_random=False))
def test_replicas_that_take_each_others_updates_agree(
    history: list[tuple[int, str, object, bool]], random: object
) -> None:
    documents = {replica: Document(b"", replica) for replica in REPLICAS}
    sent: list[tuple[int, bytes]] = []
    for replica, field, value, replacing in history:
        document = documents[replica]
        clocks = dict(document.vector)
        write(document, field, value, replacing=replacing)
        sent.append((replica, document.diff(clocks)))
        for other in REPLICAS:
            if other != replica and random.random() < 0.5:  # type: ignore[attr-defined]
                documents[other].apply_update(document.encode())
    for document in documents.values():
        for other in REPLICAS:
            document.apply_update(documents[other].encode())
    states = [says(document.encode()) for document in documents.values()]
    assert states[0] == states[1] == states[2]
    assert states[0] == says(integrated(*(update for _, update in sent)))


@settings(max_examples=20)
@given(steps, st.text(min_size=1))
def test_a_text_that_comes_later_is_integrated_on_top(
    history: list[tuple[int, str, object, bool]], text: str
) -> None:
    document = Document(b"", 7)
    for replica, field, value, replacing in history:
        other = Document(document.encode(), replica)
        write(other, field, value, replacing=replacing)
        document.apply_update(other.delta())
        write(document, field, value, replacing=replacing)
    document.set_text("notes", text)
    again = Document(document.encode(), 7)
    assert again.text("notes") == text
    assert again.entries == document.entries


def test_an_entry_and_what_was_deleted_before_it_take_two_structs() -> None:
    entry = Entry(Dot(5, 1_000), "title", 1, "x", (Dot(5, 999),))
    data = write_document({5: 1_001}, {entry.dot: entry})
    assert len(data) < 60
    assert read_state(data).deleted == {5: [(0, 1_000)]}
    assert says(integrated(data)) == says(data)


def test_the_empty_document_is_two_bytes() -> None:
    assert write_document({}, {}) == b"\0\0"
