"""QBO's webhooks: the signature over the raw body, and which objects of the company it says were changed. Pure.

Both shapes are read: the array of CloudEvents, and the older `eventNotifications` (facts/qbo.md 3.2). They say that an
object was changed, not how or by whom, and may come twice, late or never: they are hints.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wescope.books.parking import Owner
from wescope.errors import BodyInvalid, BodyTooLarge, Retry, SignatureInvalid, SignatureMissing, WebhookRejected

MAXIMUM_BODY_BYTES = 1024 * 1024

ENTITIES = (
    "Customer",
    "Invoice",
    "Payment",
    "CreditMemo",
    "RefundReceipt",
    "SalesReceipt",
    "JournalEntry",
    "Deposit",
    "Transfer",
)
"""What is of interest: documents of ours, what looks like them, and customers. CloudEvents write it in lower case."""

OPERATIONS: Mapping[str, str] = {
    "create": "create",
    "created": "create",
    "update": "update",
    "updated": "update",
    "delete": "delete",
    "deleted": "delete",
    "merge": "merge",
    "merged": "merge",
    "void": "void",
    "voided": "void",
    "emailed": "email",
}
"""Both spellings, in lower case."""

_BY_LOWER = {entity.lower(): entity for entity in ENTITIES}
_ID = re.compile(r"[0-9A-Za-z._:-]{1,64}")
_TYPE = re.compile(r"qbo\.([a-z]+)\.([a-z]+)(?:\.v[0-9]+)?", re.IGNORECASE)


class QboWebhooksOff(WebhookRejected):
    """No verifier token is configured, so nobody can tell whether Intuit sent it."""

    code = "qbo_webhooks_off"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = (
        "Put the verifier token of the app (developer.intuit.com, Webhooks) into WESCOPE_QBO_WEBHOOK_VERIFIER; "
        "or take this address out there."
    )
    http_status = 503


class QboSignatureMissing(SignatureMissing):
    """The header intuit-signature is missing."""

    code = "qbo_signature_missing"
    remedy = "Check who calls this address; Intuit signs every delivery."


class QboSignatureInvalid(SignatureInvalid):
    """The signature was not made with the configured verifier token."""

    code = "qbo_signature_invalid"
    remedy = "Put the verifier token of the app (developer.intuit.com, Webhooks) into WESCOPE_QBO_WEBHOOK_VERIFIER."


class QboBodyInvalid(BodyInvalid):
    """The body has neither of the two shapes of Intuit's webhooks."""

    code = "qbo_body_invalid"
    remedy = "Check that the address is entered at Intuit as a webhook, and that no proxy changes the body."


@dataclass(frozen=True, slots=True, kw_only=True)
class QboChange:
    """An object of QBO that was changed: `operation` is one of the values of `OPERATIONS`.

    `event_id` is the same for a delivery that is repeated, and for nothing else. `other_id` is the object that a merge
    has swallowed. `changed_at` is Intuit's time, with a zone; null if it is unreadable.
    """

    entity: str
    qbo_id: str
    operation: str
    event_id: str
    changed_at: datetime | None = None
    other_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QboDelivery:
    """One delivery: the changes of our company that are of interest, and how many others were ignored.

    `foreign` were of other companies, `other` of entities without documents of ours, or unreadable.
    """

    changes: tuple[QboChange, ...]
    foreign: int = 0
    other: int = 0


