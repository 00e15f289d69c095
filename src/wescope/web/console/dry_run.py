"""Dry-run page: what waits to be written, its review, and the buttons that release or hold it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from wescope.web.access.guard import Asking
from wescope.web.console.faults import page_router
from wescope.web.console.rendering import Pages, query_of, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.services import WebServices
from wescope.web.setting_up import REVIEW_PATTERN, SampleSize

PATH = "/setup/dry-run"
Review = Annotated[str, Form(pattern=REVIEW_PATTERN, description="Which review was looked at.")]


def dry_run_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`/setup/dry-run`, and its two orders."""
    router = page_router()

    @router.get(PATH, summary="Dry run", operation_id="get_dry_run_page", responses=page_responses(422, 503))
    async def show(request: Request, sample: SampleSize = 0) -> HTMLResponse:
        """For people: whether anything is written, what waits, and the plans of some of it if they ask for them."""
        review = await services.setting_up.dry_run.review(sample=sample)
        twin = "/api/v1/dry-run" + query_of(sample=sample)
        return pages.answer(request, "dry_run.html", twin=twin, review=review, sample=sample)

    @router.post(
        f"{PATH}/release",
        summary="Release",
        operation_id="post_dry_run_release",
        responses=form_responses(409, 503),
    )
    async def release(actor: Asking, review: Review) -> Response:
        """Let what waits be written, if this is the newest review."""
        await services.setting_up.dry_run.release(review, actor=actor.name)
        return see_other(PATH)

    @router.post(f"{PATH}/hold", summary="Hold", operation_id="post_dry_run_hold", responses=form_responses(503))
    async def hold(actor: Asking) -> Response:
        """Let nothing more be written."""
        await services.setting_up.dry_run.hold(actor=actor.name)
        return see_other(PATH)

    return router
