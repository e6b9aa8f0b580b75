"""`sync/` over HTTP: who is let in, and the two protocols in one request each."""

from __future__ import annotations

import json
import struct
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from crdt.document import Document
from crdt.frames import decode, encode
from crdt.messages import Ack, Changes, Fault, Hello, Item, Pull, Push, Welcome
from django_pulse import identity
from tests.project.todo.models import Item as Goods
from tests.project.todo.models import Note, Task

from .test_consumers import TOKENS, update

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

URL = "/pulse/sync/"
BINARY = "application/octet-stream"
LENGTH = struct.Struct(">I")


@pytest.fixture(autouse=True)
def tokens() -> Any:
    with override_settings(DJANGO_PULSE=TOKENS):
        yield


@pytest.fixture
def curl() -> Client:
    """A client without cookies, with a token."""
    return Client(enforce_csrf_checks=True, headers={"Authorization": "Bearer ada"})


@pytest.fixture
def browser(ada: Any) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    return client


def sent(client: Client, *messages: Any, onward: str = "", **options: Any) -> Any:
    frames = [each if isinstance(each, bytes) else encode(each) for each in messages]
    body = b"".join(LENGTH.pack(len(frame)) + frame for frame in frames)
    headers = {"Pulse-Onward": onward} if onward else {}
    return client.post(URL, body, content_type=BINARY, headers=headers, **options)


def read(response: Any) -> list[Any]:
    body, found, at = response.content, [], 0
    while at < len(body):
        (length,) = LENGTH.unpack_from(body, at)
        found.append(decode(body[at + 4 : at + 4 + length]))
        at += 4 + length
    return found


def row(**values: Any) -> dict[str, Any]:
    return {"sync_id": str(uuid4()), "version": 0, **values}


def upload(*rows: Any) -> dict[str, Any]:
    return {"type": "SYNC_BATCH_UPLOAD", "table": "item", "payloads": list(rows)}


def posted(client: Client, said: Any, **options: Any) -> Any:
    body = said if isinstance(said, (str, bytes)) else json.dumps(said)
    return client.post(URL, body, content_type="application/json", **options)


# The binary protocol


def test_a_device_says_hello_pushes_and_pulls_in_one_request(curl: Client, ada: Any) -> None:
    task = Task.objects.create(title="Bread", user=ada)
    made, hello = uuid4(), Hello(7, "phone")
    push = Push(1, identity.epoch(), (Item("todo.task", made, update(7, title="Milk")),))
    pull = Pull(1, {f"default/auth.user/user/{ada.pk}": 0})
    response = sent(curl, hello, push, pull)
    assert response.status_code == 200
    welcome, ack, changes = read(response)
    assert isinstance(welcome, Welcome)
    assert ack == Ack(1, 1)
    assert isinstance(changes, Changes)
    assert {item.id for item in changes.items} == {task.sync_id, made}
    assert Task.objects.get(sync_id=made).user == ada


def test_the_next_request_goes_on_without_another_hello(curl: Client, ada: Any) -> None:
    welcomed = sent(curl, Hello(7, "phone"))
    onward = welcomed.headers["Pulse-Onward"]
    push = Push(1, identity.epoch(), (Item("todo.task", uuid4(), update(7, title="Milk")),))
    assert read(sent(curl, push, onward=onward)) == [Ack(1, 1)]
    assert Task.objects.get().user == ada


def test_what_goes_on_serves_its_user_alone(curl: Client, ada: Any, bob: Any) -> None:
    onward = sent(curl, Hello(7, "phone")).headers["Pulse-Onward"]
    other = Client(headers={"Authorization": "Bearer bob"})
    response = sent(other, Pull(1, {}), onward=onward)
    assert response.status_code == 409
    [fault] = read(response)
    assert fault.code == "other_user"


@pytest.mark.parametrize(
    ("body", "onward"),
    [
        (b"\x00", ""),
        (LENGTH.pack(9) + b"x", ""),
        (LENGTH.pack(1 << 31), ""),
        (LENGTH.pack(1) + b"x", ""),
        ((LENGTH.pack(1) + b"x") * 65, ""),
        (LENGTH.pack(1) + b"x", "forged"),
    ],
)
def test_a_body_that_is_no_frames_is_answered_in_one(
    curl: Client, ada: Any, body: bytes, onward: str
) -> None:
    headers = {"Pulse-Onward": onward} if onward else {}
    response = curl.post(URL, body, content_type=BINARY, headers=headers)
    assert response.status_code == 400
    [fault] = read(response)
    assert isinstance(fault, Fault)
    assert fault.fatal


