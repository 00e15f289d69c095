from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.stripe.payloads import CREATED, invoice, line
from wescope.books.values import Period, Reduction, Shipping, TaxAmount
from wescope.errors import ObjectUnreadable
from wescope.stripe.parsing import parse_invoice, parse_line

TAX_RATE_DETAILS = {"tax_rate_details": {"tax_rate": "txr_1"}, "type": "tax_rate_details"}


def test_taxes_since_basil() -> None:
    taxes = [
        {"amount": 80, "tax_behavior": "exclusive", **TAX_RATE_DETAILS},
        {"amount": 0, "tax_behavior": "inclusive", "tax_rate_details": None},
    ]
    assert parse_line(line(taxes=taxes)).taxes == (
        TaxAmount(amount=80, inclusive=False, tax_rate="txr_1"),
        TaxAmount(amount=0, inclusive=True, tax_rate=None),
    )


@pytest.mark.parametrize("taxes", [{}, {"taxes": None}])
def test_taxes_before_basil(taxes: dict[str, Any]) -> None:
    payload = line(tax_amounts=[{"amount": 80, "inclusive": True, "tax_rate": {"id": "txr_1", "object": "tax_rate"}}])
    del payload["taxes"]
    assert parse_line(payload | taxes).taxes == (TaxAmount(amount=80, inclusive=True, tax_rate="txr_1"),)


def test_discounts_are_counted_once_and_credits_apart() -> None:
    parsed = parse_line(
        line(
            discount_amounts=[{"amount": 100, "discount": "di_1"}],
            pretax_credit_amounts=[
                {"amount": 100, "type": "discount", "discount": "di_1"},
                {"amount": 30, "type": "credit_balance_transaction", "credit_balance_transaction": "cbtxn_1"},
            ],
        )
    )
    assert parsed.discounts == (Reduction(amount=100, source="di_1"),)
    assert parsed.credits == (Reduction(amount=30, source="cbtxn_1"),)


def test_discounts_that_stand_among_the_pretax_credits_only() -> None:
    payload = line(pretax_credit_amounts=[{"amount": 100, "type": "discount", "discount": {"id": "di_1"}}])
    del payload["discount_amounts"]
    assert parse_line(payload).discounts == (Reduction(amount=100, source="di_1"),)


@pytest.mark.parametrize(
    ("fields", "quantity"),
    [
        ({"quantity": 1, "quantity_decimal": "1.5"}, Decimal("1.5")),
        ({"quantity": 2, "quantity_decimal": None}, Decimal(2)),
        ({"quantity": 1.5}, Decimal("1.5")),
        ({"quantity": Decimal("0.1")}, Decimal("0.1")),
        ({"quantity": None}, None),
    ],
)
def test_quantity(fields: dict[str, Any], quantity: Decimal | None) -> None:
    assert parse_line(line(**fields)).quantity == quantity


def test_prices_of_all_times() -> None:
    price = {"id": "price_1", "object": "price", "product": "prod_1", "unit_amount": 1000}
    details = {"price": "price_1", "product": "prod_1"}
    shapes: list[dict[str, Any]] = [
        {"pricing": {"type": "price_details", "unit_amount_decimal": "1000", "price_details": details}},
        {"price": price},
        {"price": price | {"unit_amount_decimal": "1000.0"}},
        {"plan": {"id": "price_1", "object": "plan", "product": {"id": "prod_1"}, "amount": 1000}},
    ]
    for shape in shapes:
        parsed = parse_line(line(**shape))
        assert (parsed.price, parsed.product, parsed.unit_amount) == ("price_1", "prod_1", Decimal(1000))


@pytest.mark.parametrize(
    "fields",
    [
        {"proration": True, "price": {"id": "price_1", "object": "price", "unit_amount": 1000}},
        {"parent": {"type": "subscription_item_details", "subscription_item_details": {"proration": True}}},
        {"parent": {"type": "invoice_item_details", "invoice_item_details": {"proration": True}}},
    ],
)
def test_a_proration_has_no_unit_amount(fields: dict[str, Any]) -> None:
    parsed = parse_line(line(**fields))
    assert parsed.proration
    assert parsed.unit_amount is None


def test_period_is_in_utc() -> None:
    start = datetime.fromtimestamp(CREATED, UTC)
    assert parse_line(line()).period == Period(start=start, end=start.replace(day=start.day + 1))
    assert parse_line(line(period=None)).period is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": None}, "amount"),
        ({"amount": "10.00"}, "amount"),
        ({"amount": 10.0}, "amount"),
        ({"amount": True}, "amount"),
        ({"currency": "currency"}, "currency"),
        ({"quantity": "many"}, "quantity"),
        ({"quantity_decimal": "NaN"}, "quantity_decimal"),
        ({"period": {"start": "now", "end": CREATED}}, "period.start"),
        ({"period": {"start": 10**30, "end": CREATED}}, "period.start"),
        ({"taxes": [{"amount": 1, "tax_behavior": "unspecified"}]}, "taxes[0].tax_behavior"),
        ({"taxes": ["txr_1"]}, "taxes[0]"),
        ({"pretax_credit_amounts": [{"amount": 1, "type": "gift"}]}, "pretax_credit_amounts[0].type"),
        ({"parent": {"type": "rate_card"}}, "parent.type"),
        ({"object": "invoice"}, "object"),
    ],
)
def test_what_cannot_be_read_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ObjectUnreadable) as raised:
        parse_line(line(**fields))
    assert raised.value.detail == field
    assert raised.value.details == {"object_id": "il_1"}


def cost(**fields: Any) -> dict[str, Any]:
    return {"amount_subtotal": 500, "amount_tax": 40, "amount_total": 540, "shipping_rate": "shr_1", **fields}


@pytest.mark.parametrize(
    ("shipping_cost", "shipping"),
    [
        (None, None),
        ({}, None),
        (cost(amount_tax=0, amount_total=500), Shipping(amount=500)),
        (cost(), Shipping(amount=500, taxes=(TaxAmount(amount=40, inclusive=False, tax_rate=None),))),
        (cost(amount_total=500), Shipping(amount=500, taxes=(TaxAmount(amount=40, inclusive=True, tax_rate=None),))),
        (
            cost(taxes=[{"amount": 40, "rate": {"id": "txr_1", "inclusive": False}}]),
            Shipping(amount=500, taxes=(TaxAmount(amount=40, inclusive=False, tax_rate="txr_1"),)),
        ),
        (
            cost(
                taxes=[{"amount": 40, "rate": {"id": "txr_1", "inclusive": True}}],
                amount_subtotal=460,
                amount_total=500,
            ),
            Shipping(amount=500, taxes=(TaxAmount(amount=40, inclusive=True, tax_rate="txr_1"),)),
        ),
    ],
)
def test_shipping(shipping_cost: dict[str, Any] | None, shipping: Shipping | None) -> None:
    assert parse_invoice(invoice(shipping_cost=shipping_cost)).shipping == shipping


def test_shipping_that_contradicts_itself() -> None:
    with pytest.raises(ObjectUnreadable, match=r"shipping_cost\.amount_total"):
        parse_invoice(invoice(shipping_cost=cost(amount_total=1)))
