"""The process in which hostile updates are tried: should one end it, its number is the last line.

    python -m fuzz.hostile_child SEED FIRST COUNT [PEER]

A case is an update and a frame. Prints the number of each before it is tried, and at the end one
line of JSON: how often each verdict came, and each mutation. PEER is a command: see `fuzz.peer`.
"""

import json
import sys
from collections import Counter
from contextlib import suppress

from crdt.errors import RemoteFault
from crdt.frames import decode

from .agreement import judge
from .hostile import hostile_case
from .hostile_frames import hostile_frame
from .peer import Peer

__all__ = ["main"]

SHOWN = 2_000
"""Bytes of a failing update that are printed: enough to see what it is; its number remakes it."""


def main(seed: int, first: int, count: int, command: str = "") -> None:
    """Try the cases; raises what the first wrong one raised."""
    peer = Peer(command) if command else None
    verdicts: Counter[str] = Counter()
    mutations: Counter[str] = Counter()
    say = sys.stdout
    for number in range(first, first + count):
        say.write(f"{number}\n")
        say.flush()
        case = hostile_case(seed, number)
        frame = hostile_frame(seed, number)
        try:
            verdicts[judge(case, peer)] += 1
            with suppress(RemoteFault):
                decode(frame)
        except BaseException:
            sys.stderr.write(f"{case.mutations} {case.data[:SHOWN].hex()}\n")
            sys.stderr.write(f"or the frame {frame[:SHOWN]!r}\n")
            sys.stderr.flush()
            raise
        mutations.update(case.mutations)
    if peer is not None:
        peer.close()
    say.write(json.dumps({"verdicts": verdicts, "mutations": mutations}) + "\n")


if __name__ == "__main__":
    numbers = [int(given) for given in sys.argv[1:4]]
    main(numbers[0], numbers[1], numbers[2], *sys.argv[4:])
