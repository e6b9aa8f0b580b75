"""Rows that the server has from here, and of which no scope tells: they are asked for.

Laws:

1. A row that the server does not send when it is asked goes: it went out of sight, or lies outside
   of what is wanted. What waits there it sends to who pushed it.
2. Whatever may take a row out of sight before a scope could tell of it has it asked for.
3. A row that waits, of a model that is not wanted, gets in without a word: it is asked for with
   every poll that brings news.
"""

from .held import Held
from .records import Record
from .shelf import Shelf

__all__ = ["ask_for_unseen", "ask_for_unwanted", "ask_if_unwanted", "is_out_of_sight"]


def ask_for_unseen(shelf: Shelf) -> None:
    """Ask for all of them: scopes are others now."""
    for key, record in list(shelf.all_records()):
        if _is_unseen(shelf, record):
            shelf.want(key)


def ask_for_unwanted(shelf: Shelf) -> None:
    """Ask for those that wait and that no scope will tell of. What is being pushed has an answer
    coming.
    """
    part = shelf.standing.subscription
    if part is None:
        return
    for key in shelf.parked.keys() - shelf.pending.keys():
        if key.model not in part and _is_unseen(shelf, shelf.record(key)):
            shelf.want(key)


def ask_if_unwanted(shelf: Shelf, held: Held) -> None:
    """Ask for one whose push was answered: it may lie outside of what is wanted."""
    is_part = shelf.standing.subscription is not None
    if is_part and held.is_confirmed and not held.record.scopes:
        shelf.want(held.key)


def is_out_of_sight(shelf: Shelf, record: Record) -> bool:
    """Is a row there, of which the server gives nothing? It took it, or was told it again, and no
    scope holds it: what it took would count twice if it were pushed again.
    """
    was_there = record.acked or record.since
    is_of_now = record.epoch in (None, shelf.standing.epoch)
    return bool(was_there and is_of_now and not record.scopes)


def _is_unseen(shelf: Shelf, record: Record) -> bool:
    """Not so a row of an earlier epoch, which the server may have lost."""
    return bool(record.acked and not record.scopes and record.epoch == shelf.standing.epoch)
