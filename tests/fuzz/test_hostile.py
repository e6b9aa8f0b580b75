"""No bytes that a peer can send end the process, and what the reader accepts it understood.

`PULSE_FUZZ_CASES` is how many cases are tried: some thousands in an ordinary run, more before a
release. `PULSE_FUZZ_SEED` chooses which.
"""

import os
import shlex
import sys
from random import Random

import pytest

from crdt.errors import Malformed, RemoteFault
from crdt.state import read_state
from crdt.update import read_push
from fuzz import hostile_cases
from fuzz.__main__ import main
from fuzz.honest import ME, honest_push, worlds
from fuzz.hostile import MUTATIONS, hostile_case
from fuzz.hostile_command import try_cases
from tests.js.oracle import HERE, Missing, Oracle

CASES = int(os.environ.get("PULSE_FUZZ_CASES", "3000"))
SEED = int(os.environ.get("PULSE_FUZZ_SEED", "1"))


@pytest.mark.timeout(600)
def test_no_update_ends_the_process_and_pycrdt_agrees_with_the_reader() -> None:
    tally = try_cases(SEED, 0, CASES)
    assert tally.failure is None, str(tally.failure)
    assert sum(tally.verdicts.values()) == CASES
    if CASES >= 3000:  # fewer may leave something out
        assert set(tally.verdicts) >= {"accepted", "malformed", "resend", "too_large"}
        assert tally.verdicts["accepted"] > CASES // 20
        assert set(tally.mutations) == MUTATIONS


@pytest.mark.timeout(600)
def test_yjs_makes_of_what_is_accepted_what_the_reader_says() -> None:
    """About one case in ten is accepted."""
    try:
        Oracle().close()
    except Missing as error:
        pytest.skip(str(error))
    tally = try_cases(SEED, CASES, CASES // 3, f"node {shlex.quote(str(HERE / 'oracle.cjs'))}")
    assert tally.failure is None, str(tally.failure)
    assert tally.verdicts["accepted"]


def test_a_peer_that_disagrees_is_told() -> None:
    script = 'import sys\nfor line in sys.stdin: print(\'{"error": "no"}\', flush=True)'
    tally = try_cases(SEED, 0, 100, shlex.join([sys.executable, "-c", script]))
    assert tally.failure is not None
    assert "AssertionError: no" in str(tally.failure)


def test_the_command_tells_what_became_of_its_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hostile", "--cases", "20", "--seed", str(SEED)]) == 0
    assert f"20 cases of seed {SEED} in " in capsys.readouterr().out


def test_honest_pushes_are_accepted() -> None:
    random = Random(SEED)
    for _ in range(300):
        push = honest_push(random, random.choice(worlds()))
        read = read_push(push.update.write(), ME, push.world.state)
        assert not read.known


def test_a_case_can_be_made_again() -> None:
    assert list(hostile_cases(SEED, 20)) == [hostile_case(SEED, number) for number in range(20)]


def test_an_honest_push_cut_anywhere_is_refused() -> None:
    push = honest_push(Random(SEED), worlds()[-1], texts=True)
    data = push.update.write()
    for size in range(len(data)):
        with pytest.raises(RemoteFault):
            read_push(data[:size], ME, push.world.state)
        with pytest.raises(Malformed):
            read_state(data[: size or 1])


def test_a_flipped_bit_in_a_document_is_an_error_or_another_document() -> None:
    """Never a crash, and never an exception that is not ours."""
    for world in worlds()[1:]:
        for place in range(len(world.data) * 8):
            flipped = bytearray(world.data)
            flipped[place // 8] ^= 1 << place % 8
            try:
                state = read_state(bytes(flipped))
                runs = state.text_runs()
                for replica, positions in state.positions.items():
                    for clock in positions.clocks:
                        run = runs.find(replica, clock)
                        assert run is not None
                        runs.field(run)
            except Malformed:
                continue
