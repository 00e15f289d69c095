"""A refund is a refund receipt out of clearing; what credit notes say of it gives its lines, and it is booked once."""

from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.books.builders import POLICY, an_invoice_line, day, document, keys, moment, parked, skipped
from tests.unit.books.money_builders import (
    a_credit_note,
    a_note_line,
    a_refund,
    a_transaction,
    account_name,
    items,
    money,
    settled,
)
from wescope.books.credit_lines import credited_lines, share, split_note
from wescope.books.desired import desired_books
from wescope.books.documents import Entity, Existence, LineTax, ReceiptBody, SalesLine
from wescope.books.money import to_decimal
from wescope.books.policy import ItemRole, ItemRule
from wescope.books.rates import rate_of
from wescope.books.values import (
    CreditedRefund,
    CreditNoteStatus,
    Reduction,
    RefundStatus,
    Shipping,
    TaxAmount,
)

RECEIPT = "re_1:refund_receipt"


def a_tax(amount: int, *, inclusive: bool = False, rate: str | None = "txr_1") -> TaxAmount:
    return TaxAmount(amount=amount, inclusive=inclusive, tax_rate=rate, percentage=Decimal(10))


def test_a_refund_goes_out_of_clearing_on_the_day_of_its_row() -> None:
    desired = desired_books(a_refund(), POLICY)
    assert keys(desired) == ["cus_1:customer:usd", RECEIPT]
    receipt = document(desired, RECEIPT)
    assert (receipt.entity, receipt.amount) == (Entity.REFUND_RECEIPT, 1000)
    assert receipt.dates.txn == receipt.dates.credit == date(2026, 3, 20)
    assert items(receipt) == [("refunds", 1000)]
    assert settled(receipt) == (-1000, "usd")
    assert account_name(money(receipt, ReceiptBody).account) == "clearing.usd"


def test_a_guest_is_refunded_without_customer() -> None:
    assert keys(desired_books(a_refund(customer=None), POLICY)) == [RECEIPT]


def test_a_credit_note_gives_lines_discounts_shipping_and_tax() -> None:
    note = a_credit_note(
        a_note_line(1000, discounts=(Reduction(amount=100, source="di_1"),), taxes=(a_tax(90),)),
        total=1540,
        shipping=Shipping(amount=550, taxes=(a_tax(50, inclusive=True),)),
    )
    rules = (ItemRule(product="prod_1", item="Pro", class_name="East"),)
    refund = a_refund(1540, credit_notes=(note,), invoice_lines=(an_invoice_line(product="prod_1"),))
    receipt = document(desired_books(refund, replace(POLICY, item_rules=rules)), RECEIPT)
    assert items(receipt) == [("Pro", 1000), ("discount", -100), ("shipping", 500), ("tax", 140)]
    assert [line.class_name for line in receipt.lines] == ["East", "East", None, None]
    assert sum(tax.amount for line in receipt.lines for tax in line.taxes) == 140


def test_what_no_credit_note_names_is_on_the_refunds_item() -> None:
    note = a_credit_note(total=600)
    assert items(document(desired_books(a_refund(1000, credit_notes=(note,)), POLICY), RECEIPT)) == [
        ("sales", 600),
        ("refunds", 400),
    ]


def test_two_refunds_of_one_credit_note_add_up_to_its_lines() -> None:
    note = a_credit_note(
        a_note_line(999, taxes=(a_tax(100),)),
        total=1099,
        refunds=(CreditedRefund(refund="re_1", amount=550), CreditedRefund(refund="re_2", amount=549)),
    )
    first = document(desired_books(a_refund(550, credit_notes=(note,)), POLICY), RECEIPT)
    other = a_refund(549, id="re_2", credit_notes=(note,))
    second = document(desired_books(other, POLICY), "re_2:refund_receipt")
    assert items(first) == [("sales", 500), ("tax", 50)]
    assert items(second) == [("sales", 499), ("tax", 50)]


