"""The sandbox's invoice arithmetic against numbers recorded from Stripe (facts/stripe.md 2.2, 2.9, 2.10)."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from wescope.sandbox.stripe.arithmetic import (
    Discount,
    Line,
    Rate,
    Shipping,
    line_taxes,
    price_amount,
    price_invoice,
    prorated_amount,
)
from wescope.sandbox.stripe.money import Fees

CALIFORNIA = Rate(rate_id="txr_ca", percentage=Decimal("8.25"), inclusive=False)
INCLUSIVE = Rate(rate_id="txr_vat", percentage=Decimal(20), inclusive=True)


def test_item_discount_reduces_the_subtotal() -> None:
    half = Discount(discount_id="di_1", percent_off=Decimal(50))
    totals = price_invoice([Line(amount=1900, discounts=(half,))])
    assert (totals.subtotal, totals.discounts, totals.total) == (950, (("di_1", 950),), 950)


def test_invoice_discount_leaves_the_subtotal() -> None:
    tenth = Discount(discount_id="di_1", percent_off=Decimal(10))
    totals = price_invoice([Line(amount=2500)], discounts=(tenth,))
    assert (totals.subtotal, totals.discounts, totals.total) == (2500, (("di_1", 250),), 2250)


def test_tax_is_on_what_remains_after_discounts() -> None:
    tenth = Discount(discount_id="di_1", percent_off=Decimal(10))
    gst = Rate(rate_id="txr_gst", percentage=Decimal(5), inclusive=False)
    totals = price_invoice([Line(amount=60_000, rates=(gst,))], discounts=(tenth,))
    assert [(tax.amount, tax.taxable_amount) for tax in totals.taxes] == [(2700, 54_000)]


def test_tax_is_rounded_half_up_by_line_and_rate() -> None:
    assert line_taxes(5097, (CALIFORNIA,))[0].amount == 421
    fifteen = Rate(rate_id="txr", percentage=Decimal(15), inclusive=False)
    totals = price_invoice([Line(amount=43, rates=(fifteen,)), Line(amount=484, rates=(fifteen,))])
    assert totals.taxes[0].amount == 79
    assert line_taxes(10, (Rate(rate_id="txr", percentage=Decimal(5), inclusive=False),))[0].amount == 1


def test_inclusive_tax_is_contained() -> None:
    totals = price_invoice([Line(amount=10_500, rates=(INCLUSIVE,))])
    assert (totals.total, totals.taxes[0].amount, totals.total_excluding_tax) == (10_500, 1750, 8750)
    assert totals.subtotal_excluding_tax == 8750


def test_shipping_and_its_tax_are_added() -> None:
    totals = price_invoice([Line(amount=1000)], shipping=Shipping(amount=995, rates=(CALIFORNIA,)))
    assert (totals.total, totals.shipping_taxes[0].amount) == (1000 + 995 + 82, 82)
    assert totals.taxes == ()


def test_usage_far_below_a_cent() -> None:
    assert price_amount(Decimal("0.000381"), Decimal(24_104_515)) == 9184


def test_prorations_are_floored_and_not_rounded() -> None:
    assert prorated_amount(Decimal(1000), Decimal(1), used_s=2, period_s=3) == 666
    assert prorated_amount(Decimal(-1000), Decimal(1), used_s=2, period_s=3) == -667


def test_card_fee_is_the_recorded_one() -> None:
    assert Fees().card(1000) == 59


amounts = st.integers(min_value=0, max_value=10_000_000)
percentages = st.decimals(min_value=0, max_value=100, places=3)


@given(st.lists(amounts, min_size=1, max_size=40), percentages, percentages)
def test_total_is_the_sum_of_its_parts(values: list[int], off: Decimal, tax: Decimal) -> None:
    rate = Rate(rate_id="txr", percentage=tax, inclusive=False)
    totals = price_invoice(
        [Line(amount=value, rates=(rate,)) for value in values],
        discounts=(Discount(discount_id="di", percent_off=off),),
    )
    taken = sum(amount for line in totals.lines for _, amount in line.discounts)
    added = sum(tax.amount for line in totals.lines for tax in line.taxes)
    assert totals.total == sum(values) - taken + added
    assert dict(totals.discounts).get("di", 0) == taken
    assert all(0 <= sum(amount for _, amount in line.discounts) <= line.amount for line in totals.lines)
