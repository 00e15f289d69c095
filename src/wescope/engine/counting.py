"""Counting: the metrics of a process, and how requests to QBO get into them."""

from dataclasses import dataclass
from http import HTTPStatus

from wescope.observe.metrics import Metrics
from wescope.qbo.attempts import Attempt
from wescope.qbo.faults import KNOWN_CODES
from wescope.stripe.events import EVENTS


def new_metrics() -> Metrics:
    """Metrics that know the labels which may be shown."""
    return Metrics(EVENTS, {*KNOWN_CODES, *(str(status.value) for status in HTTPStatus)})


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts requests to QBO."""

    metrics: Metrics

    def __call__(self, attempt: Attempt) -> None:
        """Count one."""
        self.metrics.qbo_call(
            operation=attempt.operation,
            entity=attempt.entity or "",
            outcome=attempt.outcome,
            seconds=attempt.milliseconds / 1000,
            requests=attempt.requests,
            fault=_fault_of(attempt),
        )


def _fault_of(attempt: Attempt) -> str | None:
    """QBO's code of a call that failed, or its HTTP status; null of one that did not, or that nobody answered."""
    if attempt.outcome == "ok":
        return None
    return attempt.fault_code or (str(attempt.status) if attempt.status else None)
