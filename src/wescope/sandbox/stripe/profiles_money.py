"""How customers behave where money takes another way than into an invoice: refunds, disputes, currencies, payouts."""

import contextlib
from collections.abc import Callable
from decimal import Decimal
from functools import partial

from wescope.sandbox.stripe.charges import ChargeDraft
from wescope.sandbox.stripe.drafts import LineDraft
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.intents import Purchase
from wescope.sandbox.stripe.profile import Profile
from wescope.sandbox.stripe.profiles import BASIC
from wescope.sandbox.stripe.store import Resource


def refunded(self: Profile) -> None:
    """Refunds of invoices: in part, several on one charge, in full."""

    def make(month: int, at: int) -> None:
        invoice = _bought(self, at, quantity=2 + month)
        if month == 0:
            self.later(at, 4, partial(_refund, self, invoice, 5_000, reason="requested_by_customer"))
        elif month == 1:
            for days, amount in ((3, 2_500), (9.4, 3_333), (15, 1)):
                self.later(at, days, partial(_refund, self, invoice, amount))
        else:
            self.later(at, 2, partial(_refund, self, invoice, None, reason="duplicate"))

    self.monthly(make)


def refunded_uncertainly(self: Profile) -> None:
    """Refunds that are pending at first, fail after a week, or are canceled."""
    outcomes = ("pending", "failed_later", "canceled")

    def make(month: int, at: int) -> None:
        invoice = _bought(self, at, quantity=1)
        self.later(at, 5, partial(_refund, self, invoice, 4_000, outcome=outcomes[month % 3]))

    self.monthly(make)
    self.later(self.cycle(self.months - 1), 6, partial(_last_refund, self))


def _last_refund(self: Profile, at: int) -> None:
    """Leave a refund of the last month pending as long as the history allows: it needs the customer to act."""
    charge = _charge(self, 7_700, at, description="Returned goods")
    self.business.refunds.create(charge, 700, at + 60, outcome="requires_action")


def charged(self: Profile) -> None:
    """Charges without an invoice: of the customer, one of them captured in part and one refunded."""
    for month in range(self.months):
        self.later(self.cycle(month), 1, lambda at: _charge(self, 12_900, at, description="Walk-in sale"))
    self.later(self.cycle(0), 3, lambda at: self.business.charges.create(
        ChargeDraft(
            customer=self.customer, amount=20_000, capture_method="manual", capture_amount=14_250,
            purchase=Purchase(description="Deposit for maps"),
        ), at,
    ))  # fmt: skip

    def sold_and_returned(at: int) -> None:
        charge = _charge(self, 9_900, at, description="Map, returned")
        self.later(at, 2, lambda then: self.business.refunds.create(charge, None, then))

    self.later(self.cycle(0), 8, sold_and_returned)


def guest(self: Profile) -> None:
    """Charges of nobody the account knows, by card and by bank debit; the customer itself buys a plan."""
    self.monthly(lambda month, at: self.buy(
        self.draft(self.plan(self.offers.basic, month, description=BASIC), month=month), at,
    ), count=1)  # fmt: skip
    for days, method in ((2, "card"), (5, "debit"), (33, "card")):
        draft = ChargeDraft(
            amount=3_450,
            method=method,
            purchase=Purchase(description="Shop order", name="Guest Buyer", email="guest@example.com"),
        )
        self.later(self.cycle(0), days, partial(self.business.charges.create, draft))


def dispute_won(self: Profile) -> None:
    """A chargeback that is won and keeps its fee; for later customers the fee comes back."""
    returned = self.round_number > 0
    _disputed(self, partial(self.business.disputes.win, fee_returned=returned))


def dispute_lost(self: Profile) -> None:
    """A chargeback that is lost."""
    _disputed(self, self.business.disputes.lose)


def inquiry(self: Profile) -> None:
    """An inquiry that comes to nothing, and one that becomes a chargeback and is still open."""

    def make(month: int, at: int) -> None:
        charge = _charge(self, 8_800, at, description="Consulting call")
        disputes = self.business.disputes

        def ask(then: int) -> None:
            dispute = disputes.create(charge, then, reason="general", inquiry=True)
            self.later(then, 4, lambda end: (disputes.escalate if month else disputes.close)(dispute, end))

        self.later(at, 3, ask)

    self.monthly(make, count=2)


def foreign(self: Profile) -> None:
    """A customer in euros, converted into dollars each time at the rate of the day; the first is refunded in part."""
    price = self.business.catalogue.price(
        self.business.catalogue.product("Atlas Europe", self.joined), "4900", self.joined, currency="eur"
    )

    def make(month: int, at: int) -> None:
        line = LineDraft(price=price["id"], quantity=Decimal(1 + month), description="Atlas Europe")
        invoice = self.buy(self.draft(line, currency="eur"), at)
        if not month:
            self.later(at, 10, partial(_refund, self, invoice, 1_500))

    self.monthly(make)


