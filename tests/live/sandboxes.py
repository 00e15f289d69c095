"""The local sandboxes as processes on free ports, for the sides that have no keys."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from tests.live.environment import QboKeys, StripeKeys

CLOSED_UNTIL = "2020-12-31"
"""The local company's closing date: long ago, so that only the probe of closed books meets it."""

STRIPE_OPTIONS = ("--customers", "2", "--months", "1", "--payouts", "daily", "--knob", "requests_per_second=0")
QBO_OPTIONS = (
    "--bare", "--knob", "enforce_limits=false", "--knob", f"book_close_date={CLOSED_UNTIL}",
    "--knob", "multicurrency=true", "--knob", "using_sales_tax=true", "--knob", "automated_sales_tax=true",
)  # fmt: skip
"""A company with all that a probe may ask for; what Intuit does not document is as the sandbox guesses it."""

_PATIENCE_S = 60


@contextlib.asynccontextmanager
async def local_stripe(options: Sequence[str] = STRIPE_OPTIONS) -> AsyncIterator[StripeKeys]:
    """A local Stripe, while the context lasts."""
    async with _process("stripe", options) as said:
        yield StripeKeys(api_key=said["api_key"], api_base=said["url"])


@contextlib.asynccontextmanager
async def local_qbo(options: Sequence[str] = QBO_OPTIONS) -> AsyncIterator[QboKeys]:
    """A local QBO, while the context lasts."""
    async with _process("qbo", options) as said:
        yield qbo_keys(said)


def qbo_keys(said: dict[str, Any]) -> QboKeys:
    """The keys that a local QBO says when it listens."""
    named = {name: said[name] for name in ("client_id", "client_secret", "realm_id", "refresh_token")}
    return QboKeys(**named, api_base=said["url"], token_url=f"{said['url']}/oauth2/v1/tokens/bearer")


@contextlib.asynccontextmanager
async def _process(name: str, options: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"wescope.sandbox.{name}", "--port", "0", *options,
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), _PATIENCE_S)
        said: dict[str, Any] = json.loads(line)
        yield said
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
