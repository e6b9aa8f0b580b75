"""Rows as an app sees them: read and edited at once, whatever the network does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from crdt import reshaping
from crdt.events import Parked
from crdt.replica import Replica, RowView
from crdt.stamp import stamp_ms

from .errors import LocalFault

__all__ = ["Conflict", "ModelHandle", "Row"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """One of several values that a field was given by writers who did not know of each other.

    `replica` wrote it at `at` (UTC, by its clock); `mine`: on this device. `current` marks the one
    that the row shows.
    """

    value: Any
    replica: int
    at: datetime
    mine: bool
    current: bool


class Row:
    """One row as it was when it was read; editing it gives the row as it is afterwards.

    A value is read as `row["title"]`, or as `row.title` where the field's name is none of this
    class's own. Fields that nobody has written yet are absent. `parked` says why the server has not
    let the row in yet, where that is so. Values are of the types that Django
    uses for the field (`Decimal`, `datetime`, `UUID`, ...).
    """

    __slots__ = ("_handle", "id", "parked", "values")

    def __init__(self, handle: "ModelHandle", view: RowView) -> None:
        self._handle = handle
        self.id: UUID = view.id
        self.values: Mapping[str, Any] = view.values
        self.parked: Parked | None = view.parked

    def set(self, **values: Any) -> "Row":
        """`ModelHandle.set` for this row."""
        return self._handle.set(self.id, **values)

    def add(self, **amounts: Any) -> "Row":
        """`ModelHandle.add` for this row."""
        return self._handle.add(self.id, **amounts)

    def edit_text(self, field: str, index: int, delete: int = 0, insert: str = "") -> "Row":
        """`ModelHandle.edit_text` for this row."""
        return self._handle.edit_text(self.id, field, index, delete, insert)

    def add_to(self, field: str, *elements: Any) -> "Row":
        """`ModelHandle.add_to` for this row."""
        return self._handle.add_to(self.id, field, *elements)

    def remove_from(self, field: str, *elements: Any) -> "Row":
        """`ModelHandle.remove_from` for this row."""
        return self._handle.remove_from(self.id, field, *elements)

    def set_at(self, field: str, *path: str | int, value: Any) -> "Row":
        """`ModelHandle.set_at` for this row."""
        return self._handle.set_at(self.id, field, *path, value=value)

    def remove_at(self, field: str, *path: str | int) -> "Row":
        """`ModelHandle.remove_at` for this row."""
        return self._handle.remove_at(self.id, field, *path)

    def insert_at(self, field: str, *path: str | int, items: Sequence[Any]) -> "Row":
        """`ModelHandle.insert_at` for this row."""
        return self._handle.insert_at(self.id, field, *path, items=items)

    def move(self, field: str, *path: str | int, to: int) -> "Row":
        """`ModelHandle.move` for this row."""
        return self._handle.move(self.id, field, *path, to=to)

    def conflicts(self) -> dict[str, list[Conflict]]:
        """`ModelHandle.conflicts` for this row, as it is now."""
        return self._handle.conflicts(self.id)

    def resolve(self, **values: Any) -> "Row":
        """`ModelHandle.resolve` for this row."""
        return self._handle.resolve(self.id, **values)

    def delete(self) -> None:
        """`ModelHandle.delete` for this row."""
        self._handle.delete(self.id)

    def __getitem__(self, field: str) -> Any:
        return self.values[field]

    def __getattr__(self, field: str) -> Any:
        try:
            return self.values[field]
        except KeyError:
            raise AttributeError(
                f"The row has no value of {field!r}: it has {sorted(self.values)}."
            ) from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return (self._handle.label, self.id, self.values) == (
            other._handle.label,
            other.id,
            other.values,
        )

    def __hash__(self) -> int:
        return hash((self._handle.label, self.id))

    def __repr__(self) -> str:
        return f"<{self._handle.label} {self.id} {dict(self.values)!r}>"


class ModelHandle:
    """The rows of one model on this device.

    Reading and editing need no network and are no coroutines: every edit is on the disk of this
    device (with `store=None`: in memory) when the method returns, and a kill right after it loses
    nothing. It reaches the server whenever there is a connection; `await pulse.synced()` waits for
    that. An edit costs one disk write, a few milliseconds on a phone.
    """

    def __init__(
        self, label: str, local: Callable[[], Replica], edited: Callable[[], None]
    ) -> None:
        self.label = label
        self._local = local
        self._edited = edited

    def create(self, **values: Any) -> Row:
        """A new row; fields that are not given hold their model's default."""
        row_id = self._local().create(self.label, values)
        self._edited()
        return self._row(row_id)

    def get(self, row_id: UUID | str) -> Row | None:
        """The row, or None where this device does not have it."""
        view = self._local().get(self.label, _uuid(row_id))
        return None if view is None else Row(self, view)

    def all(self) -> list[Row]:
        """Every row that this device has."""
        return [Row(self, view) for view in self._local().all(self.label)]

    def set(self, row_id: UUID | str, **values: Any) -> Row:
        """Write these fields, and no others; each merges by the rule of its field.

        A value equal to what the field holds already is not written again.
        """
        self._local().set(self.label, _uuid(row_id), **values)
        self._edited()
        return self._row(_uuid(row_id))

    def add(self, row_id: UUID | str, **amounts: Any) -> Row:
        """Add to counters: `add(id, votes=1)`. What several devices add is all counted."""
        replica, key = self._local(), _uuid(row_id)
        for field, amount in amounts.items():
            replica.add(self.label, key, field, amount)
            self._edited()
        return self._row(key)

    def edit_text(
        self, row_id: UUID | str, field: str, index: int, delete: int = 0, insert: str = ""
    ) -> Row:
        """Delete `delete` characters at `index`, then insert there, in a field merged as `Text`.

        Positions count Python characters (code points).
        """
        self._local().edit_text(self.label, _uuid(row_id), field, index, delete, insert)
        self._edited()
        return self._row(_uuid(row_id))

    def conflicts(self, row_id: UUID | str) -> dict[str, list[Conflict]]:
        """The row's fields that were written concurrently, each with the values still alive, the
        latest first. Fields that keep every writer's part (texts, counters) are never among them.
        """
        replica = self._local()
        return {
            field: [
                Conflict(
                    value=each.value,
                    replica=each.replica,
                    at=datetime.fromtimestamp(stamp_ms(each.stamp) / 1000, UTC),
                    mine=each.replica == replica.replica,
                    current=each.current,
                )
                for each in alive
            ]
            for field, alive in replica.conflicts(self.label, _uuid(row_id)).items()
        }

    def resolve(self, row_id: UUID | str, **values: Any) -> Row:
        """Settle fields in conflict: each value given takes the place of all that are alive."""
        self._local().resolve(self.label, _uuid(row_id), **values)
        self._edited()
        return self._row(_uuid(row_id))

    def add_to(self, row_id: UUID | str, field: str, *elements: Any) -> Row:
        """Add elements to a set: `add_to(id, "tags", "urgent")`."""
        return self._change(row_id, field, lambda old: reshaping.with_elements(old, elements))

    def remove_from(self, row_id: UUID | str, field: str, *elements: Any) -> Row:
        """Remove elements from a set; those that are not in it are passed over."""
        return self._change(row_id, field, lambda old: reshaping.without_elements(old, elements))

    def set_at(self, row_id: UUID | str, field: str, *path: str | int, value: Any) -> Row:
        """Write a part of a list or of JSON: `set_at(id, "options", "size", "width", value=3)`.

        The path are keys and indices; objects that are missing on the way are made.
        """
        return self._change(row_id, field, lambda old: reshaping.set_at(old, path, value))

    def remove_at(self, row_id: UUID | str, field: str, *path: str | int) -> Row:
        """Remove an item of a list, or a key of JSON: `remove_at(id, "stops", 2)`."""
        return self._change(row_id, field, lambda old: reshaping.removed_at(old, path))

    def insert_at(
        self, row_id: UUID | str, field: str, *path: str | int, items: Sequence[Any]
    ) -> Row:
        """Insert into a list; the path ends with the first one's index:
        `insert_at(id, "stops", 0, items=["Graz"])`.
        """
        return self._change(row_id, field, lambda old: reshaping.inserted_at(old, path, items))

    def move(self, row_id: UUID | str, field: str, *path: str | int, to: int) -> Row:
        """Move the item at the path to another index of its list: `move(id, "stops", 2, to=0)`."""
        return self._change(row_id, field, lambda old: reshaping.moved_at(old, path, to))

    def _change(self, row_id: UUID | str, field: str, edit: Callable[[Any], Any]) -> Row:
        self._local().change(self.label, _uuid(row_id), field, edit)
        self._edited()
        return self._row(_uuid(row_id))

    def delete(self, row_id: UUID | str) -> None:
        """Delete the row, here now and everywhere when this device has synced."""
        self._local().delete(self.label, _uuid(row_id))
        self._edited()

    def undelete(self, row_id: UUID | str) -> Row:
        """Take back a deletion, the fields as they were; whoever deletes it again, does.

        The server keeps deleted rows for a set time (`TOMBSTONE_DAYS`).
        """
        self._local().undelete(self.label, _uuid(row_id))
        self._edited()
        return self._row(_uuid(row_id))

    def _row(self, row_id: UUID) -> Row:
        row = self.get(row_id)
        if row is None:
            raise LocalFault(f"This device has no {self.label} {row_id}.")
        return row


def _uuid(row_id: UUID | str) -> UUID:
    if isinstance(row_id, UUID):
        return row_id
    try:
        return UUID(row_id)
    except (ValueError, AttributeError, TypeError):
        raise LocalFault(f"{row_id!r} is not the id of a row: ids are UUIDs.") from None
