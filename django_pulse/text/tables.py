"""Which model a client means by a table: "task", as 1.0.1 called it, or "todo.task".

An app that was made before a model was renamed goes on calling it by its former name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crdt.errors import RemoteFault

from ..mapping.schema import schema_of, sync_models

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["model_called"]


def model_called(table: str) -> type[SyncModel]:
    """The model that syncs and is called so, or else was; raises `RemoteFault` for none, and for
    several.
    """
    wanted = table.lower()
    found = [model for model in sync_models() if _is_called(wanted, [model._meta.label_lower])]
    found = found or [model for model in sync_models() if _is_called(wanted, _former(model))]
    if len(found) == 1:
        return found[0]
    if not found:
        raise RemoteFault(
            f"There is no table {table!r} here that syncs. A table is called by its model: "
            '"task", or "todo.task".',
            code="unknown_table",
        )
    labels = " or ".join(f'"{model._meta.label_lower}"' for model in found)
    raise RemoteFault(f"Several models are called {table!r}: say {labels}.", code="ambiguous_table")


def _former(model: type[SyncModel]) -> Iterable[str]:
    schema = schema_of(model)
    return schema.label, *schema.aliases


def _is_called(wanted: str, labels: Iterable[str]) -> bool:
    """Is it one of these labels, or what follows the dot in one?"""
    return any(wanted in {label, label.partition(".")[2]} for label in labels)
