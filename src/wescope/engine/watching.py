"""Watching: the state of the system for those who run it, as alerts, as metrics, and as messages to people."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.config import PolicyFile, Settings
from wescope.config.alerts import AlertThresholds
from wescope.engine.connection import Connection
from wescope.engine.notice_targets import targets_of
from wescope.engine.notifier import Notifier
from wescope.engine.read_budget import ReadBudget
from wescope.engine.samples import samples_of
from wescope.engine.situation import Observer
from wescope.observe.metrics import Metrics, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What looks, what is too much, and who tells people."""

    observer: Observer
    thresholds: AlertThresholds
    notifier: Notifier

    @classmethod
    def of(
        cls,
        settings: Settings,
        policy_file: PolicyFile,
        *,
        engine: AsyncEngine,
        realm_id: str,
        connection: Connection,
        reads: ReadBudget,
        metrics: Metrics,
    ) -> Self:
        """All of it, from the environment and the policy."""
        observer = Observer(
            engine=engine,
            realm_id=realm_id,
            connection=connection,
            reads=reads,
            sweeps=policy_file.schedules.enabled,
        )
        notifier = Notifier(
            engine=engine,
            realm_id=realm_id,
            observer=observer,
            thresholds=policy_file.alerts,
            targets=targets_of(settings),
            metrics=metrics,
        )
        return cls(observer=observer, thresholds=policy_file.alerts, notifier=notifier)

    async def samples(self) -> tuple[Sample, ...]:
        """The state as numbers for the metrics.

        Raises:
            DatabaseUnavailable: the tables cannot be read.
        """
        return samples_of(await self.observer.look(), self.thresholds)
