"""A scenario does what the README's text says, and a text that is wrong fails."""

import contextlib
import socket
from pathlib import Path

import pytest

from tests.readme.blocks import read_blocks
from tests.readme.scenario import Scenario, ScenarioError

CHECKOUT = Path(__file__).parents[2]


def play(directory: Path, markdown: str, patience: float = 60.0) -> None:
    with Scenario(directory, CHECKOUT, patience) as scenario:
        scenario.play(read_blocks(markdown))


SERVED = """\
<!-- test: s run -->
```sh
pip install "package-that-does-not-exist"
python -m venv .venv
. .venv/bin/activate
mkdir site
cd site
```

<!-- test: s file=site/index.html -->
```html
hello from
```

<!-- test: s append=site/index.html -->
```html
port 8765
```

<!-- test: s serve=8765 -->
```sh
$ python -m http.server 8765 --bind 127.0.0.1
```

<!-- test: s file=site/fetch.py -->
```python
import urllib.request

with urllib.request.urlopen("http://127.0.0.1:8765/index.html") as page:
    print(page.read().decode())
```

<!-- test: s run -->
```sh
$ python fetch.py
```

<!-- test: s output -->
```text
hello ...
port 8765
```

<!-- test: s output=port 8765 -->
```text
... "GET /index.html HTTP/...
```
"""


def test_files_commands_a_server_and_what_they_print(tmp_path: Path) -> None:
    play(tmp_path, SERVED)
    assert not (tmp_path / ".venv").exists()


def test_the_port_in_the_text_may_be_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # somebody else has it: just as well
            taken.bind(("127.0.0.1", 8765))
        play(tmp_path, SERVED)


PHONE = """\
import socket

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
print("ready")
listener.accept()
"""


def test_a_program_left_running_is_heard_and_ended(tmp_path: Path) -> None:
    (tmp_path / "phone.py").write_text(PHONE, encoding="utf-8")
    with Scenario(tmp_path, CHECKOUT) as scenario:
        scenario.play(
            read_blocks(
                "<!-- test: s start=phone -->\n```sh\npython phone.py\n```\n"
                "<!-- test: s output=phone -->\n```text\nready\n```\n"
            )
        )
        port = int(scenario.heard("phone").split()[0])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_the_package_is_the_one_of_this_checkout(tmp_path: Path) -> None:
    play(
        tmp_path,
        "<!-- test: s run -->\n```sh\npython -c 'import crdt; print(crdt.__file__)'\n```\n"
        f"<!-- test: s output -->\n```text\n{CHECKOUT / 'crdt'}...\n```\n",
    )


def test_settings_of_these_tests_do_not_leak(tmp_path: Path) -> None:
    play(tmp_path, '<!-- test: s run -->\n```sh\ntest -z "$DJANGO_SETTINGS_MODULE"\n```\n')


@pytest.mark.parametrize(
    ("markdown", "message"),
    [
        (
            "<!-- test: s run -->\n```sh\necho broken\nfalse\necho not reached\n```\n",
            r"line 2 failed with exit status 1[^-]*---\nbroken\n$",
        ),
        (
            "<!-- test: s run -->\n```sh\necho one\n```\n"
            "<!-- test: s output -->\n```text\ntwo\n```\n",
            r"line 6 is not what was printed",
        ),
        (
            "<!-- test: s run -->\n```sh\necho one; echo two\n```\n"
            "<!-- test: s output -->\n```text\ntwo\none\n```\n",
            r"line 6 is not what was printed",
        ),
        (
            "<!-- test: s serve=8765 -->\n```sh\necho no server\n```\n",
            r"line 2 never listened on port 8765",
        ),
        (
            "<!-- test: s start=phone -->\n```sh\necho silent\n```\n"
            "<!-- test: s output=phone -->\n```text\nring\n```\n",
            r"'phone' did not print it",
        ),
    ],
)
def test_a_text_that_does_not_hold_fails_with_its_line(
    tmp_path: Path, markdown: str, message: str
) -> None:
    with pytest.raises(ScenarioError, match=message):
        play(tmp_path, markdown)


def test_a_command_that_waits_for_ever_is_ended(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="did not end"):
        play(tmp_path, "<!-- test: s run -->\n```sh\nsleep 600\n```\n", patience=0.2)


def test_a_question_at_the_terminal_gets_no_answer(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="EOFError"):
        play(tmp_path, "<!-- test: s run -->\n```sh\npython -c 'input()'\n```\n")
