"""The web application: all routes over one set of services."""

from typing import cast

from fastapi import FastAPI

from wescope import __version__
from wescope.config.setting_types import Expose
from wescope.engine.dashboards import Dashboards
from wescope.engine.json_schemas import Schema
from wescope.observe.metrics import Metrics
from wescope.web.access.guard import Access, LocalAccess
from wescope.web.api import api_routes
from wescope.web.bare_app import JSON_ANSWERS, bare_app
from wescope.web.console.faults import page_or_answer
from wescope.web.console.rendering import Pages
from wescope.web.console.routes import page_routes
from wescope.web.openapi import described
from wescope.web.operations import operation_routes
from wescope.web.services import WebServices
from wescope.web.webhooks import StripeWebhooks, webhook_routes


def create_app(
    services: WebServices,
    *,
    metrics: Metrics | None = None,
    version: str = "",
    expose: Expose = "all",
    access: Access | None = None,
    dashboards: Dashboards | None = None,
) -> FastAPI:
    """The ASGI application. It opens nothing and closes nothing: `services` are alive as long as it is.

    Args:
        services: what the routes ask for.
        metrics: the process's metrics; own ones if left out.
        version: shown in `/openapi.json`.
        expose: `webhooks`: besides them only `/healthz` and `/readyz` are answered, and `/metrics` to this machine,
            for a process that the whole world can reach; `health`: not even webhooks.
        access: who may ask for the books; only this machine if left out.
        dashboards: where objects are shown in Stripe and QBO; nowhere if left out.
    """
    counted = metrics or Metrics()
    errors = {kind: page_or_answer(answer) for kind, answer in JSON_ANSWERS.items()}
    app = bare_app(version, is_described=expose == "all", errors=errors)
    way = access or LocalAccess()
    # Whoever lets people in from elsewhere can be reached from there.
    public = expose != "all" or not isinstance(way, LocalAccess)
    if expose != "health":
        app.include_router(webhook_routes(services, counted))
        app.add_middleware(StripeWebhooks, services=services, metrics=counted)
    app.include_router(operation_routes(services, counted, public=public, gauges=expose != "webhooks"))
    if expose == "all":
        app.state.access = way
        app.include_router(api_routes(services))
        app.include_router(page_routes(services, Pages(dashboards=dashboards or Dashboards())))
    return app


def published_openapi() -> Schema:
    """The description of all routes of a service, as it is published: `artifacts/openapi.json`."""
    nobody = cast("WebServices", None)  # a route asks for its services when it is called, and none is
    return described(create_app(nobody, version=__version__))
