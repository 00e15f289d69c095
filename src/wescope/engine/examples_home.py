"""Examples of what home, tie-outs and the audit log tell: the same small business as in `examples`."""

from datetime import timedelta

from wescope.engine import examples
from wescope.engine.audit_log import AuditPage
from wescope.engine.examples import AT, CLOSED, NOW, OTHER_INVOICE, PARKED_ROW, SALE, STATUS
from wescope.engine.explanation import AuditResult
from wescope.engine.overview import ConnectionHealth, Overview, ParkedByCode
from wescope.engine.tieout_kept import KeptOpenedRow, KeptTieOut, TieOutPage, TieOutPart, TieOutRow, TieOutRun
from wescope.engine.tieout_results import Reason, TieOutLine
from wescope.links.day_figures import DayFigures

TIEOUT_RUN = TieOutRun(run_id=31, state="running", as_of=CLOSED, started_at=NOW)
KEPT_ROW = TieOutRow(
    id=f"receivable:{examples.CUSTOMER}:usd",
    kind="receivable",
    currency="usd",
    stripe=SALE,
    qbo=0,
    difference=SALE,
)
KEPT_TIEOUT = KeptTieOut(
    run_id=30,
    as_of=CLOSED,
    at=NOW,
    difference="120.00",
    balanced=False,
    differences={"usd": "120.00"},
    total_difference="120.00",
    unexplained="0.00",
    parts=(
        TieOutPart(kind="receivable", currency="usd", stripe=SALE, qbo=0, difference=SALE, rows=1, differing=1),
        TieOutPart(kind="clearing", currency="usd", stripe=0, qbo=0, difference=0, rows=1, differing=0),
    ),
)
TIEOUT_PAGE = TieOutPage(tieout=KEPT_TIEOUT, rows=(KEPT_ROW,), next="100", run=TIEOUT_RUN)
KEPT_OPENED_ROW = KeptOpenedRow(
    tieout=KEPT_TIEOUT,
    row=KEPT_ROW,
    lines=(
        TieOutLine(
            row=KEPT_ROW.id,
            date=CLOSED,
            stripe_id=OTHER_INVOICE,
            document_key=f"{OTHER_INVOICE}:invoice",
            entity=None,
            qbo_id=None,
            stripe=SALE,
            qbo=0,
            difference=SALE,
            currency="usd",
            reason=Reason.PARKED,
            detail=PARKED_ROW.code,
        ),
    ),
)
OVERVIEW = Overview(
    at=NOW,
    status=STATUS,
    tieout=KEPT_TIEOUT,
    run=None,
    parked=(
        ParkedByCode(
            code=PARKED_ROW.code,
            reason=PARKED_ROW.reason,
            owner=PARKED_ROW.owner,
            count=1,
            amount=PARKED_ROW.amount,
            currency=PARKED_ROW.currency,
        ),
    ),
    parked_ignored=2,
    health=ConnectionHealth(
        workers=1,
        webhook_at=AT,
        qbo_requests=12,
        qbo_requests_limit=500,
        qbo_batches=1,
        qbo_batches_limit=40,
        qbo_in_flight=1,
        qbo_in_flight_limit=10,
    ),
    timezone="America/New_York",
    days=tuple(
        DayFigures(
            day=NOW.date() - timedelta(days=age),
            events=40 + age,
            postings=21 + age,
            delays=18 + age,
            delay_p50_ms=2_400,
            delay_p95_ms=7_900,
        )
        for age in reversed(range(30))
    ),
)
AUDIT_PAGE = AuditPage(
    items=(
        AuditResult(
            at=NOW,
            action="ignore",
            actor="cli",
            target=PARKED_ROW.key,
            details={"code": PARKED_ROW.code, "amount": "49900", "currency": "usd"},
            run_id=None,
        ),
    ),
    next="431",
)
