"""Operations: alive, able to work, and the metrics."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from wescope.errors import WescopeError
from wescope.observe.logs import get_logger
from wescope.observe.metrics import CONTENT_TYPE, Metrics
from wescope.web.answers import json_answer
from wescope.web.local import from_this_machine
from wescope.web.schemas import Responses, error_responses, json_response, text_response
from wescope.web.services import OperationServices, Readiness

_LOG = get_logger(__name__)
_ALIVE, _ABLE = "Is the process alive?", "Can it work?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The process answers."""

    status: Literal["ok"] = "ok"


def operation_routes(
    services: OperationServices, metrics: Metrics, *, public: bool = False, gauges: bool = True
) -> APIRouter:
    """`/healthz` (also `/health`), `/readyz` (also `/ready`) and `/metrics`.

    Args:
        services: what the routes ask for.
        metrics: of this process.
        public: others can reach this process; `/metrics` is then for this machine only.
        gauges: whether it also knows the state of the whole, and not only its own counts.
    """
    router = APIRouter(tags=["operations"])
    refused = error_responses(403) if public else {}
    alive: Responses = {200: json_response("It is.", Health)}
    able: Responses = {200: json_response("It can.", Readiness), 503: json_response("It cannot; says why.", Readiness)}
    refresh = _Refresh(services, metrics)

    # Cloud Run keeps paths that end in z to itself: what asks from outside asks the names without it.
    @router.get("/health", summary=f"{_ALIVE} (for Cloud Run)", operation_id="get_health_outside", responses=alive)
    @router.get("/healthz", summary=_ALIVE, operation_id="get_health", responses=alive)
    async def health() -> JSONResponse:
        """Answer at all; nothing else is asked."""
        return json_answer(Health())

    @router.get("/ready", summary=f"{_ABLE} (for Cloud Run)", operation_id="get_readiness_outside", responses=able)
    @router.get("/readyz", summary=_ABLE, operation_id="get_readiness", responses=able)
    async def ready() -> JSONResponse:
        """Ask every part that the work needs."""
        state = await _readiness(services)
        return json_answer(state, status=200 if state.ok else 503)

    @router.get(
        "/metrics",
        summary="Metrics in Prometheus' text format",
        operation_id="get_metrics",
        response_class=Response,
        responses={200: text_response("docs/metrics.md explains each.", "text/plain"), **refused},
        dependencies=[Depends(from_this_machine)] if public else [],
    )
    async def show_metrics() -> Response:
        """Counters of this process, and gauges of the state at this moment (stale while the database is away)."""
        if gauges:
            await refresh()
        return Response(metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    return router


async def _readiness(services: OperationServices) -> Readiness:
    try:
        return await services.ready()
    except WescopeError as error:
        return Readiness(ok=False, checks={"service": error.code})


class _Refresh:
    """Brings the metrics of the system up to date. Who asks meanwhile shares the look: it reads whole tables."""

    def __init__(self, services: OperationServices, metrics: Metrics) -> None:
        self._services, self._metrics = services, metrics
        self._looking: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        await asyncio.shield(self._looking)

    async def _look(self) -> None:
        try:
            samples = await self._services.samples()
        except WescopeError as error:
            _LOG.warning("gauges are stale", code=error.code)
            self._metrics.stale()
            return
        self._metrics.show(samples)
