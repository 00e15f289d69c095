"""Forecasting: the dry run of a backfill as a run, so that nobody has to wait for it. It writes nothing to QBO."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from wescope.engine.backfill_plan import BackfillPlan, Forecast, ForecastRow
from wescope.engine.runs import Execution, Stopped
from wescope.errors import LocksLost, WescopeError
from wescope.links.database import transaction
from wescope.links.runs import RunRequest

RESULT = "forecast"
_KEEP_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasting:
    """Executes forecasts. Who goes on with one begins anew: what was planned is kept nowhere."""

    plan: BackfillPlan

    async def __call__(self, execution: Execution) -> Mapping[str, Any]:
        """Plan everything of a period.

        Returns:
            The forecast.

        Raises:
            Stopped: somebody wants the run paused or ended.
            StripeError: Stripe cannot be read.
            QboError: QBO cannot be read.
        """
        options = execution.run.options
        since, until = date.fromisoformat(options["since"]), date.fromisoformat(options["until"])
        await execution.proceed()
        steps = _Steps(execution)
        keeping = asyncio.create_task(steps.keep())
        try:
            found = await self.plan.forecast(since, until, steps)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        return {RESULT: kept(found)}


class _Steps:
    """Tells a run how far its forecast is, and the forecast whether to go on."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    def __call__(self, _text: str, step: int, steps: int) -> None:
        execution = self._execution
        execution.counts |= {"step": step, "steps": steps}
        if execution.lost:
            raise LocksLost("Another process works on this run.", run=execution.run.id)
        if execution.asked is not None:
            raise Stopped(RunRequest(execution.asked))

    async def keep(self) -> None:
        """Store now and then how far it is."""
        while True:
            await asyncio.sleep(_KEEP_EVERY_S)
            with contextlib.suppress(WescopeError):
                async with transaction(self._execution.engine) as connection:
                    await self._execution.save(connection)


def kept(forecast: Forecast) -> dict[str, Any]:
    """A forecast as its run keeps it."""
    return asdict(forecast) | {"since": forecast.since.isoformat(), "until": forecast.until.isoformat()}


def forecast_of(result: Mapping[str, Any]) -> Forecast | None:
    """The forecast that a run has come to; null if it has not, or is of another kind."""
    stored = result.get(RESULT)
    if not isinstance(stored, Mapping):
        return None
    rows = tuple(ForecastRow(**row) for row in stored["rows"])
    days = {name: date.fromisoformat(stored[name]) for name in ("since", "until")}
    return Forecast(**{**stored, **days, "rows": rows})
