"""Documents: what they read while they are edited and merged, and that they converge."""

import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crdt
from crdt import Counter, Document, Field, Gap, Latest, LocalFault, Malformed, Schema, Text
from crdt.text import TextEdit
from crdt.update import read_push

from .test_rules import Longest

SERVER = 2**40
NOW = 1_700_000_000_000
WORDS = ["", "a", "é", "e\u0301", "😀", "👩\u200d👧", "𝒳", "中文"]

SCHEMA = Schema(
    "todo.task",
    {
        field.name: field
        for field in (
            Field("title", "str", Latest()),
            Field("motto", "str", Longest()),
            Field("votes", "int", Counter()),
            Field("notes", "str", Text()),
        )
    },
)


def content(document: Document) -> tuple[Any, ...]:
    """All that two equal documents have in common."""
    fields = sorted(document.fields())
    live = {field: document.live(field) for field in fields}
    return dict(document.vector), document.entries, live, SCHEMA.read(document), text_of(document)


def text_of(document: Document) -> str:
    return document.text("notes")


def reloaded(document: Document, replica: int = 0) -> Document:
    return Document(document.encode(), replica)


# What it reads


def test_the_example_of_the_package_works() -> None:
    assert crdt.__doc__ is not None
    example = textwrap.dedent(crdt.__doc__.split("\n\n")[1])
    names: dict[str, Any] = {name: getattr(crdt, name) for name in crdt.__all__}
    exec(example, names)
    said = example.splitlines()[-1].partition("# ")[2]
    assert names["task"].read(names["yours"]).values == {"title": "Buy milk"}
    assert eval(said) == {"title": "Buy milk"}


def test_an_empty_document_says_nothing() -> None:
    document = Document(replica=7)
    assert document.encode() == b""
    assert document.text("notes") == ""
    assert list(document.fields()) == []
    assert document.live("title") == ()
    assert document.vector == {}
    assert document.delta() == b"\x00\x00"
    assert document.encode() == b""


def test_live_entries_come_in_the_order_of_their_dots() -> None:
    document = Document(replica=2)
    second = document.append("title", 1, "b")
    one = Document(replica=1)
    first = one.append("title", 9, "a")
    document.apply_update(one.encode())
    assert document.live("title") == (first, second)


def test_a_stamp_is_past_every_stamp_of_the_document() -> None:
    document = Document(replica=7)
    document.append("title", 5 << 60, "a")
    assert document.next_stamp(0) == 2**53 - 1
    other = Document(replica=7)
    other.append("title", 12, "a")
    assert other.next_stamp(0) == 13
    assert other.next_stamp(1) == 1 << 11


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["append", "replace", "delete", "text", "apply", "encode", "delta", "push"]
        ),
        st.integers(0, 99),
        st.sampled_from(WORDS),
    ),
    max_size=12,
)


@given(steps, st.booleans())
@settings(max_examples=150, deadline=None)
def test_reading_agrees_with_the_bytes_after_every_combination_of_steps(
    steps: list[tuple[str, int, str]], with_text: bool
) -> None:
    other = Document(replica=8)
    other.append("title", 1, "theirs")
    if with_text:
        other.edit_text("notes", 0, 0, "é😀")
    base = server = other.encode()
    document = Document(base, 7)
    sent = 0
    for step, number, word in [*steps, ("push", 0, "")]:
        match step:
            case "append":
                document.append("title", number, word)
            case "replace":
                document.append("title", number, word, [e.dot for e in document.live("title")])
            case "delete":
                unsent = sorted(
                    dot for dot in document.entries if dot >= (7, sent) and dot < (8, 0)
                )
                document.delete(unsent[: number % 3])
            case "text" if with_text:
                index = number % (len(text_of(document)) + 1)
                gone = min(number % 3, len(text_of(document)) - index)
                document.edit_text("notes", index, gone, word)
                document.append("notes", number, None)  # or a mere deletion would not be pushed
            case "apply":
                clock = other.clock(8)
                other.append("title", number, word)
                if with_text:
                    other.edit_text("notes", number % (len(text_of(other)) + 1), 0, word)
                document.apply_update(other.own_diff(clock))
            case "encode":
                document.encode()
            case "delta":
                document.delta()
            case "push" if document.clock(7) > sent:
                server = merged(server, other.encode())
                taker = Document(server, SERVER)
                taker.apply(read_push(document.own_diff(sent), 7, taker.loaded))
                assert_same(taker, Document(taker.encode()))
                server, sent = taker.encode(), document.clock(7)
        assert_same(document, Document(document.encode()))
    assert_same(document, Document(merged(base, document.delta())))
    assert_same(document, Document(merged(base, document.diff(Document(base).vector))))
    assert_same(document, Document(merged(server, other.encode())))


def assert_same(one: Document, other: Document) -> None:
    assert content(one) == content(other)


def merged(base: bytes, update: bytes) -> bytes:
    document = Document(base)
    document.apply_update(update)
    assert_same(document, Document(document.encode()))
    return document.encode()


# What is merged


