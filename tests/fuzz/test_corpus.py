"""What ended a process once is refused for ever, and still is what its file says."""

import subprocess
import sys
from typing import Any

import pytest

from crdt.errors import RemoteFault
from crdt.state import read_state
from crdt.update import read_push
from fuzz.corpus import Specimen, specimens

ALL = list(specimens())
SOON_ENOUGH = 60

# Of those that end at all, each try ends four times of five.
TRIES = 12


def named(*kinds: str) -> list[Any]:
    chosen = [specimen for specimen in ALL if not kinds or specimen.alone in kinds]
    return [pytest.param(specimen, id=specimen.name) for specimen in chosen]


@pytest.mark.parametrize("specimen", named())
def test_the_reader_refuses_it(specimen: Specimen) -> None:
    with pytest.raises(RemoteFault) as fault:
        read_push(specimen.update, specimen.replica, read_state(b""))
    assert fault.value.code == specimen.reader
    assert len(specimen.cause) > 80, "a paragraph says why"


def alone(*names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fuzz.corpus", *names]
    return subprocess.run(command, capture_output=True, text=True, timeout=SOON_ENOUGH, check=False)


# Should these fail with a newer pycrdt: the file says too much, the reader still is right.


@pytest.mark.parametrize("specimen", named("ends"))
def test_without_the_reader_the_process_ends(specimen: Specimen) -> None:
    """Sooner or later: some read memory that is not theirs, and what lies there is chance."""
    assert any(alone(specimen.name).returncode < 0 for _ in range(TRIES))


def test_without_the_reader_the_others_do_what_their_files_say() -> None:
    others = [specimen for specimen in ALL if specimen.alone in ("applies", "refuses")]
    ended = alone(*(specimen.name for specimen in others))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [specimen.alone for specimen in others]
