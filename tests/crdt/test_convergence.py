"""Replicas and a server, in any order: they converge, and nothing acked is lost."""

from collections import Counter as Tally
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from crdt.document import Document
from crdt.entry import Entry
from crdt.messages import Changes, Key
from crdt.replica import Replica

from .authority import MODEL, SCHEMA, Authority
from .phone import Phone

PHONES = 3
FORBIDDEN = "forbidden"
FIRST_MARK = 0xF0000
"""Characters for private use, outside the basic plane: one for each insertion."""

words = st.sampled_from(
    ["a", "é", "e\u0301", "😀", "👩\u200d👩\u200d👧", "𝒳", "中文", "\U0010ffff", ""]
)
phones = st.integers(0, PHONES - 1)
places = st.integers(0, 1_000)


def judge(replica: int, entry: Entry) -> tuple[str, str] | None:
    """One value may not stand."""
    return ("invalid", "Not this one.") if entry.value == FORBIDDEN else None


class Convergence(RuleBasedStateMachine):
    """Every step acts on one device or on the network; the end compares everybody."""

    def __init__(self) -> None:
        super().__init__()
        self.authority = Authority(page_rows=2, judge=judge)
        self.phones = [Phone(self.authority, 100 + number) for number in range(PHONES)]
        self.added: Tally[UUID] = Tally()
        self.inserted: dict[UUID, list[str]] = {}
        self.cut_texts: set[UUID] = set()
        self.acting = self.phones[0]
        self.marks = 0
        self.doubtful: set[UUID] = set()
        self.created: set[UUID] = set()
        self.deleted: set[UUID] = set()
        self.backup: dict[Key, bytes] = {}

    def row(self, phone: Phone, place: int) -> UUID | None:
        rows = sorted(phone.rows())
        return rows[place % len(rows)] if rows else None

    # Editing

    @rule(who=phones, title=words, notes=words)
    def create(self, who: int, title: str, notes: str) -> None:
        self.acting = phone = self.phones[who]
        self.created.add(phone.replica.create(MODEL, {"title": title, "notes": notes}))

    @rule(
        who=phones, place=places, title=words | st.just(FORBIDDEN), done=st.none() | st.booleans()
    )
    def write(self, who: int, place: int, title: str, done: bool | None) -> None:
        self.acting = phone = self.phones[who]
        row = self.row(phone, place)
        if row is not None:
            phone.replica.set(MODEL, row, title=title, done=done)

    @rule(who=phones, place=places, amount=st.integers(-5, 5))
    def add(self, who: int, place: int, amount: int) -> None:
        self.acting = phone = self.phones[who]
        row = self.row(phone, place)
        if row is not None:
            phone.replica.add(MODEL, row, "votes", amount)
            self.added[row] += amount

    @rule(who=phones, place=places, index=places, word=words)
    def insert(self, who: int, place: int, index: int, word: str) -> None:
        self.acting = phone = self.phones[who]
        row = self.row(phone, place)
        if row is not None:
            text = str(phone.rows()[row]["notes"])
            self.marks += 1
            mark = chr(FIRST_MARK + self.marks)
            phone.replica.edit_text(MODEL, row, "notes", index % (len(text) + 1), 0, word + mark)
            self.inserted.setdefault(row, []).append(mark)

    @rule(who=phones, place=places, index=places, length=st.integers(1, 4), word=words)
    def replace(self, who: int, place: int, index: int, length: int, word: str) -> None:
        self.acting = phone = self.phones[who]
        row = self.row(phone, place)
        if row is not None:
            text = str(phone.rows()[row]["notes"])
            start = index % (len(text) + 1)
            gone = min(length, len(text) - start)
            phone.replica.edit_text(MODEL, row, "notes", start, gone, word)
            self.cut_texts.add(row)

    @rule(who=phones, place=places)
    @precondition(lambda self: len(self.phones[0].rows()) > 2)
    def delete(self, who: int, place: int) -> None:
        self.acting = phone = self.phones[who]
        row = self.row(phone, place)
        if row is not None:
            phone.replica.delete(MODEL, row)
            self.deleted.add(row)

    @rule(place=places, stage=words)
    def server_writes(self, place: int, stage: str) -> None:
        keys = sorted(self.authority.documents)
        if keys:
            self.authority.write(keys[place % len(keys)], "stage", stage)

    @rule(place=places)
    def row_is_busy_or_free_again(self, place: int) -> None:
        keys = sorted(self.authority.documents)
        if keys:
            self.authority.busy ^= {keys[place % len(keys)]}

    @rule(place=places)
    def row_is_refused_or_taken_again(self, place: int) -> None:
        keys = sorted(self.authority.documents)
        if keys:
            self.authority.refused ^= {keys[place % len(keys)]}
            self.doubtful.add(keys[place % len(keys)].id)

    @rule(place=places)
    def row_leaves_or_comes_back(self, place: int) -> None:
        keys = sorted(self.authority.documents)
        if keys:
            key = keys[place % len(keys)]
            self.doubtful.add(key.id)
            if self.authority.is_seen(key):
                self.authority.move(key, "all", None)
            else:
                self.authority.move(key, "nowhere", "all")

    @rule()
    def server_is_backed_up(self) -> None:
        self.backup = dict(self.authority.documents)

    @rule()
    def server_is_restored(self) -> None:
        for phone in self.phones:
            phone.cut()
        self.doubtful.update(*(phone.rows() for phone in self.phones))
        epoch = f"{self.authority.epoch}+"
        self.authority.restore(self.backup, epoch)

    # The network

    @rule(who=phones)
    def connect(self, who: int) -> None:
        self.acting = self.phones[who]
        self.acting.connect()

    @rule(who=phones)
    def cut(self, who: int) -> None:
        self.acting = self.phones[who]
        self.acting.cut()

    @rule(who=phones)
    def restart(self, who: int) -> None:
        self.acting = self.phones[who]
        self.acting.restart()

    @rule(who=phones)
    def send(self, who: int) -> None:
        self.acting = self.phones[who]
        self.acting.send()

    @rule(who=phones, times=st.integers(1, 5))
    def receive(self, who: int, times: int) -> None:
        self.acting = self.phones[who]
        for _ in range(times):
            self.acting.receive()

    @rule(who=phones)
    def receive_twice(self, who: int) -> None:
        self.acting = self.phones[who]
        line = self.acting.line
        if line is not None and line.outbox and isinstance(line.outbox[0], Changes):
            line.outbox.insert(0, line.outbox[0])
            self.acting.receive()
            self.acting.receive()

    @rule(who=phones, place=places)
    def live_message_is_lost(self, who: int, place: int) -> None:
        line = self.phones[who].line
        if line is not None:
            live = [one for one in line.outbox if isinstance(one, Changes) and one.live]
            if live:
                line.outbox.remove(live[place % len(live)])

    @rule(who=phones)
    def exchange(self, who: int) -> None:
        self.acting = self.phones[who]
        self.acting.sync()

    # What must hold

    @invariant()
    def a_restart_would_find_the_same(self) -> None:
        phone = self.acting
        again = Replica(
            phone.store.copy(), lambda: 0, phone.replica._new_id, lambda: 1, schemas=[SCHEMA]
        )
        assert again.replica == phone.number
        assert again.pending == phone.replica.pending
        assert {row.id: dict(row.values) for row in again.all(MODEL)} == phone.rows()
        for row in phone.rows():
            held = phone.replica.get(MODEL, row)
            assert held is not None
            assert held == again.get(MODEL, row)
            assert dict(held.values) == phone.rows()[row]

    def teardown(self) -> None:
        self.authority.busy.clear()
        self.authority.refused.clear()
        for phone in self.phones:
            phone.connect()
        for _ in range(3):
            for phone in self.phones:
                assert phone.line is not None
                phone.line.take(phone.replica.ping())
                phone.exchange()
        self.check_convergence()
        self.check_nothing_is_lost()
        self.a_restart_would_find_the_same()

    def check_convergence(self) -> None:
        expected = {}
        for key, data in self.authority.documents.items():
            if not self.authority.is_seen(key):
                continue
            document = Document(data)
            live = {name: document.live(name) for name in document.fields()}
            expected[key.id] = (dict(document.vector), live)
        for phone in self.phones:
            assert phone.replica.in_sync
            assert phone.replica.pending == 0
            assert phone.rows() == self.phones[0].rows()
            documents = phone.documents()
            assert documents.keys() == expected.keys()
            for identity, (vector, live) in documents.items():
                known, expected_live = expected[identity]
                if identity in self.doubtful and vector.get(phone.number, 0) > known.get(
                    phone.number, 0
                ):
                    # Withdrawn clocks say nothing, and go up with the next edit.
                    known = {**known, phone.number: vector[phone.number]}
                assert (vector, live) == (known, expected_live)
            for identity, data in phone.states().items():
                server = Document(self.authority.documents[Key(MODEL, identity)])
                assert Document(data).text("notes") == server.text("notes")

    def check_nothing_is_lost(self) -> None:
        for row, values in self.phones[0].rows().items():
            if row in self.doubtful:
                continue
            assert values["votes"] == self.added[row]
            if row not in self.cut_texts:
                for mark in self.inserted.get(row, []):
                    assert str(values["notes"]).count(mark) == 1
            assert values.get("title") != FORBIDDEN
        for phone in self.phones:
            for kept in phone.replica.reverted():
                assert kept.reason in {"reverted", "deleted"} or kept.id in self.doubtful


Convergence.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
TestConvergence = Convergence.TestCase
