"""Under which marks the own clocks of a document were written: see `crdt.marks`."""

__all__ = ["Made", "made_since", "made_under", "mark_at"]

Made = tuple[tuple[int, int], ...]
"""Marks, each with the own clock from which on it is that of what was written."""


def mark_at(made: Made, clock: int) -> int:
    """The mark under which what has this clock was written; 0 if nobody knows."""
    return next((mark for mark, start in reversed(made) if start <= clock), 0)


def made_under(made: Made, mark: int, clock: int) -> Made:
    """`made`, and what is written from `clock` on under this mark."""
    return made if made and made[-1][0] == mark else (*made, (mark, clock))


def made_since(made: Made, clock: int, end: int) -> Made:
    """What of `made` is about clocks from `clock` on; `end` is the next one."""
    ends = [*(start for _, start in made), end][1:]
    return tuple(each for each, stop in zip(made, ends, strict=True) if stop > clock)
