"""The seeded business: months of history of a company that sells subscriptions, services and maps."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.clock import Clock, midnight
from wescope.sandbox.stripe.names import people
from wescope.sandbox.stripe.offers import Offers, make_offers
from wescope.sandbox.stripe.profile import Profile
from wescope.sandbox.stripe.profiles import PROFILES
from wescope.sandbox.stripe.profiles_credit import CREDIT_PROFILES
from wescope.sandbox.stripe.profiles_money import MONEY_PROFILES

HOUR_S = 3_600
PAYOUTS = ("none", "daily", "manual")
SITUATIONS: Mapping[str, tuple[Callable[[Profile], None], ...]] = {
    "classic": PROFILES,
    "credit": CREDIT_PROFILES,
    "all": (*PROFILES, *MONEY_PROFILES, *CREDIT_PROFILES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What decides every object of the seeded business.

    Attributes:
        seed: Of ids and chances.
        customers: How many.
        months: Of history.
        as_of: UTC date at whose first second the history ends.
        live_clock: After the history follow the computer's clock; otherwise time passes by command only.
        situations: Whose profiles the customers have: a name in ``SITUATIONS``.
        payouts: ``none``, ``daily`` (automatic ones, from the first day) or ``manual``.

    Raises:
        ValueError: ``situations`` or ``payouts`` is another.
    """

    seed: int = 7
    customers: int = 50
    months: int = 3
    as_of: date
    live_clock: bool = False
    situations: str = "classic"
    payouts: str = "none"

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        if self.situations not in SITUATIONS:
            raise ValueError(f"no such situations: {self.situations}; there are {', '.join(SITUATIONS)}")
        if self.payouts not in PAYOUTS:
            raise ValueError(f"no such payouts: {self.payouts}; there are {', '.join(PAYOUTS)}")


def months_before(day: date, months: int) -> date:
    """Return the date ``months`` calendar months before ``day``, at most the 28th."""
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, min(day.day, 28))


def build_business(parameters: Parameters) -> Business:
    """Make the account and play its whole history; the same parameters give the same ids, objects and events."""
    start = months_before(parameters.as_of, parameters.months)
    end = midnight(parameters.as_of)
    clock = Clock(start=midnight(start) - HOUR_S, live=False)
    business = Business(Account(seed=parameters.seed, clock=clock))
    if parameters.payouts != "none":
        business.payouts.follow(parameters.payouts, midnight(start) - HOUR_S)
    offers = make_offers(business.catalogue, midnight(start) - HOUR_S)
    chance = random.Random(parameters.seed)
    enrolment = _Enrolment(
        business=business,
        offers=offers,
        months=parameters.months,
        start=start,
        profiles=SITUATIONS[parameters.situations],
    )
    for index, (name, email) in enumerate(people(parameters.customers, chance)):
        enrolment.schedule(index, name, email, second_of_day=chance.randrange(8 * HOUR_S))
    business.run_until(end)
    clock.follow(live=parameters.live_clock)
    return business


@dataclass(frozen=True, slots=True, kw_only=True)
class _Enrolment:
    """How customers arrive, spread over the first weeks."""

    business: Business
    offers: Offers
    months: int
    start: date
    profiles: tuple[Callable[[Profile], None], ...]

    def schedule(self, index: int, name: str | None, email: str | None, *, second_of_day: int) -> None:
        """Schedule one customer's arrival; from then on its profile schedules what it buys and how it pays."""
        day = self.start + timedelta(days=index * 7 % 25)
        arrive = partial(self._arrive, index, name, email)
        self.business.schedule(midnight(day) + 15 * HOUR_S + second_of_day, arrive)

    def _arrive(self, index: int, name: str | None, email: str | None, at: int) -> None:
        customer = self.business.customers.create(name=name, email=email, at=at)
        round_number, kind = divmod(index, len(self.profiles))
        profile = Profile(
            business=self.business,
            offers=self.offers,
            customer=customer["id"],
            subscription=self.business.account.ids.dated("sub_1", at),
            item=self.business.account.ids.plain("si_"),
            joined=at,
            months=self.months,
            round_number=round_number,
        )
        self.profiles[kind](profile)
