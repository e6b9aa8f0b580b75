"""What a replica tells its app: one frozen value per thing that happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

__all__ = [
    "Changed",
    "Connected",
    "Event",
    "Failed",
    "Kept",
    "KeptField",
    "MergedInto",
    "Parked",
    "Refused",
    "Removed",
    "Resyncing",
    "Reverted",
    "SignInRenewed",
    "Synced",
]


@dataclass(frozen=True, slots=True)
class KeptField:
    """One field of an edit that did not stand: the value that was written, and why it went."""

    value: Any
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An edit that did not stand, kept aside until the app dismisses it.

    `reason` is "reverted" (the server undid these fields), "deleted" (it took them, but somebody
    had deleted the row), "refused" (it took nothing of the push), "gone" (the row was deleted so
    long ago that the server has forgotten it), "left" (the row went out of sight with edits that
    were not sent yet) or "copied" (this store is a copy, and the edit is the other's, too: if the
    code is "copied" it goes by itself once the other has pushed it). `at` is in
    milliseconds since 1970; `id` names the row, `key` the record itself.
    """

    key: str
    reason: str
    model: str
    id: UUID
    at: int
    code: str
    message: str
    fields: Mapping[str, KeptField]


@dataclass(frozen=True, slots=True)
class Connected:
    """The server has accepted this replica; `user` is who it is signed in as, for `expires_in`
    seconds, or without an end.
    """

    user: str
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class SignInRenewed:
    """The server has taken another token: the sign-in lasts `expires_in` seconds from now, or has
    no end.
    """

    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A row came, or others or the server changed these of its fields."""

    model: str
    id: UUID
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Removed:
    """The row was deleted, or is out of sight."""

    model: str
    id: UUID


@dataclass(frozen=True, slots=True)
class Reverted:
    """The server merged a push of this replica but undid some of its fields; those with the code
    "deleted" stand, in a row that somebody deleted.
    """

    model: str
    id: UUID
    fields: Mapping[str, KeptField]


@dataclass(frozen=True, slots=True)
class Parked:
    """The row is durable on the server, and not there yet: `code` and `message` say why, `fields`
    which of its values are to blame. It stays, and can be edited, on this device alone.

    That it is there by then is told as `Changed`.
    """

    model: str
    id: UUID
    code: str
    message: str
    fields: Mapping[str, KeptField]


@dataclass(frozen=True, slots=True)
class MergedInto:
    """The row `id` was taken in by another that has the same values where only one may: `into`."""

    model: str
    id: UUID
    into: UUID


@dataclass(frozen=True, slots=True)
class Refused:
    """The server took nothing of a push; the edit was withdrawn here and is kept aside."""

    model: str
    id: UUID
    code: str
    message: str
    kept: Kept


@dataclass(frozen=True, slots=True)
class Resyncing:
    """This device was away for longer than the server remembers what was deleted: all rows of the
    scope are listed anew, and those that are not there any more will be removed.
    """

    scope: str


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything written here is durable on the server, and everything seen there is here."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong that the app may want to show; `code` is for programs."""

    code: str
    message: str


Event = (
    Connected
    | SignInRenewed
    | Changed
    | Removed
    | Reverted
    | Parked
    | MergedInto
    | Refused
    | Resyncing
    | Synced
    | Failed
)
"""Everything that `Replica.receive` can report."""
