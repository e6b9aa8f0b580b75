"""Judging: which of the pushed entries may stand.

Every pushed entry is checked, whether it won or not. What may not stand is undone; errors that
were there before the push undo nothing. Foreign keys are looked up once for a whole batch. One that
refers to a row that devices make, and that is not there, waits; so does, without a difference that
could be seen, one to a row that the user may not see.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models

from crdt.entry import ROW_FIELD, Entry, Live, live_entries
from crdt.rules import MergeRule, Pushed
from crdt.sameness import canonical
from crdt.schema import MISSING, Field
from crdt.update import Push

from ...mapping.columns import Column, columns_of
from ...mapping.schema import schema_of
from ...visibility import scopes
from ..merging import Merged, Reverts
from .targets import Targets
from .undoing import fields_pushed, undo, value_of

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from ...sync_model import SyncModel

__all__ = ["Judge"]


class Judge:
    """Judges the pushes of one user to one model, as a batch."""

    def __init__(self, user: AbstractBaseUser, model: type[SyncModel], using: str) -> None:
        self.user = user
        self.model = model
        self.using = using
        self._owner = scopes.owner_field(model)
        self._targets = Targets(user, model, using)
        self.founded = self._targets.founded
        self._blank = model()
        self._columns = columns_of(model)
        fields = schema_of(model).fields.values()
        self._of_parts = {each.wire: each for each in fields if not each.rule.whole}
        self._plain = {
            each.wire: self._columns[each.name] for each in fields if self._is_plain(each)
        }

    def _is_plain(self, known: Field) -> bool:
        """May a device write the field, and is all that is to be asked of a value whether Django
        takes it? That is said of most, and found out once.
        """
        owned = self._owner is not None and known.name == self._owner.name
        rule = known.rule
        asks = rule.text or not rule.whole or type(rule).refuses is not MergeRule.refuses
        forbidden = _may_not_write(known.wire, known) is not None
        return not (owned or asks or forbidden or known.name in self._targets.names)

    def look_up(self, pushes: Mapping[int, tuple[Merged, Push]]) -> set[int]:
        """Find out which of the rows there are that the pushes refer to.

        Returns the places of the pushes that somebody who holds such a row keeps waiting.
        """
        return self._targets.look_up(pushes)

    @property
    def follows(self) -> bool:
        """Do any of the pushes refer to a row that another took in?"""
        return self._targets.follows

    def judge(self, merged: Merged, push: Push) -> Reverts:
        """Undo what may not stand; returns what that was."""
        reverts: Reverts = {}
        held = _Before(merged, push)
        undone: dict[str, list[Entry]] = {}
        for entry in push.entries:
            known = merged.schema.get(entry.field)
            error = self._error(merged, push, entry, known, held)
            if error is not None:
                merged.revert([entry])
                mine = undone.setdefault(entry.field, [])
                mine.append(entry)
                reverts[entry.field] = {"value": value_of(mine, known), **error}
        for wire in {entry.field for entry in push.entries} & self._of_parts.keys():
            known = self._of_parts[wire]
            error = self._parts_error(merged, known)
            if error is not None:
                mine = [entry for entry in push.entries if entry.field == wire]
                merged.revert(mine)
                reverts[wire] = {"value": value_of(mine, known), **error}
        for wire in push.text_fields:
            known = merged.schema.get(wire)
            error = _may_not_write(wire, known) or _text_error(merged, self._blank, known)
            if error is not None:
                value = merged.document.text(wire)
                merged.revert_text(wire)
                merged.revert(entry for entry in push.entries if entry.field == wire)
                reverts[wire] = {"value": value, **error}
        return reverts

    def on_behalf(self, known: Field, value: Any) -> dict[str, str] | None:
        """Why a device may not write this value to a field; not of one that refers to rows."""
        if known.name in self._targets.names:
            return _error("changed_kind", "This field refers to rows by other keys now.")
        return _may_not_write(known.wire, known) or self._value_error(known.name, value)

    def hold_back(self, merged: Merged, push: Push) -> None:
        """Keep fields from being projected that refer to a row that is not there for the user.

        A field that waits already, and says something else than what stands of this push, is for
        those to judge whose it is; see `parking.everything`.
        """
        waiting = merged.lagging
        merged.held_back -= self._targets.names
        merged.awaits = {}
        for name in self._targets.names:
            known = merged.schema.fields[name]
            if name in self._targets.sets:
                self._withhold(merged, push, known)
                continue
            pushed = _standing(merged, push, known)
            if merged.row is not None and not pushed and known.wire not in waiting:
                continue
            merged.unready |= {e.dot for e in pushed if self._waits(known, e)}
            value = known.read(merged.document)
            target = None if value is MISSING else self._targets.awaited(name, value)
            if target is None or (merged.row is not None and value == merged.shown.get(name)):
                continue
            is_his = known.wire not in waiting or any(
                live.value == value for live in known.live(pushed)
            )
            if not is_his or not self._targets.allows(name, value):
                merged.held_back.add(name)
                merged.awaits[target] = 0 if is_his else _writer(merged, known, value)

    def _waits(self, known: Field, entry: Entry) -> bool:
        """Does the entry refer to a row that is not there, but may come?"""
        values = [live.value for live in known.live([entry])]
        return any(
            self._targets.awaited(known.name, value) is not None
            and not self._targets.allows(known.name, value)
            for value in values
        )

    def _withhold(self, merged: Merged, push: Push, known: Field) -> None:
        """Keep elements of a set from being linked whose rows are not there for the user; link
        those that he waited for.
        """
        waiting = merged.lagging
        pushed = _standing(merged, push, known)
        if merged.row is not None and not pushed and known.wire not in waiting:
            return
        name = known.name
        withheld = merged.withheld[name] = {}
        linked = set(map(canonical, self._targets.linked(name, merged)))
        mine = {canonical(key) for live in known.live(pushed) for key in live.value or ()}
        value = known.read(merged.document)
        for key in () if value is MISSING else value:
            text, target = canonical(key), self._targets.awaited(name, key)
            if text in linked:
                continue
            is_his = text in mine or known.wire not in waiting
            if is_his and self._targets.allows(name, key):
                merged.sets.setdefault(name, {})[text] = (key, True)
            else:
                withheld[text] = key
                if target is not None:
                    merged.awaits[target] = 0 if is_his else _writer(merged, known, [key])

    def judge_row(self, merged: Merged, push: Push) -> Reverts:
        """Run the row's own `clean()`, if the model has one; what it assigns are server entries."""
        row = merged.row
        if row is None or merged.deleted or self.model.clean is models.Model.clean:
            return {}
        try:
            row.clean()
        except ValidationError as error:
            new = self._new_errors(merged, error)
            if new is not None:
                return self._undone(merged, push, new)
        merged.absorb(0)
        return {}

    def _new_errors(self, merged: Merged, error: ValidationError) -> ValidationError | None:
        """What `clean()` would not have said of the row as it was before the push."""
        if merged.inserted or merged.row is None:
            return error
        before = copy.copy(merged.row)
        attributes: dict[str, Any] = {}
        lagging = merged.lagging_values()
        for name, value in (merged.before.values | lagging).items():
            if name in lagging or name not in merged.held_back:
                self._columns[name].write(attributes, value, merged.held.keys)
        before.__dict__.update(attributes)
        try:
            before.clean()
        except ValidationError as earlier:
            known = _by_field(earlier)
            left = {
                name: [each for each in errors if str(each) not in map(str, known.get(name, ()))]
                for name, errors in _by_field(error).items()
            }
            left = {name: errors for name, errors in left.items() if errors}
            return ValidationError(left) if left else None
        return error

    def _undone(self, merged: Merged, push: Push, error: ValidationError) -> Reverts:
        by_field = error.error_dict if hasattr(error, "error_dict") else {}
        reverts = undo(merged, push, by_field.keys() - {NON_FIELD_ERRORS}, _told(error))
        if merged.inserted:
            known = fields_pushed(merged, push)
            for wire in reverts:
                for field in self._columns[known[wire].name].concrete:
                    setattr(merged.row, field.attname, field.get_default())
        return reverts

    def _error(
        self, merged: Merged, push: Push, entry: Entry, known: Field | None, before: _Before
    ) -> dict[str, str] | None:
        if known is None:
            return _error("unknown_field", f"There is no field {entry.field!r}.")
        plain = self._plain.get(entry.field)
        forbidden = None if plain is not None else _may_not_write(entry.field, known)
        if entry.replaces:
            forbidden = forbidden or _bad_replacement(merged, push, entry)
        if forbidden is not None:
            return forbidden
        live = known.live([entry])
        if not live:
            return _error("invalid", f"This is not a value of kind {known.kind}.")
        if plain is not None:
            return _first_error(partial(self._django_clean, plain, live[0].value))
        if type(known.rule).refuses is not MergeRule.refuses:
            refusal = known.rule.refuses(before.seen_by(live[0], entry, known))
            if refusal is not None:
                return refusal._asdict()
        retired = entry.field in merged.schema.retired
        if known.name in self._targets.sets and not retired:
            return self._element_error(known.name, live[0].value)
        if known.rule.text or not known.rule.whole or retired:
            return None  # what becomes of it is judged apart
        return self._value_error(known.name, live[0].value)

    def _element_error(self, name: str, value: Any) -> dict[str, str] | None:
        for key in value or ():
            if not self._targets.allows(name, key) and self._targets.awaited(name, key) is None:
                return _error("missing", "There is no such row, or you may not see it.")
        return None

    def _parts_error(self, merged: Merged, known: Field) -> dict[str, str] | None:
        """What is wrong with what the parts make together, and was not wrong before."""
        value = known.read(merged.document)
        if value is MISSING or not (error := self._value_error(known.name, value)):
            return None
        before = merged.before.values.get(known.name)
        was_wrong = before is not None and self._value_error(known.name, before)
        return None if was_wrong else error

    def _value_error(self, name: str, value: Any) -> dict[str, str] | None:
        if name == ROW_FIELD:
            return None if isinstance(value, bool) else _error("invalid", "Say true or false.")
        if self._owner is not None and name == self._owner.name:
            if value == self.user.pk or str(value) == str(self.user.pk):
                return None
            return _error("forbidden", "A device's rows belong to whoever is signed in on it.")
        try:
            self._clean(self._columns[name], name, value)
        except ValidationError as error:
            return _told(error)
        return None

    def _clean(self, column: Column, name: str, value: Any) -> None:
        if column.is_set:
            return  # each element was judged
        if name not in self._targets.names:
            self._django_clean(column, value)
        elif value is None:
            if not column.null:
                raise ValidationError(column.field.error_messages["null"], code="null")
        elif not self._targets.allows(name, value) and self._targets.awaited(name, value) is None:
            raise ValidationError("There is no such row, or you may not see it.", code="missing")

    def _django_clean(self, column: Column, value: Any) -> None:
        column.field.clean(column.to_column(value), self._blank)


