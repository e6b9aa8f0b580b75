"""Which model a client means by a table: "task", as 1.0.1 called it, or "todo.task"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt.errors import RemoteFault

from ..mapping.schema import sync_models

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["model_called"]


def model_called(table: str) -> type[SyncModel]:
    """The model that syncs and is called so; raises `RemoteFault` for none, and for several."""
    wanted = table.lower()
    names = "label_lower" if "." in wanted else "model_name"
    found = [model for model in sync_models() if getattr(model._meta, names) == wanted]
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
