"""Faults: errors of pages are answered by pages, those of everything else as JSON."""

import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from wescope.web.console.rendering import plain_error_page

Handler = Callable[[Request, Exception], Awaitable[JSONResponse]]
"""Answers an error as JSON."""

PAGE_TAG = "page"
"""The tag of the routes that answer people."""


def page_or_answer(handler: Handler) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    """A handler that says the same by a page, if a page was asked for."""

    async def handle(request: Request, error: Exception) -> Response:
        answer = await handler(request, error)
        if not _wants_page(request):
            return answer
        told = json.loads(bytes(answer.body))["error"]
        page = plain_error_page(request, told["code"], told["message"], told["remedy"], status=answer.status_code)
        page.headers.update({name: value for name, value in answer.headers.items() if name in {"allow", "retry-after"}})
        return page

    return handle


def _wants_page(request: Request) -> bool:
    """True for the routes of pages, and for what is nowhere if a browser asks for a page."""
    route = request.scope.get("route")
    tags = getattr(route, "tags", None)
    if tags:
        return PAGE_TAG in tags
    name = getattr(route, "operation_id", None) or ""
    if name.endswith("_page") or name.startswith("post_") or name == "get_search":
        return True  # a route of a router within a router does not know the tags of the outer one
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
