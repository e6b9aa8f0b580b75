"""The table of rules and types of field is complete: nothing that could be tried is left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from django.db import models

from crdt.rules import RowRule
from crdt.rules.built_in import _RULES
from django_pulse.checks.models import check_model
from django_pulse.mapping import codecs
from django_pulse.mapping.columns import columns_of
from django_pulse.mapping.schema import schema_of
from tests.project.kinds.fields import FIELD_TYPES
from tests.project.kinds.models import EveryPair
from tests.project.kinds.rules import PAIRS, RULES, Shortest

ELSEWHERE = {
    # No document holds them.
    "AutoField",
    "SmallAutoField",
    "CompositePrimaryKey",
    "GeneratedField",
    # A FileField that wants Pillow.
    "ImageField",
    # A set of rows, by one rule only: see tests/django_pulse/writes/test_membership_converges.py.
    "ManyToManyField",
    # What foreign keys are made of.
    "ForeignObject",
    # An IntegerField that Django itself adds, for order_with_respect_to.
    "OrderWrt",
}


def subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for each in cls.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_type_of_field_that_django_has_is_tried() -> None:
    types = [each for each in vars(models).values() if isinstance(each, type)]
    fields = {each for each in types if issubclass(each, models.Field)} - {models.Field}
    of_django = {each.__name__ for each in fields if not each.system_check_removed_details}
    tried = {type(field).__name__ for field in EveryPair._meta.get_fields()}
    assert of_django - tried == ELSEWHERE & of_django


def test_every_codec_and_every_kind_of_column_is_tried() -> None:
    columns = columns_of(EveryPair).values()
    every_codec = {codec for _, codec in codecs._CODECS} | {codecs._AS_TEXT}
    assert {each.codec for each in columns} == every_codec
    every_column: set[type[Any]] = {codecs.Column, *subclasses(codecs.Column)}
    assert {type(each).__name__ for each in columns} == {c.__name__ for c in every_column} - {
        "Members"
    }


def test_every_rule_with_every_argument_is_tried() -> None:
    tried = {known.rule for known in schema_of(EveryPair).fields.values()}
    assert tried == {Shortest(), *(rule for rule in _RULES if not isinstance(rule, RowRule))}
    assert len(PAIRS) == len(schema_of(EveryPair).fields)


def test_every_pair_passes_the_checks() -> None:
    assert [each for each in check_model(EveryPair) if each.id != "pulse.W037"] == []


@pytest.mark.parametrize("rule_name", RULES)
def test_whatever_is_no_pair_is_refused_by_a_check(rule_name: str) -> None:
    fields = {f"{name}_latest" for name in FIELD_TYPES if f"{name}_{rule_name}" not in PAIRS}
    options = replace(EveryPair._sync, merge=dict.fromkeys(fields, RULES[rule_name]))
    with mock.patch.object(EveryPair, "_sync", options):
        messages = [each for each in check_model(EveryPair) if each.id != "pulse.W037"]
    assert {each.id for each in messages} <= {"pulse.E013"}
    assert {each.msg.split("'")[1] for each in messages} == fields
    assert all(each.hint for each in messages)
