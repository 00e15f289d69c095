"""Links are found on pages, told apart by their form, and followed."""

import pytest

from tests.browser.links import crawl, form_of, links_of


def test_links_are_followed_and_what_is_broken_is_told() -> None:
    site = {
        "/": (200, "text/html", '<a href="/list">L</a><a href="http://elsewhere/x">X</a>'),
        "/list": (200, "text/html", "".join(f'<a href="/item/in_{number}#top">{number}</a>' for number in range(50))),
    }
    asked: list[str] = []

    def fetch(address: str) -> tuple[int, str, str]:
        asked.append(address)
        return site.get(address, (404, "text/html", ""))

    assert crawl(["/"], "http://here", fetch) == [f"404 /item/in_{number} (on /list)" for number in range(2)]
    assert len(asked) == 4


def test_links_of_a_page_are_those_of_its_site() -> None:
    text = '<link href="/a.css"><a href="?q=1">Q</a><a href="https://else/where">E</a><a href="#here">H</a>'
    assert links_of(text, "http://here/page?q=0") == ["/a.css", "/page?q=1", "/page?q=0"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/story/in_1ABC", "/story/evt_2"),
        ("/parked/in_1%3Ainvoice", "/parked/ch_2:payment"),
        ("/runs/12/undo", "/runs/7/undo"),
        ("/parked?code=a&after=x", "/parked?code=b&after=y"),
    ],
)
def test_addresses_of_one_page_have_one_form(one: str, other: str) -> None:
    assert form_of(one) == form_of(other)
