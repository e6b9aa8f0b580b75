"""`python -m fuzz COMMAND`: the kit's commands.

Each is a module of its own, imported only once it is chosen, with two functions:
`add_arguments(parser)`, and `run(options)`, which returns the exit status.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NamedTuple

__all__ = ["COMMANDS", "Command", "main"]


class Command(NamedTuple):
    """The module of a command, and what it does in a line."""

    module: str
    help: str


COMMANDS: Final[dict[str, Command]] = {
    "golden": Command("fuzz.golden_command", "golden vectors for ports to other languages"),
    "simulate": Command("fuzz.simulate_command", "devices, the server, and all that goes wrong"),
    "report": Command("fuzz.report_command", "a long run of it all, told on one page"),
    "mutants": Command("fuzz.mutants_command", "are bugs noticed that are planted on purpose?"),
    "hostile": Command("fuzz.hostile_command", "updates that an attacker might send"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    commands = parser.add_subparsers(dest="command", required=True)
    chosen = None
    for name, command in COMMANDS.items():
        own = commands.add_parser(name, help=command.help, description=command.help)
        if given[:1] == [name]:
            chosen = import_module(command.module)
            chosen.add_arguments(own)
    options = parser.parse_args(given)
    status: int = chosen.run(options) if chosen else 2
    return status


if __name__ == "__main__":
    sys.exit(main())
