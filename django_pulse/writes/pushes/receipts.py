"""What is remembered of clients that keep no documents: what they were told, and what they sent.

Laws:

1. Of a device, of a row and of a version it was told, one receipt is kept: the last. It is what the
   device holds since, and so what its next upload is compared with.
2. A device that says no name is known by its connection. A new connection goes on from what another
   one of the same user left, where that is nearest to what it sends; being told the row is one.
3. It may be another device all the same: what it sends as it was told takes back nothing that was
   taken from the other one, unless the row has no other edit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone

from crdt.vector import VectorClock

from ...sql import insert_many
from ...tables import Receipt, Told
from ...text import exact
from ..locking import Stored
from .items import ItemResult, Upload

__all__ = ["DELETED", "UNKNOWN", "Base", "Memory", "Taken", "Taking", "answered"]

DELETED = "is_deleted"
"""The name under which a client says that it deleted a row."""

_NAMES = ("document", "replica", "base", "chain", "values", "sent", "answer", "taken_at")


@dataclass(frozen=True, slots=True)
class Taken:
    """A receipt: the last payload as it was `sent`, and the values that its device holds since."""

    pk: int
    chain: str
    values: bytes
    sent: bytes
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Base:
    """What a client starts from: values by name, and what it had seen; None for what is unknown.

    `edited` are the names whose values it sends otherwise, where that was found out already.
    """

    values: Mapping[str, Any] | None
    seen: VectorClock | None
    taken: Taken | None = None
    edited: frozenset[str] | None = None


UNKNOWN = Base(None, None)


@dataclass(frozen=True, slots=True)
class Taking:
    """An upload that was merged, for which a receipt is to be written."""

    document: Stored
    item: Upload
    base: Base
    values: Mapping[str, Any]
    sent: bytes
    answer: dict[str, Any]


class Memory:
    """What is remembered of one replica's clients and some documents; read in three queries."""

    def __init__(
        self, using: str, replica: int, documents: Iterable[Stored], bases: Collection[int]
    ) -> None:
        self._using = using
        self._replica = replica
        self._told: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        self._taken: dict[tuple[int, int], list[Taken]] = {}
        pks = [document.pk for document in documents if document.pk is not None]
        if pks:
            self._look_up(pks, bases)

    def base(
        self,
        document: Stored,
        item: Upload,
        sent: bytes,
        differences: Callable[[Mapping[str, Any]], frozenset[str]],
    ) -> Base:
        """What the client held before it edited the row into what it sends.

        `differences` names the values sent that are not those of a base. Whoever sends a row has
        edited it: with none of them it was not this base.
        """
        key = (document.pk or 0, item.base)
        taken = self._taken.get(key, [])
        for each in taken:
            if each.chain == item.chain:
                return self._after(each, key)
        for each in taken:
            if each.sent == sent:
                return self._after(each, key)
        candidates = [self._after(each, key) for each in taken]
        told = self._told.get(key)
        if told is not None:
            candidates.append(Base(exact.loads(told[0]), self._seen(key)))
        found = [(each, differences(each.values or {})) for each in candidates]
        likely = [pair for pair in found if pair[1]] or found[-1:]
        base, edited = min(likely, key=lambda pair: len(pair[1]), default=(UNKNOWN, None))
        if edited is not None and told is not None:
            edited = edited & found[-1][1] or edited
        return replace(base, edited=edited)

    def repeated(self, taken: Taken, item: Upload) -> ItemResult:
        """The answer to what was taken before; this connection goes on from there."""
        if taken.chain != item.chain:
            receipts = Receipt.objects.using(self._using)
            receipts.filter(pk=taken.pk).update(chain=item.chain)
        return answered(taken.answer)

    def store(self, takings: Sequence[Taking]) -> None:
        """Write a receipt for each, in place of the one it started from."""
        spent = [each.base.taken.pk for each in takings if each.base.taken is not None]
        if spent:
            Receipt.objects.using(self._using).filter(pk__in=spent).delete()
        now = timezone.now()
        rows = [
            (
                *(each.document.pk, self._replica, each.item.base, each.item.chain),
                *(exact.dumps(each.values), each.sent, each.answer, now),
            )
            for each in takings
        ]
        insert_many(Receipt, self._using, _NAMES, rows)

    def _look_up(self, pks: Collection[int], bases: Collection[int]) -> None:
        # Not by both lists at once: SQLite would try every pair of them.
        among = {"document__in": pks}
        told = Told.objects.using(self._using).filter(**among)
        told = told.filter(version__gte=min(bases), version__lte=max(bases))
        places = told.values_list("pk", "version")
        wanted = Told.objects.using(self._using).filter(
            pk__in=[pk for pk, version in places if version in bases]
        )
        for document, version, values, vector in wanted.values_list(
            "document", "version", "values", "vector"
        ):
            self._told[document, version] = bytes(values), bytes(vector)
        receipts = Receipt.objects.using(self._using).filter(replica=self._replica, **among)
        for document, base, pk, chain, values, sent, answer in receipts.order_by(
            "-taken_at", "-pk"
        ).values_list("document", "base", "pk", "chain", "values", "sent", "answer"):
            if base in bases:
                taken = Taken(pk, chain, bytes(values), bytes(sent), answer)
                self._taken.setdefault((document, base), []).append(taken)

    def _after(self, taken: Taken, key: tuple[int, int]) -> Base:
        return Base(exact.loads(taken.values), self._seen(key), taken)

    def _seen(self, key: tuple[int, int]) -> VectorClock | None:
        told = self._told.get(key)
        return VectorClock.from_bytes(told[1]) if told is not None and told[1] else None


def answered(
    answer: Mapping[str, Any], clock: int | None = None, remark: tuple[str, str] = ("", "")
) -> ItemResult:
    """The result of an upload that was merged, now or before."""
    return ItemResult("ok", clock, *remark, reverted=answer["reverted"], parked=answer["parked"])
