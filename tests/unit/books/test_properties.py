"""What must hold for the books of any Stripe object, sound or not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.posting import unheard_of
from tests.unit.books.builders import (
    MARCH_PERIOD,
    POLICY,
    a_paid_invoice,
    an_invoice_line,
    day,
    document,
)
from tests.unit.books.strategies import CHARGES, invoices
from wescope.books.desired import desired_books
from wescope.books.documents import (
    CreditMemoBody,
    Desired,
    Document,
    Existence,
    InvoiceBody,
    KeyDates,
    PaymentBody,
    fingerprint,
)
from wescope.books.policy import AccountRole, Policy, RoleAccount
from wescope.books.subjects import DocumentKey
from wescope.books.values import Charge, Invoice

POLICIES = st.builds(
    Policy,
    timezone=st.sampled_from([ZoneInfo("America/Los_Angeles"), ZoneInfo("Pacific/Tongatapu"), ZoneInfo("UTC")]),
    start_date=st.sampled_from([None, day("2026-06-15")]),
    doc_number_prefix=st.sampled_from(["", "STRIPE-"]),
)


def answered_keys(desired: Desired) -> list[DocumentKey]:
    documents, rest = [item.key for item in desired.documents], [item.key for item in desired.parked]
    return [*documents, *rest, *(item.key for item in desired.skipped)]


@given(invoices(), POLICIES)
def test_the_lines_add_up_to_the_total_or_it_is_not_posted(invoice: Invoice, policy: Policy) -> None:
    for posted in desired_books(invoice, policy).documents:
        if isinstance(posted.body, InvoiceBody | CreditMemoBody):
            assert sum(line.amount for line in posted.body.lines) == posted.amount
            assert posted.amount >= 0
            if posted.key in {"in_1:invoice", "in_1:credit_memo"}:
                assert posted.amount == abs(invoice.total)
            assert 1 <= len(posted.body.doc_number) <= 21
            assert all(1 <= len(line.description) <= 4000 for line in posted.body.lines)


@given(invoices(), POLICIES)
def test_every_object_gets_exactly_one_answer(invoice: Invoice, policy: Policy) -> None:
    desired = desired_books(invoice, policy)
    assert unheard_of(desired.documents) == []
    answered = answered_keys(desired)
    assert len(answered) == len(set(answered))
    assert {"in_1:invoice", "in_1:credit_memo"} & set(answered)
    if "in_1:credit_memo" not in answered:  # a negative invoice is not paid
        assert {f"{payment.source_id}:payment" for payment in invoice.payments} <= set(answered)


@given(invoices(), POLICIES)
def test_documents_refer_only_to_earlier_ones_and_to_other_invoices(invoice: Invoice, policy: Policy) -> None:
    desired = desired_books(invoice, policy)
    # A payment that also pays a skipped invoice is named by its own run (`pays_skipped_invoice`).
    elsewhere = {"in_2:invoice", "in_3:invoice", *(one.key for one in desired.skipped)}
    earlier: set[DocumentKey] = set()
    for posted in desired.documents:
        if posted.existence is Existence.PRESENT:
            assert set(posted.references) - earlier <= elsewhere
        earlier.add(posted.key)


@given(invoices(), POLICIES)
def test_a_payment_never_settles_more_than_it_brings(invoice: Invoice, policy: Policy) -> None:
    for posted in desired_books(invoice, policy).documents:
        if isinstance(posted.body, PaymentBody):
            parts = [part.amount for part in posted.body.applications]
            assert all(part > 0 for part in parts)
            if posted.body.deposit_to is not None:
                assert sum(parts) <= posted.amount


@given(invoices(), POLICIES)
def test_nothing_is_dated_before_the_books_begin(invoice: Invoice, policy: Policy) -> None:
    for posted in desired_books(invoice, policy).documents:
        if policy.start_date is not None and posted.dates.txn is not None:
            assert posted.dates.txn >= policy.start_date


@given(invoices(), POLICIES)
def test_the_same_object_gives_the_same_books(invoice: Invoice, policy: Policy) -> None:
    once, again = desired_books(invoice, policy), desired_books(replace(invoice), policy)
    assert once == again
    assert [fingerprint(item) for item in once.documents] == [fingerprint(item) for item in again.documents]


@given(CHARGES, POLICIES)
def test_a_charge_gets_exactly_one_answer(charge: Charge, policy: Policy) -> None:
    desired = desired_books(charge, policy)
    assert unheard_of(desired.documents) == []
    answered = answered_keys(desired)
    assert len(answered) == len(set(answered))
    assert f"{charge.id}:sales_receipt" in answered
    failed = {f"{charge.id}:reversal"} if charge.failure_balance_transaction else set()
    assert set(answered) <= {f"{charge.id}:sales_receipt", *failed}


FULL_INVOICE = document(
    desired_books(a_paid_invoice(lines=(an_invoice_line(period=MARCH_PERIOD),)), POLICY), "in_1:invoice"
)
FULL_PAYMENT = document(desired_books(a_paid_invoice(), POLICY), "ch_1:payment")


def with_line(changed: Document, **changes: object) -> Document:
    assert isinstance(changed.body, InvoiceBody)
    line = replace(changed.body.lines[0], **changes)  # type: ignore[arg-type] # the fields are named in the cases below
    return replace(changed, body=replace(changed.body, lines=(line,)))


@pytest.mark.parametrize(
    "change",
    [
        lambda it: replace(it, amount=it.amount + 1),
        lambda it: replace(it, currency="eur"),
        lambda it: replace(it, note="other"),
        lambda it: replace(it, stripe_ids=("in_2",)),
        lambda it: replace(it, existence=Existence.VOID),
        lambda it: replace(it, dates=replace(it.dates, txn=it.dates.txn + timedelta(days=1))),
        lambda it: replace(it, dates=replace(it.dates, usage_end=None)),
        lambda it: replace(it, dates=KeyDates()),
        lambda it: replace(it, body=replace(it.body, doc_number="other")),
        lambda it: replace(it, body=replace(it.body, lines=it.body.lines * 2)),
        lambda it: with_line(it, amount=2999),
        lambda it: with_line(it, description="other"),
        lambda it: with_line(it, service_date=None),
    ],
)
def test_any_change_of_an_invoice_changes_its_fingerprint(change: Callable[[Document], Document]) -> None:
    assert fingerprint(change(FULL_INVOICE)) != fingerprint(FULL_INVOICE)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: replace(
            it, body=replace(it.body, deposit_to=RoleAccount(role=AccountRole.OUT_OF_BAND, currency="usd"))
        ),
        lambda it: replace(it, body=replace(it.body, reference="other")),
        lambda it: replace(it, body=replace(it.body, applications=())),
        lambda it: replace(it, dates=replace(it.dates, payment_received=None)),
    ],
)
def test_any_change_of_a_payment_changes_its_fingerprint(change: Callable[[Document], Document]) -> None:
    assert fingerprint(change(FULL_PAYMENT)) != fingerprint(FULL_PAYMENT)


def test_a_fingerprint_does_not_change_between_versions() -> None:
    # It stands in the link table: another value here rewrites every document of every company in QBO.
    assert fingerprint(FULL_PAYMENT) == "94592706fa6d2b92db3f9a03725500bc516593909bf97b783e6bcd56373cca0f"
