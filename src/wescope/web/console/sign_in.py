"""Sign-in: the page that says who may come in, the way to the provider and back, and out again."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from wescope.web.access.addresses import SIGN_IN, local_path
from wescope.web.access.guard import identify, refuse_forged
from wescope.web.access.oidc import OidcAccess
from wescope.web.access.provider import CALLBACK
from wescope.web.console.faults import page_router
from wescope.web.console.rendering import open_page, query_of, see_other
from wescope.web.console.responses import form_responses, open_page_responses, redirect_responses

START, SIGN_OUT = "/sign-in/start", "/sign-out"
OPEN_PATHS = frozenset({SIGN_IN, START, CALLBACK})
"""What anybody may ask for: who is not signed in must be able to."""

Next = Annotated[str | None, Query(description="The path to come to afterwards; only paths of ours are followed.")]


def sign_in_routes() -> APIRouter:
    """`/sign-in`, the way to the provider and back, and `/sign-out`; without a provider nobody goes there."""
    router = page_router()
    _entry_routes(router)
    _exit_route(router)
    return router


def _entry_routes(router: APIRouter) -> None:
    @router.get(
        SIGN_IN,
        summary="Sign in",
        operation_id="get_sign_in_page",
        response_class=HTMLResponse,
        responses=open_page_responses(),
    )
    async def sign_in(
        request: Request,
        next: Next = None,  # noqa: A002 - the name in the address
        *,
        signed_out: Annotated[bool, Query(description="Say that this browser is signed out now.")] = False,
    ) -> Response:
        """What this is, and a button that leads to the provider."""
        access = request.app.state.access
        if not access.signs_in:
            return see_other("/")
        wanted = local_path(next)
        start = f"{START}{query_of(next=wanted if wanted != '/' else None)}"
        return open_page(request, "sign_in.html", start=start, signed_out=signed_out)

    @router.get(
        START,
        summary="Go to the provider",
        operation_id="get_sign_in_start",
        status_code=303,
        response_class=RedirectResponse,
        responses=redirect_responses(404, 422, 429, 503),
    )
    async def begin(request: Request, next: Next = None) -> Response:  # noqa: A002 - the name in the address
        """The browser is sent to the provider; what must come back with it is kept in a cookie for ten minutes."""
        kept = Response()
        return _with_cookies(see_other(await _provided(request).begin(request, next, kept)), kept)

    @router.get(
        CALLBACK,
        summary="Come back from the provider",
        operation_id="get_sign_in_callback",
        status_code=303,
        response_class=RedirectResponse,
        responses=redirect_responses(400, 403, 404, 429, 503),
        openapi_extra={"parameters": _CALLBACK_PARAMETERS},
    )
    async def callback(request: Request) -> Response:
        """The provider's word is checked, and the browser has a session or is told why not."""
        kept = Response()
        return _with_cookies(see_other(await _provided(request).finish(request, kept)), kept)


def _exit_route(router: APIRouter) -> None:
    @router.post(
        SIGN_OUT,
        summary="Sign out",
        operation_id="post_sign_out",
        status_code=303,
        response_class=RedirectResponse,
        responses=form_responses(404),
        dependencies=[Depends(identify), Depends(refuse_forged)],
    )
    async def sign_out(request: Request) -> Response:
        """The browser forgets its session; the one at the provider stays."""
        response = see_other(f"{SIGN_IN}?signed_out=true")
        _provided(request).sign_out(request, response)
        return response


def _provided(request: Request) -> OidcAccess:
    """The access that has a provider.

    Raises:
        HTTPException: nobody signs in here.
    """
    access = request.app.state.access
    if not isinstance(access, OidcAccess):
        raise HTTPException(status_code=404)
    return access


def _with_cookies(response: Response, kept: Response) -> Response:
    response.raw_headers += [header for header in kept.raw_headers if header[0] == b"set-cookie"]
    return response


_CALLBACK_PARAMETERS: list[dict[str, Any]] = [
    {"name": name, "in": "query", "schema": {"type": "string"}, "description": told}
    for name, told in (
        ("code", "What the provider exchanges for its word on who has signed in."),
        ("state", "What this browser began with."),
        ("error", "Why the provider has signed nobody in."),
        ("iss", "Who the provider is (RFC 9207)."),
    )
]
