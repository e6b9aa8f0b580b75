"""Compaction: what the server deletes from a document so that it stays small.

Laws:

1. What every field reads, now and after further entries, stays as it is.
2. A field that has entries keeps at least one: a field without any leaves its column alone.
3. Only the server compacts. A client that deleted entries could not be told from one that took back
   what others wrote.
"""

from .document import Document
from .entry import ROW_FIELD, Dot
from .schema import Schema, latest_action

__all__ = ["compact"]


def compact(document: Document, schema: Schema) -> None:
    """Delete what is not live any more, fold what adds up, and drop what is spent."""
    if not schema.row.counts_actions:
        _compact_fields(document, schema)
        return
    latest = latest_action(document)
    _compact_fields(document, schema)
    _settle_marks(document, schema, latest)


def _settle_marks(document: Document, schema: Schema, latest: int) -> None:
    """Delete deletions that did not stand; remember the latest action if its entry went."""
    marks = document.live(ROW_FIELD)
    if marks and not schema.is_deleted(document):
        document.delete([mark.dot for mark in marks if mark.value is True])
    if latest_action(document) < latest:
        document.append(ROW_FIELD, latest, False)
        document.delete([mark.dot for mark in marks if mark.value is not True])


def _compact_fields(document: Document, schema: Schema) -> None:
    fields = document.fields()
    if len(document.entries) == len(fields) == sum(map(len, fields.values())):
        return  # one entry to a field, and all of them live
    live: set[Dot] = set()
    for wire, entries in tuple(fields.items()):
        live.update(entry.dot for entry in entries)
        known = schema.get(wire)
        if known is None or known.rule.text or len(entries) < 2:
            continue
        found = known.live(entries)
        if not found:
            continue
        live.difference_update(known.rule.spent(found))
        folded = known.rule.fold(found)
        if folded is not None:
            gone = set(folded.replaces)
            stamp = max(entry.stamp for entry in entries if entry.dot in gone)
            live -= gone
            live.add(document.append(wire, stamp, known.encode_entry(folded.value)).dot)
    if len(live) < len(document.entries):
        document.delete([dot for dot in document.entries if dot not in live])
