"""Tickets: given to whoever is signed in to a page, good for one socket."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from django.utils import timezone

from django_pulse.sign_in import tickets
from django_pulse.sign_in.auth import Refused, SignIn, current_user, renew, sign_in
from django_pulse.tables import Ticket

from .test_auth import ada, handshake, refusal, session_of

__all__ = ["ada"]  # a fixture

pytestmark = pytest.mark.django_db

URL = "/pulse/ticket/"


def browser_of(user: Any, **options: Any) -> Client:
    browser = Client(**options)
    browser.force_login(user)
    return browser


def ticket_of(browser: Client) -> str:
    answer = browser.post(URL)
    assert answer.status_code == 200, answer.content
    ticket: str = answer.json()["ticket"]
    return ticket


# The view


def test_whoever_is_signed_in_gets_a_ticket_and_how_long_it_lasts(ada: Any) -> None:
    answer = browser_of(ada).post(URL)
    assert answer.json() == {"ticket": answer.json()["ticket"], "expires_in": 60}
    assert "no-store" in answer["Cache-Control"]
    assert reverse("django_pulse:ticket") == URL


def test_nobody_else_gets_one(ada: Any) -> None:
    answer = Client().post(URL)
    assert (answer.status_code, answer.json()["code"]) == (403, "unauthenticated")
    browser = browser_of(ada)
    get_user_model().objects.update(is_active=False)
    assert browser.post(URL).status_code == 403
    assert not Ticket.objects.exists()


def test_a_get_gives_none(ada: Any) -> None:
    assert browser_of(ada).get(URL).status_code == 405


def test_a_foreign_page_cannot_ask_for_one(ada: Any) -> None:
    browser = browser_of(ada, enforce_csrf_checks=True)
    assert browser.post(URL).status_code == 403
    assert not Ticket.objects.exists()
    page = browser.get("/admin/login/").content.decode()  # any page with a form sets the cookie
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert browser.post(URL, headers={"X-CSRFToken": token}).status_code == 200


def test_a_request_without_middleware_is_told_to_sign_in() -> None:
    with pytest.raises(PermissionDenied):
        tickets.issue(RequestFactory().post(URL))


# The socket


def test_a_ticket_signs_in_once_whatever_the_origin(ada: Any) -> None:
    browser = browser_of(ada)
    ticket = ticket_of(browser)
    signed = sign_in(handshake(origin="http://app.example.org"), ticket)
    assert signed == SignIn(ada, browser.session.session_key)
    fault = refusal(handshake(), ticket)
    assert fault.code == "unauthenticated"


def test_a_ticket_that_came_too_late_is_expired(ada: Any) -> None:
    ticket = ticket_of(browser_of(ada))
    signer = signing.TimestampSigner(salt=tickets._SALT)
    nonce = ticket.removeprefix(tickets.PREFIX).split(":")[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signer, "timestamp", lambda: signing.b62_encode(1_700_000_000))
        old = tickets.PREFIX + signer.sign(nonce)
    assert refusal(handshake(), old).code == "expired"
    assert sign_in(handshake(), ticket).user == ada, "the other is still good"


def test_forged_tickets_are_refused_before_any_query(
    ada: Any, django_assert_num_queries: Any
) -> None:
    ticket = ticket_of(browser_of(ada))
    with override_settings(SECRET_KEY="another"):
        forged = tickets.PREFIX + tickets._signer().sign("x" * 43)
    with django_assert_num_queries(0):
        for wrong in (tickets.PREFIX, ticket[:-1], ticket + "x", ticket.swapcase(), forged):
            assert refusal(handshake(), wrong).code == "unauthenticated"


def test_a_ticket_with_a_good_signature_that_was_never_given_out_is_refused(ada: Any) -> None:
    del ada
    made_up = tickets.PREFIX + tickets._signer().sign("x" * 43)
    assert refusal(handshake(), made_up).code == "unauthenticated"


def test_the_table_holds_no_ticket_and_outdated_rows_go(ada: Any) -> None:
    browser = browser_of(ada)
    ticket = ticket_of(browser)
    [row] = Ticket.objects.values()
    assert all(ticket not in str(value) for value in row.values())
    Ticket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    ticket_of(browser)
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize("end", ["logout", "password", "deactivate", "delete"])
def test_a_ticket_is_worth_nothing_once_its_user_could_not_ask_for_it(ada: Any, end: str) -> None:
    browser = browser_of(ada)
    ticket, users = ticket_of(browser), get_user_model().objects
    if end == "logout":
        browser.logout()
    elif end == "password":
        ada.set_password("new")
        ada.save()
    elif end == "deactivate":
        users.update(is_active=False)
    else:
        users.all().delete()
    code = "denied" if end == "deactivate" else "unauthenticated"
    assert refusal(handshake(), ticket).code == code


def test_the_socket_ends_with_the_session_of_the_page(ada: Any) -> None:
    browser = browser_of(ada)
    signed = sign_in(handshake(), ticket_of(browser))
    assert current_user(signed) == ada
    browser.logout()
    with pytest.raises(Refused, match="no longer signed in"):
        current_user(signed)


def test_a_ticket_of_a_request_without_a_session_is_bound_to_the_password(ada: Any) -> None:
    request = RequestFactory().post(URL)
    request.user = ada
    assert sign_in(handshake(), tickets.issue(request)) == SignIn(ada)
    ticket = tickets.issue(request)
    ada.set_password("new")
    ada.save()
    assert refusal(handshake(), ticket).code == "unauthenticated"


def test_a_ticket_renews_an_open_sign_in_and_moves_it_to_the_new_session(ada: Any) -> None:
    old = SignIn(ada, session_of(ada).session_key)
    browser = browser_of(ada)
    assert renew(old, ticket_of(browser)).session_key == browser.session.session_key


@pytest.mark.databases("sqlite", "postgres")
@pytest.mark.django_db(transaction=True)
def test_of_sockets_that_bring_one_ticket_at_once_one_gets_in(ada: Any) -> None:
    browser = browser_of(ada)
    for _ in range(3):
        ticket = ticket_of(browser)

        def attempt(_: int, ticket: str = ticket) -> bool:
            try:
                return tickets.redeem(ticket) is not None
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(attempt, range(4))) == 1
