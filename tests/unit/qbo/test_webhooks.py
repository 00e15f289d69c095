"""QBO's webhooks: who sent them, and what they say, in both shapes; whatever is odd is ignored and counted."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from wescope.errors import BodyTooLarge, WebhookRejected
from wescope.qbo.webhooks import (
    MAXIMUM_BODY_BYTES,
    QboBodyInvalid,
    QboDelivery,
    QboSignatureInvalid,
    QboSignatureMissing,
    QboWebhooksOff,
    signature_of,
    verify,
)

SHARED = Path(os.environ.get("WESCOPE_SHARED", Path(__file__).parents[3].parent / "shared"))
VERIFIER, REALM = "a-verifier", "9341"


def delivered(body: Any, realm_id: str = REALM) -> QboDelivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return verify(raw, signature_of(raw, VERIFIER), VERIFIER, realm_id)


def event(**changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "88cd52aa",
        "source": "intuit.x",
        "type": "qbo.salesreceipt.updated.v1",
        "time": "2026-03-17T16:19:17.179851517Z",
        "intuitentityid": "150",
        "intuitaccountid": REALM,
        "data": {},
    } | changes


def legacy(*entities: Any, realm_id: str = REALM) -> dict[str, Any]:
    return {"eventNotifications": [{"realmId": realm_id, "dataChangeEvent": {"entities": list(entities)}}]}


def entity(**changes: Any) -> dict[str, Any]:
    return {"name": "Invoice", "id": "145", "operation": "Update", "lastUpdated": "2026-11-20T10:00:00-08:00"} | changes


def test_a_cloud_event_is_an_object_of_ours() -> None:
    (change,) = delivered([event()]).changes
    assert (change.entity, change.qbo_id, change.operation) == ("SalesReceipt", "150", "update")
    assert change.changed_at == datetime(2026, 3, 17, 16, 19, 17, 179851, tzinfo=UTC)
    assert len(change.event_id) <= 50


def test_a_legacy_notification_is_the_same() -> None:
    (change,) = delivered(legacy(entity())).changes
    assert (change.entity, change.qbo_id, change.operation) == ("Invoice", "145", "update")
    assert change.changed_at == datetime(2026, 11, 20, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("new", "old", "operation"),
    [
        ("created", "Create", "create"),
        ("updated", "Update", "update"),
        ("deleted", "Delete", "delete"),
        ("voided", "Void", "void"),
        ("merged", "Merge", "merge"),
        ("emailed", "Emailed", "email"),
    ],
)
def test_every_operation_has_one_name(new: str, old: str, operation: str) -> None:
    (change,) = delivered([event(type=f"qbo.invoice.{new}.v1")]).changes
    (before,) = delivered(legacy(entity(operation=old))).changes
    assert change.operation == before.operation == operation


def test_a_merge_names_both() -> None:
    (change,) = delivered([event(type="qbo.customer.merged.v1", data={"deletedid": "27"})]).changes
    assert (change.qbo_id, change.other_id) == ("150", "27")
    (change,) = delivered(legacy(entity(name="Customer", operation="Merge", deletedId="27"))).changes
    assert (change.qbo_id, change.other_id) == ("145", "27")


def test_the_same_delivery_has_the_same_ids_and_a_later_change_others() -> None:
    first, again, later = (
        delivered([event()]),
        delivered([event(), event()]),
        delivered([event(time="2026-03-17T17:00:00Z")]),
    )
    assert first.changes == again.changes
    assert first.changes[0].event_id != later.changes[0].event_id
    other = delivered([event(intuitaccountid="other")], "other")
    assert first.changes[0].event_id != other.changes[0].event_id


def test_what_is_not_ours_is_counted() -> None:
    found = delivered(
        [event(), event(intuitaccountid="77"), event(type="qbo.account.created.v1"), event(intuitentityid="")]
    )
    assert (len(found.changes), found.foreign, found.other) == (1, 1, 2)
    mixed = legacy(entity(), entity(name="Vendor"), entity(operation="Dance"), 7, entity(id=None))
    mixed["eventNotifications"] += [*legacy(entity(), realm_id="77")["eventNotifications"], "x", {}]
    found = delivered(mixed)
    assert (len(found.changes), found.foreign, found.other) == (1, 1, 6)


def test_an_unreadable_time_is_no_reason_to_ignore_it() -> None:
    (change,) = delivered([event(time="yesterday")]).changes
    assert change.changed_at is None


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"x"', b"{}", b'{"eventNotifications": 3}', b"\xff", b"[[]]"])
def test_a_body_of_no_shape_is_refused(body: bytes) -> None:
    with pytest.raises(QboBodyInvalid):
        delivered(body)


def test_an_empty_list_says_nothing() -> None:
    assert delivered([]) == QboDelivery(changes=())


@pytest.mark.parametrize("signature", ["", "  ", None])
def test_an_unsigned_body_is_refused(signature: str | None) -> None:
    with pytest.raises(QboSignatureMissing):
        verify(b"[]", signature, VERIFIER, REALM)


@pytest.mark.parametrize("signature", ["x", "é", signature_of(b"[]", "another"), signature_of(b"[ ]", VERIFIER)])
def test_a_wrong_signature_is_refused(signature: str) -> None:
    with pytest.raises(QboSignatureInvalid):
        verify(b"[]", signature, VERIFIER, REALM)


@pytest.mark.parametrize("verifier", [None, "", " "])
def test_without_a_verifier_nothing_is_believed(verifier: str | None) -> None:
    with pytest.raises(QboWebhooksOff) as caught:
        verify(b"[]", signature_of(b"[]", ""), verifier, REALM)
    assert isinstance(caught.value, WebhookRejected)
    assert caught.value.http_status == 503
    assert "WESCOPE_QBO_WEBHOOK_VERIFIER" in caught.value.remedy


def test_a_body_that_is_too_large_is_refused() -> None:
    with pytest.raises(BodyTooLarge):
        verify(b" " * (MAXIMUM_BODY_BYTES + 1), "x", VERIFIER, REALM)


@pytest.mark.skipif(not SHARED.exists(), reason="the reference data are not beside the checkout")
def test_intuits_own_vector() -> None:
    sample = json.loads((SHARED / "data/qbo/samples/webhook_legacy_with_signature_vector.json").read_text())
    body = sample["payload"].encode()
    found = verify(body, sample["intuit-signature"], sample["verifier_token"], "1269959970")
    assert [(change.entity, change.qbo_id, change.operation) for change in found.changes] == [
        ("Customer", "43", "create")
    ]
    assert found.other == 1


@pytest.mark.skipif(not SHARED.exists(), reason="the reference data are not beside the checkout")
def test_samples_of_cloud_events() -> None:
    sample = (SHARED / "data/qbo/samples/webhook_cloudevents.json").read_bytes()
    assert (delivered(sample, "310687").other, delivered(sample, "310687").foreign) == (2, 2)
