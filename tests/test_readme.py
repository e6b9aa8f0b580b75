"""What the README tells a reader to do works, executed from the README's own text.

How blocks are marked is told in `tests/readme/blocks.py`.
"""

import ast
from pathlib import Path

import pytest

from tests.readme.blocks import Block, commands, read_blocks, scenario
from tests.readme.scenario import Scenario

CHECKOUT = Path(__file__).parents[1]

# Scenarios that hold only commands of `.ci/run`, which are never played here.
COMMANDS = {"demo", "tests"}
# For all scenarios together: a dozen commands, each of which starts a Django of its own.
SECONDS = 600
# Languages whose blocks promise something that can be tried.
EXECUTABLE = {"bash", "console", "py", "python", "sh", "shell"}


def readme() -> list[Block]:
    return read_blocks((CHECKOUT / "README.md").read_text(encoding="utf-8"))


def test_the_two_commands_are_there_for_the_continuous_integration() -> None:
    blocks = readme()
    assert "python -m django_pulse demo" in commands(blocks, "demo")
    assert "&& pytest" in commands(blocks, "tests")


def test_every_executable_block_is_executed_or_says_why_not() -> None:
    unmarked = [
        block.line for block in readme() if block.language in EXECUTABLE and not block.action
    ]
    assert unmarked == [], "mark these lines with <!-- test: NAME ACTION -->"


def test_every_python_block_is_python() -> None:
    for block in readme():
        if block.language in {"py", "python"}:
            ast.parse(block.text, filename=f"README.md block at line {block.line}")


@pytest.mark.databases("sqlite")
@pytest.mark.timeout(SECONDS)
def test_every_scenario_of_the_readme_works_as_written(tmp_path: Path) -> None:
    blocks = readme()
    names = {block.scenario for block in blocks if block.action not in {"", "skip", "command"}}
    assert "quickstart" in names
    for name in sorted(names - COMMANDS):
        directory = tmp_path / name
        directory.mkdir()
        with Scenario(directory, CHECKOUT) as played:
            played.play(scenario(blocks, name))
