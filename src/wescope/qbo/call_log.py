"""The log and the trace of calls to QBO: a line and a span for each, with the ids that Intuit's support asks for."""

import logging

import structlog

from wescope.observe.logs import bound
from wescope.observe.traces import told
from wescope.qbo.attempts import Attempt
from wescope.qbo.lanes import LANE, Lane

_log = structlog.get_logger(__name__)
_READS = frozenset({"query", "read"})


def log_call(attempt: Attempt) -> None:
    """A hook of the client: it runs in the context of whoever made the call, so that the line names the subject."""
    # A read does not say for which document it is; who made it may have bound that.
    with bound(document_key=attempt.document_key):
        _log.log(
            _level(attempt),
            "QBO call",
            operation=attempt.operation,
            entity=attempt.entity or None,
            request_id=attempt.request_id,
            batch_id=attempt.batch_id,
            intuit_tid=attempt.intuit_tid,
            http_status=attempt.status,
            fault_code=attempt.fault_code,
            outcome=attempt.outcome,
            milliseconds=attempt.milliseconds,
        )
    told(
        f"qbo {attempt.operation}",
        attempt.started_at,
        attempt.milliseconds / 1000,
        operation=attempt.operation,
        entity=attempt.entity or None,
        document_key=attempt.document_key,
        request_id=attempt.request_id,
        batch_id=attempt.batch_id,
        intuit_tid=attempt.intuit_tid,
        http_status=attempt.status,
        fault_code=attempt.fault_code,
        outcome=attempt.outcome,
    )


def _level(attempt: Attempt) -> int:
    """What nobody knows the end of is a warning; reads, and all of a backlog that went well, are for debugging."""
    if attempt.outcome in {"not_sent", "unknown"}:
        return logging.WARNING
    if attempt.outcome == "ok" and (attempt.operation in _READS or LANE.get() is Lane.BACKLOG):
        return logging.DEBUG
    return logging.INFO
