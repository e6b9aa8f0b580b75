"""Remembering what clients of the text protocol were told of a row under a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crdt.errors import Malformed
from crdt.update import read_state
from crdt.vector import VectorClock

from ..sql import insert_missing
from ..tables import Told
from . import exact

__all__ = ["remember"]


def remember(using: str, told: Sequence[tuple[int, int, Mapping[str, Any], bytes]]) -> None:
    """Store what is told, where that is not stored yet: for each row its document's primary key,
    the version, the values, and the document.
    """
    if not told:
        return
    versions = [version for _, version, *_ in told]
    rows = Told.objects.using(using).filter(document__in=[key for key, *_ in told])
    rows = rows.filter(version__gte=min(versions), version__lte=max(versions))
    known = set(rows.values_list("document", "version"))
    insert_missing(
        Told,
        using,
        ("document", "version", "values", "vector"),
        [
            (key, version, exact.dumps(values), _vector(state))
            for key, version, values, state in told
            if (key, version) not in known
        ],
    )


def _vector(state: bytes) -> bytes:
    """What a document has seen; nothing where that cannot be read, and counts as all there is."""
    try:
        return VectorClock(read_state(state).vector).to_bytes()
    except Malformed:
        return b""  # whoever writes the row rebuilds it, and devices take all of it
