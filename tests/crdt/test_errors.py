"""Errors: whose fault it is, the word for programs, the sentence for people."""

import pytest

from crdt.errors import Gap, LocalFault, Malformed, PulseError, RemoteFault, TooLarge


@pytest.mark.parametrize("kind", [Malformed, TooLarge])
def test_remote_faults_carry_a_code(kind: type[RemoteFault]) -> None:
    error = kind("What was wrong.")
    assert error.code == ("malformed" if kind is Malformed else "too_large")
    assert str(error) == "What was wrong."
    assert kind("Other.", code="special").code == "special"
    assert RemoteFault("Any.").code == "invalid"


def test_remote_and_local_faults_are_never_caught_together() -> None:
    assert not issubclass(RemoteFault, LocalFault)
    assert not issubclass(LocalFault, RemoteFault)
    for kind in (LocalFault, RemoteFault, Malformed, TooLarge, Gap):
        assert issubclass(kind, PulseError)


def test_a_gap_says_where_to_send_from() -> None:
    gap = Gap(7, 3, 5)
    assert (gap.replica, gap.expected, gap.got, gap.code) == (7, 3, 5, "resend")
    assert "clock 5 of replica 7" in str(gap)
    assert "known here is 3" in str(gap)
