"""Static files: the stylesheet, htmx and idiomorph, served from the package with a tag of their content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import Response

from wescope.web.console.faults import page_router
from wescope.web.schemas import text_response

_KINDS: Mapping[str, str] = {
    "console.css": "text/css",
    "htmx.min.js": "text/javascript",
    "idiomorph.htmx.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    content: bytes
    tag: str


@cache
def _file(name: str) -> _File:
    content = (files("wescope.web.console") / "static" / name).read_bytes()
    return _File(content=content, tag=f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def static_routes() -> APIRouter:
    """`/static/...`: nothing of them depends on who asks, so nobody is asked who he is."""
    router = page_router()
    for name, kind in _KINDS.items():
        _route(router, name, kind)
    return router


def _route(router: APIRouter, name: str, kind: str) -> None:
    @router.get(
        f"/static/{name}",
        operation_id=f"get_static_{name.replace('.', '_')}",
        summary=f"The file {name} of the console",
        response_class=Response,
        responses={200: text_response("The file.", kind), 304: {"description": "It is as the caller has it."}},
    )
    async def static(request: Request) -> Response:
        """With a tag, so that browsers ask only whether it has changed."""
        found = _file(name)
        headers = {"ETag": found.tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        return Response(found.content, media_type=f"{kind}; charset=utf-8", headers=headers)
