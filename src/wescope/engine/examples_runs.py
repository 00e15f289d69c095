"""Examples of what is told of runs, beside those of the other results; of the same small business."""

from collections.abc import Mapping
from datetime import date

from wescope.engine.backfill_plan import Forecast, ForecastRow
from wescope.engine.examples import AT, INVOICE, NOW, RUN_REPORT, SALE, SOLD, UNDO_PLAN
from wescope.engine.run_book import RunDocuments, RunsPage
from wescope.engine.undo_look import UndoLook, UndoTotal
from wescope.links.run_pages import RunDocument, RunEntry

_DOCUMENT = RunDocument(
    document_key=f"{INVOICE}:invoice",
    subject=f"invoice/{INVOICE}",
    entity="Invoice",
    qbo_id="145",
    state="posted",
    amount=SALE,
    currency="usd",
    date=SOLD,
    posted_at=AT,
)
FORECAST = Forecast(
    since=date(2026, 1, 1),
    until=date(2026, 10, 31),
    listed=412,
    subjects=398,
    settled=14,
    rows=(
        ForecastRow(
            month="2026-10", entity="Invoice", action="create", code="", count=179, amount=2_148_000, currency="usd"
        ),
    ),
    writes=179,
    qbo_calls=14,
    stripe_calls=31,
    minutes=1,
)

RUN_EXAMPLES: Mapping[str, object] = {
    type(value).__name__: value
    for value in (
        FORECAST,
        RunsPage(items=(RUN_REPORT,), next="12"),
        RunDocuments(items=(_DOCUMENT,), next=None),
        RunEntry(id=31, action="pause", actor="local", at=NOW, run_id=None),
        UndoLook(
            run_id=12,
            documents=351,
            looked_at=200,
            totals=(
                UndoTotal(
                    month="2026-10", entity="Invoice", action="void", count=180, amount=2_160_000, currency="usd"
                ),
            ),
            plan=UNDO_PLAN,
        ),
    )
}
"""By the name of the type."""
