import json
from typing import Any

import pytest

from tests.unit.stripe.payloads import event, thin_event
from tests.unit.stripe.shared_data import STRIPE_DATA, needs_shared
from wescope.books.subjects import Subject, SubjectKind
from wescope.errors import MalformedId
from wescope.stripe.events import EVENTS, Acknowledged, Handled, handled_types
from wescope.stripe.events.money import BILLING, BUYERS, LEDGER, PAYMENTS
from wescope.stripe.events.others import OLDER, OTHERS
from wescope.stripe.hints import RELATED_KINDS, hint_of
from wescope.stripe.identity import identify

# Not in the newest version's list: gone since, or thin notifications only (facts/stripe.md 1 and 2.3).
ELSEWHERE = {"invoiceitem.updated", "invoice_payment.open", "invoice_payment.canceled", *OLDER}


@needs_shared
def test_every_type_has_a_row_and_no_row_is_made_up() -> None:
    path = STRIPE_DATA / "event_types_2026-10-28.endive.json"
    types = set(json.loads(path.read_text()))
    assert len(types) == 275
    assert types - set(EVENTS) == set()
    assert set(EVENTS) - types == ELSEWHERE


def test_no_type_stands_in_two_tables() -> None:
    assert len(EVENTS) == sum(map(len, (BILLING, PAYMENTS, LEDGER, BUYERS, OTHERS, OLDER)))


def test_every_reason_is_given() -> None:
    assert all(meaning.reason for meaning in EVENTS.values() if isinstance(meaning, Acknowledged))


def test_invoice_created_is_not_subscribed_to() -> None:
    # A slow answer to it delays the merchant's billing (facts/stripe.md 2.1).
    assert "invoice.created" not in handled_types()
    assert "invoice.finalized" in handled_types()


def test_every_handled_kind_can_come_thin() -> None:
    handled = {meaning.kind for meaning in EVENTS.values() if isinstance(meaning, Handled)}
    assert handled <= set(RELATED_KINDS.values())


@pytest.mark.parametrize(
    ("event_type", "subject_object", "subject"),
    [
        ("invoice.voided", {"id": "in_1"}, Subject(kind=SubjectKind.INVOICE, id="in_1")),
        ("invoice_payment.paid", {"id": "inpay_1", "invoice": "in_1"}, Subject(kind=SubjectKind.INVOICE, id="in_1")),
        ("charge.updated", {"id": "ch_1"}, Subject(kind=SubjectKind.CHARGE, id="ch_1")),
        (
            "charge.updated",
            {"id": "ch_1", "payment_intent": "pi_1"},
            Subject(kind=SubjectKind.PAYMENT_INTENT, id="pi_1"),
        ),
        ("charge.failed", {"id": "ch_1", "payment_intent": None}, Subject(kind=SubjectKind.CHARGE, id="ch_1")),
        ("payment_intent.succeeded", {"id": "pi_1"}, Subject(kind=SubjectKind.PAYMENT_INTENT, id="pi_1")),
        ("invoice.created", {"id": "in_1"}, None),
        ("invoice.upcoming", {"customer": "cus_1"}, None),
        ("refund.created", {"id": "re_1"}, Subject(kind=SubjectKind.REFUND, id="re_1")),
        ("charge.refund.updated", {"id": "re_1"}, Subject(kind=SubjectKind.REFUND, id="re_1")),
        (
            "charge.refunded",
            {"id": "ch_1", "refunds": {"data": [{"id": "re_2"}, {"id": "re_1"}]}, "payment_intent": "pi_1"},
            Subject(kind=SubjectKind.REFUND, id="re_2"),
        ),
        (
            "charge.refunded",
            {"id": "ch_1", "refunds": {"data": []}, "payment_intent": "pi_1"},
            Subject(kind=SubjectKind.PAYMENT_INTENT, id="pi_1"),
        ),
        ("charge.refunded", {"id": "ch_1"}, Subject(kind=SubjectKind.CHARGE, id="ch_1")),
        ("credit_note.voided", {"id": "cn_1"}, Subject(kind=SubjectKind.CREDIT_NOTE, id="cn_1")),
        ("charge.dispute.closed", {"id": "dp_1", "charge": "ch_1"}, Subject(kind=SubjectKind.DISPUTE, id="dp_1")),
        ("charge.dispute.closed", {"charge": "ch_1"}, Subject(kind=SubjectKind.CHARGE, id="ch_1")),
        ("payout.reconciliation_completed", {"id": "po_1"}, Subject(kind=SubjectKind.PAYOUT, id="po_1")),
        ("topup.reversed", {"id": "tu_1"}, Subject(kind=SubjectKind.TOPUP, id="tu_1")),
        ("transfer.created", {"id": "tr_1"}, Subject(kind=SubjectKind.TRANSFER, id="tr_1")),
        ("application_fee.created", {"id": "fee_1"}, Subject(kind=SubjectKind.APPLICATION_FEE, id="fee_1")),
        ("customer.created", {"id": "cus_1", "balance": 0}, None),
        ("customer.created", {"id": "cus_1", "balance": -500}, Subject(kind=SubjectKind.CUSTOMER, id="cus_1")),
        ("balance.available", {"object": "balance"}, None),
    ],
)
def test_subject_of_an_event(event_type: str, subject_object: dict[str, Any], subject: Subject | None) -> None:
    hint = hint_of(event(type=event_type, data={"object": subject_object}))
    assert (hint.subject, hint.known) == (subject, True)


