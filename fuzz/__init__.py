"""The convergence kit: what tries to break documents, for our tests and for those of users.

    class TestTask(ConvergenceTest):
        model = Task

plays histories of devices and the server with a model, and tells the shortest that shows something
wrong. `fuzz.hostile` makes the updates that an attacker might send.
"""

from typing import TYPE_CHECKING, Any

from .hostile import Case, hostile_cases

if TYPE_CHECKING:
    from .convergence import ConvergenceTest

__all__ = ["Case", "ConvergenceTest", "hostile_cases"]


def __getattr__(name: str) -> Any:
    """What needs Django is imported when it is asked for: this may be an installed app."""
    if name == "ConvergenceTest":
        from .convergence import ConvergenceTest

        return ConvergenceTest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
