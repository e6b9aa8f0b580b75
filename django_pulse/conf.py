"""Every setting, with its unit, its default and the reason for it.

A project overrides them in one dictionary:

    DJANGO_PULSE = {"AUTHENTICATE": "accounts.tokens.user_of", "POLL_SECONDS": 30}

`conf` reads that dictionary each time, so nothing is read before settings are configured and
`override_settings` needs no signal. The system checks report unknown names and wrong types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar, overload

from django.conf import settings

__all__ = ["SETTINGS_NAME", "Conf", "Setting", "conf"]

SETTINGS_NAME = "DJANGO_PULSE"

T = TypeVar("T")


class Setting(Generic[T]):
    """One named setting. `kind` is what its value must be an instance of; numbers are > 0."""

    def __init__(self, default: T, kind: type | tuple[type, ...]) -> None:
        self.default = default
        self.kind = kind
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...

    @overload
    def __get__(self, instance: Conf, owner: type) -> T: ...

    def __get__(self, instance: Conf | None, owner: type) -> Setting[T] | T:
        if instance is None:
            return self
        value: T = instance.overrides().get(self.name, self.default)
        return value

    def accepts(self, value: Any) -> bool:
        """Whether `value` may stand in the dictionary."""
        kinds = self.kind if isinstance(self.kind, tuple) else (self.kind,)
        if isinstance(value, bool):
            return bool in kinds
        if not isinstance(value, kinds):
            return False
        return not isinstance(value, (int, float)) or value > 0


class Conf:
    """The settings in effect now."""

    # Dotted path of `f(token: str) -> user | None`, called for the token in `hello` where neither
    # a middleware nor the session cookie has signed anybody in. None: tokens sign nobody in.
    AUTHENTICATE = Setting[str | None](None, (str, type(None)))

    # Whether whoever is not signed in may connect: to read the models that are `anonymous`, and to
    # write nothing. It takes both, so that neither a forgotten setting nor a reusable app does.
    ALLOW_ANONYMOUS = Setting[bool](False, bool)

    # Seconds for which a ticket can be used. A page asks for one and opens its socket at once; a
    # slow phone takes a few, and a ticket that leaked is worth nothing a minute later.
    TICKET_SECONDS = Setting[float](60, (int, float))

    # Seconds between two pings of a client. A hint lost by the channel layer is noticed at the
    # next one, so this is the longest a client is behind; below about 5 the pings of idle phones
    # become the server's main work.
    POLL_SECONDS = Setting[float](15, (int, float))

    # Bytes of one frame, both ways. Holds a page or a push with room to spare, and a few hundred
    # concurrent sockets of the largest frames still fit in an ordinary server's memory.
    MAX_FRAME_BYTES = Setting[int](1 << 20, int)

    # Rows of one push. Bounds the transaction that merges it, and with it how long its locks last.
    MAX_ROWS_PER_PUSH = Setting[int](500, int)

    # Bytes of one row's update in a push. As many single characters deleted take pycrdt a second;
    # clients cut what is larger.
    MAX_UPDATE_BYTES = Setting[int](256 * 1024, int)

    # Bytes of one row's document. Every push of the row reads and rewrites all of it, and every
    # device that sees the row holds it; one in use has a hundredth of this. Of a larger one devices
    # may delete, and read, and the server may still write it.
    MAX_DOCUMENT_BYTES = Setting[int](1 << 20, int)

    # Entries in one row's document: a value of each field, and each element of sets, lists and
    # trees. Reading so many takes some 20 ms, at every push of the row.
    MAX_DOCUMENT_ENTRIES = Setting[int](10_000, int)

    # Devices that wrote into one row, ever: each is named in the document, and in what is compared
    # before every exchange. A row that thousands write to should be several.
    MAX_DOCUMENT_REPLICAS = Setting[int](2_000, int)

    # References and rows of one user that may wait, for a row that has not arrived or for a value
    # that is taken. A day offline leaves a few; a client that invents references is stopped here.
    MAX_PARKED_PER_USER = Setting[int](1_000, int)

    # Rows of one page of a pull: large enough to amortise the query, small enough that a phone
    # that is cut off repeats little.
    PAGE_ROWS = Setting[int](500, int)

    # Bytes of one page of a pull. A page ends at whichever bound comes first; one row that is
    # larger travels alone. Half a frame, so that a page always fits one.
    PAGE_BYTES = Setting[int](512 * 1024, int)

    # Seconds a stamp may lie ahead of the server's clock before the server rewrites it. Clients
    # correct theirs by the time in `welcome`; what remains is a clock changed since.
    MAX_DRIFT_SECONDS = Setting[float](300, (int, float))

    # Threads, per process, that run database work for sockets. Each may hold one database
    # connection, so this bounds what sockets can take from the pool.
    THREADS = Setting[int](4, int)

    # Whether that work runs in asgiref's one thread-sensitive thread instead, as it must where a
    # test's transaction lives in that thread (`TestCase`).
    THREAD_SENSITIVE = Setting[bool](False, bool)

    # Seconds a committed request may spend on telling the channel layer. Hints are optional: a
    # stopped Redis must not slow requests down by more than this.
    HINT_TIMEOUT_SECONDS = Setting[float](2, (int, float))

    # Bytes of changes carried by a hint; beyond them it only says that the head moved. Channel
    # layers keep every message in memory once per receiver.
    HINT_MAX_BYTES = Setting[int](64 * 1024, int)

    # Seconds a new socket has until its `hello`. A phone on a bad line needs two or three; a socket
    # that never says who it is holds a file descriptor and nothing else.
    HELLO_TIMEOUT_SECONDS = Setting[float](10, (int, float))

    # Seconds one frame may wait for its reader. Beyond them the socket is dropped, so that what
    # is queued for it stays bounded; it catches up from its cursor when it comes back.
    SEND_TIMEOUT_SECONDS = Setting[float](20, (int, float))

    # Bytes sent to one socket, and not shown to be read, beyond which nothing more is answered:
    # some pages, so that a long line is kept busy. This bounds what an ASGI server keeps that takes
    # whatever it is given.
    MAX_UNREAD_BYTES = Setting[int](4 << 20, int)

    # Frames per second that one socket is served; a burst of two seconds' worth passes at once.
    # A faster one is not refused, it is read more slowly. An eager client sends about ten.
    FRAMES_PER_SECOND = Setting[float](100, (int, float))

    # Days for which it is remembered that a row was deleted, or left somebody's sight. A device
    # that was away for longer reads everything anew; a quarter is longer than most phones lie in
    # a drawer, and tombstones take a few hundred bytes each.
    TOMBSTONE_DAYS = Setting[float](90, (int, float))

    # Days for which it is remembered what clients of the text protocol were told of a row that has
    # changed since, and what they sent: a month offline is merged without loss. A version takes
    # about as much as the row does.
    TEXT_HISTORY_DAYS = Setting[float](31, (int, float))

    def overrides(self) -> Mapping[str, Any]:
        """The project's dictionary; empty where there is none, or something else in its place."""
        value = getattr(settings, SETTINGS_NAME, None)
        return value if isinstance(value, Mapping) else {}

    @classmethod
    def all(cls) -> Iterator[Setting[Any]]:
        """Every setting there is, in the order of this file."""
        return (value for value in vars(cls).values() if isinstance(value, Setting))


conf = Conf()
