"""Asks the real services what the product relies on: `make test-live`; without keys the local sandboxes.

Progress goes to standard error, the summary to standard output. Exit code: 0 all is as the product needs it, 1
something is not or was left behind, 2 the environment is refused.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from filelock import FileLock, Timeout

from tests.live.bench import MOST_CALLS
from tests.live.environment import PREFIX, Environment, Refused, read_environment
from tests.live.model import Probe
from tests.live.page import discovery_page
from tests.live.probes import PROBES
from tests.live.report import CONFIDENCE, read_confidence, report, update_confidence, write_report
from tests.live.suite import Outcome, open_sides, play
from tests.live.token_file import FileTokenStore
from wescope.errors import WescopeError

PAGE = CONFIDENCE.parent / "api-discovery.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, report, and return the exit code."""
    options = _options(arguments)
    chosen = [one for one in PROBES.values() if not options.only or one.name.startswith(tuple(options.only))]
    try:
        environment = read_environment()
        for line in _announcement(environment):
            _say(line)
        environment.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(environment.folder / "lock", timeout=0):
            outcome = asyncio.run(_play(environment, chosen, options.calls))
    except Refused as refusal:
        _say(str(refusal))
        return 2
    except Timeout:
        _say(f"Another run works with {environment.folder}: one at a time, since each removes what others have left.")
        return 2
    except WescopeError as error:
        _say(f"Could not begin: {error.code}. {error.remedy}")
        return 1
    _tell(environment, outcome, as_json=options.json)
    return 0 if outcome.is_good else 1


async def _play(environment: Environment, probes: Sequence[Probe], calls: int) -> Outcome:
    async with open_sides(environment, most_calls=calls) as bench:
        return await play(bench, probes, say=_say)


def _announcement(environment: Environment) -> list[str]:
    sides = (
        ("Stripe", environment.stripe, "STRIPE_API_KEY"),
        ("QBO", environment.qbo, "QBO_CLIENT_ID, _CLIENT_SECRET, _REALM_ID and _REFRESH_TOKEN"),
    )
    return [
        f"{name}: {'the account of the key' if keys else f'no keys ({PREFIX}{variable}): the local sandbox'}"
        for name, keys, variable in sides
    ]


def _tell(environment: Environment, outcome: Outcome, *, as_json: bool) -> None:
    files = write_report(outcome, environment.folder)
    updated = update_confidence(outcome)
    if updated:
        PAGE.write_text(discovery_page(read_confidence()), encoding="utf-8")
        _say(f"{updated} real results are in {CONFIDENCE} and {PAGE}: commit both.")
    else:
        _say("No real result: the confidence stays as it is.")
    if environment.qbo is not None:
        store = FileTokenStore(environment.folder, environment.qbo.realm_id)
        _say(f"Intuit rotates refresh tokens: the newest is in {store.path} (for you only), and the next run uses it.")
    if as_json:
        sys.stdout.write(json.dumps(report(outcome), indent=2) + "\n")
        return
    told = report(outcome)
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in told["verdicts"].items())
    sides = ", ".join(f"{name}: {kind}" for name, kind in told["sides"].items())
    sys.stdout.write(f"{'good' if outcome.is_good else 'NOT GOOD'}: {verdicts} ({sides})\nreport: {files[1]}\n")
    for result in outcome.results:
        if not result.is_good:
            sys.stdout.write(f"  {result.probe.name}: expected {result.probe.expected}, saw {result.seen}\n")
    for one in (*outcome.left, outcome.unfurnished):
        sys.stdout.write(f"  left: {one}\n" if one in outcome.left else f"  {one}\n" if one else "")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.live", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="probes whose names begin so")
    parser.add_argument("--calls", type=int, default=MOST_CALLS, help="to QBO at most, cleaning up included")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the summary")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
