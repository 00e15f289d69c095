"""Simulates the real engine on the real PostgreSQL: `python -m tests.simulation.engine --steps 1000000 --processes 2`.

`--seed N` plays one world again, tells what happened and shrinks it if it fails. Progress goes to standard error, the
result to standard output; the exit code is 1 if anything does not hold (with `--plant`: if nothing was found).
"""

import argparse
import json
import os
import sys
import time
from collections import Counter

from tests.simulation.engine.plants import PLANTS
from tests.simulation.engine.play import Order, Played
from tests.simulation.engine.runs import ground, kind, many, played, seeds, shrunk

_TOLD_EVERY_S = 10.0
_TRACE_LINES = 120


def main() -> int:
    """Simulates, tells, and returns the exit code."""
    options = _options()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets must be that of every other run, or a seed would not repeat.
        os.execve(  # noqa: S606 - ourselves
            sys.executable,
            [sys.executable, "-m", "tests.simulation.engine", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    return _one(options) if options.seed is not None else _many(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.engine", description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000, help="how many effect boundaries in all, at least")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="play this world alone and say what happened")
    parser.add_argument("--leave-out", default="", help="with --seed: decisions that are not taken, by comma")
    parser.add_argument("--plant", default="", choices=("", *PLANTS), help="a bug that is to be found")
    parser.add_argument("--shrink-s", type=float, default=0.0, help="with --seed: how long to look for less that fails")
    parser.add_argument("--most-failures", type=int, default=10, help="stop after so many")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _many(options: argparse.Namespace) -> int:
    began = told = time.monotonic()
    found: list[Played] = []
    failures: list[Played] = []
    steps, counts = 0, Counter[str]()
    most = 1 if options.plant else options.most_failures
    for one in many(seeds(options.first, options.plant), processes=options.processes):
        found.append(one)
        steps += one.steps
        counts.update(one.counts)
        if one.problem:
            failures.append(one)
            _say(f"seed {one.seed}: {one.problem.splitlines()[0][:400]}")
        if time.monotonic() - told > _TOLD_EVERY_S:
            told = time.monotonic()
            _say(
                f"{steps:,} steps, {len(found)} worlds, {len(failures)} failures, {steps / (told - began):.0f} steps/s"
            )
        if steps >= options.steps or len(failures) >= most:
            break
    seconds = time.monotonic() - began
    summary = {
        "steps": steps,
        "worlds": len(found),
        "failures": len(failures),
        "failed_seeds": sorted(one.seed for one in failures),
        "kinds": dict(Counter(map(kind, failures))),
        "plant": options.plant,
        "seconds": round(seconds, 1),
        "steps_per_s": round(steps / seconds),
        "virtual_hours": round(sum(one.virtual_s for one in found) / 3600),
        "happened": dict(sorted(counts.items())),
        "replay": "python -m tests.simulation.engine --seed SEED",
    }
    _tell(summary, as_json=options.json)
    return int(not failures) if options.plant else int(bool(failures))


def _tell(summary: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
        return
    for name, value in summary.items():
        sys.stdout.write(f"{name:14} {value}\n")


def _one(options: argparse.Namespace) -> int:
    left_out = frozenset(filter(None, options.leave_out.split(",")))
    order = Order(seed=options.seed, left_out=left_out, plant=options.plant, keeps_trace=True)
    with ground() as url:
        found = played(order, url)
        if found.problem and options.shrink_s:
            order, found = shrunk(order, found, url, seconds=options.shrink_s)
    for line in found.trace if found.problem else ():
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"seed {found.seed}: {found.steps} steps, trace {found.trace_hash}, {found.counts}\n")
    sys.stdout.write(f"decisions: {', '.join(found.taken)}\n")
    sys.stdout.write(f"{found.problem or 'all holds'}\n")
    if order.left_out:
        sys.stdout.write(f'again: --seed {order.seed} --leave-out "{",".join(sorted(order.left_out))}"\n')
    return int(bool(found.problem) != bool(options.plant))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
