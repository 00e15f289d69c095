"""The door of the accounting interface: tokens, limits, injected faults, ids in flight, logging (facts/qbo.md 1, 2)."""

import asyncio
import functools
import os
import secrets
import signal
import time
import traceback
from dataclasses import dataclass, field, replace

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wescope.sandbox.qbo import answers, batch, faults, operations
from wescope.sandbox.qbo.answers import Answer
from wescope.sandbox.qbo.books import NAME_ENTITIES
from wescope.sandbox.qbo.company import Company, Outcome
from wescope.sandbox.qbo.delivery import cut, hang_up
from wescope.sandbox.qbo.entity import Request
from wescope.sandbox.qbo.injection import Injector, Rule, refusal
from wescope.sandbox.qbo.limits import Limits
from wescope.sandbox.qbo.oauth import Tokens
from wescope.sandbox.qbo.operations import Incoming, Operation
from wescope.sandbox.qbo.request_log import LoggedRequest, RequestLog
from wescope.sandbox.qbo.wire import Json

PREFIX = "/v3/company/"
CRASHED = 500
READS = frozenset({"read", "singleton", "rate", "query", "cdc"})
ALWAYS = {
    "Qbo-Version": "1999.123",
    "Expires": "0",
    "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private",
}


class DropError(Exception):
    """The connection is to be cut without an answer."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One request on its way through the gateway."""

    incoming: Incoming
    operation: Operation | faults.QboFault
    token: str
    as_json: bool
    entry: LoggedRequest
    rules: dict[str, Rule] = field(default_factory=dict)

    @property
    def parsed(self) -> Operation | None:
        """The operation, None if the request could not be read."""
        return self.operation if isinstance(self.operation, Operation) else None


