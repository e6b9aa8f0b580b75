"""The settings of the test project.

PULSE_TEST_DB    "sqlite" (default) or "postgres": what the alias `default` is. PostgreSQL is found
                 by libpq's own variables (PGHOST, PGUSER, ...), set by the fixture `postgres`.
PULSE_TEST_DIR   the directory for SQLite files; without it a temporary one that goes with us.
PULSE_TEST_NAME  the database's name: how a child process opens its parent's test database.
PULSE_TEST_PLAIN set to anything: SQLite without transaction_mode and WAL, as `startproject` has it.
PULSE_TEST_POLL  seconds between two pings of a client, instead of the default.
PULSE_TEST_PULSE the settings of Django Pulse, as JSON.
PULSE_TEST_REDIS the URL of a Redis for the channel layer; without it the layer is in memory.
PULSE_TEST_LAYER which layer of channels_redis: "core.RedisChannelLayer" (default) or
                 "pubsub.RedisPubSubChannelLayer".
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent


def _scratch() -> Path:
    if given := os.environ.get("PULSE_TEST_DIR"):
        return Path(given)
    made = tempfile.mkdtemp(prefix="pulse-tests-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


SCRATCH = _scratch()
DATABASE = os.environ.get("PULSE_TEST_DB", "sqlite")
NAME = os.environ.get("PULSE_TEST_NAME")

# A file, also for tests: several threads and processes then see one database. WAL, so that
# readers do not wait for the one writer.
SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": NAME or SCRATCH / "db.sqlite3",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
    },
    "TEST": {"NAME": str(SCRATCH / "test.sqlite3"), "MIGRATE": False},
}

if os.environ.get("PULSE_TEST_PLAIN"):
    SQLITE["OPTIONS"] = {"timeout": 20}

POSTGRES: dict[str, Any] = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": NAME or "pulse",
    "TEST": {"NAME": "test_pulse", "MIGRATE": False},
}

# Only tests that name it have it: beside either database there is one of SQLite.
OTHER = SQLITE | {
    "NAME": SCRATCH / "other.sqlite3",
    "TEST": {"NAME": str(SCRATCH / "test-other.sqlite3"), "MIGRATE": False},
}

DATABASES = {"default": {"sqlite": SQLITE, "postgres": POSTGRES}[DATABASE], "other": OTHER}
DATABASE_ROUTERS = ["tests.project.elsewhere.router.Router"]

# Models of the tests show relations that no document holds, references to anything, and rows that
# nobody may read without signing in, until a test allows it.
SILENCED_SYSTEM_CHECKS = ["pulse.W035", "pulse.W037", "pulse.W083"]

SECRET_KEY = "only-for-tests"
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
ROOT_URLCONF = "tests.project.urls"
ASGI_APPLICATION = "tests.project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
# Fast and worthless, as passwords of tests should be.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# At least as long as the digest, or PyJWT warns.
SIMPLE_JWT = {"SIGNING_KEY": "only-for-tests-and-32-bytes-long"}

INSTALLED_APPS = [
    # Two thirds of the time it takes to start; children of a test serve by uvicorn or not at all.
    *([] if NAME else ["daphne"]),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework.authtoken",
    "django_pulse",
    "fuzz",
    # Every folder here with models is an app: one for each subject that needs models of its own.
    *(f"tests.project.{found.parent.name}" for found in sorted(BASE_DIR.glob("*/models.py"))),
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

REDIS = os.environ.get("PULSE_TEST_REDIS")
LAYER = os.environ.get("PULSE_TEST_LAYER", "core.RedisChannelLayer")

CHANNEL_LAYERS: dict[str, Any] = {
    "default": {"BACKEND": f"channels_redis.{LAYER}", "CONFIG": {"hosts": [REDIS]}}
    if REDIS
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

POLL = os.environ.get("PULSE_TEST_POLL")
DJANGO_PULSE: dict[str, Any] = {"POLL_SECONDS": float(POLL)} if POLL else {}
DJANGO_PULSE |= json.loads(os.environ.get("PULSE_TEST_PULSE", "{}"))
