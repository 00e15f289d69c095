"""A fake of what the routes ask for, and results that it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar

from tests.unit.web.drift_fakes import FakeDrift
from tests.unit.web.history_fakes import FakeHistory
from tests.unit.web.home_fakes import FakeAuditLog, FakeOverview, FakeTieOuts
from tests.unit.web.month_fakes import FakeMonths
from tests.unit.web.parked_fakes import FakeDriftPages, FakeParkedDesk
from tests.unit.web.payout_fakes import FakeStatements
from tests.unit.web.run_fakes import FakeRuns
from tests.unit.web.setting_up_fakes import FakeSettingUp
from tests.unit.web.setup_fakes import FakeSetup
from tests.unit.web.support_fakes import FakeSupport, explanation
from wescope.engine.examples_home import OVERVIEW
from wescope.engine.explanation import Explanation
from wescope.engine.overview import Overview
from wescope.engine.qbo_webhooks import QboWebhookOutcome
from wescope.engine.results import (
    ActionRow,
    Check,
    ConnectionWord,
    ParkedRow,
    PayoutDetail,
    PayoutResult,
    PayoutRowResult,
    Status,
    SyncResult,
    TieOutSummary,
)
from wescope.engine.tieout_comparison import RowNotFound
from wescope.engine.tieout_results import (
    BankRow,
    ClearingRow,
    Kind,
    MonthRow,
    OpenedRow,
    PayoutRow,
    Reason,
    ReceivableRow,
    TieOut,
    TieOutLine,
)
from wescope.observe.metrics import Sample
from wescope.web.services import Accepted, Outcome, Readiness

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
DAY = date(2026, 11, 22)

PARKED = ParkedRow(
    key="in_1:invoice",
    subject="invoice/in_1",
    code="total_mismatch",
    reason="The lines of the invoice do not add up to Stripe's total.",
    owner="us",
    remedy="Compare <b>both</b> numbers.",
    amount=123456,
    currency="usd",
    since=AT,
    details={"lines": 123455},
)
STATUS = Status(
    backlog=3,
    oldest_hint_age_s=7,
    in_flight=1,
    parked=1,
    posted=40,
    qbo_calls_last_minute=12,
    qbo_writes_total=44,
    refresh_token_days_left=90,
    last_tieout=TieOutSummary(as_of=DAY, difference="0.00", at=AT),
    dry_run=False,
    version="0.1.0",
    posted_by_entity={"Invoice": 25, "Payment": 15},
)
LINE = TieOutLine(
    row="clearing:usd",
    date=DAY,
    stripe_id="ch_1",
    document_key="ch_1:payment",
    entity="Payment",
    qbo_id="146",
    stripe=1000,
    qbo=990,
    difference=10,
    currency="usd",
    reason=Reason.EDITED,
)
TIEOUT = TieOut.of(
    as_of=DAY,
    at=AT,
    receivable=[ReceivableRow(customer_id="cus_1", currency="usd", stripe=500, qbo=500, difference=0)],
    clearing=[ClearingRow(currency="usd", stripe=1000, qbo=990, difference=10)],
    parked=[PARKED],
    bank=[BankRow(currency="usd", stripe=0, qbo=0, difference=0)],
    months=[
        MonthRow(kind=kind, month="2026-11", currency="usd", stripe=500, qbo=500, difference=0)
        for kind in (Kind.REVENUE, Kind.FEES)
    ],
    deposits=[
        PayoutRow(
            payout_id="po_1",
            currency="usd",
            amount=700,
            stripe=700,
            qbo=700,
            difference=0,
            status="paid",
            state="matched",
            deposits=("Deposit/9",),
            shared_with=(),
            payout_date=DAY,
            arrival_date=DAY,
            deposit_date=DAY,
            available_date=DAY,
            returned_date=None,
        )
    ],
    explained=[LINE],
)
OPENED = OpenedRow(
    id="clearing:usd",
    as_of=DAY,
    at=AT,
    currency="usd",
    stripe=1000,
    qbo=990,
    difference=10,
    unexplained=0,
    lines=(LINE,),
)
SYNCED = SyncResult(
    subject="invoice/in_1",
    actions=(
        ActionRow(
            document_key="in_1:invoice",
            entity="Invoice",
            action="create",
            qbo_id="146",
            amount=1099,
            currency="usd",
            date=DAY,
        ),
    ),
)


PAYOUT = PayoutResult(
    payout_id="po_1",
    currency="usd",
    amount=9_621,
    gross=10_000,
    fee=379,
    net=9_621,
    foots=True,
    state="matched",
    differs_by=0,
    waiting_on=(),
    deposits=("Deposit/145",),
    shared_with=(),
    payout_date=date(2026, 11, 18),
    arrival_date=date(2026, 11, 20),
    deposit_date=date(2026, 11, 20),
    available_date=date(2026, 11, 18),
    checked_at=AT,
)
PAYOUT_DETAIL = PayoutDetail(
    payout=PAYOUT,
    rows=(
        PayoutRowResult(
            transaction_id="txn_1",
            category="charge",
            source="ch_1",
            document_key="ch_1:payment",
            gross=10_000,
            fee=379,
            net=9_621,
            currency="usd",
            state="matched",
        ),
    ),
)


@dataclass(kw_only=True)
class FakeServices:
    """Answers what it is told to, or raises it, and remembers what was asked."""

    accepted: Accepted | Exception = field(
        default_factory=lambda: Accepted(event_id="evt_1", outcome=Outcome.STORED, event_type="invoice.paid")
    )
    accepted_qbo: QboWebhookOutcome | Exception = field(
        default_factory=lambda: QboWebhookOutcome(stored=2, duplicates=1, ignored=0)
    )
    state: Status | Exception = STATUS
    readiness: Readiness | Exception = field(default_factory=lambda: Readiness(ok=True, checks={"database": "ok"}))
    rows: tuple[ParkedRow, ...] = (PARKED,)
    compared: TieOut | Exception = TIEOUT
    synced: Sequence[SyncResult] | Exception = (SYNCED,)
    paid_out: tuple[PayoutResult, ...] = (PAYOUT,)
    detail: PayoutDetail | Exception = PAYOUT_DETAIL
    explained: Explanation | Exception = field(default_factory=lambda: explanation(PARKED, PAYOUT, SYNCED))
    gone: frozenset[str] = frozenset()
    statements: FakeStatements = field(default_factory=FakeStatements)
    history: FakeHistory = field(default_factory=FakeHistory)
    drift: FakeDrift = field(default_factory=FakeDrift)
    drift_pages: FakeDriftPages = field(default_factory=FakeDriftPages)
    parked_desk: FakeParkedDesk = field(default_factory=FakeParkedDesk)
    setup: FakeSetup = field(default_factory=FakeSetup)
    months: FakeMonths = field(default_factory=FakeMonths)
    setting_up: FakeSettingUp = field(default_factory=FakeSettingUp)
    home: Overview = OVERVIEW
    tieout_desk: FakeTieOuts = field(default_factory=FakeTieOuts)
    audit_log: FakeAuditLog = field(default_factory=FakeAuditLog)
    checks: tuple[Check, ...] = (Check(name="database", ok=True, detail="embedded", code="database"),)
    asked: list[object] = field(default_factory=list)

    async def accept_qbo(self, body: bytes, signature: str | None) -> QboWebhookOutcome:
        self.asked.append((body, signature))
        return answer(self.accepted_qbo)

    async def accept(self, body: bytes, signature: str | None) -> Accepted:
        self.asked.append((body, signature))
        return answer(self.accepted)

    async def doctor(self) -> Sequence[Check]:
        return self.checks

    async def status(self) -> Status:
        return answer(self.state)

    async def samples(self) -> Sequence[Sample]:
        state = answer(self.state)
        return (
            Sample(name="backlog", value=state.backlog),
            Sample(name="qbo_connected", value=int(state.qbo_connection is ConnectionWord.CONNECTED)),
        )

    async def ready(self) -> Readiness:
        return answer(self.readiness)

    async def sync(self, ids: Sequence[str], *, dry_run: bool) -> Sequence[SyncResult]:
        self.asked.append((tuple(ids), dry_run))
        return answer(self.synced)

    async def tieout(self, as_of: date | None) -> TieOut:
        self.asked.append(as_of)
        return answer(self.compared)

    async def open_rows(self, row_ids: Sequence[str], as_of: date | None) -> Sequence[OpenedRow]:
        self.asked.append((tuple(row_ids), as_of))
        if missing := [row_id for row_id in row_ids if row_id != OPENED.id]:
            raise RowNotFound("This tie-out has no such row.", row=missing[0])
        return [OPENED for _ in row_ids]

    async def parked(self) -> Sequence[ParkedRow]:
        return self.rows

    async def payouts(self) -> Sequence[PayoutResult]:
        return self.paid_out

    async def payout(self, payout_id: str) -> PayoutDetail:
        self.asked.append(payout_id)
        return answer(self.detail)

    @property
    def overview(self) -> FakeOverview:
        return FakeOverview(state=lambda: answer(self.state), tieouts=self.tieout_desk, told=self.home)

    @property
    def runs(self) -> FakeRuns:
        return FakeRuns(history=self.history, dry_run=not isinstance(self.state, Exception) and self.state.dry_run)

    @property
    def support(self) -> FakeSupport:
        return FakeSupport(rows=lambda: self.rows, asked=self.asked, told=self.explained, gone=self.gone)


T = TypeVar("T")


def answer(prepared: T | Exception) -> T:
    if isinstance(prepared, Exception):
        raise prepared
    return prepared
