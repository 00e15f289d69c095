"""Drift routes: compare QBO with what was posted, and repair or accept what people have changed there."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from wescope.engine.drift_desk import DriftFilter, DriftItem
from wescope.engine.drift_kinds import DriftKind, DriftState
from wescope.engine.history import RunReport
from wescope.engine.verify import VerifyMode
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.parameters import Flag, RowNumber
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices

MAX_IDS = 1000
Ids = Annotated[list[RowNumber], Field(min_length=1, max_length=MAX_IDS)]


class VerifyRequest(BaseModel):
    """How much is looked at: what has changed (`auto`: once a week everything), or everything."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"mode": "full", "stripe": True}]})

    mode: VerifyMode = VerifyMode.AUTO
    stripe: Annotated[Flag, Field(description="Also read every known object from Stripe; post what is missing.")] = (
        False
    )

    rebuild_links: Annotated[
        Flag, Field(description="First link what QBO holds of ours, after the database was lost or restored.")
    ] = False


class RepairRequest(BaseModel):
    """Which findings are put right: these, or all that are open of these kinds (none: of any)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ids": [12]}, {"kinds": ["edited"]}]})

    ids: Ids | None = None
    kinds: list[DriftKind] = []


class ChosenRequest(BaseModel):
    """Which findings."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ids": [12, 13]}]})

    ids: Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairAnswer:
    """What is put right, and the run that does it; null if nothing of it can be."""

    drift: tuple[DriftItem, ...]
    run: RunReport | None


def drift_routes(services: WebServices) -> APIRouter:
    """`verify` and `drift` under the API's prefix."""
    router = APIRouter()
    _look_routes(router, services)
    _decision_routes(router, services)
    return router


def _look_routes(router: APIRouter, services: WebServices) -> None:
    run = {200: json_response("The run.", RunReport), **error_responses(403, 409, 422, 503)}

    @router.post(
        "/verify", operation_id="start_verify", summary="Compare QBO with the links and with Stripe", responses=run
    )
    async def verify(request: VerifyRequest, actor: Asking) -> JSONResponse:
        """A worker does the work; what it finds stands under `/drift`."""
        started = await services.drift.start(
            VerifyMode.FULL if request.rebuild_links else request.mode,
            stripe=request.stripe,
            rebuild=request.rebuild_links,
            actor=actor.name,
        )
        return json_answer(await services.history.run(started.id))

    @router.get(
        "/drift",
        operation_id="list_drift",
        summary="What people have changed in QBO",
        responses={
            200: json_response("The newest first.", tuple[DriftItem, ...]),
            **error_responses(403, 422, 503),
        },
    )
    async def drift(
        kind: Annotated[list[DriftKind] | None, Query(description="Only these kinds.")] = None,
        state: Annotated[list[DriftState] | None, Query(description="In these states; open if left out.")] = None,
    ) -> JSONResponse:
        """Open findings, unless other states are asked for; each with what a repair does."""
        kinds = tuple(one.value for one in kind or ())
        states = tuple(one.value for one in state or (DriftState.OPEN,))
        return json_answer(tuple(await services.drift.items(DriftFilter(kinds=kinds, states=states))))


def _decision_routes(router: APIRouter, services: WebServices) -> None:
    errors = error_responses(403, 404, 409, 422, 503)

    @router.post(
        "/drift/repair",
        operation_id="repair_drift",
        summary="Put findings right",
        responses={200: json_response("What, and the run.", RepairAnswer), **errors},
    )
    async def repair(request: RepairRequest, actor: Asking) -> JSONResponse:
        """What is named is written over, created again or deleted in QBO, as each finding says; a worker does it."""
        kinds = tuple(kind.value for kind in request.kinds)
        chosen = DriftFilter(ids=tuple(request.ids) if request.ids else None, kinds=kinds)
        items = tuple(item for item in await services.drift.items(chosen) if item.repair is not None)
        started = await services.drift.start_repair(chosen, actor=actor.name)
        report = await services.history.run(started.id) if started else None
        return json_answer(RepairAnswer(drift=items, run=report))

    @router.post(
        "/drift/accept",
        operation_id="accept_drift",
        summary="Let findings stay",
        responses={200: json_response("As they are now.", tuple[DriftItem, ...]), **errors},
    )
    async def accept(request: ChosenRequest, actor: Asking) -> JSONResponse:
        """They are told again only if their record changes again."""
        return json_answer(tuple(await services.drift.accept(request.ids, actor=actor.name)))

    @router.post(
        "/drift/revert",
        operation_id="revert_drift",
        summary="Take repairs back",
        responses={
            200: json_response("As they are now.", tuple[DriftItem, ...]),
            **error_responses(403, 404, 422, 502, 503),
        },
    )
    async def revert(request: ChosenRequest, actor: Asking) -> JSONResponse:
        """QBO has again what a person had made of it. What is `repaired` still could not be taken back."""
        return json_answer(tuple(await services.drift.revert(request.ids, actor=actor.name)))
