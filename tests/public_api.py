"""What the packages offer, and the file in which it was agreed.

`python -m tests.public_api` writes the file anew, after a name was added or removed on purpose.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

__all__ = ["MODULES", "agreed", "offered"]

# Modules that a user's code imports from. Any other is ours to change.
MODULES = [
    "crdt",
    "django_pulse",
    "django_pulse.admin",
    "django_pulse.authenticators",
    "django_pulse.client",
    "django_pulse.conflicts",
    "django_pulse.forms",
    "django_pulse.formsets",
    "django_pulse.models",
    "django_pulse.permissions",
    "django_pulse.rest",
    "fuzz",
]

_FILE = Path(__file__).with_suffix(".json")


def offered() -> dict[str, list[str]]:
    """The names each module exports now, sorted."""
    return {name: sorted(importlib.import_module(name).__all__) for name in MODULES}


def agreed() -> dict[str, list[str]]:
    """The names written down."""
    names: dict[str, list[str]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return names


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.project.settings")
    django.setup()
    _FILE.write_text(json.dumps(offered(), indent=2) + "\n", encoding="utf-8")
