"""Samples: the situation as the numbers of the metrics of the system. Pure."""

import inspect
from collections.abc import Iterator, Mapping

from wescope import errors
from wescope.books.money import to_decimal
from wescope.config.alerts import AlertThresholds
from wescope.engine.alerts import CODES, alerts_of, are_reads_blocked, failing_since, owner_of, parked_for_operator
from wescope.engine.results import ConnectionWord
from wescope.engine.situation import LastTieOut, Situation
from wescope.observe.metrics import OTHER, Sample
from wescope.qbo.limits import BATCHES_PER_MINUTE, IN_FLIGHT, PER_MINUTE

_CONNECTED = {ConnectionWord.CONNECTED: 1, ConnectionWord.RECONNECT: 0}
LANES = ("live", "backlog")
KNOWN_FAILURES = frozenset(
    error.code for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, errors.WescopeError)
) | {"internal", "not_settled"}
"""Codes of failed runs that are labels by themselves."""


def samples_of(seen: Situation, thresholds: AlertThresholds) -> tuple[Sample, ...]:
    """The state as samples; what is not known is not among them.

    Args:
        seen: the system as it is.
        thresholds: from where on something is an alert.
    """
    return (
        *_work(seen),
        *_parked(seen),
        *_qbo(seen),
        *_tieout(seen, seen.tieout),
        *_runs(seen),
        *_labelled("drift", "kind", seen.drift),
        *_alerts(seen, thresholds),
        *_thresholds(seen, thresholds),
    )


def _one(name: str, value: float | None) -> Iterator[Sample]:
    if value is not None:
        yield Sample(name=name, value=value)


def _labelled(name: str, label: str, values: Mapping[str, float]) -> Iterator[Sample]:
    for key, value in sorted(values.items()):
        yield Sample(name=name, value=value, labels={label: key})


def _work(seen: Situation) -> Iterator[Sample]:
    waiting = seen.waiting
    yield from _one("backlog", waiting.count)
    yield from _labelled("queue_depth", "lane", {lane: waiting.by_lane.get(lane, 0) for lane in LANES})
    yield from _one("oldest_hint_age_s", _seconds(seen, "waiting", default=0))
    yield from _one("in_flight", seen.in_flight)
    yield from _one("workers", seen.workers)
    failing: dict[str, float] = {}
    for code, (count, _) in waiting.failing.items():
        label = code if code in KNOWN_FAILURES else OTHER
        failing[label] = failing.get(label, 0) + count
    yield from _labelled("subjects_failing", "code", failing)
    yield from _one("failing_age_s", _seconds(seen, "failing", default=0))
    yield from _one("webhook_age_s", _seconds(seen, "webhook"))
    yield from _one("posted", seen.posted)


def _seconds(seen: Situation, what: str, default: int | None = None) -> int | None:
    moments = {
        "waiting": seen.waiting.oldest_at,
        "failing": failing_since(seen),
        "webhook": seen.webhook_at,
        "tieout": seen.tieout.at if seen.tieout else None,
    }
    age = seen.age(moments[what])
    return default if age is None else int(age.total_seconds())


def _parked(seen: Situation) -> Iterator[Sample]:
    yield from _one("parked", sum(one.count for one in seen.parked))
    items: dict[str, int] = {}
    for one in seen.parked:
        items[one.code] = items.get(one.code, 0) + one.count
        labels = {"code": one.code, "owner": owner_of(one.code).value, "currency": one.currency}
        yield Sample(name="parked_amount", value=_major(one.amount, one.currency), labels=labels)
    for code, count in sorted(items.items()):
        yield Sample(name="parked_items", value=count, labels={"code": code, "owner": owner_of(code).value})


def _major(amount: int, currency: str) -> float:
    """An amount in major units. Prometheus knows no other numbers; nothing is computed with it."""
    return float(to_decimal(amount, currency))


def _qbo(seen: Situation) -> Iterator[Sample]:
    yield from _one("qbo_connected", _CONNECTED.get(seen.connection.word))
    ends = seen.connection.refresh_expires_at
    yield from _one("refresh_token_days_left", (ends - seen.now).days if ends else None)
    used = {
        "requests_per_minute": seen.limits.requests / PER_MINUTE,
        "batches_per_minute": seen.limits.batches / BATCHES_PER_MINUTE,
        "in_flight": seen.limits.in_flight / IN_FLIGHT,
    }
    yield from _labelled("qbo_limit_used", "limit", used)
    yield from _one("qbo_reads_this_month", seen.reads.reads)
    yield from _one("qbo_monthly_reads", seen.monthly_reads)
    yield from _one("qbo_reads_blocked", int(are_reads_blocked(seen)))


def _tieout(seen: Situation, last: LastTieOut | None) -> Iterator[Sample]:
    if last is None:
        return
    yield from _one("tieout_balanced", int(last.is_balanced))
    yield from _one("tieout_age_s", _seconds(seen, "tieout"))
    yield from _labelled(
        "tieout_difference", "currency", {name: float(text) for name, text in last.differences.items()}
    )


def _runs(seen: Situation) -> Iterator[Sample]:
    for kind, health in sorted(seen.runs.items()):
        age = seen.age(health.success_at or health.first_at)
        if age is not None:
            yield Sample(name="run_success_age_s", value=int(age.total_seconds()), labels={"kind": kind})
        yield Sample(name="run_failing", value=int(health.failed_at is not None), labels={"kind": kind})
    if sweep := seen.runs.get("sweep"):
        yield from _one("sweep_found", sweep.found)


def _alerts(seen: Situation, thresholds: AlertThresholds) -> Iterator[Sample]:
    active = {alert.code for alert in alerts_of(seen, thresholds)}
    yield from _one("alerts", len(active))
    yield from _labelled("alert_active", "alert", {code: int(code in active) for code in CODES})


def _thresholds(seen: Situation, thresholds: AlertThresholds) -> Iterator[Sample]:
    ages = {
        "oldest_hint": thresholds.backlog_age,
        "sync_failing": thresholds.failing_for,
        "webhooks_silent": thresholds.webhooks_silent,
        "sweep_failing": thresholds.sweep_age,
    }
    numbers = {code: int(age.total_seconds()) for code, age in ages.items() if age}
    numbers |= {
        "refresh_token_ends": thresholds.token_days,
        "drift_found": thresholds.drift_count,
    }
    for code, number in sorted(numbers.items()):
        if number:
            yield Sample(name="alert_threshold", value=number, labels={"alert": code, "currency": ""})
    if thresholds.reads_percent and seen.monthly_reads:
        reads = thresholds.reads_percent * seen.monthly_reads / 100
        yield Sample(name="alert_threshold", value=reads, labels={"alert": "qbo_reads_high", "currency": ""})
    for currency in sorted(parked_for_operator(seen)):
        if limit := thresholds.parked_limit(currency):
            labels = {"alert": "parked_high", "currency": currency}
            yield Sample(name="alert_threshold", value=limit, labels=labels)
