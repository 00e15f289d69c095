"""Alerts: what a person must know of now, computed from the situation; the codes are those of `alert_rules`. Pure."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from wescope.books.money import Money, exponent
from wescope.books.parking import REASONS, Owner
from wescope.config.alerts import AlertThresholds
from wescope.engine.connection import WAITING_CODES, remedy_of
from wescope.engine.results import Alert, ConnectionWord
from wescope.engine.situation import Situation
from wescope.errors import QboReadsBlocked
from wescope.observe.alert_rules import RULES

PAUSED_CODES = frozenset({*WAITING_CODES, QboReadsBlocked.code})
"""What fails with these waits for something that has an alert of its own."""


def alerts_of(seen: Situation, thresholds: AlertThresholds) -> tuple[Alert, ...]:
    """What somebody must act on or should know, the most urgent first.

    Args:
        seen: the system as it is.
        thresholds: from where on something is an alert.
    """
    return tuple(alert for check in _CHECKS.values() for alert in check(seen, thresholds))


def failing_since(seen: Situation) -> datetime | None:
    """Since when the oldest of what fails waits; what is only paused does not count."""
    moments = [oldest for code, (_, oldest) in seen.waiting.failing.items() if code not in PAUSED_CODES]
    return min(moments, default=None)


def parked_for_operator(seen: Situation) -> dict[str, int]:
    """Amounts (minor units) by currency that wait for an operator."""
    sums: dict[str, int] = {}
    for one in seen.parked:
        if owner_of(one.code) is Owner.OPERATOR and one.amount:
            sums[one.currency] = sums.get(one.currency, 0) + one.amount
    return sums


def owner_of(park_code: str) -> Owner:
    """Who can mend what is parked with a code; ours is what only a newer version knows."""
    return next((reason.owner for code, reason in REASONS.items() if code == park_code), Owner.US)


def _alert(code: str, text: str, *, remedy: str = "", since: datetime | None = None) -> Alert:
    return Alert(code=code, text=text, remedy=remedy or RULES[code].remedy, since=since)


def _connection(seen: Situation, _: AlertThresholds) -> Iterator[Alert]:
    lost = seen.connection
    if lost.word is ConnectionWord.RECONNECT and lost.code:
        text = f"QuickBooks Online is not connected ({lost.code}). Nothing is posted; all work is kept."
        yield _alert("qbo_reconnect", text, remedy=remedy_of(lost.code), since=lost.since)


def _token(seen: Situation, thresholds: AlertThresholds) -> Iterator[Alert]:
    ends = seen.connection.refresh_expires_at
    if seen.connection.word is ConnectionWord.RECONNECT or ends is None:
        return
    if thresholds.token_days and ends - seen.now < timedelta(days=thresholds.token_days):
        days = max(0, (ends - seen.now).days)
        yield _alert("refresh_token_ends", f"The connection to QuickBooks Online ends in {days} days.")


def _reads_blocked(seen: Situation, _: AlertThresholds) -> Iterator[Alert]:
    if are_reads_blocked(seen):
        text = f"This month's metered reads of QuickBooks Online are used up ({seen.reads.reads}). Writes go on."
        yield _alert(QboReadsBlocked.code, text, since=seen.reads.blocked_at)


def are_reads_blocked(seen: Situation) -> bool:
    """Whether the month's reads are used up."""
    return seen.reads.blocked_at is not None or 0 < seen.monthly_reads <= seen.reads.reads


def _reads_high(seen: Situation, thresholds: AlertThresholds) -> Iterator[Alert]:
    if are_reads_blocked(seen) or not seen.monthly_reads or not thresholds.reads_percent:
        return
    if seen.reads.reads * 100 >= thresholds.reads_percent * seen.monthly_reads:
        text = f"{seen.reads.reads} of this month's {seen.monthly_reads} metered reads of QuickBooks Online are used."
        yield _alert("qbo_reads_high", text)


