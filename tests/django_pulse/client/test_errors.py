"""Whose fault it is can be told from the type alone."""

import pytest

from crdt.errors import LocalFault, PulseError, RemoteFault
from django_pulse.client import errors


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_a_pulse_error_and_says_what_it_means(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, PulseError)
    assert error.__doc__


@pytest.mark.parametrize("name", ["BadAddress", "StoreInUse", "Offline", "TokenFailed"])
def test_what_the_app_can_mend_is_local(name: str) -> None:
    assert issubclass(getattr(errors, name), LocalFault)


@pytest.mark.parametrize(
    "name", ["SignInRefused", "SignInExpired", "AccountDenied", "OriginRefused", "WrongEndpoint"]
)
def test_what_the_server_answers_is_remote_and_carries_a_code(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, RemoteFault)
    assert error("No.").code


def test_a_timeout_can_be_caught_as_pythons_own() -> None:
    assert issubclass(errors.TimedOut, TimeoutError)
