"""Frames: messages as bytes, and back.

    uint32, big-endian: the header's length | JSON header | blobs, back to back

The header names the message in `"type"` and, where there are blobs, their lengths in `"sizes"`.

Laws:

1. `decode(encode(message)) == message`.
2. `decode` takes any bytes at all and raises nothing but `RemoteFault`, in time and memory
   proportional to the frame.
3. A header may hold fields that nobody here knows; it never holds one twice.
"""

import json
import re
from typing import Any, Final

import orjson

from .errors import LocalFault, Malformed, RemoteFault, TooLarge
from .header import Fields
from .messages import (
    Ack,
    Busy,
    Changes,
    Confirm,
    Fault,
    Hello,
    Item,
    Key,
    Leave,
    Limits,
    Listing,
    Mark,
    Message,
    Outcome,
    Outcomes,
    ParkedRow,
    Ping,
    Pong,
    Pull,
    Push,
    Refused,
    Renew,
    Renewed,
    Resend,
    Reverted,
    RevertedField,
    Subscribe,
    Subscribed,
    Subscription,
    Verdict,
    Welcome,
)
from .wire import READERS, WRITERS

__all__ = [
    "MAX_DEPTH",
    "MAX_FRAME_BYTES",
    "MAX_HEADER_BYTES",
    "Ack",
    "Busy",
    "Changes",
    "Confirm",
    "Fault",
    "Hello",
    "Item",
    "Key",
    "Leave",
    "Limits",
    "Listing",
    "Mark",
    "Message",
    "Outcome",
    "Outcomes",
    "ParkedRow",
    "Ping",
    "Pong",
    "Pull",
    "Push",
    "Refused",
    "Renew",
    "Renewed",
    "Resend",
    "Reverted",
    "RevertedField",
    "Subscribe",
    "Subscribed",
    "Subscription",
    "Verdict",
    "Welcome",
    "decode",
    "encode",
]

MAX_FRAME_BYTES: Final = 64 << 20
"""Bytes in a frame: what a client takes from a server. A server sets a much lower limit itself."""

MAX_HEADER_BYTES: Final = 4 << 20
"""Bytes in a header: 10,000 keys with room to spare, parsed in well under a second."""

MAX_DEPTH: Final = 32
"""Nesting of the header's JSON: ours needs 6, a field's options some more."""

# Matches wherever a string begins, ended or not: a failed match would be tried again from every
# quote inside it, in quadratic time.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def encode(message: Message) -> bytes:
    """The frame that holds `message`."""
    header, blobs = WRITERS[type(message)](message)
    if blobs is not None:
        header["sizes"] = [len(blob) for blob in blobs]
    try:
        head = orjson.dumps(header)
    except TypeError as error:
        raise LocalFault(f"This message cannot be written as JSON: {error}") from error
    return b"".join((len(head).to_bytes(4, "big"), head, *(blobs or ())))


def decode(frame: bytes, limit: int = MAX_FRAME_BYTES) -> Message:
    """The message in `frame`; raises `RemoteFault` if it is not one, or longer than `limit`."""
    if len(frame) > limit:
        raise TooLarge(f"A frame of {len(frame)} bytes is over the limit of {limit}.")
    if len(frame) < 4:
        raise Malformed(f"A frame of {len(frame)} bytes is too short to hold a header.")
    end = 4 + int.from_bytes(frame[:4], "big")
    if end > len(frame):
        raise Malformed(f"The header should end at byte {end}, but the frame has {len(frame)}.")
    header = _parse(frame[4:end])
    kind = header.get("type")
    reader = READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise RemoteFault(f"There is no message of type {str(kind)[:40]!r}.", code="protocol")
    return reader(Fields(str(kind), header, _blobs(header, frame, end)))


def _parse(head: bytes) -> dict[str, Any]:
    if len(head) > MAX_HEADER_BYTES:
        raise TooLarge(f"A header of {len(head)} bytes is over the limit of {MAX_HEADER_BYTES}.")
    _check_depth(head)
    try:
        text = head.decode("utf-8")
        header = _JSON.decode(text)
        if "\\u" in text:
            json.dumps(header, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        raise Malformed("The header holds text that is not valid Unicode.") from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"The header is not JSON: {str(error)[:100]}.") from None
    if not isinstance(header, dict):
        raise Malformed("The header is not a JSON object.")
    return header


def _check_depth(head: bytes) -> None:
    """Peel off the innermost brackets, one level at a time, without parsing or recursion."""
    brackets = _STRING.sub(b"", head).translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets:
        raise Malformed(f"The header is nested deeper than {MAX_DEPTH}, or its brackets differ.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


_JSON: Final = json.JSONDecoder(  # `json.loads` would make one each time
    object_pairs_hook=_unique, parse_constant=_no_constant
)


def _blobs(header: dict[str, Any], frame: bytes, start: int) -> list[bytes]:
    sizes = header.get("sizes", [])
    if not isinstance(sizes, list) or not all(type(size) is int and size >= 0 for size in sizes):
        raise Malformed('"sizes" must be a list of lengths.')
    if sum(sizes) != len(frame) - start:
        raise Malformed(
            f'"sizes" adds up to {sum(sizes)} bytes, but {len(frame) - start} follow the header.'
        )
    blobs = []
    for size in sizes:
        blobs.append(frame[start : start + size])
        start += size
    return blobs
