"""What the bare wheel, without any extra, must be able to do: run outside the checkout."""

import importlib.util
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "channels",
        "django_pulse",
    ],
    ASGI_APPLICATION="mysite.asgi.application",
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SECRET_KEY="smoke",
    USE_TZ=True,
)
django.setup()

import crdt
import django_pulse
import fuzz

here = Path.cwd()
for package in (crdt, django_pulse, fuzz):
    assert package.__file__ is not None
    assert not Path(package.__file__).is_relative_to(here), f"not the installed {package.__name__}"
assert importlib.util.find_spec("tests") is None, "the wheel brings our tests along"

call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
call_command("makemigrations", "django_pulse", check=True, dry_run=True, verbosity=1)

from django.db import connection

tables = [name for name in connection.introspection.table_names() if "pulse" in name]
assert tables, "django_pulse made no tables"
print("migrated:", ", ".join(sorted(tables)))
