"""A test for any model that syncs, in one line:

    class TestTask(ConvergenceTest):
        model = Task

pytest and unittest collect it. It makes up histories of several devices and the server's own code,
plays them against the real write path, and, if one shows something wrong, tells the shortest that
does.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from django.test import TransactionTestCase
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Flaky

from .histories.history import History, histories
from .histories.kit import Kit
from .histories.playing import Failure, play
from .histories.shrinking import shortest

__all__ = ["ConvergenceTest", "check_histories", "first_failure"]

SEED: Final = "PULSE_FUZZ_SEED"
"""The environment variable that plays the histories of a run again."""

EXAMPLES: Final = "PULSE_FUZZ_EXAMPLES"
"""The environment variable that says how many histories a test plays."""


class ConvergenceTest(TransactionTestCase):
    """See the module's docstring.

    model: the model to test.
    examples: how many histories; PULSE_FUZZ_EXAMPLES overrides it.
    devices: how many devices. The first two are one user's, every other one has its own.
    values: values for fields whose validators the kit cannot please: `{"iban": ["DE02..."]}`.
    """

    model: ClassVar[Any] = None
    examples: ClassVar[int] = 100
    devices: ClassVar[int] = 3
    values: ClassVar[Mapping[str, Sequence[Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.model is not None and "test_converges" not in vars(cls):
            cls.test_converges = _test_converges  # type: ignore[attr-defined]

    def make(self, model: Any, number: int) -> Any:
        """A row of a model that the tested one refers to, saved; None has the kit make one."""
        return None


def _test_converges(self: ConvergenceTest) -> None:
    """Whatever devices and the server do, and in whatever order, they come to agree."""
    kit = Kit.of(self.model, self.devices, self.values, self.make)
    examples = int(os.environ.get(EXAMPLES, self.examples))
    failure = check_histories(kit, examples)
    if failure is not None:
        raise self.failureException(failure)


def check_histories(kit: Kit, examples: int, tell: Callable[[], None] | None = None) -> str | None:
    """Play so many histories; the story of the shortest that shows something wrong, if one does.

    `tell` is called after each.
    """
    chosen = int(os.environ.get(SEED) or random.SystemRandom().getrandbits(32))
    failure = first_failure(kit, examples, chosen, tell)
    if failure is None:
        return None
    told = f"Again: {SEED}={chosen}, with as many examples ({examples})."
    return f"{shortest(kit, failure)}\n\n{told}"


def first_failure(
    kit: Kit, examples: int, chosen: int, tell: Callable[[], None] | None = None
) -> Failure | None:
    """The first of a seed's histories that shows something wrong, as it was made up."""
    failures: list[Failure] = []

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(len(kit.users)))
    def check(history: History) -> None:
        try:
            play(kit, history)
        except Failure as failure:
            failures.append(failure)
            raise
        finally:
            if tell is not None:
                tell()

    with suppress(Failure, Flaky):
        seed(chosen)(check)()
    return failures[0] if failures else None
