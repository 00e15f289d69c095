"""The notifier: tells people when an alert begins, while it lasts, and when it is over; once over all processes.

Every process looks; the table `notices` decides who tells what. It reads the database only and sends in the background,
so neither a slow receiver nor a service that is away holds up the work. While the database itself is away nothing can
be told from here: that is for Prometheus or Cloud Monitoring (`service_down`).
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.config.alerts import AlertThresholds
from wescope.engine.alerts import alerts_of, told
from wescope.engine.notice_targets import Message, NoticeFailed, NoticeLimited, Target
from wescope.engine.results import Alert
from wescope.engine.situation import Observer
from wescope.errors import DatabaseUnavailable
from wescope.links.database import transaction
from wescope.links.notices import (
    Notice,
    NoticeKind,
    TargetState,
    claim,
    see,
    settle_failed,
    settle_sent,
    target_states,
)
from wescope.observe.alert_rules import RULES
from wescope.observe.metrics import Metrics

_log = structlog.get_logger(__name__)

LOOK_EVERY_S = 30.0
_QUIET = timedelta(minutes=5)
"""An alert that comes back sooner was never over: one that flickers would otherwise be told of each time."""

_PAUSE = timedelta(minutes=1)
"""The least time between two messages to a target: what comes together is told together."""

_HOLD = timedelta(minutes=1)
_AGAIN_FIRST, _AGAIN_LAST = timedelta(seconds=30), timedelta(minutes=15)
_WORDS = {NoticeKind.BEGAN: "ALERT", NoticeKind.REMINDER: "STILL ON", NoticeKind.ENDED: "OVER"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReport:
    """How a target fares. `ok` is null if nothing was ever sent; `code` and `remedy` say why it fails."""

    target: str
    ok: bool | None
    sent_at: datetime | None = None
    code: str | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReport:
    """The alerts that are on, the most urgent first, and those whom they are sent to."""

    alerts: tuple[Alert, ...]
    targets: tuple[TargetReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Sends what is to be told to all targets."""

    engine: AsyncEngine
    realm_id: str
    observer: Observer
    thresholds: AlertThresholds
    targets: Sequence[Target]
    metrics: Metrics
    quiet: timedelta = _QUIET
    pause: timedelta = _PAUSE
    again_first: timedelta = _AGAIN_FIRST

    async def watch(self) -> None:
        """Look and tell, for ever, until it is canceled; without targets there is nothing to do."""
        while self.targets:
            try:
                await self.tick()
            except DatabaseUnavailable as error:
                _log.warning("chore failed", operation="alerts", code=error.code)
            except Exception:  # noqa: BLE001 - the service would look watched and nobody would be told any more
                _log.exception("chore failed", operation="alerts", code="internal")
            await asyncio.sleep(LOOK_EVERY_S * random.uniform(0.8, 1.2))  # noqa: S311 - only spreads the load

    async def tick(self) -> None:
        """Look once, and send what is due now.

        Raises:
            DatabaseUnavailable: nobody knows what is to be told.
        """
        alerts = {alert.code: alert for alert in alerts_of(await self.observer.look(), self.thresholds)}
        async with transaction(self.engine) as connection:
            names = [target.name for target in self.targets]
            await see(connection, self.realm_id, names, alerts, quiet=self.quiet)
        # One after the other would let a slow receiver keep the next one waiting.
        sending = [self._tell(target, alerts) for target in self.targets]
        for result in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def report(self) -> AlertReport:
        """What is on now, and how the targets fare.

        Raises:
            DatabaseUnavailable: the tables cannot be read.
        """
        alerts = alerts_of(await self.observer.look(), self.thresholds)
        async with transaction(self.engine) as connection:
            states = {state.target: state for state in await target_states(connection, self.realm_id)}
        return AlertReport(
            alerts=alerts, targets=tuple(_report(target.name, states.get(target.name)) for target in self.targets)
        )

    async def test(self) -> tuple[TargetReport, ...]:
        """Send a message to all targets that says that it is a test."""
        text = "This is a test of the alerts. Nothing is wrong, and there is nothing to do."
        message = Message(subject=f"WeScope Sync, company {self.realm_id}: test", text=text)
        return tuple(await asyncio.gather(*(self._try(target, message) for target in self.targets)))

    async def _try(self, target: Target, message: Message) -> TargetReport:
        try:
            await self._send(target, message)
        except NoticeFailed as error:
            return TargetReport(target=target.name, ok=False, code=_reason(error), remedy=error.remedy)
        return TargetReport(target=target.name, ok=True, sent_at=datetime.now(UTC))

    async def _tell(self, target: Target, alerts: Mapping[str, Alert]) -> None:
        async with transaction(self.engine) as connection:
            due = await claim(
                connection, self.realm_id, target.name, remind_every=self.thresholds.remind_every, hold=_HOLD
            )
        if not due:
            return
        try:
            await self._send(target, message_of(due, alerts, self.realm_id, self.thresholds.runbooks))
        except NoticeFailed as error:
            _log.warning("alert not sent", operation=target.name, code=error.code, reason_code=_reason(error))
            first, last = self.again_first, _AGAIN_LAST
            if isinstance(error, NoticeLimited):
                first = last = timedelta(seconds=error.wait_s)
            async with transaction(self.engine) as connection:
                await settle_failed(connection, self.realm_id, target.name, _reason(error), first=first, last=last)
            return
        async with transaction(self.engine) as connection:
            await settle_sent(connection, self.realm_id, target.name, due, pause=self.pause)

    async def _send(self, target: Target, message: Message) -> None:
        try:
            await target.send(message)
        except NoticeFailed as error:
            outcome = "limited" if isinstance(error, NoticeLimited) else "failed"
            self.metrics.notice(target=target.name, outcome=outcome)
            raise
        self.metrics.notice(target=target.name, outcome="sent")
        _log.info("alert sent", operation=target.name)


