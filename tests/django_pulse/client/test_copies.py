"""Two devices set up from one backup: each file of a store is copied as it lies on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from django_pulse.client import Pulse
from tests.django_pulse.client.conftest import Device, in_django
from tests.django_pulse.together import PATIENCE


def of_note(row: Any) -> tuple[int, str]:
    from tests.project.todo.models import Note

    note = Note.objects.get(sync_id=row)
    return note.votes, note.body


def vote(pulse: Pulse, row: Any, letter: str) -> None:
    notes = pulse.model("todo.note")
    notes.add(row, votes=1)
    notes.edit_text(row, "body", 0, insert=letter)


@pytest.mark.asyncio
async def test_two_devices_from_one_backup_converge_and_lose_nothing(
    device: Device, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.sqlite3", tmp_path / "second.sqlite3"
    nowhere = "ws://127.0.0.1:1/"
    async with device(store=first) as phone:
        both = phone.model("todo.note").create(title="Both edit this").id
        await phone.synced(PATIENCE)
    async with device(store=first, url=nowhere) as phone:
        vote(phone, both, "b")
        new = phone.model("todo.note").create(title="Made before the backup").id
        vote(phone, new, "n")
    shutil.copy(first, second)

    made = {}
    for store, letter in ((first, "1"), (second, "2")):
        async with device(store=store, url=nowhere) as phone:
            vote(phone, both, letter)
            vote(phone, new, letter)
            made[store] = phone.model("todo.note").create(title=f"Only on {letter}").id
            vote(phone, made[store], letter)

    async with device(store=first) as one, device(store=second) as two:
        for _ in range(2):  # what the first to be in sync lacks comes from the other
            await one.synced(PATIENCE)
            await two.synced(PATIENCE)
        expected = {both: "b12", new: "n12", made[first]: "1", made[second]: "2"}
        for row, letters in expected.items():
            stored = await in_django(lambda row=row: of_note(row))  # type: ignore[misc]
            assert (stored[0], sorted(stored[1])) == (len(letters), sorted(letters))
            for pulse in (one, two):
                note = pulse.model("todo.note").get(row)
                assert note is not None
                assert (note.votes, note.body) == stored
        assert one.kept_aside() == two.kept_aside() == []
        assert one._replica.replica != two._replica.replica
