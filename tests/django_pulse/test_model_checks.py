"""What the checks say about models: one test for each id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.checks import CheckMessage
from django.db import models
from django.test.utils import isolate_apps

from crdt.rules import AddWinsSet, Counter, DeepMerge, Flag, List, Text
from django_pulse.checks.models import check_model, check_models
from django_pulse.models import SyncModel
from tests.project.todo.models import Category


@pytest.fixture(autouse=True)
def isolated() -> Iterator[None]:
    with isolate_apps("tests.project.todo"):
        yield


def only(model: type[SyncModel]) -> CheckMessage:
    (message,) = check_model(model)
    assert message.obj is model
    return message


def hint(message: CheckMessage) -> str:
    assert message.hint
    return message.hint


def model_of(sync: dict[str, Any] | None = None, **fields: Any) -> type[SyncModel]:
    """A model with these fields and this `class Sync`."""
    body: dict[str, Any] = {"__module__": "tests.project.todo.models", **fields}
    body.setdefault("title", models.CharField(max_length=10))
    if sync is not None:
        body["Sync"] = type("Sync", (), sync)
    return type("Probe", (SyncModel,), body)


def user_key() -> Any:
    return models.ForeignKey(User, models.CASCADE, related_name="+")


def test_a_model_without_options_is_fine() -> None:
    assert check_model(model_of()) == []


def test_a_model_with_every_option_is_fine() -> None:
    options = {"merge": {"title": Text()}, "audience": "owner", "read_only": ["votes"]}
    model = model_of(options, owner=user_key(), votes=models.IntegerField(default=0))
    assert check_model(model) == []


def test_e010_an_attribute_that_class_sync_does_not_have() -> None:
    message = only(model_of({"merges": {}}))
    assert message.id == "pulse.E010"
    assert "'merge'" in hint(message)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"merge": {"title": Text}}, '"title": Text()'),
        ({"merge": {"title": "text"}}, '"title": Latest()'),
        ({"merge": [Text()]}, "merge = {"),
        ({"audience": ["owner"]}, "audience ="),
        ({"audience": ""}, "audience ="),
        ({"read_only": "title"}, "read_only = ['title']"),
        ({"read_only": [1]}, "read_only ="),
    ],
)
def test_e011_an_attribute_of_the_wrong_shape(options: dict[str, Any], advice: str) -> None:
    message = only(model_of(options))
    assert message.id == "pulse.E011"
    assert advice in hint(message)


@pytest.mark.parametrize("policy", ["delete", "LAST_ACTION_WINS", None, 1, ["delete_wins"]])
def test_e050_a_policy_of_deletions_that_there_is_not(policy: Any) -> None:
    message = only(model_of({"deletes": policy}))
    assert message.id == "pulse.E050"
    assert 'deletes = "last_action_wins"' in hint(message)


def test_e012_merge_names_a_field_that_does_not_exist() -> None:
    message = only(model_of({"merge": {"titel": Text()}}))
    assert message.id == "pulse.E012"
    assert "'title'" in hint(message)


def test_e012_merge_names_a_field_that_no_document_holds() -> None:
    message = only(model_of({"merge": {"version": Counter()}}))
    assert message.id == "pulse.E012"
    assert "bookkeeping" in hint(message)


def test_e013_a_rule_that_cannot_serve_the_kind() -> None:
    message = only(model_of({"merge": {"title": Counter()}}))
    assert message.id == "pulse.E013"
    assert "decimal, int" in hint(message)


@pytest.mark.parametrize(
    ("rule", "field"),
    [(Text(), models.TextField(null=True)), (Counter(), models.IntegerField(null=True))],
)
def test_e014_a_rule_without_null_on_a_nullable_field(rule: Any, field: Any) -> None:
    message = only(model_of({"merge": {"extra": rule}}, extra=field))
    assert message.id == "pulse.E014"
    assert "null=True" in hint(message)


@pytest.mark.parametrize("rule", [AddWinsSet(), List(), DeepMerge(), Flag()])
def test_e013_sets_lists_and_trees_are_json_and_flags_are_booleans(rule: Any) -> None:
    message = only(model_of({"merge": {"title": rule}}))
    assert message.id == "pulse.E013"


@pytest.mark.parametrize(
    ("rule", "field", "why"),
    [
        (Counter(), models.ForeignKey(Category, models.CASCADE), "refers to a row"),
        (DeepMerge(), GenericForeignKey("to", "number"), "refers to a row"),
        (Text(), models.GenericIPAddressField(), "no free text"),
        (Text(), models.CharField(max_length=1, choices=[("a", "A")]), "no free text"),
        (Text(), models.FileField(), "no free text"),
    ],
)
def test_e013_a_rule_that_would_make_one_value_of_parts_of_two(
    rule: Any, field: Any, why: str
) -> None:
    more = {}
    if isinstance(field, GenericForeignKey):
        kind = models.ForeignKey(
            ContentType, models.CASCADE, limit_choices_to={"model": "category"}, related_name="+"
        )
        more = {"to": kind, "number": models.IntegerField()}
    message = only(model_of({"merge": {"extra": rule}}, extra=field, **more))
    assert message.id == "pulse.E013"
    assert why in message.msg
    assert "Latest, Conflicts or First" in hint(message)


@pytest.mark.parametrize("rule", [AddWinsSet(), List(), DeepMerge(), Flag()])
def test_sets_lists_trees_and_flags_serve_their_fields(rule: Any) -> None:
    field = models.BooleanField() if rule == Flag() else models.JSONField(default=list)
    assert check_model(model_of({"merge": {"extra": rule}}, extra=field)) == []


@pytest.mark.parametrize("rule", [AddWinsSet(), List()])
def test_e030_a_default_that_the_rule_cannot_hold(rule: Any) -> None:
    message = only(model_of({"merge": {"extra": rule}}, extra=models.JSONField(default=dict)))
    assert message.id == "pulse.E030"
    assert "default=list" in hint(message)


def test_e015_read_only_names_a_field_that_does_not_exist() -> None:
    assert only(model_of({"read_only": ["titel"]})).id == "pulse.E015"


def test_e090_filters_name_a_field_that_does_not_exist() -> None:
    message = only(model_of({"filters": ["titel"]}))
    assert message.id == "pulse.E090"
    assert "title" in hint(message)


def test_e091_filters_name_what_is_no_one_value() -> None:
    tags = models.JSONField(default=list)
    assert only(model_of({"filters": ["tags"]}, tags=tags)).id == "pulse.E091"


def test_what_can_be_compared_can_be_filtered_by() -> None:
    assert check_model(model_of({"filters": ["title"]})) == []


def test_e016_a_user_under_another_name_and_no_audience() -> None:
    message = only(model_of(owner=user_key()))
    assert message.id == "pulse.E016"
    assert 'audience = "owner"' in hint(message)


def test_e016_a_user_that_is_no_user() -> None:
    field = models.ForeignKey(Category, models.CASCADE, related_name="+")
    message = only(model_of(user=field))
    assert message.id == "pulse.E016"
    assert "Rename 'user'" in hint(message)


def test_e016_not_where_the_audience_is_named() -> None:
    assert check_model(model_of({"audience": "owner"}, owner=user_key())) == []


def test_e016_not_for_a_second_user_beside_the_one_whose_row_it_is() -> None:
    assert check_model(model_of(user=user_key(), reviewer=user_key())) == []


def test_e016_not_where_everybody_is_meant_to_see_the_rows() -> None:
    assert check_model(model_of({"audience": None}, reviewer=user_key())) == []


@pytest.mark.parametrize("audience", ["owner__friends", "title", "nobody"])
def test_e020_an_audience_that_is_no_foreign_key_to_the_user(audience: str) -> None:
    message = only(model_of({"audience": audience}, owner=user_key()))
    assert message.id == "pulse.E020"
    assert "audience = None" in hint(message)


def test_e017_a_field_called_as_the_marker_of_the_row() -> None:
    model = model_of()
    models.IntegerField(default=0).contribute_to_class(model, "-")
    message = only(model)
    assert message.id == "pulse.E017"
    assert "db_column" in hint(message)


def test_e017_a_field_that_replaces_one_of_ours() -> None:
    message = only(model_of(version=models.CharField(max_length=10)))
    assert message.id == "pulse.E017"
    assert "'version'" in message.msg


def test_e019_no_users_to_show_rows_to(settings: Any) -> None:
    settings.INSTALLED_APPS = ["django.contrib.contenttypes", "django_pulse"]
    (message,) = check_models()
    assert message.id == "pulse.E019"
    assert "django.contrib.auth" in hint(message)


def test_only_the_apps_asked_for_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def note(model: Any) -> list[CheckMessage]:
        seen.append(model)
        return []

    monkeypatch.setattr("django_pulse.checks.models.check_model", note)
    check_models([apps.get_app_config("auth")])
    assert seen == []
    check_models([apps.get_app_config("todo")])
    assert {model._meta.app_label for model in seen} == {"todo"}


def test_e040_an_unknown_policy_for_taken_values() -> None:
    message = only(model_of({"on_unique": "skip"}, code=models.CharField(unique=True)))
    assert message.id == "pulse.E040"
    assert 'on_unique = "park"' in hint(message)


def test_e041_renaming_where_there_is_no_text() -> None:
    message = only(model_of({"on_unique": "rename"}, number=models.IntegerField(unique=True)))
    assert message.id == "pulse.E041"
    assert "CharField" in hint(message)


def test_e042_a_policy_for_taken_values_where_none_is_unique() -> None:
    message = only(model_of({"on_unique": "merge"}))
    assert message.id == "pulse.E042"
    assert "unique=True" in hint(message)
