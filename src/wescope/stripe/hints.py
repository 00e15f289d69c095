"""Events as hints: of a payload only ids, type and time are kept, whatever its API version and style."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wescope.books.subjects import Subject, SubjectKind
from wescope.errors import BodyInvalid
from wescope.stripe.events import EVENTS, Handled
from wescope.stripe.identity import is_id

EVENT_TYPE = re.compile(r"[a-z0-9_.]{1,255}")
THIN_PREFIX = "v1."

RELATED_KINDS: Mapping[str, SubjectKind] = {
    "invoice": SubjectKind.INVOICE,
    "invoice_payment": SubjectKind.INVOICE_PAYMENT,
    "charge": SubjectKind.CHARGE,
    "payment_intent": SubjectKind.PAYMENT_INTENT,
    "customer": SubjectKind.CUSTOMER,
    "refund": SubjectKind.REFUND,
    "credit_note": SubjectKind.CREDIT_NOTE,
    "dispute": SubjectKind.DISPUTE,
    "payout": SubjectKind.PAYOUT,
    "topup": SubjectKind.TOPUP,
    "transfer": SubjectKind.TRANSFER,
    "application_fee": SubjectKind.APPLICATION_FEE,
}
"""What the related object of a thin notification of a handled type may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHint:
    """What an event says to do: look at `subject` again.

    `subject` is null when there is nothing to do: a type that changes no document, or an unknown one (`known` tells
    them apart). `event_type` is without the `v1.` of thin notifications. `customer_id` is the Stripe customer if
    the payload names it, `account` the Connect account that the event belongs to. `created` is in UTC.
    """

    event_id: str
    event_type: str
    created: datetime
    subject: Subject | None
    customer_id: str | None
    livemode: bool
    account: str | None
    thin: bool
    known: bool


def hint_of(event: Any) -> EventHint:
    """The hint of an event: a snapshot event of any API version, or a thin event notification.

    The payload is hostile until proven otherwise: ids and types that have not the form of one are refused.

    Raises:
        BodyInvalid: it is no event, or a field that is needed is absent or malformed; the field is named.
    """
    if not isinstance(event, Mapping):
        raise BodyInvalid(field="")
    match event.get("object"):
        case "event":
            return _snapshot(event)
        case "v2.core.event":
            return _thin(event)
        case _:
            raise BodyInvalid(field="object")


def _snapshot(event: Mapping[str, Any]) -> EventHint:
    event_type = _event_type(event)
    meaning = EVENTS.get(event_type)
    data = _mapping(event, "data")
    subject_object = _mapping(data, "object")
    subject = None
    if isinstance(meaning, Handled) and (meaning.matters is None or meaning.matters(data)):
        subject = _subject(meaning, subject_object)
    return EventHint(
        event_id=_reference(event, "id"),
        event_type=event_type,
        created=_unix_time(event),
        subject=subject,
        customer_id=_customer(subject_object),
        livemode=_livemode(event),
        account=_optional_reference(event, "account"),
        thin=False,
        known=meaning is not None,
    )


def _subject(meaning: Handled, subject_object: Mapping[str, Any]) -> Subject:
    for field, kind in meaning.rather:
        if (identifier := _first_reference(subject_object, field)) is not None:
            return Subject(kind=kind, id=identifier)
    return Subject(kind=meaning.kind, id=_reference(subject_object, meaning.id_field))


def _thin(event: Mapping[str, Any]) -> EventHint:
    event_type = _event_type(event).removeprefix(THIN_PREFIX)
    meaning = EVENTS.get(event_type)
    subject = _related(_mapping(event, "related_object")) if isinstance(meaning, Handled) else None
    return EventHint(
        event_id=_reference(event, "id"),
        event_type=event_type,
        created=_iso_time(event),
        subject=subject,
        customer_id=None,
        livemode=_livemode(event),
        account=_context_account(event),
        thin=True,
        known=meaning is not None,
    )


def _related(related: Mapping[str, Any]) -> Subject:
    kind = RELATED_KINDS.get(str(related.get("type")))
    if kind is None:
        raise BodyInvalid(field="related_object.type")
    return Subject(kind=kind, id=_reference(related, "id"))


def _event_type(event: Mapping[str, Any]) -> str:
    value = event.get("type")
    if not isinstance(value, str) or not EVENT_TYPE.fullmatch(value):
        raise BodyInvalid(field="type")
    return value


def _mapping(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    if not isinstance(value, Mapping):
        raise BodyInvalid(field=name)
    return value


def _reference(parent: Mapping[str, Any], name: str) -> str:
    value = _optional_reference(parent, name)
    if value is None:
        raise BodyInvalid(field=name)
    return value


def _optional_reference(parent: Mapping[str, Any], name: str) -> str | None:
    """An id, or the id of an expanded object; null when absent."""
    value = parent.get(name)
    if isinstance(value, Mapping):
        value = value.get("id")
    if value is None:
        return None
    if not isinstance(value, str) or not is_id(value):
        raise BodyInvalid(field=name)
    return value


def _first_reference(parent: Mapping[str, Any], name: str) -> str | None:
    """As `_optional_reference`; of a list object the id of its first entry."""
    value = parent.get(name)
    if not isinstance(value, Mapping) or "data" not in value:
        return _optional_reference(parent, name)
    rows = value["data"]
    return _optional_reference({name: rows[0]}, name) if isinstance(rows, list) and rows else None


def _customer(subject_object: Mapping[str, Any]) -> str | None:
    name = "id" if subject_object.get("object") == "customer" else "customer"
    return _optional_reference(subject_object, name)


def _context_account(event: Mapping[str, Any]) -> str | None:
    """The account of a thin notification's context, which may be a path (`org_.../acct_...`)."""
    context = event.get("context")
    if context is None:
        return None
    parts = context.split("/") if isinstance(context, str) else [""]
    if not all(is_id(part) for part in parts):
        raise BodyInvalid(field="context")
    return str(parts[-1])


def _livemode(event: Mapping[str, Any]) -> bool:
    value = event.get("livemode")
    if not isinstance(value, bool):
        raise BodyInvalid(field="livemode")
    return value


def _unix_time(event: Mapping[str, Any]) -> datetime:
    value = event.get("created")
    if type(value) is not int:
        raise BodyInvalid(field="created")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        raise BodyInvalid(field="created") from None


def _iso_time(event: Mapping[str, Any]) -> datetime:
    value = event.get("created")
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is None or moment.tzinfo is None:
            raise BodyInvalid(field="created")
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise BodyInvalid(field="created") from None
