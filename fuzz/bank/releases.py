"""Two releases of the bank's code: in the second a field has another name, one is gone, one new.

A process has the models of one release, as after a deployment. Both are made in this one, and take
each other's place in Django's registry.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.conf import settings
from django.db import connection, models

from crdt import (
    AddWinsSet,
    Conflicts,
    Counter,
    DeepMerge,
    First,
    Flag,
    List,
    Max,
    Min,
    ServerOnly,
    Text,
)
from django_pulse.mapping import schema
from django_pulse.models import SyncModel
from django_pulse.naming import register
from django_pulse.visibility import access
from django_pulse.writes import membership

from . import memos
from .memos import APP

__all__ = ["LATEST", "Bank", "bank", "deploy", "migrate"]

LATEST: Final = 2


class Bank(NamedTuple):
    """The models of a release."""

    branch: Any
    account: Any
    label: Any
    memo: Any


@cache
def bank(release: int) -> Bank:
    """The models of a release, made when they are first asked for."""
    if release > 1:
        earlier = bank(release - 1)
        del apps.all_models[APP]["account"]
        return earlier._replace(account=_account(earlier.branch, release))
    branch, label = _branch(), memos.label()
    return Bank(branch, _account(branch, release), label, memos.memo(label))


def deploy(release: int) -> Bank:
    """Have this process run the code of a release, as if it had just started."""
    models_of = bank(release)
    apps.all_models[APP]["account"] = models_of.account
    apps.clear_cache()
    schema.forget()
    access.watch()
    membership.connect()
    return models_of


def migrate() -> None:
    """Bring the tables of the first release to those of the second, and write down its names."""
    old, new = bank(1).account, bank(LATEST).account
    with connection.schema_editor() as editor:
        editor.execute('ALTER TABLE "bank_account" RENAME COLUMN "title" TO "headline"')
        editor.execute('ALTER TABLE "bank_account" DROP COLUMN "motto"')
        editor.add_field(new, new._meta.get_field("grade"))
    del old
    deploy(LATEST)
    register.record("default", [schema.model_now(new)], schema.labels())


def _branch() -> Any:
    meta = type("Meta", (), {"app_label": APP})
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    body = {"name": models.CharField(max_length=20), "members": members}
    return type("Branch", (models.Model,), {"__module__": __name__, "Meta": meta, **body})


def _account(branch: Any, release: int) -> Any:
    """A field for every merge rule, two that are always written together, one that validates."""
    rules: dict[str, Any] = {
        "balance": Counter(),
        "notes": Text(),
        "tags": AddWinsSet(),
        "highest": Max(),
        "lowest": Min(),
        "claimed": First(),
        "frozen": Flag(wins=True),
        "options": DeepMerge(),
        "stops": List(),
        "nick": Conflicts(),
        "approved": ServerOnly(),
    }
    options: dict[str, Any] = {
        "merge": rules,
        "audience": "branch__members",
        "filters": ["branch", "colour"],
    }
    fields: dict[str, Any] = {
        "balance": models.IntegerField(default=0),
        "notes": models.TextField(blank=True),
        "tags": models.JSONField(default=list, blank=True),
        "left": models.CharField(max_length=20, blank=True),
        "right": models.CharField(max_length=20, blank=True),
        "colour": models.CharField(
            max_length=1, choices=[("r", "red"), ("g", "green")], default="r"
        ),
        "highest": models.IntegerField(default=0),
        "lowest": models.IntegerField(default=10_000),
        "claimed": models.CharField(max_length=20, blank=True),
        "frozen": models.BooleanField(default=False),
        "options": models.JSONField(default=dict, blank=True),
        "stops": models.JSONField(default=list, blank=True),
        "nick": models.CharField(max_length=20, blank=True),
        "approved": models.CharField(max_length=20, blank=True),
        "branch": models.ForeignKey(branch, models.CASCADE, related_name="+"),
    }
    if release == 1:
        fields["title"] = models.CharField(max_length=60, blank=True)
        fields["motto"] = models.CharField(max_length=60, blank=True)
    else:
        fields["headline"] = models.CharField(max_length=60, blank=True)
        fields["grade"] = models.IntegerField(default=0)
        options["renamed"] = {"headline": "title"}
    meta = type("Meta", (), {"app_label": APP, "db_table": "bank_account"})
    sync = type("Sync", (), options)
    body = {"__module__": __name__, "Meta": meta, "Sync": sync, **fields}
    return type("Account", (SyncModel,), body)
