"""How customers behave whose invoices are credited, written off, replaced or paid from a balance."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from wescope.sandbox.stripe.credit_lines import CreditLine
from wescope.sandbox.stripe.credit_notes import CreditNoteDraft
from wescope.sandbox.stripe.drafts import InvoiceDraft, LineDraft
from wescope.sandbox.stripe.profile import Profile
from wescope.sandbox.stripe.store import Resource

HOUR_S = 3_600


def _work(self: Profile, amount: int, text: str, *, days_until_due: int | None = 30) -> InvoiceDraft:
    """Return an invoice over ``amount`` minor units with a term."""
    line = LineDraft(price=self.offers.lump, amount=amount, description=text)
    return self.draft(line, days_until_due=days_until_due)


def _goods(self: Profile) -> InvoiceDraft:
    """Return an invoice with tax, a discount on a line and one on the whole."""
    rates = (self.offers.california,)
    return self.draft(
        LineDraft(
            price=self.offers.maps, quantity=Decimal(7), coupons=(self.offers.half_off,), tax_rates=rates,
            description="Folded map",
        ),
        LineDraft(price=self.offers.consulting, quantity=Decimal(2), tax_rates=rates, description="Consulting"),
        coupons=(self.offers.tenth_off,), days_until_due=30,
    )  # fmt: skip


def _lines(self: Profile, invoice: Resource) -> list[str]:
    return [line["id"] for line in self.business.account.store.lines[invoice["id"]]]


def _credit(self: Profile, invoice: Resource, at: int, **options: object) -> Resource:
    draft = CreditNoteDraft(
        invoice=invoice["id"],
        **options,  # type: ignore[arg-type] # those of CreditNoteDraft, checked by its callers
    )
    return self.business.credit_notes.create(draft, at)


def _next_month(at: int, day: int) -> int:
    """Return 18:00 UTC on ``day`` of the calendar month after ``at``."""
    first = datetime.fromtimestamp(at, tz=UTC).replace(day=1, hour=18, minute=0, second=0)
    return int((first + timedelta(days=32)).replace(day=day).timestamp())


def credited_before_payment(self: Profile) -> None:
    """A taxed and discounted invoice credited in two notes and then paid; another credited in full."""

    def goods(at: int) -> None:
        invoice = self.bill(_goods(self), at)
        maps, hours = _lines(self, invoice)
        self.later(at, 2, lambda then: _credit(
            self, invoice, then, lines=(CreditLine(invoice_line_item=maps, quantity=2),), reason="order_change",
        ))  # fmt: skip
        self.later(at, 5, lambda then: _credit(
            self, invoice, then, memo="As agreed", reason="product_unsatisfactory",
            lines=(CreditLine(invoice_line_item=hours, amount=5_000), CreditLine(amount=333, description="Goodwill")),
        ))  # fmt: skip
        self.later(at, 8, lambda then: self.business.pay(invoice, then))

    def whole(at: int) -> None:
        invoice = self.bill(_work(self, 41_200, "Ordered twice"), at)
        self.later(at, 3, lambda then: _credit(self, invoice, then, amount=41_200, reason="duplicate"))

    self.business.schedule(self.cycle(0) + 60, goods)
    self.later(self.cycle(0), 12, whole)


def credited_and_refunded(self: Profile) -> None:
    """Paid invoices whose credit notes refund: a new refund of a taxed line, an older refund linked, all of it."""

    def goods(at: int) -> None:
        invoice = self.buy(_goods(self), at)
        maps = _lines(self, invoice)[0]
        self.later(at, 9, lambda then: _refund_line(self, invoice, maps, then))

    def linked(at: int) -> None:
        invoice = self.buy(_work(self, 27_500, "Course"), at)
        self.later(at, 4, lambda then: _link_refund(self, invoice, 7_500, then))

    def late(at: int) -> None:
        invoice = self.buy(_work(self, 18_900, "Course that was cancelled"), at)
        self.business.schedule(
            _next_month(at, 6), lambda then: _credit(self, invoice, then, amount=18_900, refund_amount=18_900)
        )

    self.business.schedule(self.cycle(0) + 60, goods)
    self.later(self.cycle(0), 6, linked)
    self.later(self.cycle(0), 10, late)


def _refund_line(self: Profile, invoice: Resource, line: str, at: int) -> None:
    """Credit 3 units of a line whose tax and discounts decide how much is refunded."""
    lines = (CreditLine(invoice_line_item=line, quantity=3),)
    total = self.business.credit_notes.preview(invoice, lines, at)
    _credit(self, invoice, at, lines=lines, refund_amount=total, reason="order_change")


def _link_refund(self: Profile, invoice: Resource, amount: int, at: int) -> None:
    charge = self.business.credit_notes.charges(invoice)[0]
    refund = self.business.refunds.create(charge, amount, at, reason="requested_by_customer")
    self.later(at, 1, lambda then: _credit(
        self, invoice, then, refunds=((refund["id"], amount),),
        lines=(CreditLine(amount=amount, description="Refund"),),
    ))  # fmt: skip


def credited_to_balance(self: Profile) -> None:
    """A paid invoice credited to the balance, which two later invoices use up."""

    def first(at: int) -> None:
        invoice = self.buy(_work(self, 50_000, "Subscription, annual"), at)
        self.later(at, 5, lambda then: _credit(self, invoice, then, amount=32_000, credit_amount=32_000))

    self.business.schedule(self.cycle(0) + 60, first)
    for turn, amount in enumerate((20_000, 25_000)):
        self.later(self.cycle(0), 12 + 25 * turn, partial(self.buy, _work(self, amount, "Support")))


def credited_elsewhere(self: Profile) -> None:
    """Credit notes given back outside of Stripe, in every way at once, and over what remains of an invoice."""

    def outside(at: int) -> None:
        invoice = self.buy(_work(self, 15_000, "Printing"), at)
        self.later(at, 7, lambda then: _credit(self, invoice, then, amount=4_000, out_of_band_amount=4_000))

    def every_way(at: int) -> None:
        invoice = self.buy(_work(self, 60_000, "Binding"), at)
        self.later(at, 3, lambda then: _credit(
            self, invoice, then, amount=9_000, refund_amount=5_000, credit_amount=3_000, out_of_band_amount=1_000,
        ))  # fmt: skip

    def mixed(at: int) -> None:
        invoice = self.bill(_work(self, 30_000, "Framing"), at)
        self.later(at, 2, lambda then: self.business.payments.pay_part(invoice, 20_000, then))
        self.later(at, 4, lambda then: _credit(self, invoice, then, amount=13_500, refund_amount=3_500))

    for turn, make in enumerate((outside, mixed, every_way)):
        self.later(self.cycle(0), 1 + 9 * turn, make)


def credit_note_voided(self: Profile) -> None:
    """A credit note by mistake, voided in the same month; another voided in the next; both invoices are paid."""

    def soon(at: int) -> None:
        invoice = self.bill(_goods(self), at)
        self.later(at, 0.5, lambda then: _void_later(self, _credit(self, invoice, then, amount=2_500), then + HOUR_S))
        self.later(at, 2, lambda then: self.business.pay(invoice, then))

    def late(at: int) -> None:
        invoice = self.bill(_work(self, 22_000, "Translation", days_until_due=60), at)

        def credit(then: int) -> None:
            _void_later(self, _credit(self, invoice, then, amount=6_000), _next_month(then, 4))
            # Only what is open can be voided, and the credit note may be of the month after the invoice's.
            paid_at = max(_next_month(at, 8), _next_month(then, 8))
            self.business.schedule(paid_at, lambda late_at: self.business.pay(invoice, late_at))

        self.later(at, 1, credit)

    self.business.schedule(self.cycle(0) + 60, soon)
    self.later(self.cycle(0), 4, late)


def _void_later(self: Profile, note: Resource, at: int) -> None:
    self.business.schedule(at, lambda then: self.business.credit_notes.void(note, then))


def balance_adjusted(self: Profile) -> None:
    """A credit by hand used over two invoices, and then a debit that the last invoice collects."""
    adjust = self.business.balances.adjust
    self.business.schedule(self.cycle(0) + 60, lambda at: adjust(self.customer, -30_000, at, description="Welcome"))
    for day, amount in ((2, 17_500), (11, 40_000)):
        self.later(self.cycle(0), day, partial(self.buy, _work(self, amount, "Retainer")))
    self.later(self.cycle(0), 18, lambda at: adjust(self.customer, 2_750, at, description="Courier"))
    self.later(self.cycle(0), 24, lambda at: self.buy(_work(self, 10_000, "Retainer"), at))
    self.later(self.cycle(0), 30, lambda at: adjust(self.customer, -4_400, at, description="Not used yet"))


def too_small(self: Profile) -> None:
    """Amounts below the smallest charge, carried over to the next invoice; one after most was paid by the balance."""
    self.business.schedule(self.cycle(0) + 60, lambda at: self.bill(_work(self, 32, "Postage"), at))
    self.later(self.cycle(0), 9, lambda at: self.buy(_work(self, 8_000, "Parcels"), at))
    self.later(self.cycle(0), 15, lambda at: self.business.balances.adjust(self.customer, -5_000, at))
    self.later(self.cycle(0), 16, lambda at: self.bill(_work(self, 5_041, "Parcels"), at))
    self.later(self.cycle(0), 40, lambda at: self.buy(_work(self, 7_000, "Parcels"), at))


def negative_total(self: Profile) -> None:
    """A downgrade whose proration is more than the cheaper plan costs: a negative invoice, used by the next two."""

    def first(at: int) -> None:
        line = self.plan(self.offers.pro, 0, description="Pro plan")
        invoice = self.buy(self.draft(line, month=0), at)
        self.later(at, 8.25, lambda then: self.bill(_downgrade(self, invoice), then))

    self.business.schedule(self.cycle(0) + 60, first)
    for month in range(1, self.months):
        seats = Decimal(9 if month == 1 else 2)
        line = self.plan(self.offers.team, month, quantity=seats, description=f"{seats} seats")
        self.business.schedule(self.cycle(month) + 60, partial(self.buy, self.draft(line, month=month)))


def _downgrade(self: Profile, invoice: Resource) -> InvoiceDraft:
    credited = (invoice["id"], tuple(_lines(self, invoice)))

    def part(price: str, amount: int, text: str) -> LineDraft:
        return self.plan(
            price, 0, amount=amount, description=text, proration=True, credits=credited if amount < 0 else None
        )

    lines = (
        part(self.offers.pro, -18_345, "Unused time on Pro plan"),
        part(self.offers.team, 1_101, "Remaining time on Team seats"),
    )
    return self.draft(*lines, subscription=self.subscription, billing_reason="subscription_update")


def overpaid(self: Profile) -> None:
    """More money than the invoice needs, by transfer of one and by a payment over two; later invoices use it."""

    def single(at: int) -> None:
        invoice = self.bill(_work(self, 33_000, "Surveying"), at)
        self.later(at, 5, lambda then: self.business.payments.pay_part(invoice, 33_900, then, overpay=True))

    def double(at: int) -> None:
        shares = {
            self.bill(_work(self, amount, "Plotting"), at + index)["id"]: amount + 700 * index
            for index, amount in enumerate((11_000, 12_000))
        }
        self.later(
            at, 3, lambda then: self.business.payments.pay_shared(shares, sum(shares.values()), then, overpay=True)
        )

    self.business.schedule(self.cycle(0) + 60, single)
    self.later(self.cycle(0), 9, double)
    self.later(self.cycle(0), 20, lambda at: self.buy(_work(self, 21_500, "Surveying"), at))
    self.later(self.cycle(0), 45, lambda at: self.buy(_work(self, 4_500, "Plotting"), at))


def voided_late(self: Profile) -> None:
    """An invoice voided in the month after it was issued, and one that had used the balance, which is given back."""

    def late(at: int) -> None:
        invoice = self.bill(_goods(self), at)
        self.business.schedule(_next_month(at, 7), lambda then: self.business.void(invoice, then))

    def with_balance(at: int) -> None:
        self.business.balances.adjust(self.customer, -2_000, at)
        invoice = self.bill(_work(self, 9_000, "Not ordered"), at + 60)
        self.later(at, 2, lambda then: self.business.void(invoice, then))
        self.later(at, 4, lambda then: self.buy(_work(self, 6_500, "Ordered"), then))

    self.business.schedule(self.cycle(0) + 60, late)
    self.later(self.cycle(0), 32, with_balance)


def written_off(self: Profile) -> None:
    """Invoices written off: for good, paid in another month after all, and voided in the end."""
    endings: tuple[Callable[[Resource, int], object] | None, ...] = (None, self.business.pay, self.business.void)
    for turn, ending in enumerate(endings):
        self.later(self.cycle(0), 1 + 3 * turn, partial(_write_off, self, ending))


def _write_off(self: Profile, ending: Callable[[Resource, int], object] | None, at: int) -> None:
    invoice = self.bill(_work(self, 14_000 + at % 1_000, "Mapping"), at)
    self.later(at, 6, lambda then: self.business.invoices.mark_uncollectible(invoice, then))
    if ending is not None:
        self.business.schedule(_next_month(at, 9), lambda then: ending(invoice, then))


def debit_returned(self: Profile) -> None:
    """Bank debits that fail after success: one paid by card then, one in the next month and still open."""

    def soon(at: int) -> None:
        invoice = self.bill(_goods(self), at)
        self.business.debit(invoice, at + 30)
        self.later(at, 6, lambda then: _return(self, invoice, then))
        self.later(at, 8, lambda then: self.business.pay(invoice, then))

    def late(at: int) -> None:
        invoice = self.bill(_work(self, 48_000, "Chart"), at)
        self.business.debit(invoice, at + 30)
        self.business.schedule(_next_month(at, 10), lambda then: _return(self, invoice, then))

    self.business.schedule(self.cycle(0) + 60, soon)
    self.later(self.cycle(0), 2, late)


def _return(self: Profile, invoice: Resource, at: int) -> None:
    charge = self.business.credit_notes.charges(invoice)[0]
    self.business.late_failures.fail(charge["id"], at)


def revised(self: Profile) -> None:
    """Invoices replaced by a corrected one, the second of them in the next month and twice."""

    def soon(at: int) -> None:
        invoice = self.bill(_work(self, 12_000, "Atlas, 12 copies"), at)
        self.later(at, 2, lambda then: _revise(self, invoice, 10_000, then))

    def late(at: int) -> None:
        invoice = self.bill(_work(self, 26_000, "Globe"), at)
        self.business.schedule(_next_month(at, 3), lambda then: _revise(self, invoice, 24_000, then, again=23_500))

    self.business.schedule(self.cycle(0) + 60, soon)
    self.later(self.cycle(0), 5, late)


def _revise(self: Profile, original: Resource, amount: int, at: int, *, again: int | None = None) -> None:
    """Replace an invoice by one over ``amount``, which is paid two days later or replaced by one over ``again``."""
    revision = self.business.revisions.create(original, _work(self, amount, "Corrected"), at)
    self.business.finalize(revision, at + HOUR_S)
    if again is None:
        self.later(at, 2, lambda then: self.business.pay(revision, then))
    else:
        self.later(at, 1, lambda then: _revise(self, revision, again, then))


CREDIT_PROFILES: tuple[Callable[[Profile], None], ...] = (
    credited_before_payment, credited_and_refunded, credited_to_balance, credited_elsewhere, credit_note_voided,
    balance_adjusted, too_small, negative_total, overpaid, voided_late, written_off, debit_returned, revised,
)  # fmt: skip
