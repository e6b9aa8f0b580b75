"""What the page on plain HTTP shows of curl is what curl says of a real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from tests.django_pulse.test_consumers import TOKENS
from tests.project.servers import ThreadServer
from tests.project.todo.models import Item
from tests.test_docs import BLOCK, CHECKOUT

PAGE = CHECKOUT / "django_pulse" / "docs" / "http.md"
PROMPT = re.compile(r"^\$ ", re.MULTILINE)
HOST = "https://example.com"
PATIENCE = 30


def examples() -> list[tuple[str, str]]:
    """Each command of the page, and what it prints; `…` stands for anything."""
    blocks = (block for kind, block in BLOCK.findall(PAGE.read_text("utf-8")) if kind == "console")
    found = []
    for example in (part for block in blocks for part in PROMPT.split(block) if part):
        lines = example.strip().splitlines()
        found.append(("\n".join(lines[:-1]), lines[-1]))
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl on the PATH")
def test_every_curl_line_prints_what_the_page_says(
    live_server_asgi: ThreadServer, ada: Any, tmp_path: Path
) -> None:
    shown = examples()
    assert len(shown) > 4
    with override_settings(DJANGO_PULSE=TOKENS):
        for command, expected in shown:
            assert command.startswith("curl ")
            run = subprocess.run(
                ["bash", "-c", command.replace(HOST, live_server_asgi.url)],
                env=os.environ | {"TOKEN": "ada"},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=True,
                timeout=PATIENCE,
            )
            pattern = re.escape(expected).replace("…", ".*")
            assert re.fullmatch(pattern, run.stdout), (command, run.stdout)
    assert Item.objects.count() == 2
