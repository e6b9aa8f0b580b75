"""Every run that ever showed something wrong, and what that was. The tests run them again."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["KEPT", "Kept"]


class Kept(NamedTuple):
    """A run, and what was wrong when it failed."""

    seed: int
    clients: int
    steps: int
    cause: str


UNSEEN: Final = (
    "A row that the server had taken, but that no scope had told of yet, stayed on its device when "
    "its user lost the scope."
)
COPIED: Final = (
    "A copy of an instance that had been saved went by what was loaded before that save, and wrote "
    "old values over those of others."
)

LATE: Final = (
    "A device whose row went out of sight with a push on its way took the push for lost once it "
    "read what was older than that, and never showed its own edit again."
)

MOVED: Final = (
    "A device whose clock was corrected moved edits that it had not sent to before what it had "
    "sent already, and the default that the server had given their field beat them."
)

PASSED: Final = (
    "A device in the middle of a complete listing said of a row that had been purged, and that the "
    "listing would not name, that it knew of it up to where the listing had got: its edit became a "
    "new row under the old id, in which the server gave out its clocks again."
)

KEPT: Final[tuple[Kept, ...]] = (
    Kept(6, 5, 200, UNSEEN),
    Kept(29, 5, 200, COPIED),
    Kept(33, 5, 200, COPIED),
    Kept(8, 5, 200, LATE),
    Kept(342, 6, 200, MOVED),
    Kept(335, 6, 200, PASSED),
)
