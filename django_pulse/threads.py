"""The one seam by which database work leaves the event loop.

    rows = await threads.run(read_rows, user)

Everything that may touch the ORM runs in here, in a pool shared by all sockets of the process: a
slow query then delays its own socket and never the loop. The pool is bounded because each of its
threads may hold a database connection.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from .conf import conf

__all__ = ["PanicError", "run"]

P = ParamSpec("P")
T = TypeVar("T")


class PanicError(RuntimeError):
    """The work failed with something that is no ordinary exception; it is the cause of this."""


async def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function` returns or raises, run off the event loop.

    Whatever it returns must be evaluated: a lazy queryset would run its query on the loop. A
    caller that is cancelled stops waiting; work that has begun is finished all the same.
    """
    work = functools.partial(_containing, functools.partial(function, *args, **kwargs))
    if conf.THREAD_SENSITIVE:
        # The thread and its connections belong to somebody else: they are left as they are.
        return await sync_to_async(work, thread_sensitive=True)()
    swept = functools.partial(_sweeping, work)
    return await sync_to_async(swept, thread_sensitive=False, executor=_pool(conf.THREADS))()


def _sweeping(work: Callable[[], T]) -> T:
    """Run `work` between two sweeps of stale connections, as Django does for a request."""
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


def _containing(work: Callable[[], T]) -> T:
    """Run `work`; whatever ends it becomes an exception that ends one request only.

    The CRDT library's panics derive from BaseException, and so does SystemExit: past this point
    they would end the event loop. A StopIteration would never arrive: no future can carry it.
    """
    try:
        return work()
    except BaseException as failure:
        if isinstance(failure, Exception) and not isinstance(failure, StopIteration):
            raise
        raise PanicError(f"A {type(failure).__name__} ended the work of a request.") from failure


_pools: dict[int, ThreadPoolExecutor] = {}
_pools_lock = threading.Lock()


def _pool(size: int) -> ThreadPoolExecutor:
    """The process's pool of that many threads; its threads start when they are needed."""
    with _pools_lock:
        if size not in _pools:
            _pools[size] = ThreadPoolExecutor(size, thread_name_prefix="pulse")
        return _pools[size]
