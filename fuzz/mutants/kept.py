"""What simulations once found, kept as planted bugs: each undoes what put it right.

A seed alone keeps nothing. As soon as anything of a simulation changes, it is another run, which
passes, with what it once showed or without. So what is kept is the bug, and the run is the one that
its patch names: it fails with the bug, and passes without it. Where it does not fail any more,
`python -m fuzz mutants` looks for the first that does, and with `--note` writes that down. A patch
that names a test is kept by that: no simulation among the first shows it by now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .catching import CLIENTS, STEPS
from .trying import MUTANTS

__all__ = ["KEPT", "kept_runs"]

KEPT: Final[Mapping[str, str]] = {
    "unseen_rows_stay": (
        "A row that the server had taken, but that no scope had told of yet, stayed on its "
        "device when its user lost the scope."
    ),
    "copies_forget_saves": (
        "A copy of an instance that had been saved went by what was loaded before that save, "
        "and wrote old values over those of others."
    ),
    "void_is_lost_for_good": (
        "A device whose row went out of sight with a push on its way took the push for lost "
        "once it read what was older than that, and never showed its own edit again."
    ),
    "corrected_to_before_what_was_sent": (
        "A device whose clock was corrected moved edits that it had not sent to before what "
        "it had sent already, and what the server had filled in beat them."
    ),
    "listing_tells_of_all_it_passed": (
        "A device in the middle of a complete listing said of a row that had been purged, and "
        "that the listing would not name, that it knew of it up to where the listing had got: "
        "its edit became a new row under the old id, in which the server gave out its clocks "
        "again."
    ),
    "page_of_an_earlier_part": (
        "A device that asked for another part while the list of the earlier one was coming "
        "took a page of that for one of the later, and never asked for what it left out."
    ),
    "void_clocks_break_what_follows": (
        "A device that took an edit for lost held its clocks for empty, wrote after them, and "
        "could not put that together with the server's document, which had the edit: it took "
        "that for broken, and asked for nothing again."
    ),
    "hidden_document_is_pushed_for_ever": (
        "A device with edits of a row outside of the part that it asks for pushed them, was "
        "told to fetch the document, was not given it, and pushed them again, without an end."
    ),
    "ack_unmarks_what_waits": (
        "A device that had lost the ack of a row that waits was told why at the next welcome, and "
        "took the answer to the push that it sent again for a word that the row is there."
    ),
    "confirmed_is_there": (
        "The same, where it had confirmed the reason before its push was answered: the server "
        "said only that it had that."
    ),
    "edits_after_a_drop_by_the_clock_alone": (
        "A device whose row went out of sight with a push on its way edited the row when it was "
        "back, by a clock that had been put right; the push arrived after all, had the later "
        "stamps, and the newer edit was never shown."
    ),
    "rewritten_parts_come_last": (
        "A device that wrote its edits again, since what they built on was refused or lost, wrote "
        "parts of values behind what it had edited later: its clocks and stamps told of another "
        "order each."
    ),
    "rewritten_minutes_are_empty": (
        "A device that wrote edits of several minutes again, since its store was copied, or with "
        "what the server had taken and lost, wrote those of the last one only: the others were "
        "lost."
    ),
    "forgotten_only_where_one_looks": (
        "A device edited a row of which no scope had told it, while its user lost the scope that "
        "the row was in, and the row was deleted and purged: the edit became a new row under the "
        "old id, with half of its fields, in which the server gave out its clocks again."
    ),
    "absent_is_lost": (
        "A device pushed an edit of a row that had moved to where its user did not see it, and was "
        "not given the row: it took it for lost, wrote what was acked before again, and once the "
        "user saw it again, all of that counted twice."
    ),
    "gone_is_gone_for_good": (
        "A device pushed an edit of a row whose scope its user lost for a moment, was told that "
        "the row may have been purged, and dropped it: with the scope back, and its cursor beyond "
        "the row, the row never came again."
    ),
    "what_waited_stays": (
        "A device that wanted no memos had one that waited for a code; the memo got in, nobody "
        "told the device, and it kept it as one that waits."
    ),
    "edits_of_before_take_their_place": (
        "A device edited a row that went out of sight, and again when it was back; it went once "
        "more, and what was kept aside the first time had the name under which the second was to "
        "be: that was lost."
    ),
    "what_no_scope_holds_is_lost": (
        "A device was told that the server knows nothing of what it had acked of a row, which a "
        "listing had not named, and was not given the document either. It wrote all of it again, "
        "and once the row was in sight again, all of it counted twice."
    ),
}
"""By the name of the patch that brings it back, what was wrong."""


def kept_runs() -> list[tuple[int, int, int]]:
    """The seed, the devices and the steps of each simulation."""
    kept = (each for each in MUTANTS if each.name in KEPT and each.catcher == "simulation")
    return [(each.seed, CLIENTS, STEPS) for each in kept]
