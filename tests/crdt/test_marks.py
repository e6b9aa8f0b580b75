"""Marks: under which an edit was made, and what the server hears of them."""

from itertools import count

from crdt.marks import MARK_MILLISECONDS, MAX_MARKS, Marks
from crdt.messages import Mark


class Shop:
    """Marks, and what they keep."""

    def __init__(self, stored: dict[str, bytes] | None = None, first: int = 1) -> None:
        self.stored = stored or {}
        numbers = count(first)
        self.marks = Marks(sorted(self.stored.items()), self.put, lambda: next(numbers))

    def put(self, name: str, value: bytes | None) -> None:
        if value is None:
            del self.stored[name]
        else:
            self.stored[name] = value

    def edit(self, now: int, waiting: bool = True) -> int:
        tag = self.marks.current(now, waiting=waiting)
        self.marks.edited()
        return tag


def test_edits_of_a_minute_are_made_under_one_mark() -> None:
    shop = Shop()
    assert {shop.edit(now) for now in (0, 10, MARK_MILLISECONDS - 1)} == {1}
    assert shop.edit(MARK_MILLISECONDS) == 2
    assert shop.marks.tell() == (Mark(1, 3), Mark(2, 1))


def test_a_clock_that_is_set_back_begins_another_mark() -> None:
    shop = Shop()
    assert [shop.edit(5_000), shop.edit(4_999)] == [1, 2]


def test_after_a_restart_edits_are_made_under_another_mark() -> None:
    shop = Shop()
    shop.edit(0)
    again = Shop(shop.stored, first=9)
    again.edit(1)
    assert again.marks.tell() == (Mark(1, 1), Mark(9, 1))


def test_a_mark_is_kept_as_long_as_anything_waits() -> None:
    shop = Shop()
    shop.edit(0)
    shop.marks.close()
    shop.edit(1)
    shop.marks.close()
    assert shop.marks.current(2, waiting=False) == 3
    assert len(shop.stored) == 2, "nothing was edited"
    shop.edit(2)
    assert shop.marks.tell() == (Mark(3, 1),)


def test_news_are_marks_that_were_not_told_yet() -> None:
    shop = Shop()
    shop.edit(0)
    assert shop.marks.tell() == (Mark(1, 1),)
    shop.edit(1)
    assert shop.marks.news() == ()
    shop.marks.close()
    shop.edit(2)
    assert shop.marks.news() == (Mark(2, 1),)
    assert shop.marks.news() == ()


def test_the_newest_marks_are_kept() -> None:
    shop = Shop()
    for number in range(MAX_MARKS + 2):
        shop.edit(number * MARK_MILLISECONDS)
    assert [mark.tag for mark in shop.marks.tell()] == list(range(3, MAX_MARKS + 3))
