"""Settings of a history: the company's choices and the account's ways, drawn from its seed."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from wescope.books.policy import AccountRole, Policy, Reversals
from wescope.config.policy_file import DEFAULT_ACCOUNTS, PolicyFile

_ZONES = ("America/Los_Angeles", "Pacific/Tongatapu", "UTC")
_FOREIGN = ("eur", "gbp", "jpy")
_PER_CURRENCY = {
    AccountRole.CLEARING: "Stripe Clearing",
    AccountRole.BANK: "Checking",
    AccountRole.OUT_OF_BAND: "Stripe Out of Band",
}
MAPPED_CATEGORY = "platform_earning"
"""A category without a posting rule, which half of the companies map to an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is chosen once for a history.

    `currencies` are those of the customers, `settled` those in which Stripe keeps a balance. `begins_at` is the Unix
    second of its start. The rest are the company's choices.
    """

    seed: int
    begins_at: int
    currencies: tuple[str, ...]
    settled: tuple[str, ...]
    payouts: str
    fee_tax_percent: int
    timezone: str
    late_failure_of_uncollectible: str
    reversals: Reversals
    start_date: date | None
    review: bool
    mapped: bool

    @property
    def policy(self) -> Policy:
        """The company's choices as the books take them."""
        return Policy(
            timezone=ZoneInfo(self.timezone),
            reversals=self.reversals,
            start_date=self.start_date,
            review=self.review,
            categories={MAPPED_CATEGORY: "Miscellaneous"} if self.mapped else {},
        )

    @property
    def policy_file(self) -> PolicyFile:
        """The company's choices as its file states them."""
        accounts = dict(DEFAULT_ACCOUNTS) | ({AccountRole.REVIEW: "Stripe Review"} if self.review else {})
        by_currency = {
            (role, code): f"{name} {code.upper()}" for role, name in _PER_CURRENCY.items() for code in _FOREIGN
        }
        return PolicyFile(
            policy=self.policy, accounts=accounts, accounts_by_currency=by_currency if self.multicurrency else {}
        )

    @property
    def multicurrency(self) -> bool:
        """Whether there is any other currency than dollars."""
        return len(self.currencies) > 1

    @property
    def start_at(self) -> int | None:
        """The Unix second at which the start date begins in the books' calendar."""
        if self.start_date is None:
            return None
        return int(datetime.combine(self.start_date, time.min, ZoneInfo(self.timezone)).timestamp())


def draw_settings(seed: int) -> Settings:
    """The settings of a seed."""
    chance = random.Random(f"settings {seed}")  # noqa: S311 - repeatable, no secret
    begins = datetime(2026, 1, 3, tzinfo=UTC) + timedelta(seconds=chance.randrange(260 * 86_400))
    currencies = ("usd", *chance.sample(_FOREIGN, chance.choice((0, 0, 1, 2))))
    settled = tuple(one for one in currencies if one == "usd" or chance.random() < 0.4)
    starts = begins.date() + timedelta(days=chance.randrange(5, 40)) if chance.random() < 0.25 else None
    return Settings(
        seed=seed,
        begins_at=int(begins.timestamp()),
        currencies=currencies,
        settled=settled,
        payouts="manual" if chance.random() < 0.25 else "daily",
        fee_tax_percent=chance.choice((0, 0, 20)),
        timezone=chance.choice(_ZONES),
        # What it was before the books began can't be told once it is paid: they then take it for open.
        late_failure_of_uncollectible=chance.choice(("open", "uncollectible")) if starts is None else "open",
        reversals=chance.choice((Reversals.MONTH, Reversals.MONTH, Reversals.DATED, Reversals.VOID)),
        start_date=starts,
        review=chance.random() < 0.5,
        mapped=chance.random() < 0.5,
    )
