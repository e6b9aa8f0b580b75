"""A process of its own for hostile updates: should one end it, its number is the last line.

python -m tests.fuzz.hostile_child SEED COUNT [FIRST]
"""

import json
import sys
from collections import Counter
from contextlib import suppress
from typing import Any

from pycrdt import Array, Doc, Text

from crdt.entry import entries_root
from crdt.errors import RemoteFault
from crdt.state import State, read_state
from crdt.text import utf16_length
from crdt.update import Push, read_push
from fuzz.hostile import Case, hostile_case

__all__: list[str] = []


def run(case: Case) -> str:
    """What became of a case; raises if that is wrong."""
    with suppress(RemoteFault):
        read_state(case.data)
    known = read_state(case.known)
    try:
        push = read_push(case.data, case.replica, known)
    except RemoteFault as fault:
        return fault.code
    if push.known:
        return "known"
    check_accepted(case, known, push)
    return "accepted"


def check_accepted(case: Case, known: State, push: Push) -> None:
    """pycrdt must make of an accepted push what the reader said of it."""
    doc: Doc[Any] = Doc()
    if case.known:
        doc.apply_update(case.known)
    doc.apply_update(push.data)
    after = read_state(doc.get_update())
    assert after.vector == {**known.vector, push.replica: push.next}
    brought = {dot: entry for dot, entry in after.entries.items() if dot not in known.entries}
    assert tuple(brought.values()) == push.entries
    assert known.entries.items() <= after.entries.items()
    for replica in after.vector:
        shown = doc.get(entries_root(replica), type=Array).to_py() or []
        meant = [entry.raw() for dot, entry in after.entries.items() if dot.replica == replica]
        assert meant == [raw[:3] if raw[3:] == [[]] else raw for raw in shown]
    fields = known.text_roots | after.text_roots
    assert push.text_fields <= fields
    texts = {field: str(doc.get(f"t{field}", type=Text)) for field in fields}
    check_texts(case, push, texts, after)


def check_texts(case: Case, push: Push, texts: dict[str, str], after: State) -> None:
    """No other text changed, no character was torn, nothing is held back."""
    before: Doc[Any] = Doc()
    if case.known:
        before.apply_update(case.known)
    for field, value in texts.items():
        if field not in push.text_fields:
            assert value == str(before.get(f"t{field}", type=Text))
    runs = after.text_runs()
    units = sum(
        run.length
        for replica, positions in after.positions.items()
        for clock in positions.clocks
        if (run := runs.find(replica, clock)) is not None and not run.is_deleted
    )
    assert units == sum(map(utf16_length, texts.values()))
    again: Doc[Any] = Doc()
    again.apply_update(after.data)
    assert texts == {field: str(again.get(f"t{field}", type=Text)) for field in texts}


def main(seed: int, count: int, first: int = 0) -> None:
    """Run the cases; the last line tells how they ended."""
    outcomes: Counter[str] = Counter()
    mutations: Counter[str] = Counter()
    for number in range(first, first + count):
        print(number, flush=True)
        case = hostile_case(seed, number)
        try:
            outcomes[run(case)] += 1
        except BaseException:
            print(f"{case.mutations} {case.data[:2000].hex()}", file=sys.stderr, flush=True)
            raise
        mutations.update(case.mutations)
    print(json.dumps({"outcomes": outcomes, "mutations": mutations}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
