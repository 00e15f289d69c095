"""Metrics of one process in a registry of its own, as the table of metrics defines them; every label is bounded."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from wescope.observe.metric_table import METRICS, PREFIX, MetricKind, Scope

CONTENT_TYPE = CONTENT_TYPE_LATEST
UNKNOWN, OTHER = "unknown", "other"
QBO_CHANGES = "qbo.changes"
"""The type under which a delivery of QBO's webhooks is counted, whatever it says."""
NOT_A_NUMBER = float("nan")
_OF_THE_SYSTEM = "Of the whole system: every process shows the same, so take the max."


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One number of the state of the system: of which metric, with which labels."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class Metrics:
    """What one process counts. Ids and names are never labels, and amounts never either."""

    def __init__(self, known_event_types: Collection[str] = (), known_faults: Collection[str] = ()) -> None:
        """Take what may be a label: Stripe's event types (others are "unknown"), QBO's fault codes (else "other")."""
        self._known_event_types = frozenset({*known_event_types, QBO_CHANGES})
        self._known_faults = frozenset(known_faults)
        self.registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for name, one in METRICS.items():
            full_name, labels = f"{PREFIX}{name}", list(one.labels)
            text = f"{one.text} {_OF_THE_SYSTEM}" if one.scope is Scope.SYSTEM else one.text
            match one.kind:
                case MetricKind.COUNTER:
                    self._counters[name] = Counter(full_name, text, labels, registry=self.registry)
                case MetricKind.GAUGE:
                    self._gauges[name] = Gauge(full_name, text, labels, registry=self.registry)
                case MetricKind.HISTOGRAM:
                    self._histograms[name] = Histogram(
                        full_name, text, labels, buckets=one.buckets, registry=self.registry
                    )
        self._forget()

    def webhook(self, *, event_type: str, outcome: str) -> None:
        """Count one webhook; `outcome` is stored, duplicate, ignored, unknown, or the code of its refusal."""
        label = event_type if event_type in self._known_event_types else UNKNOWN
        self._counters["webhooks"].labels(type=label, outcome=outcome).inc()

    def qbo_call(
        self,
        *,
        operation: str,
        entity: str,
        outcome: str,
        seconds: float,
        requests: int = 1,
        fault: str | None = None,
    ) -> None:
        """Count one call to QBO: `operation` and `entity` from our tables, `outcome` of `qbo.attempts`.

        `requests` is how many HTTP requests it was: the items of one batch are one in all. `fault` is QBO's code.
        """
        self._counters["qbo_requests"].inc(requests)
        self._counters["qbo_calls"].labels(operation=operation, entity=entity, outcome=outcome).inc()
        self._histograms["qbo_call_seconds"].labels(operation=operation).observe(seconds)
        if fault is not None:
            label = fault if fault in self._known_faults else OTHER
            self._counters["qbo_faults"].labels(operation=operation, fault=label).inc()

    def posted(self, *, entity: str, seconds: float) -> None:
        """Note how long after its webhook's receipt a document stands in QBO."""
        self._histograms["webhook_to_posted_seconds"].labels(entity=entity).observe(max(0, seconds))

    def stripe_call(self, outcome: str) -> None:
        """Count one read of Stripe: ok, or the code of the error."""
        self._counters["stripe_calls"].labels(outcome=outcome).inc()

    def notice(self, *, target: str, outcome: str) -> None:
        """Count one message of the notifier: sent, limited (its receiver asks to wait), failed."""
        self._counters["notices"].labels(target=target, outcome=outcome).inc()

    def show(self, samples: Iterable[Sample]) -> None:
        """Set the metrics of the system to its state at this moment; what is not among the samples is unknown."""
        self._forget()
        for sample in samples:
            gauge = self._gauges[sample.name]
            (gauge.labels(**sample.labels) if sample.labels else gauge).set(sample.value)
        self._gauges["database_up"].set(1)

    def stale(self) -> None:
        """Say that the state could not be read: what is shown of the system is as it was before."""
        self._gauges["database_up"].set(0)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)

    def _forget(self) -> None:
        for name, gauge in self._gauges.items():
            if METRICS[name].scope is Scope.PROCESS:
                continue
            if METRICS[name].labels:
                gauge.clear()
            else:
                gauge.set(NOT_A_NUMBER)
