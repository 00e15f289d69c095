"""What becomes of a service of several processes under load when all are replaced, and when a part of it dies."""

from dataclasses import dataclass
from pathlib import Path

from tests.chaos.faults import ROLLING, SHORT
from tests.chaos.run import Outcome, make_load, play
from tests.chaos.site import open_site

RATE_PER_S = 20
_STOPPED_WITHIN_S = 60  # beside other tests


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuity:
    """Both outcomes: a deployment, and a worker that dies together with every connection to the database."""

    deployed: Outcome
    broken: Outcome


async def play_continuity(folder: Path) -> Continuity:
    """A web process, two workers, 20 webhooks a second: replace every process; then break some."""
    async with open_site(folder, stopped_within_s=_STOPPED_WITHIN_S) as site:
        load = make_load(site, rate=RATE_PER_S, seed=2)
        deployed = await play(site, load, ROLLING, load_s=10)
        await site.complete()
        broken = await play(site, load, SHORT, load_s=10)
    return Continuity(deployed=deployed, broken=broken)
