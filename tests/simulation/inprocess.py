"""Both services in this process and without HTTP: the product's own readers and writers on the stand-ins' own objects.

What crosses the border is JSON all the same, so that nothing passes that could not go over a wire.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import httpx2

from wescope.errors import ObjectNotFound
from wescope.errors import StripeError as ReadError
from wescope.qbo import answers
from wescope.qbo.answers import Answer
from wescope.qbo.calls import Call
from wescope.qbo.client import QboClient
from wescope.qbo.records import BatchIdentity
from wescope.sandbox.qbo import Knobs, operations
from wescope.sandbox.qbo.company import Company as SandboxCompany
from wescope.sandbox.qbo.entity import Request
from wescope.sandbox.qbo.faults import QboFault
from wescope.sandbox.qbo.operations import Incoming
from wescope.sandbox.qbo.wire import dumps
from wescope.sandbox.stripe.api import COLLECTIONS
from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.deliverylog import DeliveryLog
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.listing import Reader
from wescope.sandbox.stripe.versions import LATEST
from wescope.stripe.client import StripeApi

NOT_FOUND = 404
CURRENCIES = ("EUR", "GBP", "JPY")
_KINDS = {path: kind for path, kind, _ in COLLECTIONS} | {"payment_records": "payment_record"}
_ONE = re.compile(r"/v1/(\w+)/([^/]+)")
_LINES = re.compile(r"/v1/(invoice|credit_note)s/([^/]+)/lines")
_MOVES = re.compile(r"/v1/customers/([^/]+)/balance_transactions")


class InProcessStripe(StripeApi):
    """`StripeApi` that asks the stand-in's reader instead of a server."""

    def __init__(self, business: Business) -> None:
        """Take the business; the connections of the real one are never opened."""
        self.livemode = False
        self._account = business.account
        self._reader = Reader(business, DeliveryLog())

    async def close(self) -> None:
        """There is nothing to close."""

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Answer as the stand-in's API does; see `StripeApi.get`."""
        values = {name: _as_sent(value) for name, value in parameters.items()}
        try:
            body = self._answer(path, values)
        except StripeError as refusal:
            if refusal.status == NOT_FOUND:
                raise ObjectNotFound("", path=path) from None
            raise ReadError("", path=path, status=refusal.status) from refusal
        parsed: dict[str, Any] = json.loads(json.dumps(body), parse_float=Decimal)
        return parsed

    def _answer(self, path: str, values: dict[str, Any]) -> dict[str, Any]:
        if path == "/v1/account":
            return self._account.resource()
        if found := _LINES.fullmatch(path):
            return self._reader.lines(found[1], found[2], values, LATEST)
        if found := _MOVES.fullmatch(path):
            return self._reader.balance_moves(found[1], values, LATEST)
        if found := _ONE.fullmatch(path):
            return self._reader.retrieve(_KINDS[found[1]], found[2], values, LATEST)
        return self._reader.list_page(_KINDS[path.removeprefix("/v1/")], path, values, LATEST)


def _as_sent(value: Any) -> Any:
    """A parameter as the stand-in reads it from an address: texts in lists and mappings."""
    if isinstance(value, dict):
        return {name: _as_sent(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_sent(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


class _AtOnce:
    """A batcher that sends every call by itself."""

    def __init__(self, client: "InProcessQbo") -> None:
        self._client = client

    async def call(self, call: Call) -> Answer:
        return await self._client._directly(call)


class InProcessQbo(QboClient):
    """`QboClient` whose requests are executed by the stand-in's company at once. Counts the writes that were done."""

    def __init__(self, company: SandboxCompany) -> None:
        """Take the company; connections, tokens and limits of the real client are never opened."""
        self._realm_id = company.realm_id
        self._reads = None
        self._batcher = _AtOnce(self)  # type: ignore[assignment]  # nothing is batched
        self.company = company
        self.writes = 0

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def _directly(self, call: Call, batch: BatchIdentity | None = None) -> Answer:
        incoming = Incoming(
            method=call.method,
            realm_id=self._realm_id,
            path=unquote(call.path),
            query={**call.parameters, "minorversion": "75"},
            content_type=call.content_type if call.body is not None else "",
            body=(call.body or "").encode(),
        )
        try:
            operation = operations.read(incoming)
            outcome = self.company.execute(operation, Request(include=operation.include))
            status, body = outcome.status, outcome.body
        except QboFault as problem:
            status, body = problem.status, {"Fault": problem.as_json()}
        self.writes += call.write and status == httpx2.codes.OK
        response = httpx2.Response(status, content=dumps(body).encode())
        return answers.of_response(response, write=call.write, expect=call.expect)


def open_company(now: Callable[[], int], *, multicurrency: bool) -> SandboxCompany:
    """A QBO company with all that the default policy needs, also accounts per currency.

    Args:
        now: the clock, in Unix seconds.
        multicurrency: whether it takes foreign currencies.
    """
    knobs = Knobs(enforce_limits=False, multicurrency=multicurrency)
    company = SandboxCompany(knobs=knobs, clock=lambda: datetime.fromtimestamp(now(), UTC))
    for currency in CURRENCIES if multicurrency else ():
        _open_account(company, f"Stripe Out of Band {currency}", "Other Current Asset", "OtherCurrentAssets", currency)
        _open_account(company, f"Accounts Receivable {currency}", "Accounts Receivable", "AccountsReceivable", currency)
    return company


def _open_account(company: SandboxCompany, name: str, kind: str, subtype: str, currency: str) -> None:
    body = {"Name": name, "AccountType": kind, "AccountSubType": subtype, "CurrencyRef": {"value": currency}}
    outcome = company.human("Account", "create", body)
    assert outcome.status == httpx2.codes.OK, outcome.body
