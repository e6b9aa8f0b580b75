"""Pages: what changed in a scope between two positions, on its way from the feed to clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from crdt.messages import Listing

__all__ = ["Change", "Heads", "Page"]


@dataclass(frozen=True, slots=True)
class Change:
    """A document and an update of it: its whole state, or a delta in a live message."""

    model: str
    id: UUID
    update: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """What changed in `scope` behind `start`, up to `end`; `more` says that a next page waits.

    `access` is how often it had changed who reads the scope: live messages carry it. `listing` is
    set where the page is one of a complete listing.
    """

    scope: str
    start: int
    end: int
    more: bool
    items: tuple[Change, ...]
    leaves: tuple[tuple[str, UUID], ...]
    access: int = 0
    listing: Listing | None = None


class Heads(dict[str, int]):
    """The heads of scopes, by key; `access` is how often it had changed who reads each."""

    def __init__(self, heads: Mapping[str, int] | None = None) -> None:
        super().__init__(heads or {})
        self.access: dict[str, int] = {}
