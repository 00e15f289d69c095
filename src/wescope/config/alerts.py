"""Thresholds: from where on something is an alert (`[alerts]` of the policy file)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertThresholds:
    """When somebody is told. Null, or zero of a number, switches an alert off.

    `backlog_age`: work waits for longer. `failing_for`: a subject fails for longer. `webhooks_silent`: no webhook came
    for longer. `sweep_age`: no sweep came to its end for longer. `token_days`: QBO's refresh token ends sooner.
    `reads_percent`: of the month's metered reads are used. `drift_count`: so many edits wait for a decision.
    `parked_amount`: so much waits for an operator, in major units of any currency; `parked_amounts` of single ones.
    `remind_every`: the notifier tells of what is still on again. `runbooks`: where its messages say the runbooks are.
    """

    backlog_age: timedelta | None = timedelta(hours=1)
    failing_for: timedelta | None = timedelta(minutes=15)
    webhooks_silent: timedelta | None = timedelta(hours=24)
    sweep_age: timedelta | None = timedelta(hours=6)
    token_days: int = 10
    reads_percent: int = 80
    drift_count: int = 1
    parked_amount: int = 10_000
    parked_amounts: Mapping[str, int] = field(default_factory=dict)
    remind_every: timedelta | None = timedelta(hours=24)
    runbooks: str = "docs/runbooks"

    def parked_limit(self, currency: str) -> int:
        """How much may be parked of a currency (Stripe's lower-case code), in major units; 0: any amount."""
        return self.parked_amounts.get(currency, self.parked_amount)
