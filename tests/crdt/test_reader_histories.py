"""What real clients push is accepted, and is what pycrdt then shows.

Clients edit through `Document`, which writes entries by hand and lets pycrdt write text; the server
deletes and edits behind their backs, and everybody hears of the others late or never.
"""

import gzip
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc
from pycrdt import Text as YText

from crdt.document import Document
from crdt.entry import entries_root
from crdt.parts import cut_push
from crdt.text import utf8_length
from crdt.update import Push, read_push, read_state
from crdt.vector import VectorClock

TRANSACTIONS = 3_000
"""Of a real session: some four hundred times one of the two heard of the other."""

SERVER = 1
REPLICAS = (3, 200, 2**53 - 1)
WORDS = ("a", "é", "😀", "e\u0301", "ab😀c", "👩\u200d👩\u200d👧", "x" * 20)
VALUES = (None, True, 1.5, -3, 2**53 - 1, "", "é😀")

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(REPLICAS), st.integers(0, 2), st.booleans()),
        st.tuples(
            st.just("type"),
            st.sampled_from((SERVER, *REPLICAS)),
            st.integers(0, 99),
            st.sampled_from(WORDS),
        ),
        st.tuples(
            st.just("erase"),
            st.sampled_from((SERVER, *REPLICAS)),
            st.integers(0, 99),
            st.integers(1, 4),
        ),
        st.tuples(st.just("withdraw"), st.sampled_from(REPLICAS), st.integers(0, 5), st.none()),
        st.tuples(st.just("push"), st.sampled_from(REPLICAS), st.none(), st.none()),
        st.tuples(st.just("pull"), st.sampled_from(REPLICAS), st.none(), st.none()),
        st.tuples(st.just("compact"), st.just(SERVER), st.integers(0, 7), st.none()),
    ),
    min_size=4,
    max_size=40,
)


