"""Retired fields: what devices still write that learned the models of an earlier release.

Laws:

1. A retired field keeps its entries, by the rule it had. Nobody sees them.
2. Where the model has a field in its place, of another kind or with a rule of another form, what a
   push changes in the retired field is changed there: a server entry on the device's behalf, with
   the value converted if that loses nothing, judged like any other.
3. Until a push comes, a retired field may lag behind the one in its place. Then it is brought up to
   it first, so that the device's edit is merged with what it has not seen.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from crdt.converting import convert
from crdt.document import Document
from crdt.editing import write_field
from crdt.schema import MISSING, Field
from crdt.update import Push

from ..merging import Merged, Reverts
from .judging import Judge

__all__ = ["Bridge"]

_UNFIT = "This field is of another kind now: "


class Bridge:
    """From the retired fields that a push writes to the fields in their places."""

    def __init__(self, merged: Merged, push: Push) -> None:
        """To be made before the push is merged."""
        self._merged = merged
        self._push = push
        self._before: list[tuple[Field, Field, Any]] = []
        retired = merged.schema.retired
        written = {entry.field for entry in push.entries} | push.text_fields if retired else ()
        for wire in sorted(retired.keys() & written):
            was = retired[wire]
            now = merged.schema.fields.get(was.name)
            if now is not None:
                _catch_up(merged, was, now)
                self._before.append((was, now, was.read(merged.document)))

    def cross(self, judge: Judge) -> Reverts:
        """Carry over what the push changed, once it was merged and judged; returns what may not
        stand.
        """
        reverts: Reverts = {}
        for was, now, before in self._before:
            after = was.read(self._merged.document)
            if after is MISSING or (before is not MISSING and was.same(before, after)):
                continue
            error = self._carry(judge, was, now, after)
            if error is not None:
                reverts[was.wire] = {"value": was.encode(after), **error}
                mine = [entry for entry in self._push.entries if entry.field == was.wire]
                self._merged.revert(mine)
                if was.rule.text:
                    self._merged.revert_text(was.wire)
        return reverts

    def _carry(self, judge: Judge, was: Field, now: Field, value: Any) -> dict[str, str] | None:
        document = self._merged.document
        try:
            value = convert(value, was.kind, now.kind)
            now.check(value)
        except ValueError as unfit:
            return {"code": "changed_kind", "message": f"{_UNFIT}{unfit}"}
        error = judge.on_behalf(now, value)
        if error is None:
            stamp = _latest(document, was) if was.rule.whole and now.rule.whole else None
            now_ms = self._merged.now_ms
            old = now.read(document)
            self._merged.carried += write_field(document, now, old, value, now_ms, stamp=stamp)
        return error


def _catch_up(merged: Merged, was: Field, now: Field) -> None:
    """Bring a retired field to what the field in its place says."""
    document = merged.document
    value = now.read(document)
    try:
        value = value if value is MISSING else convert(value, now.kind, was.kind)
        if value is MISSING:
            return
        was.check(value)
        old = was.read(document)
        if old is MISSING or not was.same(old, value):
            stamp = _latest(document, now) if was.rule.whole and now.rule.whole else None
            write_field(document, was, old, value, merged.now_ms, stamp=stamp)
    except (ValueError, ValidationError):
        return  # what it holds now could never be written there


def _latest(document: Document, known: Field) -> int | None:
    return max((entry.stamp for entry in document.live(known.wire)), default=None)
