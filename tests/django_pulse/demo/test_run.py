"""`python -m django_pulse demo`, as its users run it: in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from django_pulse import __main__ as command_line

pytestmark = pytest.mark.beside

CHECKOUT = Path(__file__).parents[3]
# Seconds; the demo takes three or four.
PATIENCE = 90

RUN = "import sys; from django_pulse.__main__ import main; sys.exit(main({arguments}))"


def environment(scratch: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    return kept | {"TMPDIR": str(scratch), "PYTHONPATH": str(CHECKOUT), "PYTHONIOENCODING": "utf-8"}


def run(scratch: Path, *arguments: str, **others: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=scratch.parent,
        env=environment(scratch) | others,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where the demo's process puts temporary files."""
    made = tmp_path / "scratch"
    made.mkdir()
    return made


def test_headless_checks_itself_and_leaves_nothing_behind(scratch: Path) -> None:
    done = run(scratch, "-m", "django_pulse", "demo", "--headless")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Bring the tent (the blue one) and the stove. Café opens at 8 ☕" in done.stdout
    assert "# Everything held" in done.stdout
    assert list(scratch.iterdir()) == []


def test_a_terminal_of_80_columns_is_not_overflowed_nor_a_pipe_coloured(scratch: Path) -> None:
    done = run(scratch, "-m", "django_pulse", "demo", COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    assert "╭─ Everything held" in done.stdout
    assert "\x1b" not in done.stdout
    assert list(scratch.iterdir()) == []


def test_output_that_cannot_show_a_character_does_not_end_the_demo(scratch: Path) -> None:
    done = run(scratch, "-m", "django_pulse", "demo", "--headless", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Caf? opens at 8 ?" in done.stdout


def test_an_outcome_that_is_off_is_named_and_ends_with_1(scratch: Path) -> None:
    plant = "from django_pulse.demo import plan; plan.EXPECTED['tent'].values['votes'] = 7; "
    done = run(scratch, "-c", plant + RUN.format(arguments=["demo", "--headless"]))
    assert done.returncode == 1
    assert "- tent: votes is 6 in its row, not 7" in done.stdout
    assert "Everything held" not in done.stdout
    assert list(scratch.iterdir()) == []


def test_a_row_changed_behind_the_documents_is_noticed(scratch: Path) -> None:
    plant = (
        "from django_pulse.demo import devices\n"
        "play = devices.play\n"
        "async def played(*arguments):\n"
        "    story = await play(*arguments)\n"
        "    import asyncio\n"
        "    await asyncio.to_thread(spoil)\n"
        "    return story\n"
        "def spoil():\n"
        "    from django.db import connection\n"
        "    with connection.cursor() as cursor:\n"
        "        cursor.execute('UPDATE demo_task SET votes = 9 WHERE votes = 6')\n"
        "    connection.close()\n"
        "devices.play = played\n"
    )
    done = run(scratch, "-c", plant + RUN.format(arguments=["demo", "--headless"]))
    assert done.returncode == 1, done.stderr
    assert "- tent: votes is 9 in its row, not 6" in done.stdout
    assert "- tent: on Ben's device, votes is 6, and 9 on the server" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_quietly_and_leaves_nothing_behind(
    scratch: Path, number: signal.Signals
) -> None:
    plant = (
        # A shell's background jobs, and so their children, ignore SIGINT.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import asyncio; from django_pulse.demo import devices\n"
        "play = devices.play\n"
        "async def edit_for_ever(*arguments):\n"
        "    await play(*arguments)\n"
        "    print('busy', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "devices.play = edit_for_ever\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", plant + RUN.format(arguments=["demo", "--headless"])],
        cwd=CHECKOUT,
        env=environment(scratch),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        process.send_signal(number)
        _, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, complaints) == (130, "\nStopped.\n")
    assert list(scratch.iterdir()) == []


def test_the_demo_project_passes_every_system_check(scratch: Path) -> None:
    script = (
        "import pathlib; from django_pulse.demo.project import configure\n"
        f"configure(pathlib.Path({str(scratch)!r}))\n"
        "from django.core.management import call_command\n"
        "call_command('check', fail_level='WARNING')\n"
    )
    done = run(scratch, "-c", script)
    assert done.returncode == 0, done.stderr


def test_without_its_extra_the_demo_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "find_spec", lambda name: None if name == "rich" else name)
    with pytest.raises(SystemExit) as ended:
        command_line.main(["demo", "--headless"])
    assert ended.value.code == 2
    assert 'needs rich, which this Python does not have. Install it with: pip install "django-' in (
        capsys.readouterr().err
    )


def test_no_command_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main([])
    assert ended.value.code == 2
    assert "demo" in capsys.readouterr().err
