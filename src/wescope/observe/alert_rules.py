"""The table of alerts: code, condition over our metrics, severity, remedy. Rules and policies are written from it.

The conditions compare metrics of the system with `wescope_alert_threshold`, which every process shows: so the policy
file decides for Prometheus, for Cloud Monitoring and for the built-in notifier alike. `max` is taken over all
processes, since each of them shows the same; a threshold that is switched off is not there, and nothing is over it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from wescope.errors import QboReadsBlocked

RUNBOOKS = "docs/runbooks"
"""Where the pages are, in the repository. The notifier's messages name the place of `[alerts] runbooks`."""


class AlertSeverity(StrEnum):
    """How soon somebody must look: now, or in working hours."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """One alert. `condition` is PromQL that gives something while it is on; `for_s` how long before it is told.

    In `value` stand `{value}` and `{currency}` for what the condition gives, if that says something.
    """

    code: str
    title: str
    condition: str
    remedy: str
    value: str = ""
    severity: AlertSeverity = AlertSeverity.WARNING
    for_s: int = 120
    built_in: bool = True
    """Whether the service itself can tell it, too."""

    @property
    def name(self) -> str:
        """The rule's name in Prometheus (`WescopeOldestHint`)."""
        return "Wescope" + "".join(part.capitalize() for part in self.code.split("_"))

    @property
    def runbook(self) -> str:
        """Where the page of this alert is."""
        return f"{RUNBOOKS}/{self.code}.md"

    def summary(self, value: str, currency: str) -> str:
        """The title with what the condition gives, written in a receiver's own way."""
        told = self.value.replace("{value}", value).replace("{currency}", currency)
        return f"{self.title}: {told}." if told else f"{self.title}."


def _over(metric: str, code: str, comparison: str = ">") -> str:
    return f'max({metric}) {comparison} max(wescope_alert_threshold{{alert="{code}"}})'


_TABLE = (
    AlertRule(
        code="service_down",
        title="No process is seen, or no worker lives",
        condition="absent(wescope_database_up) or max(wescope_workers) == 0 or max(wescope_database_up) == 0",
        remedy="Start the service (`wescope serve`), and look at the log of what stopped it.",
        severity=AlertSeverity.CRITICAL,
        for_s=300,
        built_in=False,
    ),
    AlertRule(
        code="qbo_reconnect",
        title="QuickBooks Online is not connected; nothing is posted, all work is kept",
        condition="min(wescope_qbo_connected) == 0",
        remedy="Run `wescope connect`.",
        severity=AlertSeverity.CRITICAL,
    ),
    AlertRule(
        code="refresh_token_ends",
        title="The connection to QuickBooks Online ends soon",
        value="in {value} days",
        condition=f"({_over('wescope_refresh_token_days_left', 'refresh_token_ends', '<')})"
        " unless min(wescope_qbo_connected) == 0",
        remedy="Run `wescope connect`.",
        for_s=600,
    ),
    AlertRule(
        code="sync_failing",
        title="Subjects fail again and again",
        value="the oldest for {value} s",
        condition=_over("wescope_failing_age_s", "sync_failing"),
        remedy="Look at the codes (`wescope status`, the log), then `wescope explain` one of the subjects.",
        severity=AlertSeverity.CRITICAL,
    ),
    AlertRule(
        code=QboReadsBlocked.code,
        title="This month's metered reads of QuickBooks Online are used up; only writes go",
        condition="max(wescope_qbo_reads_blocked) == 1",
        remedy=QboReadsBlocked.remedy,
        severity=AlertSeverity.CRITICAL,
    ),
    AlertRule(
        code="qbo_reads_high",
        title="Most of this month's metered reads of QuickBooks Online are used",
        value="{value}",
        condition=f"({_over('wescope_qbo_reads_this_month', 'qbo_reads_high', '>=')})"
        " unless max(wescope_qbo_reads_blocked) == 1",
        remedy="See which commands read much (tie-outs, repeated syncs), or have Intuit raise the app's tier.",
    ),
    AlertRule(
        code="oldest_hint",
        title="Work waits too long",
        value="the oldest for {value} s",
        condition=_over("wescope_oldest_hint_age_s", "oldest_hint"),
        remedy="See the other alerts and `wescope parked`; check that a worker runs (`wescope serve`).",
        severity=AlertSeverity.CRITICAL,
    ),
    AlertRule(
        code="tieout_differs",
        title="The last tie-out of Stripe and QuickBooks Online was not 0.00",
        condition="min(wescope_tieout_balanced) == 0",
        remedy="Run `wescope tieout`: it lists the documents that make the difference up, with their reasons.",
        severity=AlertSeverity.CRITICAL,
    ),
    AlertRule(
        code="parked_high",
        title="A large amount is parked and waits for somebody",
        value="{value} {currency}",
        condition='sum by (currency) (max by (code, currency) (wescope_parked_amount{owner="operator"}))'
        ' > on (currency) max by (currency) (wescope_alert_threshold{alert="parked_high"})',
        remedy="Run `wescope parked`: every document has the one action that mends it.",
    ),
    AlertRule(
        code="sweep_failing",
        title="Sweeps fail or are overdue; lost webhooks are not found",
        condition='max(wescope_run_failing{kind="sweep"}) == 1'
        ' or max(wescope_run_success_age_s{kind="sweep"}) > max(wescope_alert_threshold{alert="sweep_failing"})',
        remedy="Run `wescope runs` for its code, then `wescope sweep`.",
    ),
    AlertRule(
        code="webhooks_silent",
        title="No webhook of Stripe's comes",
        value="for {value} s",
        condition=_over("wescope_webhook_age_s", "webhooks_silent"),
        remedy="Look at the end point in Stripe's dashboard (Developers, Webhooks) for failed deliveries.",
    ),
    AlertRule(
        code="drift_found",
        title="Changes in QuickBooks Online wait for a decision",
        value="{value}",
        condition='sum(max by (kind) (wescope_drift)) >= max(wescope_alert_threshold{alert="drift_found"})',
        remedy="Run `wescope drift`: repair or accept each.",
    ),
)

RULES: Mapping[str, AlertRule] = MappingProxyType({rule.code: rule for rule in _TABLE})
"""All alerts by their code, the most urgent first."""
