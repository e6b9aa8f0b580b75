"""What the strict reader says of an accepted push must be what pycrdt makes of it, and any other
implementation of Yjs.

`judge` raises `AssertionError` where it is not, and lets through whatever is raised that is not
ours: both are findings.
"""

from contextlib import suppress
from typing import Any

from pycrdt import Array, Doc, Text

from crdt.entry import entries_root
from crdt.errors import RemoteFault
from crdt.ranges import outside
from crdt.state import State, read_state
from crdt.text import utf16_length
from crdt.update import Push, read_push, write_update

from .hostile import Case
from .peer import Peer

__all__ = ["Verdict", "judge"]

Verdict = str
"""What became of a case: "accepted", "known", or the code of the fault."""


def judge(case: Case, peer: Peer | None = None) -> Verdict:
    """What the reader says of a case; raises if that is wrong."""
    with suppress(RemoteFault):
        read_state(case.data)
    known = read_state(case.known)
    try:
        push = read_push(case.data, case.replica, known)
    except RemoteFault as fault:
        return fault.code
    if push.known:
        return "known"
    _check_accepted(case, known, push, peer)
    _check_whole(case, known)
    return "accepted"


def _check_whole(case: Case, known: State) -> None:
    """An update ends where it ends: without its last byte it is none."""
    try:
        read_push(case.data[:-1], case.replica, known)
    except RemoteFault:
        return
    raise AssertionError("the last byte says nothing, and was taken")


def _check_accepted(case: Case, known: State, push: Push, peer: Peer | None) -> None:
    doc = _document(case.known, push.data)
    after = read_state(doc.get_update())
    assert after.vector == {**known.vector, push.replica: push.next}
    brought = {dot: entry for dot, entry in after.entries.items() if dot not in known.entries}
    assert tuple(brought.values()) == push.entries
    again = read_push(case.data, case.replica, after)  # the answer got lost, and it is sent again
    assert again.known
    assert again.entries == push.entries
    _check_rewritten(known, push, after)
    assert known.entries.items() <= after.entries.items()
    for replica, ranges in push.deletes.items():  # none waits for what is to come
        for start, length in ranges:
            assert not list(outside(start, start + length, after.deleted.get(replica, ())))
    arrays = {
        entries_root(replica): doc.get(entries_root(replica), type=Array).to_py() or []
        for replica in after.vector
    }
    for replica in after.vector:
        shown = arrays[entries_root(replica)]
        meant = [entry.raw() for dot, entry in after.entries.items() if dot.replica == replica]
        assert meant == [raw[:3] if raw[3:] == [[]] else raw for raw in shown]
    fields = known.text_roots | after.text_roots
    assert push.text_fields <= fields
    texts = {field: str(doc.get(f"t{field}", type=Text)) for field in fields}
    _check_texts(case, push, texts, after)
    if peer is not None:
        roots = {f"t{field}": text for field, text in texts.items()}
        told = peer.ask(filter(None, (case.known, push.data)), arrays, roots)
        assert told["arrays"] == _as_json(arrays)
        assert told["texts"] == roots
        assert {int(replica): clock for replica, clock in told["vector"].items()} == after.vector
        assert not told["held_back"]


def _check_rewritten(known: State, push: Push, after: State) -> None:
    """Who said something cannot say something else in its place."""
    raws = [entry.raw() for entry in push.entries]
    if not raws or len(raws) < push.next - push.first:  # characters, too, or deleted ones
        return
    raws[-1][2] = "something else" if raws[-1][2] != "something else" else None
    origin = known.last_entry.get(push.replica)
    other = write_update(push.replica, push.first, origin, raws, push.deletes)
    try:
        read_push(other, push.replica, after)
    except RemoteFault:
        return
    raise AssertionError("what is known was said otherwise, and passed for known")


def _as_json(value: Any) -> Any:
    """As JavaScript's JSON has it: bytes are an object of their numbers."""
    if isinstance(value, bytes | bytearray):
        return {str(at): byte for at, byte in enumerate(value)}
    if isinstance(value, dict):
        return {key: _as_json(each) for key, each in value.items()}
    return [_as_json(each) for each in value] if isinstance(value, list) else value


def _check_texts(case: Case, push: Push, texts: dict[str, str], after: State) -> None:
    """No other text changed, no character was torn, nothing is held back."""
    before = _document(case.known)
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
    again = _document(after.data)
    assert texts == {field: str(again.get(f"t{field}", type=Text)) for field in texts}


def _document(*updates: bytes) -> Doc[Any]:
    doc: Doc[Any] = Doc()
    for update in filter(None, updates):
        doc.apply_update(update)
    return doc
