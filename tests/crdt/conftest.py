"""A server in memory and two phones."""

from uuid import UUID

import pytest

from .authority import MODEL, Authority
from .phone import Phone


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def phone(authority: Authority) -> Phone:
    return Phone(authority, 11)


@pytest.fixture
def other(authority: Authority) -> Phone:
    return Phone(authority, 12)


@pytest.fixture
def row(phone: Phone) -> UUID:
    """A row that both sides know."""
    row = phone.replica.create(MODEL, {"title": "Eggs", "notes": "naïve 😀"})
    phone.sync()
    phone.sent.clear()
    return row
