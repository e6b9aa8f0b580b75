"""A real editing session of two people, and a long time offline, through the real server."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.contrib.auth import get_user_model
from pycrdt import Doc
from pycrdt import Text as YText

from tests.django_pulse.phones import Phone, switchboard
from tests.project.todo.models import Note

MODEL = "todo.note"
TRACE = Path(os.environ.get("PULSE_DATA", Path(__file__).parents[3] / "shared" / "data"))
TRANSACTIONS = int(os.environ.get("PULSE_TRACE_TRANSACTIONS", "1500"))
"""How much of the trace is replayed; 26,078 is all of it, and takes minutes."""

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


class Step(NamedTuple):
    """One transaction of the trace: who, what, and up to which of the other's they had seen."""

    agent: int
    patches: list[tuple[int, int, str]]
    seen: int


@pytest.fixture(scope="module")
def trace() -> tuple[list[Step], str]:
    """friendsforever, of josephg/editing-traces (CC BY 4.0)."""
    path = TRACE / "friendsforever.json.gz"
    if not path.exists():
        pytest.skip(f"the editing trace is not at {path}; PULSE_DATA names its folder")
    told = json.loads(gzip.decompress(path.read_bytes()))
    seen: list[list[int]] = []
    steps = []
    for index, each in enumerate(told["txns"]):
        agent = each["agent"]
        known = [max((seen[p][who] for p in each["parents"]), default=-1) for who in (0, 1)]
        steps.append(Step(agent, each["patches"], known[1 - agent]))
        known[agent] = index
        seen.append(known)
    return steps, told["endContent"]


def expected_text(steps: list[Step], end: str, count: int) -> str:
    """The text after `count` transactions: as the trace says, or as plain pycrdt merges them."""
    if count >= len(steps):
        return end
    docs: list[Doc[Any]] = [Doc(client_id=100), Doc(client_id=101)]
    texts = [doc.get("text", type=YText) for doc in docs]
    updates: list[deque[tuple[int, bytes]]] = [deque(), deque()]
    subscriptions = []
    current = 0
    for agent, doc in enumerate(docs):
        queue = updates[agent]
        subscriptions.append(
            doc.observe(lambda event, queue=queue: queue.append((current, event.update)))
        )
    for current, step in enumerate(steps[:count]):  # noqa: B007 - read by the observers
        mine, theirs = step.agent, 1 - step.agent
        own = len(updates[mine])
        while updates[theirs] and updates[theirs][0][0] <= step.seen:
            docs[mine].apply_update(updates[theirs].popleft()[1])
        while len(updates[mine]) > own:
            updates[mine].pop()  # what came from the other needs no way back
        for index, deleted, inserted in step.patches:
            value = str(texts[mine])
            start = len(value[:index].encode())
            if deleted:
                del texts[mine][start : start + len(value[index : index + deleted].encode())]
            if inserted:
                texts[mine].insert(start, inserted)
    docs[0].apply_update(docs[1].get_update())
    return str(texts[0])


class Late(NamedTuple):
    """A live frame on its way: whose edit it tells of, and up to which transaction."""

    agent: int
    upto: int
    frame: bytes


def receive_what_was_seen(phone: Phone, agent: int, late: deque[Late], seen: int) -> None:
    """Deliver live frames in order, up to the first that `agent` had not seen by then."""
    while late and (late[0].agent == agent or late[0].upto <= seen):
        phone.inbox.append(late.popleft().frame)
        phone.receive()


def hold_back(phones: list[Phone], late: list[deque[Late]], agent: int, index: int) -> None:
    """Take the live frames out of the inboxes; acks stay."""
    for phone, held in zip(phones, late, strict=True):
        for place in reversed(live := phone.live()):
            phone.inbox[place], frame = b"", phone.inbox[place]
            held.append(Late(agent, index, frame))
        assert len(live) <= 1, "one push, one live frame"
        phone.inbox = [frame for frame in phone.inbox if frame]


def test_two_people_typing_in_one_text_get_what_the_trace_says(
    trace: tuple[list[Step], str],
) -> None:
    steps, end = trace
    steps, wanted = steps[:TRANSACTIONS], expected_text(steps, end, TRANSACTIONS)
    needed = [{step.seen for step in steps if step.agent == 1 - agent} for agent in (0, 1)]
    user = get_user_model().objects.create_user("ada")
    with switchboard() as board:
        phones = [Phone(board, user, 100 + agent) for agent in (0, 1)]
        phones[0].sync()
        note = phones[0].replica.create(MODEL, {"title": "friends"})
        phones[0].sync()
        phones[1].sync()
        late: list[deque[Late]] = [deque(), deque()]
        for index, step in enumerate(steps):
            phone = phones[step.agent]
            receive_what_was_seen(phone, step.agent, late[step.agent], step.seen)
            for at, deleted, inserted in step.patches:
                phone.replica.edit_text(MODEL, note, "body", at, deleted, inserted)
            if index in needed[step.agent]:
                while phone.send():
                    hold_back(phones, late, step.agent, index)
                    while phone.receive():  # the ack
                        pass
        for phone in phones:
            phone.sync()
        for phone in phones:
            phone.sync()
        texts = [phone.row(MODEL, note)["body"] for phone in phones]
    row = Note.objects.get()
    assert texts == [wanted, wanted]
    assert row.body == wanted


def test_two_thousand_offline_edits_of_five_hundred_rows_come_back(
    trace: tuple[list[Step], str],
) -> None:
    rng = random.Random(2000)
    pieces = [inserted for step in trace[0] for _, _, inserted in step.patches if inserted]
    user = get_user_model().objects.create_user("ada")
    with switchboard() as board:
        phones = [Phone(board, user, 200 + n) for n in (0, 1)]
        phones[0].sync()
        rows = [phones[0].replica.create(MODEL, {"title": f"note {n}"}) for n in range(500)]
        for phone in (*phones, *phones):
            phone.sync()
        for phone in phones:
            phone.cut()
        votes = dict.fromkeys(rows, 0)
        for number in range(2_000):
            phone, row = phones[number % 2], rng.choice(rows)
            if rng.random() < 0.3:
                phone.replica.add(MODEL, row, "votes", 1)
                votes[row] += 1
            else:
                text = phone.row(MODEL, row)["body"]
                word = rng.choice(pieces) + "🎈"
                phone.replica.edit_text(MODEL, row, "body", rng.randint(0, len(text)), 0, word)
            if number % 500 == 499:
                phone.restart()
        for phone in (*phones, *phones):
            phone.sync()
        assert all(phone.replica.in_sync and not phone.replica.pending for phone in phones)
        here = [{r.id: dict(r.values) for r in phone.replica.all(MODEL)} for phone in phones]
    stored = {row.sync_id: row for row in Note.objects.all()}
    assert here[0] == here[1]
    assert {row: (v["votes"], v["body"]) for row, v in here[0].items()} == {
        row: (each.votes, each.body) for row, each in stored.items()
    }
    assert {row: each.votes for row, each in stored.items()} == votes
    balloons = sum(row.body.count("🎈") for row in stored.values())
    assert balloons == 2_000 - sum(votes.values())
