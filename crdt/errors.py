"""What can go wrong, and whose fault it is.

A `RemoteFault` says that a peer sent something it should not have; a `LocalFault` says that
the caller asked for something impossible. The two never share a type below `PulseError`, so that
a server can answer the first and crash loudly on the second.
"""

__all__ = [
    "Dangling",
    "Gap",
    "LocalFault",
    "Malformed",
    "PulseError",
    "RemoteFault",
    "ReplicaTaken",
    "TooLarge",
]


class PulseError(Exception):
    """Every exception that the packages `crdt` and `django_pulse` raise on purpose."""


class LocalFault(PulseError):
    """The caller asked for something that cannot be done; the message says what to do instead."""


class RemoteFault(PulseError):
    """The peer sent something that cannot be accepted.

    `code` is a stable word for programs, the message a sentence for people. Both are safe to send
    back to the peer: they never hold anything it did not send itself.
    """

    def __init__(self, message: str, *, code: str = "invalid") -> None:
        super().__init__(message)
        self.code = code


class Malformed(RemoteFault):
    """The bytes are not in the canonical form; nothing of them was used."""

    def __init__(self, message: str, *, code: str = "malformed") -> None:
        super().__init__(message, code=code)


class Dangling(Malformed):
    """The bytes build on what is not here: made up, or lost with the document it was in."""


class TooLarge(RemoteFault):
    """A bound was passed; the message names the bound and its value."""

    def __init__(self, message: str, *, code: str = "too_large") -> None:
        super().__init__(message, code=code)


class Gap(RemoteFault):
    """An update starts at another clock than the next one: what lies between is missing.

    `replica` is whose section it is, `expected` the next clock its receiver can take and `got` the
    first one that came. The answer is to send again from `expected`; nothing is lost by it.
    """

    def __init__(self, replica: int, expected: int, got: int) -> None:
        super().__init__(
            f"The update starts at clock {got} of replica {replica}, but the next clock known "
            f"here is {expected}: send again from there.",
            code="resend",
        )
        self.replica = replica
        self.expected = expected
        self.got = got


class ReplicaTaken(RemoteFault):
    """The replica id is somebody else's, or that of a store of which this one is a copy.

    Of the marks under which the copy says that its edits were made, `shared` are those that both
    stores have, `doubtful` those under which the copy went on when the other did.
    """

    def __init__(self, shared: tuple[int, ...] = (), doubtful: tuple[int, ...] = ()) -> None:
        super().__init__(
            "This replica id cannot be used here: take a new random one, and push your edits again "
            "under it.",
            code="replica_taken",
        )
        self.shared = shared
        self.doubtful = doubtful
