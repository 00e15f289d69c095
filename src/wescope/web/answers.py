"""Answers: JSON out of results, and errors as `{"error": {"code", "message", "remedy"}}` with the fitting status."""

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from wescope.engine.drift_desk import DriftNotFound
from wescope.engine.explain import NothingKnown
from wescope.engine.parked_items import NotParked
from wescope.engine.results import to_json
from wescope.engine.runs import RunIsOver, RunNotFound, RunUnfinished
from wescope.engine.tieout_comparison import RowNotFound
from wescope.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    MalformedId,
    ObjectNotFound,
    QboError,
    StripeError,
    WebhookRejected,
    WescopeError,
    WrongUse,
)
from wescope.observe.logs import get_logger
from wescope.web.local import NotLocal

_LOG = get_logger(__name__)

INTERNAL = "internal_error"

STATUSES: tuple[tuple[type[WescopeError], int], ...] = (
    (MalformedId, 422),
    (WrongUse, 422),
    (ObjectNotFound, 404),
    (NothingKnown, 404),
    (NotParked, 404),
    (RunNotFound, 404),
    (DriftNotFound, 404),
    (RowNotFound, 404),
    (RunIsOver, 422),
    (RunUnfinished, 422),
    (StripeError, 502),
    (QboError, 502),
    (DatabaseUnavailable, 503),
    (ConfigurationError, 503),
)
"""HTTP status of each family of errors; the first that fits counts."""


def json_answer(value: object, *, status: int = 200) -> JSONResponse:
    """`value` (a result, or plain data) as a JSON response that no cache keeps."""
    return JSONResponse(to_json(value), status_code=status, headers={"Cache-Control": "no-store"})


def error_answer(code: str, message: str, remedy: str, *, status: int) -> JSONResponse:
    """An error as every route answers it."""
    return json_answer({"error": {"code": code, "message": message, "remedy": remedy}}, status=status)


def wescope_error_answer(error: WescopeError, *, status: int | None = None) -> JSONResponse:
    """An error of the tree, with the status of its family unless one is given."""
    return error_answer(error.code, str(error), error.remedy, status=status or status_of(error))


def status_of(error: WescopeError) -> int:
    """The HTTP status of an error of the tree."""
    if isinstance(error, (WebhookRejected, NotLocal)):
        return error.http_status
    return next((status for family, status in STATUSES if isinstance(error, family)), 500)


def internal_error_answer(error: Exception, *, status: int) -> JSONResponse:
    """An error that nobody foresaw: its type and place go to the log, its message nowhere."""
    _LOG.error("request failed", exc_info=error, code=INTERNAL, http_status=status)
    return error_answer(
        INTERNAL,
        f"Something unforeseen went wrong ({type(error).__name__}).",
        "Report the code and the log line of this moment.",
        status=status,
    )


async def on_wescope_error(_request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler of our own errors."""
    if not isinstance(error, WescopeError):  # pragma: no cover - registered for WescopeError only
        return internal_error_answer(error, status=500)
    _LOG.warning("request refused", code=error.code, http_status=status_of(error))
    return wescope_error_answer(error)


async def on_unexpected_error(_request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler of everything else."""
    return internal_error_answer(error, status=500)


async def on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler of parameters that do not fit: says where, without repeating what was sent."""
    faults: list[Any] = list(error.errors()) if isinstance(error, RequestValidationError) else []
    places = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults)
    return error_answer("request_invalid", f"The request does not fit: {places}.", "See /openapi.json.", status=422)


async def on_http_error(_request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler of unknown paths and methods."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "http_error")
    return error_answer(code, f"There is nothing here (HTTP {status}).", "See /openapi.json.", status=status)