def _failing(seen: Situation, thresholds: AlertThresholds) -> Iterator[Alert]:
    since = failing_since(seen)
    if _is_older(seen, since, thresholds.failing_for):
        codes = sorted(code for code in seen.waiting.failing if code not in PAUSED_CODES)
        count = sum(seen.waiting.failing[code][0] for code in codes)
        yield _alert("sync_failing", f"{count} subjects fail again and again ({', '.join(codes)}).", since=since)


def _backlog(seen: Situation, thresholds: AlertThresholds) -> Iterator[Alert]:
    oldest = seen.waiting.oldest_at
    if _is_older(seen, oldest, thresholds.backlog_age):
        text = f"Work has been waiting for over {told(thresholds.backlog_age)}: {seen.waiting.count} subjects."
        yield _alert("oldest_hint", text, since=oldest)


def _webhooks(seen: Situation, thresholds: AlertThresholds) -> Iterator[Alert]:
    if _is_older(seen, seen.webhook_at, thresholds.webhooks_silent):
        text = f"No webhook of Stripe's has come for over {told(thresholds.webhooks_silent)}."
        yield _alert("webhooks_silent", text, since=seen.webhook_at)


def _tieout(seen: Situation, _: AlertThresholds) -> Iterator[Alert]:
    if seen.tieout is not None and not seen.tieout.is_balanced:
        yield _alert("tieout_differs", f"The last tie-out differs by {seen.tieout.difference}.", since=seen.tieout.at)


def _parked(seen: Situation, thresholds: AlertThresholds) -> Iterator[Alert]:
    high = [
        str(Money(amount=amount, currency=currency))
        for currency, amount in sorted(parked_for_operator(seen).items())
        if (limit := thresholds.parked_limit(currency)) and amount > limit * 10 ** exponent(currency)
    ]
    if high:
        yield _alert("parked_high", f"Documents of {', '.join(high)} are parked and wait for somebody.")


def _sweep(seen: Situation, thresholds: AlertThresholds) -> Iterator[Alert]:
    health = seen.runs.get("sweep")
    if health is None:
        return
    if health.failed_at is not None:
        yield _alert("sweep_failing", "The last sweep has failed.", since=health.failed_at)
    elif _is_older(seen, last := health.success_at or health.first_at, thresholds.sweep_age):
        text = f"No sweep has come to its end for over {told(thresholds.sweep_age)}."
        yield _alert("sweep_failing", text, since=last)


def _drift(seen: Situation, thresholds: AlertThresholds) -> Iterator[Alert]:
    count = sum(seen.drift.values())
    if thresholds.drift_count and count >= thresholds.drift_count:
        kinds = ", ".join(f"{kind}: {number}" for kind, number in sorted(seen.drift.items()))
        yield _alert(
            "drift_found", f"{count} changes in QuickBooks Online wait for you ({kinds}).", since=seen.drift_at
        )


def _is_older(seen: Situation, moment: datetime | None, limit: timedelta | None) -> bool:
    age = seen.age(moment)
    return age is not None and limit is not None and age > limit


def told(age: timedelta | None) -> str:
    """A time as people say it: in minutes, in hours, or in days."""
    minutes = int((age or timedelta()).total_seconds()) // 60
    for size, name in ((1440, "days"), (60, "hours")):
        if minutes % size == 0 and minutes >= 2 * size:
            return f"{minutes // size} {name}"
    return "an hour" if minutes == 60 else f"{minutes} minutes"  # noqa: PLR2004 - of an hour


_CHECKS: Mapping[str, Callable[[Situation, AlertThresholds], Iterator[Alert]]] = MappingProxyType(
    {
        "qbo_reconnect": _connection,
        "refresh_token_ends": _token,
        "sync_failing": _failing,
        QboReadsBlocked.code: _reads_blocked,
        "qbo_reads_high": _reads_high,
        "oldest_hint": _backlog,
        "tieout_differs": _tieout,
        "parked_high": _parked,
        "sweep_failing": _sweep,
        "webhooks_silent": _webhooks,
        "drift_found": _drift,
    }
)
CODES = tuple(_CHECKS)
"""The alerts that the service itself tells of, the most urgent first."""
