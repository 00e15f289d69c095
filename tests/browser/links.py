"""Where pages lead: every address of ours that stands on a page, some of each kind."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

EACH = 2
"""So many addresses of one form are followed: a list of a hundred stories is a hundred times the same."""

_IDS = re.compile(r"(?<=/)[^/]*(?:\d|_|%3A|:)[^/]*(?=/|$)")
_VALUES = re.compile(r"(?<==)[^&]*")

Fetch = Callable[[str], tuple[int, str, str]]
"""Asks for an address; status, type of content, text."""


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        for name in ("href", "src", "hx-get"):
            if named.get(name):
                self.found.append(str(named[name]))


def links_of(text: str, base: str) -> list[str]:
    """The addresses of the same origin that a page names, as paths with their queries."""
    parser = _Links()
    parser.feed(text)
    parts = [urlsplit(urldefrag(urljoin(base, one)).url) for one in parser.found]
    home = urlsplit(base).netloc
    return [f"{one.path}?{one.query}" if one.query else one.path for one in parts if one.netloc == home]


def form_of(address: str) -> str:
    """What addresses of the same page have in common: ids and values of filters are left out."""
    path, _, query = address.partition("?")
    return f"{_IDS.sub('*', path)}?{_VALUES.sub('*', query)}"


def crawl(start: Iterable[str], base: str, fetch: Fetch) -> list[str]:
    """Follow what pages name, some of each form; what was not answered with 200, and which page named it."""
    faults: list[str] = []
    named = dict.fromkeys(start, "the list of pages")
    waiting, forms = list(named), defaultdict[str, int](int)
    while waiting:
        address = waiting.pop(0)
        status, kind, text = fetch(address)
        if status != 200:
            faults.append(f"{status} {address} (on {named[address]})")
        if not kind.startswith("text/html"):
            continue
        for link in links_of(text, f"{base}{address}"):
            form = form_of(link)
            if link not in named and forms[form] < EACH:
                forms[form] += 1
                named[link] = address
                waiting.append(link)
    return faults
