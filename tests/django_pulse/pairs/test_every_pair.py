"""Every merge rule on every type of field: devices and the ORM converge, to what the rule says.

One history is played on one row, and so on every pair at once; which of them it was that failed
stands in the message, with everything that was written to it. PULSE_EXAMPLES is how many histories
are tried.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pycrdt import merge_updates

from crdt.document import Document
from crdt.rules import AddWinsSet, MergeRule
from crdt.sameness import canonical
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document as StoredDocument
from tests.django_pulse.phones import Phone, switchboard, told
from tests.project.kinds.models import EveryPair
from tests.project.kinds.rules import PAIRS, Shortest

from .history import DEVICES, MODEL, STALE, History, ticking
from .laws import alive, holds, same

EXAMPLES = int(os.environ.get("PULSE_EXAMPLES", "4"))
# A history takes a second: making a failing one shorter would take longer than to read it.
PHASES = [phase for phase in Phase if phase not in {Phase.shrink, Phase.explain}]

who, choice, spread = st.integers(0, DEVICES - 1), st.integers(0, 15), st.sampled_from((0, 0, 1, 4))
steps = st.one_of(
    st.tuples(st.just("device"), who, choice, spread),
    st.tuples(st.just("save"), st.integers(0, STALE - 1), choice, spread, st.booleans()),
    st.tuples(st.just("update"), choice, spread),
    st.tuples(st.just("add"), choice, spread),
    st.tuples(st.just("reload"), st.integers(0, STALE - 1)),
    st.tuples(st.sampled_from(("sync", "sync", "send", "cut", "restart")), who),
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.databases("sqlite", "postgres")
@pytest.mark.timeout(120 + 10 * EXAMPLES)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=PHASES,
    suppress_health_check=list(HealthCheck),
)
@given(script=st.lists(steps, min_size=4, max_size=16), order=st.randoms(use_true_random=False))
def test_every_rule_converges_on_every_type_of_field(script: list[Any], order: Any) -> None:
    with switchboard() as board, ticking() as clock:
        history = History(board, clock)
        for name, *arguments in script:
            getattr(history, name)(*arguments)
        for _ in range(2):
            for who in range(DEVICES):
                history.sync(who)
        check_agreement(history, order)
        check_laws(history)


def check_agreement(history: History, order: Any) -> None:
    """The column, the document, every replica and what is built of merged updates say the same."""
    stored = StoredDocument.objects.get(model=MODEL)
    columns, schema = history.columns(), schema_of(EveryPair)
    new = Phone(
        history.board, history.phones[0].user, history.phones[0].number + 10**6, [Shortest()]
    )
    new.sync()
    updates = [update for phone in history.phones for update in phone.updates]
    order.shuffle(updates)
    merged = Document(merge_updates(*updates))
    assert told(merged.encode()) == told(bytes(stored.state))
    everywhere = {
        "the document": schema.read(Document(bytes(stored.state))).values,
        "merged updates": schema.read(merged).values,
        "a new replica": new.row(MODEL, history.row.sync_id),
    }
    for phone in history.phones:
        assert phone.replica.in_sync
        assert phone.replica.pending == 0
        undone = [name for kept in phone.replica.reverted() for name in kept.fields]
        assert [name for name in undone if PAIRS[name][1].name != "first"] == []
        held = phone.documents(MODEL)[history.row.sync_id]
        assert held == told(bytes(stored.state))
        everywhere[f"device {phone.number}"] = phone.row(MODEL, history.row.sync_id)
    for place, values in everywhere.items():
        for name, (_, rule) in PAIRS.items():
            told_of = [_without_order(rule, each[name]) for each in (values, columns)]
            assert same(*told_of), (place, name, *told_of)


def _without_order(rule: MergeRule, value: Any) -> Any:
    """A set's elements in one order: a column has them as whoever wrote it last."""
    return sorted(map(canonical, value)) if isinstance(rule, AddWinsSet) else value


def check_laws(history: History) -> None:
    columns, conflicts = history.columns(), history.loaded().conflicts()
    for name, (_, rule) in PAIRS.items():
        ops = history.ops[name]
        try:
            holds(rule, history.start[name], ops, history.server, columns[name])
        except AssertionError as error:
            raise AssertionError(f"{name} holds {columns[name]!r} after {ops}: {error}") from error
        if rule.name == "conflicts":
            told_of = [repr(each.value) for each in conflicts.get(name, ())]
            assert len(told_of) in {0, len(alive(ops))}
