"""The published shape of QBO's webhooks is the one that is read."""

import json
from typing import Any

import jsonschema
import pytest

from tests.unit.qbo.test_webhooks import delivered, entity, event, legacy
from wescope.qbo.webhook_schema import webhook_schema
from wescope.qbo.webhooks import QboBodyInvalid

VALIDATOR = jsonschema.Draft202012Validator(webhook_schema())


@pytest.mark.parametrize(
    "body",
    [
        *webhook_schema()["examples"],
        [event()],
        event(),
        [],
        [event(type=3), event(data={"deletedid": "7"})],
        legacy(entity()),
        legacy(entity(id=145), realm_id="1"),
        legacy(entity(deletedId="9")),
        {"eventNotifications": []},
    ],
)
def test_what_is_read_fits(body: Any) -> None:
    delivered(body)
    VALIDATOR.validate(body)


@pytest.mark.parametrize("body", [{}, [1], "x", None, [{}], {"eventNotifications": {}}, {"type": "qbo.invoice.x"}])
def test_what_is_refused_does_not_fit(body: Any) -> None:
    with pytest.raises(QboBodyInvalid):
        delivered(json.loads(json.dumps(body)))
    assert not VALIDATOR.is_valid(body)
