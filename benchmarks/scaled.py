"""`wescope` in a slower or faster world, and with a profile if asked for; and what its stand-ins must allow there.

`python -m benchmarks.scaled SCALE PROFILE WORDS...` runs `wescope WORDS...`; PROFILE is a file for cProfile, or `-`.
At a scale of 0.5 a minute of QBO and Stripe lasts two: half of everything is allowed, and all takes twice as long.
"""

import contextlib
import cProfile
import functools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wescope import wiring
from wescope.cli.main import run
from wescope.qbo.limits import SLACK_S, PostgresLimits
from wescope.stripe import limits
from wescope.stripe.limits import Rates

NO_PROFILE: Final = "-"
QBO_REQUESTS, QBO_BATCHES = 500, 40
"""A minute (facts/qbo.md 1)."""
STRIPE_REQUESTS, STRIPE_IN_ALL = 25, 100
"""A second, to one end point and in all (facts/stripe.md 3)."""


def service(scale: float, words: Sequence[str], profile: Path | None = None) -> tuple[str, ...]:
    """The arguments of `python` for `wescope WORDS...` in that world; at a scale of 1 it is the command itself."""
    if scale == 1 and profile is None:
        return ("-m", "wescope.cli.main", *words)
    return ("-m", "benchmarks.scaled", str(scale), str(profile or NO_PROFILE), *words)


def stand_in(name: str, scale: float, latency_ms: int) -> tuple[str, ...]:
    """The arguments of `python` for an empty stand-in that world; `latency_ms` is of QBO's answers at a scale of 1."""
    options: tuple[str, ...] = ()
    if name == "qbo":
        knobs = {
            "latency_ms": round(latency_ms / scale),
            "rate_window_ms": round(1000 / scale),
            "requests_per_minute": round(QBO_REQUESTS * scale),
            "batches_per_minute": round(QBO_BATCHES * scale),
        }
    else:
        options = ("--customers", "0", "--knob", "live_key=true")
        knobs = {
            "requests_per_second": round(STRIPE_REQUESTS * scale),
            "requests_per_second_in_all": round(STRIPE_IN_ALL * scale),
        }
    turned = (text for knob, value in knobs.items() for text in ("--knob", f"{knob}={value}"))
    return ("-m", f"wescope.sandbox.{name}", "--port", "0", *options, *turned)


def main(scale: float, profile: str, words: Sequence[str]) -> None:
    """Run the command to its end, or until SIGTERM; the profile is of CPU time."""
    limits.LIVE = Rates(endpoint=limits.LIVE.endpoint * scale, total=limits.LIVE.total * scale)  # type: ignore[misc]  # only here
    here = functools.partial(PostgresLimits, second_s=1 / scale, minute_s=60 / scale, slack_s=SLACK_S / scale)
    vars(wiring)["PostgresLimits"] = here
    sys.argv[1:] = words
    with contextlib.ExitStack() as stack:
        if profile != NO_PROFILE:
            profiler = stack.enter_context(cProfile.Profile(time.process_time))
            stack.callback(profiler.dump_stats, profile)
        run()


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], sys.argv[3:])
