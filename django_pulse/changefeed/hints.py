"""Hints: telling the sockets of a scope that it changed, through the channel layer.

Laws:

1. A hint is only a hint. The channel layer delivers at most once, and clients find out by the
   positions in it, or by their next ping, that they missed one.
2. A commit never waits for a hint and never fails because of one.
3. However long the layer is down, what waits for it is bounded, and the log is told twice: when it
   began and when it was over.

A frame is encoded once, here, and sent to every socket as it is. Delivery runs on an event loop:
that of the sockets for the layer in memory, whose queues belong to it, else one of our own.
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import logging
import os
import threading
import weakref
from collections.abc import Iterable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

from crdt import frames

from ..conf import conf

if TYPE_CHECKING:
    from .pages import Page

__all__ = ["broadcast", "call", "encoded", "flush", "group_name", "register_loop"]

WAITING = 1_000
"""Hints under way at once; beyond that they are dropped: the layer is down or very slow, and
clients will learn from their pings."""

logger = logging.getLogger("django_pulse")
_guard = threading.Lock()
_loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
_under_way: dict[Future[None], asyncio.AbstractEventLoop] = {}
_sending: set[asyncio.Task[None]] = set()
_own_loop: asyncio.AbstractEventLoop | None = None
_outage = threading.Event()


def group_name(scope: str) -> str:
    """The channel-layer group of a scope: a hash, since a key may hold any character."""
    return "pulse." + hashlib.blake2b(scope.encode(), digest_size=20).hexdigest()


def register_loop() -> None:
    """Say that the running event loop serves sockets; called by each consumer that connects."""
    with _guard:
        _loops.add(asyncio.get_running_loop())


def broadcast(page: Page) -> None:
    """Send what changed in a scope to its sockets; returns at once, and raises nothing."""
    try:
        frame = {"scope": page.scope, "frame": encoded(page), "access": page.access}
        _send_to([page.scope], {"type": "pulse.frame", **frame})
    except Exception:
        logger.exception("A live update could not be sent; clients will pull it.")


def call(channels: Iterable[str], ended: str = "") -> None:
    """Have these users' sockets ask again what they read; returns at once, and raises nothing.

    `ended` is the name of a session that is about to end, whatever the database says of it yet.
    """
    try:
        _send_to(channels, {"type": "pulse.check", "ended": ended})
    except Exception:
        logger.exception("Users could not be told what they read now; they will find out.")


def flush(timeout: float) -> None:
    """Wait until the hints under way are sent, at most `timeout` seconds: for scripts that end."""
    wait(_still_under_way(), timeout)


def encoded(page: Page) -> bytes:
    """The page as the frame that sockets are sent."""
    return frames.encode(
        frames.Changes(
            scope=page.scope,
            start=page.start,
            end=page.end,
            more=page.more,
            live=True,
            items=tuple(frames.Item(item.model, item.id, item.update) for item in page.items),
            leaves=tuple(frames.Key(model, sync_id) for model, sync_id in page.leaves),
        )
    )


def _send_to(names: Iterable[str], message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    for loop in _loops_for(layer):
        for name in names:
            _start(loop, layer, group_name(name), message)


def _loops_for(layer: Any) -> list[asyncio.AbstractEventLoop]:
    if isinstance(layer, InMemoryChannelLayer):
        with _guard:
            return [loop for loop in _loops if loop.is_running()]
    return [_loop()]


def _start(loop: asyncio.AbstractEventLoop, layer: Any, group: str, message: Any) -> None:
    if not _has_room():
        _note_outage("it is behind, and what is new is not sent")
        return
    sent: Future[None] = Future()
    with _guard:
        _under_way[sent] = loop
    sent.add_done_callback(_done)
    try:
        loop.call_soon_threadsafe(_begin, sent, layer, group, message)
    except RuntimeError:  # the loop was closed just now, and its sockets with it
        sent.set_result(None)


def _begin(sent: Future[None], layer: Any, group: str, message: Any) -> None:
    """Runs in the loop. A loop keeps no task alive that nobody else knows."""
    task = asyncio.ensure_future(_send(layer, group, message))
    _sending.add(task)
    task.add_done_callback(_sending.discard)
    task.add_done_callback(lambda _: sent.set_result(None))


def _has_room() -> bool:
    return len(_under_way) < WAITING or len(_still_under_way()) < WAITING


def _still_under_way() -> set[Future[None]]:
    """The hints under way, without those given to a loop that ended: they will never be done."""
    with _guard:
        for sent in [each for each, loop in _under_way.items() if not loop.is_running()]:
            del _under_way[sent]
        return set(_under_way)


def _done(sent: Future[None]) -> None:
    with _guard:
        _under_way.pop(sent, None)


async def _send(layer: Any, group: str, message: Any) -> None:
    try:
        async with asyncio.timeout(conf.HINT_TIMEOUT_SECONDS):
            await layer.group_send(group, message)
    except Exception as error:  # noqa: BLE001 - layers raise what their drivers do
        _note_outage(f"{type(error).__name__}: {error}")
    else:
        if _outage.is_set():
            _outage.clear()
            logger.info("Live updates are sent again.")


def _note_outage(what: str) -> None:
    if not _outage.is_set():
        _outage.set()
        logger.warning("The channel layer takes no live updates (%s); clients pull.", what)


def _loop() -> asyncio.AbstractEventLoop:
    """The event loop of our own, in a thread that ends with the process."""
    global _own_loop  # noqa: PLW0603 - one to a process, made when it is first needed
    with _guard:
        if _own_loop is None:
            _own_loop = asyncio.new_event_loop()
            threading.Thread(
                target=_own_loop.run_forever, name="django-pulse-hints", daemon=True
            ).start()
            atexit.register(lambda: flush(conf.HINT_TIMEOUT_SECONDS))
        return _own_loop


def _forget_parent() -> None:
    """In a forked process: its parent's threads, and so its loops, are not there."""
    global _guard, _own_loop
    _guard, _own_loop = threading.Lock(), None
    _loops.clear()
    _under_way.clear()
    _sending.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
