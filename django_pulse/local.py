"""Rows that stay here: `with local_only():` makes rows that no device hears of.

Per thread and per task, as every context variable is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["is_local", "local_only"]

_local: ContextVar[bool] = ContextVar("django_pulse.local_only", default=False)


@contextmanager
def local_only() -> Iterator[None]:
    """Rows that are created in the block, however, are `is_local_only`: they stay in the database.

    Clearing `is_local_only` of such a row, and saving it, sends it to whoever may see it.
    """
    token = _local.set(True)
    try:
        yield
    finally:
        _local.reset(token)


def is_local() -> bool:
    """Are we in such a block?"""
    return _local.get()
