"""Answers: what one HTTP exchange with QBO proves about a request. Every outcome of the client is decided here.

A write is done, surely not processed, refused, or of unknown outcome (DESIGN.md 4, facts/qbo.md 2.4). Unknown is the
rule: only what is proven is called otherwise. A read changes nothing, so it is just read again.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import httpx2

from wescope.errors import (
    DuplicateRequestId,
    QboDisconnected,
    QboError,
    QboNotSent,
    QboOutcomeUnknown,
    QboRefused,
    QboThrottled,
)
from wescope.qbo import faults, wire
from wescope.qbo.attempts import Outcome

UNAUTHORISED = 401
FORBIDDEN = 403
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500

CHANGES = "CDCResponse"
"""The name that the answer to a change data capture has: the only one that is a list (facts/qbo.md 3.3)."""

_TID = re.compile(r"[A-Za-z0-9._-]{1,100}")

# httpx2 raises these before the first byte of the request leaves.
_BEFORE_SENDING = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one call ended. Exactly one of `content` (a JSON object) and `error` is set.

    `whole`: a batch was turned away as a whole, and none of its items was processed.
    """

    outcome: Outcome
    status: int | None = None
    intuit_tid: str = ""
    fault_code: str | None = None
    content: Mapping[str, Any] | None = field(default=None, repr=False)
    error: QboError | None = None
    retry_after_s: int | None = None
    unauthorised: bool = False
    whole: bool = False

    def result(self) -> Mapping[str, Any]:
        """The content.

        Raises:
            QboError: the exchange did not end well.
        """
        if self.content is None:
            self.throw()
        return self.content

    def throw(self) -> NoReturn:
        """Raise the error; it carries no cause, because a cause may hold the request with its token."""
        raise self.error or QboOutcomeUnknown(intuit_tid=self.intuit_tid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An item of a batch: its id in it, whether it may change the books, and the name that its good answer has."""

    b_id: str
    write: bool
    expect: str


def of_response(response: httpx2.Response, *, write: bool, expect: str) -> Answer:
    """What a response proves.

    Args:
        response: with its body read.
        write: whether the request may have changed the books.
        expect: the name that a good answer's JSON object has, for instance `Invoice` or `QueryResponse`.
    """
    status, tid = response.status_code, _tid(response)
    if status == TOO_MANY_REQUESTS:
        return _throttled(response, tid)
    content = _json(response)
    fault = faults.from_json(content) if content is not None else faults.from_xml(response.text)
    if fault:
        return _faulty(response, fault, tid, write=write)
    if status == UNAUTHORISED:
        return _unauthorised(status, tid, None)
    if status == FORBIDDEN:
        return _not_sent(status, tid)
    shape = list if expect == CHANGES else Mapping
    if response.is_success and isinstance(content, Mapping) and isinstance(content.get(expect), shape):
        return Answer(outcome="ok", status=status, intuit_tid=tid, content=content)
    return _unproven(status, tid, write=write)


def of_batch(response: httpx2.Response, parts: Sequence[Part]) -> list[Answer]:
    """What the response to a batch proves about each of its items, which are matched by their ids, not by order.

    What does not say anything about an item, or says it twice, proves nothing about it (facts/qbo.md 5.2).
    """
    content = _json(response)
    entries = content.get("BatchItemResponse") if isinstance(content, Mapping) else None
    if not response.is_success or not isinstance(entries, list) or not entries:
        return [_of_whole(response, part) for part in parts]
    named = [entry for entry in entries if isinstance(entry, Mapping) and isinstance(entry.get("bId"), str)]
    seen = Counter(entry["bId"] for entry in named)
    by_id = {entry["bId"]: entry for entry in named if seen[entry["bId"]] == 1}
    return [_of_item(response, by_id.get(part.b_id), part) for part in parts]


def of_failure(failure: Exception, *, write: bool) -> Answer:
    """What a failed exchange proves: that nothing was sent, or nothing at all."""
    reason = type(failure).__name__
    if write and not isinstance(failure, _BEFORE_SENDING):
        return Answer(outcome="unknown", error=QboOutcomeUnknown(reason=reason))
    return Answer(outcome="not_sent", error=QboNotSent(reason=reason))


def _of_whole(response: httpx2.Response, part: Part) -> Answer:
    """What an answer without items proves about one of them."""
    answer = of_response(response, write=part.write, expect="BatchItemResponse")
    if isinstance(answer.error, DuplicateRequestId) and not part.write:
        return _unproven(response.status_code, answer.intuit_tid, write=False, fault_code=answer.fault_code)
    return replace(answer, whole=answer.outcome != "unknown")


def _of_item(response: httpx2.Response, entry: Mapping[str, Any] | None, part: Part) -> Answer:
    status, tid = response.status_code, _tid(response)
    fault = faults.from_json(entry)
    if fault:
        answer = _faulty(response, fault, tid, write=part.write)
        # The batch itself was let in: it is not sent again as a whole because of one item.
        return _not_sent(status, tid) if answer.unauthorised else answer
    if entry is not None and isinstance(entry.get(part.expect), Mapping):
        return Answer(outcome="ok", status=status, intuit_tid=tid, content=entry)
    return _unproven(status, tid, write=part.write)


def _faulty(response: httpx2.Response, fault: faults.Fault, tid: str, *, write: bool) -> Answer:
    status, code = response.status_code, fault.codes[0]
    if faults.THROTTLED in fault.codes:
        return _throttled(response, tid)
    if faults.SYSTEM_FAILURE in fault.codes or status >= SERVER_ERROR:
        return _unproven(status, tid, write=write, fault_code=code)
    error = faults.to_error(fault, intuit_tid=tid)
    if isinstance(error, QboDisconnected):
        return Answer(outcome="refused", status=status, intuit_tid=tid, fault_code=code, error=error)
    if status == UNAUTHORISED or faults.TOKEN_EXPIRED in fault.codes:
        return _unauthorised(status, tid, code)
    if isinstance(error, QboRefused):
        code = error.fault_code
    return Answer(outcome="refused", status=status, intuit_tid=tid, fault_code=code, error=error)


def _throttled(response: httpx2.Response, tid: str) -> Answer:
    header = response.headers.get("Retry-After", "")
    return Answer(
        outcome="not_sent",
        status=response.status_code,
        intuit_tid=tid,
        fault_code=faults.THROTTLED,
        error=QboThrottled(status=response.status_code, intuit_tid=tid),
        retry_after_s=int(header) if re.fullmatch(r"[0-9]{1,4}", header) else None,
    )


def _unauthorised(status: int, tid: str, code: str | None) -> Answer:
    error = QboDisconnected("QBO refuses the access token.", status=status, fault_code=code or "", intuit_tid=tid)
    return Answer(outcome="not_sent", status=status, intuit_tid=tid, fault_code=code, error=error, unauthorised=True)


def _not_sent(status: int, tid: str) -> Answer:
    return Answer(outcome="not_sent", status=status, intuit_tid=tid, error=QboNotSent(status=status, intuit_tid=tid))


def _unproven(status: int, tid: str, *, write: bool, fault_code: str | None = None) -> Answer:
    kind = QboOutcomeUnknown if write else QboNotSent
    return Answer(
        outcome="unknown" if write else "not_sent",
        status=status,
        intuit_tid=tid,
        fault_code=fault_code,
        error=kind(status=status, intuit_tid=tid, fault_code=fault_code or ""),
    )


def _json(response: httpx2.Response) -> Any:
    try:
        return wire.loads(response.content)
    except ValueError:
        return None


def _tid(response: httpx2.Response) -> str:
    found = response.headers.get("intuit_tid") or response.headers.get("Intuit-Tid") or ""
    return found if _TID.fullmatch(found) else ""
