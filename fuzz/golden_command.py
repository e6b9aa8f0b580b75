"""`python -m fuzz golden`: the golden vectors, printed, or written to the file that ships."""

import argparse
import sys

from .golden import FILE, golden

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name} anew")


def run(options: argparse.Namespace) -> int:
    """Make the vectors; returns the exit status."""
    if options.write:
        FILE.write_text(golden(), encoding="utf-8")
    else:
        sys.stdout.write(golden())
    return 0
