"""Playing a history, and telling it."""

from __future__ import annotations

from dataclasses import replace

from .checking import check_end
from .device_steps import DEVICE_STEPS
from .history import History, Step
from .kit import Kit
from .server_steps import SERVER_STEPS
from .stage import STEP_MS, Broken, NothingToDo, Stage

__all__ = ["Failure", "play"]

ROUNDS = 2
"""Times that everybody asks for news at the end: what one brings up, the others have to hear of,
and what waited for it, too."""

_STEPS = {**DEVICE_STEPS, **SERVER_STEPS}


class Failure(AssertionError):
    """A history that shows something wrong, as a story: what happened, and what is wrong then."""

    def __init__(self, stage: Stage, history: History, broken: Broken) -> None:
        self.history = history
        self.broken = str(broken)
        name = stage.kit.model.__name__
        story = "\n".join(f"  {line}" for line in stage.story)
        super().__init__(f"{name} does not keep what it promises.\n\n{story}\n\n{broken}")


def play(kit: Kit, history: History) -> Stage:
    """Play a history from an empty table on; raises `Failure` if it shows something wrong."""
    stage = Stage(kit)
    happened: list[Step] = []
    try:
        with stage.set_up(history.rows):
            for step in history.steps:
                happened.append(step)
                if _happens(stage, step):
                    _pass_on(stage)
                else:
                    happened.pop()
            _settle(stage)
            check_end(stage)
    except Broken as broken:
        raise Failure(stage, replace(history, steps=tuple(happened)), broken) from broken
    return stage


def _happens(stage: Stage, step: Step) -> bool:
    stage.clock.advance(STEP_MS)
    try:
        told = _STEPS[step.kind](stage, stage.devices[step.who], step)
    except NothingToDo:
        return False
    number = sum(not line.startswith(" ") for line in stage.story) + 1
    stage.story.append(f"{number}. {stage.clock.moment():%H:%M} {told}")
    return True


def _pass_on(stage: Stage) -> None:
    """Who is online hears of it, and says what there is to say."""
    for device in stage.devices:
        if device.line is not None:
            device.exchange()
    stage.note()
    stage.check_laws()


def _settle(stage: Stage) -> None:
    stage.story.append("   Then everybody is online, until nobody has anything left to say.")
    for _ in range(ROUNDS):
        stage.clock.advance(STEP_MS)
        for device in stage.devices:
            device.catch_up(stage.server)
    stage.note()
