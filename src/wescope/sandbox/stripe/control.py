"""The control API under ``/_sandbox``: act as merchant and customer, deliver webhooks, order faults."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.delivery import Deliverer, parse_delivery
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.faults import Faults
from wescope.sandbox.stripe.journal import Journal
from wescope.sandbox.stripe.limits import Limits
from wescope.sandbox.stripe.summary import summarize

Handler: TypeAlias = Callable[[Request, dict[str, Any]], Awaitable[Any]]

# (path, command); an id in the path is the command's ``id``.
COMMAND_ROUTES = (
    ("/_sandbox/account", "set_account"),
    ("/_sandbox/advance", "advance"),
    ("/_sandbox/balance_rows", "create_balance_row"),
    ("/_sandbox/charges", "create_charge"),
    ("/_sandbox/charges/{id}/capture", "capture_charge"),
    ("/_sandbox/charges/{id}/fail_later", "fail_charge_later"),
    ("/_sandbox/coupons", "create_coupon"),
    ("/_sandbox/credit_notes", "create_credit_note"),
    ("/_sandbox/credit_notes/{id}", "update_credit_note"),
    ("/_sandbox/credit_notes/{id}/void", "void_credit_note"),
    ("/_sandbox/customers", "create_customer"),
    ("/_sandbox/customers/{id}", "update_customer"),
    ("/_sandbox/customers/{id}/balance", "adjust_balance"),
    ("/_sandbox/disputes", "create_dispute"),
    ("/_sandbox/disputes/{id}/close", "close_dispute"),
    ("/_sandbox/disputes/{id}/escalate", "escalate_dispute"),
    ("/_sandbox/disputes/{id}/lose", "lose_dispute"),
    ("/_sandbox/disputes/{id}/respond", "respond_dispute"),
    ("/_sandbox/disputes/{id}/win", "win_dispute"),
    ("/_sandbox/invoices", "create_invoice"),
    ("/_sandbox/invoices/{id}/finalize", "finalize_invoice"),
    ("/_sandbox/invoices/{id}/mark_uncollectible", "mark_uncollectible"),
    ("/_sandbox/invoices/{id}/pay", "pay_invoice"),
    ("/_sandbox/invoices/{id}/revise", "revise_invoice"),
    ("/_sandbox/invoices/{id}/void", "void_invoice"),
    ("/_sandbox/keys", "create_key"),
    ("/_sandbox/objects", "add_object"),
    ("/_sandbox/payments", "pay_shared"),
    ("/_sandbox/payouts", "create_payout"),
    ("/_sandbox/payouts/{id}/cancel", "cancel_payout"),
    ("/_sandbox/payouts/{id}/fail", "fail_payout"),
    ("/_sandbox/refunds", "create_refund"),
    ("/_sandbox/refunds/{id}/cancel", "cancel_refund"),
    ("/_sandbox/refunds/{id}/fail", "fail_refund"),
    ("/_sandbox/refunds/{id}/succeed", "succeed_refund"),
    ("/_sandbox/tax_rates", "create_tax_rate"),
    ("/_sandbox/topups", "create_topup"),
    ("/_sandbox/webhook_endpoints", "create_webhook_endpoint"),
)


class Control:
    """The control API of one stand-in."""

    def __init__(
        self, business: Business, journal: Journal, deliverer: Deliverer, faults: Faults, limits: Limits
    ) -> None:
        self._business = business
        self._journal = journal
        self._deliverer = deliverer
        self._faults = faults
        self._limits = limits

    def routes(self) -> list[Route]:
        """Return the routes; bodies and answers are JSON, refusals have Stripe's shape."""
        return [
            *(_route(path, "POST", self._command(command)) for path, command in COMMAND_ROUTES),
            _route("/_sandbox/deliver", "POST", self._deliver),
            _route("/_sandbox/deliveries", "GET", self._deliveries),
            _route("/_sandbox/events", "GET", self._events),
            _route("/_sandbox/faults", "DELETE", self._clear_faults),
            _route("/_sandbox/faults", "GET", self._list_faults),
            _route("/_sandbox/faults", "POST", self._add_fault),
            _route("/_sandbox/requests", "GET", self._requests),
            _route("/_sandbox/requests", "DELETE", self._forget_requests),
            _route("/_sandbox/summary", "GET", self._summary),
        ]

    def _command(self, command: str) -> Handler:
        async def perform(request: Request, values: dict[str, Any]) -> Any:
            answer = self._journal.perform(command, values | request.path_params)
            return self._business.account.renderer.render(answer) if "object" in answer else answer

        return perform

    async def _deliver(self, _: Request, values: dict[str, Any]) -> Any:
        return asdict(await self._deliverer.deliver(parse_delivery(values)))

    async def _deliveries(self, _: Request, __: dict[str, Any]) -> Any:
        return self._deliverer.progress()

    async def _events(self, _: Request, __: dict[str, Any]) -> Any:
        return [
            {"id": one.event_id, "type": one.kind, "created": one.created, "object": one.snapshot["id"]}
            for one in self._business.account.log.all()
        ]

    async def _summary(self, _: Request, __: dict[str, Any]) -> Any:
        return summarize(self._business.account.store)

    async def _requests(self, _: Request, __: dict[str, Any]) -> Any:
        return self._limits.as_json()

    async def _forget_requests(self, _: Request, __: dict[str, Any]) -> Any:
        self._limits.clear()
        return {}

    async def _add_fault(self, _: Request, values: dict[str, Any]) -> Any:
        return asdict(self._faults.add(**values))

    async def _list_faults(self, _: Request, __: dict[str, Any]) -> Any:
        return self._faults.listing()

    async def _clear_faults(self, _: Request, __: dict[str, Any]) -> Any:
        self._faults.clear()
        return []


def _route(path: str, method: str, handler: Handler) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            values = await _body(request)
            return JSONResponse(await handler(request, values))
        except StripeError as refusal:
            return JSONResponse(refusal.body(), status_code=refusal.status)

    return Route(path, endpoint, methods=[method])


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        values = json.loads(raw) if raw else {}
    except ValueError as error:
        raise StripeError("The body is no JSON.") from error
    if not isinstance(values, dict):
        raise StripeError("The body must be a JSON object.")
    return values
