"""What a device did and the server has not acknowledged is still there, by every rule, after a
push was refused, another document of the server's was taken for confirmed, or the clock was moved.
"""

import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt.compaction import compact
from crdt.document import Document
from crdt.editing import write_field
from crdt.entry import Dot
from crdt.held import Held
from crdt.made import Made
from crdt.messages import Key
from crdt.rebuilding import read_push_to, rebuilt
from crdt.records import Record, document_prefix
from crdt.redoing import redo
from crdt.reissuing import reissue
from crdt.restamping import restamp
from crdt.rules import AddWinsSet, Conflicts, DeepMerge, Flag, List, MergeRule, Text
from crdt.sameness import canonical
from crdt.schema import MISSING, Field, Schema
from crdt.stamp import next_stamp, stamp_ms
from fuzz.rule_cases import RULE_CASES, RuleCase

NOW = 1_700_000_000_000
DEVICE, OTHER, SERVER, NEXT_SERVER = 5, 6, 999, 998
MODEL = "todo.task"
CASES = list(
    {repr(case.rule): case for case in RULE_CASES[::-1] if case.rule.client_writes}.values()
)
each_case = pytest.mark.parametrize("case", CASES, ids=str)
CASES_EACH = max(2, int(os.environ.get("PULSE_FUZZ_CASES", "2500")) // 800)
"""Random histories of each rule."""
few = settings(max_examples=CASES_EACH, derandomize=True)


class World:
    """A device that holds a document of one field, the server's, and what others write there."""

    def __init__(self, case: RuleCase, draw: Callable[[Any], Any]) -> None:
        self.case, self.draw = case, draw
        self.field = Field("field", case.kind, case.rule)
        self.schema = Schema(MODEL, {"field": self.field})
        self.server = b""
        self.now = NOW
        self.parts: dict[str, bytes] = {}
        self.mark = 1
        self.held = self.open(Record())
        self.key = self.held.key

    def open(self, record: Record) -> Held:
        """The document as it is stored."""
        key = Key(MODEL, UUID(int=1))
        start = len(document_prefix(key))
        parts = {name[start:]: data for name, data in self.parts.items() if name.startswith("doc/")}
        return Held(key, record, DEVICE, parts, self.put)

    def put(self, name: str, value: bytes | None) -> None:
        self.parts.pop(name, None)
        if value is not None:
            self.parts[name] = value

    def pick(self) -> object:
        return self.draw(st.sampled_from(self.case.values))

    def read(self, document: Document) -> object:
        return self.field.read(document)

    # Steps

    def edit(self) -> None:
        """The device writes the field, under this mark or the next."""
        self.mark += self.draw(st.integers(0, 1))
        self.write(self.pick())

    def write(self, new: object) -> None:
        self.now += 1
        held = self.held
        held.begin(self.mark)
        old = self.read(held.view)
        if old is MISSING or not self.field.same(old, new):
            write_field(held.view, self.field, old, new, self.now, held.foldable)
            held.edited()

    def launch(self) -> None:
        if not self.held.flight and self.held.is_pending:
            self.held.launch(self.draw(st.sampled_from((1, 2, 1_000))), 1 << 20, 1)

    def merged(self, state: bytes) -> bytes:
        """The server's document once it has the first push in flight."""
        document = Document(state, SERVER)
        push = read_push_to(document.loaded, self.held.flight[0].data, self.held.replica)
        if not push.known:
            document.apply(push)
            compact(document, self.schema)
        return document.encode()

    def ack(self) -> None:
        if self.held.flight:
            self.server = self.merged(self.server)
            self.held.landed()

    def deliver(self) -> None:
        while self.held.is_pending:
            self.launch()
            self.ack()

    def others_write(self) -> None:
        self.now += 1
        replica = self.draw(st.sampled_from((OTHER, SERVER)))
        document = Document(self.server, replica)
        write_field(document, self.field, self.read(document), self.pick(), self.now)
        server = Document(document.encode(), SERVER)
        compact(server, self.schema)
        self.server = server.encode()

    def hear(self) -> None:
        if self.server:
            self.held.merge(self.server)

    def refuse(self) -> None:
        if self.held.flight:
            self.held.withdraw(self.schema)

    def history(self, *others: Callable[[], None]) -> None:
        """Something that all know, and then anything."""
        self.draw(st.sampled_from((self.edit, self.others_write)))()
        self.deliver()
        self.hear()
        steps = (self.edit, self.edit, self.launch, self.ack, self.refuse, self.hear, *others)
        for step in self.draw(st.lists(st.sampled_from(steps), max_size=7)):
            step()

    # What must hold

    def same(self, one: object, other: object) -> bool:
        if one is MISSING or other is MISSING:
            return one is other
        return self.field.same(one, other)

    def check(self, value: object) -> None:
        """The device reads this, before and after a restart; and once it is pushed, the server."""
        held = self.held
        assert self.same(self.read(held.view), value)
        again = self.open(held.record)
        assert self.same(self.read(again.view), value)
        self.deliver()
        assert self.same(self.read(Document(self.server)), value)


@each_case
@few
@given(data=st.data())
def test_a_state_that_reads_as_what_is_confirmed_changes_nothing(
    case: RuleCase, data: st.DataObject
) -> None:
    world = World(case, data.draw)
    world.history(world.others_write)
    world.hear()
    before = world.read(world.held.view)
    flown = bool(world.held.flight) and data.draw(st.booleans())
    if flown:
        world.server = world.merged(world.server)
    # That a push is in the row whose ack was lost, only a server knows that counts clocks.
    how = data.draw(st.sampled_from(["same", "counted", "counted" if flown else "new"]))
    if how != "same":
        world.server = rebuild(world, world.server, counted=how == "counted")
    world.held.rebase(world.server, world.schema)
    world.check(before)


@each_case
@few
@given(data=st.data())
def test_what_a_server_lost_that_was_restored_is_pushed_again(
    case: RuleCase, data: st.DataObject
) -> None:
    world, backups = World(case, data.draw), [b""]
    world.history(lambda: backups.append(world.server))
    before = world.read(world.held.view)
    world.server = data.draw(st.sampled_from(backups[1:] or [world.server]))
    world.held.rebase(world.server, world.schema)
    world.check(before)


@each_case
@few
@given(data=st.data())
def test_another_replica_may_write_it_again(case: RuleCase, data: st.DataObject) -> None:
    world = World(case, data.draw)
    world.history(world.others_write)
    world.hear()
    held = world.held
    before = world.read(held.view)
    own = max(held.record.acked, held.record.void)
    if any(dot.clock >= own for dot in held.view.entries if dot.replica == DEVICE):
        reissue(held, DEVICE + 1_000, own, frozenset(), world.schema)
    world.check(before)


@each_case
@few
@given(data=st.data())
def test_what_was_edited_after_a_push_is_there_when_that_is_refused(
    case: RuleCase, data: st.DataObject
) -> None:
    world = World(case, data.draw)
    world.history(world.others_write)
    world.deliver()
    world.hear()
    world.edit()
    world.launch()
    held = world.held
    flown = world.read(held.draft([*held.updates, *(part.data for part in held.flight)]))
    edits = []
    for _ in range(data.draw(st.integers(0, 3))):
        old = world.read(held.view)
        world.edit()
        edits.append((old, world.read(held.view)))
    confirmed, view = world.read(held.confirmed), world.read(held.view)
    expected = Document(held.confirmed.encode(), DEVICE)
    for old, new in edits:
        if not world.same(old, new):
            write_field(expected, world.field, old, new, world.now)
    if not held.flight:
        return
    held.withdraw(world.schema)
    assert world.same(world.read(held.confirmed), confirmed)
    if case.kind != "json" and not case.rule.text:
        world.check(world.read(expected))
        return
    world.check(world.read(held.view))
    was, sent, seen, now = (parts(each) for each in (confirmed, flown, view, world.read(held.view)))
    assert seen - sent <= now
    if case.rule.name in {"add_wins_set", "list"}:
        assert now <= was | seen
        # Of a list's equal items those are there whose removal was refused.
        assert case.rule.name == "list" or not (was & sent - seen) & now


@each_case
@few
@given(data=st.data())
def test_a_moved_clock_changes_no_edit(case: RuleCase, data: st.DataObject) -> None:
    world = World(case, data.draw)
    world.history()
    held = world.held
    before, confirmed = world.read(held.view), world.read(held.confirmed)
    flight = [part.data for part in held.flight]
    restamp(held, world.schema, data.draw(st.integers(0, 10_000)), 0, 2**41)
    assert world.same(world.read(held.confirmed), confirmed)
    assert [part.data for part in held.flight] == flight
    world.check(before)


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (Text(), "one two", "two"),
        (AddWinsSet(), ["a", "b"], ["b"]),
        (List(), ["a", "b", "c"], ["b", "A"]),
        (DeepMerge(), {"a": 1, "b": {"c": 2}}, {"b": {}}),
        (DeepMerge(lists="merge"), {"a": [1, 2, 3]}, {"a": [3]}),
        (Flag(wins=True), True, False),
        (Conflicts(), "one", "two"),
    ],
    ids=str,
)
def test_what_was_taken_out_stays_out_of_a_document_made_anew(
    rule: MergeRule, before: object, after: object, counted: bool
) -> None:
    kind = {bool: "bool", str: "str"}.get(type(before), "json")
    world = World(RuleCase(rule, kind, ()), lambda strategy: 1_000)
    world.write(before)
    world.deliver()
    world.write(after)
    world.server = rebuild(world, world.server, counted=counted)
    world.held.rebase(world.server, world.schema)
    world.check(after)


