"""Home: are the books equal to Stripe, what waits, and what needs somebody."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wescope.engine.results import ParkedRow
from wescope.web.console.rendering import Pages
from wescope.web.console.responses import page_responses
from wescope.web.services import WebServices

MAX_PARKED_ROWS = 20


def home_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`GET /`."""
    router = APIRouter()

    @router.get("/", summary="Home", operation_id="get_home_page", responses=page_responses(503))
    async def home(request: Request) -> HTMLResponse:
        """For people: backlog, parked items, tokens, alerts, the last tie-out."""
        state, parked = await services.status(), await _parked(services)
        return pages.answer(
            request,
            "home.html",
            twin="/api/v1/status",
            state=state,
            parked=parked[:MAX_PARKED_ROWS],
            hidden=max(0, len(parked) - MAX_PARKED_ROWS),
        )

    return router


async def _parked(services: WebServices) -> tuple[ParkedRow, ...]:
    """What is parked and not ignored."""
    return tuple(row for row in await services.parked() if row.ignored_at is None)
