"""A tester's HTTP client for a running sandbox: authorised, thin, without any of the product's care."""

from collections.abc import Mapping
from typing import Any, Self

import httpx2

from wescope.sandbox.qbo.server import Running
from wescope.sandbox.qbo.wire import Json, dumps, loads

TIMEOUT_S = 10.0
JSON_TYPE = "application/json"


class SandboxClient:
    """Sends requests to one sandbox; answers come back as (status, body) with decimals exact."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.http = httpx2.AsyncClient(base_url=running.url, timeout=TIMEOUT_S)
        self.headers = {"Authorization": f"Bearer {running.tokens.access_token()}", "Accept": JSON_TYPE}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self.http.aclose()

    async def get(self, path: str, **query: str) -> tuple[int, Json]:
        """Reads below the company.

        Args:
            path: for instance invoice/12.
            query: query parameters.

        Returns:
            HTTP status and body.
        """
        response = await self.http.get(f"{self.running.base}/{path}", params=query, headers=self.headers)
        return response.status_code, loads(response.content)

    async def post(self, path: str, body: Any, **query: str) -> tuple[int, Json]:
        """Writes below the company; arguments and result as `get`."""
        response = await self.raw_post(path, dumps(body).encode(), query, content_type=JSON_TYPE)
        return response.status_code, loads(response.content)

    async def raw_post(
        self, path: str, content: bytes, query: Mapping[str, str] | None = None, *, content_type: str
    ) -> httpx2.Response:
        """Writes bytes below the company and returns the response as it came."""
        headers = {**self.headers, "Content-Type": content_type}
        url = f"{self.running.base}/{path}"
        return await self.http.post(url, content=content, params=dict(query or {}), headers=headers)

    async def query(self, text: str) -> tuple[int, Json]:
        """Asks a query by GET; result as `get`."""
        return await self.get("query", query=text)

    async def make(self, entity: str, body: Json, **query: str) -> Json:
        """Creates or updates an object that must succeed.

        Args:
            entity: Intuit's name.
            body: the request body.
            query: query parameters.

        Returns:
            The object as answered.

        Raises:
            AssertionError: it was refused.
        """
        status, answer = await self.post(entity.lower(), body, **query)
        if "Fault" in answer or entity not in answer:
            raise AssertionError(f"{status} {answer}")
        made: Json = answer[entity]
        return made

    async def control(self, path: str, body: Json | None = None) -> Json:
        """Reads (no body) or posts to the control interface and returns its answer."""
        url = f"/_sandbox/{path}"
        response = await (self.http.get(url) if body is None else self.http.post(url, content=dumps(body).encode()))
        answer: Json = loads(response.content)
        return answer


def item_line(hundredths_text: str, item_id: str = "1", **detail: Any) -> Json:
    """Writes a sales line for tests.

    Args:
        hundredths_text: the amount as text, for instance "100.00".
        item_id: the item.
        detail: further properties of the SalesItemLineDetail.

    Returns:
        The line.
    """
    inner = {"ItemRef": {"value": item_id}, **detail}
    number = loads(hundredths_text)
    return {"Amount": number, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": inner}


def invoice(customer_id: str = "1", amount: str = "100.00", **fields: Any) -> Json:
    """Writes a one-line invoice for tests: customer, amount in major units as text, further fields."""
    return {"CustomerRef": {"value": customer_id}, "Line": [item_line(amount)], **fields}


def payment(invoice_id: str, amount: str, customer_id: str = "1", total: str = "", **fields: Any) -> Json:
    """Writes a payment of one invoice for tests; `total` if it is more than what is applied."""
    link = {"TxnId": invoice_id, "TxnType": "Invoice"}
    return {
        "CustomerRef": {"value": customer_id},
        "TotalAmt": loads(total or amount),
        "Line": [{"Amount": loads(amount), "LinkedTxn": [link]}],
        **fields,
    }
