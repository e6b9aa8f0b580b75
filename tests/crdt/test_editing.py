"""Editing: what was never sent is rewritten, what was sent stays."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import (
    MISSING,
    Counter,
    Document,
    Dot,
    Field,
    Latest,
    Live,
    LocalFault,
    MergeRule,
    Schema,
    Text,
    Write,
    write_field,
)
from crdt.editing import check_field, delete_row, touch_text, write_row
from crdt.entry import Entry
from crdt.rules import rule_from_description
from crdt.stamp import stamp_ms

TITLE = Field("title", "str", Latest())
VOTES = Field("votes", "int", Counter())
NOTES = Field("notes", "str", Text())
SCHEMA = Schema("todo.task", {field.name: field for field in (TITLE, VOTES, NOTES)})
NOW = 1_700_000_000_000


def own(document: Document, field: str) -> list[Entry]:
    return [entry for entry in document.entries.values() if entry.field == field]


def test_unsent_edits_of_a_field_become_one_entry() -> None:
    document = Document(replica=7)
    for word in ("a", "b", "c"):
        write_field(document, TITLE, TITLE.read(document), word, NOW, unsent_from=0)
    (entry,) = own(document, "title")
    assert (entry.value, entry.replaces) == ("c", ())


def test_a_sent_entry_is_replaced_and_never_rewritten() -> None:
    document = Document(replica=7)
    (sent,) = write_field(document, TITLE, MISSING, "sent", NOW, 0)
    write_field(document, TITLE, "sent", "one", NOW, unsent_from=1)
    (last,) = write_field(document, TITLE, "one", "two", NOW, unsent_from=1)
    assert own(document, "title") == [sent, last]
    assert last.replaces == (sent.dot,)
    assert document.live("title") == (last,)


def test_a_rewritten_entry_still_replaces_what_the_first_one_replaced() -> None:
    other = Document(replica=8)
    foreign = other.append("title", 1, "theirs")
    document = Document(other.encode(), 7)
    for word in ("a", "b", "c"):
        (last,) = write_field(document, TITLE, TITLE.read(document), word, NOW, unsent_from=0)
    assert last.replaces == (foreign.dot,)
    assert document.live("title") == (last,)


def test_without_a_clock_nothing_is_rewritten() -> None:
    document = Document(replica=7)
    (one,) = write_field(document, TITLE, MISSING, "one", NOW)
    (two,) = write_field(document, TITLE, "one", "two", NOW)
    assert own(document, "title") == [one, two]


def test_unsent_differences_add_up_and_sent_ones_stay() -> None:
    document = Document(replica=7)
    (sent,) = write_field(document, VOTES, MISSING, 5, NOW, 0)
    write_field(document, VOTES, 5, 7, NOW, unsent_from=1)
    (last,) = write_field(document, VOTES, 7, 4, NOW, unsent_from=1)
    assert own(document, "votes") == [sent, last]
    assert (last.value, last.replaces) == (-1, ())
    assert VOTES.read(document) == 4


@given(st.lists(st.tuples(st.integers(-9, 9), st.booleans()), max_size=12))
def test_a_counter_reads_the_same_however_it_was_folded(steps: list[tuple[int, bool]]) -> None:
    document, sent, expected = Document(replica=7), 0, 0
    for amount, send in steps:
        write_field(document, VOTES, expected, expected + amount, NOW, sent)
        expected += amount
        assert len([e for e in own(document, "votes") if e.dot.clock >= sent]) == 1
        if send:
            sent = document.clock(7)
    assert VOTES.read(document) == (expected if steps else MISSING)
    assert VOTES.read(Document(document.encode())) == VOTES.read(document)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=12))
def test_at_most_one_unsent_entry_waits_per_field(steps: list[tuple[str, bool]]) -> None:
    document, sent = Document(replica=7), 0
    for value, send in steps:
        write_field(document, TITLE, TITLE.read(document), value, NOW, sent)
        touch_text(document, NOTES, NOW, sent)
        for field in ("title", "notes"):
            assert len([e for e in own(document, field) if e.dot.clock >= sent]) == 1
            assert len(document.live(field)) == 1
        assert TITLE.read(document) == value
        if send:
            sent = document.clock(7)


def test_a_text_is_merged_from_what_its_writer_saw() -> None:
    document = Document(replica=7)
    write_field(document, NOTES, MISSING, "one two", NOW)
    document.edit_text("notes", 0, 0, "Say: ")
    write_field(document, NOTES, "one two", "one big two", NOW)
    assert document.text("notes") == "Say: one big two"
    assert len(document.live("notes")) == 1


def test_a_text_that_was_null_counts_as_empty() -> None:
    document = Document(replica=7)
    write_field(document, NOTES, None, "new", NOW)
    assert NOTES.read(document) == "new"


@pytest.mark.parametrize("field", [NOTES, VOTES])
def test_texts_and_counters_cannot_be_null(field: Field) -> None:
    with pytest.raises(ValueError, match=f"^{field.name}: a .* cannot be null"):
        write_field(Document(replica=7), field, MISSING, None, NOW)


@pytest.mark.parametrize(("field", "value"), [(TITLE, 5), (TITLE, "\0"), (NOTES, "\ud800")])
def test_a_value_that_does_not_fit_changes_nothing(field: Field, value: Any) -> None:
    document = Document(replica=7)
    write_field(document, field, MISSING, "before", NOW)
    before = document.encode()
    with pytest.raises(ValueError, match=f"^{field.name}: "):
        write_field(document, field, "before", value, NOW, 0)
    assert document.encode() == before
    assert field.read(document) == "before"


def test_a_stamp_is_past_every_stamp_of_the_document() -> None:
    document = Document(replica=7)
    document.append("done", 1 << 52, True)
    (entry,) = write_field(document, TITLE, MISSING, "a", NOW)
    assert entry.stamp == (1 << 52) + 1
    (entry,) = write_field(Document(replica=7), TITLE, MISSING, "a", NOW)
    assert stamp_ms(entry.stamp) == NOW


def test_a_row_is_deleted_and_comes_back() -> None:
    document = Document(replica=7)
    delete_row(document, SCHEMA, NOW)
    assert SCHEMA.is_deleted(document)
    delete_row(document, SCHEMA, NOW, deleted=False)
    assert not SCHEMA.is_deleted(document)


def test_an_unknown_field_names_the_known_ones() -> None:
    assert check_field(SCHEMA, "title") is TITLE
    for name in ("titel", "-"):
        with pytest.raises(LocalFault, match="Its fields are: title, votes, notes"):
            check_field(SCHEMA, name)


class Tags(MergeRule):
    """A rule that writes several entries at once."""

    name = "tags"

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        gone = [entry.dot for entry in live if entry.value not in new]
        there = {entry.value for entry in live}
        added = [Write(tag) for tag in sorted(set(new) - there)]
        return [*added, Write("", tuple(gone))] if gone else added

    def read(self, live: Sequence[Live]) -> Any:
        return {entry.value for entry in live} - {""}


def test_a_rule_may_write_several_entries() -> None:
    field = Field("tags", "str", Tags())
    document = Document(replica=7)
    write_field(document, field, set(), {"a", "b"}, NOW, 0)
    assert field.read(document) == {"a", "b"}
    write_field(document, field, {"a", "b"}, {"b", "c"}, NOW, 0)
    assert field.read(document) == {"b", "c"}
    assert field.read(Document(document.encode())) == {"b", "c"}
    assert all(dot.replica == 7 for dot in document.entries)


def test_a_field_of_an_unknown_rule_is_not_written() -> None:
    field = Field("motto", "str", rule_from_description({"name": "longest"}))
    document = Document(replica=7)
    with pytest.raises(LocalFault, match="'longest', which this client does not know"):
        write_field(document, field, MISSING, "x", NOW)
    assert document.vector == {}
    assert Dot(7, 0) not in document.entries


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.integers(-(2**40), 2**40),
)
def test_a_row_written_at_once_is_the_same_as_one_written_field_by_field(
    title: str, notes: str, votes: int
) -> None:
    values = [(TITLE, title), (NOTES, notes), (VOTES, votes)]
    once, apart = Document(replica=7), Document(replica=7)
    write_row(once, values, NOW)
    for field, value in values:
        write_field(apart, field, MISSING, value, NOW)
    read = [Document(document.encode(), 7) for document in (once, apart)]
    assert SCHEMA.read(once) == SCHEMA.read(read[0]) == SCHEMA.read(read[1])
    assert once.vector == read[0].vector == apart.vector
    assert once.entries == read[0].entries
    assert once.delta() == once.encode()
    # It is a document like any other: pycrdt takes it, and what is written next.
    again = Document(once.encode(), 7)
    write_field(again, NOTES, notes, notes + "x", NOW + 1)
    write_field(again, TITLE, title, "later", NOW + 1)
    write_field(once, TITLE, title, "later", NOW + 1)
    assert SCHEMA.read(Document(again.encode())).values == {
        "title": "later",
        "notes": notes + "x",
        "votes": votes,
    }
    assert SCHEMA.read(Document(once.encode())).values["title"] == "later"


def test_a_row_without_fields_is_the_empty_document() -> None:
    document = Document(replica=7)
    write_row(document, [], NOW)
    assert document.encode() == b"\0\0"
    assert not document.vector


def test_a_row_refuses_a_null_where_the_rule_has_none() -> None:
    with pytest.raises(ValueError, match="votes: a counter cannot be null"):
        write_row(Document(replica=7), [(VOTES, None)], NOW)
