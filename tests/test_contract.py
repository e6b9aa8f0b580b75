"""What this repository promises about itself: its shape, its size, its names."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from tests import public_api

CHECKOUT = Path(__file__).parents[1]
PACKAGES = ("crdt", "django_pulse", "fuzz")
FOLDERS = {*PACKAGES, "tests"}
# Beside the folders, the README and dotfiles, only what one expects at the top of a project.
FILES = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"}
FILES |= {"pyproject.toml", "uv.lock"}

# Lines of one file: what a reader can still hold in mind.
MOST_LINES = 400
# Files over the bound, each to be split. Kept empty.
TOO_LONG: frozenset[str] = frozenset()

# Modules of crdt/ without a test file of their own name -> the file that tests them.
TESTED_ELSEWHERE = {
    # Parts of the replica, which is tested as one: what it sends and keeps depends on all of them.
    **dict.fromkeys(
        (
            "aside",
            "downlink",
            "events",
            "held",
            "outbound",
            "records",
            "seeing",
            "session",
            "shelf",
            "uplink",
        ),
        "test_replica.py",
    ),
    # The shapes that frames carry.
    **dict.fromkeys(("header", "messages", "wire"), "test_frames.py"),
    # Merge rules keep the same laws, whichever module they are in.
    **dict.fromkeys(("base", "built_in", "numbers", "replacing", "row", "sets"), "test_rules.py"),
    **dict.fromkeys(("compaction", "sameness"), "test_rule_laws.py"),
    # What is kept of an edit that did not stand.
    "aside": "test_refusals.py",
    # What a replica writes again that may not use its id any more.
    "reissuing": "test_copied.py",
    # Which characters may stand beside each other.
    "neighbours": "test_reader_bounds.py",
}

# A package registry's host is its user's choice (a mirror, a proxy), never ours to name.
REGISTRY = re.compile(
    r"\b(pypi|pythonhosted|npmjs|yarnpkg|debian|crates|unpkg|jsdelivr)\.(org|com|io|net)\b", re.I
)
# Nor do paths of one machine mean anything on another.
MACHINE_PATH = re.compile(r"(?<![\w.~$}*])/(root|work|home/\w+|Users/\w+)/")

# What reads a clock, makes randomness or touches the machine, whichever module it comes from;
# import-linter forbids the modules that do nothing else.
IMPURE = {"input", "now", "open", "print", "today", "urandom", "utcnow", "uuid1", "uuid4", "uuid7"}


def tracked() -> list[Path]:
    """Every file that git knows or would add, relative to the checkout."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout")
    names = [name for name in listed.stdout.split("\0") if name]
    return [Path(name) for name in names if (CHECKOUT / name).is_file()]


def python_files(*folders: str) -> list[Path]:
    """The Python files under these folders, without migrations, whose form is Django's."""
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and path.parts[0] in folders and "migrations" not in path.parts
    ]


def parsed(path: Path) -> ast.Module:
    return ast.parse((CHECKOUT / path).read_text(encoding="utf-8"), filename=str(path))


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        try:
            yield path, (CHECKOUT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def says_what_it_exports(module: ast.Module) -> bool:
    targets: list[ast.expr] = []
    for node in module.body:
        if isinstance(node, ast.Assign):
            targets += node.targets
        elif isinstance(node, ast.AnnAssign):
            targets.append(node.target)
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def module_of(path: Path) -> ModuleType:
    return importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))


def undocumented(module: ModuleType) -> Iterator[str]:
    """Public classes, functions and methods that say nothing of themselves.

    A method that overrides another is described by what it overrides.
    """
    if not module.__doc__:
        yield module.__name__
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value) and not inspect.getdoc(value):
            yield f"{module.__name__}.{name}"
        if inspect.isclass(value):
            # A dataclass without a docstring gets one that only repeats its fields.
            if not value.__doc__ or value.__doc__.startswith(f"{value.__name__}("):
                yield f"{module.__name__}.{name}"
            for member, method in vars(value).items():
                kinds = (FunctionType, property, classmethod, staticmethod)
                if member.startswith("_") or not isinstance(method, kinds):
                    continue
                # A metaclass may add a property: Django's does, `media`.
                made = getattr(method, "fget", None) or method
                written_by_hand = getattr(made, "__module__", module.__name__) == module.__name__
                if written_by_hand and not inspect.getdoc(getattr(value, member)):
                    yield f"{module.__name__}.{name}.{member}"


def test_the_top_level_holds_only_the_four_folders_and_the_customary_files() -> None:
    top = {path.parts[0] for path in tracked()}
    assert {name for name in top if not name.startswith(".")} <= FOLDERS | FILES
    assert top >= FOLDERS


def test_every_module_says_what_it_exports() -> None:
    silent = [path for path in python_files(*PACKAGES) if not says_what_it_exports(parsed(path))]
    assert [str(path) for path in silent] == []


def test_what_a_module_exports_exists() -> None:
    for path in python_files(*PACKAGES):
        if path.name == "__main__.py":
            continue
        module = module_of(path)
        names: list[str] = getattr(module, "__all__", [])
        assert len(set(names)) == len(names), f"{path}: a name twice"
        assert [name for name in names if not hasattr(module, name)] == [], str(path)


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    long = {
        str(path)
        for path in tracked()
        if path.suffix == ".py"
        and len((CHECKOUT / path).read_text(encoding="utf-8").splitlines()) > MOST_LINES
    }
    assert long == TOO_LONG


def test_each_module_of_the_core_has_a_test_file_of_its_name() -> None:
    missing = []
    for path in python_files("crdt"):
        name = TESTED_ELSEWHERE.get(path.stem, f"test_{path.stem}.py")
        if path.stem != "__init__" and not (CHECKOUT / "tests/crdt" / name).exists():
            missing.append(str(path))
    assert missing == []


def test_the_core_asks_nobody_for_the_time_or_for_randomness() -> None:
    found = []
    for path in python_files("crdt"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)
                # `self.now()` and the like are what was passed in.
                passed_in = ast.unparse(called).startswith("self.")
                if name in IMPURE and not passed_in:
                    found.append(f"{path}:{node.lineno} {ast.unparse(called)}")
    assert found == []


def test_the_client_needs_no_django() -> None:
    script = "import sys, django_pulse.client; assert 'django' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, check=True)


def test_every_public_name_is_documented() -> None:
    modules = [module_of(path) for path in python_files(*PACKAGES) if path.name != "__main__.py"]
    assert [name for module in modules for name in undocumented(module)] == []


def test_no_package_registry_is_named() -> None:
    assert [str(path) for path, text in texts() if REGISTRY.search(text)] == []


def test_no_path_of_one_machine_is_named() -> None:
    assert [str(path) for path, text in texts() if MACHINE_PATH.search(text)] == []


def test_every_folder_of_tests_is_a_package() -> None:
    """Two test files of one name in folders that are none would shadow each other."""
    folders = {path.parent for path in python_files("tests")}
    assert [str(path) for path in folders if not (CHECKOUT / path / "__init__.py").exists()] == []


def test_the_public_api_is_what_was_agreed() -> None:
    """A name added or removed is a decision: see `tests/public_api.py`."""
    assert public_api.offered() == public_api.agreed()


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert importlib.import_module("django_pulse").__version__ == project["version"]
