"""System checks of `can_sync`: that it can be asked, and is where it is looked for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from types import FunctionType
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from ..permissions import is_asked
from ..sync_model import SyncModel

__all__ = ["check_permissions"]

_WRITE = "Write def can_sync(self, user, action, changes) in the body of the model."

_ALIKE = 0.85
"""How alike two names are (see difflib) of which one is taken for the other misspelt."""


def check_permissions(model: type[SyncModel]) -> Iterator[CheckMessage]:
    """E070-E074."""
    if is_asked(model):
        yield from _check_method(model)
    yield from _check_place(model)
    yield from _check_prefetch(model)


def _check_method(model: type[SyncModel]) -> Iterator[CheckMessage]:
    found: Any = inspect.getattr_static(model, "can_sync")
    if not isinstance(found, FunctionType):
        what = f"a {type(found).__name__}"
        yield _error(model, "E070", f"`can_sync` is {what}, not a method of the row.", _WRITE)
    elif inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
        kind = "async" if inspect.iscoroutinefunction(found) else "a generator"
        yield _error(
            model,
            "E071",
            f"`can_sync` is {kind}: it would be called, but never answer, and nothing be let in.",
            "Write a plain method that returns its answer; it is called in a thread, and may query "
            "the database.",
        )
    elif not _takes_three(found):
        yield _error(
            model,
            "E072",
            f"`can_sync{inspect.signature(found)}` cannot be called with a user, an action and "
            "the changes.",
            _WRITE,
        )


def _takes_three(method: FunctionType) -> bool:
    try:
        inspect.signature(method).bind("self", "user", "action", "changes")
    except TypeError:
        return False
    return True


def _check_place(model: type[SyncModel]) -> Iterator[CheckMessage]:
    """What was meant as `can_sync`, and is asked by nobody."""
    if "can_sync" in model._sync.unknown:
        said = "`can_sync` stands in `class Sync`, where nobody asks it: devices may write all."
        yield _error(model, "E073", said, "Move it out of `class Sync`, into the model.")
    for cls in () if is_asked(model) else model.__mro__:
        if cls.__module__.partition(".")[0] not in {"django", "django_pulse", "builtins"}:
            methods = [name for name, value in vars(cls).items() if isinstance(value, FunctionType)]
            for name in get_close_matches("can_sync", methods, cutoff=_ALIKE):
                if name != "can_sync":
                    said = f"The method {name!r} is asked by nobody; was it to be `can_sync`?"
                    yield _error(model, "E073", said, f"Rename {name!r}. {_WRITE}")


def _check_prefetch(model: type[SyncModel]) -> Iterator[CheckMessage]:
    for path in model._sync.prefetch:
        if mistake := _mistake(model, path):
            yield _error(
                model,
                "E074",
                f"`prefetch` in `class Sync` names {path!r}, which cannot be read: {mistake}.",
                'Write lookups that begin with a foreign key, as "project" or "project__members".',
            )


def _mistake(model: type[models.Model], path: str) -> str:
    here: Any = model
    for nth, name in enumerate(path.split("__")):
        try:
            field = here._meta.get_field(name)
        except FieldDoesNotExist:
            accessors = {each.get_accessor_name(): each for each in here._meta.related_objects}
            field = accessors.get(name)
        if not isinstance(getattr(field, "related_model", None), type):
            return f"{here._meta.label} has no relation {name!r}"
        if nth == 0 and not isinstance(field, models.ForeignKey):
            return "a new row has no others that refer to it yet"
        here = field.related_model
    return ""


def _error(model: type[SyncModel], check: str, message: str, hint: str) -> CheckMessage:
    return Error(message, hint=hint, obj=model, id=f"pulse.{check}")
