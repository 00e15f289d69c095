"""The table of metrics: every one with its kind, its labels and what bounds them; docs/metrics.md is written from it.

A metric of the *process* counts what this process did: add the processes up. One of the *system* is read from the
database that all processes share, so every process shows the same: take the largest (`max`), never the sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

PREFIX = "wescope_"
CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Buckets: QBO answers in 0.2 to 5 s; the last ones are its time-outs."""

POSTED_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600, 21_600)
"""Buckets: a webhook is posted within seconds; what waits for somebody or something takes minutes and hours."""


class MetricKind(StrEnum):
    """Prometheus' types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Scope(StrEnum):
    """Of what a metric is."""

    PROCESS = "process"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDefinition:
    """One metric; its full name has `PREFIX` before `name`, and a counter's sample `_total` behind it.

    `labels` says of each label where its values come from, which is a set that does not grow.
    """

    name: str
    kind: MetricKind
    scope: Scope
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()

    @property
    def sample(self) -> str:
        """The name as it is queried."""
        return f"{PREFIX}{self.name}{'_total' if self.kind is MetricKind.COUNTER else ''}"


def _counter(name: str, text: str, **labels: str) -> MetricDefinition:
    return MetricDefinition(name=name, kind=MetricKind.COUNTER, scope=Scope.PROCESS, text=text, labels=labels)


def _histogram(name: str, text: str, buckets: tuple[float, ...], **labels: str) -> MetricDefinition:
    return MetricDefinition(
        name=name, kind=MetricKind.HISTOGRAM, scope=Scope.PROCESS, text=text, labels=labels, buckets=buckets
    )


def _state(name: str, text: str, **labels: str) -> MetricDefinition:
    return MetricDefinition(name=name, kind=MetricKind.GAUGE, scope=Scope.SYSTEM, text=text, labels=labels)


_ENTITY = "QBO's entities that we write, and those we read by name"
_OPERATION = "create, update, void, delete, query, read, token"
_CURRENCY = "lower-case ISO codes that the company's documents have"
_OWNER = "operator, stripe, qbo, us"

_TABLE = (
    _counter(
        "webhooks",
        "Webhooks by event type and outcome.",
        type="the types of events.md, `qbo.changes`, and `unknown` for all others",
        outcome="stored, duplicate, ignored, unknown, or the code of the refusal",
    ),
    _counter("qbo_requests", "HTTP requests to QBO; the items of a batch are one."),
    _counter(
        "qbo_calls",
        "Calls to QBO, each item of a batch for itself.",
        operation=_OPERATION,
        entity=_ENTITY,
        outcome="ok, refused, not_sent, unknown",
    ),
    _counter(
        "qbo_faults",
        "Calls that QBO answered with a fault.",
        operation=_OPERATION,
        fault="codes of faults that we know (facts: 610, 5010, 6240 and so on), HTTP statuses, else `other`",
    ),
    _histogram("qbo_call_seconds", "How long calls to QBO took.", CALL_SECONDS, operation=_OPERATION),
    _histogram(
        "webhook_to_posted_seconds",
        "From the receipt of a webhook until its document stands in QBO, by the database's clock.",
        POSTED_SECONDS,
        entity="QBO's entities that we write",
    ),
    _counter(
        "stripe_calls",
        "Reads of Stripe's API; the repetitions that Stripe's library makes by itself are part of one.",
        outcome="ok, or the code of the error",
    ),
    _counter(
        "notices",
        "Messages of the built-in notifier.",
        target="webhook, email",
        outcome="sent, limited, failed",
    ),
    MetricDefinition(
        name="database_up",
        kind=MetricKind.GAUGE,
        scope=Scope.PROCESS,
        text="1 if this process could read the state just now; 0: all metrics of the system are stale.",
    ),
    _state("backlog", "Subjects that wait for work."),
    _state("queue_depth", "Subjects that wait for work, by lane.", lane="live, backlog"),
    _state("oldest_hint_age_s", "Age of the oldest waiting hint in seconds; 0 if none waits."),
    _state("in_flight", "Subjects that are worked on."),
    _state("workers", "Worker processes that gave a sign of life in the last 12 s."),
    _state("subjects_failing", "Subjects whose last run failed, by its code.", code="codes of errors.md, `other`"),
    _state("failing_age_s", "How long the oldest of those has been waiting, in seconds; 0 if there is none."),
    _state("webhook_age_s", "Seconds since a webhook last brought a hint (or since the first hint of any kind)."),
    _state("parked", "Documents that are parked, but for ignored ones."),
    _state("parked_items", "The same by reason and by who can mend it.", code="codes of errors.md", owner=_OWNER),
    _state(
        "parked_amount",
        "Their amounts in major units of the currency: the one place where an amount is a floating-point number.",
        code="codes of errors.md",
        owner=_OWNER,
        currency=_CURRENCY,
    ),
    _state("posted", "Documents that are posted, in all."),
    _state("qbo_connected", "1 if QBO can be worked with, 0 if somebody must connect again; NaN if unknown."),
    _state("refresh_token_days_left", "Days until the QBO refresh token expires; NaN if unknown."),
    _state(
        "qbo_limit_used",
        "Part of QBO's limits in use, 0 to 1, over all processes: of the last minute, or at this moment.",
        limit="requests_per_minute, batches_per_minute, in_flight",
    ),
    _state("qbo_reads_this_month", "Metered reads of QBO in this month (UTC)."),
    _state("qbo_monthly_reads", "How many metered reads a month has; 0 if that is not known."),
    _state("qbo_reads_blocked", "1 if this month's metered reads are used up: only writes go."),
    _state("tieout_balanced", "1 if the last tie-out was 0.00, 0 if not; NaN if there was none."),
    _state(
        "tieout_difference",
        "Absolute difference that the last tie-out found, in major units of the currency.",
        currency=_CURRENCY,
    ),
    _state("tieout_age_s", "Seconds since the last tie-out; NaN if there was none."),
    _state(
        "run_success_age_s", "Seconds since such a run last came to its end; NaN if none did.", kind="sweep, verify"
    ),
    _state("run_failing", "1 if the newest such run has failed and waits to go on.", kind="sweep, verify"),
    _state("sweep_found", "What the last sweep found that no webhook had told of."),
    _state("drift", "Changes of people in QBO that nobody has decided about.", kind="the kinds of drift.md"),
    _state("alerts", "What a person must act on or should know now; see `wescope alerts`."),
    _state("alert_active", "1 for each alert that is on.", alert="the alerts of alerts.md"),
    _state(
        "alert_threshold",
        "From where on an alert is on, as `[alerts]` of the policy file says; none if it is switched off.",
        alert="the alerts of alerts.md",
        currency=f"empty, but for the parked amount: {_CURRENCY}",
    ),
)

METRICS: Mapping[str, MetricDefinition] = MappingProxyType({one.name: one for one in _TABLE})
"""All metrics by name (without `PREFIX`)."""
