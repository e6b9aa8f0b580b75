"""What the pages in `django_pulse/docs` show is true: examples are run, links lead somewhere.

An example is a doctest over the models of the test project. A page's examples share their names and
their database, in the order of the page.
"""

import ast
import doctest
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PAGES = sorted((CHECKOUT / "django_pulse" / "docs").glob("*.md"))
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# A fenced block and its language.
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Where a link leads, without its anchor; not one to another site.
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)[^)]*\)")


def named(path: Path) -> str:
    return path.stem


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_examples_of_a_page_do_what_it_says(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSE_FUZZ_SEED", "1")  # the same histories each time
    text = page.read_text(encoding="utf-8")
    code = "\n".join(block for language, block in BLOCK.findall(text) if language == "pycon")
    test = doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), 0)
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=said.append)
    assert not failed, "".join(said)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_python_block_is_python(page: Path) -> None:
    for language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language in {"py", "python"}:
            ast.parse(block, filename=page.name)


@pytest.mark.parametrize("page", [*PAGES, CHECKOUT / "README.md"], ids=named)
def test_every_link_leads_to_a_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [to for to in LINK.findall(text) if not (page.parent / to).exists()] == []
