"""The tester's side, under /_sandbox/: knobs, faults, ledger, request log, human edits, closing, reset."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wescope.sandbox.qbo import by_hand, exchange_rates
from wescope.sandbox.qbo.company import Company
from wescope.sandbox.qbo.faults import QboFault
from wescope.sandbox.qbo.gateway import Gateway
from wescope.sandbox.qbo.merge import merge_customers
from wescope.sandbox.qbo.statements import ledger
from wescope.sandbox.qbo.wire import Json, dumps, loads

__all__ = ["Control", "ledger"]

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
            ("human/{kind}", "POST", self._by_hand),
            ("human/{entity}/{operation}/{id}", "POST", self._change_by_hand),
            ("merge", "POST", self._merge),
            ("accounts", "POST", self._account),
            ("rates", "GET", self._rates),
            ("rates", "POST", self._set_rates),
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

    async def _by_hand(self, request: Request) -> Json:
        outcome = by_hand.enter(self._company, request.path_params["kind"], await _body(request))
        return {"status": outcome.status, **outcome.body}

    async def _change_by_hand(self, request: Request) -> Json:
        asked = request.path_params
        entity = by_hand.entity_of(asked["entity"])
        outcome = self._company.human(entity, asked["operation"], {**await _body(request), "Id": asked["id"]})
        return {"status": outcome.status, **outcome.body}

    async def _merge(self, request: Request) -> Json:
        """{"loser": "5", "survivor": "7"}: two customers, by id."""
        wanted = await _body(request)
        merge_customers(self._company, str(wanted["loser"]), str(wanted["survivor"]))
        return {}

    async def _account(self, request: Request) -> Json:
        return by_hand.account(self._company, await _body(request))

    async def _rates(self, request: Request) -> Json:
        unit = self._company.books.begin()
        on = request.query_params.get("date") or exchange_rates.today(unit)
        codes = sorted(exchange_rates.US_DOLLARS)
        return {"date": on, "rates": {code: exchange_rates.company_rate(unit, code, on) for code in codes}}

    async def _set_rates(self, request: Request) -> Json:
        """{"EUR": 1.1, "date": "2026-11-01"}: from that day on, without a date for all days."""
        body = await _body(request)
        since = str(body.pop("date", exchange_rates.ALWAYS))
        unit = self._company.books.begin()
        for code, rate in body.items():
            exchange_rates.set_rate(unit, code.upper(), Decimal(str(rate)), since)
        unit.commit()
        return await self._rates(request)

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
        except (ValueError, TypeError, KeyError, ArithmeticError, QboFault) as problem:
            status, body = BAD_REQUEST, {"error": str(problem)}
        return Response(dumps(body), status, media_type="application/json")

    return endpoint