def test_an_unknown_type_has_no_subject() -> None:
    hint = hint_of(event(type="issuing_card.melted"))
    assert (hint.subject, hint.known) == (None, False)
    assert not hint_of(thin_event(type="v2.core.account.updated")).known


@pytest.mark.parametrize(
    ("before", "looked_at"),
    [
        ({"balance": 0}, True),
        ({"account_balance": 0}, True),
        ({"invoice_credit_balance": {"eur": 5}}, True),
        ({"email": "ada@example.com"}, False),
        ({}, False),
        (None, True),
    ],
)
def test_a_customer_is_looked_at_when_its_balance_changed(before: object, looked_at: bool) -> None:
    data = {"object": {"id": "cus_1", "object": "customer"}, "previous_attributes": before}
    hint = hint_of(event(type="customer.updated", data=data))
    assert (hint.subject == Subject(kind=SubjectKind.CUSTOMER, id="cus_1")) is looked_at
    assert hint.known


def test_a_thin_notification_does_not_say_what_changed() -> None:
    hint = hint_of(thin_event(type="v1.customer.updated", related_object={"id": "cus_1", "type": "customer"}))
    assert hint.subject == Subject(kind=SubjectKind.CUSTOMER, id="cus_1")


def test_a_thin_invoice_payment_is_its_own_subject() -> None:
    related = {"id": "inpay_1", "type": "invoice_payment"}
    hint = hint_of(thin_event(type="v1.invoice_payment.paid", related_object=related))
    assert hint.subject == Subject(kind=SubjectKind.INVOICE_PAYMENT, id="inpay_1")


def test_a_context_that_is_a_path() -> None:
    assert hint_of(thin_event(context="org_1/acct_1")).account == "acct_1"


@pytest.mark.parametrize(
    ("customer", "expected"), [("cus_1", "cus_1"), ({"id": "cus_1", "email": "a@b.c"}, "cus_1"), (None, None)]
)
def test_customer_of_an_event(customer: object, expected: str | None) -> None:
    assert hint_of(event(data={"object": {"id": "in_1", "customer": customer}})).customer_id == expected


def test_a_customer_event_names_itself() -> None:
    payload = event(type="customer.updated", data={"object": {"id": "cus_1", "object": "customer"}})
    assert hint_of(payload).customer_id == "cus_1"


def test_nothing_of_the_payload_is_kept() -> None:
    hint = hint_of(event(data={"object": {"id": "in_1", "customer": {"id": "cus_1", "email": "ada@example.com"}}}))
    assert "ada" not in repr(hint)


@pytest.mark.parametrize(
    ("identifier", "kind"),
    [
        ("in_1", SubjectKind.INVOICE),
        ("ch_1", SubjectKind.CHARGE),
        ("py_1", SubjectKind.CHARGE),
        ("pi_1", SubjectKind.PAYMENT_INTENT),
        ("inpay_1", SubjectKind.INVOICE_PAYMENT),
        ("cus_1", SubjectKind.CUSTOMER),
        ("re_1", SubjectKind.REFUND),
        ("pyr_1", SubjectKind.REFUND),
        ("cn_1", SubjectKind.CREDIT_NOTE),
        ("du_1", SubjectKind.DISPUTE),
        ("dp_1", SubjectKind.DISPUTE),
        ("po_1", SubjectKind.PAYOUT),
        ("txn_1", SubjectKind.BALANCE_TRANSACTION),
        ("tu_1", SubjectKind.TOPUP),
        ("tr_1", SubjectKind.TRANSFER),
        ("fee_1", SubjectKind.APPLICATION_FEE),
        ("usd.2026-11-20", SubjectKind.BALANCE_DAY),
    ],
)
def test_identify(identifier: str, kind: SubjectKind) -> None:
    assert identify(identifier) == Subject(kind=kind, id=identifier)


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "in",
        "in_",
        "evt_1",
        "ada@example.com",
        "in_1/lines",
        "in_1\n",
        "IN_1",
        "usd.2026-02-30",
        "usd.2026",
        "USD.2026-11-20",
    ],
)
def test_no_id(identifier: str) -> None:
    with pytest.raises(MalformedId) as raised:
        identify(identifier)
    assert "ada" not in str(raised.value)