def yen(self: Profile) -> None:
    """Charges in a currency without decimals, for a customer who also has a dollar plan."""
    self.monthly(lambda month, at: self.business.charges.create(
        ChargeDraft(
            customer=self.customer, amount=9_800 + month, currency="jpy", purchase=Purchase(description="Atlas Asia"),
        ), at,
    ))  # fmt: skip


def treasury(self: Profile) -> None:
    """What moves the balance without a customer: a top-up, Stripe's own fees, a reserve; payouts that fail.

    One fails after it was paid and one on its way; one is instant, with its fee.
    """
    rows = self.business.rows
    start = self.cycle(0)
    self.later(start, 2, lambda at: rows.topup(50_000, at, description="Top-up for refunds"))
    for month in range(self.months):
        self.later(self.cycle(month), 3, lambda at: rows.add("stripe_fee", -1_250, at, description="Billing - Usage"))
    self.later(start, 4, lambda at: rows.add("tax_fee", -103, at, description="VAT on Stripe fees"))
    self.later(start, 5, lambda at: rows.add("reserved_funds", -10_000, at, description="Reserve"))
    self.later(start, 19, lambda at: rows.add("reserved_funds", 10_000, at, description="Reserve released"))
    self.later(start, 9, lambda at: rows.add("adjustment", 275, at, description="Goodwill adjustment"))
    self.later(start, 25, partial(_fail_a_payout, self, ("paid",)))
    self.later(start, 39, partial(_fail_a_payout, self, ("pending", "in_transit")))
    self.later(start, 46, partial(_pay_out_at_once, self))


def _fail_a_payout(self: Profile, statuses: tuple[str, ...], at: int) -> None:
    """Let the newest payout of one of these statuses fail; without automatic payouts nothing happens."""
    for payout in self.business.account.store.newest_first("payout"):
        if payout["status"] in statuses and payout["amount"] > 0:
            self.business.payouts.fail(payout, at)
            return


def _pay_out_at_once(self: Profile, at: int) -> None:
    """Take 20.00 out at once, if that much is there; without automatic payouts nothing happens."""
    if self.business.account.store.all("payout"):
        with contextlib.suppress(StripeError):
            self.business.payouts.create(2_000, at, method="instant")


def _disputed(self: Profile, end: Callable[[Resource, int], object]) -> None:
    """Sell by invoice, have the first charge disputed 8 days later, answered after 5 more and ended after 12 more."""
    self.monthly(lambda month, at: _bought(self, at, quantity=1 + month))

    def dispute(at: int) -> None:
        invoice = self.business.account.store.newest_first("invoice")
        own = next(one for one in invoice if one["customer"] == self.customer)
        made = self.business.disputes.create(_charge_of(self, own), at)
        self.later(at, 5, lambda then: self.business.disputes.respond(made, then))
        self.later(at, 17, lambda then: end(made, then))

    self.later(self.cycle(0), 8, dispute)


def _bought(self: Profile, at: int, *, quantity: int) -> Resource:
    line = LineDraft(
        price=self.offers.consulting, quantity=Decimal(quantity), tax_rates=(self.offers.california,),
        description="Consulting",
    )  # fmt: skip
    return self.buy(self.draft(line), at)


def _charge(self: Profile, amount: int, at: int, *, description: str) -> Resource:
    draft = ChargeDraft(customer=self.customer, amount=amount, purchase=Purchase(description=description))
    return self.business.charges.create(draft, at)


def _charge_of(self: Profile, invoice: Resource) -> Resource:
    """Return the charge that paid an invoice."""
    store = self.business.account.store
    payment = next(one for one in store.payments_of(invoice["id"]) if one["status"] == "paid")
    intent = store.get("payment_intent", payment["payment"]["payment_intent"]) or {}
    return self.business.charges.find(str(intent["latest_charge"]))


def _refund(
    self: Profile,
    invoice: Resource,
    amount: int | None,
    at: int,
    *,
    reason: str | None = None,
    outcome: str = "succeeded",
) -> Resource:
    return self.business.refunds.create(_charge_of(self, invoice), amount, at, reason=reason, outcome=outcome)


MONEY_PROFILES: tuple[Callable[[Profile], None], ...] = (
    refunded, refunded_uncertainly, charged, guest, dispute_won, dispute_lost, inquiry, foreign, yen, treasury,
)  # fmt: skip
