"""Opening the database: the configured one, or the embedded server, which is kept running for as long as it is used."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from wescope.config import Settings
from wescope.links.embedded import EmbeddedPostgresError, Use, acquire, release, revive

_log = structlog.get_logger(__name__)

_WATCH_EVERY_S = 0.5


@contextlib.asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[str]:
    """The address of the database: the configured one, or that of the embedded server, which runs meanwhile."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    use = await asyncio.to_thread(acquire, settings.home)
    watching = asyncio.create_task(_keep_running(use))
    try:
        yield use.server.url
    finally:
        watching.cancel()
        await asyncio.shield(asyncio.to_thread(release, use))


async def _keep_running(use: Use) -> None:
    """Start the embedded server again when it is killed; what uses it meanwhile fails, and comes back by itself."""
    while True:
        await asyncio.sleep(_WATCH_EVERY_S)
        try:
            if await asyncio.to_thread(revive, use):
                _log.warning("embedded PostgreSQL was gone and is started again")
        except EmbeddedPostgresError as error:
            _log.error("embedded PostgreSQL is gone", code=error.code)
