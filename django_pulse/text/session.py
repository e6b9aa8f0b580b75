"""One conversation in the text protocol, as a state machine without I/O.

As `server.session`, which drives and is driven alike; the same steps, the same driver.

Laws:

1. The first frame signs in whoever the connection came with; nothing is read or told before.
2. A table is told from the version that the client asked from, in the order of versions, and by one
   teller at a time: whatever calls for telling more only makes it go on.
3. Hints only say that there is something to tell. What is told is read from the database, so that a
   hint that is lost, late or repeated changes nothing but the time.
4. Whatever a client sends is answered. Nothing but the end of its sign-in ends the connection.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.http import QueryDict

from crdt.errors import Malformed, RemoteFault
from crdt.frames import decode
from crdt.messages import Changes

from ..mapping.schema import label_of
from ..server.endings import ending_of
from ..server.steps import Close, Join, Part, Send, Step, Steps, ask
from ..sign_in.auth import GONE
from . import messages
from .listing import Cursor
from .messages import BatchUpload, DeltaRequest, Row, Single, Wrong
from .services import MAX_DEVICE_CHARS, Answer, TextBackend
from .tables import model_called

if TYPE_CHECKING:
    from ..sign_in.auth import Handshake, SignIn
    from ..sync_model import SyncModel
    from .listing import Lines
    from .readings import Readings

__all__ = ["TextSession"]

logger = logging.getLogger(__name__)

_INTERNAL = "Something failed on the server. Nothing of this message is lost: send it again later."


@dataclass(slots=True)
class _Table:
    """A table that the client wants to be told: as it calls it, and how far it was told."""

    name: str
    cursor: Cursor


class TextSession:
    """One connection. Its messages are handled one after another."""

    def __init__(self, services: TextBackend, handshake: Handshake) -> None:
        self._services = services
        self._handshake = handshake
        self._signed: SignIn | None = None
        self._replica = 0
        self._chain = ""
        self._readings: Readings | None = None
        self._access: dict[str, int] = {}
        self._tables: dict[type[SyncModel], _Table] = {}
        self._telling: set[type[SyncModel]] = set()
        self._more: set[type[SyncModel]] = set()
        self._holding: set[type[SyncModel]] = set()
        self.is_closed = False
        #: How often the user was found to be in good standing.
        self.checks = 0

    @property
    def is_ready(self) -> bool:
        """Is somebody signed in?"""
        return self._readings is not None and not self.is_closed

    @property
    def seconds_left(self) -> float | None:
        """How long the sign-in lasts; None where it has no end of its own, or there is none yet."""
        return None if self._signed is None else self._signed.seconds_left

    @property
    def scopes(self) -> frozenset[str]:
        """What the user reads."""
        return frozenset(self._readings.reads) if self._readings is not None else frozenset()

    # Entry points

    def receive(self, text: str) -> Steps:
        """Answer a text frame."""
        if not self.is_closed:
            yield from self._guarded(self._answer(partial(messages.parsed, text)))

    def answer(self, said: Any) -> Steps:
        """Answer a message that is JSON which was read already."""
        if not self.is_closed:
            yield from self._guarded(self._answer(lambda: said))

    def relay(self, scope: str, frame: bytes, access: int = 0) -> Steps:
        """Something has changed in a scope: tell what of it the client wants to know."""
        if not self.is_ready or scope not in self.scopes:
            return
        if access != self._access.get(scope, 0):
            yield from self.check()
            self._access[scope] = access
        elif wanted := self._touched(frame):
            yield from self._guarded(self._tell(wanted))

    def check(self, ended: str = "") -> Steps:
        """Find out whether the user may still be served, and tell what is new.

        `ended` is the name of a session that ends just now.
        """
        if self.is_ready:
            yield from self._guarded(self._checked(ended))

    # Messages

    def _answer(self, said: Callable[[], Any]) -> Steps:
        if self._signed is None:
            yield from self._sign_in()
        message = messages.message(said())
        model = model_called(message.table)
        match message:
            case DeltaRequest(table, version):
                yield from self._delta(model, table, version)
            case Single(table, row):
                yield from self._taken(
                    model, [row], lambda told: messages.single_ack(table, *told[0])
                )
            case BatchUpload(table, rows):
                yield from self._taken(model, rows, lambda told: _batch_ack(table, told))

    def _sign_in(self) -> Steps:
        signed, replica, chain, observed = yield from ask(self._admit)
        yield Join(frozenset(observed.reads) | {self._services.user_channel(signed.user)})
        # What was committed between looking and joining comes with the first question.
        self._signed, self._replica, self._chain = signed, replica, chain
        self._know(observed)

    def _delta(self, model: type[SyncModel], table: str, version: int) -> Steps:
        yield from self._refresh()
        self._tables[model] = _Table(table, Cursor(version))
        yield from self._tell([model])

    def _taken(
        self,
        model: type[SyncModel],
        rows: Sequence[Row | Wrong],
        ack: Callable[[list[Answer]], str],
    ) -> Steps:
        """Take rows, acknowledge them, and then tell what has become of every one of them.

        An app takes no update of a row that it has something to send of. So none comes before the
        ack, and one comes behind it also where nothing was written.
        """
        self._holding.add(model)
        try:
            answers = yield from ask(self._upload, model, rows)
            yield Send(ack(answers))
        finally:
            self._holding.discard(model)
        yield from self._tell([model])

    def _checked(self, ended: str) -> Steps:
        if ended and self._known().ends_with(ended):
            raise RemoteFault(GONE, code="unauthenticated")
        before = self._read()
        yield from self._refresh()
        if self._read() != before:
            yield from self._tell(self._tables)

    # Telling

    def _tell(self, models: Collection[type[SyncModel]]) -> Steps:
        for model in tuple(models):
            if model in self._telling or model in self._holding:
                self._more.add(model)
            elif model in self._tables:
                self._telling.add(model)
                try:
                    yield from self._tell_table(model)
                finally:
                    self._telling.discard(model)

    def _tell_table(self, model: type[SyncModel]) -> Steps:
        """Tell pages until there are none; asked from elsewhere meanwhile, go on from there."""
        more = True
        while more:
            self._more.discard(model)
            table = self._tables[model]
            page: Lines = yield from ask(self._services.lines, self._read(), model, table.cursor)
            if model in self._holding:
                return  # whoever holds it goes on
            for line in page.lines:
                yield Send(messages.update(table.name, line))
            table.cursor = page.cursor
            is_other = self._tables[model] is not table
            more = page.more or is_other or model in self._more

    def _touched(self, frame: bytes) -> list[type[SyncModel]]:
        """The tables that a live frame says something of; all of them, where it does not say."""
        said = decode(frame)
        if not isinstance(said, Changes) or said.more:
            return list(self._tables)
        labels = {item.model for item in said.items} | {key.model for key in said.leaves}
        return [model for model in self._tables if label_of(model) in labels]

    # Work: these run in a thread, and change nothing of the session

    def _admit(self) -> tuple[SignIn, int, str, Readings]:
        signed = self._services.sign_in(self._handshake, None)
        device = device_of(self._handshake)
        # Whoever writes nothing needs no replica id.
        replica = 0 if signed.is_anonymous else self._services.replica_for(signed.user, device)
        chain = device or secrets.token_hex(16)
        return signed, replica, chain, self._services.observe(signed.user)

    def _upload(self, model: type[SyncModel], rows: Any) -> list[Answer]:
        user = self._services.current_user(self._known())
        return self._services.upload(user, self._replica, self._chain, model, rows)

    def _observe(self) -> Readings:
        return self._services.observe(self._services.current_user(self._known()))

    # Below

    def _refresh(self) -> Steps:
        """Look again what the user reads, and listen to that."""
        observed: Readings = yield from ask(self._observe)
        before = self.scopes
        self._know(observed)
        if gained := self.scopes - before:
            yield Join(gained)
        if lost := before - self.scopes:
            yield Part(lost)

    def _know(self, observed: Readings) -> None:
        self._readings = observed
        self._access = dict(observed.heads.access)
        self.checks += 1

    def _read(self) -> Readings:
        assert self._readings is not None, "whoever tells has signed somebody in"
        return self._readings

    def _known(self) -> SignIn:
        assert self._signed is not None, "whoever asks has signed somebody in"
        return self._signed

    def _guarded(self, steps: Generator[Step, Any, Any]) -> Steps:
        """Run `steps`; whatever they raise becomes an answer."""
        try:
            yield from steps
        except RemoteFault as fault:
            yield from self._refuse(fault)
        except Exception:
            logger.exception("Answering a message failed.")
            yield from self._refuse(RemoteFault(_INTERNAL, code="internal"))

    def _refuse(self, fault: RemoteFault) -> Steps:
        yield Send(messages.error(fault.code, str(fault)))
        ending = ending_of(fault.code, is_new=False)
        if ending is not None:
            self.is_closed = True
            yield Close(*ending)


def device_of(handshake: Handshake) -> str:
    """The name that a device gives itself: `?device=` in the address. Empty for none."""
    name = QueryDict(handshake.request.META.get("QUERY_STRING", "")).get("device", "")
    if len(name) > MAX_DEVICE_CHARS or not name.isprintable():
        raise Malformed(
            f"A device is called by at most {MAX_DEVICE_CHARS} printable characters: ?device=NAME."
        )
    return name


def _batch_ack(table: str, answers: Collection[Answer]) -> str:
    return messages.batch_ack(
        table,
        [sync_id for sync_id, wrong, _ in answers if sync_id is not None and not wrong],
        [(sync_id, wrong) for sync_id, wrong, _ in answers if wrong],
        [(sync_id, note) for sync_id, _, note in answers if note],
    )
