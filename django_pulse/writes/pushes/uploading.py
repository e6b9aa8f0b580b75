"""Uploading: whole rows from clients that keep no documents, merged on their behalf.

Such a client sends every field of a row and the version it was told the row under. The server knows
what that was (`Told`), and what it took from the client since (`Receipt`): what differs was edited,
and is written by each field's rule as somebody wrote it who saw the old value. It becomes the push
of a replica that the server keeps for the device, and goes the way of every push.

Laws:

1. A value that equals the one it was told is no edit: a stale copy writes nothing.
2. The same payload for the same version again is a retry. It writes nothing, and is answered as it
   was the first time.
3. What a client said is stored in the transaction that merges it, or not at all.
4. Where nobody knows any more what the client was told, the fields that differ from the row's are
   its edits, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from crdt.document import Document
from crdt.editing import delete_row, write_field, write_row
from crdt.schema import MISSING, Field
from crdt.update import Push

from ...conf import conf
from ...mapping.columns import columns_of
from ...mapping.schema import schema_of
from ...text import exact
from ...text.as_json import Part, document_value, known_names, name_of, primary_keys, same
from ...text.rounding import unrounded
from ...visibility.ownership import owner_field
from ..locking import Held
from ..merging import Merged, Reverts
from . import parking
from .items import ItemResult, Upload
from .outcomes import storable
from .receipts import DELETED, UNKNOWN, Base, Memory, Taking, answered
from .targets import Targets
from .undoing import LargeError

if TYPE_CHECKING:
    from ...mapping.codecs import Column
    from .batches import Batch

__all__ = ["Uploads"]

NO_HISTORY = "history"
"""The code of the remark that nobody knows what the client was told."""

_NO_HISTORY = (
    "The server does not know any more what this device was told under version {}: every field "
    "that differs from the row's was taken for an edit."
)
ESCAPED = 2
"""How many times as long as in its document a text may be in JSON: quotes are escaped. A row that
is longer holds what no field takes, and would be kept as a receipt all the same."""

_TOO_LARGE = "This row is too large: no document can hold it."
_MISSING = "There is no such row, or you may not see it."
_NOTHING = ItemResult("refused", code="empty", message="There is no field in this row.")


@dataclass(slots=True)
class _Read:
    """An upload whose names are those of the model, and what became of it so far."""

    item: Upload
    values: dict[str, Any]
    deleted: bool | None
    sent: bytes
    base: Base = UNKNOWN
    errors: Reverts = field(default_factory=dict)
    remark: tuple[str, str] = ("", "")


class Uploads:
    """The uploads of one batch, while its locks are held."""

    def __init__(self, batch: Batch, held: Mapping[Any, Held]) -> None:
        self._batch = batch
        self._columns = columns_of(batch.model)
        self._schema = schema_of(batch.model)
        self._parts = known_names(batch.model)
        self._owner = owner_field(batch.model)
        self._read = {
            place: self._named(item)
            for place, item in batch.items.items()
            if isinstance(item, Upload)
        }
        bases = {read.item.base for read in self._read.values()}
        documents = [each.document for each in held.values()]
        self._memory = Memory(batch.using, batch.replica, documents, bases)
        self._seen = self._visible(held)
        self._left_out = batch.cause.texts if isinstance(batch.cause, LargeError) else {}

    def update(self, place: int, merged: Merged) -> bytes | ItemResult:
        """What the client's replica pushes by this upload; an answer, if that is nothing."""
        read = self._read[place]
        item, stored = read.item, merged.held.document
        if len(read.sent) > conf.MAX_DOCUMENT_BYTES * ESCAPED:
            return ItemResult("refused", code="too_large", message=_TOO_LARGE)
        is_new = stored.pk is None and merged.row is None
        if is_new and (read.deleted or not read.values):
            return ItemResult("ok") if read.deleted else _NOTHING
        if not is_new:
            differences = partial(self._differences, read)
            read.base = self._memory.base(stored, item, read.sent, differences)
            taken = read.base.taken
            if taken is not None and taken.sent == read.sent:
                return self._memory.repeated(taken, item)
            self._unround(read)
        data = self._written(merged, read, is_new=is_new)
        if not data and is_new:
            return replace(_NOTHING, reverted=read.errors)
        return data or ItemResult("ok", reverted=read.errors)

    def explained(self, results: Mapping[int, ItemResult]) -> dict[int, ItemResult]:
        """Refusals, with what was wrong with the values of these rows to begin with."""
        return {
            place: replace(result, reverted=read.errors)
            for place, result in results.items()
            if result.status == "refused" and (read := self._read[place]).errors
        }

    def store(
        self,
        pushes: Mapping[int, tuple[Merged, Push]],
        reverts: Mapping[int, Reverts],
    ) -> dict[int, ItemResult]:
        """Write the receipts of uploads that were merged; returns what became of each."""
        receipts, results = [], {}
        for place, (merged, update) in pushes.items():
            read = self._read[place]
            told = {**reverts[place], **read.errors}
            answer = storable({"reverted": told, "parked": parking.told(merged)})
            values = {**(read.base.values or {}), **read.values}
            document = merged.held.document
            receipts.append(Taking(document, read.item, read.base, values, read.sent, answer))
            results[place] = answered(answer, update.next, read.remark)
        self._memory.store(receipts)
        return results

    # Reading

    def _named(self, item: Upload) -> _Read:
        """Leave out what is never written, and the owner where he is who he would be anyway.

        A model that has a field `is_deleted` itself deletes by it what it likes.
        """
        values: dict[str, Any] = {}
        for name, value in item.values.items():
            part = self._parts.get(name)
            if part is not None and not self._is_said_anyway(part, value):
                values[part.name] = value
        deleted = None if DELETED in self._parts else item.deleted
        if deleted is not None:
            values[DELETED] = deleted
        sent = exact.dumps(values, sort_keys=True)
        return _Read(item, values, deleted, sent)

    def _is_said_anyway(self, part: Part, value: Any) -> bool:
        if self._owner is None or part.field != self._owner:
            return False
        return value is None or str(value) == str(self._batch.user.pk)

    def _visible(self, held: Mapping[Any, Held]) -> dict[str, set[Any]]:
        """By foreign key: the primary keys sent of rows that the user may refer to."""
        targets = Targets(self._batch.user, self._batch.model, self._batch.using)
        found: dict[str, set[Any]] = {}
        for name, column in self._columns.items():
            if column.target is None or column.field == self._owner:
                continue
            wanted = name if column.is_set else name_of(column.field)
            sent = [read.values.get(wanted) for read in self._read.values()]
            values = {value for each in sent for value in primary_keys(column, each)}
            found[name] = targets.visible(column, column.target, values)
            for each in held.values():
                each.keys.want(column.target, found[name])
        return found

    def _differences(self, read: _Read, known: Mapping[str, Any]) -> frozenset[str]:
        """The names of the values sent that are not the known ones."""
        return frozenset(
            name
            for name, value in read.values.items()
            if name not in known or not self._is_same(name, known[name], value)
        )

    def _unround(self, read: _Read) -> None:
        """Put the numbers in JSON that were meant in the place of those that came."""
        before = read.base.values or {}
        for name in before.keys() & read.values.keys() & self._parts.keys():
            if self._parts[name].kind == "json":
                read.values[name] = unrounded(read.values[name], before[name])

    def _is_same(self, name: str, a: Any, b: Any) -> bool:
        part = self._parts.get(name)  # a deletion is none
        return bool(a == b) if part is None else same(part, a, b)

    # Writing

    def _written(self, merged: Merged, read: _Read, *, is_new: bool) -> bytes:
        """The update of the client's replica; empty if it edited nothing."""
        document = Document(merged.document.loaded, self._batch.replica)
        start, deleted = document.clock(document.replica), self._deletion(merged, read)
        now_ms = merged.now_ms
        if deleted is not None:
            delete_row(document, self._schema, now_ms, deleted=deleted)
        edits = [] if deleted else list(self._edits(merged, read, is_new=is_new))
        if is_new:
            write_row(document, [(known, new) for known, _, new in edits], now_ms)
            return document.encode() if edits else b""
        if edits and read.base.values is None:
            read.remark = NO_HISTORY, _NO_HISTORY.format(read.item.base)
        own = {document.replica: start}
        seen = None if read.base.seen is None else read.base.seen.merge(own).includes
        stamp = merged.document.next_stamp(now_ms)  # past what was written behind our back
        for known, old, new in edits:
            write_field(document, known, old, new, now_ms, stamp=stamp, seen=seen)
        if document.clock(document.replica) == start:
            return b""
        is_text = any(known.rule.text for known, _, _ in edits)
        return document.own_diff(start) if is_text else document.appended()

    def _deletion(self, merged: Merged, read: _Read) -> bool | None:
        """Does the client delete the row, or take its own deletion back?"""
        if read.deleted is None or read.deleted == merged.schema.is_deleted(merged.document):
            return None
        if read.deleted:
            return True
        before = (read.base.values or {}).get(DELETED)
        return False if before else None

    def _edits(
        self, merged: Merged, read: _Read, *, is_new: bool
    ) -> Iterable[tuple[Field, Any, Any]]:
        """The fields that were edited: what the client saw, and what it wrote."""
        before = read.base.values or {}
        edited = read.base.edited
        if edited is None:
            edited = self._differences(read, before)
        for column in {
            self._parts[name].column.name: None for name in edited if name in self._parts
        }:
            known, sent = (
                self._schema.fields[column],
                _of_column(self._columns[column], read.values),
            )
            if is_new and _is_left_out(known, sent):
                continue
            told = _of_column(self._columns[column], before)
            if (undone := self._left_out.get(known.wire)) is not None:
                self._refuse(read, known, sent, undone["code"], undone["message"])
                continue
            edit = self._edit(merged, read, known, self._columns[column], {**told, **sent}, told)
            if edit is not None:
                yield edit

    def _edit(
        self,
        merged: Merged,
        read: _Read,
        known: Field,
        column: Column,
        sent: Mapping[str, Any],
        before: Mapping[str, Any],
    ) -> tuple[Field, Any, Any] | None:
        keys = merged.held.keys
        try:
            new = document_value(column, sent, keys)
            if new is MISSING or not self._may_refer(column, sent, merged):
                raise ValidationError(_MISSING, code="missing")
            known.check(new)
            known.encode(new)
        except ValidationError as error:
            code = str(error.error_list[0].code or "invalid")
            self._refuse(read, known, sent, code, " ".join(error.messages))
            return None
        except ValueError as error:
            message = str(error).removeprefix(f"{known.name}: ")
            self._refuse(read, known, sent, "invalid", message)
            return None
        old = _former(column, before, keys)
        if old is MISSING:
            old = known.read(merged.document)
        return None if old is not MISSING and known.same(old, new) else (known, old, new)

    def _refuse(
        self, read: _Read, known: Field, sent: Mapping[str, Any], code: str, message: str
    ) -> None:
        value = next(iter(sent.values()), None)
        read.errors[known.wire] = {"value": value, "code": code, "message": message}

    def _may_refer(self, column: Column, sent: Mapping[str, Any], merged: Merged) -> bool:
        """Are the rows that it names by their primary keys there, as far as the user can tell? What
        a set is linked to already is nothing new.
        """
        visible = self._seen.get(column.name)
        if visible is None:
            return True
        unseen = set(primary_keys(column, next(iter(sent.values()), None))) - visible
        if unseen and column.is_set and merged.row is not None:
            linked = column.read(merged.row.__dict__, merged.held.keys)
            unseen -= set(primary_keys(column, list(linked)))
        return not unseen


def _of_column(column: Column, values: Mapping[str, Any]) -> dict[str, Any]:
    """What these values say of a column, by the names of its parts."""
    names = [column.name] if column.is_set else [name_of(field) for field in column.concrete]
    return {name: values[name] for name in names if name in values}


def _is_left_out(known: Field, sent: Mapping[str, Any]) -> bool:
    """Is it a field that devices may not write, which a new row had to be sent with?"""
    if known.rule.client_writes and not known.options.get("read_only"):
        return False
    return all(value is None or value == known.default for value in sent.values())


def _former(column: Column, before: Mapping[str, Any], keys: Any) -> Any:
    """The document value that the client was told; MISSING where it cannot be told any more."""
    if not before:
        return MISSING
    try:
        return document_value(column, before, keys)
    except (ValidationError, ValueError):
        return MISSING
