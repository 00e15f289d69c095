"""Every recorded payload of Stripe, of all versions, gives documents or a true reason why not; none crashes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.unit.stripe.shared_data import STRIPE_DATA, needs_shared
from wescope.books.desired import desired_books
from wescope.books.parking import REASONS, ParkCode, Parked
from wescope.books.policy import Policy
from wescope.books.subjects import SubjectKind
from wescope.books.values import BalanceRow, Charge, Dispute, Invoice, Payout, Refund
from wescope.errors import ObjectUnreadable
from wescope.stripe.hints import hint_of
from wescope.stripe.parsing import (
    parse_balance_move,
    parse_balance_row,
    parse_charge,
    parse_credit_note,
    parse_customer,
    parse_dispute,
    parse_invoice,
    parse_payment_part,
    parse_payout,
    parse_refund,
)

pytestmark = needs_shared

PARSERS = {
    "balance_transaction": parse_balance_row,
    "charge": parse_charge,
    "credit_note": parse_credit_note,
    "customer": parse_customer,
    "customer_balance_transaction": parse_balance_move,
    "dispute": parse_dispute,
    "invoice": parse_invoice,
    "invoice_payment": parse_payment_part,
    "payout": parse_payout,
    "refund": parse_refund,
}

UNREADABLE: Mapping[str, set[tuple[str, str]]] = {
    # Edited by its authors into another connector's form: amounts such as "10.00".
    "events/dj-stripe/dispute_ch_fakefakefakefake01.json": {("charge", "amount")},
    "events/dj-stripe/payout_custom_bank_account.json": {("payout", "amount")},
    "events/dj-stripe/payout_custom_card.json": {("payout", "amount")},
    # Its authors took the lines out, to keep them in files of their own.
    "events/dj-stripe/invoice_in_fakefakefakefakefake0001.json": {("invoice", "lines.data")},
    # An upcoming invoice is a preview: it has no id.
    "events/pay-rails-fixtures/invoice.upcoming.json": {("invoice", "id")},
    "events/stripe-ruby-mock/invoice.upcoming.json": {("invoice", "id")},
    # Rows of a dispute from before 2018 have no category, and their type "adjustment" spreads over several.
    "events/stripe-ruby-mock/charge.dispute.funds_reinstated.json": {
        ("balance_transaction", "reporting_category"),
        ("dispute", "reporting_category"),
    },
    "events/stripe-ruby-mock/charge.dispute.funds_withdrawn.json": {
        ("balance_transaction", "reporting_category"),
        ("dispute", "reporting_category"),
    },
    # A dispute of 2013 has no id.
    "events/stripe-ruby-mock/charge.dispute.closed.json": {("dispute", "id")},
    "events/stripe-ruby-mock/charge.dispute.updated.json": {("dispute", "id")},
    # Its authors set the status to null.
    "events/stripe-ruby-mock/charge.updated.json": {("charge", "status")},
    # The event of a deletion shows the draft with the status null.
    "events/supabase-stripe-sync-engine/invoice_deleted.json": {("invoice", "status")},
    # Stripe's fixtures are filled by type and not by meaning: subtotal, tax and total of shipping contradict each
    # other, and the status of an invoice payment is "status".
    "fixtures/credit_note.json": {("credit_note", "post_payment_amount")},
    "fixtures/invoice.json": {("invoice", "shipping_cost.amount_total")},
    "fixtures/invoice_payment.json": {("invoice_payment", "status")},
    # A deleted invoice is its id and nothing else; the other two as above.
    "fixtures3.2026-07-29.json": {
        ("credit_note", "post_payment_amount"),
        ("invoice", "shipping_cost.amount_total"),
        ("invoice", "status"),
        ("invoice_payment", "status"),
    },
}

OWNING = Invoice | Charge | Refund | Dispute | Payout | BalanceRow
"""What has documents of its own; the others belong to these."""


def recorded_files() -> list[str]:
    if not STRIPE_DATA.is_dir():
        return []
    names = (path.relative_to(STRIPE_DATA).as_posix() for path in STRIPE_DATA.rglob("*.json"))
    return sorted(
        name for name in names if name.startswith(("events/", "fixtures")) and not name.endswith("INDEX.json")
    )


def objects_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every Stripe object in a file, also those inside others."""
    if isinstance(value, dict):
        if isinstance(value.get("object"), str):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from objects_in(item)


