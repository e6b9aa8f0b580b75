"""Rules of the row itself: is it deleted, where some deleted it and others went on?"""

from collections.abc import Sequence
from typing import Any, ClassVar

from ..entry import Live
from .base import MergeRule

__all__ = ["DeleteWins", "LastActionWins", "RowRule"]


class RowRule(MergeRule):
    """The rule of the row itself: is it deleted, where some deleted it and others went on?

    Its field holds deletions (True) and what took them back (False).
    """

    kinds = frozenset({"bool"})

    counts_actions: ClassVar[bool] = False
    """Does it matter when the row was last written? Then the server remembers that."""

    def read(self, live: Sequence[Live]) -> Any:
        return self.is_deleted(live, -1)

    def is_deleted(self, live: Sequence[Live], action: int) -> bool:
        """Is the row deleted? `action` is the latest stamp of all live entries of its fields."""
        raise NotImplementedError(f"{type(self).__name__} does not say when a row is deleted.")


class DeleteWins(RowRule):
    """Deleted is deleted, unless somebody who saw it took it back; the default."""

    name = "delete_wins"

    def is_deleted(self, live: Sequence[Live], action: int) -> bool:
        return any(entry.value is True for entry in live)


class LastActionWins(RowRule):
    """The row is deleted if nothing was done to it after its last deletion.

    Whatever a device or the ORM wrote is an action. What the server adds for its own sake (values
    of fields that nobody wrote, sums) takes no later stamp than the actions it stands for.
    """

    name = "last_action_wins"
    counts_actions = True

    def is_deleted(self, live: Sequence[Live], action: int) -> bool:
        deleted = max((entry.stamp for entry in live if entry.value is True), default=-1)
        taken_back = (entry.stamp for entry in live if entry.value is not True)
        return deleted > max(taken_back, default=-1) and deleted > action