def test_hello_comes_first(curl: Client, ada: Any) -> None:
    [fault] = read(sent(curl, Pull(1, {})))
    assert (fault.code, fault.fatal) == ("protocol", True)


def test_a_pull_is_answered_by_a_bounded_number_of_pages(
    curl: Client, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_pulse.server import exchange

    monkeypatch.setattr(exchange, "PAGES", 2)
    for number in range(5):
        Goods.objects.create(name=f"{number}", price=1)
    with override_settings(DJANGO_PULSE=TOKENS | {"PAGE_ROWS": 2}):
        _, *pages = read(sent(curl, Hello(7, "phone"), Pull(1, {"default/*": 0})))
    assert [len(page.items) for page in pages] == [2, 2]
    assert pages[-1].more


# Who is let in


@pytest.mark.parametrize("kind", [BINARY, "application/json"])
def test_nobody_is_served_without_a_sign_in(kind: str) -> None:
    body = json.dumps(upload(row())) if kind != BINARY else b""
    client = Client(enforce_csrf_checks=True)
    if kind == BINARY:
        assert sent(client, Hello(7, "phone")).status_code == 401
    else:
        response = client.post(URL, body, content_type=kind)
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert client.get(URL, {"table": "item"}).status_code == 401


def test_a_cookie_needs_the_csrf_token(browser: Client, ada: Any) -> None:
    said = upload(row(name="Milk", price="1.50"))
    refused = posted(browser, said)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "X-CSRFToken" in refused.json()["message"]
    assert sent(browser, Hello(7, "phone")).status_code == 403
    assert not Goods.objects.exists()
    token = "a" * 32
    browser.cookies["csrftoken"] = token
    taken = posted(browser, said, headers={"X-CSRFToken": token})
    assert taken.json()["synced_ids"] == [said["payloads"][0]["sync_id"]]


@pytest.mark.parametrize(
    "headers",
    [{"X-CSRFToken": "b" * 32}, {"X-CSRFToken": "a" * 32, "Origin": "https://evil.example"}],
    ids=["another token", "a foreign page"],
)
def test_a_csrf_token_that_is_none_of_this_page_lets_nobody_in(
    browser: Client, headers: dict[str, str]
) -> None:
    browser.cookies["csrftoken"] = "a" * 32
    refused = posted(browser, upload(row(name="Milk", price=1)), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert not Goods.objects.exists()


def test_a_token_of_somebody_else_beside_a_cookie_without_csrf_token_is_whose_it_is(
    browser: Client, bob: Any
) -> None:
    response = posted(
        browser, upload(row(name="Milk", price=1)), headers={"Authorization": "Bearer bob"}
    )
    assert response.status_code == 200
    assert Goods.objects.count() == 1


def test_reading_by_cookie_needs_no_csrf_token(browser: Client) -> None:
    Goods.objects.create(name="Milk", price=1)
    assert len(browser.get(URL, {"table": "item"}).json()["updates"]) == 1


# JSON


def test_a_webhook_uploads_and_is_told_row_by_row(curl: Client, ada: Any) -> None:
    good, bad = row(name="Milk", price="1.50"), row(name="Bread", price="much")
    said = posted(curl, upload(good, bad)).json()
    assert said["type"] == "BATCH_ACK"
    assert said["synced_ids"] == [good["sync_id"]]
    assert said["errors"][0]["id"] == bad["sync_id"]
    [single, unknown] = posted(
        curl,
        [
            {"type": "SYNC_UPLOAD", "table": "item", "payload": good},
            {"type": "SYNC_UPLOAD", "table": "nothing", "payload": good},
        ],
    ).json()
    assert single["status"] == "SUCCESS"
    assert (unknown["type"], unknown["code"]) == ("error", "unknown_table")


def test_a_table_is_read_page_by_page(curl: Client, ada: Any) -> None:
    for number in range(5):
        Goods.objects.create(name=f"{number}", price=1)
    names, asked = [], {"table": "item", "last_version": "0"}
    with override_settings(DJANGO_PULSE=TOKENS | {"PAGE_ROWS": 2}):
        for _ in range(3):
            page = curl.get(URL, asked).json()
            names += [each["data"]["name"] for each in page["updates"]]
            asked = {"table": "item", "cursor": page["cursor"]}
    assert names == list("01234")
    assert not page["more"]
    Goods.objects.get(name="3").delete()
    [gone] = curl.get(URL, asked).json()["updates"]
    assert gone["type"] == "HARD_DELETE"


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ("{", 400, "malformed"),
        ([{}] * 65, 400, "malformed"),
        ({"type": "SYNC_REQUEST_DELTA", "table": "item"}, 400, "use_get"),
    ],
)
def test_what_is_no_message_is_answered(
    curl: Client, ada: Any, said: Any, status: int, code: str
) -> None:
    response = posted(curl, said)
    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"table": "nothing"}, 404),
        ({"table": "item", "last_version": "x"}, 400),
        ({"table": "item", "last_version": "-1"}, 400),
        ({"table": "item", "cursor": "1.2.3.4"}, 400),
    ],
)
def test_what_cannot_be_asked_for_is_answered(
    curl: Client, ada: Any, asked: Any, status: int
) -> None:
    response = curl.get(URL, asked)
    assert (response.status_code, response.json()["type"]) == (status, "error")


