"""Any Stripe invoice that the values can say, sound or not, for the properties that must hold for all of them."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from wescope.books.values import (
    Allocation,
    BalanceTransaction,
    Charge,
    ChargeStatus,
    Customer,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    InvoiceStatus,
    PaymentSource,
    Period,
    Reduction,
    Shipping,
    TaxAmount,
)

AMOUNTS = st.integers(min_value=-100_000, max_value=1_000_000)
POSITIVE = st.integers(min_value=0, max_value=1_000_000)
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(min_value=0, max_value=2 * 365 * 86_400).map(lambda seconds: _EPOCH + timedelta(seconds=seconds))
CURRENCIES = st.sampled_from(["usd"] * 19 + ["eur"])
PARTS = st.sampled_from([100, 2500, 0, 40_000, -1])
INVOICE_IDS = st.sampled_from(["in_1", "in_2", "in_3"])

TAXES = st.lists(
    st.builds(TaxAmount, amount=AMOUNTS, inclusive=st.booleans(), tax_rate=st.sampled_from([None, "txr_1", "txr_2"])),
    max_size=3,
).map(tuple)
REDUCTIONS = st.lists(st.builds(Reduction, amount=POSITIVE, source=st.sampled_from([None, "di_1"])), max_size=2).map(
    tuple
)

LINES = st.builds(
    InvoiceLine,
    id=st.sampled_from(["il_1", "il_2"]),
    amount=POSITIVE | AMOUNTS,
    currency=CURRENCIES,
    description=st.none() | st.text(max_size=20),
    quantity=st.none() | st.decimals(min_value=0, max_value=10**9, places=3),
    unit_amount=st.none() | st.decimals(min_value=-(10**6), max_value=10**6, places=6),
    period=st.none() | st.builds(Period, start=MOMENTS, end=MOMENTS),
    discounts=REDUCTIONS,
    credits=REDUCTIONS,
    taxes=TAXES,
)

BALANCE_TRANSACTIONS = st.builds(
    BalanceTransaction,
    id=st.just("txn_1"),
    amount=AMOUNTS,
    fee=POSITIVE,
    net=AMOUNTS,
    currency=CURRENCIES,
    created=MOMENTS,
    available_on=MOMENTS,
    exchange_rate=st.none(),
    type=st.just("charge"),
    reporting_category=st.just("charge"),
)
CHARGES = st.builds(
    Charge,
    id=st.sampled_from(["ch_1", "py_2"]),
    amount=POSITIVE,
    amount_captured=POSITIVE,
    amount_refunded=POSITIVE,
    currency=CURRENCIES,
    status=st.sampled_from([ChargeStatus.SUCCEEDED] * 4 + [*ChargeStatus]),
    captured=st.sampled_from([True, True, True, False]),
    created=MOMENTS,
    customer=st.none() | st.just("cus_1"),
    payment_intent=st.none() | st.just("pi_1"),
    balance_transaction=BALANCE_TRANSACTIONS | st.none(),
    failure_balance_transaction=st.none() | BALANCE_TRANSACTIONS,
)
PAYMENTS = st.builds(
    InvoicePayment,
    source=st.sampled_from(PaymentSource),
    source_id=st.sampled_from(["ch_1", "py_2", "pyr_3", "in_1"]),
    currency=CURRENCIES,
    paid_at=MOMENTS,
    allocations=st.lists(st.builds(Allocation, invoice=INVOICE_IDS, amount=PARTS), max_size=3).map(tuple),
    charge=CHARGES | st.none(),
)


def lines_total(lines: tuple[InvoiceLine, ...], shipping: Shipping | None) -> int:
    """Stripe's own arithmetic, facts/stripe.md 2.2: exclusive tax is added, inclusive tax is inside the amounts."""
    total = sum(line.amount for line in lines)
    total -= sum(part.amount for line in lines for part in (*line.discounts, *line.credits))
    total += sum(tax.amount for line in lines for tax in line.taxes if not tax.inclusive)
    if shipping is not None:
        total += shipping.amount + sum(tax.amount for tax in shipping.taxes if not tax.inclusive)
    return total


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    """Mostly with the total that follows from the lines, sometimes with another one."""
    lines = draw(st.lists(LINES, max_size=3).map(tuple))
    shipping = draw(st.none() | st.builds(Shipping, amount=POSITIVE, taxes=TAXES))
    total = lines_total(lines, shipping) + draw(st.sampled_from([0] * 9 + [1]))
    return Invoice(
        id="in_1",
        status=draw(st.sampled_from([*InvoiceStatus][::-1])),
        number=draw(st.none() | st.text("ABC-019", max_size=40)),
        currency=draw(CURRENCIES),
        customer=draw(
            st.builds(Customer, id=st.sampled_from(["cus_1"] * 9 + [""]), name=st.none() | st.text(), email=st.none())
        ),
        created=draw(MOMENTS),
        effective_at=draw(MOMENTS | st.none()),
        finalized_at=draw(MOMENTS | st.none()),
        due_date=draw(st.none() | MOMENTS),
        paid_at=draw(st.none() | MOMENTS),
        voided_at=draw(MOMENTS | st.none()),
        marked_uncollectible_at=draw(st.none() | MOMENTS),
        lines=lines,
        shipping=shipping,
        total=total,
        amount_due=draw(AMOUNTS | st.just(total)),
        amount_paid=draw(AMOUNTS),
        amount_remaining=draw(AMOUNTS),
        amount_overpaid=draw(POSITIVE),
        starting_balance=draw(AMOUNTS),
        ending_balance=draw(st.none() | AMOUNTS),
        pre_payment_credit_notes_amount=draw(POSITIVE),
        post_payment_credit_notes_amount=draw(POSITIVE),
        payments=draw(st.lists(PAYMENTS, max_size=3).map(tuple)),
    )
