"""What is done to a document of ours gets one name, with the fields and both values."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.engine.test_plan import link
from tests.unit.qbo.test_payloads import INVOICE, PAYMENT
from tests.unit.qbo.test_verify import INVOICE_PAYLOAD, INVOICE_RECORD, PAYMENT_PAYLOAD, PAYMENT_RECORD, SUBTOTAL
from wescope.engine.accepting import NOT_AS_MEANT
from wescope.engine.comparison import (
    compare,
    customer_moved_to,
    held_objects,
    is_untouched,
    linked_objects,
    of_posted,
)
from wescope.engine.drift_kinds import DRIFT, DriftKind
from wescope.links.store import LinkState
from wescope.qbo.content import content_digest

INVOICE_LINK = link(INVOICE, LinkState.POSTED, content=content_digest("Invoice", INVOICE_RECORD))
PAYMENT_LINK = link(PAYMENT, LinkState.POSTED, content=content_digest("Payment", PAYMENT_RECORD))
VOID = {**INVOICE_RECORD, "TotalAmt": 0, "Balance": 0, "Line": [{**SUBTOTAL, "Amount": 0}], "PrivateNote": "Voided"}


@pytest.mark.parametrize(
    ("change", "kind", "fields"),
    [
        ({"TxnDate": "2026-03-16"}, DriftKind.MOVED, "TxnDate:2026-03-15/2026-03-16"),
        ({"PrivateNote": "none"}, DriftKind.UNMARKED, "marker"),
        ({"DocNumber": "9"}, DriftKind.EDITED, "DocNumber:ACME-0001/9"),
        ({"TotalAmt": Decimal(40), "TxnDate": "2026-03-16"}, DriftKind.EDITED, None),
        ({"CustomerRef": {"value": "59"}}, DriftKind.EDITED, "CustomerRef:58/59"),
        ({"PrivateNote": f"more {INVOICE_RECORD['PrivateNote']}"}, DriftKind.EDITED, "PrivateNote"),
    ],
)
def test_an_edited_invoice(change: dict[str, Any], kind: DriftKind, fields: str | None) -> None:
    found = compare(INVOICE_LINK, {**INVOICE_RECORD, **change}, INVOICE, INVOICE_PAYLOAD)
    assert found is not None
    assert found.kind == kind
    assert fields is None or found.details["fields"] == fields
    assert (found.document_key, found.entity, found.qbo_id) == (INVOICE.key, "Invoice", "7")


def test_what_is_as_it_should_be_is_no_finding() -> None:
    assert compare(INVOICE_LINK, INVOICE_RECORD, INVOICE, INVOICE_PAYLOAD) is None
    assert compare(replace(INVOICE_LINK, content=None), INVOICE_RECORD, INVOICE, INVOICE_PAYLOAD) is None
    assert compare(PAYMENT_LINK, PAYMENT_RECORD, PAYMENT, PAYMENT_PAYLOAD) is None


def test_gone_and_void() -> None:
    deleted = compare(INVOICE_LINK, None, INVOICE, INVOICE_PAYLOAD)
    voided = compare(INVOICE_LINK, VOID, INVOICE, INVOICE_PAYLOAD)
    assert deleted is not None
    assert voided is not None
    assert (deleted.kind, voided.kind) == (DriftKind.DELETED, DriftKind.VOIDED)
    assert deleted.amount == abs(INVOICE.amount)


def test_a_payment_that_pays_nothing_any_more() -> None:
    record = {**PAYMENT_RECORD, "Line": [], "UnappliedAmt": PAYMENT_RECORD["TotalAmt"]}
    found = compare(PAYMENT_LINK, record, PAYMENT, PAYMENT_PAYLOAD)
    assert found is not None
    assert found.kind == DriftKind.UNAPPLIED


def test_without_a_document_only_what_was_posted_counts() -> None:
    edited = {**INVOICE_RECORD, "TotalAmt": Decimal(31), "TxnDate": "2026-03-16"}
    for found in (compare(INVOICE_LINK, edited, None, None), of_posted(INVOICE_LINK, edited)):
        assert found is not None
        assert found.details["fields"] == "TotalAmt:30.00/31 TxnDate:2026-03-15/2026-03-16"
    assert compare(INVOICE_LINK, INVOICE_RECORD, None, None) is None
    assert of_posted(replace(INVOICE_LINK, content=None), edited) is None
    assert of_posted(INVOICE_LINK, None) is not None
    assert of_posted(INVOICE_LINK, VOID) is not None


def test_only_a_known_content_is_trusted() -> None:
    assert is_untouched(INVOICE_LINK, INVOICE_RECORD, untrusted={NOT_AS_MEANT})
    assert not is_untouched(replace(INVOICE_LINK, content=None), INVOICE_RECORD, untrusted={NOT_AS_MEANT})
    unsure = replace(INVOICE_LINK, fingerprint=NOT_AS_MEANT)
    assert not is_untouched(unsure, INVOICE_RECORD, untrusted={NOT_AS_MEANT})


def test_what_records_name() -> None:
    linked = [{"TxnId": "9", "TxnType": "Payment"}, {"TxnId": "3", "TxnType": "Estimate"}]
    assert linked_objects({"LinkedTxn": linked}) == {("Payment", "9")}
    assert held_objects({"Line": [{"LinkedTxn": linked[:1]}, {"Amount": 3}]}) == {("Payment", "9")}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("CustomerRef:5/7", ("5", "7")),
        ("CustomerRef:5/None", None),
        ("CustomerRef:5/7 TxnDate:1/2", None),
        ("TxnDate:5/7", None),
    ],
)
def test_whose_document_it_became(code: str, expected: tuple[str, str] | None) -> None:
    assert customer_moved_to(code) == expected


def test_every_kind_has_its_words() -> None:
    assert set(DRIFT) == set(DriftKind)
    assert all(meaning.text.endswith(".") and meaning.remedy for meaning in DRIFT.values())
