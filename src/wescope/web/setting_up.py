"""Setting-up routes: the JSON twins of the setup pages, and the orders to release or hold writing."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from wescope.engine.dry_run import MOST_SAMPLED, DryRunReview
from wescope.engine.mapping import PolicyMapping
from wescope.engine.setting_up import ConnectionView
from wescope.engine.setup_guide import SetupState
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices

REVIEW_PATTERN = r"^[0-9]{1,18}\.[0-9a-f]{16}$"
SampleSize = Annotated[
    int,
    Query(ge=0, le=MOST_SAMPLED, description="Of how many waiting subjects the planned documents are told, too."),
]


class ReleaseRequest(BaseModel):
    """The review that a release is of."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"review": "0.5f2c9e1ab04d7c33"}]})

    review: Annotated[str, Field(pattern=REVIEW_PATTERN, description="As `GET /api/v1/dry-run` has told it.")]


def setting_up_routes(services: WebServices) -> APIRouter:
    """`/setup`, `/setup/mapping`, `/setup/connection` and `/dry-run` under the API's prefix."""
    router = APIRouter()
    _state_routes(router, services)
    _dry_run_routes(router, services)
    return router


def _state_routes(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/setup",
        operation_id="get_setup",
        summary="The steps of a first connection",
        responses={200: json_response("Each step with its state.", SetupState), **error_responses(403, 422, 503)},
    )
    async def setup_state() -> JSONResponse:
        """Nothing outside is asked: what only Stripe or QBO can tell is as the last check has found it."""
        return json_answer(await services.setting_up.state())

    @router.get(
        "/setup/mapping",
        operation_id="get_mapping",
        summary="The accounts and items that the policy names",
        responses={
            200: json_response("Each with what QBO has of it.", PolicyMapping),
            **error_responses(403, 422, 502, 503),
        },
    )
    async def mapping() -> JSONResponse:
        """QBO is asked for its lists now."""
        return json_answer(await services.setting_up.mapping())

    @router.get(
        "/setup/connection",
        operation_id="get_connection",
        summary="The connection to QBO",
        responses={200: json_response("As it is now.", ConnectionView), **error_responses(403, 422, 503)},
    )
    async def connection(request: Request) -> JSONResponse:
        """Whether somebody must connect, why, and which redirect address Intuit must know."""
        return json_answer(await services.setting_up.connection_view(str(request.base_url)))


def _dry_run_routes(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/dry-run",
        operation_id="get_dry_run",
        summary="What waits to be written",
        responses={200: json_response("What waits.", DryRunReview), **error_responses(403, 422, 503)},
    )
    async def dry_run(sample: SampleSize = 0) -> JSONResponse:
        """With `sample` the documents of so many subjects are planned now; nothing is written."""
        return json_answer(await services.setting_up.dry_run.review(sample=sample))

    @router.post(
        "/dry-run/release",
        operation_id="release_writing",
        summary="Let what waits be written",
        responses={200: json_response("What waits now.", DryRunReview), **error_responses(403, 409, 422, 503)},
    )
    async def release(request: ReleaseRequest, actor: Asking) -> JSONResponse:
        """Of the newest review only. It holds for all processes at once, and for this policy."""
        return json_answer(await services.setting_up.dry_run.release(request.review, actor=actor.name))

    @router.post(
        "/dry-run/hold",
        operation_id="hold_writing",
        summary="Let nothing more be written",
        responses={200: json_response("What waits now.", DryRunReview), **error_responses(403, 422, 503)},
    )
    async def hold(actor: Asking) -> JSONResponse:
        """It holds for all processes at once, until a release."""
        return json_answer(await services.setting_up.dry_run.hold(actor=actor.name))
