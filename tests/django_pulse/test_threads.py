from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import TestCase, override_settings

from django_pulse import threads
from tests.django_pulse.together import PATIENCE


class _NativePanic(BaseException):
    """As pycrdt's: not an Exception."""


def _fail(error: BaseException) -> None:
    raise error


def test_work_runs_off_the_loop_and_its_result_comes_back() -> None:
    async def scenario() -> str:
        return await threads.run(lambda: threading.current_thread().name)

    assert asyncio.run(scenario()).startswith("pulse")


def test_ordinary_exceptions_pass_as_they_are() -> None:
    with pytest.raises(ValueError, match="mine"):
        asyncio.run(threads.run(_fail, ValueError("mine")))


@pytest.mark.parametrize(
    "error", [_NativePanic("boom"), SystemExit(1), KeyboardInterrupt(), StopIteration()]
)
def test_what_would_end_the_loop_becomes_an_ordinary_exception(error: BaseException) -> None:
    async def scenario() -> BaseException | None:
        with pytest.raises(threads.PanicError) as caught:
            await threads.run(_fail, error)
        return caught.value.__cause__

    assert asyncio.run(scenario()) is error


@override_settings(DJANGO_PULSE={"THREADS": 2})
def test_no_more_threads_work_at_once_than_the_setting_says() -> None:
    gate = threading.Barrier(2)
    working: list[int] = []
    lock = threading.Lock()
    most = 0

    def work() -> None:
        nonlocal most
        with lock:
            working.append(1)
            most = max(most, len(working))
        gate.wait(PATIENCE)
        with lock:
            working.pop()

    async def scenario() -> None:
        await asyncio.gather(*(threads.run(work) for _ in range(6)))

    asyncio.run(scenario())
    assert most == 2


def test_the_loop_goes_on_while_threads_work() -> None:
    async def scenario() -> None:
        done = threading.Event()

        def work() -> bool:
            loop.call_soon_threadsafe(done.set)
            return done.wait(PATIENCE)

        loop = asyncio.get_running_loop()
        assert await threads.run(work), "the loop ran what the thread had waited for"

    asyncio.run(scenario())


def test_a_caller_that_is_cancelled_stops_waiting_and_the_work_is_finished() -> None:
    started, go, finished = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        go.wait(PATIENCE)
        finished.set()

    async def scenario() -> None:
        call = asyncio.ensure_future(threads.run(work))
        await asyncio.get_running_loop().run_in_executor(None, started.wait, PATIENCE)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not finished.is_set()
        go.set()

    asyncio.run(scenario())
    assert finished.wait(PATIENCE)


@pytest.mark.django_db(transaction=True)
@override_settings(DJANGO_PULSE={"THREADS": 1})
def test_a_broken_connection_is_replaced_before_the_next_work() -> None:
    def break_it() -> None:
        connection.ensure_connection()
        connection.errors_occurred = True
        connection.close_at = time.monotonic() - 1

    def query() -> tuple[Any, ...]:
        assert connection.connection is None, "the stale connection was closed"
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            row: tuple[Any, ...] = cursor.fetchone()
            return row

    async def scenario() -> tuple[Any, ...]:
        await threads.run(break_it)
        return await threads.run(query)

    assert asyncio.run(scenario()) == (1,)


@override_settings(DJANGO_PULSE={"THREAD_SENSITIVE": True})
class InsideATestCase(TestCase):
    """A TestCase's rows exist in its own thread's transaction only."""

    def test_work_sees_the_rows_of_the_test(self) -> None:
        get_user_model().objects.create(username="ada")
        count = async_to_sync(threads.run)(get_user_model().objects.count)
        assert count == 1
