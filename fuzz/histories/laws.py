"""What every merge rule promises: to read the same whatever the order, the hour and the past.

A rule is asked about live entries that a history brought about, in other orders, at another time,
and as it was before anybody used it.
"""

from __future__ import annotations

import copy
import datetime as dt
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from itertools import islice, permutations
from typing import Any, Final
from unittest import mock

from crdt import Document, Field, Live, MergeRule

__all__ = ["Laws"]

MOST_ORDERS: Final = 24
"""Orders of the live entries that are tried: all of four."""

_LATER: Final = (1, 3_607, 366 * 86_400 + 1)
"""Seconds after which a rule is asked again: a clock is read to the second, the hour or the day."""


class Laws:
    """The rules of a model, and copies of them from before they were used."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fresh = {name: copy.deepcopy(field.rule) for name, field in fields.items()}
        self.checked: dict[str, int] = {}
        """How many sets of live entries of each field were read."""

    def broken_by(self, document: Document, fields: Mapping[str, Field]) -> str | None:
        """What is wrong with how the fields of this document are read, if something is."""
        for name, field in fields.items():
            live = field.live(document.live(field.wire))
            if live and not field.rule.text:
                self.checked[name] = self.checked.get(name, 0) + 1
                found = self._broken(field, live)
                if found is not None:
                    return found
        return None

    def _broken(self, field: Field, live: Sequence[Live]) -> str | None:
        rule, called = field.rule, f"{type(field.rule).__name__} of the field {field.name}"
        expected = rule.read(live)
        for others, why in self._readings(field, live):
            if not _equal(field, expected, others):
                return (
                    f"The rule {called} reads {_shown(live)} as {expected!r}, and {why} as "
                    f"{others!r}. `read` must depend on nothing but the set of live entries: not "
                    "on their order, on a clock, on chance, or on what was read before."
                )
        return None

    def _readings(self, field: Field, live: Sequence[Live]) -> Iterator[tuple[Any, str]]:
        rule = field.rule
        yield rule.read(live), "a second time"
        module = sys.modules[type(rule).__module__]
        for seconds in _LATER:
            with _another_time(module, seconds):
                found = rule.read(live)
            yield found, "at another time"
        for order in islice(permutations(live), 1, MOST_ORDERS):
            yield rule.read(order), f"in the order {_shown(order)}"
        fresh: MergeRule = copy.deepcopy(self._fresh[field.name])
        yield fresh.read(live), "on a device that just started"


@contextmanager
def _another_time(module: Any, seconds: int) -> Iterator[None]:
    """So many seconds later, and with other luck, for the code of this module."""
    seeds, moment, moment_ns = random.getstate(), time.time() + seconds, time.time_ns()
    random.seed(f"{moment}")

    def later() -> float:
        return moment

    def later_ns() -> int:
        return moment_ns + seconds * 10**9

    class Later(datetime, metaclass=_AnyDatetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=seconds)

    with ExitStack() as stack:
        for name, replaced in (("time", later), ("time_ns", later_ns), ("monotonic", later)):
            stack.enter_context(mock.patch.object(time, name, replaced))
        stack.enter_context(mock.patch.object(dt, "datetime", Later))
        for name, value in tuple(vars(module).items()):
            if value is datetime:
                stack.enter_context(mock.patch.object(module, name, Later))
        yield
    random.setstate(seeds)


class _AnyDatetime(type(datetime)):  # type: ignore[misc]
    """Has every datetime be an instance."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


def _equal(field: Field, a: Any, b: Any) -> bool:
    """The very same value, to the order of a list: devices show what `read` gives."""
    try:
        return bool(field.encode(a) == field.encode(b))
    except ValueError:
        return bool(a == b)


def _shown(live: Sequence[Live]) -> str:
    return "[" + ", ".join(repr(entry.value) for entry in live) + "]"
