"""What the checks say about relations: one test for each id."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage
from django.db import models
from django.test.utils import isolate_apps, override_settings

from crdt.rules import AddWinsSet, Latest
from django_pulse.checks.relations import check_relations
from django_pulse.models import SyncModel
from tests.project.elsewhere.models import Circle, Letter
from tests.project.inheritance.models import Restaurant
from tests.project.members.models import Article
from tests.project.relations.models import Comment

MEMBERS = "tests.project.members.models"


def only(found: list[CheckMessage], check: str) -> CheckMessage:
    (message,) = [each for each in found if each.id == check]
    assert message.hint
    return message


@isolate_apps("tests.project.members")
def test_e035_a_set_is_merged_as_a_set() -> None:
    class Sync:
        merge = {"tags": Latest()}

    class Good:
        merge = {"tags": AddWinsSet()}

    def model_with(name: str, sync: type) -> type[SyncModel]:
        body: dict[str, Any] = {
            "__module__": "tests.project.members.models",
            "tags": models.ManyToManyField("self", symmetrical=False),
            "Sync": sync,
        }
        return type(name, (SyncModel,), body)

    assert "Latest" in only(list(check_relations(model_with("Shelf", Sync))), "pulse.E035").msg
    assert list(check_relations(model_with("Rack", Good))) == []


def test_w035_links_that_need_more_than_their_ends_are_named() -> None:
    message = only(list(check_relations(Article)), "pulse.W035")
    assert "'ranked'" in message.msg
    assert "place" in message.msg


@isolate_apps("tests.project.members")
def test_w036_links_that_are_two_rows_of_a_model_are_named() -> None:
    def model_with(name: str, through: Any) -> type[SyncModel]:
        field: Any = models.ManyToManyField("self", through=through)
        return type(name, (SyncModel,), {"__module__": MEMBERS, "peers": field})

    peer = model_with("Peer", "Pair")
    ends: dict[str, Any] = {
        name: models.ForeignKey(peer, models.CASCADE, related_name="+") for name in ("one", "two")
    }
    type("Pair", (models.Model,), {"__module__": MEMBERS, **ends})
    assert "'peers'" in only(list(check_relations(peer)), "pulse.W036").msg
    assert list(check_relations(model_with("Friend", None))) == []


def test_w037_a_reference_to_anything_is_named() -> None:
    found = [each.id for each in check_relations(Comment)]
    assert found.count("pulse.W037") >= 1


def test_e036_a_reference_to_rows_of_another_database_is_an_error() -> None:
    with _in_other(Letter):
        message = only(list(check_relations(Letter)), "pulse.E036")
    assert "'circle'" in message.msg
    assert "elsewhere.Circle" in message.msg
    assert list(check_relations(Letter)) == []


def test_e037_an_audience_over_another_database_is_an_error() -> None:
    with _in_other(Letter):
        assert "Circle" in only(list(check_relations(Letter)), "pulse.E037").msg
    with _in_other(Letter, Circle):  # whose users stay where they are
        assert list(check_relations(Letter)) == []


class _InOther:
    """A router that has the rows of some models in `other`."""

    def __init__(self, *models: Any) -> None:
        self._models = models

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "other" if model in self._models else None


def _in_other(*models: Any) -> override_settings:
    return override_settings(DATABASE_ROUTERS=[_InOther(*models)])


@isolate_apps("tests.project.members")
def test_e038_a_relation_that_is_the_primary_key_is_an_error() -> None:
    class Cover(SyncModel):
        article = models.OneToOneField(Article, models.CASCADE, primary_key=True)

        class Meta:
            app_label = "members"

    class Sleeve(SyncModel):
        article = models.OneToOneField(Article, models.CASCADE)

        class Meta:
            app_label = "members"

    assert "'article'" in only(list(check_relations(Cover)), "pulse.E038").msg
    assert list(check_relations(Sleeve)) == []
    assert list(check_relations(Restaurant)) == [], "whose parent's row is its own"
