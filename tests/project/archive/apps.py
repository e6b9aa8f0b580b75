"""The app of the archive's models."""

from __future__ import annotations

from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    name = "tests.project.archive"
    label = "archive"
