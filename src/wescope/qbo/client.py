"""The client: one company's QBO over HTTP. Each call ends in a record or in an error that says what it proves."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote as url_quote

import httpx2
import stamina

from wescope.errors import InvalidReference, ObjectGone, QboNotSent, QboThrottled
from wescope.qbo import answers, queries, wire
from wescope.qbo.answers import Answer
from wescope.qbo.attempts import Attempt, AttemptHook, Operation, tell
from wescope.qbo.limits import Limits
from wescope.qbo.records import Record, Written
from wescope.qbo.tokens import TokenSource

REQUEST_ID_LIMIT = 50
"""Characters of a request id (facts/qbo.md 2.1)."""

THROTTLE_PAUSE_S = 60
"""How long Intuit wants silence after a 429 that does not say it itself (facts/qbo.md 1)."""

_KEEPALIVE_S = 30
_CONNECTIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One request, as it is sent again after a refresh or when it did not leave."""

    operation: Operation
    entity: str
    method: str
    path: str
    expect: str
    body: str | None = field(default=None, repr=False)
    content_type: str = "application/json"
    parameters: Mapping[str, str] = field(default_factory=dict)
    request_id: str | None = None
    document_key: str | None = None

    @property
    def write(self) -> bool:
        """Whether it may change the books."""
        return self.operation in {"create", "update", "void", "delete"}


