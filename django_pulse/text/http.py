"""The text protocol over HTTP, for curl and webhooks: one request, one answer, nothing live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crdt.errors import Malformed, RemoteFault

from ..server.exchange import drive
from ..server.steps import Send
from . import exact, messages
from .listing import Cursor
from .session import TextSession
from .tables import model_called

if TYPE_CHECKING:
    from ..sign_in.auth import Handshake
    from .services import TextBackend

__all__ = ["answer_to", "page_of"]

MAX_MESSAGES = 64
"""Messages of one request: rows are sent by the thousand in one of them."""


def page_of(services: TextBackend, handshake: Handshake, asked: Mapping[str, Any]) -> bytes:
    """A page of a table, as `?table=` and `?last_version=` or `?cursor=` ask for it.

    `{"table", "updates": [what a SYNC_UPDATE holds], "cursor", "more"}`. Raises `RemoteFault`.
    """
    signed = services.sign_in(handshake, None)
    table = messages.table_of(asked)
    model = model_called(table)
    cursor = _cursor(str(asked.get("cursor", asked.get("last_version", 0))))
    observed = services.observe(signed.user)
    page = services.lines(observed, model, cursor)
    said: dict[str, Any] = {
        "table": table,
        "updates": [messages.told(table, line) for line in page.lines],
        "cursor": f"{page.cursor.position}.{page.cursor.inside}.{page.cursor.fresh}",
        "more": page.more,
    }
    return exact.dumps(said)


def answer_to(services: TextBackend, handshake: Handshake, body: bytes) -> bytes:
    """The answers to a message, or to a list of messages, in their order: as on a socket.

    Raises `RemoteFault` where there is nothing that could be answered one by one.
    """
    said = messages.parsed(body)
    several = said if isinstance(said, list) else [said]
    if len(several) > MAX_MESSAGES:
        raise Malformed(f"At most {MAX_MESSAGES} messages are answered in one request.")
    session = TextSession(services, handshake)
    answers: list[Any] = []
    for each in several:
        if isinstance(each, dict) and each.get("type") == "SYNC_REQUEST_DELTA":
            raise RemoteFault("Ask for a table by GET: ?table=task&last_version=0.", code="use_get")
        steps = drive(session.answer(each))
        answers += [exact.loads(step.frame) for step in steps if isinstance(step, Send)]
        if session.is_closed:
            raise RemoteFault(answers[-1]["message"], code=answers[-1]["code"])
    return exact.dumps(answers if isinstance(said, list) else answers[0])


def _cursor(text: str) -> Cursor:
    parts = text.split(".")
    if len(parts) > 3 or not all(p.isascii() and p.isdigit() and len(p) < 20 for p in parts):
        raise Malformed('A "last_version" is a whole number, a "cursor" what an answer gave.')
    return Cursor(*map(int, parts))
