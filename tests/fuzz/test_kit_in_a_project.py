"""The kit in the project of somebody who just installed it, as its page says."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.django_pulse.scratch_project import ROOT, ScratchProject

pytestmark = pytest.mark.beside

MODELS = """
    import time

    from django.conf import settings
    from django.db import models

    from crdt import Counter, MergeRule
    from django_pulse.models import SyncModel

    class EvenSeconds(MergeRule):
        name = "even-seconds"

        def read(self, live):
            ranked = sorted(live, key=lambda entry: entry.dot)
            return ranked[0 if int(time.time()) % 2 else -1].value

    class Task(SyncModel):
        title = models.CharField(max_length=200)
        votes = models.IntegerField(default=0)
        user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)

        class Sync:
            merge = {"votes": Counter()}

    class Ticking(SyncModel):
        score = models.IntegerField(default=0)

        class Sync:
            merge = {"score": EvenSeconds()}
"""

TESTS = """
from fuzz import ConvergenceTest
from shop.models import Task

class TestTask(ConvergenceTest):
    model = Task
    examples = 3
"""


@pytest.fixture
def project(tmp_path: Path) -> ScratchProject:
    project = ScratchProject(tmp_path)
    project.create({"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})
    project.write_models(MODELS)
    settings = tmp_path / "scratch_settings.py"
    settings.write_text(settings.read_text().replace('"shop",', '"fuzz",\n    "shop",'))
    (tmp_path / "shop" / "tests.py").write_text(TESTS)
    (tmp_path / "shop" / "migrations" / "__init__.py").unlink()  # tables are made without
    (tmp_path / "shop" / "migrations").rmdir()
    return project


def ran(project: ScratchProject, *command: str, stderr: int | None = None) -> tuple[int, str]:
    """The status of a command in the project's directory, and what it printed."""
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "scratch_settings",
        "PULSE_FUZZ_SEED": "1",
        "PYTHONPATH": os.pathsep.join([str(project.directory), str(ROOT)]),
    }
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project.directory,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=stderr or subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("command", [("django", "test", "shop"), ("pytest", "-q", "shop/tests.py")])
def test_djangos_runner_and_pytest_collect_the_class(
    project: ScratchProject, command: tuple[str, ...]
) -> None:
    status, told = ran(project, *command)
    assert status == 0, told
    assert re.search(r"^Ran 1 test|^1 passed", told, re.MULTILINE), told


def test_the_command_shows_how_far_it_is_and_that_nothing_is_wrong(
    project: ScratchProject,
) -> None:
    ours, terminal = pty.openpty()
    command = ("django", "pulse_fuzz", "shop.Task", "--examples", "3")
    _, told = ran(project, *command, stderr=terminal)
    bar = os.read(ours, 10_000)
    for each in (ours, terminal):
        os.close(each)
    assert told == "3 histories of shop.Task: nothing is wrong with them.\n"
    assert b"shop.Task  1 of 3 (33%)" in bar


def test_the_command_tells_the_story_of_what_is_wrong(project: ScratchProject) -> None:
    status, told = ran(project, "django", "pulse_fuzz", "shop.Ticking", "--seed", "5")
    assert status == 1
    assert "Ticking does not keep what it promises." in told
    assert 1 <= len(re.findall(r"^  \d+\. \d\d:\d\d .+$", told, re.MULTILINE)) <= 5
    assert "Again: PULSE_FUZZ_SEED=5, with as many examples (1000)." in told
