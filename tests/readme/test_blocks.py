"""Markers and blocks are found where a reader of the Markdown sees them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme.blocks import Block, commands, read_blocks, scenario

SAMPLE = """\
# A sample

<!-- test: tests command -->
```sh
pip install -e ".[test]"
python -m pytest
```

<!-- test: start file=app/models.py -->

```python
class Task:
    pass
```

```text
not marked
```

1. In a list:

   <!-- test: start run -->
   ~~~sh
   echo "```"
   ~~~
"""


def test_blocks_come_in_order_with_what_their_markers_say() -> None:
    assert read_blocks(SAMPLE) == [
        Block("tests", "command", "", "sh", 'pip install -e ".[test]"\npython -m pytest\n', line=4),
        Block("start", "file", "app/models.py", "python", "class Task:\n    pass\n", line=11),
        Block("", "", "", "text", "not marked\n", line=16),
        Block("start", "run", "", "sh", 'echo "```"\n', line=23),
    ]


def test_a_scenario_is_its_own_blocks_only() -> None:
    assert [block.line for block in scenario(read_blocks(SAMPLE), "start")] == [11, 23]


def test_a_scenario_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(LookupError, match="missing"):
        scenario(read_blocks(SAMPLE), "missing")


def test_commands_are_printed_for_the_continuous_integration_script(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(SAMPLE, encoding="utf-8")
    printed = subprocess.run(
        [sys.executable, "-m", "tests.readme.blocks", str(readme), "tests"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout == 'pip install -e ".[test]"\npython -m pytest\n'
    assert printed.stdout == commands(read_blocks(SAMPLE), "tests")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- test: a run -->\n", "line 1: no code block follows"),
        ("<!-- test: a run -->\n<!-- test: a run -->\n```\n```\n", "line 1: no code block follows"),
        ("<!-- test: a run -->\nwords\n```\n```\n", "line 1: text stands between"),
        ("<!-- test: a fly -->\n```\n```\n", "line 1: 'fly' is none of"),
        ("<!-- test: a file -->\n```\n```\n", "line 1: 'file' takes one argument"),
        ("<!-- test: a file= -->\n```\n```\n", "line 1: 'file' takes one argument"),
        ("<!-- test: a run=x -->\n```\n```\n", "line 1: 'run' takes no argument"),
        ("\n```sh\necho\n", "line 2: this code block is never closed"),
    ],
)
def test_a_wrong_marker_is_named_by_its_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_blocks(text)