def test_a_void_credit_note_says_nothing() -> None:
    note = a_credit_note(status=CreditNoteStatus.VOID)
    assert items(document(desired_books(a_refund(credit_notes=(note,)), POLICY), RECEIPT)) == [("refunds", 1000)]


@pytest.mark.parametrize(
    "note",
    [
        a_credit_note(a_note_line(999), total=1000),
        a_credit_note(total=1001),
        a_credit_note(currency="eur"),
    ],
    ids=["lines", "more than the refund", "currency"],
)
def test_a_credit_note_that_does_not_fit_is_parked(note: Any) -> None:
    assert parked(desired_books(a_refund(credit_notes=(note,)), POLICY)) == {RECEIPT: ("split_mismatch", 1000)}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RefundStatus.PENDING, "refund_pending"),
        (RefundStatus.REQUIRES_ACTION, "refund_pending"),
        (RefundStatus.SUCCEEDED, "balance_transaction_missing"),
    ],
)
def test_a_refund_without_row_waits(status: RefundStatus, code: str) -> None:
    assert parked(desired_books(a_refund(status=status, balance_transaction=None), POLICY)) == {RECEIPT: (code, 1000)}


@pytest.mark.parametrize("status", [RefundStatus.CANCELED, RefundStatus.FAILED])
def test_a_refund_that_never_moved_money_is_skipped(status: RefundStatus) -> None:
    desired = desired_books(a_refund(status=status, balance_transaction=None), POLICY)
    assert skipped(desired) == {RECEIPT: f"refund_{status}"}


def test_the_uncaptured_rest_of_a_charge_is_no_refund() -> None:
    rest = a_refund(balance_transaction=a_transaction(-1000, "partial_capture_reversal"))
    assert skipped(desired_books(rest, POLICY)) == {RECEIPT: "partial_capture_reversal"}


def test_a_refund_before_the_books_is_skipped() -> None:
    policy = replace(POLICY, start_date=day("2026-03-21"))
    desired = desired_books(a_refund(), policy)
    assert skipped(desired) == {RECEIPT: "before_start_date"}
    assert desired.documents == ()


@pytest.mark.parametrize("status", [RefundStatus.FAILED, RefundStatus.CANCELED])
def test_a_refund_that_came_back_later_is_countered_with_the_same_lines(status: RefundStatus) -> None:
    back = a_transaction(1000, "refund_failure", id="txn_3", created=moment("2026-04-10T20:00:00+00:00"))
    note = a_credit_note(a_note_line(900, taxes=(a_tax(100),)))
    refund = a_refund(status=status, failure_balance_transaction=back, credit_notes=(note,))
    desired = desired_books(refund, POLICY)
    assert keys(desired) == ["cus_1:customer:usd", RECEIPT, "re_1:reversal"]
    counter = document(desired, "re_1:reversal")
    assert (counter.entity, counter.dates.txn) == (Entity.SALES_RECEIPT, date(2026, 4, 10))
    assert items(counter) == [("sales", 900), ("tax", 100)]
    assert settled(counter) == (1000, "usd")


def test_a_refund_that_came_back_in_its_month_is_taken_back() -> None:
    back = a_transaction(1000, "refund_failure", id="txn_3")
    desired = desired_books(a_refund(status=RefundStatus.FAILED, failure_balance_transaction=back), POLICY)
    assert [one.existence for one in desired.documents] == [Existence.VOID]


def test_a_refund_in_another_currency_has_the_rate_of_its_own_day() -> None:
    row = a_transaction(-1103, "refund", exchange_rate=Decimal("1.103"))
    receipt = document(desired_books(a_refund(currency="eur", balance_transaction=row), POLICY), RECEIPT)
    assert receipt.exchange_rate == Decimal("1.103")
    assert settled(receipt) == (-1103, "usd")


AMOUNTS = st.integers(min_value=-50_000, max_value=100_000)
TAXED = st.lists(st.tuples(AMOUNTS, st.sampled_from(["txr_1", "txr_2"])), max_size=2)