class _Before:
    """What entries of a push are judged against: the document without the push."""

    def __init__(self, merged: Merged, push: Push) -> None:
        self._merged = merged
        self._push = push
        self._live: dict[str, list[Live]] = {}

    def seen_by(self, value: Live, entry: Entry, known: Field) -> Pushed:
        """The entry with what it names and what the field held."""
        document = self._merged.document
        there = (document.loaded.entries.get(d) or document.entries.get(d) for d in entry.replaces)
        replaced = known.live(each for each in there if each is not None)
        return Pushed(value, entry.replaces, replaced, self._held(known))

    def _held(self, known: Field) -> list[Live]:
        found = self._live.get(known.wire)
        if found is None:
            entries = self._merged.document.entries.items()
            pushed = {entry.dot for entry in self._push.entries}
            before = {d: e for d, e in entries if e.field == known.wire and d not in pushed}
            found = self._live[known.wire] = known.live(live_entries(before))
        return found


def _standing(merged: Merged, push: Push, known: Field) -> list[Entry]:
    """The pushed entries of a field that were not undone."""
    return [each for each in push.entries if each.field == known.wire and merged.has(each)]


def _writer(merged: Merged, known: Field, value: Any) -> int:
    """The replica by whose entry the field has this value, or this element."""
    for entry in merged.document.live(known.wire):
        if any(live.value == value for live in known.live([entry])):
            return (entry.stands_for or entry.dot).replica
    return merged.document.replica


