"""Every line of the list of hazards names a test, and the test is there."""

import ast
import re
from pathlib import Path

import pytest

from fuzz.corpus import specimens

HERE = Path(__file__).parent
FILES = {
    "wire": "django_pulse/test_hostile_wire.py",
    "reader": "crdt/test_reader_hazards.py",
    "bounds": "crdt/test_reader_bounds.py",
    "corpus": "fuzz/test_corpus.py",
    "writes": "django_pulse/writes/test_hazards_of_bytes.py",
    "vector": "crdt/test_vector.py",
    "flow": "django_pulse/server/test_flow.py",
    "judging": "django_pulse/writes/test_judging.py",
}
LINE = re.compile(r"\| (?P<hazard>.+) \| (?P<file>\w+): (?P<test>test_\w+)(?: \[(?P<of>.+)\])? \|")
LINES = [
    found
    for line in (HERE / "hazards.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| hazard") and (found := LINE.fullmatch(line))
]


def test_the_list_is_read_whole() -> None:
    rows = [
        line
        for line in (HERE / "hazards.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| hazard")
    ]
    assert len(rows) == len(LINES) > 40


@pytest.mark.parametrize("line", LINES, ids=[line["hazard"] for line in LINES])
def test_the_test_of_a_hazard_is_there(line: re.Match[str]) -> None:
    module = ast.parse((HERE / FILES[line["file"]]).read_text(encoding="utf-8"))
    assert line["test"] in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    if line["of"]:
        assert line["of"] in {specimen.name for specimen in specimens()}
