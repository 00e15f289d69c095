"""POST /webhooks/qbo: 200 with counts if nothing is to be sent again, and every refusal with its code."""

import httpx2
import pytest

from tests.unit.web.fakes import FakeServices
from wescope.engine.qbo_webhooks import QboWebhookOutcome
from wescope.errors import DatabaseUnavailable, WescopeError
from wescope.qbo.webhooks import QboBodyInvalid, QboSignatureInvalid, QboSignatureMissing, QboWebhooksOff
from wescope.web.webhooks import MAX_BODY_BYTES

PATH = "/webhooks/qbo"


async def counted(client: httpx2.AsyncClient) -> str:
    return (await client.get("/metrics")).text


async def test_what_was_stored_is_counted(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.accepted_qbo = QboWebhookOutcome(stored=2, duplicates=1, ignored=0)
    answer = await client.post(PATH, content=b"[ ]", headers={"intuit-signature": "x="})
    assert answer.status_code == 200
    assert answer.json() == {"stored": 2, "duplicate": 1, "ignored": 0}
    assert services.asked == [(b"[ ]", "x=")]
    shown = await counted(client)
    assert 'wescope_webhooks_total{outcome="stored",type="qbo.changes"} 1.0' in shown
    assert 'outcome="ignored",type="qbo.changes"' not in shown


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (QboBodyInvalid(), 400),
        (QboSignatureMissing(), 400),
        (QboSignatureInvalid(), 400),
        (QboWebhooksOff(), 503),
        (DatabaseUnavailable(), 503),
    ],
)
async def test_a_refusal_has_its_code_and_remedy(
    client: httpx2.AsyncClient, services: FakeServices, error: WescopeError, status: int
) -> None:
    services.accepted_qbo = error
    answer = await client.post(PATH, content=b"{}")
    assert answer.status_code == status
    assert answer.json() == {"error": {"code": error.code, "message": str(error), "remedy": error.remedy}}
    assert f'wescope_webhooks_total{{outcome="{error.code}",type="qbo.changes"}} 1.0' in await counted(client)


async def test_what_nobody_foresaw_is_503(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.accepted_qbo = RuntimeError("jenny@example.com")
    answer = await client.post(PATH, content=b"{}")
    assert answer.status_code == 503
    assert "jenny" not in answer.text


async def test_a_body_over_the_limit_is_413_unread(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await client.post(PATH, content=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert not services.asked