@st.composite
def lines_of_a_note(draw: st.DrawFn) -> tuple[SalesLine, ...]:
    sold = tuple(
        SalesLine(
            item=ItemRole.SALES,
            amount=amount,
            description=str(index),
            taxes=tuple(LineTax(rate=rate, amount=tax) for tax, rate in taxes),
        )
        for index, (amount, taxes) in enumerate(draw(st.lists(st.tuples(AMOUNTS, TAXED), min_size=1, max_size=5)))
    )
    by_rate: dict[str, int] = {}
    for tax in (tax for line in sold for tax in line.taxes):
        by_rate[tax.rate] = by_rate.get(tax.rate, 0) + tax.amount
    taxes = (SalesLine(item=ItemRole.TAX, amount=tax, description=f"Tax {rate}") for rate, tax in by_rate.items())
    return (*sold, *taxes)


@given(lines_of_a_note(), st.data())
def test_shares_add_up_and_their_taxes_follow_the_tax_lines(lines: tuple[SalesLine, ...], data: st.DataObject) -> None:
    whole = sum(line.amount for line in lines)
    if whole <= 0:
        return
    first = data.draw(st.integers(min_value=0, max_value=whole))
    parts = (share(lines, first, whole), share(lines, whole - first, whole, before=first))
    for part, amount in zip(parts, (first, whole - first), strict=True):
        assert sum(line.amount for line in part) == amount
        assert all(line.amount or any(tax.amount for tax in line.taxes) for line in part)
        for rate in ("txr_1", "txr_2"):
            caused = sum(tax.amount for line in part for tax in line.taxes if tax.rate == rate)
            assert caused == sum(line.amount for line in part if line.description == f"Tax {rate}")
    for line in lines:
        shares = [one.amount for part in parts for one in part if one.description == line.description]
        assert sum(shares) == line.amount


def test_the_largest_remainder_gets_the_cent() -> None:
    lines = tuple(SalesLine(item=ItemRole.SALES, amount=amount, description=str(amount)) for amount in (100, 101, 99))
    assert [line.amount for line in share(lines, 100, 300)] == [33, 34, 33]
    assert share(lines, 300, 300) == lines
    assert share(lines, 0, 300) == ()
    with pytest.raises(ValueError, match="do not add up"):
        share(lines, 100, 301)


def test_all_parts_of_a_note_are_the_note() -> None:
    note = a_credit_note(
        a_note_line(909, taxes=(a_tax(91),)),
        pre_payment_amount=333,
        balance_amount=111,
        out_of_band_amount=223,
        refunds=(CreditedRefund(refund="re_1", amount=333),),
    )
    parts = split_note(note, credited_lines(note, (), POLICY))
    every = (parts.pre_payment, parts.refunds["re_1"], parts.balance, parts.out_of_band)
    assert [sum(line.amount for line in part) for part in every] == [333, 333, 111, 223]
    assert sum(line.amount for part in every for line in part if line.item is ItemRole.TAX) == 91


@given(
    st.integers(min_value=1, max_value=10**10),
    st.integers(min_value=1, max_value=10**10),
    st.sampled_from(["eur", "jpy", "kwd"]),
)
def test_the_rate_always_gives_the_settled_amount(amount: int, booked: int, currency: str) -> None:
    rate = rate_of(amount, currency, a_transaction(booked), POLICY)
    assert rate is not None
    home = to_decimal(amount, currency) * rate
    assert home.quantize(Decimal("0.01"), ROUND_HALF_UP) == to_decimal(booked, "usd")


def test_stripes_own_rate_is_kept_where_it_is_exact() -> None:
    exact = a_transaction(1000, exchange_rate=Decimal("1.1111"))
    assert rate_of(900, "eur", exact, POLICY) == Decimal("1.1111")
    assert rate_of(900, "eur", replace(exact, exchange_rate=Decimal("1.12")), POLICY) == Decimal("1.1111111111")
    assert rate_of(1000, "usd", exact, POLICY) is None
    assert rate_of(1000, "usd", replace(exact, currency="eur"), POLICY) is None
