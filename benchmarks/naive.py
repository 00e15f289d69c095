"""The naive client that the backfill is compared with: one call to QBO after the other, each fact asked for again."""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2

CUSTOMERS: Final = 10
PRICE: Final = 12.34


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a sample came to."""

    documents: int
    calls: int
    seconds: float


class NaiveClient:
    """Writes invoices with payments to QBO as a script of an afternoon does: look, write, look, write."""

    def __init__(self, http: httpx2.AsyncClient, qbo: Mapping[str, Any]) -> None:
        """Take what QBO's stand-in has announced."""
        self._http, self._qbo, self._token = http, qbo, ""
        self._calls = 0

    async def sample(self, invoices: int) -> Pace:
        """Write so many invoices with their payments and customers."""
        await self._authorise()
        item, account = [await self._id_of(entity) for entity in ("Item", "Account")]
        self._calls, documents, began = 0, 0, time.monotonic()
        for number in range(invoices):
            documents += await self._invoice_with_payment(number, item, account)
        return Pace(documents=documents, calls=self._calls, seconds=time.monotonic() - began)

    async def _invoice_with_payment(self, number: int, item: str, account: str) -> int:
        """Returns how many documents were written."""
        name = f"Naive {number % CUSTOMERS}"
        found = await self._find("Customer", "DisplayName", name)
        known = found.get("Customer", ())
        customer = known[0] if known else await self._create("Customer", {"DisplayName": name})
        await self._find("Invoice", "DocNumber", f"NAIVE-{number}")
        buyer = {"CustomerRef": {"value": customer["Id"]}}
        detail = {"ItemRef": {"value": item}, "Qty": 1, "UnitPrice": PRICE}
        line = {"Amount": PRICE, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}
        invoice = await self._create("Invoice", buyer | {"DocNumber": f"NAIVE-{number}", "Line": [line]})
        paid = {"Amount": PRICE, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
        into = {"DepositToAccountRef": {"value": account}}
        await self._create("Payment", buyer | into | {"TotalAmt": PRICE, "Line": [paid]})
        return 2 + (not known)

    async def _authorise(self) -> None:
        secret = base64.b64encode(f"{self._qbo['client_id']}:{self._qbo['client_secret']}".encode()).decode()
        form = {"grant_type": "refresh_token", "refresh_token": self._qbo["refresh_token"]}
        headers = {"Authorization": f"Basic {secret}", "Accept": "application/json"}
        answer = await self._http.post(f"{self._qbo['url']}/oauth2/v1/tokens/bearer", data=form, headers=headers)
        self._token = answer.raise_for_status().json()["access_token"]

    async def _id_of(self, entity: str) -> str:
        names = {"Item": "Stripe Sales", "Account": "Stripe Clearing"}
        return str((await self._find(entity, "Name", names[entity]))[entity][0]["Id"])

    async def _find(self, entity: str, field: str, value: str) -> Mapping[str, Any]:
        """`value` is one of our own, without a quote in it."""
        query = f"SELECT * FROM {entity} WHERE {field} = '{value}'"  # noqa: S608 - see above
        found: Mapping[str, Any] = (await self._call("GET", "query", query=query))["QueryResponse"]
        return found

    async def _create(self, entity: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        made: Mapping[str, Any] = (await self._call("POST", entity.lower(), content))[entity]
        return made

    async def _call(
        self, method: str, path: str, content: Mapping[str, Any] | None = None, **query: str
    ) -> Mapping[str, Any]:
        self._calls += 1
        answer = await self._http.request(
            method,
            f"{self._qbo['url']}/v3/company/{self._qbo['realm_id']}/{path}",
            params={"minorversion": "75"} | query,
            headers={"Authorization": f"Bearer {self._token}", "Accept": "application/json"},
            json=content,
        )
        found: Mapping[str, Any] = answer.raise_for_status().json()
        return found
