"""The page on merge rules shows the table that the tests run.

`python -m tests.test_rules_page` writes it anew.
"""

from pathlib import Path

from fuzz.rule_cases import meetings_table

PAGE = Path(__file__).parents[1] / "django_pulse" / "docs" / "rules.md"
START, END = "<!-- made of fuzz.rule_cases -->\n", "<!-- end -->"


def with_table(page: str) -> str:
    head, rest = page.split(START)
    return f"{head}{START}\n{meetings_table()}\n\n{END}{rest.split(END)[1]}"


def test_the_page_shows_what_the_tests_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page) == page, "run python -m tests.test_rules_page"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
