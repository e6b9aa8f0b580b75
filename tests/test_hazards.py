"""Every line of the list of hazards names a test, and the test is there."""

import ast
import re
from functools import cache
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
    "sign-in": "django_pulse/server/test_sign_in_hazards.py",
    "offline": "django_pulse/server/test_sign_in_offline.py",
    "replayed": "django_pulse/server/test_replayed.py",
    "permissions": "django_pulse/test_hazards_of_permissions.py",
    "reaching": "django_pulse/writes/test_reaching.py",
    "leaks": "django_pulse/test_leaks.py",
    "flow": "django_pulse/server/test_flow.py",
    "judging": "django_pulse/writes/test_judging.py",
    "values": "django_pulse/test_hazards_of_values.py",
    "clashing": "django_pulse/writes/test_clashing.py",
    "codecs": "crdt/test_values.py",
    "trips": "django_pulse/test_round_trip.py",
    "drift": "django_pulse/test_drift.py",
    "retired": "django_pulse/writes/test_retired.py",
    "recording": "django_pulse/test_recording.py",
    "renaming": "crdt/test_renaming.py",
    "converting": "crdt/test_converting.py",
    "epochs": "crdt/test_epochs.py",
    "flips": "django_pulse/writes/test_bit_flips.py",
    "purging": "django_pulse/test_purging.py",
    "broken": "django_pulse/writes/test_broken.py",
    "aliases": "django_pulse/test_aliases.py",
    "pulse_restored": "django_pulse/management/test_pulse_restored.py",
}
PLACE = r"(?P<file>[\w-]+): (?P<test>test_\w+)(?: \[(?P<of>[^]]+)\])?"
UNNAMED = re.sub(r"\?P<\w+>", "?:", PLACE)
LINE = re.compile(rf"\| (?P<hazard>.+) \| (?P<places>{UNNAMED}(?:, {UNNAMED})*) \|")
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
    assert len(rows) == len(LINES) > 70


@pytest.mark.parametrize("line", LINES, ids=[line["hazard"] for line in LINES])
def test_the_test_of_a_hazard_is_there(line: re.Match[str]) -> None:
    for place in re.finditer(PLACE, line["places"]):
        assert place["test"] in names_in(HERE / FILES[place["file"]])
        if place["of"]:
            assert place["of"] in {specimen.name for specimen in specimens()}


@cache
def names_in(path: Path) -> set[str]:
    """The names of a file's tests, those of its classes included."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(module) if isinstance(node, kinds)}
