"""Documents of the core and those of JavaScript Yjs are the same, both ways."""

from __future__ import annotations

import pytest

from crdt import Document, Dot
from crdt.entry import entries_root, text_root
from crdt.update import read_push

from .oracle import Oracle

NOTES = text_root("notes")
REPLICA = 2**53 - 3  # an id as long as ours are; Yjs itself draws 32 bits


def test_yjs_reads_what_the_core_wrote(yjs: Oracle) -> None:
    document = Document(replica=REPLICA)
    document.append("title", 2**52, "naïve 😀")
    document.append("title", 2**52 + 1, 7, [Dot(REPLICA, 0)])
    document.set_text("notes", "a😀\u0301b")
    document.edit_text("notes", 1, 1, "𝒳")
    root = entries_root(REPLICA)
    told = yjs.ask([document.encode()], arrays=[root], texts=[NOTES])
    assert told.arrays == {root: [entry.raw() for entry in document.entries.values()]}
    assert told.texts == {NOTES: "a𝒳\u0301b"}
    assert told.vector == document.vector
    assert not told.held_back


def test_the_strict_reader_takes_what_yjs_wrote(yjs: Oracle) -> None:
    base = Document(replica=1)
    base.set_text("notes", "one 😀 two")
    told = yjs.ask(
        [base.encode()],
        replica=REPLICA,
        edits=[
            ["insert", NOTES, 6, " and"],
            ["delete", NOTES, 0, 4],
            ["push", entries_root(REPLICA), [["notes", 5, None], ["title", 6, "naïve 😀"]]],
        ],
        vector=base.vector,
    )
    assert told.diff is not None
    document = Document(base.encode(), 9)
    document.apply(read_push(told.diff, REPLICA, document.loaded))
    assert document.text("notes") == "😀 and two"
    assert [entry.value for entry in document.live("title")] == ["naïve 😀"]
    assert len(told.made) == 3


def test_yjs_holds_back_what_builds_on_something_that_is_missing(yjs: Oracle) -> None:
    document = Document(replica=1)
    document.append("title", 1, "a")
    first = document.encode()
    document = Document(first, 1)
    document.append("title", 2, "b")
    assert yjs.ask([document.delta()]).held_back
    assert not yjs.ask([document.delta(), first]).held_back


def test_what_yjs_throws_at_is_told(yjs: Oracle) -> None:
    with pytest.raises(ValueError, match="Error"):
        yjs.ask([b"\x01"])