def signature_of(body: bytes, verifier: str) -> str:
    """What Intuit writes into the header `intuit-signature`: base64 of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.digest(verifier.encode(), body, "sha256")).decode()


def verify(body: bytes, signature: str | None, verifier: str | None, realm_id: str) -> QboDelivery:
    """Prove that a delivery comes from Intuit, and reduce it to what was changed in our company.

    Args:
        body: the raw body, exactly as received.
        signature: the value of `intuit-signature`.
        verifier: the app's verifier token; null if none is configured.
        realm_id: our company; one delivery may mix several.

    Raises:
        QboWebhooksOff: no verifier is configured.
        BodyTooLarge: the body is over 1 MiB.
        QboSignatureMissing: there is no header.
        QboSignatureInvalid: the verifier has not made it.
        QboBodyInvalid: rightly signed, but in neither shape.
    """
    if not verifier or not verifier.strip():
        raise QboWebhooksOff
    if len(body) > MAXIMUM_BODY_BYTES:
        raise BodyTooLarge(bytes=len(body))
    if not signature or not signature.strip():
        raise QboSignatureMissing
    expected = signature_of(body, verifier.strip()).encode()
    if not hmac.compare_digest(expected, signature.strip().encode("utf-8", "replace")):
        raise QboSignatureInvalid
    return _reduced(_told(_json(body)), realm_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One change as it was told, in whichever shape."""

    realm_id: str
    entity: str
    qbo_id: str
    operation: str
    moment: str
    source_id: str = ""
    other_id: str = ""


def _reduced(told: Iterable[_Told | None], realm_id: str) -> QboDelivery:
    changes: dict[str, QboChange] = {}
    foreign = other = 0
    for one in told:
        if one is not None and one.realm_id != realm_id:
            foreign += 1
            continue
        change = _change(one) if one is not None else None
        if change is None:
            other += 1
        else:
            changes[change.event_id] = change
    return QboDelivery(changes=tuple(changes.values()), foreign=foreign, other=other)


def _change(told: _Told) -> QboChange | None:
    entity, operation = _BY_LOWER.get(told.entity.lower()), OPERATIONS.get(told.operation.lower())
    if entity is None or operation is None or not _ID.fullmatch(told.qbo_id):
        return None
    parts = (told.source_id, told.realm_id, entity, told.qbo_id, operation, told.moment)
    return QboChange(
        entity=entity,
        qbo_id=told.qbo_id,
        operation=operation,
        # Intuit's own id alone might stand for an object and not for one change of it.
        event_id="qbo_" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:40],
        changed_at=_moment(told.moment),
        other_id=told.other_id if _ID.fullmatch(told.other_id) else None,
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise QboBodyInvalid from None


def _told(body: Any) -> Iterator[_Told | None]:
    """Everything that a body tells, one by one; null for what is unreadable.

    Raises:
        QboBodyInvalid: it has neither shape.
    """
    if isinstance(body, Mapping) and isinstance(body.get("eventNotifications"), list):
        return _notified(body["eventNotifications"])
    if isinstance(body, Mapping) and "specversion" in body:
        return map(_cloud_event, [body])
    if isinstance(body, list) and all(isinstance(one, Mapping) and "type" in one for one in body):
        return map(_cloud_event, body)
    raise QboBodyInvalid


def _cloud_event(event: Mapping[str, Any]) -> _Told | None:
    kind = _TYPE.fullmatch(_text(event, "type"))
    if kind is None:
        return None
    data = event.get("data")
    return _Told(
        realm_id=_text(event, "intuitaccountid"),
        entity=kind[1],
        qbo_id=_text(event, "intuitentityid"),
        operation=kind[2],
        moment=_text(event, "time"),
        source_id=_text(event, "id"),
        other_id=_text(data, "deletedid") if isinstance(data, Mapping) else "",
    )


def _notified(notifications: Iterable[Any]) -> Iterator[_Told | None]:
    for notification in notifications:
        changed = notification.get("dataChangeEvent") if isinstance(notification, Mapping) else None
        entities = changed.get("entities") if isinstance(changed, Mapping) else None
        if not isinstance(entities, list):
            yield None
            continue
        for entity in entities:
            yield _legacy(_text(notification, "realmId"), entity) if isinstance(entity, Mapping) else None


def _legacy(realm_id: str, entity: Mapping[str, Any]) -> _Told:
    return _Told(
        realm_id=realm_id,
        entity=_text(entity, "name"),
        qbo_id=_text(entity, "id"),
        operation=_text(entity, "operation"),
        moment=_text(entity, "lastUpdated"),
        other_id=_text(entity, "deletedId"),
    )


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return str(value) if isinstance(value, str | int) else ""


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
