"""Which models, and in which database: what commands are told."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from django.apps import apps
from django.core.management.base import CommandError
from django.db import connections

from ..mapping.schema import sync_models, syncs
from ..visibility import scopes

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["add_batch_size", "add_models", "chosen", "positive"]


def add_models(parser: ArgumentParser) -> None:
    """The arguments by which models are named."""
    parser.add_argument("models", nargs="*", metavar="app.Model", help="Models to go through.")
    parser.add_argument("--all", action="store_true", help="Every model that syncs.")
    parser.add_argument(
        "--database", help="Alias of the database; else the one that each model is written to."
    )
    parser.add_argument("--no-progress", action="store_true", help="Show no line of progress.")


def add_batch_size(parser: ArgumentParser, default: int) -> None:
    """The argument that says how many rows are taken at once."""
    parser.add_argument(
        "--batch-size",
        type=positive,
        default=default,
        help=f"Rows of one transaction (default: {default}).",
    )


def positive(text: str) -> int:
    """The number, which must be above 0."""
    number = int(text)
    if number < 1:
        raise ValueError("A batch has at least one row.")
    return number


def chosen(
    labels: Sequence[str], *, everything: bool, database: str | None
) -> list[tuple[type[SyncModel], str]]:
    """The models, each with the alias of its database; raises `CommandError` for others."""
    if database is not None and database not in connections:
        raise CommandError(f"There is no database {database!r} in DATABASES.")
    if everything == bool(labels):
        raise CommandError("Name the models, or say --all. " + _known())
    models = list(sync_models()) if everything else [_model(label) for label in labels]
    unique = dict.fromkeys(models)
    return [(model, database or scopes.database_of(model)) for model in unique]


def _model(label: str) -> type[SyncModel]:
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        model = None
    if model is None or not syncs(model):
        raise CommandError(f"{label} is no model that syncs. " + _known())
    return cast("type[SyncModel]", model)


def _known() -> str:
    found = ", ".join(model._meta.label_lower for model in sync_models())
    return f"These do: {found}." if found else "None does yet: see SyncModel."
