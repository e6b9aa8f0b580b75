"""What the demo says, whatever shows it: sections of tables, without layout or colour."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..mapping.schema import schema_of
from . import plan
from .devices import Story
from .last_write_wins import GONE, losses
from .models import Task
from .outcome import Stored

__all__ = ["Section", "Table", "Tone", "Value", "sections", "verdict"]


class Tone:
    """How a value stands to the others: for colours, where there are any."""

    PLAIN = ""
    QUIET = "quiet"
    EDITED = "edited"
    KEPT = "kept"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Value:
    """One cell of a table."""

    text: str
    tone: str = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of as many values as there are columns; `title` may be empty."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]


@dataclass(frozen=True, slots=True)
class Section:
    """A step of the demo: what happened, and what it looks like."""

    heading: str
    text: str
    tables: Sequence[Table] = ()


def sections(url: str, story: Story, stored: Mapping[str, Stored]) -> Iterator[Section]:
    """The whole demo, step by step."""
    yield _beginning(url, story)
    yield _offline(story)
    yield _merged(story)
    yield _rows(stored)
    yield _losses(story)


def verdict(faults: Sequence[str]) -> Section:
    """Whether everything is as it must be."""
    if not faults:
        return Section(
            "Everything held",
            "Every field of every task, every version and vector clock, the deletion, and both "
            "devices against the database: all as planned.",
        )
    rows = [[Value(fault, Tone.LOST)] for fault in faults]
    return Section("Something is off", "", [Table("", ["not as planned"], rows)])


def _beginning(url: str, story: Story) -> Section:
    fields = ("title", "notes", "votes")
    rows = [[_shown(task[field]) for field in fields] for task in story.before[plan.ANA].values()]
    return Section(
        "Before",
        f"Django made {len(rows)} tasks. uvicorn serves them at {url}; Ana's and Ben's devices "
        "connected there, pulled them into SQLite files of their own, and went offline.",
        [Table("", fields, rows)],
    )


def _offline(story: Story) -> Section:
    tables = []
    for person in plan.PEOPLE:
        rows = [list(_told(edit)) for edit in plan.OFFLINE[person]]
        unsent = f"{person}, offline, with {story.unsent[person]} tasks to send"
        tables.append(Table(unsent, ("task", "edit"), rows))
    return Section("Offline", "Both edit. Nothing is sent; every edit is on its disk.", tables)


def _told(edit: plan.Edit) -> Iterator[Value]:
    match edit:
        case plan.Create(_, values):
            yield Value(str(values["title"]), Tone.EDITED)
            yield Value("created")
        case plan.Delete(task):
            yield _title(task)
            yield Value("deleted", Tone.LOST)
        case plan.Set(task, name, value):
            yield _title(task)
            yield Value(f"{name} = {_text(value)}")
        case plan.Add(task, name, amount):
            yield _title(task)
            yield Value(f"{name} + {amount}")
        case plan.Insert(task, name, _, text):
            yield _title(task)
            yield Value(f'{name}: typed "{text.strip()}"')


def _merged(story: Story) -> Section:
    start, end = story.before[plan.ANA], story.after[plan.ANA]
    tables = []
    for task, before in start.items():
        copies = [before, *(story.offline[person].get(task) for person in plan.PEOPLE)]
        after = end.get(task)
        if after is None:
            rows = [_row_line(copies)]
        else:
            edited = [name for name in before if any(c and c[name] != before[name] for c in copies)]
            rows = [_field_line(name, copies, after[name]) for name in edited]
        columns = ("field, rule", "before", *plan.PEOPLE, "merged")
        tables.append(Table(str(before["title"]), columns, rows))
    tables += [_kept(story, person) for person in plan.PEOPLE if story.kept[person]]
    created = [task for task in end if task not in start]
    titles = " and ".join(f'"{end[task]["title"]}"' for task in created)
    return Section(
        "Online again",
        f"Both devices pushed, the server merged, both pulled. {titles} are new on both.",
        tables,
    )


def _kept(story: Story, person: str) -> Table:
    """What a device tells its app of edits that came to nothing."""
    rows = [
        [_title(task), Value(name), Value(reason)]
        for task, name, reason in sorted(story.kept[person])
    ]
    title = f"Kept aside on {person}'s device, for its app to show"
    return Table(title, ("task", "field", "reason"), rows)


def _field_line(
    name: str, copies: Sequence[Mapping[str, Any] | None], merged: Any
) -> Sequence[Value]:
    rule = type(schema_of(Task).fields[name].rule).__name__
    values = [None if copy is None else copy[name] for copy in copies]
    before, *devices = values
    cells = [_shown(before, Tone.QUIET)]
    for value in devices:
        lost = rule == "Latest" and value not in (before, merged)
        tone = Tone.LOST if lost else Tone.EDITED if value != before else Tone.QUIET
        cells.append(_shown(value, tone))
    return [Value(f"{name}, {rule}"), *cells, _shown(merged, Tone.KEPT)]


def _row_line(copies: Sequence[Mapping[str, Any] | None]) -> Sequence[Value]:
    """Of a task that was deleted on one device and edited on another."""
    rule = type(schema_of(Task).row).__name__
    before = copies[0]
    cells = [
        Value(GONE, Tone.EDITED) if copy is None else Value(*_difference(before, copy))
        for copy in copies[1:]
    ]
    return [Value(f"the task, {rule}"), Value("there", Tone.QUIET), *cells, Value(GONE, Tone.KEPT)]


def _difference(before: Mapping[str, Any] | None, copy: Mapping[str, Any]) -> tuple[str, str]:
    changes = [
        f"{name} = {_text(value)}"
        for name, value in copy.items()
        if before is not None and before[name] != value
    ]
    return (", ".join(changes), Tone.LOST) if changes else ("there", Tone.QUIET)


def _rows(stored: Mapping[str, Stored]) -> Section:
    tent = stored.get("tent")
    tables = []
    if tent is not None and tent.row is not None:
        names = [field.name for field in Task._meta.concrete_fields]
        rows = [[Value(name), _shown(getattr(tent.row, name))] for name in names]
        tables.append(Table('Task.objects.get(title="Pack the tent")', ("column", "value"), rows))
    rows = [
        [
            Value(str(task.row or task.values.get("title", ""))),
            Value("yes" if task.row else GONE, Tone.PLAIN if task.row else Tone.QUIET),
            Value(str(task.version)),
            Value(_clock(task.writers)),
        ]
        for task in stored.values()
    ]
    tables.append(Table("All of them", ("task", "row", "version", "vector clock"), rows))
    return Section(
        "In Django",
        "Ordinary rows in ordinary columns. `version` counts the updates merged into a row; the "
        "vector clock says how much of whose writing it holds.",
        tables,
    )


def _clock(writers: Mapping[str, int]) -> str:
    order = [name for name in (plan.SERVER, *plan.PEOPLE) if name in writers]
    order += sorted(writers.keys() - set(order))
    return ", ".join(f"{name} {writers[name]}" for name in order)


def _losses(story: Story) -> Section:
    rows = [
        [
            Value(f"{loss.task}: {loss.field}"),
            _shown(loss.whole_rows, Tone.LOST),
            _shown(loss.merged, Tone.KEPT),
            Value(loss.lost),
        ]
        for loss in losses(story)
    ]
    columns = ("what", "whole rows", "here", "lost without merging")
    return Section(
        "Had the last write won",
        "Sync that compares whole rows keeps the copy that was edited last. Ben edited last. (Of "
        "two titles for one task, one has to go in either case: that is what `Latest` means.)",
        [Table("", columns, rows)],
    )


def _title(task: str) -> Value:
    return Value(str(plan.START[task]["title"]), Tone.EDITED)


def _shown(value: Any, tone: str = Tone.PLAIN) -> Value:
    return Value(_text(value), tone)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
