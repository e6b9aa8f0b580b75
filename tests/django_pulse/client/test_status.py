"""A status is a value: it does not change under whoever looks at it."""

from dataclasses import FrozenInstanceError

import pytest

from django_pulse.client.status import Status


def test_a_status_cannot_be_changed() -> None:
    status = Status(connected=True, pending=0, reverted=0, last_synced_at=None, error=None)
    with pytest.raises(FrozenInstanceError):
        status.pending = 1  # type: ignore[misc]
    assert status == Status(True, 0, 0, None, None)
