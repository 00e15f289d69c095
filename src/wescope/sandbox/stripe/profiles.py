"""How the customers of the seeded business behave: one profile per situation worth having."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from wescope.sandbox.stripe.arithmetic import prorated_amount
from wescope.sandbox.stripe.drafts import InvoiceDraft, LineDraft
from wescope.sandbox.stripe.profile import DAY_S, Profile
from wescope.sandbox.stripe.store import Resource

BOOKS_TIMEZONE = ZoneInfo("America/Los_Angeles")
TIMES = "\N{MULTIPLICATION SIGN}"
BASIC = f"1 {TIMES} Basic plan (at $25.00 / month)"
PRO = f"1 {TIMES} Pro plan (at $250.00 / month)"
OPEN_MONTH = 2  # of the customers with two discounts


def steady(self: Profile) -> None:
    """A plan by card each month; the first round also has a draft that is never finalized."""
    self.monthly(lambda month, at: self.buy(
        self.draft(self.plan(self.offers.basic, month, description=BASIC), month=month), at,
    ))  # fmt: skip
    draft = self.draft(LineDraft(price=self.offers.consulting, quantity=Decimal(2), description="Not sent yet"))
    self.later(self.joined, 20, lambda at: self.business.invoices.create(draft, at))


def seats(self: Profile) -> None:
    """Seats whose number changes every month."""
    self.monthly(lambda month, at: self.buy(
        self.draft(
            self.plan(
                self.offers.team, month, quantity=Decimal(3 + 2 * month + self.round_number),
                description=f"{3 + 2 * month + self.round_number} seat {TIMES} Team seats (at $15.00 / month)",
            ),
            month=month,
        ), at,
    ))  # fmt: skip


def usage(self: Profile) -> None:
    """A metered price far below a cent beside a plan: quantity x price is not a whole cent."""
    self.monthly(lambda month, at: self.buy(
        self.draft(
            self.plan(self.offers.basic, month, description=BASIC),
            self.plan(
                self.offers.metered, month, quantity=Decimal(24_104_515 + 1_000_003 * month),
                description="API requests (metered)",
            ),
            month=month,
        ), at,
    ))  # fmt: skip


def upgrade(self: Profile) -> None:
    """From basic to pro within the first month: unused time back, remaining time charged, on an invoice of its own."""

    def first(at: int) -> None:
        lines = (self.plan(self.offers.basic, 0, description=BASIC),)
        invoice = self.buy(self.draft(*lines, month=0), at)
        self.later(
            at, 11.4, lambda then: self.buy(_change(self, invoice, then, self.offers.basic, self.offers.pro), then)
        )

    self.business.schedule(self.cycle(0) + 60, first)
    for month in range(1, self.months - 1):
        line = self.plan(self.offers.pro, month, description=PRO)
        self.business.schedule(self.cycle(month) + 60, partial(self.buy, self.draft(line, month=month)))


def _change(self: Profile, invoice: Resource, at: int, old: str, new: str) -> InvoiceDraft:
    """Return the invoice of a change of plan at a moment of the first month."""
    lines = _prorations(self, invoice, at, old, new)
    return self.draft(*lines, subscription=self.subscription, billing_reason="subscription_update")


def _prorations(self: Profile, invoice: Resource, at: int, old: str, new: str) -> tuple[LineDraft, LineDraft]:
    start, end = self.cycle(0), self.cycle(1)
    store = self.business.account.store
    credited = tuple(line["id"] for line in store.lines[invoice["id"]])

    def part(price: str, sign: int, text: str) -> LineDraft:
        unit = Decimal(self.business.catalogue.find_price(price)["unit_amount_decimal"]) * sign
        return LineDraft(
            price=price,
            amount=prorated_amount(unit, Decimal(1), used_s=end - at, period_s=end - start),
            description=f"{text} {datetime.fromtimestamp(at, tz=UTC):%d %b %Y}",
            period=(at, end),
            subscription_item=self.item,
            proration=True,
            credits=(invoice["id"], credited) if sign < 0 else None,
        )

    return part(old, -1, "Unused time on plan after"), part(new, 1, "Remaining time on plan after")


def downgrade(self: Profile) -> None:
    """From pro to basic: the negative proration waits for the next cycle, where a project keeps the total positive."""

    def first(at: int) -> None:
        line = self.plan(self.offers.pro, 0, description=PRO)
        invoice = self.buy(self.draft(line, month=0), at)
        lines = _prorations(self, invoice, self.cycle(0) + 9 * DAY_S + 777, self.offers.pro, self.offers.basic)
        self.business.schedule(self.cycle(1) + 60, lambda then: self.buy(self.draft(
            *lines, LineDraft(price=self.offers.lump, amount=43_210, description="Migration project"),
            self.plan(self.offers.basic, 1, description=BASIC), month=1,
        ), then))  # fmt: skip

    self.business.schedule(self.cycle(0) + 60, first)
    for month in range(2, self.months):
        line = self.plan(self.offers.basic, month, description=BASIC)
        self.business.schedule(self.cycle(month) + 60, partial(self.buy, self.draft(line, month=month)))


def discounted_item(self: Profile) -> None:
    """A discount on one line, which reduces the subtotal; the line has no description, as recorded."""
    self.monthly(lambda month, at: self.buy(
        self.draft(
            LineDraft(price=self.offers.maps, quantity=Decimal(3 + month), coupons=(self.offers.half_off,)),
            LineDraft(price=self.offers.consulting, quantity=Decimal("0.75"), description="Consulting, 45 minutes"),
        ), at,
    ), count=2)  # fmt: skip


def discounted_invoice(self: Profile) -> None:
    """10 % off the whole invoice, over lines that do not divide evenly."""
    self.monthly(lambda month, at: self.buy(
        self.draft(
            self.plan(self.offers.team, month, quantity=Decimal(3), description=f"3 seat {TIMES} Team seats"),
            LineDraft(price=self.offers.maps, quantity=Decimal(1 + month), description="Folded map"),
            month=month, coupons=(self.offers.tenth_off,),
        ), at,
    ))  # fmt: skip


def discounted_twice(self: Profile) -> None:
    """A discount on a line, one of an amount on the invoice, and tax on what remains; the last invoice stays open."""

    def make(month: int, at: int) -> None:
        draft = self.draft(
            LineDraft(
                price=self.offers.maps, quantity=Decimal(7), coupons=(self.offers.tenth_off,),
                tax_rates=(self.offers.california,), description="Folded map",
            ),
            LineDraft(price=self.offers.basic, tax_rates=(self.offers.california,), description="Set-up"),
            coupons=(self.offers.seven_off,),
        )  # fmt: skip
        if month < OPEN_MONTH:
            self.buy(draft, at)
        else:
            self.bill(draft, at)

    self.monthly(make)


def taxed(self: Profile) -> None:
    """Sales tax on top of a plan."""
    self.monthly(lambda month, at: self.buy(
        self.draft(
            self.plan(self.offers.basic, month, tax_rates=(self.offers.california,), description=BASIC),
            LineDraft(price=self.offers.maps, quantity=Decimal(2), tax_rates=(self.offers.california,)),
            month=month,
        ), at,
    ))  # fmt: skip


def taxed_twice(self: Profile) -> None:
    """Two rates on each line, rounded by line and rate."""
    rates = (self.offers.california, self.offers.district)
    self.monthly(lambda month, at: self.buy(
        self.draft(*(
            LineDraft(price=self.offers.maps, quantity=Decimal(number), tax_rates=rates, description=f"Set {number}")
            for number in range(1, 4 + month)
        )), at,
    ), count=2)  # fmt: skip


def tax_inclusive(self: Profile) -> None:
    """Prices that contain the tax."""
    self.monthly(lambda month, at: self.buy(
        self.draft(
            self.plan(
                self.offers.team, month, quantity=Decimal(7), tax_rates=(self.offers.value_added,),
                description=f"7 seat {TIMES} Team seats (incl. VAT)",
            ),
            month=month,
        ), at,
    ))  # fmt: skip


def shipped(self: Profile) -> None:
    """Goods with shipping, both taxed; every other customer without tax on them."""
    rates = (self.offers.goods_and_services,) if self.round_number % 2 == 0 else ()
    self.monthly(lambda month, at: self.buy(
        self.draft(
            LineDraft(price=self.offers.maps, quantity=Decimal(4 + month), tax_rates=rates, description="Folded map"),
            shipping=995, shipping_tax_rates=rates, description="Ships from Reno",
        ), at,
    ))  # fmt: skip


def free(self: Profile) -> None:
    """Everything taken off: zero totals with lines that are not zero."""
    self.monthly(lambda month, at: self.buy(
        self.draft(
            self.plan(self.offers.basic, month, description=BASIC), month=month, coupons=(self.offers.free,),
        ), at,
    ), count=2)  # fmt: skip


def trial(self: Profile) -> None:
    """A trial month of which all lines are zero, and then the plan."""
    self.monthly(lambda month, at: self.buy(
        self.draft(
            self.plan(
                self.offers.basic if month else self.offers.trial, month,
                description=BASIC if month else "Trial period for Basic plan",
            ),
            month=month,
        ), at,
    ))  # fmt: skip


def late(self: Profile) -> None:
    """Invoices sent with a term and paid after it, or not yet."""

    def make(month: int, at: int) -> None:
        line = LineDraft(price=self.offers.consulting, quantity=Decimal(2 + month), description="Consulting")
        invoice = self.bill(self.draft(line, days_until_due=14), at)
        self.later(at, 19.3, lambda then: self.business.pay(invoice, then))

    self.monthly(make)


def instalments(self: Profile) -> None:
    """One invoice in three payments, of which the last is the rest; another paid in part and still open."""

    def whole(at: int) -> None:
        invoice = self.bill(self.draft(LineDraft(price=self.offers.lump, description="Survey"), days_until_due=30), at)
        self.later(at, 6, lambda then: self.business.payments.pay_part(invoice, 33_333, then))
        self.later(at, 17.6, lambda then: self.business.payments.pay_part(invoice, 33_333, then))
        self.later(at, 31, lambda then: self.business.pay(invoice, then))

    def part(at: int) -> None:
        invoice = self.bill(
            self.draft(
                LineDraft(price=self.offers.lump, amount=77_701, description="Survey, part 2"), days_until_due=30
            ),
            at,
        )
        self.later(at, 5, lambda then: self.business.payments.pay_part(invoice, 12_345, then))

    self.business.schedule(self.cycle(0) + 60, whole)
    self.later(self.cycle(0), 33, part)


def shared(self: Profile) -> None:
    """One payment intent over two invoices, twice; the second is authorized first and captured then."""
    for turn, method in enumerate(("automatic", "manual")):
        self.later(self.cycle(0), 1 + 28 * turn, partial(_share, self, (18_000, 4_250), 0, method))


def shared_with_rest(self: Profile) -> None:
    """One payment intent over three invoices which is larger than they are: the rest stays unapplied."""
    self.later(self.cycle(0), 2, partial(_share, self, (9_900, 12_100, 5_005), 5_000, "automatic"))


def _share(self: Profile, amounts: tuple[int, ...], rest: int, method: str, at: int) -> None:
    """Issue invoices of ``amounts`` and pay them 8 days later at once, with ``rest`` on top."""
    shares = {
        self.bill(
            self.draft(
                LineDraft(price=self.offers.lump, amount=amount, description=f"Stage {index + 1}"), days_until_due=30
            ),
            at + index,
        )["id"]: amount
        for index, amount in enumerate(amounts)
    }
    self.later(
        at, 8, lambda then: self.business.payments.pay_shared(shares, sum(amounts) + rest, then, capture_method=method)
    )


def out_of_band(self: Profile) -> None:
    """Paid outside of Stripe: once marked so, once reported as a payment record."""

    def make(month: int, at: int) -> None:
        line = LineDraft(price=self.offers.consulting, quantity=Decimal(3), description="Workshop")
        invoice = self.bill(self.draft(line, days_until_due=30), at)
        payments = self.business.payments
        if month:
            self.later(at, 9, lambda then: payments.pay_by_record(invoice, invoice["amount_remaining"], then))
        else:
            self.later(at, 12, lambda then: payments.pay_out_of_band(invoice, then))

    self.monthly(make, count=2)


def declined(self: Profile) -> None:
    """The card is declined once or twice before it works."""

    def make(month: int, at: int) -> None:
        line = self.plan(self.offers.team, month, quantity=Decimal(4), description=f"4 seat {TIMES} Team seats")
        invoice = self.bill(self.draft(line, month=month), at)
        for attempt in range(1 + month % 2):
            self.business.schedule(at + 5 + attempt * 3 * DAY_S, partial(self.business.payments.fail, invoice))
        self.later(at, 6.5, lambda then: self.business.pay(invoice, then))

    self.monthly(make)


def dozen(self: Profile) -> None:
    """Twelve lines: two more than Stripe puts into the invoice."""
    self.monthly(lambda _, at: self.buy(_many(self, 12), at), count=2)


def thirty_five(self: Profile) -> None:
    """Thirty-five lines; for later customers twelve."""
    self.monthly(lambda month, at: self.buy(_many(self, 12 if self.round_number or month else 35), at), count=2)


def _many(self: Profile, count: int) -> InvoiceDraft:
    rates = (self.offers.california,)
    return self.draft(*(
        LineDraft(
            price=self.offers.maps if number % 3 else self.offers.team, quantity=Decimal(1 + number % 4),
            tax_rates=rates if number % 2 else (), description=f"Sheet {number:02d}",
        )
        for number in range(1, count + 1)
    ))  # fmt: skip


def unpaid(self: Profile) -> None:
    """Open invoices, some overdue; one of the first customer's was voided in the month in which it was issued."""

    def make(at: int) -> None:
        self.bill(self.draft(
            LineDraft(price=self.offers.consulting, quantity=Decimal(5), description="Field work"),
            LineDraft(price=self.offers.maps, quantity=Decimal(10), tax_rates=(self.offers.california,)),
            days_until_due=7,
        ), at)  # fmt: skip

    for turn in range(4):
        self.later(self.cycle(0), 12.5 * turn + 0.1, make)
    self.business.schedule(_early_in_month(self.cycle(0)), lambda at: _void_soon(self, at))


