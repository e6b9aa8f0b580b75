"""JavaScript Yjs for the tests of this folder."""

from collections.abc import Iterator

import pytest

from .oracle import Missing, Oracle


@pytest.fixture(scope="session")
def yjs() -> Iterator[Oracle]:
    """JavaScript Yjs; where it is not installed the test is skipped with what is missing."""
    try:
        oracle = Oracle()
    except Missing as error:
        pytest.skip(str(error))
    yield oracle
    oracle.close()
