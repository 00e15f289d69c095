"""The HTTP read API: routes, keys, versions, errors in Stripe's shape."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wescope.sandbox.stripe import errors, parameters
from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.listing import Reader
from wescope.sandbox.stripe.rendering import in_mode
from wescope.sandbox.stripe.store import Resource
from wescope.sandbox.stripe.versions import LATEST, is_version

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
Answer: TypeAlias = Callable[[Request, dict[str, Any], str], Resource]

# (path, object kind, permission of a restricted key)
COLLECTIONS: tuple[tuple[str, str, str], ...] = (
    ("balance_transactions", "balance_transaction", "rak_balance_transaction_source_read"),
    ("charges", "charge", "rak_charge_read"),
    ("coupons", "coupon", "rak_coupon_read"),
    ("credit_notes", "credit_note", "rak_credit_note_read"),
    ("customers", "customer", "rak_customer_read"),
    ("disputes", "dispute", "rak_dispute_read"),
    ("events", "event", "rak_event_read"),
    ("invoice_payments", "invoice_payment", "rak_invoice_read"),
    ("invoices", "invoice", "rak_invoice_read"),
    ("payment_intents", "payment_intent", "rak_payment_intent_read"),
    ("payouts", "payout", "rak_payout_read"),
    ("prices", "price", "rak_plan_read"),
    ("products", "product", "rak_product_read"),
    ("refunds", "refund", "rak_charge_read"),
    ("tax_rates", "tax_rate", "rak_tax_rate_read"),
    ("topups", "topup", "rak_topup_read"),
    ("webhook_endpoints", "webhook_endpoint", "rak_webhook_read"),
)


class Api:
    """Stripe's read API over one account.

    Args:
        account: Whose.
        reader: What answers.
    """

    def __init__(self, account: Account, reader: Reader) -> None:
        self._account = account
        self._reader = reader

    def routes(self) -> list[Route]:
        """Return every route of the read API; what is not there is refused by ``not_found``."""
        routes = []
        for path, kind, permission in COLLECTIONS:
            routes += [
                self._route(f"/v1/{path}", permission, self._list(kind, f"/v1/{path}")),
                self._route(f"/v1/{path}/{{id}}", permission, self._retrieve(kind)),
            ]
        return [
            self._route("/v1/credit_notes/{id}/lines", "rak_credit_note_read", self._lines("credit_note")),
            self._route("/v1/customers/{id}/balance_transactions", "rak_customer_read", self._balance_moves),
            self._route("/v1/customers/{id}/balance_transactions/{move}", "rak_customer_read", self._balance_move),
            self._route("/v1/invoices/{id}/lines", "rak_invoice_read", self._lines("invoice")),
            self._route("/v1/payment_records/{id}", "rak_payment_records_read", self._retrieve("payment_record")),
            self._route("/v1/account", None, self._singleton(self._account.resource)),
            self._route("/v1/accounts/{id}", None, self._account_by_id),
            self._route("/v1/balance", "rak_balance_read", self._singleton(self._account.balance)),
            self._route("/v2/core/events/{id}", "rak_event_read", self._thin_event),
            *routes,
        ]

    async def not_found(self, request: Request, _: Exception) -> Response:
        """Answer a path or method that the stand-in does not have as Stripe answers an unknown URL."""
        message = f"Unrecognized request URL ({request.method}: {request.url.path})."
        return self._refusal(StripeError(message, status=404), "")

    def _route(self, path: str, permission: str | None, answer: Answer) -> Route:
        async def endpoint(request: Request) -> Response:
            version = request.headers.get("stripe-version", LATEST)
            try:
                self._authorize(request, permission)
                _check_version(version)
                if "stripe_fault" in request.scope:
                    raise request.scope["stripe_fault"]
                body = answer(request, parameters.parse_query(request.url.query), version)
            except StripeError as refusal:
                return self._refusal(refusal, version)
            return Response(
                _json(in_mode(body, live=self._account.live)),
                media_type="application/json",
                headers=self._headers(version),
            )

        return Route(path, endpoint, methods=["GET"])

    def _authorize(self, request: Request, permission: str | None) -> None:
        key = _key(request)
        if not key:
            raise errors.no_key()
        if key == self._account.api_key:
            return
        granted = self._account.restricted_keys.get(key)
        if granted is None:
            raise errors.invalid_key(key)
        if permission is not None and permission not in granted:
            raise errors.missing_permission(key, permission, self._account.ids.account)

    def _headers(self, version: str) -> dict[str, str]:
        return {"Request-Id": f"req_{self._account.ids.text('request', length=14)}", "Stripe-Version": version}

    def _refusal(self, refusal: StripeError, version: str) -> Response:
        headers = self._headers(version or LATEST) | refusal.headers
        return Response(
            _json(refusal.body()), status_code=refusal.status, media_type="application/json", headers=headers
        )

    def _list(self, kind: str, url: str) -> Answer:
        return lambda _, values, version: self._reader.list_page(kind, url, values, version)

    def _retrieve(self, kind: str) -> Answer:
        return lambda request, values, version: self._reader.retrieve(kind, request.path_params["id"], values, version)

    def _lines(self, kind: str) -> Answer:
        return lambda request, values, version: self._reader.lines(kind, request.path_params["id"], values, version)

    def _balance_moves(self, request: Request, values: dict[str, Any], version: str) -> Resource:
        return self._reader.balance_moves(request.path_params["id"], values, version)

    def _balance_move(self, request: Request, values: dict[str, Any], version: str) -> Resource:
        return self._reader.balance_move(request.path_params["id"], request.path_params["move"], values, version)

    def _singleton(self, make: Callable[[], Resource]) -> Answer:
        def answer(_: Request, values: dict[str, Any], __: str) -> Resource:
            parameters.refuse_unknown(values, ("expand",))
            return make()

        return answer

    def _account_by_id(self, request: Request, values: dict[str, Any], _: str) -> Resource:
        parameters.refuse_unknown(values, ("expand",))
        if request.path_params["id"] != self._account.ids.account:
            raise errors.no_such("account", request.path_params["id"], param="account")
        return self._account.resource()

    def _thin_event(self, request: Request, _: dict[str, Any], __: str) -> Resource:
        return self._reader.thin_event(request.path_params["id"])


def _json(body: Resource) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=2).encode()


def _check_version(version: str) -> None:
    if not is_version(version):
        raise StripeError(f"Invalid Stripe API version: {version}")


def _key(request: Request) -> str:
    """Return the key of ``Authorization: Bearer KEY``, or the user name of Basic authorization."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
