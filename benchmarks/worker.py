"""A worker as `wescope serve --role worker` runs it, but in a slower or faster world, and with a profile if asked for.

`python -m benchmarks.worker SCALE [PROFILE]`. At a scale of 0.5 a minute of QBO and Stripe lasts two.
"""

import asyncio
import contextlib
import cProfile
import functools
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from wescope import service, wiring
from wescope.config import PolicyFile, Settings, load_policy_file, load_settings
from wescope.engine.runtime import Runtime
from wescope.links.database import conninfo
from wescope.links.opening import open_database
from wescope.observe.logs import configure_logs
from wescope.observe.metrics import Metrics
from wescope.qbo.limits import PostgresLimits
from wescope.stripe import limits
from wescope.stripe.events import EVENTS
from wescope.stripe.limits import Rates


@contextlib.asynccontextmanager
async def opened(settings: Settings, policy_file: PolicyFile, scale: float) -> AsyncIterator[Runtime]:
    """All parts, with the limits of that world."""
    realm_id = settings.require_qbo(token_stored=True).realm_id
    async with open_database(settings) as url:
        scaled = PostgresLimits(conninfo(url), realm_id, second_s=1 / scale, minute_s=60 / scale)
        async with (
            contextlib.aclosing(scaled),
            wiring.assemble(settings, policy_file, url, limits=scaled, watchful=True) as runtime,
        ):
            yield runtime


def announce(_role: str) -> None:
    """Tell the parent that it works."""
    sys.stdout.write(json.dumps({"service": "wescope", "role": "worker"}) + "\n")
    sys.stdout.flush()


def main(scale: float, profile: Path | None) -> None:
    """Work until SIGTERM; the profile is of CPU time."""
    settings = load_settings()
    configure_logs(settings.log_level)
    limits.LIVE = Rates(endpoint=limits.LIVE.endpoint * scale, total=limits.LIVE.total * scale)  # type: ignore[misc]  # only here
    opening = functools.partial(opened, settings, load_policy_file(settings), scale)
    with contextlib.ExitStack() as stack:
        if profile is not None:
            profiler = stack.enter_context(cProfile.Profile(time.process_time))
            stack.callback(profiler.dump_stats, profile)
        asyncio.run(service.run(opening, settings, Metrics(EVENTS), "worker", ready=announce))


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)  # noqa: PLR2004 - the two arguments
