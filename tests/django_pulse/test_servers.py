"""The servers that other tests rely on start, answer and end."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request

import pytest
from django.contrib.auth.models import User

from tests.conftest import StartProcess
from tests.django_pulse.together import PATIENCE
from tests.project.servers import RedisServer, ThreadServer
from tests.project.todo.models import Item

LOGIN = "/admin/login/"


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


def answers(redis: RedisServer) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(str(redis.path))
        except ConnectionRefusedError:
            return False
        client.sendall(b"PING\r\n")
        return client.recv(99) == b"+PONG\r\n"


def test_a_server_in_a_thread_serves_and_stops(live_server_asgi: ThreadServer) -> None:
    with urllib.request.urlopen(live_server_asgi.url + LOGIN, timeout=PATIENCE) as answer:
        assert answer.status == 200
    live_server_asgi.stop()
    assert not can_connect(live_server_asgi.port)
    live_server_asgi.stop()


def test_a_server_that_clients_hold_on_to_still_stops(live_server_asgi: ThreadServer) -> None:
    with socket.create_connection(("127.0.0.1", live_server_asgi.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")  # and never the rest
        live_server_asgi.stop()


@pytest.mark.databases("sqlite", "postgres")
def test_a_child_process_sees_the_database_of_the_test(child_environment: dict[str, str]) -> None:
    Item._base_manager.bulk_create([Item(name="from the test", price=1)])
    source = (
        "import django; django.setup();"
        "from tests.project.todo.models import Item; print(Item.objects.get().name)"
    )
    run = subprocess.run(
        [sys.executable, "-c", source],
        check=False,
        env=child_environment,
        capture_output=True,
        text=True,
    )
    assert run.stdout == "from the test\n", run.stderr


@pytest.mark.databases("sqlite", "postgres")
def test_a_server_process_serves_the_database_of_the_test(server_process: StartProcess) -> None:
    User.objects.create_user("somebody")
    server = server_process()
    with urllib.request.urlopen(server.url + LOGIN, timeout=PATIENCE) as answer:
        assert answer.status == 200
    server.kill()
    assert not can_connect(server.port)


def test_redis_can_be_stopped_and_started(redis: RedisServer) -> None:
    assert answers(redis)
    redis.stop()
    assert not answers(redis)
    redis.start()
    assert answers(redis)
