"""Cutting a difference: every part is a push that a strict server takes, and none is lost."""

import pytest

from crdt.document import Document
from crdt.parts import cut_push
from crdt.update import DEFAULT_LIMITS, read_push


def applied(parts: list[bytes], replica: int, base: bytes = b"") -> Document:
    """The parts, taken one after the other as the server takes pushes."""
    for part in parts:
        document = Document(base, 999)
        push = read_push(part, replica, document.loaded)
        assert not push.known
        document.apply(push)
        base = document.encode()
    return Document(base, 999)


@pytest.mark.parametrize("text", ["abcdefg" * 60_000, "naïve 😀 👩\u200d👩\u200d👧" * 20_000])
@pytest.mark.parametrize("max_bytes", [50_000, 1 << 20])
def test_a_pasted_text_beyond_every_limit_arrives_whole(text: str, max_bytes: int) -> None:
    server = Document(b"", 8)
    server.edit_text("notes", 0, 0, "<é😀>")
    base = server.encode()
    client = Document(base, 7)
    client.edit_text("notes", 2, 0, text)
    client.append("notes", 1, None)
    client.edit_text("notes", 5, 3, "x")
    parts = cut_push(client.diff({8: server.clock(8)}), 1_000, max_bytes)
    assert len(parts) > 1
    assert all(len(part) <= min(max_bytes, DEFAULT_LIMITS.update) for part in parts)
    merged = applied(parts, 7, base)
    assert merged.text("notes") == client.text("notes")
    assert merged.vector == client.vector
    assert merged.entries == client.entries


def test_many_structs_are_cut_too() -> None:
    client = Document(b"", 7)
    for number in range(120):
        client.edit_text("notes", 0, 0, "é😀"[number % 2])
    parts = cut_push(client.encode(), 10, 1 << 20)
    assert len(parts) == 12
    assert applied(parts, 7).text("notes") == client.text("notes")


def test_what_is_small_stays_as_it_is() -> None:
    client = Document(b"", 7)
    client.append("title", 1, "x")
    assert cut_push(client.encode(), 1_000, 1 << 20) == [client.encode()]


def test_large_values_go_in_pushes_of_their_own() -> None:
    client = Document(b"", 7)
    for number in range(8):
        client.append(f"field{number}", number, "x" * 100_000)
    client.append("small", 9, "y")
    parts = cut_push(client.encode(), 1_000, 1 << 20)
    assert all(len(part) <= DEFAULT_LIMITS.update for part in parts)
    assert applied(parts, 7).entries == client.entries
    assert applied(parts, 7).encode() == client.encode()
