"""A device that was away: ten thousand rows, and a line that is cut in the middle."""

from __future__ import annotations

from collections import Counter as Tally
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model

from crdt import frames
from crdt.messages import Changes
from tests.django_pulse.phones import Phone, switchboard
from tests.project.todo.models import Item

ROWS = 10_000
MODEL = "todo.item"


@pytest.mark.django_db(transaction=True)
def test_ten_thousand_rows_come_in_chunks_and_a_cut_costs_at_most_one_of_them_twice() -> None:
    user = get_user_model().objects.create_user("ada")
    Item.objects.bulk_create([Item(name=f"item {n}", price=Decimal(n)) for n in range(ROWS)])
    chunks: Tally[tuple[int, int]] = Tally()
    rows: Tally[int] = Tally()
    with switchboard() as board:
        phone = Phone(board, user, 400)
        for pages_until_the_cut in (7, 3, 1_000):
            phone.connect()
            phone.receive()
            phone.send()
            taken = 0
            while phone.inbox and taken < pages_until_the_cut:
                page = frames.decode(phone.inbox[0])
                if isinstance(page, Changes) and page.items:
                    chunks[page.start, page.end] += 1
                    rows.update(hash(item.id) for item in page.items)
                    taken += 1
                phone.receive()
            if pages_until_the_cut == 7:
                assert len(phone.replica.all(MODEL)) == 7 * 500
        phone.exchange()
        assert phone.replica.in_sync
        held = {row.id: row["price"] for row in phone.replica.all(MODEL)}
    assert held == dict(Item.objects.values_list("sync_id", "price"))
    assert len(chunks) == ROWS // 500
    assert max(chunks.values()) == 1, "what was stored before a cut is not sent again"
    assert set(rows.values()) == {1}
