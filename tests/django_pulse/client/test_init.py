"""The package as an app on a device sees it: no Django, and a public API that is pinned."""

import subprocess
import sys

import django_pulse.client

PUBLIC = """
    AccountDenied Backoff BadAddress ChangeStream Changed ClosedPulse Conflict Exchanged Kept
    LocalFault MergedInto Missed ModelHandle Offline OriginRefused Parked Pulse PulseError Refused
    RefusedByServer RemoteFault Removed Resyncing Reverted Row SQLiteStore SignInExpired
    SignInRefused Status StoreFault StoreInUse TimedOut TokenFailed Unreachable WrongEndpoint
    connect sync_once
"""

WITHOUT_DJANGO = """
import sys

class NoDjango:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("django", "channels", "asgiref"):
            raise AssertionError(name + " was imported")

sys.meta_path.insert(0, NoDjango())
import asyncio
from django_pulse.client import TimedOut, connect

async def main():
    try:
        async with connect("ws://127.0.0.1:1/ws/pulse/sync/", store=sys.argv[1], timeout=0.01):
            pass
    except TimedOut as error:
        print(type(error).__name__)

asyncio.run(main())
assert "django" not in sys.modules
"""


def test_the_public_names_are_these() -> None:
    assert sorted(django_pulse.client.__all__) == sorted(PUBLIC.split())
    for name in django_pulse.client.__all__:
        assert getattr(django_pulse.client, name).__doc__


def test_a_device_needs_no_django_and_no_settings(tmp_path: object) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_DJANGO, f"{tmp_path}/phone.sqlite3"],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("TimedOut", "", 0)