class QboClient:
    """QBO's Accounting API for one realm. Safe to use from many tasks; close it with `aclose`.

    Every method may raise, beside what it names:
        QboNotSent: surely not processed, after some tries. QboThrottled: the realm pauses.
        QboOutcomeUnknown: writes only; perhaps processed: look it up, or send it again with the same request id.
        QboDisconnected: the connection, the subscription or the company is gone.
        QboRefused: QBO answered with a fault and wrote nothing; see its kinds.
        DatabaseUnavailable: limits or tokens cannot be read; nothing was sent.
    """

    def __init__(
        self,
        *,
        api_base: str,
        realm_id: str,
        tokens: TokenSource,
        limits: Limits,
        hooks: Sequence[AttemptHook] = (),
        connect_timeout_s: float = 5,
        read_timeout_s: float = 60,
        minorversion: int = 75,
        attempts: int = 3,
        throttle_pause_s: float = THROTTLE_PAUSE_S,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Take what calls need; nothing is opened yet.

        Args:
            api_base: `https://quickbooks.api.intuit.com`, or another server that speaks like it.
            realm_id: Intuit's id of the company.
            tokens: gives the access token.
            limits: lets requests pass.
            hooks: told about each request.
            connect_timeout_s: for opening a connection, in seconds.
            read_timeout_s: for each wait for data, in seconds.
            minorversion: of the API.
            attempts: how often at most a request is sent that did not reach QBO, or that only reads.
            throttle_pause_s: the realm's pause after a 429 without Retry-After, in seconds.
            transport: replaces the network in tests.
        """
        self._realm_id, self._tokens, self._limits = realm_id, tokens, limits
        self._hooks, self._attempts, self._throttle_pause_s = tuple(hooks), attempts, throttle_pause_s
        self._minorversion = str(minorversion)
        self._http = httpx2.AsyncClient(
            base_url=f"{api_base.rstrip('/')}/v3/company/{url_quote(realm_id, safe='')}/",
            headers={"Accept": "application/json"},
            timeout=httpx2.Timeout(read_timeout_s, connect=connect_timeout_s),
            limits=httpx2.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_KEEPALIVE_S),
            transport=transport,
            follow_redirects=False,
        )

    async def create(
        self, entity: str, payload: Mapping[str, Any], *, request_id: str, document_key: str | None = None
    ) -> Written:
        """Create an object of `entity`; the same request id never makes two while QBO remembers it."""
        return await self._write("create", entity, payload, {}, request_id, document_key)

    async def update(
        self, entity: str, payload: Mapping[str, Any], *, request_id: str, document_key: str | None = None
    ) -> Written:
        """Update an object. `payload` has `Id`, `SyncToken`, and `sparse` unless it is the whole object.

        Raises:
            StaleObject: it was changed since `SyncToken`.
        """
        return await self._write("update", entity, payload, {}, request_id, document_key)

    async def void(
        self, entity: str, qbo_id: str, sync_token: str, *, request_id: str, document_key: str | None = None
    ) -> Written:
        """Void a transaction: invoices by their own operation, others by an update (facts/qbo.md 2.3)."""
        payload: dict[str, Any] = {"Id": qbo_id, "SyncToken": sync_token}
        parameters = {"operation": "void"}
        if entity != "Invoice":
            payload["sparse"] = True
            parameters = {"operation": "update", "include": "void"}
        return await self._write("void", entity, payload, parameters, request_id, document_key)

    async def delete(
        self, entity: str, qbo_id: str, sync_token: str, *, request_id: str, document_key: str | None = None
    ) -> Written:
        """Delete a transaction; the answer's record has only `Id` and `status`."""
        payload = {"Id": qbo_id, "SyncToken": sync_token}
        return await self._write("delete", entity, payload, {"operation": "delete"}, request_id, document_key)

    async def read(self, entity: str, qbo_id: str) -> Record | None:
        """The object as it is now, or null if it was deleted or never was (610)."""
        path = f"{entity.lower()}/{url_quote(qbo_id, safe='')}"
        try:
            return await self._get(entity, path)
        except ObjectGone:
            return None

    async def query(self, statement: str) -> list[Record]:
        """The objects that a statement finds; see `queries` for how to write one.

        It is posted, because an address with a customer's name in it would end up in logs.
        """
        entity = _entity_of(statement)
        call = _Call(
            operation="query",
            entity=entity,
            method="POST",
            path="query",
            expect="QueryResponse",
            body=statement,
            content_type="application/text",
        )
        found = (await self._call(call)).result()["QueryResponse"].get(entity, [])
        return [record for record in found if isinstance(record, Mapping)] if isinstance(found, list) else []

    async def query_all(self, entity: str, where: str = "", *, page: int = queries.PAGE_LIMIT) -> list[Record]:
        """All objects that fulfil `where`, in pages ordered by Id; an object that moves between pages counts once."""
        found: dict[str, Record] = {}
        start = 1
        while True:
            records = await self.query(queries.select(entity, where, start=start, page=page))
            found.update((str(record.get("Id")), record) for record in records)
            if len(records) < page:
                return list(found.values())
            start += page

    async def preferences(self) -> Record:
        """The company's preferences."""
        return await self._get("Preferences", "preferences")

    async def company_info(self) -> Record:
        """The company's own data. It holds names and addresses: show it, never store it."""
        return await self._get("CompanyInfo", f"companyinfo/{url_quote(self._realm_id, safe='')}")

    async def exchange_rate(self, currency: str, as_of: date) -> Decimal | None:
        """Home units for one unit of a foreign currency on a day of the company's calendar; null if QBO has none.

        Args:
            currency: a lower-case ISO code other than home (facts/qbo.md 7).
            as_of: the day.
        """
        parameters = {"sourcecurrencycode": currency.upper(), "asofdate": as_of.isoformat()}
        try:
            record = await self._get("ExchangeRate", "exchangerate", parameters)
        except (ObjectGone, InvalidReference):
            return None
        rate = wire.decimal(record.get("Rate"))
        return rate if rate is not None and rate > 0 else None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _get(self, entity: str, path: str, parameters: Mapping[str, str] | None = None) -> Record:
        call = _Call(
            operation="read", entity=entity, method="GET", path=path, expect=entity, parameters=parameters or {}
        )
        record: Record = (await self._call(call)).result()[entity]
        return record

    async def _write(  # noqa: PLR0917 - private; the public methods name them
        self,
        operation: Operation,
        entity: str,
        payload: Mapping[str, Any],
        parameters: Mapping[str, str],
        request_id: str,
        document_key: str | None,
    ) -> Written:
        if not 0 < len(request_id) <= REQUEST_ID_LIMIT:
            raise ValueError(f"a request id has 1 to {REQUEST_ID_LIMIT} characters")
        call = _Call(
            operation=operation,
            entity=entity,
            method="POST",
            path=entity.lower(),
            expect=entity,
            body=wire.dumps(payload),
            parameters={**parameters, "requestid": request_id},
            request_id=request_id,
            document_key=document_key,
        )
        answer = await self._call(call)
        return Written(record=answer.result()[entity], intuit_tid=answer.intuit_tid)

    async def _call(self, call: _Call) -> Answer:
        """Send, and send again what did not reach QBO or only reads.

        A throttled request is not among these: the whole realm pauses, and the caller knows better what to do.
        """
        answer: Answer | None = None
        async for attempt in stamina.retry_context(
            on=_again, attempts=self._attempts, timeout=None, wait_initial=0.2, wait_max=5, wait_jitter=0.3
        ):
            with attempt:
                answer = await self._authorised(call)
                answer.result()
        if answer is None:
            raise QboNotSent(reason="no attempt")
        return answer

    async def _authorised(self, call: _Call) -> Answer:
        token = await self._tokens.access_token()
        answer = await self._exchange(call, token)
        if answer.unauthorised:
            answer = await self._exchange(call, await self._tokens.refresh(token))
        if isinstance(answer.error, QboThrottled):
            await self._limits.pause(answer.retry_after_s or self._throttle_pause_s)
        return answer

    async def _exchange(self, call: _Call, token: str) -> Answer:
        async with self._limits.request():
            started_at, started = datetime.now(UTC), time.perf_counter()
            answer: Answer | None = None
            try:
                answer = await self._send(call, token)
            finally:
                # Also when the task is cancelled while it waits: then nothing is known about a write.
                self._tell(call, answer, started_at, time.perf_counter() - started)
        return answer

    async def _send(self, call: _Call, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        try:
            response = await self._http.request(
                call.method,
                call.path,
                params={**call.parameters, "minorversion": self._minorversion},
                headers=headers,
                content=call.body,
            )
        except (httpx2.RequestError, httpx2.InvalidURL) as failure:
            return answers.of_failure(failure, write=call.write)
        return answers.of_response(response, write=call.write, expect=call.expect)

    def _tell(self, call: _Call, answer: Answer | None, started_at: datetime, seconds: float) -> None:
        ended = answer or Answer(outcome="unknown" if call.write else "not_sent")
        attempt = Attempt(
            realm_id=self._realm_id,
            operation=call.operation,
            entity=call.entity,
            document_key=call.document_key,
            request_id=call.request_id,
            intuit_tid=ended.intuit_tid or None,
            status=ended.status,
            fault_code=ended.fault_code,
            outcome=ended.outcome,
            started_at=started_at,
            milliseconds=round(seconds * 1000),
        )
        tell(self._hooks, attempt)


def _again(error: Exception) -> bool:
    return isinstance(error, QboNotSent) and not isinstance(error, QboThrottled)


def _entity_of(statement: str) -> str:
    words = statement.split()
    lowered = [word.lower() for word in words]
    if "from" not in lowered[:-1]:
        raise ValueError("the statement names no entity")
    return words[lowered.index("from") + 1]
