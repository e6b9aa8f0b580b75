"""Delivery of documents: in any order, with duplicates and gaps, they converge and stay small."""

import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import Document, Dot, Field, Gap, Schema
from crdt.editing import touch_text, write_field
from crdt.update import read_push

from .test_document import NOW, SCHEMA, SERVER, WORDS, assert_same, content, merged, reloaded


def compact(document: Document, schema: Schema = SCHEMA) -> None:
    """As the server does: delete what is not live, fold what adds up."""
    live: set[Dot] = set()
    for name in tuple(document.fields()):
        entries = document.live(name)
        live.update(entry.dot for entry in entries)
        known = schema.fields[name]
        folded = known.rule.fold(known.live(entries))
        if folded is not None:
            stamp = max(entry.stamp for entry in entries)
            live -= set(folded.replaces)
            live.add(document.append(name, stamp, known.encode(folded.value)).dot)
    document.delete([dot for dot in document.entries if dot not in live])


def pushed(server: bytes, client: Document, schema: Schema = SCHEMA) -> Document:
    """The server after it merged what `client` has for it; its delta is what it would relay."""
    document = Document(server, SERVER)
    data = client.own_diff(document.clock(client.replica))
    push = read_push(data, client.replica, document.loaded)
    document.apply(push)
    compact(document, schema)
    return document


actions = st.lists(
    st.tuples(
        st.sampled_from(["write", "add", "type", "push", "push", "receive", "receive"]),
        st.integers(0, 2),
        st.integers(0, 99),
        st.sampled_from(WORDS),
    ),
    max_size=50,
)


class Network:
    """Three replicas and a server that compacts. What it relays comes in any order, or twice."""

    def __init__(self) -> None:
        self.replicas = [Document(replica=1 + number) for number in range(3)]
        self.server = b""
        self.relayed: list[list[bytes]] = [[], [], []]
        self.votes = 0

    def act(self, action: str, who: int, number: int, word: str) -> None:
        document = self.replicas[who]
        sent = Document(self.server).clock(document.replica)
        match action:
            case "write":
                field = SCHEMA.fields["title" if number % 2 else "motto"]
                write_field(document, field, field.read(document), word, NOW + number, sent)
            case "add":
                votes = SCHEMA.fields["votes"]
                old = votes.rule.read(votes.live(document.live("votes")))
                write_field(document, votes, old, old + number, NOW + number, sent)
                self.votes += number
            case "type":
                text = document.text("notes")
                index = number % (len(text) + 1)
                document.edit_text("notes", index, min(number % 3, len(text) - index), word)
                touch_text(document, SCHEMA.fields["notes"], NOW + number, sent)
            case "push":
                self.push(who)
            case "receive" if self.relayed[who]:
                update = self.relayed[who][number % len(self.relayed[who])]
                try:
                    document.apply_update(update)
                except Gap:
                    assert content(document) == content(reloaded(document))
        assert content(document) == content(reloaded(document))
        self.replicas[who] = reloaded(document, document.replica)

    def push(self, who: int) -> None:
        document = self.replicas[who]
        if document.clock(document.replica) > Document(self.server).clock(document.replica):
            server = pushed(self.server, document)
            delta = server.delta()
            assert_same(server, Document(merged(self.server, delta)))
            self.server = server.encode()
            for waiting in self.relayed:
                waiting.append(delta)

    def settle(self) -> None:
        for who in range(3):
            self.push(who)
        for who, document in enumerate(self.replicas):
            for update in (*self.relayed[who][::-1], self.server, *self.relayed[who]):
                with suppress(Gap):
                    document.apply_update(update)


@given(actions, st.booleans())
@settings(max_examples=150, deadline=None)
def test_replicas_converge_whatever_the_order_of_delivery(
    actions: list[tuple[str, int, int, str]], with_text: bool
) -> None:
    network = Network()
    for action in actions:
        if with_text or action[0] != "type":
            network.act(*action)
    network.settle()
    expected = content(Document(network.server))
    for document in network.replicas:
        assert content(document) == expected
        assert content(reloaded(document)) == expected
    if Document(network.server).live("votes"):
        assert SCHEMA.read(Document(network.server)).values["votes"] == network.votes


# Size

EIGHT = Schema("bench.row", {f"field{n}": Field(f"field{n}", "str") for n in range(8)})


@pytest.mark.parametrize(("writers", "most"), [(1, 700), (2, 900), (20, 3_000)])
def test_a_document_stays_small_however_often_it_is_edited(writers: int, most: int) -> None:
    chance = random.Random(writers)
    server, edits, sizes = b"", 0, []
    while edits < 5_000:
        client = Document(server, 2**52 + chance.randrange(writers))
        for edit in range(edits, min(edits + chance.randrange(1, 8), 5_000)):
            field = EIGHT.fields[f"field{edit % 8}"]
            write_field(client, field, field.read(client), f"value {edit}", NOW + edit)
            edits = edit + 1
        server = pushed(server, client, EIGHT).encode()
        sizes.append(len(server))
    print(f"{writers} writers: {sizes[-1]} bytes, at most {max(sizes)}")
    assert max(sizes) < most
    assert EIGHT.read(Document(server)).values == {
        f"field{edit % 8}": f"value {edit}" for edit in range(4_992, 5_000)
    }
