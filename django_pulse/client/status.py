"""How a client is doing, as one value to show in an app."""

from dataclasses import dataclass
from datetime import datetime

from .errors import PulseError

__all__ = ["Status"]


@dataclass(frozen=True, slots=True)
class Status:
    """A snapshot; ask `Pulse.status` again for a newer one.

    connected       the server has welcomed this client and the connection stands
    pending         rows with edits that the server has not yet confirmed as durable
    reverted        edits that did not stand and that nobody dismissed (`Pulse.kept_aside`)
    last_synced_at  when everything here was last known to be on the server and everything there
                    known here (UTC); None before the first time
    resyncing       this device was away for so long that the server has forgotten what was deleted
                    meanwhile: rows are listed anew, and those that are gone still show
    error           why the client is not connected, or what the server last refused, or None. The
                    client goes on trying by itself unless this is a SignInRefused.
    """

    connected: bool
    pending: int
    reverted: int
    last_synced_at: datetime | None
    error: PulseError | None
    resyncing: bool = False
