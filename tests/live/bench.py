"""The bench: both sides as the probes get them, opened for real accounts or for the local sandboxes."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import stripe

from tests.live.environment import QboKeys, StripeKeys, check_qbo, check_stripe
from tests.live.model import Side
from tests.live.paced import BATCH_PACE_S, PACE_S, Budget, PacedTransport
from tests.live.qbo_bench import QboBench
from tests.live.qbo_wire import QboWire
from tests.live.run_marker import Run
from tests.live.stripe_bench import StripeBench
from tests.live.stripe_stand_in import StandInWrites
from tests.live.stripe_story import StoryTeller
from tests.live.token_file import FileTokenStore
from wescope.books.subjects import DocumentKey
from wescope.qbo.client import QboClient
from wescope.qbo.preferences import read_preferences
from wescope.qbo.tokens import TokenSource
from wescope.stripe.client import StripeApi

MOST_CALLS = 900
RESERVE = 250
"""Calls to QBO in a run, and how many of them are kept for cleaning up."""


class Unlimited:
    """The client's limits (`wescope.qbo.limits.Limits`): the wire below it is paced already."""

    @contextlib.asynccontextmanager
    async def request(self, *, batch: bool = False) -> AsyncIterator[None]:
        """Let pass."""
        yield

    @contextlib.asynccontextmanager
    async def names(self) -> AsyncIterator[None]:
        """Let pass: the suite writes one name after the other."""
        yield

    async def pause(self, seconds: float) -> None:
        """After a 429 the probe is over; the next request comes later anyway."""


@dataclass(slots=True, kw_only=True)
class Bench:
    """What a probe gets. `local` are the sides that are stand-ins, `posted` QBO's ids of what scenarios have posted."""

    run: Run
    qbo: QboBench
    stripe: StripeBench
    transport: PacedTransport
    tokens: FileTokenStore
    teller: StoryTeller
    local: frozenset[Side] = field(default_factory=frozenset)
    posted: dict[DocumentKey, str] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def open_bench(
    stripe_keys: StripeKeys,
    qbo_keys: QboKeys,
    *,
    local: frozenset[Side],
    folder: Path,
    run: Run | None = None,
    most_calls: int = MOST_CALLS,
) -> AsyncIterator[Bench]:
    """Connect both sides; nothing is made yet.

    Args:
        stripe_keys: of the account.
        qbo_keys: of the company.
        local: which of them are stand-ins: these are not paced, and Stripe's writes go to its control API.
        folder: keeps the newest refresh token.
        run: whose marker everything carries.
        most_calls: to QBO.

    Raises:
        Refused: something real could be reached.
        WescopeError: a side does not answer, or refuses the key.
    """
    check_stripe(stripe_keys)
    check_qbo(qbo_keys)
    this = run or Run()
    async with contextlib.AsyncExitStack() as stack:
        made = await stack.enter_async_context(_stripe(stripe_keys, this, is_local=Side.STRIPE in local))
        budget = Budget(most=most_calls, reserve=min(RESERVE, most_calls // 3))
        qbo_is_local = Side.QBO in local
        transport = PacedTransport(
            inner=httpx2.AsyncHTTPTransport(),
            budget=budget,
            pace_s=0.0 if qbo_is_local else PACE_S,
            batch_pace_s=0.0 if qbo_is_local else BATCH_PACE_S,
        )
        stack.push_async_callback(transport.aclose)
        store = FileTokenStore(folder, qbo_keys.realm_id)
        qbo = await stack.enter_async_context(_qbo(qbo_keys, this, transport, store, is_local=qbo_is_local))
        teller = StoryTeller(made)
        yield Bench(run=this, qbo=qbo, stripe=made, transport=transport, tokens=store, teller=teller, local=local)


@contextlib.asynccontextmanager
async def _stripe(keys: StripeKeys, run: Run, *, is_local: bool) -> AsyncIterator[StripeBench]:
    writes = StandInWrites(keys.api_base) if is_local else stripe.HTTPXClient(timeout=60)
    desk = stripe.StripeClient(
        keys.api_key, base_addresses={"api": keys.api_base}, http_client=writes, max_network_retries=2
    )
    # Twice below what test mode allows, for the desk asks, too.
    rate = 1000 if is_local else 8
    async with StripeApi(api_key=keys.api_key, base_url=keys.api_base, requests_per_second=rate) as api:
        try:
            yield StripeBench(run=run, api=api, desk=desk, api_base=keys.api_base, is_local=is_local)
        finally:
            await writes.close_async()  # type: ignore[no-untyped-call]  # the SDK has no annotation here


@contextlib.asynccontextmanager
async def _qbo(
    keys: QboKeys, run: Run, transport: PacedTransport, store: FileTokenStore, *, is_local: bool
) -> AsyncIterator[QboBench]:
    tokens = TokenSource(
        realm_id=keys.realm_id,
        store=store,
        client_id=keys.client_id,
        client_secret=keys.client_secret,
        token_url=keys.token_url,
        seed_refresh_token=keys.refresh_token,
    )
    wire = QboWire(api_base=keys.api_base, realm_id=keys.realm_id, tokens=tokens, transport=transport)
    client = QboClient(
        api_base=keys.api_base, realm_id=keys.realm_id, tokens=tokens, limits=Unlimited(), transport=transport
    )
    try:
        preferences = read_preferences(await client.preferences(), await client.company_info())
        yield QboBench(run=run, wire=wire, client=client, is_local=is_local, preferences=preferences)
    finally:
        await client.aclose()
        await wire.aclose()
        await tokens.aclose()
