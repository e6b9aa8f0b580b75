"""A small Django project in a directory, driven in child processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ScratchProject"]

ROOT = Path(__file__).resolve().parents[2]
# Seconds for one command; a command that waits for an answer has its input closed and fails.
PATIENCE = 60

SETTINGS = """
DATABASES = {databases!r}
DATABASE_ROUTERS = {routers!r}
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django_pulse",
    "shop",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "only-for-tests"
USE_TZ = True
"""

PRELUDE = """
import django, importlib, json
from django.core.management import call_command
django.setup()
result = None
def manage(*arguments, **options):
    importlib.invalidate_caches()
    call_command(*arguments, **options)
"""


@dataclass(frozen=True, slots=True)
class ScratchProject:
    """A project with one app, `shop`; what stands in its directory wins over what is installed."""

    directory: Path

    def create(self, database: dict[str, Any], **others: dict[str, Any]) -> None:
        """With `others` there are more databases, and a class `Router` in the module `router`."""
        package = self.directory / "shop"
        (package / "migrations").mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "migrations" / "__init__.py").touch()
        databases = {"default": database, **others}
        settings = SETTINGS.format(databases=databases, routers=["router.Router"] if others else [])
        (self.directory / "scratch_settings.py").write_text(settings)

    def write_models(self, source: str) -> None:
        (self.directory / "shop" / "models.py").write_text(textwrap.dedent(source))

    def run(self, source: str) -> Any:
        """Run statements in a fresh process after `django.setup()`, where nobody answers questions.

        `manage("migrate", ...)` runs a command; what they put in `result` is returned, as JSON.
        """
        program = PRELUDE + textwrap.dedent(source) + "\nprint(json.dumps(result, default=str))"
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=self.directory,
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "scratch_settings",
                "PYTHONPATH": os.pathsep.join([str(self.directory), str(ROOT)]),
                # Sources are rewritten within a second; a cached file would be taken for current.
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert run.returncode == 0, f"{source}:\n{run.stdout}\n{run.stderr}"
        return json.loads(run.stdout.splitlines()[-1])
