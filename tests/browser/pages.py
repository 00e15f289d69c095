"""All pages of the console: where each is, with real ids of the business. A page that is added is added here."""

from dataclasses import dataclass

FILES = frozenset({"/static/console.css", "/static/htmx.min.js", "/static/icon.svg"})
"""Routes that pages load; they are no pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page.

    Attributes:
        route: as the application names it.
        address: what is visited; names in braces are those of `Business.ids`.
        status: what it is answered with.
    """

    route: str
    address: str
    status: int = 200


def _page(route: str, address: str | None = None, status: int = 200) -> Page:
    return Page(route=route, address=route if address is None else address, status=status)


PAGES = (
    _page("/"),
    _page("", "/nowhere", 404),
)
"""Every page, some with filters; those without a route are answers to what is nowhere."""
