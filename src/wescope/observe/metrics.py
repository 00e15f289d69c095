"""Metrics: counters, gauges and a histogram in a registry of their own; every label has a bounded set of values."""

from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
UNKNOWN = "unknown"
QBO_CHANGES = "qbo.changes"
"""The type under which a delivery of QBO's webhooks is counted, whatever it says."""
NOT_A_NUMBER = float("nan")
CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Buckets: QBO answers in 0.2 to 5 s; the last ones are its time-outs."""


class Metrics:
    """What one process counts. Amounts, ids and names are never labels."""

    def __init__(self, known_event_types: Collection[str] = ()) -> None:
        """Take the Stripe event types that may be label values; all others count as "unknown"."""
        self._known_event_types = frozenset({*known_event_types, QBO_CHANGES})
        self.registry = CollectorRegistry()
        self._webhooks = Counter(
            "wescope_webhooks", "Webhooks by event type and outcome.", ["type", "outcome"], registry=self.registry
        )
        self._requests = Counter("wescope_qbo_requests", "HTTP requests to QBO.", registry=self.registry)
        self._calls = Counter(
            "wescope_qbo_calls", "Calls to QBO.", ["operation", "entity", "outcome"], registry=self.registry
        )
        self._call_seconds = Histogram(
            "wescope_qbo_call_seconds",
            "How long calls to QBO took.",
            ["operation"],
            buckets=CALL_SECONDS,
            registry=self.registry,
        )
        self._gauges = {
            name: Gauge(f"wescope_{name}", text, registry=self.registry)
            for name, text in (
                ("backlog", "Subjects that wait for work."),
                ("oldest_hint_age_s", "Age of the oldest waiting hint in seconds; 0 if none waits."),
                ("in_flight", "Subjects that are worked on."),
                ("parked", "Documents that are parked."),
                ("posted", "Documents that are posted, in all."),
                ("qbo_connected", "1 if QBO can be worked with, 0 if somebody must connect again; NaN if unknown."),
                ("qbo_reads_this_month", "Metered reads of QBO in this month (UTC)."),
                ("alerts", "What a person must act on or should know now; see status."),
                ("refresh_token_days_left", "Days until the QBO refresh token expires; NaN if unknown."),
            )
        }
        self._gauges["refresh_token_days_left"].set(NOT_A_NUMBER)
        self._gauges["qbo_connected"].set(NOT_A_NUMBER)

    def webhook(self, *, event_type: str, outcome: str) -> None:
        """Count one webhook; `outcome` is stored, duplicate, ignored, unknown, or the code of its refusal."""
        label = event_type if event_type in self._known_event_types else UNKNOWN
        self._webhooks.labels(type=label, outcome=outcome).inc()

    def qbo_call(self, *, operation: str, entity: str, outcome: str, seconds: float, requests: int = 1) -> None:
        """Count one call to QBO: `operation` and `entity` from our tables, `outcome` ok or an error's code.

        `requests` is how many HTTP requests it was: the items of one batch are one in all.
        """
        self._requests.inc(requests)
        self._calls.labels(operation=operation, entity=entity, outcome=outcome).inc()
        self._call_seconds.labels(operation=operation).observe(seconds)

    def show(
        self,
        *,
        backlog: int,
        oldest_hint_age_s: int | None,
        in_flight: int,
        parked: int,
        posted: int,
        refresh_token_days_left: int | None,
        qbo_connected: bool | None = None,
        qbo_reads_this_month: int = 0,
        alerts: int = 0,
    ) -> None:
        """Set the gauges to the state of the service at this moment."""
        gauges = self._gauges
        gauges["backlog"].set(backlog)
        gauges["oldest_hint_age_s"].set(oldest_hint_age_s or 0)
        gauges["in_flight"].set(in_flight)
        gauges["parked"].set(parked)
        gauges["posted"].set(posted)
        gauges["qbo_connected"].set(NOT_A_NUMBER if qbo_connected is None else qbo_connected)
        gauges["qbo_reads_this_month"].set(qbo_reads_this_month)
        gauges["alerts"].set(alerts)
        days_left = refresh_token_days_left
        gauges["refresh_token_days_left"].set(NOT_A_NUMBER if days_left is None else days_left)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)
