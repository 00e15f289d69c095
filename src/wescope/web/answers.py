"""Answers: JSON out of results, and errors as `{"error": {"code", "message", "remedy"}}` with the fitting status."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from wescope.engine.drift_desk import DriftNotFound
from wescope.engine.dry_run import ReviewOutdated
from wescope.engine.explain import NothingKnown
from wescope.engine.month_results import (
    MonthNotBegun,
    MonthNotCompared,
    MonthNotOver,
    MonthNotSigned,
    MonthSigned,
    ReasonMissing,
)
from wescope.engine.parked_desk import PlanChanged
from wescope.engine.parked_items import NotParked
from wescope.engine.results import Error, ErrorBody, to_json
from wescope.engine.run_book import PreviewTooLong
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
from wescope.qbo.connect import NotConnected
from wescope.web.access.guard import NotAllowed, RequestForged
from wescope.web.access.refusals import NotSignedIn, Refusal, TooManyAttempts
from wescope.web.local import NotLocal

_LOG = get_logger(__name__)

INTERNAL = "internal_error"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainError:
    """An error that no class of `wescope.errors` is: its code, status, and what is said."""

    code: str
    status: int
    text: str
    remedy: str


REQUEST_INVALID = PlainError(
    code="request_invalid", status=422, text="The request does not fit", remedy="See /openapi.json."
)
NOT_FOUND = PlainError(code="not_found", status=404, text="There is nothing here.", remedy="See /openapi.json.")
METHOD_NOT_ALLOWED = PlainError(
    code="method_not_allowed", status=405, text="This path has other methods.", remedy="See /openapi.json."
)
HTTP_ERROR = PlainError(
    code="http_error", status=500, text="The request could not be answered.", remedy="See /openapi.json."
)
BODY_INCOMPLETE = PlainError(
    code="body_incomplete",
    status=408,
    text="The body did not arrive in time.",
    remedy="Check the connection of who calls this address.",
)
INTERNAL_ERROR = PlainError(
    code=INTERNAL,
    status=500,
    text="Something unforeseen went wrong",
    remedy="Report the code and the log line of this moment.",
)
PLAIN_ERRORS: Sequence[PlainError] = (
    REQUEST_INVALID,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    HTTP_ERROR,
    BODY_INCOMPLETE,
    INTERNAL_ERROR,
)
"""What is answered beside the errors of the tree."""

STATUSES: tuple[tuple[type[WescopeError], int], ...] = (
    (MalformedId, 422),
    (WrongUse, 422),
    (ObjectNotFound, 404),
    (NothingKnown, 404),
    (NotParked, 404),
    (RunNotFound, 404),
    (DriftNotFound, 404),
    (RowNotFound, 404),
    (RunIsOver, 409),
    (RunUnfinished, 409),
    (MonthNotBegun, 404),
    (MonthNotOver, 409),
    (MonthNotCompared, 409),
    (MonthSigned, 409),
    (MonthNotSigned, 409),
    (ReasonMissing, 422),
    (PlanChanged, 409),
    (ReviewOutdated, 409),
    (NotConnected, 409),
    (PreviewTooLong, 503),
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
    return json_answer(Error(error=ErrorBody(code=code, message=message, remedy=remedy)), status=status)


def plain_answer(error: PlainError, message: str = "", *, status: int | None = None) -> JSONResponse:
    """An error that no class is; with its own words, and its own status, unless others are given."""
    return error_answer(error.code, message or error.text, error.remedy, status=status or error.status)


def wescope_error_answer(error: WescopeError, *, status: int | None = None) -> JSONResponse:
    """An error of the tree, with the status of its family unless one is given."""
    return error_answer(error.code, str(error), error.remedy, status=status or status_of(error))


def status_of(error: WescopeError) -> int:
    """The HTTP status of an error of the tree."""
    return status_of_kind(type(error))


def status_of_kind(kind: type[WescopeError]) -> int:
    """The HTTP status of a class of errors of the tree."""
    if issubclass(kind, WebhookRejected | NotLocal | NotAllowed | RequestForged | Refusal):
        return kind.http_status
    return next((status for family, status in STATUSES if issubclass(kind, family)), 500)


def internal_error_answer(error: Exception, *, status: int) -> JSONResponse:
    """An error that nobody foresaw: its type and place go to the log, its message nowhere."""
    _LOG.error("request failed", exc_info=error, code=INTERNAL, http_status=status)
    return plain_answer(INTERNAL_ERROR, f"{INTERNAL_ERROR.text} ({type(error).__name__}).", status=status)


async def on_wescope_error(_request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler of our own errors."""
    if not isinstance(error, WescopeError):  # pragma: no cover - registered for WescopeError only
        return internal_error_answer(error, status=500)
    _LOG.warning("request refused", code=error.code, http_status=status_of(error))
    answer = wescope_error_answer(error)
    if isinstance(error, TooManyAttempts):
        answer.headers["Retry-After"] = str(error.wait_s)
    if isinstance(error, NotSignedIn):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


async def on_unexpected_error(_request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler of everything else."""
    return internal_error_answer(error, status=500)


async def on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler of parameters that do not fit: says where, without repeating what was sent."""
    faults: list[Any] = list(error.errors()) if isinstance(error, RequestValidationError) else []
    places = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults)
    return plain_answer(REQUEST_INVALID, f"{REQUEST_INVALID.text}: {places}.")


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler of unknown paths and methods, and of bodies that are no text."""
    if not isinstance(error, HTTPException):  # pragma: no cover - registered for HTTPException only
        return internal_error_answer(error, status=500)
    match error.status_code:
        case 400:
            answer = plain_answer(REQUEST_INVALID, f"{REQUEST_INVALID.text}: the body cannot be read.")
        case 404:
            answer = plain_answer(NOT_FOUND)
        case 405:
            answer = plain_answer(METHOD_NOT_ALLOWED)
            # The framework names the methods of the first route of this path; a page and its form are two.
            answer.headers["Allow"] = ", ".join(_methods_of(request))
            return answer
        case status:
            answer = plain_answer(HTTP_ERROR, status=status)
    answer.headers.update(error.headers or {})
    return answer


def _methods_of(request: Request) -> list[str]:
    """The methods that the path of a request has."""
    routes = request.app.router.routes
    scopes = ((method, {**request.scope, "method": method}) for method in _METHODS)
    return [method for method, scope in scopes if any(one.matches(scope)[0] is Match.FULL for one in routes)]
