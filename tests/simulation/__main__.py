"""Plays many histories: `python -m tests.simulation --seeds 2000 --steps 20-200`, or one again: `--replay SEED`.

Progress goes to standard error, the result as JSON to standard output; the exit code is 1 if anything does not hold.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from functools import partial

from tests.simulation.history import Failure, draw_history, played, shrunk, tried

_TOLD_EVERY = 100
_SHRINK_S = 60.0


def main() -> int:
    """Play, tell, and return the exit code."""
    options = _options()
    least, _, most = options.steps.partition("-")
    bounds = (int(least), int(most or least))
    return (
        _replay(options.replay, bounds, whole=options.whole)
        if options.replay is not None
        else _play_all(options, bounds)
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many histories")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", default="20-200", help="how many steps, from-to")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--most-failures", type=int, default=10, help="stop after so many")
    parser.add_argument("--replay", type=int, help="play this seed alone and say what happened")
    parser.add_argument("--whole", action="store_true", help="with --replay: do not look for fewer steps that fail")
    return parser.parse_args()


def _play_all(options: argparse.Namespace, bounds: tuple[int, int]) -> int:
    began = time.monotonic()
    seeds = range(options.first, options.first + options.seeds)
    failures: list[tuple[int, str]] = []
    done = steps = 0
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for seed, count, message in pool.imap_unordered(partial(played, bounds=bounds), seeds, chunksize=4):
            done, steps = done + 1, steps + count
            if message:
                failures.append((seed, message))
                _say(f"seed {seed}: {message.splitlines()[0][:300]}")
            if done % _TOLD_EVERY == 0:
                _say(f"{done}/{len(seeds)} histories, {len(failures)} failures, {time.monotonic() - began:.0f} s")
            if len(failures) >= options.most_failures:
                break
    seconds = time.monotonic() - began
    summary = {
        "histories": done,
        "steps": steps,
        "failures": len(failures),
        "failed_seeds": sorted(seed for seed, _ in failures),
        "kinds": dict(Counter(message.partition(": {")[0][:80] for _, message in failures)),
        "seconds": round(seconds, 1),
        "histories_per_s": round(done / seconds, 1),
        "replay": f"python -m tests.simulation --steps {options.steps} --replay SEED",
    }
    sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    return 1 if failures or not done else 0


def _replay(seed: int, bounds: tuple[int, int], *, whole: bool) -> int:
    history = draw_history(seed, *bounds)
    found = tried(history)
    if found is None:
        _say(f"seed {seed}: all holds after {len(history.steps)} steps")
        return 0
    shortest: Failure = found if whole else shrunk(found, seconds=_SHRINK_S)
    sys.stdout.write(shortest.told() + "\n")
    return 1


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
