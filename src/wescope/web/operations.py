"""Operations: alive, able to work, and the metrics."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from wescope.errors import WescopeError
from wescope.observe.logs import get_logger
from wescope.observe.metrics import CONTENT_TYPE, Metrics
from wescope.web.answers import json_answer
from wescope.web.schemas import json_response, schema_of
from wescope.web.services import OperationServices, Readiness

_LOG = get_logger(__name__)


def operation_routes(services: OperationServices, metrics: Metrics) -> APIRouter:
    """`/healthz`, `/readyz` and `/metrics`."""
    router = APIRouter(tags=["operations"])
    readiness = schema_of(Readiness)

    @router.get("/healthz", summary="Is the process alive?")
    async def health() -> JSONResponse:
        """Answer at all; nothing else is asked."""
        return json_answer({"status": "ok"})

    @router.get(
        "/readyz",
        summary="Can it work?",
        responses={200: json_response("It can.", readiness), 503: json_response("It cannot; says why.", readiness)},
    )
    async def ready() -> JSONResponse:
        """Ask every part that the work needs."""
        state = await _readiness(services)
        return json_answer(state, status=200 if state.ok else 503)

    @router.get("/metrics", summary="Metrics in Prometheus' text format", response_class=Response)
    async def show_metrics() -> Response:
        """Counters of this process, and gauges of the state at this moment (stale while the database is away)."""
        await _refresh(services, metrics)
        return Response(metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    return router


async def _readiness(services: OperationServices) -> Readiness:
    try:
        return await services.ready()
    except WescopeError as error:
        return Readiness(ok=False, checks={"service": error.code})


async def _refresh(services: OperationServices, metrics: Metrics) -> None:
    try:
        samples = await services.samples()
    except WescopeError as error:
        _LOG.warning("gauges are stale", code=error.code)
        metrics.stale()
        return
    metrics.show(samples)
