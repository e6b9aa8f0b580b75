"""System checks of what `class Sync` says about the past: `renamed` and `formerly`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.apps import apps
from django.core.checks import CheckMessage, Error

from ..mapping.columns import columns_of

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["check_past"]


def check_past(model: type[SyncModel]) -> Iterator[CheckMessage]:
    """E055-E057: names that are taken, or never were."""
    columns = columns_of(model)
    for new, old in model._sync.renamed.items():
        if new not in columns:
            yield Error(
                f"`renamed` in `class Sync` names {new!r}, which is no field that syncs.",
                hint=f'Write the present name first: renamed = {{"present": "{old}"}}.',
                obj=model,
                id="pulse.E055",
            )
        elif old in columns:
            yield Error(
                f"`renamed` in `class Sync` says that {new!r} was called {old!r} before, but "
                f"{old!r} is still a field.",
                hint=f"Remove the field {old!r}, or what `renamed` says of it.",
                obj=model,
                id="pulse.E056",
            )
    formerly = model._sync.formerly
    if formerly is not None and formerly in {m._meta.label_lower for m in apps.get_models()}:
        yield Error(
            f"`formerly` in `class Sync` names {formerly!r}, which is a model now.",
            hint="Remove `formerly`, or that model.",
            obj=model,
            id="pulse.E057",
        )
