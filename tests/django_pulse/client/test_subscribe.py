"""A client that asks for a part, over a real socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from django_pulse.client import LocalFault
from tests.django_pulse.client.conftest import Device, in_django
from tests.django_pulse.together import PATIENCE

CARD, FOLDER = "parts.card", "parts.folder"


@pytest.mark.asyncio
async def test_a_part_is_asked_for_at_once_kept_and_changed(device: Device, tmp_path: Path) -> None:
    from tests.project.parts.models import Card

    async with device() as laptop:
        folders = laptop.model(FOLDER)
        work, home = folders.create(name="work"), folders.create(name="home")
        for folder in (work, home):
            laptop.model(CARD).create(title=f"of {folder.name}", folder=folder.id)
        await laptop.synced(PATIENCE)

        part = {CARD: {"folder": work.id}}
        async with device(store=tmp_path / "phone.sqlite3", subscribe=part) as phone:
            await phone.synced(PATIENCE)
            assert [card.title for card in phone.model(CARD).all()] == ["of work"]
            assert list(phone.model(FOLDER).all()) == []
            with pytest.raises(LocalFault, match="only by folder, price"):
                phone.subscribe({CARD: {"title": "x"}})
        async with device(store=tmp_path / "phone.sqlite3") as phone:
            await phone.synced(PATIENCE)
            assert [card.title for card in phone.model(CARD).all()] == ["of work"]
            phone.subscribe({CARD: {"folder": [work.id, home.id]}, FOLDER: {}})
            await phone.synced(PATIENCE)
            assert len(list(phone.model(CARD).all())) == len(list(phone.model(FOLDER).all())) == 2
            phone.subscribe(None)
            await phone.synced(PATIENCE)
    assert await in_django(Card.objects.count) == 2
