"""The first and the last lines of a service process: what it is, what it works with, how it ends. No secrets."""

import contextlib
import os
import time
from collections.abc import Iterator

import structlog

from wescope import __version__
from wescope.config import PolicyFile, Settings
from wescope.errors import WescopeError
from wescope.stripe.client import is_live_key

_log = structlog.get_logger(__name__)


@contextlib.contextmanager
def told(settings: Settings, policy_file: PolicyFile, role: str) -> Iterator[None]:
    """Log the beginning and the end of a process of the service around the block."""
    began = time.monotonic()
    _log.info(
        "starting",
        version=__version__,
        role=role,
        pid=os.getpid(),
        database="embedded" if settings.embedded else "given",
        policy="file" if policy_file.path else "defaults",
        dry_run=policy_file.dry_run,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        traces=settings.traces,
        secrets=settings.secrets,
        realm_id=settings.qbo_realm_id,
        qbo_base=settings.qbo_api_base,
        stripe_base=settings.stripe_api_base,
        stripe_mode=_mode(settings),
    )
    try:
        yield
    except WescopeError as error:
        _log.error("stopped", role=role, code=error.code, uptime_s=_since(began))
        raise
    except Exception as error:
        _log.error("stopped", role=role, code="internal", uptime_s=_since(began), exc_info=error)
        raise
    _log.info("stopped", role=role, uptime_s=_since(began))


def _mode(settings: Settings) -> str | None:
    if settings.stripe_api_key is None:
        return None
    return "live" if is_live_key(settings.stripe_api_key.get_secret_value()) else "test"


def _since(began: float) -> int:
    return round(time.monotonic() - began)
