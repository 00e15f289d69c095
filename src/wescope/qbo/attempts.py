"""Attempts: what every call to QBO tells its hooks. Ids, codes and times only: no bodies, no tokens."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Operation = Literal["create", "update", "void", "delete", "query", "read", "token"]
Outcome = Literal["ok", "refused", "not_sent", "unknown"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to QBO or to its token end point, and how it ended; one of each item for a batch.

    `outcome` says what is known about the books: `ok` done, `refused` not done, `not_sent` surely not processed,
    `unknown` perhaps done. `started_at` is in UTC. The items of one HTTP request share `batch_id` and `started_at`;
    `batch_id` is null for a single request. `requests` is how many HTTP requests to count for it: 1, but 0 for all
    items of a batch except the first.
    """

    realm_id: str
    operation: Operation
    entity: str
    document_key: str | None
    request_id: str | None
    intuit_tid: str | None
    status: int | None
    fault_code: str | None
    outcome: Outcome
    started_at: datetime
    milliseconds: int
    batch_id: str | None = None
    requests: Literal[0, 1] = 1


AttemptHook = Callable[[Attempt], None]
"""Called after each request, in the event loop: it must not block."""


def tell(hooks: Iterable[AttemptHook], attempt: Attempt) -> None:
    """Tell all hooks; one that fails is logged and changes nothing, for the answer of a write must not get lost."""
    for hook in hooks:
        try:
            hook(attempt)
        except Exception as error:  # noqa: BLE001 - whatever an observer does wrong, the write has happened
            _log.warning("an attempt hook failed: %s", type(error).__name__)
