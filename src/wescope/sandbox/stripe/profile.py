"""One customer of the seeded business on its way through the history: its calendar and how it buys."""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.drafts import InvoiceDraft, LineDraft
from wescope.sandbox.stripe.offers import Offers
from wescope.sandbox.stripe.store import Resource

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One customer on its way through the history.

    Attributes:
        business: Where it buys.
        offers: What it can buy.
        customer: Its id.
        subscription: Id of its subscription, if it has one.
        item: Id of the subscription item.
        joined: Unix seconds.
        months: Of history.
        round_number: How many customers with the same profile came before.
    """

    business: Business
    offers: Offers
    customer: str
    subscription: str
    item: str
    joined: int
    months: int
    round_number: int

    def cycle(self, month: int) -> int:
        """Return the Unix second of the customer's month ``month``, counted from 0."""
        start = datetime.fromtimestamp(self.joined, tz=UTC)
        index = start.year * 12 + start.month - 1 + month
        year, month_number = index // 12, index % 12 + 1
        day = min(start.day, calendar.monthrange(year, month_number)[1])
        return int(start.replace(year=year, month=month_number, day=day).timestamp())

    def later(self, at: int, days: float, action: Callable[[int], object]) -> None:
        """Schedule ``action`` for ``days`` after ``at``."""
        self.business.schedule(at + int(days * DAY_S), action)

    def monthly(self, make: Callable[[int, int], object], *, count: int | None = None) -> None:
        """Call ``make(month, at)`` in each month of the history, at most ``count`` times."""
        for month in range(min(self.months, count or self.months)):
            self.business.schedule(self.cycle(month) + 60, partial(make, month))

    def plan(self, price: str, month: int, **options: object) -> LineDraft:
        """Return a subscription line for the customer's month ``month``; ``options`` are those of ``LineDraft``."""
        return LineDraft(
            price=price,
            period=(self.cycle(month), self.cycle(month + 1)),
            subscription_item=self.item,
            **options,  # type: ignore[arg-type] # checked by the dataclass's callers
        )

    def draft(self, *lines: LineDraft, month: int | None = None, **options: object) -> InvoiceDraft:
        """Return an invoice: of the subscription if ``month`` is given; ``options`` are those of ``InvoiceDraft``."""
        subscribed: dict[str, object] = {}
        if month is not None:
            reason = "subscription_cycle" if month else "subscription_create"
            subscribed = {"subscription": self.subscription, "billing_reason": reason}
        return InvoiceDraft(
            customer=self.customer,
            lines=lines,
            **(subscribed | options),  # type: ignore[arg-type] # as above
        )

    def buy(self, draft: InvoiceDraft, at: int, *, capture_method: str = "automatic") -> Resource:
        """Issue an invoice and pay it by card a few seconds later; returns the invoice as issued."""
        invoice = self.business.issue(draft, at, capture_method=capture_method)
        if invoice["status"] == "open":
            self.business.schedule(at + 5, lambda then: self.business.pay(invoice, then))
        return invoice

    def bill(self, draft: InvoiceDraft, at: int) -> Resource:
        """Issue an invoice without paying it."""
        return self.business.issue(draft, at)
