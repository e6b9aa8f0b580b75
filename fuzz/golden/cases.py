"""The golden cases: for every merge rule the meetings that `fuzz.rule_cases` declares, one value
after the other, edits that the server reverts; and what it does to stamps and rows.
"""

from collections.abc import Iterator
from functools import partial
from itertools import permutations

from crdt import DeleteWins, Document, Field, LastActionWins, Latest, Schema
from crdt.editing import delete_row
from crdt.entry import Dot, Entry
from crdt.rules import RowRule
from crdt.stamp import next_stamp

from ..rule_cases import RULE_CASES, Meeting, RuleCase, Steps
from .story import FIELD, NOW, Edit, Story

__all__ = ["stories"]

_A_YEAR = 365 * 24 * 3_600_000


def stories() -> Iterator[tuple[str, Story]]:
    """Every case: what it shows, and its story."""
    for case in RULE_CASES:
        for meeting in case.meetings:
            yield f"{case}: {meeting.operation}", _meeting(case, meeting)
        yield f"{case}: one value after the other", _values(case)
        if case.rule.client_writes:
            yield f"{case}: an edit is reverted", _reverted(case)
            for meeting in case.meetings[-1:]:
                for number, who in enumerate(("one", "the later one")):
                    told = f"{case}: {meeting.operation}, {who} is reverted"
                    yield told, _meeting(case, meeting, reverted=number)
    yield "a stamp from the future, which the server rewrites", _restamped()
    yield "a rewritten stamp dies with what it stands for", _restamped(named=True)
    for row in (DeleteWins(), LastActionWins()):
        yield f"{row!r}: one deletes, the other edits later", _deleted(row, 5, 6)
        yield f"{row!r}: one edits, the other deletes later", _deleted(row, 6, 5)
        yield f"{row!r}: a deletion that is taken back", _taken_back(row)


def _story(case: RuleCase) -> Story:
    return Story(Schema("golden.row", {FIELD: Field(FIELD, case.kind, case.rule)}))


def _meeting(case: RuleCase, meeting: Meeting, reverted: int | None = None) -> Story:
    """As `fuzz.rule_cases` has it: two edits of one value, the second one later."""
    story = _story(case)
    story.server(story.writing(meeting.before, now=0))
    edits = [
        story.writing(*(value if isinstance(value, Steps) else (value,)), now=now)
        for now, value in ((8, meeting.mine), (9, meeting.yours))
    ]
    if not case.rule.client_writes:
        for edit in edits:
            story.server(edit)
        return story
    base = story.state
    updates = [story.device(number, edit, base) for number, edit in enumerate(edits)]
    for number, update in enumerate(updates):
        story.push(update, stands=number != reverted)
    return story


def _values(case: RuleCase) -> Story:
    story = _story(case)
    story.server(story.writing(case.values[0], now=0))
    for now, value in enumerate(case.values[1:], 1):
        edit = story.writing(value, now=now)
        if not case.rule.client_writes:
            story.server(edit)
        else:
            story.push(story.device(0, edit))
    return story


def _reverted(case: RuleCase) -> Story:
    """Of the first two values of which one can be written after the other."""
    for before, after in permutations(case.values, 2):
        story = _story(case)
        story.server(story.writing(before, now=0))
        update = story.device(0, story.writing(after, now=1))
        if update is not None:
            break
    story.push(update, stands=False)
    return story


def _restamped(*, named: bool = False) -> Story:
    story = Story(Schema("golden.row", {FIELD: Field(FIELD, "str", Latest())}))
    story.server(story.writing("before", now=0))
    [entry] = story.push(story.device(0, story.writing("a clock that runs ahead", now=_A_YEAR)))
    seen = story.state
    story.server(partial(_restamp, entry))
    if named:
        edit = story.writing("by somebody who saw the original", now=6)
        story.push(story.device(1, edit, seen))
    return story


def _restamp(entry: Entry, document: Document) -> None:
    document.delete([Dot(*entry.dot)])
    document.append(FIELD, next_stamp(NOW + 5), entry.value, entry.replaces, entry.dot)


def _deleted(row: RowRule, deleted: int, edited: int) -> Story:
    story = Story(Schema("golden.row", {FIELD: Field(FIELD, "str", Latest())}, row))
    story.server(story.writing("before", now=0))
    base = story.state
    edits: list[Edit] = [partial(_delete, story, deleted), story.writing("edited", now=edited)]
    for update in [story.device(number, edit, base) for number, edit in enumerate(edits)]:
        story.push(update)
    return story


def _taken_back(row: RowRule) -> Story:
    story = Story(Schema("golden.row", {FIELD: Field(FIELD, "str", Latest())}, row))
    story.server(story.writing("before", now=0))
    story.push(story.device(0, partial(_delete, story, 5)))
    story.push(story.device(1, partial(_delete, story, 6, deleted=False)))
    return story


def _delete(story: Story, now: int, document: Document, *, deleted: bool = True) -> None:
    delete_row(document, story.schema, NOW + now, deleted=deleted)
