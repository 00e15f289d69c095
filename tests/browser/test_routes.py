"""Whoever adds a page adds it to what the browser looks at."""

from typing import cast

from fastapi.routing import iter_route_contexts

from tests.browser.pages import NO_PAGES, PAGES
from wescope.web.app import create_app
from wescope.web.console.faults import PAGE_TAG
from wescope.web.services import WebServices


def test_every_page_is_looked_at() -> None:
    routes = iter_route_contexts(create_app(cast("WebServices", None)).routes)
    served = {str(one.path) for one in routes if "GET" in (one.methods or ()) and PAGE_TAG in (one.tags or ())}
    assert served - NO_PAGES == {page.route for page in PAGES if page.route}
