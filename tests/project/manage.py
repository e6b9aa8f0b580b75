"""Run a management command of the test project: `python -m tests.project.manage check`."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.project.settings")
    execute_from_command_line(sys.argv)
