"""The client: one company's QBO over HTTP. Each call ends in a record or in an error that says what it proves.

Writes and queries that are ready at about the same time share a batch (`wescope.qbo.batching`), reads go by themselves.
"""

import contextlib
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote as url_quote
from uuid import uuid4

import httpx2

from wescope.errors import InvalidReference, ObjectGone
from wescope.qbo import queries, wire
from wescope.qbo.answers import CHANGES, Answer
from wescope.qbo.attempts import AttemptHook, Operation
from wescope.qbo.batching import Batcher
from wescope.qbo.calls import Call, Item
from wescope.qbo.changes import Changes, changes_of, changes_parameters
from wescope.qbo.courier import BeforeBatch, BeforeWrite, Courier
from wescope.qbo.limits import Limits, ReadBudget
from wescope.qbo.parcels import Parcel
from wescope.qbo.records import BatchIdentity, Record, Written
from wescope.qbo.tokens import TokenSource

REQUEST_ID_LIMIT = 50
"""Characters of a request id (facts/qbo.md 2.1)."""

THROTTLE_PAUSE_S = 60
"""How long Intuit wants silence after a 429 that does not say it itself (facts/qbo.md 1)."""

_KEEPALIVE_S = 30
_CONNECTIONS = 10
_ENTITY = re.compile(r"\bFROM\s+(\w+)", re.IGNORECASE)


