"""Replicas and a server that forgets deletions at any moment: they converge, and nothing that was
purged comes back."""

import os
from copy import copy, deepcopy
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from crdt.document import Document
from crdt.messages import Key
from crdt.rules import DeleteWins, LastActionWins, RowRule
from crdt.schema import Schema

from .authority import MODEL, SCHEMA
from .test_convergence import Convergence, phones, places

CASES = int(os.environ.get("PULSE_FUZZ_CASES", "2500")) // 100
"""Histories of each kind."""


class Purges(Convergence):
    """As `Convergence`, with a second scope, and rows that are forgotten."""

    row_rule: RowRule = DeleteWins()

    # More of the rest: what is deleted, forgotten and edited at once is what goes wrong.
    row_is_refused_or_taken_again = row_leaves_or_comes_back = server_writes = None  # type: ignore[assignment]
    server_is_backed_up = server_is_restored = None  # type: ignore[assignment]
    row_is_busy_or_free_again = receive_twice = cut = replace = live_message_is_lost = None  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.authority.schema = Schema(MODEL, SCHEMA.fields, self.row_rule)
        self.authority.feed["team"] = {}
        for phone in self.phones:
            phone.restart()
        self.purged: set[UUID] = set()

    @rule(place=places, scope=st.sampled_from(["all", "team"]), all=st.booleans())
    def purge(self, place: int, scope: str, all: bool) -> None:
        authority = self.authority
        before = set(authority.documents)
        authority.purge(scope, None if all else place % (authority.position + 1))
        self.purged |= {key.id for key in before - set(authority.documents)}

    @rule(who=phones, place=places)
    def is_deleted_and_forgotten(self, who: int, place: int) -> None:
        """By one who is online, while the others are or are not."""
        phone = self.phones[who]
        phone.sync()
        row = self.row(phone, place)
        if row is not None:
            phone.replica.delete(MODEL, row)
            self.deleted.add(row)
            phone.exchange()
            self.purge(0, "all", True)
            self.purge(0, "team", True)

    @rule(who=phones, place=places)
    def is_edited_and_cut(self, who: int, place: int) -> None:
        phone = self.phones[who]
        row = self.row(phone, place)
        if row is not None:
            phone.replica.add(MODEL, row, "votes", 1)
            self.added[row] += 1
        phone.connect()
        for _ in range(place % 7):
            phone.send()
            phone.receive()
        phone.restart()

    @rule(place=places)
    def row_moves(self, place: int) -> None:
        """Out of one scope that everybody sees into the other, while no push is on its way."""
        for phone in self.phones:
            phone.sync()
            phone.cut()
        keys = [key for key in sorted(self.authority.documents) if self.authority.is_seen(key)]
        if keys:
            key = keys[place % len(keys)]
            self.doubtful.add(key.id)  # pushes on their way may be refused, or be kept aside
            here = self.authority.scope_of(key)
            self.authority.move(key, here, "team" if here == "all" else "all")

    @rule(place=places)
    def row_is_in_both(self, place: int) -> None:
        keys = [key for key in sorted(self.authority.documents) if self.authority.is_seen(key)]
        if keys:
            self.authority._stamp("team", keys[place % len(keys)], present=True)

    def check_convergence(self) -> None:
        authority = self.authority
        here = {
            key.id
            for key, state in authority.documents.items()
            if authority.is_seen(key) and not authority.schema.is_deleted(Document(state))
        }
        for phone in self.phones:
            assert phone.replica.in_sync
            assert phone.replica.pending == 0
            assert not phone.replica.is_resyncing
            assert phone.rows() == self.phones[0].rows()
            assert phone.rows().keys() == here
            documents = phone.documents()
            for identity in here:
                server = Document(authority.documents[Key(MODEL, identity)])
                live = {name: server.live(name) for name in server.fields()}
                assert documents[identity][1] == live
                assert Document(phone.states()[identity]).text("notes") == server.text("notes")

    def check_nothing_is_lost(self) -> None:
        assert not self.purged & self.phones[0].rows().keys()
        for phone in self.phones:
            for kept in phone.replica.reverted():
                if kept.reason in {"gone", "left"}:
                    purged = kept.id in self.purged | self.doubtful
                    assert purged or kept.id not in phone.rows()
        self.doubtful |= self.purged
        self.doubtful |= {
            kept.id
            for phone in self.phones
            for kept in phone.replica.reverted()
            if kept.reason in {"gone", "refused"}
        }
        super().check_nothing_is_lost()


class PurgesWhereTheLastActionWins(Purges):
    """The same, where edits bring rows back."""

    row_rule = LastActionWins()


class PurgesAndRestores(Purges):
    """As `Purges`, with a database that is restored to an old backup, places in the feed and what
    was purged included. Positions go on: they are microseconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.saved = copy(self.authority)
        self.backed_up()
        self.was_restored = self.has_purged_since = False

    def purge(self, place: int, scope: str, all: bool) -> None:
        super().purge(place, scope, all)
        self.has_purged_since = self.was_restored

    @rule()
    def backed_up(self) -> None:
        self.saved = copy(self.authority)
        for name in ("documents", "feed", "heads", "purged"):
            setattr(self.saved, name, deepcopy(getattr(self.authority, name)))

    @rule()
    def restored(self) -> None:
        authority, saved = self.authority, self.saved
        for phone in self.phones:
            phone.cut()
        for name in ("documents", "feed", "heads", "purged"):
            setattr(authority, name, deepcopy(getattr(saved, name)))
        authority.outcomes.clear()
        authority.epoch, authority.server = f"{authority.epoch}+", authority.server - 1
        self.was_restored = True

    def check_nothing_is_lost(self) -> None:
        """Whoever wrote in a row makes it again. What is purged after a restore may be that row, so
        it may stay away, with what he wrote kept aside.
        """
        if not self.has_purged_since:
            assert self.created - self.deleted <= self.phones[0].rows().keys()


class PurgesAndRestoresWhereTheLastActionWins(PurgesAndRestores):
    """The same, where edits bring rows back."""

    row_rule = LastActionWins()


for machine in (
    Purges,
    PurgesWhereTheLastActionWins,
    PurgesAndRestores,
    PurgesAndRestoresWhereTheLastActionWins,
):
    machine.TestCase.settings = settings(
        max_examples=CASES,
        stateful_step_count=50,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
TestPurges = Purges.TestCase
TestPurgesWhereTheLastActionWins = PurgesWhereTheLastActionWins.TestCase
TestPurgesAndRestores = PurgesAndRestores.TestCase
TestPurgesAndRestoresWhereTheLastActionWins = PurgesAndRestoresWhereTheLastActionWins.TestCase
