"""Command line of the stand-in: ``python -m wescope.sandbox.stripe``."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

from wescope.sandbox.environment_file import write_environment_file
from wescope.sandbox.stripe.knobs import parse_knobs
from wescope.sandbox.stripe.seeding import PAYOUTS, SITUATIONS
from wescope.sandbox.stripe.server import Running, StripeSandbox


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the first line on standard output says where.

    Returns:
        The exit code: 0, 1 when it cannot listen, 2 for wrong use.
    """
    options = _parser().parse_args(arguments)
    try:
        knobs = parse_knobs(options.knob)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sandbox = StripeSandbox(
        seed=options.seed,
        customers=options.customers,
        months=options.months,
        as_of=options.as_of,
        state=options.state,
        knobs=knobs,
        situations=options.situations,
        payouts=options.payouts,
    )
    try:
        asyncio.run(_serve(sandbox, options))
    except OSError as error:
        if error.filename is not None:
            sys.stderr.write(f"cannot write {error.filename}: {error.strerror}\n")
            return 1
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {error.strerror}\n")
        return 1
    return 0


async def _serve(sandbox: StripeSandbox, options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with sandbox.serve(host=options.host, port=options.port) as running, _delivering(running, options.deliver_to):
        if options.env_file is not None:
            write_environment_file(options.env_file, _environment(running))
        sys.stdout.write(json.dumps(_announcement(running)) + "\n")
        sys.stdout.flush()
        await stop.wait()


@contextlib.asynccontextmanager
async def _delivering(running: Running, url: str | None) -> AsyncIterator[None]:
    """Deliver every event to ``url`` while the context lasts, if there is one."""
    if url is None:
        yield
        return
    task = asyncio.create_task(running.deliverer.follow(url))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _environment(running: Running) -> dict[str, str]:
    return {
        "WESCOPE_STRIPE_API_BASE": running.url,
        "WESCOPE_STRIPE_API_KEY": running.api_key,
        "WESCOPE_STRIPE_WEBHOOK_SECRETS": running.webhook_secret,
    }


def _announcement(running: Running) -> dict[str, object]:
    store = running.business.account.store
    return {
        "service": "stripe",
        "url": running.url,
        "api_key": running.api_key,
        "webhook_secret": running.webhook_secret,
        "customers": len(store.all("customer")),
        "invoices": len(store.all("invoice")),
        "events": len(running.business.account.log.all()),
    }


def _address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"no address of an end point: {text}")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m wescope.sandbox.stripe", description="A local Stripe.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, help="folder that makes it durable")
    parser.add_argument("--env-file", type=Path, help="file for `. FILE`: what the service needs to reach this Stripe")
    parser.add_argument(
        "--deliver-to",
        metavar="URL",
        type=_address,
        help="end point that gets every event by itself, until it has taken it",
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--customers", type=int, default=50)
    parser.add_argument("--months", type=int, default=3)
    parser.add_argument("--as-of", type=date.fromisoformat, help="UTC date at whose start the history ends")
    parser.add_argument(
        "--situations", choices=tuple(SITUATIONS), default="classic", help="all: also refunds, disputes, currencies ..."
    )
    parser.add_argument("--payouts", choices=PAYOUTS, default="none", help="daily: automatic ones from the first day")
    parser.add_argument(
        "--knob", action="append", default=[], metavar="NAME=VALUE", help="see wescope.sandbox.stripe.knobs"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
