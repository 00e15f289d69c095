"""Connect pages: let the service into a company of QuickBooks Online, by a person's yes at Intuit.

A form cannot lead to Intuit by a redirect: browsers let forms of these pages end at this service only (`form-action`).
So the answer to the form is a page that goes on to Intuit by itself. And Intuit's answer is a navigation from another
site, which the guard turns away: its page does nothing but go on within this site, where the guard then looks.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from wescope.engine.setting_up import CALLBACK
from wescope.web.access.guard import Asking, NotAllowed
from wescope.web.console.faults import page_router
from wescope.web.console.rendering import Pages, open_page, query_of, see_other
from wescope.web.console.responses import PAGE, form_responses, page_responses
from wescope.web.schemas import text_response
from wescope.web.services import WebServices

COOKIE = "wescope_connect"
PATH = "/setup/connect"
FINISH = f"{PATH}/finish"
_LASTS_S = 600

Word = Annotated[str, Query(max_length=2000, description="Of Intuit's answer.")]
Company = Annotated[str, Query(max_length=2000, description="Of Intuit's answer.", alias="realmId")]
Connected = Annotated[bool, Query(description="Say that it has just been connected.")]


def callback_routes() -> APIRouter:
    """`/setup/connect/callback`: for whoever comes back from Intuit. It asks nothing and changes nothing."""
    router = page_router()

    @router.get(
        CALLBACK,
        summary="Back from Intuit",
        operation_id="get_connect_callback_page",
        responses={200: text_response("The page.", PAGE), 422: text_response("This is no answer of Intuit's.", PAGE)},
    )
    async def callback(
        request: Request, code: Word = "", state: Word = "", realm_id: Company = "", error: Word = ""
    ) -> HTMLResponse:
        """Goes on to the page that takes the answer."""
        address = FINISH + query_of(code=code, state=state, realmId=realm_id, error=error)
        page = open_page(request, "connect_on.html", title="Back from Intuit", onward=address, where="Go on")
        return _going_on(page, address)

    return router


def connect_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`/setup/connect` and what follows it."""
    router = page_router()
    _begin_routes(router, services, pages)

    @router.get(
        FINISH,
        summary="Take Intuit's answer",
        operation_id="get_connect_finish_page",
        responses={**form_responses(409, 502, 503), 200: text_response("Never.", PAGE)},
    )
    async def finish(request: Request, actor: Asking) -> Response:
        """Once, within ten minutes, from the browser and by the operator that began; then the work goes on."""
        if not actor.is_operator:
            raise NotAllowed
        binding = request.cookies.get(COOKIE, "")
        await services.setting_up.finish_connecting(request.url.query, binding, actor=actor.name)
        answer = see_other(f"{PATH}?connected=true")
        answer.delete_cookie(COOKIE, path=PATH)
        return answer

    return router


def _begin_routes(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        PATH, summary="Connect QuickBooks Online", operation_id="get_connect_page", responses=page_responses(422, 503)
    )
    async def show(request: Request, connected: Connected = False) -> HTMLResponse:
        """For people: the state of the connection, and the button to connect."""
        view = await services.setting_up.connection_view(str(request.base_url))
        return pages.answer(
            request, "connect.html", twin="/api/v1/setup/connection", connection=view, connected=connected
        )

    @router.post(
        PATH,
        summary="Go to Intuit",
        operation_id="post_connect_page",
        responses=page_responses(422, 503),
    )
    async def begin(request: Request, actor: Asking) -> HTMLResponse:
        """A page that leads to Intuit, where a person says yes."""
        begun = await services.setting_up.begin_connecting(str(request.base_url), actor=actor.name)
        page = pages.answer(
            request,
            "connect_on.html",
            twin="",
            title="To Intuit",
            onward=begun.authorize_url,
            where="Go on to Intuit and choose the company",
        )
        page.set_cookie(
            COOKIE,
            begun.binding,
            max_age=_LASTS_S,
            path=PATH,
            httponly=True,
            samesite="lax",
            secure=begun.redirect_uri.startswith("https:"),
        )
        return _going_on(page, begun.authorize_url)


def _going_on(page: HTMLResponse, address: str) -> HTMLResponse:
    page.headers["Refresh"] = f"0; url={address}"
    return page