def message_of(due: Sequence[Notice], alerts: Mapping[str, Alert], realm_id: str, runbooks: str) -> Message:
    """One message of all that is due.

    Args:
        due: what is to be told.
        alerts: those that are on, by code.
        realm_id: Intuit's id of the company.
        runbooks: where the runbooks are.
    """
    codes = ", ".join(f"{_WORDS[notice.kind]} {notice.code}" for notice in due)
    paragraphs = [_paragraph(notice, alerts.get(notice.code), runbooks) for notice in due]
    return Message(subject=f"WeScope Sync, company {realm_id}: {codes}", text="\n\n".join(paragraphs))


def _paragraph(notice: Notice, alert: Alert | None, runbooks: str) -> str:
    rule = RULES.get(notice.code)
    title = f"{rule.title}." if rule else notice.code  # a newer version may know more alerts
    if notice.kind is NoticeKind.ENDED:
        lasted = (notice.ended_at or notice.began_at) - notice.began_at
        return f"OVER {notice.code}: {title} It began at {_moment(notice.began_at)} and lasted {told(lasted)}."
    since = alert.since if alert and alert.since else notice.began_at
    lines = [
        f"{_WORDS[notice.kind]} {notice.code}: {alert.text if alert else title}",
        f"Since {_moment(since)}.",
        f"What to do: {alert.remedy if alert else rule.remedy if rule else ''}",
        f"Runbook: {runbooks.rstrip('/')}/{notice.code}.md",
    ]
    return "\n".join(lines)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _reason(error: NoticeFailed) -> str:
    return str(error.details.get("reason", error.code))


def _report(name: str, state: TargetState | None) -> TargetReport:
    if state is None or (state.sent_at is None and not state.failures):
        return TargetReport(target=name, ok=None)
    remedy = NoticeFailed.remedy if state.failures else ""
    return TargetReport(target=name, ok=not state.failures, sent_at=state.sent_at, code=state.last_code, remedy=remedy)
