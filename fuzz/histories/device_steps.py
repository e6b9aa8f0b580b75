"""What devices and their connections do in a history; each says it in a line of the story."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from crdt import MISSING
from crdt.rules import Counter

from ..world import Device
from .editables import Editable
from .history import Step
from .stage import Broken, NothingToDo, Stage, shown

__all__ = ["DEVICE_STEPS"]

SKEWS_MS: Final = (7_200_000, -7_200_000, 90_000_000, 0)
"""By how much a device's clock may be wrong: hours ahead and behind, a day, not at all."""


def edit(stage: Stage, device: Device, step: Step) -> str:
    """A device writes one field."""
    return _write(stage, device, step, [stage.field_of_devices(step.field)])


def edit_two(stage: Stage, device: Device, step: Step) -> str:
    """A device writes two fields at once."""
    first, second = stage.field_of_devices(step.field), stage.field_of_devices(step.field + 1)
    return _write(stage, device, step, [first, second] if first != second else [first])


def _write(stage: Stage, device: Device, step: Step, fields: Sequence[Editable]) -> str:
    sync_id = stage.row_on(device, step.row)
    told = []
    for field in fields:
        value = stage.value_for(device, field, step.value)
        told.append(_write_one(stage, device, sync_id, field, value, step))
    return f"{device.name} {' and '.join(told)} of {stage.called(sync_id)}{_how(device)}"


def _write_one(
    stage: Stage, device: Device, sync_id: UUID, field: Editable, value: Any, step: Step
) -> str:
    model, replica = stage.kit.schema.label, device.replica
    old = stage.value_on(device, sync_id, field)
    if field.field.rule.text and isinstance(old, str):
        index = step.value % (len(old) + 1)
        gone = min(step.row % 3, len(old) - index)
        replica.edit_text(model, sync_id, field.name, index, gone, str(value)[:20])
        return f"writes {str(value)[:20]!r} over {gone} characters at {index} in {field.name}"
    if isinstance(field.field.rule, Counter):
        replica.add(model, sync_id, field.name, value)
        return f"adds {value!r} to {field.name}"
    replica.set(model, sync_id, **{field.name: value})
    _check_write(stage, device, sync_id, field, old, value)
    return f"sets {field.name} to {stage.shown(value)}"


def _check_write(
    stage: Stage, device: Device, sync_id: UUID, field: Editable, old: Any, new: Any
) -> None:
    now = stage.value_on(device, sync_id, field)
    alike = [v for v in (old, new) if v is not MISSING and now is not MISSING]
    if not any(field.field.same(now, value) for value in alike):
        rule = type(field.field.rule).__name__
        stage.story.append(f"   {device.name} sets {field.name} to {shown(new)}.")
        raise Broken(
            f"{device.name} wrote {shown(new)} to {field.name}, which was {shown(old)}, and "
            f"reads {shown(now)}. What `write` of the rule {rule} appends must make `read` "
            "give the new value, or leave the old one."
        )


def write_wrong(stage: Stage, device: Device, step: Step) -> str:
    """A device writes what the server has to undo."""
    fields = [each for each in stage.kit.written if each.wrong and not each.field.rule.text]
    if not fields:
        raise NothingToDo
    field = fields[step.field % len(fields)]
    sync_id = stage.row_on(device, step.row)
    value = field.wrong[step.value % len(field.wrong)]
    device.replica.set(stage.kit.schema.label, sync_id, **{field.name: value})
    told = f"{device.name} sets {field.name} of {stage.called(sync_id)} to {shown(value)}"
    return f"{told}, which may not stand{_how(device)}"


def create(stage: Stage, device: Device, step: Step) -> str:
    """A device makes a row."""
    values = {
        field.name: value
        for number, field in enumerate(stage.kit.written)
        if (field.is_needed or (step.field + number) % 3 == 0)
        and (value := stage.value_for(device, field, step.value + number)) is not MISSING
    }
    sync_id = device.replica.create(stage.kit.schema.label, values)
    stage.rows.append(sync_id)
    told = ", ".join(f"{name} {stage.shown(value)}" for name, value in values.items())
    return f"{device.name} creates {stage.called(sync_id)}: {told}{_how(device)}"


def delete(stage: Stage, device: Device, step: Step) -> str:
    """A device deletes a row."""
    sync_id = stage.row_on(device, step.row)
    device.replica.delete(stage.kit.schema.label, sync_id)
    return f"{device.name} deletes {stage.called(sync_id)}{_how(device)}"


def sync(stage: Stage, device: Device, step: Step) -> str:
    """A device goes online, or asks for news."""
    was = device.line is not None
    device.catch_up(stage.server)
    return f"{device.name} {'asks for news' if was else 'goes online'}"


def go_offline(stage: Stage, device: Device, step: Step) -> str:
    """A device goes offline."""
    if device.line is None:
        raise NothingToDo
    device.cut()
    return f"{device.name} goes offline"


def restart(stage: Stage, device: Device, step: Step) -> str:
    """A device's process is killed, and starts again from its store."""
    device.restart()
    return f"{device.name} is killed and started again"


def break_off(stage: Stage, device: Device, step: Step) -> str:
    """A connection is lost after some frames."""
    device.connect(stage.server)
    line = device.line
    assert line is not None, "it was connected just now"
    for _ in range(step.value + 1):
        device.say()
        if line.up:
            line.take(line.up.popleft())
        elif line.down:
            device.hear(line.down.popleft())
    device.cut()
    return f"{device.name} goes online, and loses the connection after {step.value + 1} frames"


def send_twice(stage: Stage, device: Device, step: Step) -> str:
    """The answers are lost, and the device sends the same again."""
    device.connect(stage.server)
    line = device.line
    assert line is not None, "it was connected just now"
    line.take(line.up.popleft())
    while line.down:
        device.hear(line.down.popleft())
    device.say()
    while line.up:
        line.take(line.up.popleft())
    device.cut()
    device.catch_up(stage.server)
    return f"{device.name} goes online; it hears of nothing, and sends the same again"


def set_clock(stage: Stage, device: Device, step: Step) -> str:
    """A device's clock is wrong from now on, or right again."""
    skew = SKEWS_MS[step.value % len(SKEWS_MS)]
    device.skew_ms = skew
    if not skew:
        return f"{device.name}'s clock is right"
    return (
        f"{device.name}'s clock is {abs(skew) // 3_600_000} hours {'fast' if skew > 0 else 'slow'}"
    )


def _how(device: Device) -> str:
    return "" if device.line is not None else " (offline)"


DEVICE_STEPS: Final[dict[str, Callable[[Stage, Device, Step], str]]] = {
    "edit": edit,
    "edit two": edit_two,
    "write what may not stand": write_wrong,
    "create": create,
    "delete": delete,
    "sync": sync,
    "go offline": go_offline,
    "restart": restart,
    "break off": break_off,
    "send twice": send_twice,
    "set the clock": set_clock,
}
