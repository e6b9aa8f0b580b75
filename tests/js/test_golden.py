"""JavaScript Yjs reads the golden vectors as their file says."""

from __future__ import annotations

from fuzz.golden import load

from .oracle import Oracle


def test_yjs_shows_the_roots_that_the_file_says(yjs: Oracle) -> None:
    """Also from the last update to the first: what builds on later ones is held back meanwhile."""
    for case in load():
        updates = [bytes.fromhex(update["hex"]) for update in case["updates"]]
        for order in (updates, updates[::-1]):
            told = yjs.ask(order, arrays=case["arrays"], texts=case["texts"])
            assert told.arrays == case["arrays"], case["name"]
            assert told.texts == case["texts"], case["name"]
            assert not told.held_back, case["name"]