class Gateway:
    """An ASGI application for everything below /v3/company/."""

    def __init__(self, company: Company, tokens: Tokens, injector: Injector) -> None:
        self.company = company
        self.tokens = tokens
        self.injector = injector
        self.limits = Limits()
        self.log = RequestLog()
        self._request_ids: dict[str, asyncio.Event] = {}
        self._names_in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or hangs up on it when a fault says so."""
        started = time.monotonic()
        self.limits.enter()
        try:
            call = await self._read(HttpRequest(scope, receive))
            self.log.add(call.entry)
            try:
                answer = await self._answer(call)
                call.entry.status = answer.status
            except DropError:
                hang_up(send)
                return
            except Exception as problem:  # noqa: BLE001 - the sandbox's own mistake must reach the tester, not vanish
                traceback.print_exc()
                call.entry.status, call.entry.code = CRASHED, "sandbox"
                answer = self._fault(call, faults.system_failure(f"the sandbox itself failed: {problem!r}"))
            finally:
                call.entry.milliseconds = round((time.monotonic() - started) * 1000, 3)
                self.log.finish(call.entry)
            headers = _headers(call, answer)
            if "cut_body" in call.rules:
                await cut(send, answer, headers)
                return
            response = Response(answer.body, answer.status, {**headers, "content-type": answer.content_type})
            await response(scope, receive, send)
        finally:
            self.limits.leave()

    async def _read(self, http: HttpRequest) -> Call:
        realm_id, _, path = http.url.path.removeprefix(PREFIX).partition("/")
        incoming = Incoming(
            method=http.method,
            realm_id=realm_id,
            path=path,
            query=dict(http.query_params),
            content_type=http.headers.get("content-type", ""),
            body=await http.body(),
        )
        operation = _operation(incoming)
        known = operation if isinstance(operation, Operation) else Operation(kind="malformed")
        entry = LoggedRequest(
            method=http.method,
            path=http.url.path,
            operation=known.kind,
            entity=known.entity,
            id=known.id,
            request_id=incoming.query.get("requestid", ""),
            items=len((known.body or {}).get("BatchItemRequest") or ()) if known.kind == "batch" else 0,
            tid=f"1-{int(time.time()):08x}-{secrets.token_hex(12)}",
            minorversion=incoming.query.get("minorversion", ""),
            started_at=int(time.time() * 1000),
        )
        scheme, _, token = http.headers.get("authorization", "").partition(" ")
        items = batch.asked(known) if known.kind == "batch" else []
        taken = self.injector.take(
            method=http.method, path=http.url.path, entity=known.entity, operation=known.kind, items=items
        )
        entry.injected = ",".join(rule.kind for rule in taken)
        return Call(
            incoming=incoming,
            operation=operation,
            token=token if scheme.lower() == "bearer" else "",
            as_json="application/json" in http.headers.get("accept", ""),
            entry=entry,
            rules={rule.kind: rule for rule in taken},
        )

    async def _answer(self, call: Call) -> Answer:
        """Goes through the layers in the order of the real service."""
        early = await self._injected_before(call)
        if early is not None:
            return early
        refused = self._refused(call)
        if refused is not None:
            return refused
        if isinstance(call.operation, faults.QboFault):
            await self._pause()
            return self._fault(call, call.operation)
        outcome = await self._in_turn(call, call.operation)
        call.entry.effects = outcome.effects
        call.entry.code = outcome.code
        return await self._injected_after(call, outcome)

    def _refused(self, call: Call) -> Answer | None:
        """Token, company, limits."""
        now = self.company.books.clock()
        if not call.token or not self.tokens.check(call.token):
            call.entry.code = "3200"
            return answers.unauthorized(call.token, now, "Token expired" if call.token else "Token missing")
        if call.incoming.realm_id != self.company.realm_id:
            return self._fault(call, faults.forbidden())
        broken = self.limits.refuse(
            time.monotonic(),
            self.company.knobs,
            is_batch=call.entry.operation == "batch",
            reads=_metered(call.parsed),
        )
        return self._throttled(call) if broken else None

    async def _in_turn(self, call: Call, operation: Operation) -> Outcome:
        """Does the operation unless its request id or another name is being worked on (facts/qbo.md 2.1, 2.4)."""
        await self._wait_for_same_request(operation)
        if operation.request_id and operation.request_id in self._request_ids:
            return self._refusal(faults.duplicate_request_id())
        is_batch = operation.kind == "batch"
        is_name = batch.writes_names(batch.asked(operation)) if is_batch else _writes_name(operation)
        another = bool(self._names_in_flight) and self.company.knobs.one_name_at_a_time
        if is_name and another and not is_batch:
            return self._refusal(faults.business(faults.TRANSIENT_NAMES))
        done = asyncio.Event()
        if operation.request_id:
            self._request_ids[operation.request_id] = done
        self._names_in_flight += is_name
        try:
            await self._pause()
            if "hold" in call.rules:
                await self.injector.hold(call.rules["hold"])
            request = Request(include=operation.include, drop_links="drop_links" in call.rules)
            partial = call.rules.get("partial") if is_batch else None
            done_of_it = batch.cut_short(operation, partial.items, self.company.knobs) if partial else operation
            return self.company.execute(done_of_it, request, functools.partial(self._check_item, another=another))
        finally:
            self._names_in_flight -= is_name
            self._request_ids.pop(operation.request_id, None)
            done.set()

    def _check_item(self, operation: Operation | faults.QboFault, *, another: bool) -> None:
        """Fails an item of a batch: by injection, or because another request writes names."""
        self.injector.check_item(operation)
        if another and isinstance(operation, Operation) and _writes_name(operation):
            raise faults.business(faults.TRANSIENT_NAMES)

    async def _wait_for_same_request(self, operation: Operation) -> None:
        if self.company.knobs.requestid_in_flight == "wait":
            while operation.request_id in self._request_ids:
                await self._request_ids[operation.request_id].wait()

    async def _pause(self) -> None:
        if self.company.knobs.latency_ms > 0:
            await asyncio.sleep(self.company.knobs.latency_ms / 1000)

    async def _injected_before(self, call: Call) -> Answer | None:
        for kind, rule in call.rules.items():
            if kind == "delay_before":
                await asyncio.sleep(rule.ms / 1000)
            elif kind == "drop_before":
                raise DropError
            elif kind == "unauthorized":
                call.entry.code = "3200"
                return answers.unauthorized(call.token, self.company.books.clock())
            elif kind == "throttle":
                return self._throttled(call)
            elif kind == "error_before":
                return self._broken(call, rule)
            elif kind in {"transient", "fault"}:
                return self._fault(call, refusal(rule))
        return None

    async def _injected_after(self, call: Call, outcome: Outcome) -> Answer:
        for kind, rule in call.rules.items():
            if kind == "delay_after":
                await asyncio.sleep(rule.ms / 1000)
            elif kind in {"drop_after", "partial"}:
                raise DropError
            elif kind == "kill_after":
                os.kill(os.getpid(), signal.SIGKILL)
            elif kind == "error_after":
                return self._broken(call, rule)
            elif kind == "wrong_format":
                return _in_wrong_format(outcome, rule)
            elif kind in {"reorder", "lose_item"}:
                return answers.write(outcome.status, _disarranged(outcome.body, rule), as_json=call.as_json)
        return answers.write(outcome.status, outcome.body, as_json=call.as_json)

    def _broken(self, call: Call, rule: Rule) -> Answer:
        if rule.format == "html":
            return answers.html(rule.status, f"{rule.status} Service Unavailable")
        problem = faults.system_failure()
        problem.status = rule.status
        call.entry.code = problem.code
        return answers.fault(problem, self.company.books.clock(), as_json=rule.format == "json")

    def _throttled(self, call: Call) -> Answer:
        call.entry.code = "3001"
        knobs = self.company.knobs
        now = self.company.books.clock()
        answer = answers.fault(faults.throttled(), now, as_json=knobs.throttle_format == "json")
        headers = {"Retry-After": str(knobs.retry_after_s)} if knobs.retry_after_s else {}
        return replace(answer, headers=headers)

    def _fault(self, call: Call, problem: faults.QboFault) -> Answer:
        call.entry.code = problem.code
        return answers.fault(problem, self.company.books.clock(), as_json=call.as_json)

    def _refusal(self, problem: faults.QboFault) -> Outcome:
        body = answers.timed({"Fault": problem.as_json()}, self.company.books.clock())
        return Outcome(status=problem.status, body=body, code=problem.code)


def _headers(call: Call, answer: Answer) -> dict[str, str]:
    milliseconds = round(call.entry.milliseconds)
    return {
        **ALWAYS,
        **answer.headers,
        "intuit_tid": call.entry.tid,
        "Service-Time": f"total={milliseconds}, db={milliseconds}",
    }


def _operation(incoming: Incoming) -> Operation | faults.QboFault:
    try:
        return operations.read(incoming)
    except faults.QboFault as problem:
        return problem


def _metered(operation: Operation | None) -> int:
    """Counts the metered reads of a request: each query of a batch is one (facts/qbo.md 1)."""
    if operation is None:
        return 0
    if operation.kind == "batch":
        items = (operation.body or {}).get("BatchItemRequest")
        return sum(1 for one in items if isinstance(one, dict) and "Query" in one) if isinstance(items, list) else 0
    return int(operation.kind in READS)


def _writes_name(operation: Operation) -> bool:
    return operation.is_write and operation.entity in NAME_ENTITIES


def _disarranged(body: Json, rule: Rule) -> Json:
    """Returns a batch's answer with its items in another order, or without one of them."""
    items = list(body.get("BatchItemResponse", []))
    left = items[::-1] if rule.kind == "reorder" else [*items[: rule.items], *items[rule.items + 1 :]]
    return {**body, "BatchItemResponse": left}


def _in_wrong_format(outcome: Outcome, rule: Rule) -> Answer:
    if rule.format == "html":
        return answers.html(outcome.status, "QuickBooks")
    return answers.write(outcome.status, outcome.body, as_json=False)
