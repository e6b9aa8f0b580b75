"""Pages as writers among others: whatever is edited on both sides, it merges by the rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from django_pulse.forms import SyncModelForm
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.posting import CardForm, fresh, page_of, post, written
from tests.project.forms.models import Card, Sheet

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


class SheetForm(SyncModelForm):
    class Meta:
        model = Sheet
        fields = ["tags", "lines", "tree", "best"]


WORDS = st.lists(st.sampled_from("abcd"), max_size=4, unique=True)
OF_CARDS: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["Paint", "Paint it", "Paint me", "Sand"]),
    "notes": st.text("ab é🦜", max_size=12).map(str.strip),
    "story": st.sampled_from(["", "one", "one\ntwo", "zero\none"]),
    "votes": st.integers(40, 60),  # below zero cards are refused
    "done": st.booleans(),
    "data": st.sampled_from([{}, {"a": 1}, {"a": [1, 2]}]),
}
OF_SHEETS: dict[str, st.SearchStrategy[Any]] = {
    "tags": WORDS,
    "lines": WORDS,
    "tree": st.recursive(
        st.integers(0, 3), lambda each: st.dictionaries(st.sampled_from("xyz"), each), max_leaves=4
    ).filter(lambda tree: isinstance(tree, dict)),
    "best": st.integers(0, 9),
}


def edits_of(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """A row as it starts, what a device writes, and what is edited on the page."""
    edits = st.fixed_dictionaries({}, optional=values)
    return st.tuples(st.fixed_dictionaries(values), edits, edits)


def as_typed(values: dict[str, Any]) -> dict[str, Any]:
    """Values as a person leaves them in the page's controls."""
    typed: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, bool):
            typed[name] = "on" if value else None
        else:
            typed[name] = json.dumps(value) if isinstance(value, dict | list) else value
    return typed


def check(model: Any, form_class: Any, edits: Any) -> None:
    """A page merges as an instance does that was loaded when the page was."""
    start, theirs, mine = edits
    device = Device(get_user_model().objects.get_or_create(username="ada")[0], model)
    by_page, by_instance = (model.objects.create(**start) for _ in range(2))
    page, stale = page_of(by_page, form_class), fresh(by_instance)
    for row in (by_page, by_instance) if theirs else ():
        written(row, device, **theirs)
    form = post(page, by_page, form_class, **as_typed(mine))
    assert form.is_valid(), form.errors
    form.save()
    for name, value in mine.items():
        setattr(stale, name, value)
    stale.save()
    assert values_of(by_page) == values_of(by_instance)
    merged = fresh(by_page)
    untouched = {
        n: value for n, value in (start | theirs).items() if mine.get(n, start[n]) == start[n]
    }
    if "best" in untouched:
        untouched["best"] = max(start["best"], theirs.get("best", 0))
    if "tags" in untouched:
        untouched["tags"], merged.tags = sorted(untouched["tags"]), sorted(merged.tags)
    assert {name: getattr(merged, name) for name in untouched} == untouched


@settings(max_examples=20, phases=[Phase.generate])
@given(edits_of(OF_CARDS))
def test_a_page_of_a_card_merges_as_an_instance_does(edits: Any) -> None:
    check(Card, CardForm, edits)


@settings(max_examples=20, phases=[Phase.generate])
@given(edits_of(OF_SHEETS))
def test_a_page_of_a_sheet_merges_as_an_instance_does(edits: Any) -> None:
    check(Sheet, SheetForm, edits)


def test_both_edits_of_a_set_a_list_and_a_tree_are_there() -> None:
    sheet = Sheet.objects.create(tags=["a", "b"], lines=["1", "2"], tree={"x": {"y": 1}})
    device = Device(get_user_model().objects.create_user("ada"), Sheet)
    page = page_of(sheet, SheetForm)
    written(sheet, device, tags=["b", "c"], lines=["0", "1", "2"], tree={"x": {"y": 2}})
    edits = {"tags": ["a", "b", "d"], "lines": ["1", "2", "3"], "tree": {"x": {"y": 1, "z": 3}}}
    form = post(page, sheet, SheetForm, **as_typed(edits))
    assert form.is_valid(), form.errors
    form.save()
    sheet = fresh(sheet)
    assert sorted(sheet.tags) == ["b", "c", "d"]
    assert (sheet.lines, sheet.tree) == (["0", "1", "2", "3"], {"x": {"y": 2, "z": 3}})
