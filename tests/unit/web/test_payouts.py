"""Payouts over HTTP: the list, one with its rows, and one that nobody knows."""

import httpx2
import jsonschema

from tests.unit.web.fakes import FakeServices
from wescope.engine.json_schemas import schema_of
from wescope.engine.results import PayoutDetail, PayoutResult
from wescope.errors import ObjectNotFound


async def test_the_list_has_amounts_as_decimals(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/v1/payouts")
    jsonschema.validate(answer.json(), schema_of(tuple[PayoutResult, ...]))
    (payout,) = answer.json()
    assert (payout["amount"], payout["gross"], payout["fee"]) == ("96.21", "100.00", "3.79")
    assert (payout["state"], payout["deposits"]) == ("matched", ["Deposit/145"])


async def test_one_payout_has_its_rows(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await client.get("/api/v1/payouts/po_1")
    jsonschema.validate(answer.json(), schema_of(PayoutDetail))
    assert services.asked == ["po_1"]
    assert answer.json()["rows"][0]["document_key"] == "ch_1:payment"


async def test_an_unknown_payout_is_not_found(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.detail = ObjectNotFound(payout="po_2")
    answer = await client.get("/api/v1/payouts/po_2")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "object_not_found")
