from __future__ import annotations

import asyncio

import pytest

from django_pulse.server.inbox import Inbox, Received


def test_a_timeout_loses_no_message_and_cancels_no_call() -> None:
    async def scenario() -> None:
        calls, queue = 0, asyncio.Queue[Received]()

        async def receive() -> Received:
            nonlocal calls
            calls += 1
            return await queue.get()

        inbox = Inbox(receive)
        assert await inbox.next(0) is None
        assert await inbox.next(0) is None
        assert calls == 1
        queue.put_nowait({"n": 1})
        queue.put_nowait({"n": 2})
        assert await inbox.next(5) == {"n": 1}
        assert await inbox.next(5) == {"n": 2}

    asyncio.run(scenario())


def test_a_failure_is_raised_once_and_the_next_call_is_a_new_one() -> None:
    async def scenario() -> None:
        answers: list[Received | Exception] = [OSError("down"), {"n": 1}]

        async def receive() -> Received:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        inbox = Inbox(receive)
        with pytest.raises(OSError, match="down"):
            await inbox.next(5)
        assert await inbox.next(5) == {"n": 1}

    asyncio.run(scenario())


def test_closing_ends_the_call_that_waits() -> None:
    async def scenario() -> None:
        ended = asyncio.Event()

        async def receive() -> Received:
            try:
                return await asyncio.Future[Received]()
            finally:
                ended.set()

        inbox = Inbox(receive)
        assert await inbox.next(0.001) is None
        await inbox.close()
        assert ended.is_set()
        await inbox.close()

    asyncio.run(scenario())