def load(name: str) -> Any:
    return json.loads((STRIPE_DATA / name).read_text())


@pytest.mark.parametrize("name", recorded_files())
def test_documents_or_a_true_reason(name: str) -> None:
    unreadable = set()
    for payload in objects_in(load(name)):
        value = parsed(payload)
        if isinstance(value, OWNING):
            assert_accounted_for(value, payload)
        if isinstance(value, ObjectUnreadable):
            unreadable.add((payload["object"], value.detail))
    assert unreadable == UNREADABLE.get(name, set())


def parsed(payload: Mapping[str, Any]) -> object:
    parse = PARSERS.get(payload["object"])
    try:
        return None if parse is None else parse(payload)
    except ObjectUnreadable as error:
        return error


def assert_accounted_for(found: OWNING, payload: Mapping[str, Any]) -> None:
    desired = desired_books(found, Policy())
    assert desired.documents or desired.parked or desired.skipped
    for parked in desired.parked:
        assert REASONS[parked.code].remedy
        assert_true(parked, found, payload)


def assert_true(parked: Parked, found: OWNING, payload: Mapping[str, Any]) -> None:
    """A recording is parked only for what it lacks, and it does lack it."""
    match parked.code, found:
        case ParkCode.BALANCE_TRANSACTION_MISSING, Charge() | Refund() | Payout():
            # It names its row by id, or has none yet.
            row = parked.details.get("field", "balance_transaction")
            assert not isinstance(payload.get(str(row)), dict)
        case ParkCode.OBJECT_UNREADABLE, Invoice():
            # An old payload names the charge that paid it, and the charge is not at hand.
            assert parked.details == {"field": "charge"}
            assert isinstance(payload["charge"], str)
        case ParkCode.PAYMENTS_MISMATCH, Invoice():
            # Since basil an invoice does not name its payments, and they are not at hand.
            assert not found.payments
            assert payload["amount_paid"] == parked.amount
        case ParkCode.OPEN_MISMATCH, Invoice():
            # The customer's balance settled a part, and its moves are not at hand.
            assert not found.balance
            assert payload["ending_balance"] - payload["starting_balance"] == parked.amount
        case _:
            pytest.fail(f"{parked.key}: {parked.code}")


@pytest.mark.parametrize("name", [name for name in recorded_files() if name.startswith("events/")])
def test_events_become_hints(name: str) -> None:
    for payload in objects_in(load(name)):
        if payload["object"] != "event":
            continue
        hint = hint_of(payload)
        assert hint.event_id == payload["id"]
        assert hint.event_type == payload["type"]
        if hint.subject is not None:
            changed = payload["data"]["object"]
            refunds = (
                changed["refunds"]["data"] if hint.subject.kind is SubjectKind.REFUND and "refunds" in changed else []
            )
            named = {changed.get(field) for field in ("id", "payment_intent", "invoice", "charge")}
            assert hint.subject.id in named | {refund["id"] for refund in refunds}


def test_no_expectation_is_left_over() -> None:
    assert set(UNREADABLE) <= set(recorded_files())


def test_lines_of_recorded_invoices_add_up() -> None:
    """Facts/stripe.md 2.2: totals are built from lines, and no recorded invoice contradicts that."""
    posted = 0
    for name in recorded_files():
        for payload in objects_in(load(name)):
            if payload["object"] != "invoice" or name in UNREADABLE:
                continue
            desired = desired_books(parse_invoice(payload), Policy())
            posted += sum(document.amount == payload["total"] for document in desired.documents[1:2])
            assert ParkCode.TOTAL_MISMATCH not in {parked.code for parked in desired.parked}
    assert posted >= 30