def _may_not_write(name: str, known: Field | None) -> dict[str, str] | None:
    if known is None:
        return _error("unknown_field", f"There is no field {name!r}.")
    if not known.rule.client_writes or known.options.get("read_only"):
        return _error("read_only", "Devices cannot write this field.")
    return None


def _bad_replacement(merged: Merged, push: Push, entry: Entry) -> dict[str, str] | None:
    """Nobody replaces what he cannot have seen, or another field's entries."""
    loaded = merged.document.loaded
    for dot in entry.replaces:
        there = loaded.entries.get(dot) or merged.document.entries.get(dot)
        if there is not None and there.field != entry.field:
            return _error("forbidden", "An entry can only replace entries of its own field.")
        ahead = dot.clock >= loaded.vector.get(dot.replica, 0)
        if ahead and not (dot.replica == push.replica and dot.clock < entry.dot.clock):
            return _error("forbidden", "An entry can only replace what its writer has seen.")
    return None


def _text_error(merged: Merged, blank: SyncModel, known: Field | None) -> dict[str, str] | None:
    """What is wrong with the merged text and was not wrong before."""
    if known is None or not known.rule.text:
        return _error("forbidden", "This field is not a shared text.")
    text = merged.document.text(known.wire)
    if "\0" in text:
        return _error("invalid", "Text must not hold the character NUL.")
    if known.wire in merged.schema.retired:
        return None
    field = columns_of(type(blank))[known.name].field
    error = _first_error(lambda: field.clean(text, blank))
    before = merged.before.values.get(known.name, "")
    if error is None or _first_error(lambda: field.clean(before, blank)) is not None:
        return None
    return error


def _by_field(error: ValidationError) -> dict[str, list[ValidationError]]:
    return (
        dict(error.error_dict)
        if hasattr(error, "error_dict")
        else {NON_FIELD_ERRORS: error.error_list}
    )


def _first_error(check: Callable[[], Any]) -> dict[str, str] | None:
    try:
        check()
    except ValidationError as error:
        return _told(error)
    return None


def _told(error: ValidationError) -> dict[str, str]:
    first = (
        error.error_list[0]
        if hasattr(error, "error_list")
        else next(iter(error.error_dict.values()))[0]
    )
    return _error(str(first.code or "invalid"), " ".join(error.messages))


def _error(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}
