"""The suite: furnish, probe, clean up; whatever happens in between, what was made is removed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx2
import stripe

from tests.live.bench import MOST_CALLS, Bench, open_bench
from tests.live.environment import Environment, is_loopback
from tests.live.model import NotTried, Probe, Result, Seen, Side, Verdict
from tests.live.paced import TooManyCalls
from tests.live.probes import PROBES
from tests.live.qbo_cleaning import Cleaned, clean_qbo
from tests.live.run_marker import Run
from tests.live.sandboxes import local_qbo, local_stripe
from wescope.errors import WescopeError

PROBE_TIMEOUT_S = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to. `local` are the sides that were stand-ins; `left` is what would not go away."""

    run: Run
    local: frozenset[Side]
    results: tuple[Result, ...]
    calls: int
    left: tuple[str, ...]
    removed: Mapping[str, int] = field(default_factory=dict)
    found: Mapping[str, int] = field(default_factory=dict)
    """What an earlier run had left and this one has removed."""
    unfurnished: str = ""
    """Why no probe could be made at all; empty if they could."""

    @property
    def is_good(self) -> bool:
        """Whether all is as the product needs it, and nothing is left."""
        return all(result.is_good for result in self.results) and not self.left and not self.unfurnished


@contextlib.asynccontextmanager
async def open_sides(environment: Environment, *, most_calls: int = MOST_CALLS) -> AsyncIterator[Bench]:
    """The bench of an environment: sides without keys are played by sandboxes that are started for it.

    Raises:
        Refused: something real could be reached.
        WescopeError: a side does not answer, or refuses the key.
    """
    async with contextlib.AsyncExitStack() as stack:
        local: set[Side] = set()
        stripe_keys, qbo_keys = environment.stripe, environment.qbo
        folder = environment.folder
        if stripe_keys is None:
            stripe_keys = await stack.enter_async_context(local_stripe())
        if qbo_keys is None:
            qbo_keys = await stack.enter_async_context(local_qbo())
            # Tokens of a sandbox that ends with the run are nothing to keep.
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="wescope-live-")))
        # Whatever answers on this machine is a stand-in, and tells nothing about the real service.
        local |= {Side.STRIPE} if is_loopback(urlsplit(stripe_keys.api_base).hostname or "") else set()
        local |= {Side.QBO} if is_loopback(urlsplit(qbo_keys.api_base).hostname or "") else set()
        yield await stack.enter_async_context(
            open_bench(stripe_keys, qbo_keys, local=frozenset(local), folder=folder, most_calls=most_calls)
        )


async def play(
    bench: Bench, probes: Iterable[Probe] = tuple(PROBES.values()), *, say: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Make the probes, one after the other, and clean up before and after.

    Args:
        bench: both sides.
        probes: which.
        say: told a line about each.
    """
    found = await _clean(bench)
    results: list[Result] = []
    reason = ""
    try:
        reason = await _furnished(bench)
        for probe in probes:
            result = _not_tried(probe, bench, reason) if reason else await _made(probe, bench)
            where = " (local)" if probe.needs & bench.local else ""
            say(f"{result.verdict:>9}{where}  {probe.name}: {result.seen}")
            results.append(result)
    finally:
        # Also when somebody has pressed Ctrl-C: cleaning goes on to its end.
        cleaned = await asyncio.shield(asyncio.ensure_future(_clean(bench)))
    return Outcome(
        run=bench.run,
        local=bench.local,
        results=tuple(results),
        calls=bench.transport.budget.made,
        left=tuple(cleaned.left),
        removed=dict(cleaned.gone),
        found=dict(found.gone),
        unfurnished=reason,
    )


async def _furnished(bench: Bench) -> str:
    """Have what all probes need; returns why there are none to make."""
    try:
        await bench.stripe.furnish()
        await bench.qbo.furnish()
    except NotTried as problem:
        return str(problem)
    return ""


def _not_tried(probe: Probe, bench: Bench, reason: str) -> Result:
    return Result(probe=probe, verdict=Verdict.NOT_TRIED, seen=reason, local=bench.local)


async def _made(probe: Probe, bench: Bench) -> Result:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            seen = await probe.run(bench)
    except NotTried as problem:
        return _not_tried(probe, bench, str(problem))
    except TooManyCalls:
        return _not_tried(probe, bench, "the limit on calls of a run is reached")
    except _ERRORS as error:
        seen = Seen(outcome=_error(error))
    return Result(
        probe=probe, verdict=probe.judged(seen.outcome), seen=seen.outcome, details=seen.details, local=bench.local
    )


def _error(error: Exception) -> str:
    """An error without its message, which may quote what was sent."""
    if isinstance(error, WescopeError):
        shown = " ".join(f"{name}={value}" for name, value in error.details.items() if name in _SHOWN)
        return f"error {error.code} {shown}".strip()
    if isinstance(error, stripe.StripeError):
        field = error.param if isinstance(error, stripe.InvalidRequestError) else ""
        return f"error of Stripe: {error.code or error.http_status or type(error).__name__} {field or ''}".strip()
    return f"error {type(error).__name__}"


_ERRORS = (WescopeError, stripe.StripeError, httpx2.HTTPError, TimeoutError, RuntimeError, LookupError)
"""What a probe may meet at a service that behaves otherwise than thought."""

_SHOWN = ("status", "fault_code", "stripe_code", "path", "reason", "field", "role", "configured")


async def _clean(bench: Bench) -> Cleaned:
    """Clean both sides; one that does not answer is named, and the other is cleaned all the same."""
    cleaned = Cleaned()
    bench.transport.budget.cleaning = True
    try:
        for side, clean in ((Side.STRIPE, bench.stripe.clean), (Side.QBO, partial(clean_qbo, bench.qbo.wire))):
            try:
                of_side = await clean()
            except (*_ERRORS, TooManyCalls) as error:
                cleaned.left.append(f"{side}: {_error(error)}")
                continue
            cleaned.gone.update(of_side.gone)
            cleaned.left += of_side.left
        return cleaned
    finally:
        bench.transport.budget.cleaning = False
