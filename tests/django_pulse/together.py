"""Things that happen at the same time: threads with database connections of their own.

Nothing in here sleeps. Whoever has to wait for another waits for an event, and fails the test if
it does not come.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connections, transaction

from django_pulse.writes import ItemResult
from tests.django_pulse.devices import Device

__all__ = ["PATIENCE", "Gate", "at_once", "in_thread", "open_transaction"]
__all__ += ["push_until_taken", "undone"]

# Seconds after which what has not happened is taken for stuck.
PATIENCE = 60

T = TypeVar("T")


def in_thread(work: Callable[[], T]) -> Future[T]:
    """What `work` comes to, in a thread of its own; its `result()` is to be asked with PATIENCE."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)
        finally:
            connections.close_all()

    threading.Thread(target=run, daemon=True).start()
    return future


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run all of them, started by one barrier; what they returned, in order."""
    barrier = threading.Barrier(len(works))

    def started(work: Callable[[], Any]) -> Any:
        connections["default"].ensure_connection()  # so that they start with the work itself
        barrier.wait(PATIENCE)
        return work()

    futures = [in_thread(lambda work=work: started(work)) for work in works]  # type: ignore[misc]
    return [future.result(PATIENCE) for future in futures]


@contextmanager
def open_transaction(work: Callable[[], Any]) -> Iterator[None]:
    """Somebody else's transaction, which has done `work` and stays open until the block is left."""
    gate = Gate()

    def view() -> None:
        with transaction.atomic():
            work()
            gate.pass_through()

    future = in_thread(view)
    future.add_done_callback(lambda _: gate.arrive())  # also where the work failed
    gate.reached()
    if future.done():
        future.result()
    try:
        yield
    finally:
        gate.open()
        future.result(PATIENCE)


@contextmanager
def undone() -> Iterator[None]:
    """A transaction, or a savepoint, that is rolled back when the block is left."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Gate:
    """A point that one thread reaches, and passes when it is let through."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def arrive(self) -> None:
        """Stand here, and go on at once."""
        self._reached.set()

    def pass_through(self) -> None:
        """Stand here until let through."""
        self.arrive()
        assert self._open.wait(PATIENCE)

    def reached(self) -> None:
        """Wait until somebody stands here."""
        assert self._reached.wait(PATIENCE)

    def open(self) -> None:
        """Let them through, now and later."""
        self._open.set()


def push_until_taken(device: Device, *ids: Any) -> list[ItemResult]:
    """Push, and again while any row is busy, as a client does."""
    for _ in range(1_000):
        results = device.push(*ids)
        if all(result.status != "busy" for result in results):
            return results
    raise AssertionError("A row stayed busy.")
