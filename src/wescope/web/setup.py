"""Setup routes: check everything that the work needs, and make the accounts and items that QBO lacks."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from wescope.books.policy import ItemRole
from wescope.engine.results import Diagnosis
from wescope.engine.setup_plan import SetupPlan
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.parameters import Flag
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices

AccountName = Annotated[str, Field(min_length=1, max_length=500)]


class SetupRequest(BaseModel):
    """What to make."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"dry_run": True, "incomes": {"sales": "Services"}}]}
    )

    dry_run: Annotated[Flag, Field(description="Only answer what would be made.")] = False
    incomes: Annotated[
        dict[ItemRole, AccountName],
        Field(description="The account that a missing item posts to, if not one of its own name."),
    ] = {}


def setup_routes(services: WebServices) -> APIRouter:
    """`doctor` and `setup` under the API's prefix."""
    router = APIRouter()

    @router.get(
        "/doctor",
        summary="Check everything that the work needs",
        operation_id="get_diagnosis",
        responses={200: json_response("The checks.", Diagnosis), **error_responses(403, 422, 503)},
    )
    async def doctor() -> JSONResponse:
        """A service that does not answer is a failing check; every failing check has its remedy."""
        return json_answer(Diagnosis.of(await services.doctor()))

    @router.post(
        "/setup",
        operation_id="make_missing_accounts_and_items",
        summary="Make the accounts and items that QBO lacks",
        responses={
            200: json_response("Every account and item that the policy names.", SetupPlan),
            **error_responses(403, 422, 502, 503),
        },
    )
    async def setup(request: SetupRequest, actor: Asking) -> JSONResponse:
        """What exists is never changed, and nothing is made twice. With `dry_run` it is only told."""
        incomes = {role.value: account for role, account in request.incomes.items()}
        if request.dry_run:
            return json_answer(await services.setup.plan(incomes))
        return json_answer(await services.setup.apply(incomes, actor=actor.name))

    return router
