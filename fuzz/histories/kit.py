"""What one model is tested with: its fields and their values, its users, what they see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from crdt import Schema
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Clock, Device
from django_pulse.visibility.audience import Audience, audience_of
from django_pulse.visibility.ownership import owner_field
from django_pulse.visibility.scopes import database_of

from .editables import Editable, editables_of
from .erasing import erase, erase_rows
from .relatives import Relatives, join

__all__ = ["SERVER", "Kit"]

SERVER: Final = 2**52 + 7
"""The server's replica id: one that is always the same, so that a seed tells the whole run."""

DEVICES: Final = ("phone", "tablet", "laptop", "watch", "kiosk", "desk")
"""What devices are called. The first two are one person's; every other one has its own."""


@dataclass(slots=True)
class Kit:
    """See the module's docstring. `users` has one for each device, some of them the same."""

    model: Any
    using: str
    schema: Schema
    editables: tuple[Editable, ...]
    relatives: Relatives
    users: list[Any]
    audience: Audience | None
    anchors: list[Any] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        model: Any,
        devices: int,
        values: Mapping[str, Sequence[Any]],
        make: Callable[[Any, int], Any],
    ) -> Kit:
        """Made in the database of the model, which is a test's."""
        using = database_of(model)
        relatives = Relatives(make)
        users = relatives.users(max(devices - 1, 1))
        audience = audience_of(model)
        anchors = []
        if audience is not None and len(audience.hops) > 1:
            anchors = relatives.of(audience.anchor)
        editables = editables_of(model, relatives, values)
        Clock.objects.using(using).update(replica=SERVER, epoch="fuzz")
        return cls(
            model,
            using,
            schema_of(model),
            editables,
            relatives,
            [users[max(number - 1, 0)] for number in range(devices)],
            audience,
            anchors=anchors,
        )

    @property
    def owner(self) -> Any:
        """The foreign key to whose a row is, if the model has one."""
        return owner_field(self.model)

    @property
    def written(self) -> list[Editable]:
        """The fields that devices write."""
        return [each for each in self.editables if each.by_devices]

    @property
    def own(self) -> list[Editable]:
        """The fields that the server's own code writes."""
        return [each for each in self.editables if not each.column.is_set]

    def begin(self) -> None:
        """Forget the rows of another history; let everybody see everything again."""
        erase_rows(self.model, self.using, self.relatives.made(self.model))
        erase(Device.objects.using(self.using))
        if self.audience is not None:
            for anchor in self.anchors:
                for user in dict.fromkeys(self.users):
                    join(user, anchor, self.audience)

    def seen_by(self, user: Any) -> Any:
        """The rows that a user may see, asked of the database as anybody would."""
        rows = self.model._base_manager.using(self.using).filter(is_local_only=False)
        if self.audience is None:
            return rows.none()
        if self.audience.is_everybody:
            return rows
        if self.audience.function is not None:
            seen = [row.pk for row in rows if user.pk in _keys(self.audience.function(row))]
            return rows.filter(pk__in=seen)
        path = "__".join(hop.name for hop in self.audience.hops)
        return rows.filter(**{path: user}).distinct()


def _keys(users: Any) -> set[Any]:
    return {getattr(user, "pk", user) for user in users}
