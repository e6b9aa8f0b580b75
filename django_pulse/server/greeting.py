"""Which hellos can be answered at all, before anybody is asked who that is."""

from __future__ import annotations

from typing import Final

from crdt.errors import Malformed, RemoteFault
from crdt.messages import PROTOCOL, Hello

__all__ = ["check_hello"]

# Characters of a device's name: what the table of devices holds. A UUID has 36.
MAX_DEVICE_CHARS: Final = 100


def check_hello(hello: Hello) -> None:
    """Raise `RemoteFault` for a protocol that this server does not speak, or a device's name that
    no table can hold.
    """
    if hello.protocol != PROTOCOL:
        raise RemoteFault(
            f"This server speaks version {PROTOCOL} of the protocol, not {hello.protocol}: "
            f"update the {'server' if hello.protocol > PROTOCOL else 'client'}.",
            code="protocol",
        )
    if len(hello.device) > MAX_DEVICE_CHARS or not hello.device.isprintable():
        raise Malformed(
            f'In a message "hello", "device" must be a name of at most {MAX_DEVICE_CHARS} '
            "printable characters."
        )
