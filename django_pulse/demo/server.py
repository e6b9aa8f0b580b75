"""A real ASGI server for a few seconds: uvicorn on loopback, on a port nobody else has."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

__all__ = ["serving"]

# Seconds that clients have to answer the server's closing, and that the thread then has to end.
GRACE = 1
ENDING = 10


@contextmanager
def serving(application: Any) -> Iterator[str]:
    """Serve `application` in a thread inside the block; gives the URL of its WebSocket."""
    config = uvicorn.Config(
        application,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=GRACE,
    )
    # It listens from here on: clients that are faster than the thread wait in its queue.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=_serve, args=(server, listener), daemon=True)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/ws/pulse/sync/"
        finally:
            server.should_exit = True
            thread.join(ENDING)


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with asyncio.Runner() as runner:
        runner.run(server.serve(sockets=[listener]))
