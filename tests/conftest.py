"""Options of the whole test suite, and what makes its servers and clients cheap to open and to close."""

import asyncio
import functools
import ssl
import types
from collections.abc import Iterator

import httpcore2
import pytest
import structlog
import uvicorn.server
from xdist.remote import Producer

from tests.scheduling import Scheduling

_UVICORN_LOOKS_EVERY_S = 0.01


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots", action="store_true", help="write the snapshots anew; then review them with `git diff`"
    )
    parser.addoption(
        "--write-acceptance", action="store_true", help="write docs/acceptance.md from this run (`make acceptance`)"
    )
    parser.addoption(
        "--api-examples", type=int, default=1, help="how many random requests Schemathesis makes up for each operation"
    )


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    """Lines below info are for people who look for something: to render them for every call takes a third of a test."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("info"))


@pytest.fixture(scope="session", autouse=True)
def shared_tls() -> Iterator[None]:
    """One TLS context for all HTTP clients: to read the authorities costs 20 ms, and nothing here talks TLS."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((ssl, "create_default_context"), (httpcore2, "default_ssl_context")):
            patch.setattr(module, name, functools.cache(getattr(module, name)))
        yield


@pytest.fixture(scope="session", autouse=True)
def prompt_uvicorn() -> Iterator[None]:
    """uvicorn sleeps 0.1 s at a time, twice when it stops: here it looks more often whether it is done."""

    async def sleep(delay_s: float) -> None:
        await asyncio.sleep(min(delay_s, _UVICORN_LOOKS_EVERY_S))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.server, "asyncio", types.SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
        yield
