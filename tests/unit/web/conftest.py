"""An HTTP client that talks to the application in this process, from an address of choice."""

import io
import logging
from collections.abc import Callable, Iterator

import httpx2
import pytest
import structlog

from tests.unit.web.fakes import FakeServices
from wescope.observe import Metrics, configure_logs
from wescope.web.app import create_app

Connect = Callable[..., httpx2.AsyncClient]


@pytest.fixture(autouse=True)
def logs() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers, root.level)
    stream = io.StringIO()
    configure_logs("info", stream=stream, human=False)
    yield stream
    root.handlers, root.level = before
    structlog.reset_defaults()


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture
def connect(services: FakeServices) -> Connect:
    def build(address: str = "127.0.0.1", host: str = "127.0.0.1:8080") -> httpx2.AsyncClient:
        app = create_app(services, metrics=Metrics({"invoice.paid"}), version="0.1.0")
        transport = httpx2.ASGITransport(app=app, client=(address, 50000), raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url=f"http://{host}")

    return build


@pytest.fixture
def client(connect: Connect) -> httpx2.AsyncClient:
    return connect()
