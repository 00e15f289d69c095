"""Examples: one value of each result, for the published schemas; a small business whose ids and amounts fit together.

An invoice of 120.00 USD is paid by card (fee 3.78), and paid out two days later.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from wescope.books.parking import REASONS, ParkCode
from wescope.engine.drift_desk import DriftItem
from wescope.engine.drift_kinds import DRIFT, DriftKind
from wescope.engine.examples_setting_up import SETTING_UP
from wescope.engine.explanation import Explanation, LinkResult, Meaning, Moment
from wescope.engine.history import RunParked, RunReport
from wescope.engine.month_examples import MONTH_LIST, MONTH_VIEW, SIGNOFF
from wescope.engine.payout_statements import (
    PayoutCount,
    PayoutPage,
    PayoutSum,
    PayoutSummary,
    RowCount,
    StatementRow,
)
from wescope.engine.results import (
    ActionRow,
    Alert,
    Check,
    ConnectionWord,
    Diagnosis,
    ParkedRow,
    PayoutDetail,
    PayoutResult,
    PayoutRowResult,
    Status,
    SyncResult,
    TieOutSummary,
)
from wescope.engine.setup_plan import SetupAction, SetupPlan, SetupRow
from wescope.engine.sweep import SweepPlan, SweepRow
from wescope.engine.tieout_results import (
    BankRow,
    ClearingRow,
    Kind,
    MonthRow,
    OpenedRow,
    PayoutRow,
    ReceivableRow,
    TieOut,
    TieOutLine,
)
from wescope.engine.undo import UndoOutcome
from wescope.engine.undo_plan import REMEDIES, KeptDocument, KeptReason, KeptRow, UndoPlan, UndoRow
from wescope.links.story import StoryAttempt, StoryHint, StorySubject
from wescope.links.undo import UndoneSum

CUSTOMER, INVOICE, CHARGE = "cus_TLx9fQ2c8hWbJr", "in_1SGf1ULkdIwHu7ixbWq9Jd2M", "ch_3SGf2BLkdIwHu7ix0m3Tn5Ra"
PAYOUT, EVENT, OTHER_INVOICE = (
    "po_1SGf2YLkdIwHu7ixQmVd0T4b",
    "evt_1SGf2CLkdIwHu7ixPz8Hc6Lw",
    "in_1SGg7RLkdIwHu7ixT0bZs4Ve",
)
SALE, FEE, NET = 12_000, 378, 11_622
SOLD, ARRIVED, CLOSED = date(2026, 11, 18), date(2026, 11, 20), date(2026, 10, 31)
AT, NOW = datetime(2026, 11, 18, 15, 4, 5, tzinfo=UTC), datetime(2026, 11, 23, 9, 30, tzinfo=UTC)

_REASON = REASONS[ParkCode.LOOKS_LIKE]

PARKED_ROW = ParkedRow(
    key=f"{OTHER_INVOICE}:invoice",
    subject=f"invoice/{OTHER_INVOICE}",
    code=ParkCode.LOOKS_LIKE.value,
    reason=_REASON.text,
    owner=_REASON.owner.value,
    remedy=_REASON.remedy,
    amount=49_900,
    currency="usd",
    since=AT,
    details={"qbo_id": "131"},
    age_s=411_955,
)
STATUS = Status(
    backlog=3,
    oldest_hint_age_s=7,
    in_flight=1,
    parked=1,
    posted=418,
    qbo_calls_last_minute=12,
    qbo_writes_total=431,
    refresh_token_days_left=90,
    last_tieout=TieOutSummary(as_of=CLOSED, difference="0.00", at=NOW),
    dry_run=False,
    version="0.1.0",
    posted_by_entity={"Customer": 37, "Invoice": 180, "Payment": 171, "Deposit": 30},
    qbo_connection=ConnectionWord.CONNECTED,
    qbo_reads_this_month=2_204,
    qbo_monthly_reads=500_000,
    alerts=(
        Alert(
            code="parked_high",
            text="499.00 USD are parked and wait for you.",
            remedy="`wescope parked` lists them with what to do.",
            since=AT,
        ),
    ),
)
PAYOUT_RESULT = PayoutResult(
    payout_id=PAYOUT,
    currency="usd",
    amount=NET,
    gross=SALE,
    fee=FEE,
    net=NET,
    foots=True,
    state="matched",
    differs_by=0,
    waiting_on=(),
    deposits=("Deposit/148",),
    shared_with=(),
    payout_date=SOLD,
    arrival_date=ARRIVED,
    deposit_date=ARRIVED,
    available_date=ARRIVED,
    checked_at=NOW,
)
PAYOUT_DETAIL = PayoutDetail(
    payout=PAYOUT_RESULT,
    rows=(
        PayoutRowResult(
            transaction_id="txn_3SGf2BLkdIwHu7ix0Yk2Xv1c",
            category="charge",
            source=CHARGE,
            document_key=f"{CHARGE}:payment",
            gross=SALE,
            fee=FEE,
            net=NET,
            currency="usd",
            state="matched",
        ),
    ),
)
PAYOUT_PAGE = PayoutPage(
    items=(PAYOUT_RESULT,), counts=(PayoutCount(state="matched", count=1, more=False),), next=f"{ARRIVED}~{PAYOUT}"
)
PAYOUT_SUMMARY = PayoutSummary(
    payout=PAYOUT_RESULT,
    categories=(PayoutSum(category="charge", count=1, gross=SALE, fee=FEE, net=NET, currency="usd"),),
    total=PayoutSum(category="total", count=1, gross=SALE, fee=FEE, net=NET, currency="usd"),
    states=(RowCount(state="matched", count=1),),
    awaited=0,
    waits_for=(),
    parked=(),
    rows=(
        StatementRow(
            position=0,
            transaction_id=PAYOUT_DETAIL.rows[0].transaction_id,
            category="charge",
            source=CHARGE,
            document_key=f"{CHARGE}:payment",
            gross=SALE,
            fee=FEE,
            net=NET,
            currency="usd",
            state="matched",
            entity="Payment",
            qbo_id="146",
            txn_date=SOLD,
            payment_received_date=SOLD,
            credit_date=None,
            available_date=ARRIVED,
        ),
    ),
    next=None,
)
SYNC_RESULT = SyncResult(
    subject=f"invoice/{INVOICE}",
    actions=(
        ActionRow(
            document_key=f"{CUSTOMER}:customer:usd",
            entity="Customer",
            action="nothing",
            qbo_id="58",
            amount=0,
            currency="usd",
            date=None,
        ),
        ActionRow(
            document_key=f"{INVOICE}:invoice",
            entity="Invoice",
            action="create",
            qbo_id="145",
            amount=SALE,
            currency="usd",
            date=SOLD,
        ),
    ),
)
LINE = TieOutLine(
    row="clearing:usd",
    date=SOLD,
    stripe_id=CHARGE,
    document_key=f"{CHARGE}:payment",
    entity="Payment",
    qbo_id="146",
    stripe=SALE,
    qbo=SALE,
    difference=0,
    currency="usd",
)
TIEOUT = TieOut.of(
    as_of=CLOSED,
    at=NOW,
    receivable=[ReceivableRow(customer_id=CUSTOMER, currency="usd", stripe=0, qbo=0, difference=0)],
    clearing=[ClearingRow(currency="usd", stripe=SALE, qbo=SALE, difference=0)],
    parked=[PARKED_ROW],
    bank=[BankRow(currency="usd", stripe=NET, qbo=NET, difference=0)],
    months=[
        MonthRow(kind=kind, month="2026-10", currency="usd", stripe=amount, qbo=amount, difference=0)
        for kind, amount in ((Kind.REVENUE, SALE), (Kind.FEES, FEE))
    ],
    deposits=[
        PayoutRow(
            payout_id=PAYOUT,
            currency="usd",
            amount=NET,
            stripe=NET,
            qbo=NET,
            difference=0,
            status="paid",
            state="matched",
            deposits=("Deposit/148",),
            shared_with=(),
            payout_date=SOLD,
            arrival_date=ARRIVED,
            deposit_date=ARRIVED,
            available_date=ARRIVED,
            returned_date=None,
        )
    ],
    payouts={"matched": 1},
)
OPENED_ROW = OpenedRow(
    id="clearing:usd",
    as_of=CLOSED,
    at=NOW,
    currency="usd",
    stripe=SALE,
    qbo=SALE,
    difference=0,
    unexplained=0,
    lines=(LINE,),
)
CHECK = Check(
    name="account clearing",
    ok=False,
    detail="QBO has no account of this name",
    remedy="Run `wescope setup`.",
    code="account_not_found",
    place="wescope.toml, line 7, accounts.clearing",
)
DIAGNOSIS = Diagnosis(ok=False, checks=(CHECK,))
SETUP_PLAN = SetupPlan(
    rows=(
        SetupRow(
            entity="Account",
            name="Stripe Clearing",
            action=SetupAction.CREATE,
            keys=("accounts.clearing",),
            type="Other Current Asset",
            subtype="OtherCurrentAssets",
            currency="usd",
            place="wescope.toml, line 7, accounts.clearing",
        ),
    )
)
RUN_REPORT = RunReport(
    run_id=12,
    kind="backfill",
    state="done",
    request=None,
    started_at=AT,
    finished_at=NOW,
    options={"since": "2026-01-01", "until": "2026-10-31"},
    counts={"listed": 412, "hinted": 398, "step": 9, "steps": 9},
    posted={"Customer": 37, "Invoice": 180, "Payment": 171},
    parked=(
        RunParked(
            code=PARKED_ROW.code,
            owner=PARKED_ROW.owner,
            remedy=PARKED_ROW.remedy,
            count=1,
            amount=PARKED_ROW.amount,
            currency="usd",
        ),
    ),
    left=0,
)
SWEEP_PLAN = SweepPlan(
    rows=(SweepRow(part="events", kind="invoice", count=2),),
    listed=40,
    skipped=38,
    stripe_calls=9,
    events_since=AT,
)
UNDO_PLAN = UndoPlan(
    run_id=12,
    rows=(UndoRow(month="2026-10", entity="Invoice", action="void", count=179, amount=2_148_000, currency="usd"),),
    kept=(
        KeptRow(
            month="2026-09",
            entity="Invoice",
            reason=KeptReason.EDITED.value,
            text=REMEDIES[KeptReason.EDITED][0],
            remedy=REMEDIES[KeptReason.EDITED][1],
            count=1,
            amount=SALE,
            currency="usd",
        ),
    ),
    documents=(
        KeptDocument(
            document_key=f"{INVOICE}:invoice",
            entity="Invoice",
            qbo_id="145",
            amount=SALE,
            currency="usd",
            date=date(2026, 9, 30),
            reason=KeptReason.EDITED.value,
            details={"fields": "TxnDate"},
        ),
    ),
    reads=7,
)
UNDO_OUTCOME = UndoOutcome(
    run_id=12,
    undone=(UndoneSum(entity="Invoice", month="2026-10", currency="usd", count=179, amount=2_148_000),),
    left=UndoPlan(run_id=12, rows=(), kept=UNDO_PLAN.kept, documents=UNDO_PLAN.documents, reads=0),
)
DRIFT_ITEM = DriftItem(
    id=12,
    kind=DriftKind.EDITED.value,
    text=DRIFT[DriftKind.EDITED].text,
    document_key=f"{INVOICE}:invoice",
    entity="Invoice",
    qbo_id="145",
    amount=SALE,
    currency="usd",
    fields="TotalAmt:120.00/100.00",
    details={"subject": f"invoice/{INVOICE}"},
    state="open",
    found_at=NOW,
    resolved_at=None,
    repair=DRIFT[DriftKind.EDITED].repair,
    revertible=True,
    remedy=DRIFT[DriftKind.EDITED].remedy,
)
_LINK = LinkResult(
    document_key=f"{INVOICE}:invoice",
    entity="Invoice",
    qbo_id="145",
    qbo_url="https://qbo.intuit.com/app/invoice?txnId=145",
    state="posted",
    operation="create",
    subject=f"invoice/{INVOICE}",
    stripe_ids=(INVOICE,),
    amount=SALE,
    currency="usd",
    settled_amount=None,
    settled_currency=None,
    exchange_rate=None,
    txn_date=SOLD,
    stated_date=None,
    due_date=SOLD,
    usage_start_date=date(2026, 11, 1),
    usage_end_date=date(2026, 11, 30),
    payment_received_date=SOLD,
    credit_date=None,
    payout_date=None,
    arrival_date=None,
    available_date=None,
    request_id="ws-1f0c2b7a9d3e4f5061728394a5b6c7d8",
    generation=1,
    sends=1,
    fingerprint="5c1e0a77b2d4",
    intent_fingerprint="5c1e0a77b2d4",
    attempted_at=AT,
    lost_at=None,
    recheck_at=None,
    posted_at=AT,
    run_id=None,
)
EXPLANATION = Explanation(
    identifier=INVOICE,
    needs_somebody=False,
    meanings=(
        Meaning(kind="stripe_object", id=INVOICE, url=f"https://dashboard.stripe.com/invoices/{INVOICE}"),
        Meaning(kind="subject", id=f"invoice/{INVOICE}"),
    ),
    stripe=(Meaning(kind="stripe_object", id=CUSTOMER),),
    links=(_LINK,),
    parked=(),
    awaited_by=(),
    subjects=(
        StorySubject(
            subject=f"invoice/{INVOICE}",
            waiting=False,
            dirty_since=None,
            last_run_at=AT,
            failures=0,
            retry_at=None,
            last_code=None,
            run_id=None,
        ),
    ),
    hints=(
        StoryHint(
            subject=f"invoice/{INVOICE}",
            source="webhook",
            event_id=EVENT,
            event_type="invoice.paid",
            event_created_at=AT,
            received_at=AT,
            run_id=None,
        ),
    ),
    attempts=(
        StoryAttempt(
            started_at=AT,
            operation="create",
            entity="Invoice",
            document_key=f"{INVOICE}:invoice",
            request_id=_LINK.request_id,
            batch_id=None,
            intuit_tid="1-691c8b25-5d8f0c1a2b3c4d5e6f708192",
            status=200,
            fault_code=None,
            outcome="ok",
            milliseconds=412,
        ),
    ),
    payouts=(PAYOUT_RESULT,),
    payout_rows=(),
    drift=(),
    audit=(),
    timeline=(Moment(at=AT, what="posted", about=f"{INVOICE}:invoice", text="is Invoice/145 in QBO (posted)"),),
    plan=(SYNC_RESULT,),
)

EXAMPLES: Mapping[str, object] = {
    type(value).__name__: value
    for value in (
        *(STATUS, PAYOUT_RESULT, PAYOUT_DETAIL, SYNC_RESULT, TIEOUT, OPENED_ROW, PARKED_ROW, CHECK, RUN_REPORT),
        *(DIAGNOSIS, SETUP_PLAN, PAYOUT_PAGE, PAYOUT_SUMMARY),
        *(DIAGNOSIS, SETUP_PLAN),
        *SETTING_UP,
        *(SWEEP_PLAN, UNDO_PLAN, UNDO_OUTCOME, DRIFT_ITEM, EXPLANATION),
        *(MONTH_LIST, MONTH_VIEW, SIGNOFF),
    )
}
"""By the name of the type."""
