"""What a browser would post of a page: every control with the value that the page gave it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

__all__ = ["posted"]


class _Controls(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, list[str]] = {}
        self._text: str | None = None
        self._select: str | None = None
        self._skip = False

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        attrs = dict(pairs)
        name = attrs.get("name") or ""
        if tag == "input":
            self._take_input(name, attrs)
        elif tag == "textarea":
            self._text = name
            self.data[name] = [""]
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in attrs:
            self.data.setdefault(self._select, []).append(attrs.get("value") or "")

    def _take_input(self, name: str, attrs: dict[str, str | None]) -> None:
        kind = attrs.get("type", "text")
        if not name or "disabled" in attrs or kind in {"submit", "file", "image", "button"}:
            return
        if kind in {"checkbox", "radio"} and "checked" not in attrs:
            return
        default = "on" if kind in {"checkbox", "radio"} else ""
        self.data.setdefault(name, []).append(attrs.get("value", default) or "")

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self.data[self._text][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text is not None:
            # The first line end after the tag is no part of the text; all are posted as CR LF.
            text = self.data[self._text][0].removeprefix("\r\n").removeprefix("\n")
            self.data[self._text] = [text.replace("\r\n", "\n").replace("\n", "\r\n")]
            self._text = None
        elif tag == "select":
            self._select = None


def posted(page: str, **edits: Any) -> dict[str, list[str]]:
    """The page's controls by name, with some of them edited: a value, a list, None for none."""
    controls = _Controls()
    controls.feed(page)
    data = dict(controls.data)
    for name, value in edits.items():
        if value is None:
            data.pop(name, None)
        else:
            data[name] = [str(each) for each in (value if isinstance(value, list) else [value])]
    return data
