"""Rebasing: what a row becomes if somebody who saw an older one writes what he wrote.

Nothing is stored here: the result is a row's values, to be validated, shown and saved like any
others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crdt.document import Document
from crdt.editing import write_field

from .. import identity
from ..broken import is_broken
from ..mapping.columns import columns_of
from ..mapping.keys import Keys
from ..mapping.schema import label_of, schema_of
from ..tables import Document as Stored
from ..visibility import scopes
from .mirror import absorb, mirror

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["rebased"]

Edits = Mapping[str, tuple[Any, Any]]
"""What was seen and what was written, by the field's name, as attributes of an instance."""


def rebased(row: SyncModel, edits: Edits) -> dict[str, Any]:
    """The values of the edited fields, merged by their rules into the row as it is.

    `row` was read just now and is not edited. For fields that refer to no other rows; those that
    are in no document are left out, and so are values that the field's rule cannot hold, which
    saving would raise for. Two queries, and what it takes to read the row's keys.
    """
    model = type(row)
    schema, columns = schema_of(model), columns_of(model)
    edits = {name: edit for name, edit in edits.items() if name in columns}
    if not edits:
        return {}
    using = scopes.database_of(model)
    stored = Stored.objects.using(using).filter(model=label_of(model), sync_id=row.sync_id)
    state = stored.values_list("state", flat=True).first()
    replica, now_ms = identity.replica_id(using), time.time_ns() // 1_000_000
    keys = Keys(using, columns)
    keys.note([row])
    try:
        document = Document(bytes(state or b""), replica)
        absorb(document, schema, row, keys, now_ms)
    except BaseException as error:
        if not is_broken(error):
            raise
        document = Document(replica=replica)  # as saving the row would rebuild it
        mirror(document, schema, row, keys, now_ms, as_it_is=True)
    for name, (old, new) in edits.items():
        known, column = schema.fields[name], columns[name]
        try:
            write_field(document, known, column.to_document(old), column.to_document(new), now_ms)
        except ValueError:
            continue
    after = schema.read(document).values
    return {name: columns[name].to_column(after[name]) for name in edits if name in after}
