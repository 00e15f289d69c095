"""Plan: what follows from a document and its link, for every state."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from wescope.books.documents import (
    CustomerBody,
    Document,
    Entity,
    Existence,
    InvoiceBody,
    KeyDates,
    SalesLine,
    fingerprint,
)
from wescope.books.policy import ItemRole
from wescope.books.subjects import DocumentKey, Subject, SubjectKind, customer_key, invoice_key
from wescope.engine.plan import Action, plan, plan_step
from wescope.links.store import Link, LinkState, Operation

SUBJECT = Subject(kind=SubjectKind.INVOICE, id="in_1")
CUSTOMER = Document(
    key=customer_key("cus_1", "usd"),
    entity=Entity.CUSTOMER,
    currency="usd",
    amount=0,
    body=CustomerBody(display_names=("Ada", "Ada (cus_1)")),
)
INVOICE = Document(
    key=invoice_key("in_1"),
    entity=Entity.INVOICE,
    currency="usd",
    amount=1_000,
    body=InvoiceBody(
        customer=CUSTOMER.key,
        lines=(SalesLine(item=ItemRole.SALES, amount=1_000, description="Maps"),),
        doc_number="A-1",
    ),
    dates=KeyDates(txn=date(2026, 11, 20)),
    stripe_ids=("in_1",),
)
VOID = replace(INVOICE, existence=Existence.VOID)


def link(document: Document, state: LinkState, **fields: Any) -> Link:
    values: dict[str, Any] = {
        "realm_id": "realm",
        "document_key": document.key,
        "entity": document.entity.value,
        "state": state,
        "operation": Operation.CREATE,
        "qbo_id": "7",
        "sync_token": "0",
        "fingerprint": fingerprint(document),
        "intent_fingerprint": fingerprint(document),
        "request_id": "ws1",
        "generation": 0,
        "sends": 1,
        "variant": 0,
        "attempted_at": None,
        "lost_at": None,
        "subject": str(SUBJECT),
        "amount": document.amount,
        "currency": document.currency,
        "txn_date": document.dates.txn,
    }
    return Link(**{**values, **fields})


@pytest.mark.parametrize(
    ("document", "state", "action"),
    [
        (INVOICE, None, Action.CREATE),
        (INVOICE, LinkState.ABSENT, Action.CREATE),
        (INVOICE, LinkState.VOIDED, Action.CREATE),
        (INVOICE, LinkState.POSTED, Action.NOTHING),
        (INVOICE, LinkState.INTENDED, Action.RESOLVE),
        (INVOICE, LinkState.UNKNOWN, Action.RESOLVE),
        (VOID, None, Action.NOTHING),
        (VOID, LinkState.ABSENT, Action.NOTHING),
        (VOID, LinkState.VOIDED, Action.NOTHING),
        (VOID, LinkState.POSTED, Action.VOID),
        (VOID, LinkState.INTENDED, Action.RESOLVE),
        (VOID, LinkState.UNKNOWN, Action.RESOLVE),
        (CUSTOMER, LinkState.POSTED, Action.NOTHING),
        (CUSTOMER, LinkState.ABSENT, Action.CREATE),
    ],
)
def test_each_state(document: Document, state: LinkState | None, action: Action) -> None:
    assert plan_step(document, None if state is None else link(document, state)).action is action


def test_changed_content_is_updated() -> None:
    changed = replace(INVOICE, note="other")
    assert plan_step(changed, link(INVOICE, LinkState.POSTED)).action is Action.UPDATE


def test_a_customer_is_made_once_and_never_renamed() -> None:
    renamed = replace(CUSTOMER, body=CustomerBody(display_names=("Grace",)))
    assert plan_step(renamed, link(CUSTOMER, LinkState.POSTED)).action is Action.NOTHING


def test_a_plan_has_one_step_per_document_in_posting_order() -> None:
    steps = plan((CUSTOMER, INVOICE), {DocumentKey(CUSTOMER.key): link(CUSTOMER, LinkState.POSTED)})
    assert [(step.document.key, step.action) for step in steps] == [
        (CUSTOMER.key, Action.NOTHING),
        (INVOICE.key, Action.CREATE),
    ]


def test_what_stands_is_undone_by_its_counters_if_it_was_posted_and_else_never_was() -> None:
    counter = replace(INVOICE, key=DocumentKey("in_1:reversal"))
    gone = replace(INVOICE, existence=Existence.VOID, counters=(counter,), stands=True)
    posted = {gone.key: link(gone, LinkState.POSTED)}
    assert [(step.document.key, step.action) for step in plan([gone], posted)] == [
        ("in_1:invoice", Action.NOTHING),
        ("in_1:reversal", Action.CREATE),
    ]
    assert [step.action for step in plan([replace(gone, counters=())], posted)] == [Action.NOTHING]
    assert [(step.document.key, step.action) for step in plan([gone], {})] == [("in_1:invoice", Action.NOTHING)]
