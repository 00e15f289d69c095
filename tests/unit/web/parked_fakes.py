"""Fakes of parked items and findings a page at a time."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tests.unit.web.drift_fakes import item
from wescope.engine.bulk import BulkChoice, BulkItem, BulkOutcome, BulkPlan
from wescope.engine.drift_desk import DriftNotFound
from wescope.engine.drift_kinds import DriftKind
from wescope.engine.drift_pages import (
    DriftFinding,
    DriftPage,
    LastVerification,
    OpenDrift,
    RepairPreview,
    RepairWrite,
    differences_of,
)
from wescope.engine.explanation import AuditResult
from wescope.engine.parked_desk import ParkedDetail, ParkedPage, ParkedQuery, PlanChanged
from wescope.engine.parked_items import NotParked, ParkedSum, checked_reason
from wescope.engine.results import ParkedRow
from wescope.engine.sent_values import SentValue
from wescope.links.drift_pages import DriftChoice
from wescope.links.runs import Run

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
DIGEST = "0123456789abcdef"
ROW = ParkedRow(
    key="in_1:invoice",
    subject="invoice/in_1",
    code="waiting",
    reason="The document waits for another one that is not posted yet.",
    owner="us",
    remedy="Mend <b>the document</b>.",
    amount=123_456,
    currency="usd",
    since=AT,
    details={"waiting_on": "in_2:invoice in_3:invoice", "lines": 7},
    age_s=60,
)
MINE = replace(
    ROW, key="ch_1:payment", subject="charge/ch_1", code="edited_in_qbo", owner="operator", details={}, amount=500
)
SUMS = (
    ParkedSum(code="edited_in_qbo", owner="operator", count=1, amount=500, currency="usd"),
    ParkedSum(code="waiting", owner="us", count=1, amount=123_456, currency="usd"),
)
DETAIL = ParkedDetail(
    key=MINE.key,
    item=MINE,
    subject=MINE.subject,
    entity="Payment",
    qbo_id="146",
    link_state="posted",
    waits=False,
    looked_at=AT,
    retry_at=None,
    failures=0,
    last_code="edited_in_qbo",
    waits_on=(),
    awaited_by=("po_1:deposit",),
    drift=(item(7, DriftKind.EDITED),),
    history=(
        AuditResult(at=AT, action="retry", actor="local", target=MINE.key, details={"code": "edited_in_qbo"}, run_id=9),
    ),
)
OUTCOME = BulkOutcome(
    run_id=14,
    action="retry",
    actor="local",
    reason=None,
    state="running",
    request=None,
    started_at=AT,
    finished_at=None,
    count=40,
    done=17,
    changed=2,
    gone=1,
    failed=0,
    left=20,
    items=tuple(
        BulkItem(
            position=position,
            key=f"in_{position}:invoice",
            subject=f"invoice/in_{position}",
            code="account_missing",
            amount=1_000,
            currency="usd",
            outcome=outcome,
            now=now,
        )
        for position, (outcome, now) in enumerate(
            [("done", None), ("changed", "waiting"), ("gone", None), ("queued", "account_missing")]
        )
    ),
    next="WzUwXQ",
)
FINDING = DriftFinding(
    finding=item(7, DriftKind.EDITED), differences=differences_of("TotalAmt:123.45/100.00 PrivateNote"), run_id=12
)
BY_HAND = DriftFinding(finding=item(8, DriftKind.IN_CLEARING), differences=(), run_id=12)
VERIFIED = LastVerification(run_id=12, state="done", mode="full", started_at=AT, finished_at=AT)


@dataclass
class FakeParkedDesk:
    """Two items; remembers what was asked for."""

    rows: tuple[ParkedRow, ...] = (ROW, MINE)
    detail: ParkedDetail = DETAIL
    result: BulkOutcome = OUTCOME
    following: str | None = "bmV4dA"
    asked: list[object] = field(default_factory=list)
    pages: list[tuple[ParkedQuery, str | None]] = field(default_factory=list)

    async def page(self, query: ParkedQuery, *, after: str | None = None, limit: int = 50) -> ParkedPage:
        self.pages.append((query, after))
        return ParkedPage(items=self.rows, next=self.following, sums=SUMS if self.rows else ())

    async def item(self, key: str) -> ParkedDetail:
        if key not in {row.key for row in (ROW, MINE)}:
            raise NotParked
        return replace(self.detail, key=key)

    async def plan(self, choice: BulkChoice, query: ParkedQuery, *, at: datetime | None = None) -> BulkPlan:
        self.asked.append((choice, query))
        return BulkPlan(
            action=choice.action.value,
            at=at or AT,
            count=len(self.rows),
            left_out=0,
            sums=SUMS if self.rows else (),
            items=self.rows,
            digest=DIGEST,
        )

    async def start(
        self, choice: BulkChoice, query: ParkedQuery, *, at: datetime, digest: str | None, actor: str
    ) -> Run:
        if choice.action.has_reason:
            checked_reason(choice.reason)
        if digest != DIGEST:
            raise PlanChanged
        self.asked.append((choice, query, at, actor))
        return Run(id=12, kind="bulk", state="running", started_at=AT)

    async def outcome(self, run_id: int, *, after: str | None = None, limit: int = 50) -> BulkOutcome:
        self.asked.append((run_id, after))
        return self.result


@dataclass
class FakeDriftPages:
    """Two findings: one that can be repaired, one that a person must see to."""

    found: tuple[DriftFinding, ...] = (FINDING, BY_HAND)
    verified: LastVerification | None = VERIFIED
    following: str | None = None
    asked: list[object] = field(default_factory=list)

    async def page(self, choice: DriftChoice, *, after: str | None = None, limit: int = 50) -> DriftPage:
        self.asked.append((choice, after))
        return DriftPage(
            items=self.found,
            next=self.following,
            open=(OpenDrift(kind="edited", count=1), OpenDrift(kind="in_clearing", count=1)) if self.found else (),
            verified=self.verified,
        )

    async def preview(self, choice: DriftChoice, *, exact: bool = False) -> RepairPreview:
        self.asked.append(choice)
        known = [one.finding for one in self.found]
        if choice.ids is not None and set(choice.ids) - {one.id for one in known}:
            raise DriftNotFound
        writes = tuple(
            RepairWrite(
                drift_id=one.id,
                kind=one.kind,
                verb="update" if one.repair else "none",
                entity=one.entity,
                qbo_id=one.qbo_id,
                document_key=one.document_key,
                amount=one.amount,
                currency=one.currency,
                text=one.repair or one.remedy,
                writes=differences_of(one.fields) if one.repair else (),
                revertible=one.revertible,
                sends=(SentValue(name="Line1.Amount", value="123.45"),) if exact and one.repair else None,
                why_not=None if one.repair else "Only a person in QBO can put this right.",
            )
            for one in known
            if choice.ids is None or one.id in choice.ids
        )
        return RepairPreview(writes=writes, count=sum(one.why_not is None for one in writes), more=False)
