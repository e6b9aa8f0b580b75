"""Signals of Django Pulse.

`rows_synced` is sent once per batch of rows that devices changed, after its transaction committed:
`sender` the model, `user` who pushed, `created`, `updated` and `deleted` lists of `sync_id`s,
`using` the alias of the database. What a receiver raises is logged; it cannot undo the batch.
"""

from django.dispatch import Signal

__all__ = ["rows_synced"]

rows_synced = Signal()
