"""What the server's own code, and who belongs to what, do in a history."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from django_pulse.mapping.relations import Members

from ..world import Device
from .history import Step
from .references import rows_meant
from .relatives import join, leave
from .stage import NothingToDo, Stage
from .validity import is_valid

__all__ = ["SERVER_STEPS"]


# The server's own code


def save(stage: Stage, device: Device, step: Step) -> str:
    """The server's code saves a row."""
    row = stage.stored(step.row)
    return _saved(stage, row, step, "sets")


def save_stale(stage: Stage, device: Device, step: Step) -> str:
    """It saves an instance that was loaded long ago."""
    row = stage.stored(step.row)
    stale = copy.copy(stage.loaded.get(row.sync_id, row))
    return _saved(stage, stale, step, "loaded the row long ago, and sets")


def _saved(stage: Stage, row: Any, step: Step, how: str) -> str:
    field = stage.field_of_server(step.field)
    value = stage.stored_value(field, step.value)
    before = getattr(row, field.column.attname)
    stage.write(row, field, value)
    if not is_valid(row):
        raise NothingToDo
    row.save()
    stage.record.wrote(row.sync_id, field.field, before, value)
    return f"the server {how} {field.name} of {stage.called(row.sync_id)} to {stage.shown(value)}"


def update(stage: Stage, device: Device, step: Step) -> str:
    """It updates a row by a queryset."""
    row, field = stage.stored(step.row), stage.field_of_server(step.field)
    value, before = stage.stored_value(field, step.value), getattr(row, field.column.attname)
    held = stage.write(row, field, value)
    if not is_valid(row):
        raise NothingToDo
    stage.kit.model.objects.filter(pk=row.pk).update(**held)
    stage.record.wrote(row.sync_id, field.field, before, value)
    return f"the server updates {field.name} of {stage.called(row.sync_id)} to {stage.shown(value)}"


def link(stage: Stage, device: Device, step: Step) -> str:
    """It links a row to others by a many-to-many field."""
    row, field = stage.stored(step.row), stage.set_of_server(step.field)
    value = stage.stored_value(field, step.value)
    assert isinstance(field.column, Members), "it is a many-to-many field"
    getattr(row, field.name).set(rows_meant(field.column, value, stage.kit.using))
    stage.record.wrote(row.sync_id, field.field, None, value)
    return f"the server sets {field.name} of {stage.called(row.sync_id)} to {stage.shown(value)}"


def make(stage: Stage, device: Device, step: Step) -> str:
    """It makes a row."""
    row = stage.new_row(step.value)
    if row is None:
        raise NothingToDo
    return f"the server creates {stage.called(row.sync_id)}: {stage.told(row)}"


def remove(stage: Stage, device: Device, step: Step) -> str:
    """It deletes a row."""
    row = stage.stored(step.row)
    row.delete()
    return f"the server deletes {stage.called(row.sync_id)}"


def lose_access(stage: Stage, device: Device, step: Step) -> str:
    """A user leaves something by which rows are seen."""
    anchor = stage.anchor(step.row)
    assert stage.kit.audience is not None, "otherwise there are no anchors"
    leave(device.user, anchor, stage.kit.audience)
    return f"{device.name}'s user leaves {anchor}"


def gain_access(stage: Stage, device: Device, step: Step) -> str:
    """A user joins it."""
    anchor = stage.anchor(step.row)
    assert stage.kit.audience is not None, "otherwise there are no anchors"
    join(device.user, anchor, stage.kit.audience)
    return f"{device.name}'s user joins {anchor}"


SERVER_STEPS: Final[dict[str, Callable[[Stage, Device, Step], str]]] = {
    "save": save,
    "save what is stale": save_stale,
    "update": update,
    "link": link,
    "make": make,
    "remove": remove,
    "lose access": lose_access,
    "gain access": gain_access,
}
