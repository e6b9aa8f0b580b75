"""Permitting: what a model's `can_sync` lets stand of a push.

Laws:

1. Every pushed field is asked about, whether it won or not, with the value that it would hold. What
   waits for another row is asked about when that is there; who pushed it takes it back unasked.
2. What may not be is undone, like whatever else may not stand. A new row that may not be is refused
   with the words that are said of one that is not there.
3. Where `can_sync` cannot answer, nothing is let in: whoever pushed tries again later.
4. The user is who the database says he is now: whatever he was allowed when the push came in, or by
   an earlier batch of it, does not count.
5. The rows of a batch are read with what the model says it needs, in a query for each relation.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import prefetch_related_objects

from crdt.entry import ROW_FIELD, Entry
from crdt.update import Push

from ...permissions import SyncAction, SyncChanges, field_called, is_asked
from ...sign_in.auth import stored_user
from ..merging import Merged, Reverts
from .changing import changes_between, changes_of, fields_changed, look_up_references, row_of
from .placing import Placing
from .reaching import NO_SUCH_ROW
from .undoing import value_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.base_user import AbstractBaseUser

    from ...sync_model import SyncModel

__all__ = ["DENIED", "DeniedError", "Permits", "UnansweredError"]

Error = Mapping[str, str]
"""A code and a message."""

DENIED: Final[Error] = {"code": "denied", "message": "You may not change this."}


class DeniedError(Exception):
    """A new row that its writer may not create."""


class UnansweredError(Exception):
    """`can_sync` did not answer, or not what it may."""


@dataclass(frozen=True, slots=True)
class Denial:
    """What was not allowed: everything, for one reason, or some fields, each for its own."""

    everything: Error | None = None
    fields: Mapping[str, Error] | None = None

    def of(self, names: Collection[str]) -> dict[str, Error]:
        """Those of the fields that were not allowed."""
        if self.everything is not None:
            return dict.fromkeys(names, self.everything)
        return {name: error for name, error in (self.fields or {}).items() if name in names}


@dataclass(frozen=True, slots=True)
class Question:
    """What `row.can_sync` is to be asked."""

    row: SyncModel
    action: SyncAction
    changes: SyncChanges


@dataclass(frozen=True, slots=True)
class _Before:
    """A row before its push was projected, and whether there was ever one."""

    row: SyncModel | None
    had_row: bool


class Permits:
    """What one user may do with the rows of one model."""

    def __init__(
        self, user: AbstractBaseUser, model: type[SyncModel], using: str, places: Placing
    ) -> None:
        self._user = user
        self._model = model
        self._using = using
        self._places = places
        self._before: dict[UUID, _Before] = {}
        self._questions: dict[UUID, list[Question]] = {}

    def note(self, merged: Merged) -> None:
        """Remember the row as it is, before anything is projected."""
        if is_asked(self._model):
            row = None if merged.row is None else copy.copy(merged.row)
            self._before[merged.held.sync_id] = _Before(row, merged.had_row)

    def prepare(self, pushes: Iterable[tuple[Merged, Push]]) -> None:
        """Find out what is to be asked of all the rows, once they are projected, and read them."""
        noted = [(m, push) for m, push in pushes if m.held.sync_id in self._before]
        look_up_references(self._model, [m for m, _ in noted if m.had_row and m.row is None])
        for merged, push in noted:
            self._questions[merged.held.sync_id] = list(self._of(merged, push))
        if not any(self._questions.values()):
            return
        self._user = _as_he_is_now(self._user)
        asked = [question for each in self._questions.values() for question in each]
        rows = [row for each in asked for row in (each.row, each.changes.after)]
        rows += [merged.row for merged, _ in noted if merged.row is not None]
        self._read(rows)

    def _read(self, rows: list[SyncModel]) -> None:
        try:
            prefetch_related_objects(rows, *self._model._sync.prefetch)
        except (AttributeError, ValueError) as error:
            raise UnansweredError(f"{self._model._meta.label} cannot be read.") from error

    def judge(self, merged: Merged, push: Push, again: Callable[[], Reverts]) -> Reverts:
        """Undo what is not allowed; `again` projects the row anew. Returns what that was.

        Raises `DeniedError` for a new row, and `UnansweredError`.
        """
        reverts: Reverts = {}
        for question in self._questions.get(merged.held.sync_id, ()):
            denial = self._ask(question)
            if question.action == "create":
                undone = self._created(merged, push, question, denial)
            elif question.action == "delete":
                undone = _undeleted(merged, push, denial)
            elif question.action == "undelete":
                undone = _deleted(merged, push, question, denial)
            else:
                undone = _undone(merged, push, denial.of(list(question.changes)))
            if undone:
                reverts |= undone | again()
            if question.action == "update":
                moved = self._moved(merged, push, question)
                reverts |= moved | again() if moved else {}
        return reverts

    def allow(self, merged: Merged, before: SyncModel) -> bool:
        """May the user make of a row that is there, `before`, all that was merged into it?"""
        if not is_asked(self._model) or merged.row is None:
            return True
        self._user = _as_he_is_now(self._user)
        after = merged.schema.read(merged.document).values
        was = merged.before.values
        names = [name for name in after if name not in was or after[name] != was[name]]
        sides = [before, merged.row] if self._places.moved(before, merged.row) else [before]
        return all(
            self._ask(Question(side, "update", changes_between(side, merged, names))) == Denial()
            for side in map(copy.copy, sides)
        )

    def _of(self, merged: Merged, push: Push) -> Iterator[Question]:
        before = self._before[merged.held.sync_id]
        if not before.had_row:
            if merged.inserted:
                assert merged.row is not None, "it was made"
                names = fields_changed(merged, push, everything=True)
                changes = changes_of(merged, push, merged.row, names)
                yield Question(copy.copy(merged.row), "create", changes)
            return
        marks = {entry.value for entry in push.entries if _is_mark(merged, entry)}
        names = fields_changed(merged, push)
        revived = merged.inserted
        if not (names or marks or revived):
            return
        row = copy.copy(merged.row) if revived else before.row or row_of(self._model, merged)
        assert row is not None, "it is there, or was made"
        changes = changes_of(merged, push, row, names)
        if True in marks:
            yield Question(row, "delete", changes_of(merged, push, row, ()))
        if revived or False in marks:
            yield Question(row, "undelete", changes)
        elif names:
            yield Question(row, "update", changes)

    def _created(self, merged: Merged, push: Push, question: Question, denial: Denial) -> Reverts:
        if denial.everything is not None:
            merged.unmake()
            said = denial.everything["message"]
            raise DeniedError(NO_SUCH_ROW if denial.everything is DENIED else said)
        reverts = _undone(merged, push, denial.of(list(question.changes)), everything=True)
        if reverts:
            merged.unmake()
        return reverts

    def _moved(self, merged: Merged, push: Push, question: Question) -> Reverts:
        """Undo a move to where the user may not write; asked of the row as it would be."""
        name = None if merged.row is None else self._places.moved(question.row, merged.row)
        if name is None or merged.row is None or merged.deleted or name not in question.changes:
            return {}
        denial = self._ask(Question(copy.copy(merged.row), question.action, question.changes))
        denied = denial.of(list(question.changes))
        return _undone(merged, push, {name: denied[name]} if name in denied else denied)

    def _ask(self, question: Question) -> Denial:
        model, action = self._model._meta.label, question.action
        try:
            answer: Any = question.row.can_sync(self._user, action, question.changes)
            if isinstance(answer, bool):
                return Denial() if answer else Denial(DENIED)
            allowed = {field_called(self._model, name) for name in _names(answer)}
        except PermissionDenied as error:
            return Denial({**DENIED, "message": str(error) or DENIED["message"]})
        except ValidationError as error:
            return _told(error, list(question.changes))
        except Exception as error:
            raise UnansweredError(f"can_sync of {model} failed, asked to {action}.") from error
        if action in {"delete", "undelete"}:
            return Denial(DENIED)
        denied = question.changes.keys() - allowed
        return Denial(fields=dict.fromkeys(denied, DENIED) if denied else None)


def _as_he_is_now(user: AbstractBaseUser) -> AbstractBaseUser:
    if user.pk is None:
        return user
    found = stored_user(user)
    if found is None or not found.is_active:
        raise UnansweredError("The user is gone, or not active any more.")
    return found


def _names(answer: Any) -> Collection[str]:
    """The names of fields that `can_sync` answered with."""
    if inspect.iscoroutine(answer):
        answer.close()
    if not isinstance(answer, Collection) or isinstance(answer, (str, bytes, Mapping)):
        raise TypeError(
            f"can_sync returned {type(answer).__name__}: it must return True, False, or a set of "
            "the names of the fields that may be written."
        )
    return answer


def _told(error: ValidationError, names: Collection[str]) -> Denial:
    """A message about fields denies those, any other denies everything."""
    if hasattr(error, "error_dict") and error.error_dict.keys() <= set(names):
        return Denial(
            fields={
                name: {"code": str(errors[0].code or "denied"), "message": _sentence(errors)}
                for name, errors in error.error_dict.items()
            }
        )
    first = next(iter(error.error_dict.values()))[0] if hasattr(error, "error_dict") else error
    code = str(getattr(first, "code", None) or first.error_list[0].code or "denied")
    return Denial({"code": code, "message": " ".join(error.messages)})


def _sentence(errors: Iterable[ValidationError]) -> str:
    return " ".join(message for error in errors for message in error.messages)


def _is_mark(merged: Merged, entry: Entry) -> bool:
    """Does the entry delete the row, or take that back, and did it stand till now?"""
    return entry.field == ROW_FIELD and merged.has(entry)


def _undone(
    merged: Merged, push: Push, errors: Mapping[str, Error], *, everything: bool = False
) -> Reverts:
    """Undo these fields of a push; with `everything`, also what was pushed of them before."""
    reverts: Reverts = {}
    for name, error in errors.items():
        known = merged.schema.fields[name]
        present = merged.document.entries.values() if everything else ()
        mine = [
            entry
            for entry in (*push.entries, *merged.carried, *present)
            if entry.field == known.wire and merged.has(entry)
        ]
        value = merged.document.text(known.wire) if known.rule.text else value_of(mine, known)
        merged.revert(mine)
        if known.rule.text and everything:
            merged.document.set_text(known.wire, "")
        elif known.rule.text:
            merged.revert_text(known.wire)
        reverts[known.wire] = {"value": value, **error}
    return reverts


def _undeleted(merged: Merged, push: Push, denial: Denial) -> Reverts:
    """Undo a deletion that is not allowed."""
    if denial.everything is None:
        return {}
    merged.revert([entry for entry in push.entries if entry.field == ROW_FIELD and entry.value])
    return {ROW_FIELD: {"value": True, **denial.everything}}


def _deleted(merged: Merged, push: Push, question: Question, denial: Denial) -> Reverts:
    """Undo all that brought a deleted row back, or fields of it."""
    if denial.everything is None:
        return _undone(merged, push, denial.of(list(question.changes)))
    reverts = _undone(merged, push, denial.of(list(question.changes)))
    marks = [e for e in push.entries if e.field == ROW_FIELD and e.value is False]
    merged.revert(marks)
    if merged.inserted:
        merged.unmake()
    return reverts | ({ROW_FIELD: {"value": False, **denial.everything}} if marks else {})
