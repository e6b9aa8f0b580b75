"""`sync_once`: a store brought in step by plain HTTP requests to a real server."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

from crdt.store import MemoryStore
from django_pulse.client import (
    BadAddress,
    Reverted,
    SignInRefused,
    SQLiteStore,
    StoreInUse,
    TimedOut,
    Unreachable,
    WrongEndpoint,
    sync_once,
)
from django_pulse.client.pulse import new_replica, open_store
from django_pulse.server import exchange
from tests.django_pulse.client.chaos import ChaosProxy, Fate
from tests.django_pulse.client.conftest import in_django
from tests.django_pulse.test_consumers import TOKENS
from tests.project.servers import ThreadServer
from tests.project.todo.models import Item, Note

NOTE = "todo.note"


CHILD = """
import sys
from django_pulse.client import sync_once
print(sync_once(sys.argv[1], store=sys.argv[2], token="ada").pushed)
"""


class Kept(MemoryStore):
    """A store in memory that outlives who closes it."""

    def close(self) -> None: ...


@pytest.fixture
def url(live_server_asgi: ThreadServer) -> Iterator[str]:
    with override_settings(DJANGO_PULSE=TOKENS):
        yield f"{live_server_asgi.url}/pulse/sync/"


def test_a_store_is_brought_in_step(url: str, ada: Any) -> None:
    Note.objects.create(title="Bread", user=ada)
    store = Kept()
    first = sync_once(url, store=store, token="ada")
    assert (first.pushed, first.changed) == (0, 1)
    assert first.requests == 2
    replica = new_replica(store, ())
    made = replica.create(NOTE, {"title": "Milk"})
    [bread] = [row for row in replica.all(NOTE) if row["title"] == "Bread"]
    replica.add(NOTE, bread.id, "votes", 2)
    second = sync_once(url, store=store, token="ada")
    assert second.pushed == 2
    assert second.requests <= 3
    assert Note.objects.get(sync_id=made).title == "Milk"
    assert Note.objects.get(title="Bread").votes == 2
    assert sync_once(url, store=store, token="ada").pushed == 0


def test_two_stores_meet_on_the_server(url: str, ada: Any) -> None:
    one, other = Kept(), Kept()
    for store in (one, other):
        sync_once(url, store=store, token="ada")
    made = new_replica(one, ()).create(NOTE, {"title": "Milk"})
    sync_once(url, store=one, token="ada")
    sync_once(url, store=other, token="ada")
    row = new_replica(other, ()).get(NOTE, made)
    assert row is not None
    assert row["title"] == "Milk"


def test_more_pages_than_one_answer_holds_come_in_several(
    url: str, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "PAGES", 1)
    Item.objects.bulk_create(Item(name=f"{number}", price=1) for number in range(5))
    with override_settings(DJANGO_PULSE=TOKENS | {"PAGE_ROWS": 2}):
        done = sync_once(url, store=Kept(), token="ada")
    assert done.changed == 5
    assert done.requests > 4


def test_what_did_not_stand_is_told(url: str, ada: Any) -> None:
    note = Note.objects.create(title="Milk", user=ada)
    store = Kept()
    sync_once(url, store=store, token="ada")
    new_replica(store, ()).set(NOTE, note.sync_id, title="x" * 201)
    done = sync_once(url, store=store, token="ada")
    [undone] = [event for event in done.events if isinstance(event, Reverted)]
    assert "title" in undone.fields


def test_nobody_is_let_in_with_a_bad_token(url: str, ada: Any) -> None:
    with pytest.raises(SignInRefused):
        sync_once(url, store=Kept(), token="eve")


def test_a_store_that_is_open_is_left_alone(url: str, tmp_path: Path) -> None:
    path = tmp_path / "phone.sqlite3"
    store = SQLiteStore(path)
    with pytest.raises(StoreInUse):
        sync_once(url, store=path, token="ada")
    store.close()


def test_what_stands_in_the_way_is_said(url: str, ada: Any) -> None:
    with pytest.raises(BadAddress):
        sync_once(url.replace("http", "ws"), store=Kept())
    with pytest.raises(WrongEndpoint, match="404"):
        sync_once(url.replace("/sync/", "/nothing/"), store=Kept())
    with pytest.raises(WrongEndpoint, match="final URL"):
        sync_once(url.replace("/pulse/sync/", "/admin"), store=Kept())
    with pytest.raises(TimedOut):
        sync_once(url, store=Kept(), token="ada", timeout=-1)
    with pytest.raises(Unreachable):
        sync_once("http://127.0.0.1:9/pulse/sync/", store=Kept())


@pytest.mark.asyncio
@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_fresh_process_sends_again_what_got_lost_and_it_counts_once(
    url: str, live_server_asgi: ThreadServer, tmp_path: Path, lost: str
) -> None:
    """The second connection is the push: it breaks on its way there, or on its way back."""
    store = tmp_path / "phone.sqlite3"
    note = await in_django(_note)
    await asyncio.to_thread(sync_once, url, store=store, token="ada")
    with closing(open_store(store)) as kept:
        new_replica(kept, ()).add(NOTE, note, "votes", 2)

    def fate(number: int) -> Fate:
        cut = Fate(cut_up=100) if lost == "request" else Fate(lose_down=0)
        return cut if number == 1 else Fate()

    async with ChaosProxy(live_server_asgi.port, fate) as proxy:
        broken = url.replace(str(live_server_asgi.port), str(proxy.port))
        with pytest.raises(Unreachable):
            await asyncio.to_thread(sync_once, broken, store=store, token="ada")
        assert proxy.connections == 2
    assert await in_django(_votes) == (3 if lost == "answer" else 1)
    assert await _in_fresh_process(url, store) == "1"
    assert await in_django(_votes) == 3
    again = await asyncio.to_thread(sync_once, url, store=store, token="ada")
    assert again.pushed == 0


async def _in_fresh_process(url: str, store: Path) -> str:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, str(store), stdout=PIPE
    )
    printed, _ = await child.communicate()
    return printed.decode().strip()


def _note() -> Any:
    user = get_user_model().objects.create_user("ada")
    return Note.objects.create(title="Milk", votes=1, user=user).sync_id


def _votes() -> int:
    return int(Note.objects.get().votes)