def test_a_body_beyond_djangos_limit_is_answered(curl: Client, ada: Any) -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=100):
        response = posted(curl, upload(row(name="x" * 200)))
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_another_kind_of_body_is_answered(curl: Client, ada: Any) -> None:
    response = curl.post(URL, {"a": "b"})
    assert response.status_code == 400
    assert "application/json" in response.json()["message"]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"])
def test_only_get_and_post_are_served(curl: Client, ada: Any, method: str) -> None:
    response = curl.generic(method, URL, "{}", content_type="application/json")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, POST"


def test_a_charset_beside_the_content_type_is_no_other_type(curl: Client, ada: Any) -> None:
    body = json.dumps(upload(row(name="é", price=1)), ensure_ascii=False).encode()
    taken = curl.post(URL, body, content_type="application/json; charset=utf-8")
    assert len(taken.json()["synced_ids"]) == 1


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b'{"type":"\xed\xa0\x80"}', b"NaN", b"[" * 5_000, b'{"type":[[' * 400]
)
def test_no_body_is_answered_by_anything_but_a_message(curl: Client, ada: Any, body: bytes) -> None:
    response = posted(curl, body)
    assert (response.status_code, response.json()["type"]) == (400, "error")
    deep = b'{"type":' + b"[" * 400 + b"]" * 400 + b"}"
    assert posted(curl, deep).json()["code"] == "unknown_type"


def test_rows_are_written_for_good_before_they_are_acknowledged(curl: Client, ada: Any) -> None:
    said = {"type": "SYNC_UPLOAD", "table": "note", "payload": row(title="Milk", votes=2)}
    first = posted(curl, said)
    assert posted(curl, said).content == first.content, "the answer may have got lost"
    assert Note.objects.get().votes == 2


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_atomic_requests_keep_no_transaction_open_around_a_batch(
    curl: Client, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in connections.settings.values():
        monkeypatch.setitem(each, "ATOMIC_REQUESTS", True)
    said = upload(row(name="Milk", price=1), row(name="Bread", price=2))
    other = connections["other"]
    with (
        override_settings(DJANGO_PULSE=TOKENS | {"MAX_ROWS_PER_PUSH": 1}),
        CaptureQueriesContext(connection) as captured,
        CaptureQueriesContext(other) as captured_elsewhere,
    ):
        assert len(posted(curl, said).json()["synced_ids"]) == 2
    first, *_ = (query["sql"] for query in captured)
    assert not first.startswith("BEGIN"), "the transaction is around the request"
    assert not list(captured_elsewhere)


def test_the_row_that_a_push_over_http_made_has_a_document(curl: Client, ada: Any) -> None:
    made = uuid4()
    push = Push(1, identity.epoch(), (Item("todo.task", made, update(7, title="Milk")),))
    onward = sent(curl, Hello(7, "phone"), push).headers["Pulse-Onward"]
    pull = Pull(1, {f"default/auth.user/user/{ada.pk}": 0})
    [changes] = read(sent(curl, pull, onward=onward))
    [item] = changes.items
    assert [entry.value for entry in Document(item.data).live("title")] == ["Milk"]
