"""The laws of merge rules, for every rule on every kind of field that it serves.

And what two edits that meet become, as `fuzz.rule_cases` declares it.
"""

import os
from collections import Counter as Count
from collections.abc import Callable, Sequence
from functools import wraps
from zlib import crc32

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from crdt import (
    MISSING,
    Counter,
    DeleteWins,
    Document,
    Field,
    Pushed,
    Schema,
    write_field,
)
from crdt.compaction import compact
from fuzz.rule_cases import RULE_CASES, Meeting, RuleCase, Steps

CASES = (
    *RULE_CASES,
    RuleCase(Counter(), "int", tuple(range(-(10**30), 10**30, 10**29 + 7))),
    RuleCase(DeleteWins(), "bool", (True, False)),
)
NOW = 1_700_000_000_000
EXAMPLES = int(os.environ.get("PULSE_EXAMPLES", "12"))
"""Of each law for each rule, spread over the kinds of field that it serves."""
OF_A_KIND = min(EXAMPLES, 12)
"""Of each law on each of these at least."""
KINDS = Count(case.rule.name for case in CASES)


def law(test: Callable[[RuleCase, st.DataObject], None]) -> Callable[[RuleCase], None]:
    """A law holds for every rule on every kind of field, whatever the example."""

    @pytest.mark.parametrize("case", CASES, ids=str)
    @wraps(test)
    def holds(case: RuleCase) -> None:
        @seed(crc32(f"{test.__name__} {case}".encode()))
        @settings(max_examples=max(OF_A_KIND, -(-EXAMPLES // KINDS[case.rule.name])))
        @given(data=st.data())
        def in_each_example(data: st.DataObject) -> None:
            test(case, data)

        in_each_example()

    del holds.__wrapped__  # pytest is to ask for the case alone
    return holds


def field_of(case: RuleCase) -> Field:
    return Field("field", case.kind, case.rule)


def grown(case: RuleCase, data: st.DataObject, writes: int = 6) -> list[Document]:
    """Three replicas' documents after edits of the field, some of which the others heard of."""
    documents = [Document(replica=number) for number in (1, 2, 3)]
    field, picked = field_of(case), st.sampled_from(case.values)
    for now in range(data.draw(st.integers(1, writes))):
        mine = data.draw(st.sampled_from(documents))
        write_field(mine, field, field.read(mine), data.draw(picked), NOW + now)
        if data.draw(st.booleans()):
            hear(data.draw(st.sampled_from(documents)), mine)
    return documents


def hear(document: Document, other: Document) -> None:
    document.apply_update(other.diff(document.vector))


def merged(documents: Sequence[Document]) -> Document:
    together = Document(replica=9)
    for document in documents:
        hear(together, document)
    return together


@law
def test_what_is_read_depends_on_no_order(case: RuleCase, data: st.DataObject) -> None:
    if case.rule.text:
        return
    live = field_of(case).live(merged(grown(case, data)).live("field"))
    if live:
        value = case.rule.read(live)
        assert repr(case.rule.read(data.draw(st.permutations(live)))) == repr(value)


@law
def test_what_was_written_is_read_unless_what_is_there_wins(
    case: RuleCase, data: st.DataObject
) -> None:
    field, document = field_of(case), merged(grown(case, data))
    old, new = field.read(document), data.draw(st.sampled_from(case.values))
    seen = set(document.entries)
    entries = write_field(document, field, old, new, NOW)
    assert {dot for entry in entries for dot in entry.replaces} <= seen
    if case.keeps and not entries:
        assert field.same(field.read(document), old)
    else:
        assert field.same(field.read(document), new)


@law
def test_unsent_edits_read_as_if_each_had_been_sent(case: RuleCase, data: st.DataObject) -> None:
    """And of what was never sent no more is left than what is read."""
    start = merged(grown(case, data))
    field, apart, folded = field_of(case), Document(start.encode(), 5), Document(start.encode(), 5)
    for value in data.draw(st.lists(st.sampled_from(case.values), max_size=5)):
        for document, unsent in ((apart, None), (folded, 0)):
            old = field.read(document)
            if old is MISSING or not field.same(old, value):
                write_field(document, field, old, value, NOW, unsent)
        assert field.same(field.read(folded), field.read(apart))
    own = [entry for dot, entry in folded.entries.items() if dot.replica == 5]
    live = [entry for entry in own if entry in folded.live("field")]
    assert own == live
    assert case.kind == "json" or len(own) <= 1


@law
def test_replicas_that_heard_the_same_read_the_same(case: RuleCase, data: st.DataObject) -> None:
    documents, field = grown(case, data), field_of(case)
    together = merged(documents)
    for document in documents:
        hear(document, together)
    read = {repr(field.read(document)) for document in (*documents, together)}
    assert len(read) == 1


@law
def test_what_the_server_deletes_changes_nothing_now_nor_later(
    case: RuleCase, data: st.DataObject
) -> None:
    """Somebody goes on from what he had seen before, whatever was deleted meanwhile."""
    documents, field = grown(case, data), field_of(case)
    plain = merged(documents[: data.draw(st.integers(1, 3))])
    small = Document(plain.encode(), 8)
    compact(small, Schema("some.model", {"field": field}))
    assert field.same(field.read(small), field.read(plain))
    assert bool(small.entries) == bool(plain.entries)
    late = data.draw(st.sampled_from(documents))
    for value in data.draw(st.lists(st.sampled_from(case.values), max_size=3)):
        write_field(late, field, field.read(late), value, NOW + 9)
    for document in (plain, small):
        hear(document, late)
    assert field.same(field.read(small), field.read(plain))


@law
def test_what_an_honest_client_writes_is_not_refused(case: RuleCase, data: st.DataObject) -> None:
    field, documents = field_of(case), grown(case, data)
    server, client = merged(documents[:2]), documents[2]
    hear(client, server)
    held = field.live(server.live("field"))
    for entry in client.live("field"):
        if entry.dot.replica == 3 and entry.dot not in server.entries:
            replaced = field.live(server.entries[d] for d in entry.replaces if d in server.entries)
            (live,) = field.live([entry])
            refusal = case.rule.refuses(Pushed(live, entry.replaces, replaced, held))
            assert refusal is None or (case.rule.name, refusal.code) == ("first", "taken")


meetings = [(case, meeting) for case in CASES for meeting in case.meetings]


@pytest.mark.parametrize(
    ("case", "meeting"), meetings, ids=[f"{case}: {one.operation}" for case, one in meetings]
)
def test_two_edits_that_meet_become_what_is_declared(case: RuleCase, meeting: Meeting) -> None:
    field, server = field_of(case), Document(replica=9)
    write_field(server, field, MISSING, meeting.before, NOW)
    edits = []
    for replica, edit in ((2, meeting.mine), (1, meeting.yours)):
        document = Document(server.encode(), replica)
        for value in edit if isinstance(edit, Steps) else (edit,):
            write_field(document, field, field.read(document), value, NOW + 10 - replica, 0)
        edits.append(document)
    for order in (edits, edits[::-1]):
        read = field.read(merged([server, *order]))
        assert field.same(read, meeting.becomes), read
