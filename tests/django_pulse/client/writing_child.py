"""A process that writes to a store and says so, for tests that kill it.

    python -m tests.django_pulse.client.writing_child PATH FIRST

writes the keys FIRST, FIRST + 1, ... in pairs, and prints each number after its write returned.
"""

import sys

from django_pulse.client.store import SQLiteStore

__all__: list[str] = []

if __name__ == "__main__":
    store = SQLiteStore(sys.argv[1])
    for number in range(int(sys.argv[2]), sys.maxsize):
        value = b"%d" % number * 50
        store.write({f"left/{number:08}": value, f"right/{number:08}": value, "last": value})
        print(number, flush=True)
