"""What happens in the demo, and what must come out of it: data only.

The tasks of `START` are made by Django. Then Ana and Ben, both offline, make the edits of
`OFFLINE`, she first. `EXPECTED` is written down by hand, not computed: it is what the demo is held
to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "ANA",
    "BEN",
    "DEFAULTS",
    "EXPECTED",
    "KEPT_ASIDE",
    "OFFLINE",
    "PEOPLE",
    "SERVER",
    "START",
    "Add",
    "Create",
    "Delete",
    "Edit",
    "Insert",
    "Outcome",
    "Set",
]

ANA, BEN, SERVER = "Ana", "Ben", "server"
PEOPLE = (ANA, BEN)

Values = Mapping[str, Any]

DEFAULTS: Values = {"title": "", "done": False, "assignee": "", "notes": "", "votes": 0}


@dataclass(frozen=True, slots=True)
class Set:
    """Write a field."""

    task: str
    field: str
    value: Any


@dataclass(frozen=True, slots=True)
class Add:
    """Add to a counter."""

    task: str
    field: str
    amount: int


@dataclass(frozen=True, slots=True)
class Insert:
    """Type into a shared text, right behind what stands there."""

    task: str
    field: str
    behind: str
    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a task."""

    task: str


@dataclass(frozen=True, slots=True)
class Create:
    """Make a task."""

    task: str
    values: Values


Edit = Set | Add | Insert | Delete | Create


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task must be in the end; `values` are None for one that must be gone.

    `version` counts its merged updates, `writers` are those its vector clock must name.
    """

    values: Values | None
    version: int
    writers: frozenset[str] = field(default_factory=frozenset)


START: Mapping[str, Values] = {
    "train": {"title": "Book the train"},
    "hotel": {"title": "Choose a hotel"},
    "tent": {"title": "Pack the tent", "notes": "Bring the tent and the stove.", "votes": 1},
    "ferry": {"title": "Call the ferry company"},
}

OFFLINE: Mapping[str, tuple[Edit, ...]] = {
    ANA: (
        Set("train", "done", True),
        Set("hotel", "title", "Choose a hotel by the sea"),
        Insert("tent", "notes", "Bring the tent", " (the blue one)"),
        Add("tent", "votes", 2),
        Delete("ferry"),
        Create("cream", {"title": "Buy sun cream", "votes": 1}),
    ),
    BEN: (
        Set("train", "assignee", "Ben"),
        Set("hotel", "title", "Choose a cheap hotel"),
        Insert("tent", "notes", "and the stove.", " Café opens at 8 ☕"),
        Add("tent", "votes", 3),
        Set("ferry", "done", True),
        Create("guide", {"title": "Borrow the guide book", "notes": "Ask Mia."}),
    ),
}

EVERYBODY = frozenset({SERVER, ANA, BEN})

EXPECTED: Mapping[str, Outcome] = {
    "train": Outcome(
        {**DEFAULTS, "title": "Book the train", "done": True, "assignee": "Ben"}, 3, EVERYBODY
    ),
    "hotel": Outcome({**DEFAULTS, "title": "Choose a cheap hotel"}, 3, EVERYBODY),
    "tent": Outcome(
        {
            **DEFAULTS,
            "title": "Pack the tent",
            "notes": "Bring the tent (the blue one) and the stove. Café opens at 8 ☕",
            "votes": 6,
        },
        3,
        EVERYBODY,
    ),
    "ferry": Outcome(None, 3, EVERYBODY),
    "cream": Outcome(
        {**DEFAULTS, "title": "Buy sun cream", "votes": 1}, 1, frozenset({SERVER, ANA})
    ),
    "guide": Outcome(
        {**DEFAULTS, "title": "Borrow the guide book", "notes": "Ask Mia."},
        1,
        frozenset({SERVER, BEN}),
    ),
}

KEPT_ASIDE: Mapping[str, frozenset[tuple[str, str, str]]] = {
    ANA: frozenset(),
    BEN: frozenset({("ferry", "done", "deleted")}),
}
"""What each device is told of its edits that came to nothing: task, field, reason."""
