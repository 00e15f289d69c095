"""Calls: one thing asked of QBO, as a request of its own or as an item of a batch (facts/qbo.md 5.2)."""

import asyncio
from collections.abc import Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from wescope.qbo import wire
from wescope.qbo.answers import Answer
from wescope.qbo.attempts import Operation
from wescope.qbo.lanes import LANE, SEND_BY, Lane

NAME_ENTITIES = frozenset({"Customer", "Vendor", "Employee"})
"""They share one list of names, to which QBO lets one request write at a time (facts/qbo.md 2.4, 6000)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, as it is sent again after a refresh or when it did not leave."""

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

    @property
    def writes_name(self) -> bool:
        """Whether it writes to the list of names."""
        return self.write and self.entity in NAME_ENTITIES

    def as_item(self, b_id: str) -> str:
        """The JSON of this call (a write or a query) as an item of a batch, under the id `b_id` in it."""
        if self.operation == "query":
            return f'{{"bId":{wire.dumps(b_id)},"Query":{wire.dumps(self.body)}}}'
        operation, options = self.parameters.get("operation", self.operation), ""
        if "include" in self.parameters:
            options = f',"optionsData":{wire.dumps(self.parameters["include"])}'
        head = f'"bId":{wire.dumps(b_id)},"operation":{wire.dumps(operation)}{options}'
        return f"{{{head},{wire.dumps(self.entity)}:{self.body}}}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """A call that somebody waits for. Times are the event loop's, in seconds.

    `context` is that of who made the call: hooks are told of it there, whichever task has sent it.
    """

    call: Call
    lane: Lane
    since: float
    send_by: float | None
    answer: asyncio.Future[Answer]
    context: Context = field(default_factory=copy_context)

    @classmethod
    def of(cls, call: Call) -> "Item":
        """The call as the current task makes it: in its lane and, if it writes, with its deadline."""
        loop = asyncio.get_running_loop()
        send_by = SEND_BY.get() if call.write else None
        return cls(call=call, lane=LANE.get(), since=loop.time(), send_by=send_by, answer=loop.create_future())

    def too_late(self, now: float) -> bool:
        """Whether it must not leave any more."""
        return self.send_by is not None and now > self.send_by

    def settle(self, answer: Answer) -> None:
        """Give the answer to whoever still waits for it."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        """Give an error to whoever still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)
