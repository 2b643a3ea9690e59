"""What tests of pages share: a reader that holds a page against the rules of HTML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

VOID = frozenset(("meta", "img", "br", "hr", "link", "input", "col"))
ADDRESSES = frozenset(("src", "href", "xlink:href", "action", "srcset", "data", "poster", "formaction"))


class PageReader(HTMLParser):
    """Elements, texts and addresses of a page; refuses what does not nest."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: Counter[str] = Counter()
        self.names: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.style = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{name} would run something"
            assert value is not None
            self.attributes.append((name, value))
            if name == "id":
                self.names[value] += 1
            if name in ADDRESSES:
                self.addresses.append(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        elif data.strip():
            self.texts.append(data)


def _read_page(html: str) -> PageReader:
    reader = PageReader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    assert reader.elements["script"] == reader.elements["iframe"] == reader.elements["link"] == 0
    for address in reader.addresses:
        assert address.startswith(("data:image/", "#")), address[:80]
        if address.startswith("#"):
            assert reader.names[address[1:]] >= 1, f"{address} leads nowhere"
    assert not re.search(r"https?:|//[a-z]", re.sub(r"data:image/[^\"]*", "", html))
    assert "@import" not in reader.style
    assert "url(" not in reader.style
    return reader


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], PageReader]:
    """`read_page(html)`: what stands in a page that nests well, asks for nothing and runs nothing."""
    return _read_page
