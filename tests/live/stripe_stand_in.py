"""The SDK's writes for the local stand-in: its HTTP client, which says in the control API what Stripe's write API says.

The stand-in has no write API. So the bench has one way to write, and its calls are the same here and there.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import stripe

_NUMBER = re.compile(r"-?\d+")
_TRUTH = {"true": True, "True": True, "false": False, "False": False}
_CUSTOMER_NAMES = ("name", "metadata")
_NO_WRITE = 404


class StandInWrites(stripe.HTTPXClient):
    """Sends POST and DELETE to `/_sandbox`, in the words of the control API; reads pass as they are.

    Args:
        base_url: of the stand-in.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=30)
        self._control = httpx2.AsyncClient(base_url=base_url, timeout=30)
        self._items: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        """What was written: method, path, parameters in Stripe's own words."""

    async def close_async(self) -> None:
        """Close all connections."""
        await self._control.aclose()
        await super().close_async()  # type: ignore[no-untyped-call]  # the SDK has no annotation here

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request."""
        if method.upper() == "GET":
            return await super().request_async(method, url, headers, post_data)
        path, values = urlsplit(url).path, _nested(str(post_data or ""))
        self.asked.append((method.upper(), path, values))
        for pattern, answer in self._routes():
            if found := re.fullmatch(pattern, f"{method.upper()} {path}"):
                answered: tuple[bytes, int, Mapping[str, str]] = await answer(self, values, *found.groups())
                return answered
        body = {"error": {"type": "invalid_request_error", "message": "The stand-in cannot write this."}}
        return json.dumps(body).encode(), _NO_WRITE, {}

    def _routes(self) -> tuple[tuple[str, Callable[..., Any]], ...]:
        kind = type(self)
        return (
            ("POST /v1/customers", kind._customer),
            ("DELETE /v1/customers/(.+)", kind._delete_customer),
            ("POST /v1/customers/(.+)/balance_transactions", kind._move),
            ("POST /v1/invoiceitems", kind._item),
            ("POST /v1/invoices", kind._invoice),
            ("POST /v1/invoices/(.+)/(finalize|void|mark_uncollectible)", kind._change_invoice),
            ("POST /v1/invoices/(.+)/pay", kind._pay),
            ("POST /v1/refunds", kind._refund),
            ("POST /v1/credit_notes", kind._credit_note),
            ("POST /v1/payment_intents", kind._payment_intent),
        )

    async def _tell(self, path: str, **values: Any) -> tuple[bytes, int, Mapping[str, str]]:
        response = await self._control.post(f"/_sandbox{path}", json=values)
        return response.content, response.status_code, dict(response.headers)

    async def _customer(self, values: dict[str, Any]) -> Any:
        return await self._tell("/customers", **{name: values[name] for name in _CUSTOMER_NAMES if name in values})

    async def _delete_customer(self, _: dict[str, Any], customer: str) -> Any:
        # The stand-in keeps customers for ever: without its marker it is no longer found, as if it were gone.
        content, status, headers = await self._tell(f"/customers/{customer}", metadata={})
        gone = {"id": customer, "object": "customer", "deleted": True}
        return (json.dumps(gone).encode(), status, headers) if status == httpx2.codes.OK else (content, status, headers)

    async def _move(self, values: dict[str, Any], customer: str) -> Any:
        return await self._tell(f"/customers/{customer}/balance", amount=values["amount"])

    async def _item(self, values: dict[str, Any]) -> Any:
        names = ("amount", "description")
        line: dict[str, Any] = {name: values[name] for name in names if name in values}
        self._items.setdefault(values["customer"], []).append(line)
        return json.dumps({"id": "ii_pending", "object": "invoiceitem"}).encode(), httpx2.codes.OK, {}

    async def _invoice(self, values: dict[str, Any]) -> Any:
        customer = values["customer"]
        lines = self._items.pop(customer, [])
        wanted = {name: values[name] for name in ("currency", "metadata") if name in values}
        return await self._tell("/invoices", customer=customer, lines=lines, finalize=False, **wanted)

    async def _change_invoice(self, _: dict[str, Any], invoice: str, change: str) -> Any:
        return await self._tell(f"/invoices/{invoice}/{change}")

    async def _pay(self, values: dict[str, Any], invoice: str) -> Any:
        method = {"method": "out_of_band"} if values.get("paid_out_of_band") else {}
        return await self._tell(f"/invoices/{invoice}/pay", **method)

    async def _refund(self, values: dict[str, Any]) -> Any:
        return await self._tell("/refunds", **{name: values[name] for name in ("charge", "amount") if name in values})

    async def _payment_intent(self, values: dict[str, Any]) -> Any:
        wanted = {name: values[name] for name in ("customer", "amount", "currency", "metadata")}
        content, status, headers = await self._tell("/charges", **wanted)
        if status != httpx2.codes.OK:
            return content, status, headers
        charge = json.loads(content)
        intent = {"id": charge["payment_intent"], "object": "payment_intent", "latest_charge": charge["id"]}
        return json.dumps(intent).encode(), status, headers

    async def _credit_note(self, values: dict[str, Any]) -> Any:
        return await self._tell("/credit_notes", **{name: one for name, one in values.items() if name != "metadata"})


def _nested(form: str) -> dict[str, Any]:
    """A form as the SDK encodes it (`metadata[a]=b`) as nested values; whole numbers and truths as such."""
    values: dict[str, Any] = {}
    for name, text in parse_qsl(form, keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+", name)
        inner = values
        for part in (first, *rest)[:-1]:
            inner = inner.setdefault(part, {})
        inner[(first, *rest)[-1]] = text if first == "metadata" else _value(text)
    return values


def _value(text: str) -> Any:
    return int(text) if _NUMBER.fullmatch(text) else _TRUTH.get(text, text)
