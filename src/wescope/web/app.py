"""The web application: all routes over one set of services."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from wescope import __doc__ as description
from wescope.errors import WescopeError
from wescope.observe.metrics import Metrics
from wescope.web.answers import on_http_error, on_invalid_request, on_unexpected_error, on_wescope_error
from wescope.web.api import api_routes
from wescope.web.operations import operation_routes
from wescope.web.page import page_routes
from wescope.web.services import WebServices
from wescope.web.webhooks import webhook_routes

_SILENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own telemetry sends messages of exceptions to whoever listens in the process, and those quote data."""


def create_app(services: WebServices, *, metrics: Metrics | None = None, version: str = "") -> FastAPI:
    """The ASGI application. It opens nothing and closes nothing: `services` are alive as long as it is.

    Args:
        services: what the routes ask for.
        metrics: the process's metrics; own ones if left out.
        version: shown in `/openapi.json`.
    """
    counted = metrics or Metrics()
    app = FastAPI(
        title="WeScope Sync",
        description=description or "",
        version=version or "0",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        telemetry=_SILENT,
        exception_handlers={
            WescopeError: on_wescope_error,
            RequestValidationError: on_invalid_request,
            HTTPException: on_http_error,
            Exception: on_unexpected_error,
        },
    )
    app.include_router(webhook_routes(services, counted))
    app.include_router(operation_routes(services, counted))
    app.include_router(api_routes(services))
    app.include_router(page_routes(services))
    return app
