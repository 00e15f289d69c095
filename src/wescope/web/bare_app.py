"""The bare application: how every role answers errors and is described; routes come on top."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from wescope.errors import WescopeError
from wescope.web.answers import on_http_error, on_invalid_request, on_unexpected_error, on_wescope_error
from wescope.web.openapi import TITLE, description_routes

Kind = int | type[Exception]
"""Errors that are answered alike, as FastAPI names them: a class, or a status."""
Errors = Mapping[Kind, Callable[[Request, Exception], Coroutine[Any, Any, Response]]]
"""What answers each kind of error."""

JSON_ANSWERS: Mapping[Kind, Callable[[Request, Exception], Coroutine[Any, Any, JSONResponse]]] = {
    WescopeError: on_wescope_error,
    RequestValidationError: on_invalid_request,
    HTTPException: on_http_error,
    Exception: on_unexpected_error,
}
"""What answers errors as JSON: all that a process without pages needs."""

_SILENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own telemetry sends messages of exceptions to whoever listens in the process, and those quote data."""


def bare_app(version: str, *, is_described: bool, errors: Errors = JSON_ANSWERS) -> FastAPI:
    """An ASGI application without routes, but for `/openapi.json` if it `is_described`; `errors` answer by kind."""
    app = FastAPI(
        title=TITLE,
        version=version or "0",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # `description_routes` has it
        telemetry=_SILENT,
        exception_handlers=dict(errors),
    )
    if is_described:
        app.include_router(description_routes())
    return app
