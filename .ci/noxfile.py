"""The whole matrix: `nox -f .ci/noxfile.py`, or one of it, say `-s "tests-3.13(django='6.1')"`.

`.ci/run` is the short form of this for every change; the matrix is for a release.
"""

from pathlib import Path

import nox

CHECKOUT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
DJANGOS = ("5.2", "6.0", "6.1")

nox.options.sessions = ["tests", "postgres", "lint"]
nox.options.error_on_missing_interpreters = False

# Django 6 needs Python 3.12.
MATRIX = [
    nox.param(python, django, id=f"{python}, django {django}", tags=[f"django{django}"])
    for python in PYTHONS
    for django in DJANGOS
    if django.startswith("5") or python != "3.11"
]


def install(session: nox.Session, django: str) -> None:
    """The package with its tests' needs, and one Django."""
    session.chdir(CHECKOUT)
    session.install("-e", ".[test]", f"django~={django}.0")
    session.run("python", "-m", "django", "--version")


@nox.session
@nox.parametrize("python, django", MATRIX)
def tests(session: nox.Session, django: str) -> None:
    """Every test, on SQLite; those that name PostgreSQL on it too."""
    install(session, django)
    session.run("python", "-m", "pytest", "-q", *session.posargs)


@nox.session
@nox.parametrize("python, django", [MATRIX[0], MATRIX[-1]])
def postgres(session: nox.Session, django: str) -> None:
    """Every test with PostgreSQL as the database of the run."""
    install(session, django)
    session.run("python", "-m", "pytest", "-q", *session.posargs, env={"PULSE_TEST_DB": "postgres"})


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint, types, arrows."""
    session.chdir(CHECKOUT)
    session.install("-e", ".[dev]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy", "--strict")
    session.run("lint-imports")
