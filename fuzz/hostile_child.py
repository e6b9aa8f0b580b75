"""The process in which hostile updates are tried: should one end it, its number is the last line.

    python -m fuzz.hostile_child SEED FIRST COUNT

Prints the number of each case before it is tried, and at the end one line of JSON: how often each
verdict came, and each mutation.
"""

import json
import sys
from collections import Counter

from .agreement import judge
from .hostile import hostile_case

__all__ = ["main"]

SHOWN = 2_000
"""Bytes of a failing update that are printed: enough to see what it is; its number remakes it."""


def main(seed: int, first: int, count: int) -> None:
    """Try the cases; raises what the first wrong one raised."""
    verdicts: Counter[str] = Counter()
    mutations: Counter[str] = Counter()
    say = sys.stdout
    for number in range(first, first + count):
        say.write(f"{number}\n")
        say.flush()
        case = hostile_case(seed, number)
        try:
            verdicts[judge(case)] += 1
        except BaseException:
            sys.stderr.write(f"{case.mutations} {case.data[:SHOWN].hex()}\n")
            sys.stderr.flush()
            raise
        mutations.update(case.mutations)
    say.write(json.dumps({"verdicts": verdicts, "mutations": mutations}) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
