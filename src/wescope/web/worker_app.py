"""The web application of a worker: health and metrics. It imports nothing of the API and the console."""

from fastapi import FastAPI

from wescope.observe.metrics import Metrics
from wescope.web.bare_app import bare_app
from wescope.web.operations import operation_routes
from wescope.web.services import OperationServices


def create_worker_app(
    services: OperationServices, *, metrics: Metrics, version: str = "", public: bool = False
) -> FastAPI:
    """The ASGI application of a worker: health and metrics, and nothing that receives or shows anything else.

    `public`: others can reach this process; `/metrics` is then for this machine only.
    """
    app = bare_app(version, is_described=not public)
    app.include_router(operation_routes(services, metrics, public=public))
    return app
