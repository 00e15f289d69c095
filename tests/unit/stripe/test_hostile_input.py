"""Whatever stands in a payload, it is read or refused with our own error; nothing crashes."""

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.stripe.payloads import (
    balance_move,
    charge,
    credit_note,
    dispute,
    event,
    failed_later,
    invoice_payment,
    line,
    old_credit_note,
    paid_invoice,
    payout,
    refund,
    row,
    thin_event,
)
from wescope.errors import BodyInvalid, MalformedId, ObjectUnreadable
from wescope.stripe.hints import hint_of
from wescope.stripe.identity import identify
from wescope.stripe.parsing import (
    parse_balance_move,
    parse_balance_row,
    parse_charge,
    parse_credit_note,
    parse_dispute,
    parse_invoice,
    parse_payment_part,
    parse_payout,
    parse_refund,
)

LINE = line(
    discount_amounts=[{"amount": 1, "discount": "di_1"}],
    parent={"type": "invoice_item_details", "invoice_item_details": {"proration": False}},
    pretax_credit_amounts=[{"amount": 1, "type": "credit_balance_transaction", "credit_balance_transaction": "c_1"}],
    price={"id": "price_1", "object": "price", "unit_amount": 5, "product": "prod_1"},
    pricing={"unit_amount_decimal": "5", "price_details": {"price": "price_1", "product": "prod_1"}},
    tax_amounts=[{"amount": 1, "inclusive": False, "tax_rate": "txr_1"}],
    taxes=[{"amount": 1, "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": "txr_1"}}],
)
SHIPPING = {"amount_subtotal": 5, "amount_tax": 0, "amount_total": 5, "taxes": [{"amount": 0, "rate": {"id": "txr_1"}}]}
INVOICE = paid_invoice(charge=charge(), lines={"data": [LINE], "has_more": False}, shipping_cost=SHIPPING)
NOTE = credit_note(
    post_payment_amount=400,
    pre_payment_amount=0,
    refunds=[{"amount_refunded": 100, "refund": "re_1", "type": "refund"}],
    shipping_cost=SHIPPING,
    total_taxes=[{"tax_rate_details": {"tax_rate": {"id": "txr_1", "object": "tax_rate", "percentage": 5}}}],
)
CUSTOMER = {"id": "cus_1", "object": "customer", "balance": 5}

CASES: list[tuple[Callable[[Any], object], dict[str, Any]]] = [
    (parse_invoice, INVOICE),
    (parse_charge, charge()),
    (parse_charge, failed_later()),
    (parse_payment_part, invoice_payment()),
    (parse_refund, refund()),
    (parse_credit_note, NOTE),
    (parse_credit_note, old_credit_note(refund=refund(), customer_balance_transaction=balance_move())),
    (parse_dispute, dispute()),
    (parse_payout, payout()),
    (parse_balance_move, balance_move()),
    (parse_balance_row, row("txn_1", 5, "refund", source=refund())),
    (hint_of, event()),
    (hint_of, thin_event()),
    (hint_of, event(type="charge.refunded", data={"object": charge(refunds={"data": [refund()]})})),
    (hint_of, event(type="customer.updated", data={"object": CUSTOMER, "previous_attributes": {"balance": 0}})),
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["id", "object"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.just("id"), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in paths(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    whole = copy.deepcopy(value)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return whole


@pytest.mark.parametrize(("parse", "payload"), CASES, ids=[parse.__name__ for parse, _ in CASES])
@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_any_value_in_any_place(parse: Callable[[Any], object], payload: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths(payload)))
    with suppress(ObjectUnreadable, BodyInvalid):
        parse(replaced(payload, path, data.draw(JSON)))


@settings(deadline=None)
@given(st.text())
def test_any_text_as_an_id(text: str) -> None:
    with suppress(MalformedId):
        assert identify(text).id == text
