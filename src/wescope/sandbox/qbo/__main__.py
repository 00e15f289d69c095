"""Command: python -m wescope.sandbox.qbo prints one JSON line when it listens and serves until SIGTERM or SIGINT."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from wescope.sandbox.environment_file import write_environment_file
from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.server import QboSandbox


def arguments(given: list[str]) -> argparse.Namespace:
    """Reads the command line.

    Args:
        given: the arguments after the command.

    Returns:
        host, port, state, env_file, seed, bare and the finished `knobs`.

    Raises:
        SystemExit: 2 for wrong use.
    """
    parser = argparse.ArgumentParser(prog="wescope.sandbox.qbo", description="A local QuickBooks Online.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path, help="folder that keeps the books; without it they live in memory")
    parser.add_argument("--env-file", type=Path, help="file for `. FILE`: what the service needs to reach this QBO")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--latency-ms", type=int, default=0)
    parser.add_argument("--bare", action="store_true", help="a company without the Stripe accounts and items")
    parser.add_argument("--knob", action="append", default=[], metavar="NAME=VALUE")
    parsed = parser.parse_args(given)
    turned = dict(one.partition("=")[::2] for one in parsed.knob)
    try:
        parsed.knobs = Knobs().changed({"latency_ms": parsed.latency_ms, **turned})
    except ValueError as problem:
        parser.error(str(problem))
    return parsed


async def serve(wanted: argparse.Namespace) -> None:
    """Serves until a signal asks it to stop.

    Args:
        wanted: the command line as read.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sandbox = QboSandbox(knobs=wanted.knobs, seed=wanted.seed, state=wanted.state, bare=wanted.bare)
    async with sandbox.serve(wanted.host, wanted.port) as running:
        if wanted.env_file is not None:
            write_environment_file(wanted.env_file, running.environment())
        sys.stdout.write(json.dumps(running.greeting()) + "\n")
        sys.stdout.flush()
        await stop.wait()
    sandbox.close()


if __name__ == "__main__":
    asyncio.run(serve(arguments(sys.argv[1:])))
