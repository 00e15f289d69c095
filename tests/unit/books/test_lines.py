"""The item lines of an invoice: each kind of line, with numbers worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.books.builders import MARCH_PERIOD, POLICY, an_invoice, an_invoice_line, day, moment
from wescope.books.documents import SalesLine
from wescope.books.lines import sales_lines, service_dates
from wescope.books.policy import Item, ItemRole
from wescope.books.values import InvoiceLine, Period, Reduction, Shipping, TaxAmount


def the_lines(*lines: InvoiceLine, shipping: Shipping | None = None) -> list[tuple[Item, int, str]]:
    invoice = an_invoice(*lines, shipping=shipping)
    return [(line.item, line.amount, line.description) for line in sales_lines(invoice, POLICY)]


def the_description(**changes: Any) -> str:
    return the_lines(an_invoice_line(**changes))[0][2]


def test_a_line_with_its_service_period() -> None:
    (line,) = sales_lines(an_invoice(an_invoice_line(period=MARCH_PERIOD)), POLICY)
    assert line == SalesLine(
        item=ItemRole.SALES,
        amount=3000,
        description="Pro plan; Service 2026-03-01 to 2026-04-01",
        service_date=day("2026-03-01"),
    )


def test_prorations_are_lines_of_both_signs() -> None:
    # The recorded invoice_013 of facts/stripe.md 2.2.
    unused = an_invoice_line(-2500, description="Unused time on Pro after 10 Nov 2025", proration=True)
    remaining = an_invoice_line(25000, description="Remaining time on Max", proration=True)
    assert the_lines(unused, remaining) == [
        (ItemRole.SALES, -2500, "Unused time on Pro after 10 Nov 2025"),
        (ItemRole.SALES, 25000, "Remaining time on Max"),
    ]


def test_discounts_and_billing_credits_are_negative_lines_below_their_line() -> None:
    line = an_invoice_line(
        1900,
        discounts=(Reduction(amount=950, source="di_1"), Reduction(amount=0, source="di_2")),
        credits=(Reduction(amount=100, source=None),),
        period=MARCH_PERIOD,
    )
    assert [
        (line.item, line.amount, line.description, line.service_date)
        for line in sales_lines(an_invoice(line, total=850), POLICY)
    ] == [
        (ItemRole.SALES, 1900, "Pro plan; Service 2026-03-01 to 2026-04-01", day("2026-03-01")),
        (ItemRole.DISCOUNT, -950, "Discount di_1", day("2026-03-01")),
        (ItemRole.DISCOUNT, -100, "Billing credit", day("2026-03-01")),
    ]


def test_tax_stands_on_one_line_per_rate_over_the_whole_invoice() -> None:
    state = TaxAmount(amount=247, inclusive=False, tax_rate="txr_state")
    one = an_invoice_line(3000, taxes=(state, TaxAmount(amount=30, inclusive=False, tax_rate="txr_city")))
    two = an_invoice_line(1000, taxes=(TaxAmount(amount=83, inclusive=False, tax_rate="txr_state"),))
    assert the_lines(one, two) == [
        (ItemRole.SALES, 3000, "Pro plan"),
        (ItemRole.SALES, 1000, "Pro plan"),
        (ItemRole.TAX, 330, "Tax txr_state"),
        (ItemRole.TAX, 30, "Tax txr_city"),
    ]


def test_inclusive_tax_moves_out_of_its_line() -> None:
    # 119.00 with 19 % inside: 100.00 and 19.00.
    line = an_invoice_line(11900, taxes=(TaxAmount(amount=1900, inclusive=True, tax_rate="txr_vat"),))
    assert the_lines(line) == [(ItemRole.SALES, 10000, "Pro plan"), (ItemRole.TAX, 1900, "Tax txr_vat")]


def test_tax_of_zero_is_left_out() -> None:
    reverse_charge = TaxAmount(amount=0, inclusive=False, tax_rate="txr_1")
    refunded = (
        TaxAmount(amount=5, inclusive=False, tax_rate=None),
        TaxAmount(amount=-5, inclusive=False, tax_rate=None),
    )
    assert the_lines(an_invoice_line(taxes=(reverse_charge, *refunded))) == [(ItemRole.SALES, 3000, "Pro plan")]


def test_tax_without_a_rate_is_posted_as_well() -> None:
    line = an_invoice_line(taxes=(TaxAmount(amount=7, inclusive=False, tax_rate=None),))
    assert the_lines(line)[1] == (ItemRole.TAX, 7, "Tax")


def test_shipping_with_inclusive_and_exclusive_tax() -> None:
    shipping = Shipping(
        amount=1190,
        taxes=(
            TaxAmount(amount=190, inclusive=True, tax_rate="txr_vat"),
            TaxAmount(amount=10, inclusive=False, tax_rate="txr_city"),
        ),
    )
    line = an_invoice_line(taxes=(TaxAmount(amount=30, inclusive=False, tax_rate="txr_city"),))
    assert the_lines(line, shipping=shipping) == [
        (ItemRole.SALES, 3000, "Pro plan"),
        (ItemRole.SHIPPING, 1000, "Shipping"),
        (ItemRole.TAX, 40, "Tax txr_city"),
        (ItemRole.TAX, 190, "Tax txr_vat"),
    ]


def test_free_shipping_is_left_out() -> None:
    assert the_lines(an_invoice_line(), shipping=Shipping(amount=0)) == [(ItemRole.SALES, 3000, "Pro plan")]


def test_a_free_line_is_kept() -> None:
    assert the_lines(an_invoice_line(0)) == [(ItemRole.SALES, 0, "Pro plan")]


@pytest.mark.parametrize(
    ("quantity", "unit_amount", "text", "expected"),
    [
        ("3", "1000", "Seats", "Seats; quantity 3 at 10.00"),
        ("3", None, "Seats", "Seats; quantity 3"),
        ("2.50", "1200", "Hours", "Hours; quantity 2.5 at 12.00"),
        ("100", "0.5", "Calls", "Calls; quantity 100 at 0.005"),
        ("24104515", "0.000381", "Tokens", "Tokens; quantity 24104515 at 0.00000381"),
        ("3", "1000", "3 \u00d7 Seats (at $10.00 / month)", "3 \u00d7 Seats (at $10.00 / month)"),
        ("1200", "1", "1,200 \u00d7 Calls", "1,200 \u00d7 Calls"),
        ("3", "1000", "Pack of 30", "Pack of 30; quantity 3 at 10.00"),
        (
            "10",
            "1000",
            "1 \u00d7 Seats (at $10.00 / month)",
            "1 \u00d7 Seats (at $10.00 / month); quantity 10 at 10.00",
        ),
        ("1", "3000", "Seats", "Seats"),
    ],
)
def test_a_quantity_is_said_once(quantity: str, unit_amount: str | None, text: str, expected: str) -> None:
    unit = None if unit_amount is None else Decimal(unit_amount)
    assert the_description(description=text, quantity=Decimal(quantity), unit_amount=unit) == expected


def test_a_unit_price_has_the_decimals_of_its_currency() -> None:
    assert the_description(currency="jpy", quantity=Decimal(3), unit_amount=Decimal(1000)) == (
        "Pro plan; quantity 3 at 1000"
    )


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_a_line_without_text_is_named_by_its_id(text: str | None) -> None:
    assert the_description(description=text) == "Stripe line il_1"


def test_a_long_text_is_cut_and_the_period_is_not() -> None:
    description = the_description(description="x" * 5000, period=MARCH_PERIOD)
    assert len(description) == 4000
    assert description.endswith("x; Service 2026-03-01 to 2026-04-01")


def test_a_period_of_one_moment_is_one_date() -> None:
    at_once = Period(start=MARCH_PERIOD.start, end=MARCH_PERIOD.start)
    assert the_description(period=at_once) == "Pro plan; Service 2026-03-01"


def test_periods_are_in_the_books_time_zone() -> None:
    # A customer in UTC+13 bills April from its own midnight; in Los Angeles that is still March.
    april = Period(start=moment("2026-04-01T00:00:00+13:00"), end=moment("2026-05-01T00:00:00+13:00"))
    (line,) = sales_lines(an_invoice(an_invoice_line(period=april)), POLICY)
    assert line.description == "Pro plan; Service 2026-03-31 to 2026-04-30"
    assert line.service_date == day("2026-03-31")


def test_service_dates_span_all_lines() -> None:
    april = Period(start=moment("2026-04-01T12:00:00+00:00"), end=moment("2026-05-01T12:00:00+00:00"))
    invoice = an_invoice(
        an_invoice_line(period=april), an_invoice_line(period=MARCH_PERIOD), an_invoice_line(period=None)
    )
    assert service_dates(invoice, POLICY) == (day("2026-03-01"), day("2026-05-01"))


def test_without_periods_there_are_no_service_dates() -> None:
    assert service_dates(an_invoice(), POLICY) == (None, None)
