"""The tester's side, under /_sandbox/: knobs, faults, ledger, request log, human edits, closing, reset."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wescope.sandbox.qbo.accounts import natural_balance
from wescope.sandbox.qbo.company import Company
from wescope.sandbox.qbo.gateway import Gateway
from wescope.sandbox.qbo.wire import Json, amount, dumps, loads

BAD_REQUEST = 400


class Control:
    """Handlers of the control interface; the product never calls them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @property
    def _company(self) -> Company:
        return self._gateway.company

    def routes(self) -> list[Route]:
        """Returns the routes below the root."""
        table: tuple[tuple[str, str, Callable[[Request], Awaitable[Any]]], ...] = (
            ("knobs", "GET", self._knobs),
            ("knobs", "POST", self._turn),
            ("faults", "GET", self._faults),
            ("faults", "POST", self._arm),
            ("faults", "DELETE", self._disarm),
            ("ledger", "GET", self._ledger),
            ("requests", "GET", self._requests),
            ("requests", "DELETE", self._forget_requests),
            ("objects/{entity}", "GET", self._objects),
            ("human", "POST", self._human),
            ("close_books", "POST", self._close_books),
            ("tokens/expire", "POST", self._expire_tokens),
            ("tokens/revoke", "POST", self._revoke_tokens),
            ("connection", "GET", self._connection),
            ("reset", "POST", self._reset),
        )
        return [Route(f"/_sandbox/{path}", _answering(handler), methods=[verb]) for path, verb, handler in table]

    async def _knobs(self, _request: Request) -> Json:
        return self._company.knobs.as_json()

    async def _turn(self, request: Request) -> Json:
        return self._company.turn(**await _body(request)).as_json()

    async def _faults(self, _request: Request) -> Json:
        return {"faults": self._gateway.injector.as_json()}

    async def _arm(self, request: Request) -> Json:
        settings = await _body(request)
        self._gateway.injector.arm(str(settings.pop("kind", "")), **settings)
        return {"faults": self._gateway.injector.as_json()}

    async def _disarm(self, _request: Request) -> Json:
        self._gateway.injector.clear()
        return {"faults": []}

    async def _ledger(self, _request: Request) -> Json:
        return ledger(self._company)

    async def _requests(self, request: Request) -> Json:
        limits = self._gateway.limits
        counts = self._gateway.log.as_json(last=int(request.query_params.get("last", "1000")))
        return {
            **counts,
            "violations": sum(limits.violations.values()),
            "violations_by_limit": dict(limits.violations),
            "max_in_flight": limits.most_in_flight,
            "metered_reads": limits.reads,
            "token_refreshes": self._gateway.tokens.refreshes,
        }

    async def _forget_requests(self, _request: Request) -> Json:
        self._gateway.log.clear()
        self._gateway.limits.clear()
        return {}

    async def _objects(self, request: Request) -> Json:
        entity = request.path_params["entity"]
        return {entity: self._company.objects(entity)}

    async def _human(self, request: Request) -> Json:
        wanted = await _body(request)
        outcome = self._company.human(wanted["entity"], wanted["operation"], wanted["body"])
        return {"status": outcome.status, **outcome.body}

    async def _close_books(self, request: Request) -> Json:
        return self._company.turn(book_close_date=(await _body(request)).get("date") or "").as_json()

    async def _expire_tokens(self, _request: Request) -> Json:
        self._gateway.tokens.expire_access_tokens()
        return {}

    async def _revoke_tokens(self, _request: Request) -> Json:
        self._gateway.tokens.revoke_all()
        return {"refresh_token": self._gateway.tokens.refresh_token}

    async def _connection(self, _request: Request) -> Json:
        tokens = self._gateway.tokens
        return {
            "realm_id": self._company.realm_id,
            "client_id": tokens.client_id,
            "client_secret": tokens.client_secret,
            "refresh_token": tokens.refresh_token,
        }

    async def _reset(self, _request: Request) -> Json:
        self._company.reset()
        self._gateway.injector.clear()
        self._gateway.log.clear()
        self._gateway.limits.clear()
        self._gateway.tokens.revoke_all()
        return await self._connection(_request)


def ledger(company: Company) -> Json:
    """Writes the state of the books for a tester.

    Args:
        company: whose books.

    Returns:
        Trial balance (must be 0), balances by account, A/R by customer, counts by entity; amounts in major units of
        the home currency with the sign of the account's class, trial balance debit positive.
    """
    unit = company.books.begin()
    books = company.books
    accounts = sorted(books.all("Account"), key=lambda one: int(one.id))
    receivable = [one.id for one in accounts if one.doc["AccountType"] == "Accounts Receivable"]
    owed = books.ledger.names(receivable)
    names = {one.id: one.doc["DisplayName"] for one in books.all("Customer")}
    return {
        "trial_balance": amount(books.ledger.trial_balance()),
        "accounts": [
            {
                "id": one.id,
                "name": one.doc["FullyQualifiedName"],
                "type": one.doc["AccountType"],
                "balance": amount(natural_balance(unit, one)),
            }
            for one in accounts
        ],
        "receivable": [
            {"customer_id": customer_id, "name": names.get(customer_id, ""), "balance": amount(balance)}
            for customer_id, balance in sorted(owed.items(), key=lambda pair: int(pair[0]))
        ],
        "receivable_total": amount(sum(owed.values())),
        "counts": {entity: sum(1 for _ in books.all(entity)) for entity in books.entities()},
        "voided": {entity: sum(1 for one in books.all(entity) if one.voided) for entity in books.entities()},
        "deleted": {entity: sum(1 for one in books.everything(entity) if one.deleted) for entity in books.entities()},
    }


async def _body(request: Request) -> Json:
    raw = await request.body()
    body = loads(raw) if raw else {}
    if not isinstance(body, dict):
        raise TypeError("the body must be an object")
    return body


def _answering(handler: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            status, body = 200, await handler(request)
        except (ValueError, TypeError, KeyError) as problem:
            status, body = BAD_REQUEST, {"error": str(problem)}
        return Response(dumps(body), status, media_type="application/json")

    return endpoint
