"""Setup pages: the steps of a first connection, the doctor, and the accounts and items that the policy names."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from wescope.engine.results import Diagnosis
from wescope.web.access.guard import Asking
from wescope.web.console.faults import page_router
from wescope.web.console.rendering import Pages, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.services import WebServices

Run = Annotated[bool, Query(description="Run the checks now.")]


def setup_page_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`/setup`, `/setup/doctor`, `/setup/mapping`."""
    router = page_router()

    @router.get("/setup", summary="Setup", operation_id="get_setup_page", responses=page_responses(503))
    async def setup(request: Request) -> HTMLResponse:
        """For people: each step of a first connection, and its one next action."""
        state = await services.setting_up.state()
        return pages.answer(request, "setup.html", twin="/api/v1/setup", state=state)

    @router.get("/setup/doctor", summary="Doctor", operation_id="get_doctor_page", responses=page_responses(422, 503))
    async def doctor(request: Request, run: Run = False) -> HTMLResponse:
        """For people: everything that the work needs, looked at if they ask for it."""
        found = Diagnosis.of(await services.doctor()) if run else None
        return pages.answer(request, "doctor.html", twin="/api/v1/doctor", diagnosis=found)

    _mapping_routes(router, services, pages)
    return router


def _mapping_routes(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        "/setup/mapping",
        summary="Accounts and items",
        operation_id="get_mapping_page",
        responses=page_responses(502, 503),
    )
    async def mapping(request: Request) -> HTMLResponse:
        """For people: what the policy names, what QBO has of it, and what would be made."""
        found = await services.setting_up.mapping()
        return pages.answer(request, "mapping.html", twin="/api/v1/setup/mapping", mapping=found)

    @router.post(
        "/setup/mapping",
        summary="Make what is missing",
        operation_id="post_mapping_page",
        responses=form_responses(502, 503),
    )
    async def make(actor: Asking) -> Response:
        """What exists is never changed, and nothing is made twice."""
        await services.setup.apply(actor=actor.name)
        return see_other("/setup/mapping")
