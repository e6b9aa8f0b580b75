"""Pages: what changed in a scope between two positions, on its way from the feed to clients."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

__all__ = ["Change", "Page"]


@dataclass(frozen=True, slots=True)
class Change:
    """A document and an update of it: its whole state, or a delta in a live message."""

    model: str
    id: UUID
    update: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """What changed in `scope` behind `start`, up to `end`; `more` says that a next page waits."""

    scope: str
    start: int
    end: int
    more: bool
    items: tuple[Change, ...]
    leaves: tuple[tuple[str, UUID], ...]
