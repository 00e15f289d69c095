"""The courier: sends one HTTP request to QBO until what became of each of its calls is known.

It asks the limits before each try, refreshes a refused token once, announces a batch's identity before it leaves,
and sends again only what surely was not processed or only reads (DESIGN.md 4, facts/qbo.md 2.1 and 5.2).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import stamina

from wescope.errors import (
    DuplicateRequestId,
    QboDisconnected,
    QboNotSent,
    QboReadsBlocked,
    QboRefused,
    QboThrottled,
    TransientRefusal,
    WritesHeld,
)
from wescope.qbo import answers
from wescope.qbo.answers import Answer
from wescope.qbo.attempts import Attempt, AttemptHook, tell
from wescope.qbo.calls import Item
from wescope.qbo.limits import Limits, ReadBudget
from wescope.qbo.parcels import Parcel, answered, cut_off, failed
from wescope.qbo.tokens import TokenSource

BeforeBatch = Callable[[str, Mapping[str, str]], Awaitable[None]]
"""Told a batch's request id and, of its writes, request id to id in the batch, before it leaves. It makes them durable:
under them QBO knows the writes. If it raises, nothing is sent."""

BeforeWrite = Callable[[], Awaitable[None]]
"""Asked at the last moment before a request with writes leaves. If it raises, none of its writes is sent."""

_PERMIT_LIFE_S = 0.3
"""If preparing a request took longer, its permit is given back for a new one: its place in time is gone."""

_WRITING_BEGINS = "http11.send_request_headers.started"


class _AgainError(Exception):
    """Some calls were surely not processed, or only read: another try."""


class _TooLateError(Exception):
    """A deadline passed while the connection was opened; no byte of the request has left."""


class Courier:
    """Delivers parcels of one realm."""

    def __init__(
        self,
        *,
        http: httpx2.AsyncClient,
        realm_id: str,
        minorversion: int,
        tokens: TokenSource,
        limits: Limits,
        hooks: Sequence[AttemptHook],
        attempts: int,
        throttle_pause_s: float,
        new_batch_id: Callable[[], str],
        before_batch: BeforeBatch | None,
        before_write: BeforeWrite | None = None,
        reads: ReadBudget | None = None,
    ) -> None:
        """Take what sending needs; the arguments are those of `QboClient`."""
        self._http, self._realm_id, self._minorversion = http, realm_id, str(minorversion)
        self._tokens, self._limits, self._hooks = tokens, limits, tuple(hooks)
        self._attempts, self._throttle_pause_s = attempts, throttle_pause_s
        self._new_batch_id, self._before_batch, self._reads = new_batch_id, before_batch, reads
        self._before_write = before_write

    async def prepare(self) -> None:
        """Have a token at hand, so that nothing but permits is waited for.

        Raises:
            WescopeError: there is none now.
        """
        await self._tokens.access_token()

    async def deliver(self, parcel: Parcel, *, batch: bool) -> None:
        """Send a parcel; when this returns or raises, each call that it was loaded with has its answer.

        Args:
            parcel: its items' answers are set.
            batch: whether it needs the permit of a batch.

        Raises:
            WescopeError: it could not be sent and was not loaded yet.
        """
        try:
            await self._until_known(parcel, batch=batch)
        except Exception as error:
            if not parcel.loaded:
                raise
            parcel.fail(error)
        finally:
            # Nothing is left unless the task was cancelled.
            parcel.abandon()

    async def _until_known(self, parcel: Parcel, *, batch: bool) -> None:
        """Send, and send again what did not reach QBO or only reads.

        A throttled request is not among these: the whole realm pauses, and the caller knows better what to do.
        """
        try:
            async for attempt in stamina.retry_context(
                on=_AgainError, attempts=self._attempts, timeout=None, wait_initial=0.2, wait_max=5, wait_jitter=0.3
            ):
                with attempt:
                    await self._round(parcel, batch=batch)
        except _AgainError:
            parcel.give_up()

    async def _round(self, parcel: Parcel, *, batch: bool) -> None:
        found = await self._authorised(parcel, batch=batch)
        if len(found) > 1 and all(_blames_an_item(answer) for answer in found.values()):
            await self._split(parcel)
            return
        for item, answer in found.items():
            if not _again(answer):
                item.settle(answer)
        left = [item for item in parcel.items if not item.answer.done()]
        parcel.keep(left, found)
        if left:
            if parcel.batch_id and not parcel.writes:
                parcel.become_batch(self._new_batch_id())  # it may have been processed under the old one
            raise _AgainError

    async def _split(self, parcel: Parcel) -> None:
        """QBO turned a batch away as a whole because of some item: halves are tried until it is alone."""
        middle = len(parcel.items) // 2
        for items in (parcel.items[:middle], parcel.items[middle:]):
            half = Parcel(items)
            half.become_batch(self._new_batch_id())
            await self.deliver(half, batch=True)

    async def _authorised(self, parcel: Parcel, *, batch: bool) -> dict[Item, Answer]:
        token = await self._tokens.access_token()
        found = await self._exchange(parcel, token, batch=batch)
        if any(answer.unauthorised for answer in found.values()):
            found = await self._exchange(parcel, await self._tokens.refresh(token), batch=batch)
        throttled = {item: answer for item, answer in found.items() if isinstance(answer.error, QboThrottled)}
        if not throttled:
            return found
        metered = {item: answer for item, answer in throttled.items() if not item.call.write}
        if metered and self._reads and await self._reads.refused():
            # The month's reads are used up: writes pass, so the realm does not pause.
            blocked = {item: replace(answer, error=QboReadsBlocked()) for item, answer in metered.items()}
            return {**found, **blocked}
        waits_s = [answer.retry_after_s or self._throttle_pause_s for answer in throttled.values()]
        await self._limits.pause(max(waits_s))
        return found

    async def _exchange(self, parcel: Parcel, token: str, *, batch: bool) -> dict[Item, Answer]:
        """One request, if anything is left to send by then."""
        loop = asyncio.get_running_loop()
        while True:
            async with self._limits.request(batch=batch):
                permitted_at = loop.time()
                await parcel.load()
                await self._announce(parcel)
                await self._let_write(parcel)
                if loop.time() - permitted_at > _PERMIT_LIFE_S:
                    continue
                items = list(parcel.drop_late(loop.time()))
                return await self._send(parcel, items, token) if items else {}

    async def _announce(self, parcel: Parcel) -> None:
        """Have the batch's identity made durable, once.

        Raises:
            QboNotSent: it could not be.
        """
        if parcel.batch_id is None or parcel.announced:
            return
        if self._before_batch and parcel.writes:
            try:
                await self._before_batch(parcel.batch_id, parcel.writes)
            except Exception as error:
                raise QboNotSent("The batch could not be recorded.", reason=type(error).__name__) from error
        parcel.announced = True

    async def _let_write(self, parcel: Parcel) -> None:
        """Take the writes out, if nothing may be written now; what only reads goes.

        Raises:
            QboNotSent: nobody knows whether anything may be written: nothing is sent.
        """
        if self._before_write is None or not any(item.call.write for item in parcel.items):
            return
        try:
            await self._before_write()
        except WritesHeld as error:
            parcel.refuse_writes(error)
        except Exception as error:
            raise QboNotSent("Nobody knows whether writing is held.", reason=type(error).__name__) from error

    async def _send(self, parcel: Parcel, items: Sequence[Item], token: str) -> dict[Item, Answer]:
        started_at, started = datetime.now(UTC), time.perf_counter()
        found: dict[Item, Answer] = {}
        try:
            found = await self._post(parcel, items, token)
        finally:
            # Also when the task is cancelled while it waits: then nothing is known about a write.
            ended = found or {item: cut_off(write=item.call.write) for item in items}
            self._tell(parcel, ended, started_at, time.perf_counter() - started)
        return found

    async def _post(self, parcel: Parcel, items: Sequence[Item], token: str) -> dict[Item, Answer]:
        parcel.sent = True
        deadlines = [item.send_by for item in items if item.send_by is not None]
        request = self._request(parcel, items, token)
        if deadlines:
            request.extensions = {**request.extensions, "trace": _Fence(min(deadlines))}
        try:
            response = await self._http.send(request)
        except _TooLateError:
            late = Answer(outcome="not_sent", error=QboNotSent(reason="too_late"))
            return answered(parcel, items, [late] * len(items))
        except (httpx2.RequestError, httpx2.InvalidURL) as failure:
            return failed(parcel, items, failure)
        if parcel.batch_id:
            return answered(parcel, items, answers.of_batch(response, parcel.parts(items)))
        call = items[0].call
        return answered(parcel, items, [answers.of_response(response, write=call.write, expect=call.expect)])

    def _request(self, parcel: Parcel, items: Sequence[Item], token: str) -> httpx2.Request:
        headers, parameters = {"Authorization": f"Bearer {token}"}, {"minorversion": self._minorversion}
        if parcel.batch_id is None:
            call = items[0].call
            if call.body is not None:
                headers["Content-Type"] = call.content_type
            return self._http.build_request(
                call.method, call.path, params={**call.parameters, **parameters}, headers=headers, content=call.body
            )
        headers["Content-Type"] = "application/json"
        if any(item.call.write for item in items):
            parameters = {"requestid": parcel.batch_id, **parameters}
        body = ",".join(item.call.as_item(parcel.b_id(item)) for item in items)
        content = f'{{"BatchItemRequest":[{body}]}}'
        return self._http.build_request("POST", "batch", params=parameters, headers=headers, content=content)

    def _tell(self, parcel: Parcel, found: Mapping[Item, Answer], started_at: datetime, seconds: float) -> None:
        for number, (item, answer) in enumerate(found.items()):
            call = item.call
            attempt = Attempt(
                realm_id=self._realm_id,
                operation=call.operation,
                entity=call.entity,
                document_key=call.document_key,
                request_id=call.request_id,
                intuit_tid=answer.intuit_tid or None,
                status=answer.status,
                fault_code=answer.fault_code,
                outcome=answer.outcome,
                started_at=started_at,
                milliseconds=round(seconds * 1000),
                batch_id=parcel.batch_id,
                requests=0 if number else 1,
            )
            item.context.run(tell, self._hooks, attempt)


class _Fence:
    """Stops a request whose deadline has passed at the last moment: the connection is open, nothing is written yet."""

    def __init__(self, send_by: float) -> None:
        self._send_by = send_by

    async def __call__(self, event: str, _details: Mapping[str, Any]) -> None:
        """Called by the HTTP library at each of its steps."""
        if event == _WRITING_BEGINS and asyncio.get_running_loop().time() > self._send_by:
            raise _TooLateError


def _again(answer: Answer) -> bool:
    return isinstance(answer.error, QboNotSent) and not isinstance(answer.error, QboThrottled | WritesHeld)


def _blames_an_item(answer: Answer) -> bool:
    """Whether a batch was refused as a whole, and not for a reason that holds for each item alone as well."""
    general = isinstance(answer.error, DuplicateRequestId | TransientRefusal | QboDisconnected)
    return answer.whole and isinstance(answer.error, QboRefused) and not general
