"""The published shape of events is the one that is read: what is refused here is refused there."""

import json
from typing import Any

import jsonschema
import pytest

from tests.unit.stripe.payloads import event, thin_event
from tests.unit.stripe.shared_data import STRIPE_DATA, needs_shared
from wescope.errors import BodyInvalid
from wescope.stripe.event_schema import event_schema
from wescope.stripe.hints import hint_of

VALIDATOR = jsonschema.Draft202012Validator(event_schema())


def of_type(event_type: str, **subject: Any) -> dict[str, Any]:
    return event(type=event_type, data={"object": subject})


@pytest.mark.parametrize(
    "body",
    [
        *event_schema()["examples"],
        event(),
        event(account="acct_1", more={"than": "is read"}),
        of_type("charge.succeeded", id="ch_1", payment_intent="pi_1"),
        of_type("charge.succeeded", id="ch_1", payment_intent=None),
        of_type("charge.dispute.created", charge="ch_1"),
        of_type("invoice_payment.paid", invoice={"id": "in_1"}),
        of_type("product.created"),
        of_type("nobody.knows.it"),
        thin_event(),
        thin_event(type="v1.product.created", related_object=None),
        thin_event(context="org_1/acct_2"),
    ],
)
def test_what_is_read_fits(body: dict[str, Any]) -> None:
    assert hint_of(body).event_id
    VALIDATOR.validate(body)


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


@pytest.mark.parametrize(
    "body",
    [
        *(without(event(), name) for name in ("object", "id", "type", "created", "livemode", "data")),
        *(without(thin_event(), name) for name in ("object", "id", "type", "created", "livemode", "related_object")),
        of_type("invoice.paid"),
        of_type("invoice.paid", id="no id"),
        of_type("invoice_payment.paid", id="inpay_1"),
        of_type("charge.dispute.created"),
        event(id="no id"),
        event(type="No Type"),
        event(created="2026-11-23"),
        event(livemode=0),
        event(data=[]),
        thin_event(related_object={"id": "in_1", "type": "product"}),
        thin_event(related_object={"type": "invoice"}),
        thin_event(context=""),
        thin_event(context="a b"),
        {"object": "event"},
        [],
        "event",
    ],
)
def test_what_is_refused_does_not_fit(body: Any) -> None:
    with pytest.raises(BodyInvalid):
        hint_of(body)
    assert not VALIDATOR.is_valid(body)


@needs_shared
def test_recorded_events_fit() -> None:
    bodies = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((STRIPE_DATA / "events").rglob("*.json"))]
    events = [one for one in bodies if isinstance(one, dict) and one.get("object") in ("event", "v2.core.event")]
    assert events
    for one in events:
        hint_of(one)
        VALIDATOR.validate(one)