class QboClient:
    """QBO's Accounting API for one realm. Safe to use from many tasks; close it with `aclose`.

    Every method may raise, beside what it names:
        QboNotSent: surely not processed, after some tries. QboThrottled: the realm pauses.
        QboOutcomeUnknown: writes only; perhaps processed: look it up, or send it again with the same request id.
        QboDisconnected: the connection, the subscription or the company is gone.
        QboRefused: QBO answered with a fault and wrote nothing; see its kinds.
        DatabaseUnavailable: limits or tokens cannot be read; nothing was sent.

    A write may go as an item of a batch. Then QBO knows it by the batch's identity, which `before_batch` has made
    durable before, and not by its request id. To send it again for what an earlier attempt may have done, name that
    identity (`batch`); without one the attempt went as a single request, and so must this one (`alone`).
    A write does not leave after the `SEND_BY` of its task; it goes in the `LANE` of its task (`wescope.qbo.lanes`).
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
        before_batch: BeforeBatch | None = None,
        before_write: BeforeWrite | None = None,
        backlog_singles: bool = False,
        reads: ReadBudget | None = None,
        new_batch_id: Callable[[], str] = lambda: uuid4().hex,
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
            before_batch: makes the identities of a batch's writes durable before it leaves.
            before_write: asked before a request with writes leaves; `WritesHeld` keeps its writes from leaving.
            backlog_singles: whether calls of the backlog may go as single requests, too.
            reads: lets metered calls pass.
            new_batch_id: an id that was never given before, of 32 to 36 characters.
        """
        self._realm_id, self._limits, self._reads = realm_id, limits, reads
        self._http = httpx2.AsyncClient(
            base_url=f"{api_base.rstrip('/')}/v3/company/{url_quote(realm_id, safe='')}/",
            headers={"Accept": "application/json"},
            timeout=httpx2.Timeout(read_timeout_s, connect=connect_timeout_s),
            limits=httpx2.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_KEEPALIVE_S),
            transport=transport,
            follow_redirects=False,
        )
        self._courier = Courier(
            http=self._http,
            realm_id=realm_id,
            minorversion=minorversion,
            tokens=tokens,
            limits=limits,
            hooks=hooks,
            attempts=attempts,
            throttle_pause_s=throttle_pause_s,
            new_batch_id=new_batch_id,
            before_batch=before_batch,
            before_write=before_write,
            reads=reads,
        )
        self._batcher = Batcher(
            courier=self._courier, limits=limits, new_batch_id=new_batch_id, backlog_singles=backlog_singles
        )

    async def create(
        self,
        entity: str,
        payload: Mapping[str, Any],
        *,
        request_id: str,
        document_key: str | None = None,
        batch: BatchIdentity | None = None,
        alone: bool = False,
    ) -> Written:
        """Create an object of `entity`; the same request id never makes two while QBO remembers it."""
        call = _write("create", entity, payload, request_id, document_key)
        return await self._written(call, batch, alone=alone)

    async def update(
        self,
        entity: str,
        payload: Mapping[str, Any],
        *,
        request_id: str,
        document_key: str | None = None,
        batch: BatchIdentity | None = None,
        alone: bool = False,
    ) -> Written:
        """Update an object. `payload` has `Id`, `SyncToken`, and `sparse` unless it is the whole object.

        Raises:
            StaleObject: it was changed since `SyncToken`.
        """
        call = _write("update", entity, payload, request_id, document_key)
        return await self._written(call, batch, alone=alone)

    async def void(
        self,
        entity: str,
        qbo_id: str,
        sync_token: str,
        *,
        request_id: str,
        document_key: str | None = None,
        batch: BatchIdentity | None = None,
        alone: bool = False,
    ) -> Written:
        """Void a transaction: invoices by their own operation, others by an update (facts/qbo.md 2.3)."""
        payload: dict[str, Any] = {"Id": qbo_id, "SyncToken": sync_token}
        parameters = {"operation": "void"}
        if entity != "Invoice":
            payload["sparse"] = True
            parameters = {"operation": "update", "include": "void"}
        call = _write("void", entity, payload, request_id, document_key, **parameters)
        return await self._written(call, batch, alone=alone)

    async def delete(
        self,
        entity: str,
        qbo_id: str,
        sync_token: str,
        *,
        request_id: str,
        document_key: str | None = None,
        batch: BatchIdentity | None = None,
        alone: bool = False,
    ) -> Written:
        """Delete a transaction; the answer's record has only `Id` and `status`."""
        payload = {"Id": qbo_id, "SyncToken": sync_token}
        call = _write("delete", entity, payload, request_id, document_key, operation="delete")
        return await self._written(call, batch, alone=alone)

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
        call = Call(
            operation="query",
            entity=entity,
            method="POST",
            path="query",
            expect="QueryResponse",
            body=statement,
            content_type="application/text",
        )
        await self._check_reads()
        found = (await self._batcher.call(call)).result()["QueryResponse"].get(entity, [])
        return [record for record in found if isinstance(record, Mapping)] if isinstance(found, list) else []

    async def query_all(self, entity: str, where: str = "", *, page: int = queries.PAGE_LIMIT) -> list[Record]:
        """All objects that fulfil `where`, in pages ordered by Id; an object that moves between pages counts once."""
        pages = self.query_pages(entity, where, page=page)
        return [record async for records in pages for record in records]

    async def query_pages(
        self, entity: str, where: str = "", *, page: int = queries.PAGE_LIMIT
    ) -> AsyncIterator[list[Record]]:
        """As `query_all`, page by page, so that nothing but ids need be kept."""
        seen: set[str] = set()
        start = 1
        while True:
            records = await self.query(queries.select(entity, where, start=start, page=page))
            fresh = {str(record.get("Id")): record for record in records if str(record.get("Id")) not in seen}
            seen |= fresh.keys()
            yield list(fresh.values())
            if len(records) < page:
                return
            start += page

    async def changes(self, entities: Sequence[str], since: datetime) -> Changes:
        """What has changed since a moment (with zone), one metered read for all entities.

        Raises:
            QboError: QBO does not answer, or refuses so early a moment.
        """
        await self._check_reads()
        call = Call(
            operation="read",
            entity="ChangeDataCapture",
            method="GET",
            path="cdc",
            expect=CHANGES,
            parameters=changes_parameters(entities, since),
        )
        return changes_of((await self._directly(call)).result()[CHANGES], entities)

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
        """Cut off what is under way and close the connections."""
        await self._batcher.aclose()
        await self._http.aclose()

    async def _get(self, entity: str, path: str, parameters: Mapping[str, str] | None = None) -> Record:
        await self._check_reads()
        call = Call(
            operation="read", entity=entity, method="GET", path=path, expect=entity, parameters=parameters or {}
        )
        record: Record = (await self._directly(call)).result()[entity]
        return record

    async def _written(self, call: Call, batch: BatchIdentity | None, *, alone: bool) -> Written:
        answer = await (self._directly(call, batch) if batch or alone else self._batcher.call(call))
        return Written(record=answer.result()[call.entity], intuit_tid=answer.intuit_tid)

    async def _directly(self, call: Call, batch: BatchIdentity | None = None) -> Answer:
        """Send a call by itself: as a single request, or as a batch of one under an identity that it had before."""
        item = Item.of(call)
        parcel = Parcel([item])
        if batch:
            parcel.repeat(batch)
        async with self._limits.names() if call.writes_name else contextlib.nullcontext():
            await self._courier.deliver(parcel, batch=batch is not None)
        return item.answer.result()

    async def _check_reads(self) -> None:
        if self._reads:
            await self._reads.check()


def _write(
    kind: Operation,
    entity: str,
    payload: Mapping[str, Any],
    request_id: str,
    document_key: str | None,
    /,
    **parameters: str,
) -> Call:
    if not 0 < len(request_id) <= REQUEST_ID_LIMIT:
        raise ValueError(f"a request id has 1 to {REQUEST_ID_LIMIT} characters")
    return Call(
        operation=kind,
        entity=entity,
        method="POST",
        path=entity.lower(),
        expect=entity,
        body=wire.dumps(payload),
        parameters={**parameters, "requestid": request_id},
        request_id=request_id,
        document_key=document_key,
    )


def _entity_of(statement: str) -> str:
    found = _ENTITY.search(statement)
    if found is None:
        raise ValueError("the statement names no entity")
    return found.group(1)