def _early_in_month(at: int) -> int:
    """Return 18:00 UTC on the 5th of the month after ``at``."""
    moment = datetime.fromtimestamp(at, tz=UTC)
    return int((moment.replace(day=1, hour=18, minute=0, second=0) + timedelta(days=32)).replace(day=5).timestamp())


def _void_soon(self: Profile, at: int) -> None:
    invoice = self.bill(self.draft(LineDraft(price=self.offers.lump, description="By mistake"), days_until_due=30), at)
    self.later(at, 3, lambda then: self.business.void(invoice, then))


def midnight_local(self: Profile) -> None:
    """Invoices seconds before and after the end of a month in the books' time zone, money captured a little later."""

    def make(month: int, at: int) -> None:
        line = self.plan(self.offers.pro, month, description=PRO)
        self.buy(self.draft(line, month=month), at, capture_method="automatic_async")

    for month in range(self.months):
        edge = _month_end(self.cycle(month))
        self.business.schedule(edge + (30 if (month + self.round_number) % 2 else -65), partial(make, month))


def _month_end(at: int) -> int:
    """Return the next midnight between two months in the books' time zone after ``at``, in Unix seconds."""
    local = datetime.fromtimestamp(at, tz=BOOKS_TIMEZONE)
    following = (local.date().replace(day=1) + timedelta(days=32)).replace(day=1)
    return int(datetime.combine(following, time(), tzinfo=BOOKS_TIMEZONE).timestamp())


def debited(self: Profile) -> None:
    """Bank debits that take days; the last one is still on its way."""
    self.monthly(lambda month, at: self.business.debit(
        self.bill(
            self.draft(
                self.plan(self.offers.pro, month, tax_rates=(self.offers.goods_and_services,), description=PRO),
                month=month,
            ), at,
        ), at + 30, days=40 if month and month == self.months - 1 else 4,
    ))  # fmt: skip


PROFILES: tuple[Callable[[Profile], None], ...] = (
    steady, seats, usage, upgrade, downgrade, discounted_item, discounted_invoice, discounted_twice, taxed, taxed_twice,
    tax_inclusive, shipped, free, trial, late, instalments, shared, shared_with_rest, out_of_band, declined, dozen,
    thirty_five, unpaid, midnight_local, debited,
)  # fmt: skip
