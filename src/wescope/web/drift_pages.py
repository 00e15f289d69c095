"""Routes of findings a page at a time, and of what a repair would write."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from wescope.engine.drift_pages import DriftPage, RepairPreview
from wescope.web.answers import json_answer
from wescope.web.parked_filters import DriftFilters, RepairFilters
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices


def drift_page_routes(services: WebServices) -> APIRouter:
    """`drift/page` and the preview of `drift/repair` under the API's prefix."""
    router = APIRouter()

    @router.get(
        "/drift/page",
        operation_id="get_drift",
        summary="What people have changed in QBO, a page at a time",
        responses={200: json_response("The newest first.", DriftPage), **error_responses(403, 422, 503)},
    )
    async def page(filters: Annotated[DriftFilters, Query()]) -> JSONResponse:
        """Field by field with what Stripe says and what QBO has; `next` names the page that follows."""
        return json_answer(await services.drift_pages.page(filters.choice(), after=filters.after))

    @router.get(
        "/drift/repair",
        operation_id="get_repair",
        summary="What a repair would write to QBO",
        responses={
            200: json_response("Finding by finding.", RepairPreview),
            **error_responses(403, 404, 422, 502, 503),
        },
    )
    async def preview(filters: Annotated[RepairFilters, Query()]) -> JSONResponse:
        """Of the findings that are named, or of all that are open and of these kinds and entities."""
        return json_answer(await services.drift_pages.preview(filters.choice(), exact=filters.exact))

    return router
