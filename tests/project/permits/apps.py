"""Its label in the test project."""

from django.apps import AppConfig


class PermitsConfig(AppConfig):
    name = "tests.project.permits"
    label = "permits"
