"""Breaks real processes under load: `python -m tests.chaos [--only NAME] [--rate 20] [--json]`.

Progress goes to standard error, a table of recovery times to standard output; the exit code is 1 if anything is lost
or doubled, or not drained within 60 s of the fault's end.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos.faults import SCENARIOS, SHORT, Scenario
from tests.chaos.run import Outcome, make_load, play
from tests.chaos.site import open_site

_HEAD = ("scenario", "fault s", "events", "again", "backlog", "drained s", "lost", "doubled", "at once", "tie-out", "")


def main() -> int:
    """Play, print, and return the exit code."""
    options = _options()
    chosen = [one for one in (*SCENARIOS, SHORT) if one.name in options.only] if options.only else list(SCENARIOS)
    with tempfile.TemporaryDirectory(prefix="wescope-chaos-") as folder:
        outcomes = asyncio.run(_play_all(Path(options.keep or folder), chosen, options.rate, options.seed))
    sys.stdout.write(json.dumps([asdict(one) for one in outcomes], indent=2) if options.json else _table(outcomes))
    sys.stdout.write("\n")
    return 0 if all(one.holds for one in outcomes) else 1


async def _play_all(folder: Path, chosen: Sequence[Scenario], rate: float, seed: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    async with open_site(folder) as site:
        load = make_load(site, rate, seed)
        for scenario in chosen:
            await site.complete()
            outcomes.append(await play(site, load, scenario))
            sys.stderr.write(f"{_row(outcomes[-1])}\n")
    return outcomes


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    names = [one.name for one in (*SCENARIOS, SHORT)]
    parser.add_argument("--only", action="append", choices=names, help="this scenario; may be given several times")
    parser.add_argument("--rate", type=float, default=20, help="webhook events per second")
    parser.add_argument("--seed", type=int, default=1, help="of the business")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--keep", help="a folder for logs and databases that is not removed")
    return parser.parse_args()


def _cells(one: Outcome) -> tuple[str, ...]:
    recovered = "never" if one.recovered_s is None else f"{one.recovered_s:.1f}"
    counts = (one.lost, one.doubled)
    verdict = "ok" if one.holds else "FAILED"
    return (
        one.what,
        f"{one.fault_s:.1f}",
        str(one.events),
        str(one.sent_again),
        str(one.backlog),
        recovered,
        *map(str, counts),
        f"{one.availability:.2%}",
        one.tie_out,
        verdict,
    )


def _row(one: Outcome) -> str:
    return _line(_cells(one))


def _line(cells: Sequence[str]) -> str:
    widths = (46, 8, 7, 6, 8, 10, 5, 8, 9, 8, 7)
    first, *rest = zip(cells, widths, strict=True)
    return f"{first[0]:<{first[1]}}" + "".join(f"{text:>{width}}" for text, width in rest)


def _table(outcomes: Sequence[Outcome]) -> str:
    return "\n".join([_line(_HEAD), *map(_row, outcomes)])


if __name__ == "__main__":
    sys.exit(main())
