"""Answer examples: one value of each answer that only the web layer has, beside those of the engine."""

from collections.abc import Mapping

from wescope.engine import examples, examples_home, examples_parked
from wescope.engine.examples_runs import FORECAST, RUN_EXAMPLES
from wescope.web.drift import RepairAnswer
from wescope.web.history import BackfillAnswer, ReplayAnswer
from wescope.web.operations import Health
from wescope.web.parked_pages import BulkAnswer
from wescope.web.runs import ForecastAnswer
from wescope.web.services import Outcome, Readiness
from wescope.web.sweep import SweepAnswer
from wescope.web.undo import UndoAnswer
from wescope.web.webhooks import QboWebhookAnswer, StripeWebhookAnswer

ANSWER_EXAMPLES: Mapping[str, object] = {
    **examples.EXAMPLES,
    **examples_parked.PARKED_EXAMPLES,
    **RUN_EXAMPLES,
    **{
        type(value).__name__: value
        for value in (
            Health(),
            Readiness(ok=True, checks={"database": "ok", "workers": "ok"}),
            StripeWebhookAnswer(outcome=Outcome.STORED, event_id=examples.EVENT),
            QboWebhookAnswer(stored=2, duplicate=1, ignored=0),
            BackfillAnswer(run=examples.RUN_REPORT, checks=(examples.CHECK,)),
            ReplayAnswer(subjects={"invoice": 2, "payout": 1}, run=examples.RUN_REPORT),
            RepairAnswer(drift=(examples.DRIFT_ITEM,), run=examples.RUN_REPORT),
            ForecastAnswer(forecast=FORECAST),
            SweepAnswer(plan=examples.SWEEP_PLAN, run=None),
            BulkAnswer(plan=examples_parked.BULK_PLAN, run=examples.RUN_REPORT),
            examples_home.OVERVIEW,
            examples_home.TIEOUT_PAGE,
            examples_home.KEPT_OPENED_ROW,
            examples_home.TIEOUT_RUN,
            examples_home.AUDIT_PAGE,
            UndoAnswer(plan=examples.UNDO_PLAN, run=examples.RUN_REPORT),
        )
    },
}
"""By the name of the type."""
