"""Both sandboxes in this process, for the tests of the suite itself."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live.bench import Bench, open_bench
from tests.live.environment import QboKeys, StripeKeys
from tests.live.model import Side
from tests.live.run_marker import Run
from tests.live.sandboxes import CLOSED_UNTIL, qbo_keys
from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo import Running as RunningQbo
from wescope.sandbox.stripe import StripeSandbox
from wescope.sandbox.stripe.knobs import Knobs
from wescope.sandbox.stripe.server import Running as RunningStripe

BOTH = frozenset(Side)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Two running sandboxes, and the folder of tokens and reports."""

    stripe: RunningStripe
    qbo: RunningQbo
    folder: Path

    @property
    def stripe_keys(self) -> StripeKeys:
        """The key of the account."""
        return StripeKeys(api_key=self.stripe.api_key, api_base=self.stripe.url)

    @property
    def qbo_keys(self) -> QboKeys:
        """The keys of the company, with its newest refresh token."""
        return qbo_keys(self.qbo.greeting())

    def bench(self, run: Run | None = None, **options: Any) -> contextlib.AbstractAsyncContextManager[Bench]:
        """A bench on both, as `make test-live` opens it without keys."""
        return open_bench(self.stripe_keys, self.qbo_keys, local=BOTH, folder=self.folder, run=run, **options)


@contextlib.asynccontextmanager
async def open_place(folder: Path, **knobs: Any) -> AsyncIterator[Place]:
    """Both sandboxes, while the context lasts; `knobs` are those of QBO beside the suite's own."""
    own = {
        "enforce_limits": False, "book_close_date": CLOSED_UNTIL, "multicurrency": True, "using_sales_tax": True,
        "automated_sales_tax": True,
    }  # fmt: skip
    stripe = StripeSandbox(customers=2, months=1, payouts="daily", knobs=Knobs(requests_per_second=0))
    qbo = QboSandbox(knobs={**own, **knobs}, bare=True)
    async with stripe.serve() as at_stripe, qbo.serve() as at_qbo:
        yield Place(stripe=at_stripe, qbo=at_qbo, folder=folder)
