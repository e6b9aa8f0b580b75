"""Its label in the test project."""

from django.apps import AppConfig


class ClaimsConfig(AppConfig):
    name = "tests.project.claims"
    label = "claims"
