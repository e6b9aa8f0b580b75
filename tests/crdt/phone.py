"""A device for tests: a replica, its store, its clock, and a connection to cut anywhere."""

from uuid import UUID

from crdt import frames
from crdt.document import Document
from crdt.entry import Entry
from crdt.events import Event
from crdt.messages import Message, Push
from crdt.replica import Replica
from crdt.store import MemoryStore

from .authority import MODEL, Authority, Line

__all__ = ["Phone", "converged"]


class Phone:
    """A device. Nothing travels before `exchange`, `send` or `receive` is called."""

    def __init__(self, authority: Authority, number: int, *, skew: int = 0) -> None:
        self.authority = authority
        self.number = number
        self.skew = skew
        self.store = MemoryStore()
        self.line: Line | None = None
        self.sent: list[Message] = []
        self.events: list[Event] = []
        self._ids = 0
        self.replica = self._build()

    def _build(self) -> Replica:
        return Replica(
            self.store,
            lambda: self.authority.now + self.skew,
            self._new_id,
            lambda: self.number,
            schemas=[self.authority.schema],
        )

    def _new_id(self) -> UUID:
        self._ids += 1
        return UUID(int=(self.number << 64) + self._ids)

    # Life

    def restart(self) -> None:
        """The process is killed, and starts again from what the store holds."""
        self.cut()
        self.store = self.store.copy()
        self.replica = self._build()

    def reload(self) -> None:
        """Build the replica anew from the stored bytes, and check that it says the same."""
        before = self.rows(), self.replica.pending, self.replica.reverted()
        replica, line = self.replica, self.line
        self.store = self.store.copy()
        self.replica = self._build()
        assert (self.rows(), self.replica.pending, self.replica.reverted()) == before
        assert self.replica.replica == replica.replica
        if line is not None:
            self.cut()

    # Network

    def connect(self) -> None:
        """Open a connection and say hello; answers wait in the line."""
        self.cut()
        self.line = Line(self.authority)
        self.line.take(self.replica.connected())

    def cut(self) -> None:
        """The connection is gone, with everything on its way."""
        if self.line is not None:
            self.line.close()
            self.line = None
        self.replica.disconnected()

    def send(self) -> bool:
        """Send what there is; says whether there was anything."""
        if self.line is None:
            return False
        outgoing = self.replica.outgoing()
        for frame in outgoing:
            self.sent.append(frames.decode(frame))
            self.line.take(frame)
        return bool(outgoing)

    def receive(self) -> bool:
        """Take one message that waits; says whether there was any."""
        if self.line is None or not self.line.outbox:
            return False
        self.events += self.replica.receive(frames.encode(self.line.outbox.pop(0)))
        return True

    def exchange(self) -> list[Event]:
        """Send and receive until both sides have nothing more to say; gives the events."""
        seen = len(self.events)
        for _ in range(20_000):
            if not (self.send() | self.receive()):
                return self.events[seen:]
        raise AssertionError("the two sides never stop talking")

    def sync(self) -> list[Event]:
        """Connect, if need be, and exchange everything."""
        if self.line is None:
            self.connect()
        return self.exchange()

    @property
    def pushes(self) -> list[Push]:
        """The pushes sent so far."""
        return [message for message in self.sent if isinstance(message, Push)]

    # What it sees

    def rows(self) -> dict[UUID, dict[str, object]]:
        """Every row with its values."""
        return {row.id: dict(row.values) for row in self.replica.all(MODEL)}

    def documents(self) -> dict[UUID, tuple[dict[int, int], dict[str, tuple[Entry, ...]]]]:
        """Every document's vector clock and live entries."""
        found = {}
        for identity, data in self.states().items():
            document = Document(data)
            live = {name: document.live(name) for name in document.fields()}
            found[identity] = (dict(document.vector), live)
        return found

    def states(self) -> dict[UUID, bytes]:
        """Every document's bytes."""
        return dict(self.replica.states(MODEL))


def converged(*phones: Phone) -> bool:
    """Say the same here, there and on the server."""
    for phone in phones:
        phone.connect()
        phone.exchange()
    for phone in phones:
        assert phone.line is not None
        phone.line.take(phone.replica.ping())
        phone.exchange()
        assert phone.replica.in_sync
    first = phones[0]
    server = {
        key.id: dict(Document(data).vector) for key, data in first.authority.documents.items()
    }
    return all(
        phone.rows() == first.rows()
        and phone.documents() == first.documents()
        and {row: document[0] for row, document in phone.documents().items()} == server
        for phone in phones
    )
