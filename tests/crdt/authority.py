"""A server in memory, for tests of the replica: merges, reverts, compacts and feeds, as the real
one does, but without Django, users' rights or a database."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from crdt import frames
from crdt.document import Document
from crdt.editing import write_field
from crdt.entry import ROW_FIELD, Entry
from crdt.errors import Dangling, Gap, Malformed, TooLarge
from crdt.messages import (
    Ack,
    Busy,
    Changes,
    Confirm,
    Hello,
    Item,
    Key,
    Leave,
    Limits,
    Listing,
    Message,
    Outcome,
    Outcomes,
    ParkedRow,
    Ping,
    Pong,
    Pull,
    Push,
    Refused,
    Resend,
    Reverted,
    RevertedField,
    Verdict,
    Welcome,
)
from crdt.rebuilding import read_push_to, rebuilt, rebuilt_in
from crdt.rules import Counter, Latest, ServerOnly, Text
from crdt.schema import MISSING, Field, Schema
from crdt.stamp import next_stamp
from crdt.update import Push as ReadPush

__all__ = ["MODEL", "SCHEMA", "Authority", "Line"]

MODEL = "todo.task"

SCHEMA = Schema(
    MODEL,
    {
        field.name: field
        for field in (
            Field("title", "str", Latest()),
            Field("done", "bool", Latest(), default=False),
            Field("due", "date", Latest()),
            Field("votes", "int", Counter(), default=0),
            Field("notes", "str", Text(), default=""),
            Field("stage", "str", ServerOnly()),
        )
    },
)

Judge = Callable[[int, Entry], tuple[str, str] | None]


def judge_nothing(replica: int, entry: Entry) -> tuple[str, str] | None:
    """Let every entry stand."""
    return None


@dataclass
class Authority:
    """The server's whole state. Tests reach in to change the rules or lose data."""

    now: int = 1_700_000_000_000
    epoch: str = "e1"
    server: int = 999
    page_rows: int = 500
    limits: Limits = field(default_factory=lambda: Limits(1 << 20, 500, 1_000))
    judge: Judge = judge_nothing
    schema: Schema = SCHEMA
    refused: set[Key] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    """Fields of which nothing is taken."""
    parked: dict[Key, ParkedRow] = field(default_factory=dict)
    busy: set[Key] = field(default_factory=set)
    documents: dict[Key, bytes] = field(default_factory=dict)
    feed: dict[str, dict[Key, tuple[int, bool]]] = field(default_factory=lambda: {"all": {}})
    heads: dict[str, int] = field(default_factory=dict)
    """Heads whose change the feed has forgotten."""
    purged: dict[str, int] = field(default_factory=dict)
    position: int = 0
    outcomes: dict[int, dict[int, Outcome]] = field(default_factory=lambda: defaultdict(dict))
    lines: list["Line"] = field(default_factory=list)
    next_outcome: int = 1

    def scope_of(self, key: Key) -> str:
        """The scope that the document lies in: the first that has it, or "all"."""
        for scope, rows in self.feed.items():
            if rows.get(key, (0, False))[1]:
                return scope
        return "all"

    def is_seen(self, key: Key) -> bool:
        """Is the document in any scope?"""
        return any(rows.get(key, (0, False))[1] for rows in self.feed.values())

    def restore(self, documents: dict[Key, bytes], epoch: str) -> None:
        """Start again from a backup: another epoch, another replica id of the server."""
        self.documents = dict(documents)
        self.epoch = epoch
        self.server -= 1
        self.position = 0
        self.feed = {"all": {}}
        self.purged, self.heads = {}, {}
        for key in documents:
            self._stamp("all", key, present=True)

    # Pushes

    def push(self, replica: int, item: Item) -> Verdict | None:
        """Merge one pushed update."""
        key = item.key
        if key in self.busy:
            return Busy()
        is_hidden = key in self.documents and not self.is_seen(key) and key not in self.parked
        if key in self.refused or is_hidden:
            return Refused("forbidden", "No such row.")
        forgotten = max(self.purged.values(), default=0)
        if key not in self.documents and item.seen is not None and item.seen < forgotten:
            return Refused("gone", "The row was deleted long ago.")
        document = Document(self.documents.get(key, b""), self.server)
        try:
            push = read_push_to(document.loaded, item.data, replica)
        except Gap as gap:
            return Resend(gap.expected)
        except (Malformed, TooLarge) as error:
            if isinstance(error, Dangling) and rebuilt_in(self.documents.get(key, b"")):
                return Resend(document.clock(replica))
            return Refused(error.code, str(error))
        if push.known:
            return self._stored(replica, key, push.next)
        blamed = sorted({entry.field for entry in push.entries} & self.closed)
        if blamed:
            undone = RevertedField(None, "denied", "No.")
            return Refused("denied", "Not these.", dict.fromkeys(blamed, undone))
        document.apply(push)
        reverted = self._lost(document, push) | self._revert(document, push)
        self._compact(document)
        parked = self.parked.get(key)
        if parked is None:
            self._publish(key, document)
        else:
            self.documents[key] = document.encode()
        if not reverted and parked is None:
            return None
        outcome = Outcome(self.next_outcome, *key, push.next, reverted, parked)
        self.next_outcome += 1
        self.outcomes[replica][outcome.outcome] = outcome
        return Reverted(reverted, outcome.outcome, push.next, parked)

    def admit(self, key: Key) -> None:
        """Let a parked row in."""
        del self.parked[key]
        self._publish(key, Document(self.documents[key], self.server))

    def _stored(self, replica: int, key: Key, clock: int) -> Verdict | None:
        for one in self.outcomes[replica].values():
            if (one.model, one.id, one.clock) == (*key, clock):
                return Reverted(one.fields, one.outcome, one.clock, one.parked)
        return None

    def _revert(self, document: Document, push: ReadPush) -> dict[str, RevertedField]:
        reverted = {}
        for entry in push.entries:
            verdict = self.judge(push.replica, entry)
            if verdict is not None:
                document.delete([entry.dot])
                reverted[entry.field] = RevertedField(entry.value, *verdict)
        return reverted

    def _lost(self, document: Document, push: ReadPush) -> dict[str, RevertedField]:
        deletes = any(entry.field == ROW_FIELD and entry.value is True for entry in push.entries)
        if deletes or not self.schema.is_deleted(document):
            return {}
        return {
            entry.field: RevertedField(entry.value, "deleted", "Too late.")
            for entry in push.entries
        }

    def _compact(self, document: Document) -> None:
        named = {dot for entry in document.entries.values() for dot in entry.replaces}
        document.delete(named & document.entries.keys())
        for known in SCHEMA.fields.values():
            live = known.live(document.live(known.name))
            folded = known.rule.fold(live) if live else None
            if folded is not None:
                stamp = max(entry.stamp for entry in live)
                document.append(known.name, stamp, known.encode(folded.value), folded.replaces)
                document.delete(folded.replaces)

    def write(self, key: Key, name: str, value: object) -> None:
        """The server writes a field itself."""
        document = Document(self.documents.get(key, b""), self.server)
        replaces = [entry.dot for entry in document.live(name)]
        stamp = document.next_stamp(self.now)
        document.append(name, stamp, SCHEMA.fields[name].encode(value), replaces)
        self._compact(document)
        self._publish(key, document)

    def rebuild(self, key: Key, *, counted: bool) -> None:
        """Lose a document, and make another from what it said; `counted` are the clocks in it."""
        old = Document(self.documents[key])
        values = self.schema.read(old).values
        clocks = old.vector if counted else {}
        document = rebuilt(self.server, self.now, self.now - 5_000, clocks)
        for name, value in values.items():
            stamp = next_stamp(self.now - 5_000)
            write_field(document, self.schema.fields[name], MISSING, value, 0, stamp=stamp)
        self._publish(key, document)

    def _publish(self, key: Key, document: Document) -> None:
        self.documents[key] = document.encode()
        item = Item(*key, document.delta())
        here = [scope for scope, rows in self.feed.items() if rows.get(key, (0, False))[1]]
        for scope in here or ["all"]:
            before = self.head(scope)
            self._stamp(scope, key, present=True)
            self.broadcast(Changes(scope, before, self.head(scope), live=True, items=(item,)))

    # The feed

    def head(self, scope: str) -> int:
        """The last position in a scope."""
        last = next((at for at, _ in reversed(self.feed[scope].values())), 0)
        return max(last, self.heads.get(scope, 0))

    def _stamp(self, scope: str, key: Key, *, present: bool) -> None:
        self.position += 1
        self.feed[scope].pop(key, None)
        self.feed[scope][key] = (self.position, present)

    def move(self, key: Key, old: str, new: str | None) -> None:
        """The document leaves a scope, and enters another if there is one."""
        self.feed.setdefault(old, {})
        before = self.head(old)
        self._stamp(old, key, present=False)
        self.broadcast(Changes(old, before, self.head(old), live=True, leaves=(key,)))
        if new is not None:
            self.feed.setdefault(new, {})
            before = self.head(new)
            self._stamp(new, key, present=True)
            item = Item(*key, self.documents[key])
            self.broadcast(Changes(new, before, self.head(new), live=True, items=(item,)))

    def pages(self, pull: Pull) -> Iterable[Message]:
        """The answer to a pull."""
        for scope, cursor in pull.cursors.items():
            if scope in self.feed:
                yield from self._pages(pull, scope, cursor)
        if pull.documents:
            found = [key for key in pull.documents if key in self.documents]
            items = tuple(Item(*key, self.documents[key]) for key in found)
            yield Changes(None, 0, 0, pull=pull.id, items=items)

    def purge(self, scope: str, until: int | None = None) -> None:
        """Forget what was deleted in a scope, and what left it, up to a position."""
        for key, (position, present) in list(self.feed[scope].items()):
            deleted = self.schema.is_deleted(Document(self.documents.get(key, b"")))
            if (until is not None and position > until) or (present and not deleted):
                continue
            for one in self.feed if present else (scope,):
                self._forget(one, key)
            if present:
                del self.documents[key]

    def _forget(self, scope: str, key: Key) -> None:
        if key in self.feed[scope]:
            self.heads[scope] = self.head(scope)
            position, _ = self.feed[scope].pop(key)
            self.purged[scope] = max(position, self.purged.get(scope, 0))

    def _pages(self, pull: Pull, scope: str, cursor: int) -> Iterable[Message]:
        head = self.head(scope)
        purged, listing = self.purged.get(scope, 0), None
        if cursor < purged:
            begun = pull.listings.get(scope, -1)
            cursor, begun = (cursor, begun) if begun >= purged else (0, head)
            listing = Listing(purged, begun)
        rows = sorted(
            (position, key, present)
            for key, (position, present) in self.feed[scope].items()
            if position > cursor
        )
        for start in range(0, max(len(rows), 1), self.page_rows):
            page = rows[start : start + self.page_rows]
            more = start + self.page_rows < len(rows)
            end = page[-1][0] if more else max(head, cursor)
            items = tuple(Item(*key, self.documents[key]) for _, key, here in page if here)
            leaves = tuple(key for _, key, here in page if not here)
            yield Changes(scope, cursor, end, more, False, pull.id, items, leaves, listing)
            cursor = end

    def broadcast(self, message: Message) -> None:
        """Tell everybody who is connected."""
        for line in self.lines:
            line.outbox.append(message)


