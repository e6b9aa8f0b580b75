"""A device that adds to a counter and says so, for tests that kill it.

    python -m tests.django_pulse.client.counting_child URL STORE COOKIE ROW

adds 1 to `votes` of the note ROW again and again, and prints each sum once `add` has returned.
"""

import asyncio
import sys

from django_pulse.client import Backoff, connect

__all__: list[str] = []


async def main(url: str, store: str, cookie: str, row: str) -> None:
    name, _, value = cookie.partition("=")
    soon = Backoff(first=0.005, longest=0.05)
    async with connect(url, store=store, cookies={name: value}, backoff=soon) as pulse:
        notes = pulse.model("todo.note")
        while True:
            print(notes.add(row, votes=1).votes, flush=True)
            await asyncio.sleep(0)  # lets the connection have its turn: edits leave meanwhile


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
