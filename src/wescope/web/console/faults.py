"""Faults: errors of pages are answered by pages, those of everything else as JSON."""

import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from wescope.web.access.addresses import local_path, sign_in_address
from wescope.web.access.refusals import NotSignedIn
from wescope.web.console.rendering import plain_error_page, see_other

Handler = Callable[[Request, Exception], Awaitable[JSONResponse]]
"""Answers an error as JSON."""

_TOLD = frozenset({"allow", "retry-after"})
"""Headers of an error that a page has, too."""

PAGE_TAG = "page"
"""The tag of the routes that answer people."""


def page_or_answer(handler: Handler) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    """A handler that says the same by a page, if a page was asked for."""

    async def handle(request: Request, error: Exception) -> Response:
        answer = await handler(request, error)
        if not _wants_page(request):
            return answer
        if isinstance(error, NotSignedIn) and error.at and request.method == "GET":
            return _to_sign_in(request, error, answer)
        told = json.loads(bytes(answer.body))["error"]
        page = plain_error_page(request, told["code"], told["message"], told["remedy"], status=answer.status_code)
        page.headers.update({name: value for name, value in answer.headers.items() if name in _TOLD})
        return page

    return handle


def page_router() -> APIRouter:
    """An empty router of pages: what goes wrong in its routes is told by a page, whatever the caller takes.

    The tag must be of the router that makes the routes: a request is told of its route as that router made it.
    """
    return APIRouter(tags=[PAGE_TAG], default_response_class=HTMLResponse)


def _to_sign_in(request: Request, error: NotSignedIn, answer: Response) -> Response:
    """Sends a browser to sign in and then to the page that it wanted; also one that only wanted a part of it."""
    if "hx-request" not in request.headers:
        return see_other(error.at)
    page = urlsplit(request.headers.get("hx-current-url", ""))
    wanted = local_path(f"{page.path}?{page.query}" if page.query else page.path)
    return Response(status_code=answer.status_code, headers={"HX-Redirect": sign_in_address(wanted)})


def _wants_page(request: Request) -> bool:
    """True for the routes of pages; for what is nowhere, or has no such method, if a browser asks for a page."""
    route: Any = request.scope.get("route")
    is_page = PAGE_TAG in getattr(route, "tags", ())
    if is_page and request.method in route.methods:
        return True
    if (route is not None and not is_page) or request.url.path.startswith("/api/"):
        return False
    return "text/html" in request.headers.get("accept", "") or "hx-request" in request.headers