@dataclass
class Line:
    """The server's end of one connection."""

    authority: Authority
    user: str = "7"
    replica: int = -1
    outbox: list[Message] = field(default_factory=list)

    def take(self, frame: bytes) -> None:
        """Handle one frame; answers go to the outbox."""
        authority = self.authority
        message = frames.decode(frame)
        match message:
            case Hello():
                self._hello(message)
            case Push(number, epoch, items):
                assert epoch == authority.epoch
                verdicts = {
                    index: verdict
                    for index, item in enumerate(items)
                    if (verdict := authority.push(self.replica, item)) is not None
                }
                self.outbox.append(Ack(number, len(items), verdicts))
            case Pull():
                self.outbox += authority.pages(message)
            case Confirm(outcomes):
                self._confirm(outcomes)
            case Ping(time):
                self.outbox.append(Pong(time, self._heads()))
            case _:
                raise AssertionError(f"a client sent {message}")

    def _hello(self, hello: Hello) -> None:
        self.replica = hello.replica
        self._confirm(hello.outcomes)
        authority = self.authority
        authority.lines.append(self)
        self.outbox.append(
            Welcome(
                authority.epoch,
                authority.now,
                self.user,
                (authority.schema.description(),),
                self._heads(),
                authority.limits,
                15.0,
            )
        )
        waiting = tuple(authority.outcomes[self.replica].values())
        if waiting:
            self.outbox.append(Outcomes(waiting))

    def _confirm(self, outcomes: Iterable[int]) -> None:
        for outcome in outcomes:
            self.authority.outcomes[self.replica].pop(outcome, None)

    def _heads(self) -> dict[str, int]:
        return {scope: self.authority.head(scope) for scope in self.authority.feed}

    def close(self) -> None:
        """The connection is gone."""
        if self in self.authority.lines:
            self.authority.lines.remove(self)

    def lose(self, scope: str) -> None:
        """Tell the client that it lost a scope."""
        self.outbox.append(Leave(scope))