def rebuild(world: World, state: bytes, *, counted: bool) -> bytes:
    """The server lost its document, and made another from the row."""
    old = Document(state)
    clocks = dict(old.vector) if counted else {}
    written = max((stamp_ms(entry.stamp) for entry in old.entries.values()), default=NOW)
    document = rebuilt(SERVER if counted else NEXT_SERVER, NOW + 1_000_000, written, clocks)
    value = world.read(old)
    if value is not MISSING:
        write_field(document, world.field, MISSING, value, 0, stamp=next_stamp(written))
    return document.encode()


def parts(value: object) -> set[str]:
    """The elements of a list, the leaves of a tree, each with where it is, or the characters."""
    if isinstance(value, str):
        return set(value)
    if isinstance(value, dict):
        return {f"{key}.{part}" for key, each in value.items() for part in parts(each)}
    return {canonical(each) for each in value} if isinstance(value, list) else {canonical(value)}


def test_what_was_replaced_again_and_again_by_two_at_once_is_followed_once() -> None:
    base = Document(replica=9)
    replaced: list[Dot] = []
    for _ in range(40):  # each of these paths doubles the ways to the first
        replaced = [base.append("title", 1, None, replaced).dot for _ in range(2)]
    view = Document(base.encode(), 7)
    own = view.append("title", 2, "own", replaced)
    target = Document(replica=7)
    redo(target, view, base, 0, Made(), None)
    assert [entry.value for entry in target.live("title")] == [own.value]
