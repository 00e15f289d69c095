"""The bare application: how every role answers errors and is described; routes come on top."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from wescope.errors import WescopeError
from wescope.web.answers import on_http_error, on_invalid_request, on_unexpected_error, on_wescope_error
from wescope.web.console.faults import page_or_answer
from wescope.web.openapi import TITLE, description_routes

_SILENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own telemetry sends messages of exceptions to whoever listens in the process, and those quote data."""


def bare_app(version: str, *, is_described: bool) -> FastAPI:
    """An ASGI application without routes, but for `/openapi.json` if it `is_described`."""
    app = FastAPI(
        title=TITLE,
        version=version or "0",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # `description_routes` has it
        telemetry=_SILENT,
        exception_handlers={
            WescopeError: page_or_answer(on_wescope_error),
            RequestValidationError: page_or_answer(on_invalid_request),
            HTTPException: page_or_answer(on_http_error),
            Exception: page_or_answer(on_unexpected_error),
        },
    )
    if is_described:
        app.include_router(description_routes())
    return app
