"""Operations: alive, able to work, and the metrics."""

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from wescope.engine.results import ConnectionWord, Status
from wescope.errors import WescopeError
from wescope.observe.logs import get_logger
from wescope.observe.metrics import CONTENT_TYPE, Metrics
from wescope.web.answers import json_answer
from wescope.web.local import from_this_machine
from wescope.web.schemas import json_response, schema_of
from wescope.web.services import Readiness, WebServices

_LOG = get_logger(__name__)

_CONNECTED = {ConnectionWord.CONNECTED: True, ConnectionWord.RECONNECT: False, ConnectionWord.UNKNOWN: None}


def operation_routes(
    services: WebServices, metrics: Metrics, *, public: bool = False, gauges: bool = True
) -> APIRouter:
    """`/healthz` (also `/health`), `/readyz` (also `/ready`) and `/metrics`.

    Args:
        services: what the routes ask for.
        metrics: of this process.
        public: others can reach this process; `/metrics` is then for this machine only.
        gauges: whether it also knows the state of the whole, and not only its own counts.
    """
    router = APIRouter(tags=["operations"])
    readiness = schema_of(Readiness)

    # Cloud Run keeps paths that end in z to itself: what asks from outside asks the names without it.
    @router.get("/health", include_in_schema=False)
    @router.get("/healthz", summary="Is the process alive?")
    async def health() -> JSONResponse:
        """Answer at all; nothing else is asked."""
        return json_answer({"status": "ok"})

    @router.get("/ready", include_in_schema=False)
    @router.get(
        "/readyz",
        summary="Can it work?",
        responses={200: json_response("It can.", readiness), 503: json_response("It cannot; says why.", readiness)},
    )
    async def ready() -> JSONResponse:
        """Ask every part that the work needs."""
        state = await _readiness(services)
        return json_answer(state, status=200 if state.ok else 503)

    @router.get(
        "/metrics",
        summary="Metrics in Prometheus' text format",
        response_class=Response,
        dependencies=[Depends(from_this_machine)] if public else [],
    )
    async def show_metrics() -> Response:
        """Counters of this process, and gauges of the state at this moment (stale while the database is away)."""
        if gauges:
            await _refresh_gauges(services, metrics)
        return Response(metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    return router


async def _readiness(services: WebServices) -> Readiness:
    try:
        return await services.ready()
    except WescopeError as error:
        return Readiness(ok=False, checks={"service": error.code})


async def _refresh_gauges(services: WebServices, metrics: Metrics) -> None:
    try:
        state: Status = await services.status()
    except WescopeError as error:
        _LOG.warning("gauges are stale", code=error.code)
        return
    metrics.show(
        backlog=state.backlog,
        oldest_hint_age_s=state.oldest_hint_age_s,
        in_flight=state.in_flight,
        parked=state.parked,
        posted=state.posted,
        refresh_token_days_left=state.refresh_token_days_left,
        qbo_connected=_CONNECTED[state.qbo_connection],
        qbo_reads_this_month=state.qbo_reads_this_month,
        alerts=len(state.alerts),
    )
