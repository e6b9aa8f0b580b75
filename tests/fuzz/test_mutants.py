"""Planted bugs: the patches fit the code, and are noticed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fuzz.__main__ import main
from fuzz.mutants import KEPT, MUTANTS, ROOT, DoesNotFit, Mutant, Verdict, try_all
from fuzz.mutants.catching import GOLDEN, SEEDED
from fuzz.mutants.kept import kept_runs
from fuzz.mutants.patches import read

MOST_LINES = 10
"""Lines that a patch takes out or puts in: more than one mistake cannot hide in so few."""

PATCH = """A sum is wrong.

Caught by: simulation, seed 3
--- a/code.py
+++ b/code.py
@@ -1,2 +1,2 @@
 def total(a, b):
-    return a + b
+    return a - b
"""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_patch_fits_the_code_and_what_comes_of_it_is_code(mutant: Mutant) -> None:
    for name, text in mutant.planted(ROOT).items():
        compile(text, name, "exec", dont_inherit=True)


def test_there_are_enough_of_them_and_each_says_what_goes_wrong() -> None:
    assert len(MUTANTS) >= 25
    assert [each.name for each in MUTANTS if not each.cause.endswith(".")] == []


def test_each_is_one_small_change_of_our_code_and_no_two_are_the_same() -> None:
    for each in MUTANTS:
        lines = [line for line in each.path.read_text().splitlines() if line[:1] in {"+", "-"}]
        assert len(each.hunks) == 1, each.name
        assert 1 <= len(lines) - 2 <= MOST_LINES, each.name
        assert each.hunks[0].path.startswith(("crdt/", "django_pulse/")), each.name
    assert len({each.hunks for each in MUTANTS}) == len(MUTANTS)


def test_each_names_what_catches_it_and_the_seed_that_shows_it() -> None:
    for each in MUTANTS:
        if each.catcher in SEEDED:
            assert each.seed, f"{each.name} names no seed"
        elif each.catcher != GOLDEN:
            file, _, test = each.catcher.partition("::")
            assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), each.name


def test_what_was_once_found_is_planted_again() -> None:
    """That each of their runs fails with the bug, `python -m fuzz mutants` asks; that it passes
    without, `python -m fuzz simulate --kept`."""
    kept = {each.name: each for each in MUTANTS if each.name in KEPT}
    assert kept.keys() == KEPT.keys()
    seeds = [each.seed for each in kept.values() if each.catcher == "simulation"]
    assert [seed for seed, *_ in kept_runs()] == seeds


def test_a_seed_that_does_not_show_what_it_is_kept_for_any_more_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fold_twice.patch"
    [mutant] = (each for each in MUTANTS if each.name == "fold_twice")
    text = mutant.path.read_text(encoding="utf-8")
    path.write_text(text.replace(f"seed {mutant.seed}\n", "seed 41\n"), encoding="utf-8")
    monkeypatch.setattr("fuzz.mutants_command.MUTANTS", (read(path),))
    monkeypatch.setattr("fuzz.mutants_command.KEPT", {"fold_twice": "It was once found."})
    monkeypatch.setattr("fuzz.mutants_command.try_all", _by_another_seed)
    assert main(["mutants"]) == 1
    assert "Seed 41, kept for fold_twice, does not show it" in capsys.readouterr().out
    assert main(["mutants", "--note"]) == 0
    assert read(path).seed == 3
    monkeypatch.setattr("fuzz.mutants_command.MUTANTS", (read(path),))
    assert main(["mutants"]) == 0


def _by_another_seed(mutants: Iterable[Mutant], *args: Any, **options: Any) -> list[Verdict]:
    return [Verdict(each, "something is wrong", 3) for each in mutants]


def test_a_patch_goes_where_its_lines_stand_whatever_its_numbers_say(tmp_path: Path) -> None:
    mutant = read(_written(tmp_path, PATCH))
    (tmp_path / "code.py").write_text("import this\n\n\ndef total(a, b):\n    return a + b\n")
    assert mutant.planted(tmp_path) == {
        "code": "import this\n\n\ndef total(a, b):\n    return a - b\n"
    }


def test_a_patch_fits_although_the_line_before_it_has_changed(tmp_path: Path) -> None:
    mutant = read(_written(tmp_path, PATCH))
    (tmp_path / "code.py").write_text("def total(a, b=0):\n    return a + b\n")
    assert mutant.planted(tmp_path) == {"code": "def total(a, b=0):\n    return a - b\n"}


@pytest.mark.parametrize("text", ["def total(a, b):\n    return a\n", "x = 1\n"])
def test_a_patch_that_does_not_fit_any_more_says_so(tmp_path: Path, text: str) -> None:
    mutant = read(_written(tmp_path, PATCH))
    (tmp_path / "code.py").write_text(text)
    with pytest.raises(DoesNotFit, match="does not fit"):
        mutant.planted(tmp_path)


def test_a_patch_that_fits_two_places_is_none(tmp_path: Path) -> None:
    mutant = read(_written(tmp_path, PATCH))
    (tmp_path / "code.py").write_text("def total(a, b):\n    return a + b\n" * 2)
    with pytest.raises(DoesNotFit, match="more than once"):
        mutant.planted(tmp_path)


@pytest.mark.parametrize("left_out", ["Caught by: simulation, seed 3\n", "A sum is wrong.\n"])
def test_a_patch_that_does_not_say_what_it_has_to_is_none(tmp_path: Path, left_out: str) -> None:
    with pytest.raises(DoesNotFit, match="has to say"):
        read(_written(tmp_path, PATCH.replace(left_out, "")))


def test_the_seed_that_shows_a_mutant_is_noted_in_its_patch(tmp_path: Path) -> None:
    path = _written(tmp_path, PATCH)
    read(path).note(7)
    assert read(path).seed == 7
    assert path.read_text() == PATCH.replace("seed 3", "seed 7")


def test_a_planted_bug_is_noticed_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "mutants.json"
    assert main(["mutants", "fold_twice", "--json", str(report)]) == 0
    told = {each["name"]: each for each in json.loads(report.read_text())}
    assert told.keys() == {"fold_twice"}
    assert all(each["by"] and each["seeds"] for each in told.values())
    assert "1 mutants, 0 survived" in capsys.readouterr().out


def test_a_mutant_that_nothing_notices_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _written(tmp_path, _with_a_line("# A remark changes nothing."))
    monkeypatch.setattr("fuzz.mutants_command.MUTANTS", (read(path),))
    assert main(["mutants"]) == 1
    assert "SURVIVED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "by"),
    [
        ("__import__('os').abort()", "the process ended by signal 6"),
        ("while True: pass", "a run that never ended"),
    ],
)
def test_a_mutant_that_ends_or_hangs_its_process_is_noticed(
    line: str, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fuzz.mutants.trying.SECONDS", 1)
    [verdict] = try_all([read(_written(tmp_path, _with_a_line(line)))])
    assert verdict.by == by


def test_a_name_that_no_mutant_has_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "no_such_mutant"]) == 2
    assert "no_such_mutant" in capsys.readouterr().err


def _written(folder: Path, text: str) -> Path:
    path = folder / "planted.patch"
    path.write_text(text, encoding="utf-8")
    return path


def _with_a_line(line: str) -> str:
    """A patch that puts a line before what a module defines, which a golden vector needs."""
    begin = "Nothing goes wrong.\n\nCaught by: golden\n--- a/crdt/stamp.py\n+++ b/crdt/stamp.py\n"
    lines = (ROOT / "crdt/stamp.py").read_text(encoding="utf-8").splitlines()
    [names] = (each for each in lines if each.startswith("__all__"))
    return f"{begin}@@ -1 +1,2 @@\n+{line}\n {names}\n"
