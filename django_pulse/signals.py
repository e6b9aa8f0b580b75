"""Signals of Django Pulse.

`rows_synced` is sent once per batch of rows that devices changed, after its transaction committed:
`sender` the model, `user` who pushed, `created`, `updated` and `deleted` lists of `sync_id`s,
`using` the alias of the database. What a receiver raises is logged; it cannot undo the batch.
"""

from typing import Final

from django.dispatch import Signal

__all__ = ["DEVICE", "rows_synced"]

DEVICE: Final = "device"
"""The `origin` that receivers of `m2m_changed` are told where a device linked or unlinked rows."""

rows_synced = Signal()
