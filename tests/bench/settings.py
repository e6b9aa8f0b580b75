"""The test project's settings, with the tables that the benchmarks compare with."""

from tests.project.settings import *  # noqa: F403
from tests.project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.bench.apps.BenchConfig"]

# Tables are made from the models at once: the same ones, in a tenth of the time.
MIGRATION_MODULES = dict.fromkeys(app.rpartition(".")[2] for app in INSTALLED_APPS)