@dataclass
class History:
    """The bytes that everybody holds."""

    held: dict[int, bytes] = field(default_factory=lambda: dict.fromkeys((SERVER, *REPLICAS), b""))
    pushes: int = 0

    def document(self, who: int) -> Document:
        return Document(self.held[who], who)

    def write(self, who: int, number: int, replacing: bool) -> None:
        document = self.document(who)
        name = ("title", "done", "é")[number]
        replaces = [entry.dot for entry in document.live(name)] if replacing else []
        value = VALUES[(number + document.clock(who)) % len(VALUES)]
        document.append(name, document.next_stamp(number), value, replaces)
        self.held[who] = document.encode()

    def type(self, who: int, place: int, word: str) -> None:
        document = self.document(who)
        name = ("notes", "body")[place % 2]
        document.edit_text(name, place * len(document.text(name)) // 99, 0, word)
        self.held[who] = document.encode()

    def erase(self, who: int, place: int, count: int) -> None:
        document = self.document(who)
        name = ("notes", "body")[place % 2]
        length = len(document.text(name))
        index = place * length // 100
        document.edit_text(name, index, min(count, length - index), "é" if place % 3 == 0 else "")
        touched = [entry.dot for entry in document.live(name)]  # a deletion alone moves no clock
        document.append(name, document.next_stamp(place), None, touched)
        self.held[who] = document.encode()

    def withdraw(self, who: int, most: int, _: None) -> None:
        """What was never sent may be taken back."""
        document = self.document(who)
        sent = self.document(SERVER).clock(who)
        own = [dot for dot in document.entries if dot.replica == who and dot.clock >= sent]
        document.delete(sorted(own)[:most])
        self.held[who] = document.encode()

    def compact(self, _: int, every: int, __: None) -> None:
        document = self.document(SERVER)
        document.delete([dot for dot in list(document.entries) if dot.clock % 8 <= every])
        document.append("title", document.next_stamp(0), "folded")
        self.held[SERVER] = document.encode()

    def pull(self, who: int, _: None, __: None) -> None:
        document = self.document(who)
        document.apply_update(self.held[SERVER])
        self.held[who] = document.encode()

    def push(self, who: int, _: None, __: None) -> None:
        server = self.document(SERVER)
        sent = server.clock(who)
        client = self.document(who)
        if client.clock(who) == sent:
            return
        data = client.own_diff(sent)
        push = read_push(data, who, server.loaded)
        assert not push.known
        assert (push.first, push.next) == (sent, client.clock(who))
        check_announced(self.held[SERVER], push)
        assert self.in_parts(data, who) == self.applied(push)
        server.apply(push)
        self.held[SERVER] = server.encode()
        check_next_entry(self.held[SERVER], who)
        again = read_push(data, who, read_state(self.held[SERVER]))
        assert again.known
        self.pushes += 1

    def applied(self, push: Push) -> tuple[Any, ...]:
        document = self.document(SERVER)
        document.apply(push)
        return meaning(document.encode())

    def in_parts(self, data: bytes, who: int) -> tuple[Any, ...]:
        """The same push, struct by struct: each part is taken on top of those before it."""
        state = self.held[SERVER]
        for part in cut_push(data, 1, 1 << 20):
            document = Document(state, SERVER)
            document.apply(read_push(part, who, document.loaded))
            state = document.encode()
        return meaning(state)


def meaning(data: bytes) -> tuple[Any, ...]:
    state = read_state(data)
    texts = {name: Document(data).text(name) for name in state.text_roots}
    return state.vector, state.entries, state.deleted, state.last_entry, texts


def check_announced(before: bytes, push: Push) -> None:
    """pycrdt shows what the reader said: clocks, entries, deletions, and texts that changed."""
    known = read_state(before)
    doc: Doc[Any] = Doc()
    if before:
        doc.apply_update(before)
    names = known.text_roots | push.text_fields
    texts = {name: str(doc.get(f"t{name}", type=YText)) for name in names}
    doc.apply_update(push.data)
    vector = {**known.vector, push.replica: push.next}
    assert dict(VectorClock.from_bytes(doc.get_state())) == vector
    entries = {**known.entries, **{entry.dot: entry for entry in push.entries}}
    for replica in vector:
        shown = doc.get(entries_root(replica), type=Array).to_py() or []
        assert shown == [entries[dot].raw() for dot in sorted(entries) if dot.replica == replica]
    stored = read_state(doc.get_update())
    assert stored.entries == entries
    assert stored.vector == vector
    for name, text in texts.items():
        if name not in push.text_fields:
            assert str(doc.get(f"t{name}", type=YText)) == text


def check_next_entry(data: bytes, replica: int) -> None:
    """`last_entry` is the origin that pycrdt itself would give the next entry."""
    doc: Doc[Any] = Doc(client_id=replica)
    doc.apply_update(data)
    vector = doc.get_state()
    doc.get(entries_root(replica), type=Array).append(["title", 5, "next"])
    push = read_push(doc.get_update(vector), replica, read_state(data))
    assert [entry.value for entry in push.entries] == ["next"]


@settings(max_examples=80, deadline=None)
@given(steps)
def test_whatever_clients_did_their_pushes_are_accepted(done: list[tuple[Any, ...]]) -> None:
    history = History()
    for name, who, *arguments in done:
        getattr(history, name)(who, *arguments)
    for who in REPLICAS:
        history.push(who, None, None)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_everybody_reads_the_same_in_the_end(done: list[tuple[Any, ...]]) -> None:
    history = History()
    for name, who, *arguments in done:
        getattr(history, name)(who, *arguments)
    for who in REPLICAS:
        history.push(who, None, None)
    for who in REPLICAS:
        history.pull(who, None, None)
    meanings = [meaning(data) for data in history.held.values()]
    assert meanings[1:] == meanings[:-1]


def test_deletions_that_the_server_merged_meanwhile_may_be_repeated() -> None:
    history = History()
    history.type(3, 0, "abc😀")
    history.write(3, 0, False)
    history.push(3, None, None)
    history.pull(200, None, None)
    history.erase(200, 40, 2)
    history.write(200, 0, True)
    history.push(200, None, None)
    history.compact(SERVER, 7, None)
    history.erase(SERVER, 0, 1)
    history.pull(200, None, None)
    history.write(200, 1, True)
    history.compact(SERVER, 7, None)
    history.push(200, None, None)
    assert history.pushes == 3


def test_text_beside_characters_that_are_deleted_by_now_is_accepted() -> None:
    history = History()
    history.type(3, 0, "ab😀c")
    history.push(3, None, None)
    history.pull(200, None, None)
    document = history.document(SERVER)
    document.edit_text("notes", 0, 4)
    history.held[SERVER] = document.encode()
    client = history.document(200)
    client.edit_text("notes", 3, 0, "é")
    history.held[200] = client.encode()
    history.push(200, None, None)
    assert history.document(SERVER).text("notes") == "é"


def trace() -> dict[str, Any]:
    """A real session of two people (josephg/editing-traces, CC BY 4.0), which is not shipped."""
    beside = Path(__file__).parents[3] / "shared/data"
    path = Path(os.environ.get("PULSE_TRACES", beside)) / "friendsforever.json.gz"
    if not path.exists():
        pytest.skip("needs friendsforever.json.gz of josephg/editing-traces in PULSE_TRACES")
    with gzip.open(path) as file:
        loaded: dict[str, Any] = json.load(file)
    return loaded


def test_a_real_session_of_two_people_passes_the_reader_push_by_push() -> None:
    agents = (REPLICAS[0], REPLICAS[2])
    docs = [Doc[Any](client_id=replica) for replica in agents]
    typed: list[list[tuple[int, bytes]]] = [[], []]
    heard = [0, 0]
    server = b""
    for number, transaction in enumerate(trace()["txns"][:TRANSACTIONS]):
        me = transaction["agent"]
        news = typed[1 - me][heard[me] :]
        news = [update for at, update in news if at <= max(transaction["parents"], default=-1)]
        if news:  # one hears of the other through the server only
            server = pushed(server, docs[1 - me], agents[1 - me])
            heard[me] += len(news)
            for update in news:
                docs[me].apply_update(update)
        before = docs[me].get_state()
        patch(docs[me], transaction["patches"])
        typed[me].append((number, docs[me].get_update(before)))
    for doc, replica in zip(docs, agents, strict=True):
        server = pushed(server, doc, replica)
    for doc in docs:
        doc.apply_update(server)
        assert str(doc.get("tnotes", type=YText)) == Document(server).text("notes")


def patch(doc: "Doc[Any]", patches: list[tuple[int, int, str]]) -> None:
    text = doc.get("tnotes", type=YText)
    with doc.transaction():
        for place, deleted, inserted in patches:
            value = str(text)
            start = utf8_length(value[:place])
            if deleted:
                del text[start : start + utf8_length(value[place : place + deleted])]
            if inserted:
                text.insert(start, inserted)


def pushed(server: bytes, doc: "Doc[Any]", replica: int) -> bytes:
    """The server after `replica` pushed what is new, in parts."""
    known = Document(server)
    held = VectorClock.from_bytes(doc.get_state())
    if held.get(replica, 0) == known.clock(replica):
        return server
    vector = {**held, replica: known.clock(replica)}
    for part in cut_push(doc.get_update(VectorClock(vector).to_bytes()), 200, 1 << 16):
        document = Document(server, SERVER)
        document.apply(read_push(part, replica, document.loaded))
        server = document.encode()
    return server