def test_an_update_that_comes_twice_changes_nothing() -> None:
    source = Document(replica=7)
    source.append("title", 1, "a")
    source.edit_text("notes", 0, 0, "é")
    document = Document(replica=8)
    document.apply_update(source.encode())
    before = content(document)
    document.apply_update(source.encode())
    document.apply_update(b"")
    document.apply_update(b"\x00\x00")
    assert content(document) == before == content(reloaded(document))


def test_what_was_deleted_here_does_not_come_back_with_an_older_update() -> None:
    source = Document(replica=7)
    entry = source.append("title", 1, "a")
    document = Document(source.encode(), SERVER)
    document.delete([entry.dot])
    document.apply_update(source.encode())
    assert document.entries == {}
    assert reloaded(document).entries == {}


def a_gap_in_the_clocks() -> tuple[Document, bytes]:
    source = Document(replica=7)
    source.append("title", 1, "a")
    source.append("title", 2, "b")
    return Document(replica=8), source.own_diff(1)


def a_deletion_of_what_is_not_here() -> tuple[Document, bytes]:
    first = Document(replica=7)
    entry = first.append("votes", 1, 5)
    server = Document(first.encode(), SERVER)
    server.append("votes", 1, 5)
    server.delete([entry.dot])
    return Document(replica=8), server.delta()


def text_beside_text_that_is_not_here() -> tuple[Document, bytes]:
    first = Document(replica=7)
    first.edit_text("notes", 0, 0, "hello")
    second = Document(first.encode(), 9)
    second.edit_text("notes", 5, 0, " world")
    return Document(replica=8), second.delta()


def text_before_text_that_is_not_here() -> tuple[Document, bytes]:
    first = Document(replica=7)
    first.edit_text("notes", 0, 0, "hello")
    second = Document(first.encode(), 9)
    second.edit_text("notes", 0, 0, "oh ")
    return Document(replica=8), second.delta()


@pytest.mark.parametrize(
    "make",
    [
        a_gap_in_the_clocks,
        a_deletion_of_what_is_not_here,
        text_beside_text_that_is_not_here,
        text_before_text_that_is_not_here,
    ],
)
def test_an_update_that_builds_on_what_is_missing_changes_nothing(
    make: Callable[[], tuple[Document, bytes]],
) -> None:
    document, update = make()
    document.append("title", 1, "mine")
    document.edit_text("notes", 0, 0, "mine")
    before, data = content(document), document.encode()
    with pytest.raises(Gap) as caught:
        document.apply_update(update)
    assert caught.value.expected == document.clock(caught.value.replica) < caught.value.got
    assert content(document) == before
    assert Document(document.encode()).vector == Document(data).vector
    assert document.text("notes") == "mine"


def test_bytes_that_are_no_update_change_nothing() -> None:
    document = Document(replica=7)
    document.append("title", 1, "a")
    before = document.encode()
    for garbage in (b"\x01", b"\x00\x00\x00", b"\xff" * 20):
        with pytest.raises(Malformed):
            document.apply_update(garbage)
    assert document.encode() == before


def test_what_this_replica_wrote_elsewhere_is_continued_behind_its_end() -> None:
    elsewhere = Document(replica=7)
    elsewhere.append("title", 1, "a")
    elsewhere.edit_text("notes", 0, 0, "é")
    document = Document(replica=7)
    document.apply_update(elsewhere.encode())
    document.append("title", 2, "b")
    assert document.clock(7) == elsewhere.clock(7) + 1
    assert content(reloaded(document)) == content(document)


# Text


def test_edits_are_made_at_code_points() -> None:
    document = Document(replica=7)
    document.edit_text("notes", 0, 0, "é😀x")
    document.edit_text("notes", 1, 1, "👩\u200d👧")
    assert document.text("notes") == "é👩\u200d👧x"
    assert document.clock(7) == len("é😀x👩\u200d👧".encode("utf-16-le")) // 2
    assert content(reloaded(document)) == content(document)


@pytest.mark.parametrize(
    "edits",
    [
        [TextEdit(4, 0, "x")],
        [TextEdit(2, 2, "")],
        [TextEdit(-1, 0, "x")],
        [TextEdit(2, -1, "x")],
        [TextEdit(0, 0, "\ud83d")],
        [TextEdit(3, 0, "fine"), TextEdit(5, 0, "x")],
        [TextEdit(0, 1, ""), TextEdit(2, 0, "forwards")],
        [TextEdit(1, 0, "x"), TextEdit(0, 2, "")],
    ],
)
def test_an_impossible_edit_changes_nothing(edits: list[TextEdit]) -> None:
    document = Document(replica=7)
    document.edit_text("notes", 0, 0, "a😀c")
    before = document.encode()
    with pytest.raises(LocalFault, match="'notes'"):
        document.edit_text_at("notes", edits)
    assert document.encode() == before
    assert document.text("notes") == "a😀c"
    assert document.vector == Document(before).vector


def test_a_text_that_is_set_touches_only_what_differs() -> None:
    document = Document(replica=7)
    document.set_text("notes", "one two three")
    clock = document.clock(7)
    document.set_text("notes", "one 2 three")
    assert document.clock(7) == clock + 1
    document.set_text("notes", "one 2 three")
    assert document.clock(7) == clock + 1
