"""Names in documents stay, whatever fields and models are called, and never mean two things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from django_pulse.naming.names import (
    Called,
    FieldNow,
    KnownModel,
    ModelNow,
    Names,
    find_model,
    names_of,
    with_model,
)
from django_pulse.naming.renames import Rename, renamed

LATEST: Mapping[str, Any] = {"name": "latest"}
COUNTER: Mapping[str, Any] = {"name": "counter"}


def model(*fields: FieldNow, label: str = "todo.task", **said: Any) -> ModelNow:
    return ModelNow(label, "todo_task", {each.name: each for each in fields}, **said)


def text(name: str, column: str | None = None) -> FieldNow:
    return FieldNow(name, column or name, "str", LATEST, "value")


def number(name: str, rule: Mapping[str, Any] = LATEST) -> FieldNow:
    return FieldNow(name, name, "int", rule, "value" if rule == LATEST else "counter")


def settle(now: ModelNow, known: list[KnownModel], *renames: Rename) -> list[KnownModel]:
    """`migrate`, with these renames in its plan and this code."""
    known = renamed(known, renames)
    new = with_model(now, known, {now.label}, settled=True)
    return [*(each for each in known if each.label != new.label), new]


def called(now: ModelNow, known: list[KnownModel], *others: str) -> Names:
    found = find_model(now, known, {now.label, *others})
    assert found is not None
    names = names_of(now, found)
    assert names is not None
    return names


def wires(now: ModelNow, known: list[KnownModel]) -> dict[str, str]:
    return {name: each.wire for name, each in called(now, known).fields.items()}


def rename(old: str, new: str) -> Rename:
    return Rename("todo.task", old, new)


def test_fields_are_called_what_they_are_called_first() -> None:
    now = model(text("title"))
    assert called(now, settle(now, [])) == Names("todo.task", {"title": Called("title")})


def test_a_renamed_field_keeps_its_first_name_for_old_and_new_code() -> None:
    old, new = model(text("title")), model(text("headline"))
    known = settle(new, settle(old, []), rename("title", "name"), rename("name", "headline"))
    assert called(new, known).fields == {"headline": Called("title", ("title", "name"))}
    assert called(old, known).fields == {"title": Called("title", ("name", "headline"))}


def test_a_rename_that_is_undone_leaves_everything_as_it_was() -> None:
    old, new = model(text("title")), model(text("headline"))
    known = settle(new, settle(old, []), rename("title", "headline"))
    known = settle(old, known, rename("headline", "title"))
    assert wires(old, known) == {"title": "title"}


def test_a_column_that_stays_is_the_same_field_though_nobody_said_so() -> None:
    known = settle(model(text("title")), [])
    new = model(text("headline", column="title"))
    assert wires(new, settle(new, known)) == {"headline": "title"}


def test_a_declared_rename_needs_no_plan() -> None:
    known = settle(model(text("title")), [])
    new = model(text("headline"), renamed={"headline": "title"})
    assert wires(new, settle(new, known)) == {"headline": "title"}


def test_two_fields_may_change_names_with_each_other() -> None:
    now = model(text("a"), text("b"))
    known = settle(now, settle(now, []), *map(rename, ("a", "b", "x"), ("x", "a", "b")))
    assert wires(now, known) == {"a": "b", "b": "a"}


def test_a_name_that_is_free_again_means_another_field() -> None:
    known = settle(model(text("title")), [])
    new = model(text("headline"), text("title"))
    known = settle(new, known, rename("title", "headline"))
    assert wires(new, known) == {"headline": "title", "title": "title:2"}


def test_a_removed_field_is_known_and_found_again() -> None:
    old, new = model(text("title"), text("notes")), model(text("title"))
    known = settle(new, settle(old, []))
    names = called(new, known)
    assert names.fields == {"title": Called("title")}
    [(name, shape)] = names.retired.values()
    assert (name, shape.wire, shape.kind) == ("notes", "notes", "str")
    assert (
        wires(old, settle(old, known)) == wires(old, known) == {"title": "title", "notes": "notes"}
    )


def test_a_field_that_gets_a_removed_ones_name_does_not_get_its_entries() -> None:
    known = settle(model(text("a"), text("b")), [])
    known = settle(model(text("b")), known)
    new = model(text("a"))
    known = settle(new, known, rename("b", "a"))
    names = called(new, known)
    assert names.fields == {"a": Called("b", ("b",))}
    assert {wire: name for wire, (name, _) in names.retired.items()} == {"a": "a"}


def test_another_kind_or_form_of_rule_goes_on_under_a_new_name() -> None:
    old, new = model(number("votes", COUNTER)), model(number("votes"))
    known = settle(new, settle(old, []))
    assert wires(new, known) == {"votes": "votes:int"}
    assert wires(old, known) == {"votes": "votes"}
    assert called(new, known).retired["votes"][0] == "votes"
    assert wires(old, settle(old, known)) == {"votes": "votes"}
    again = model(FieldNow("votes", "votes", "decimal", COUNTER, "counter"))
    known = settle(again, known)
    assert wires(again, known) == {"votes": "votes:decimal.counter"}


def test_a_rule_that_reads_the_same_entries_changes_no_name() -> None:
    old = model(text("title"))
    new = model(FieldNow("title", "title", "str", {"name": "server_only"}, "value"))
    known = settle(new, settle(old, []))
    assert wires(new, known) == wires(old, known) == {"title": "title"}


def test_what_is_not_on_record_has_no_names_yet() -> None:
    [known] = settle(model(text("title")), [])
    assert names_of(model(text("title"), text("notes")), known) is None
    assert names_of(model(number("title")), known) is None


def test_a_renamed_model_keeps_its_first_label() -> None:
    old, new = model(text("title")), model(text("title"), label="todo.job")
    known = settle(new, settle(old, []), Rename("todo.task", None, "todo.job"))
    assert (called(new, known).label, called(old, known).label) == ("todo.task", "todo.task")
    third = model(text("title"), label="work.job", formerly="todo.job")
    known = settle(third, known)
    assert called(third, known) == Names("todo.task", {"title": Called("title")}, ("todo.job",))


def test_a_model_that_moved_with_its_table_is_the_same() -> None:
    known = settle(model(text("title")), [])
    moved = model(text("title"), label="work.task")
    assert called(moved, settle(moved, known)).label == "todo.task"


def test_a_new_model_may_take_a_label_that_is_free_again() -> None:
    job = model(text("title"), label="todo.job")
    known = settle(job, settle(model(text("title")), []), Rename("todo.task", None, "todo.job"))
    task = ModelNow("todo.task", "other_table", {"title": text("title")})
    new = with_model(task, known, {"todo.task", "todo.job"}, settled=True)
    known = [*known, new]
    assert called(task, known, "todo.job").label == "todo.task_2"
    assert called(job, known, "todo.task").label == "todo.task"


names = st.sampled_from("abc")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), names),
        st.tuples(st.just("remove"), names),
        st.tuples(st.just("rename"), names, names),
        st.tuples(st.just("retype"), names),
    ),
    max_size=12,
)


@settings(max_examples=100)
@given(steps)
def test_through_every_history_a_name_in_documents_means_one_thing(steps: list[Any]) -> None:
    """Fields are told apart by where they came from; what they hold, by a count of changes."""
    fields: dict[str, tuple[int, int]] = {"a": (0, 0)}
    known: list[KnownModel] = []
    meanings: dict[str, tuple[int, int]] = {}
    serial = 0
    for step in [("start",), *steps]:
        renames = []
        match step:
            case ("add", name) if name not in fields:
                known_before = {n for m in known for f in m.fields for n in f.names}
                if name in known_before:
                    continue  # whether that is the old field or another one, nobody can say
                serial += 1
                fields[name] = (serial, 0)
            case ("remove", name) if len(fields) > 1:
                fields.pop(name, None)
            case ("rename", old, new) if old in fields and new not in fields:
                fields[new] = fields.pop(old)
                renames = [rename(old, new)]
            case ("retype", name) if name in fields:
                fields[name] = (fields[name][0], fields[name][1] + 1)
        now = model(
            *(
                FieldNow(name, None, f"kind{retyped}", LATEST, "value")
                for name, (_, retyped) in fields.items()
            )
        )
        known = settle(now, known, *renames)
        found = wires(now, known)
        assert found.keys() == fields.keys()
        assert len(set(found.values())) == len(found)
        for name, wire in found.items():
            assert meanings.setdefault(wire, fields[name]) == fields[name]
        by_meaning = {meaning: wire for wire, meaning in meanings.items()}
        assert len(by_meaning) == len(meanings)
