"""Where a history is played: its devices, its rows, and the story so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeVar
from uuid import UUID

from crdt import MISSING, Document
from crdt.values import encode
from django_pulse.tables import Document as StoredDocument

from ..world import Clock, Device, Server
from .editables import Editable
from .kit import DEVICES, Kit
from .laws import Laws
from .record import Record, Recording
from .references import held_by_columns, meant
from .validity import is_valid

__all__ = ["Broken", "NothingToDo", "Stage", "shown"]

T = TypeVar("T")

STEP_MS: Final = 60_000
"""Between two steps: a minute, so that the story's times differ."""

FIRST_REPLICA: Final = 101

MOST_SHOWN: Final = 60
"""Characters of a value in a story."""


class Broken(AssertionError):
    """A promise that was not kept; the message says which, where."""


class NothingToDo(Exception):
    """There is nothing that the step could be done to: it is no part of the story."""


class Stage:
    """See the module's docstring. `recorded` connections keep what devices push."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.clock = Clock()
        self.record = Record(kit.schema.label)
        self.server = _Recorded(self.record)
        self.laws = Laws(kit.schema.fields)
        self.story: list[str] = []
        self.rows: list[UUID] = []
        self.devices: list[Device] = []
        self._lawful: set[bytes] = set()
        self.loaded: dict[UUID, Any] = {}
        """Instances as the server's code loaded them when the row came to be."""

    @contextmanager
    def set_up(self, rows: int) -> Iterator[None]:
        """Devices without anything to send, and so many rows that all of them have."""
        with ExitStack() as stack:
            stack.enter_context(self.clock.ruling())
            stack.enter_context(self.server.serving())
            self.kit.begin()
            for number, user in enumerate(self.kit.users):
                name = DEVICES[number % len(DEVICES)]
                ids = _ids(FIRST_REPLICA + number)
                device = Device(name, user, FIRST_REPLICA + number, self.clock, ids)
                self.devices.append(device)
            for number in range(rows):
                row = self.new_row(number)
                if row is not None:
                    self.story.append(f"   There is {self.called(row.sync_id)}: {self.told(row)}.")
            for device in self.devices:
                device.connect(self.server)
                device.exchange()
                device.cut()
            self.note()
            yield

    def called(self, sync_id: UUID) -> str:
        """What the story calls a row."""
        return f"row {self.rows.index(sync_id) + 1}" if sync_id in self.rows else str(sync_id)

    def told(self, row: Any) -> str:
        """What a row of the table says, where it says anything."""
        said = [
            f"{each.name} {shown(value)}"
            for each in self.kit.editables
            if (value := row.__dict__.get(each.column.attname))
        ]
        return ", ".join(said) or "nothing in it"

    def note(self) -> None:
        """Record what the server's documents say now."""
        rows = StoredDocument.objects.using(self.kit.using).filter(model=self.kit.schema.label)
        states = {sync_id: bytes(state) for sync_id, state in rows.values_list("sync_id", "state")}
        self.record.stored(states)

    def check_laws(self) -> None:
        """Ask every rule about what the devices hold."""
        for device in self.devices:
            for sync_id, state in device.replica.states(self.kit.schema.label):
                if state in self._lawful:
                    continue
                self._lawful.add(state)
                broken = self.laws.broken_by(Document(state), self.kit.schema.fields)
                if broken is not None:
                    raise Broken(f"On {device.name}, in {self.called(sync_id)}: {broken}")

    # What a step is done to

    def row_on(self, device: Device, place: int) -> UUID:
        """A row that the device shows."""
        return _at(self._rows_on(device), place)

    def _rows_on(self, device: Device) -> list[UUID]:
        held = device.rows(self.kit.schema.label)
        return [sync_id for sync_id in self.rows if sync_id in held]

    def value_on(self, device: Device, sync_id: UUID, field: Editable) -> Any:
        """What the device shows of a field, or MISSING."""
        row = device.replica.get(self.kit.schema.label, sync_id)
        return MISSING if row is None else row.values.get(field.name, MISSING)

    def value_for(self, device: Device, field: Editable, place: int) -> Any:
        """A value that the device gives a field; MISSING where there is no row to refer to."""
        return meant(field.values[place % len(field.values)], self._rows_on(device))

    def field_of_devices(self, place: int) -> Editable:
        """A field that devices write."""
        return _at(self.kit.written, place)

    def field_of_server(self, place: int) -> Editable:
        """A field that the server's own code writes."""
        return _at(self.kit.own, place)

    def set_of_server(self, place: int) -> Editable:
        """A many-to-many field that the server's own code writes."""
        return _at([each for each in self.kit.editables if each.column.is_set], place)

    def stored(self, place: int) -> Any:
        """A row of the table."""
        return _at(list(self._stored().values()), place)

    def stored_value(self, field: Editable, place: int) -> Any:
        """A value that the server's own code gives a field."""
        value = meant(field.values[place % len(field.values)], list(self._stored()))
        if value is MISSING:
            raise NothingToDo
        return value

    def write(self, row: Any, field: Editable, value: Any) -> Mapping[str, Any]:
        """Give a field of an instance a document's value; the attributes that hold it."""
        held = held_by_columns(field.column, value, self.kit.using)
        for name, attribute in held.items():
            setattr(row, name, attribute)
        return held

    def shown(self, value: Any) -> str:
        """A value for people: rows of the history by what they are called."""
        called = {encode("uuid", sync_id): self.called(sync_id) for sync_id in self.rows}
        if isinstance(value, UUID) and value in self.rows:
            return self.called(value)
        if isinstance(value, list) and any(isinstance(p, str) and p in called for p in value):
            return f"[{', '.join(called.get(part, repr(part)) for part in value)}]"
        return shown(value)

    def _stored(self) -> dict[UUID, Any]:
        """The rows of the table, in the order in which they came to be."""
        rows = {row.sync_id: row for row in self.kit.model._base_manager.using(self.kit.using)}
        return {sync_id: rows[sync_id] for sync_id in self.rows if sync_id in rows}

    def anchor(self, place: int) -> Any:
        """Something that users belong to."""
        return _at(self.kit.anchors, place)

    def new_row(self, number: int) -> Any:
        """A row that the server's own code made; None where its values would be no valid row."""
        sync_id = UUID(int=len(self.rows) + 1)
        row = self.kit.model(sync_id=sync_id)
        there = list(self._stored())
        for place, each in enumerate(self.kit.own):
            if each.is_needed or (number + place) % 2 == 0:
                value = meant(each.values[number % len(each.values)], there)
                if value is not MISSING:
                    self.write(row, each, value)
        owner = self.kit.owner
        if owner is not None:
            setattr(row, owner.attname, self.kit.users[0].pk)
        if not is_valid(row):
            return None
        row.save(using=self.kit.using)
        for each in self.kit.own:
            self.record.wrote(sync_id, each.field, None, row.__dict__[each.column.attname])
        self.rows.append(sync_id)
        self.loaded[sync_id] = self.kit.model._base_manager.using(self.kit.using).get(pk=row.pk)
        return row


class _Recorded(Server):
    """The server, whose connections record what they are pushed."""

    def __init__(self, record: Record) -> None:
        super().__init__(page_rows=3)
        self._record = record

    def connect(self, user: Any, services: Any = None) -> Any:
        return super().connect(user, Recording(user, self._record))


def _at(found: Sequence[T], place: int) -> T:
    """What stands at this place, counted round; there is nothing to do where there is nothing."""
    if not found:
        raise NothingToDo
    return found[place % len(found)]


def shown(value: Any) -> str:
    """A value for people, cut where it is long."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


def _ids(replica: int) -> Callable[[], UUID]:
    """Ids of devices' own rows: always the same."""
    numbers = iter(range(1, 10_000))
    return lambda: UUID(int=(replica << 64) + next(numbers))
