"""`python -m django_pulse demo`: the one command of this package that needs no project."""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec

__all__ = ["main"]

# What the demo imports beside the package's own requirements: its extra.
EXTRA = ("rich", "uvicorn", "websockets")
# Exit status of a command that cannot be run as it was given; argparse's own.
MISSING = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m django_pulse")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="two devices edit the same rows offline and merge through a real server"
    )
    demo.add_argument(
        "--headless",
        action="store_true",
        help="plain lines, for scripts; the exit status tells whether everything held",
    )
    chosen = parser.parse_args(arguments)
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        parser.exit(
            MISSING,
            f"The demo needs {', '.join(missing)}, which this Python does not have. "
            'Install it with: pip install "django-pulse[demo]"\n',
        )
    from .demo.run import run

    return run(headless=chosen.headless)


if __name__ == "__main__":
    sys.exit(main())
