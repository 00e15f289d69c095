"""A fake of what routes and commands ask about single documents, and an explanation that it answers."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from wescope.engine.explanation import AuditResult, Explanation, LinkResult, Meaning, Moment, PayoutPlace, Problem
from wescope.engine.export_sheets import What
from wescope.engine.parked_items import NotParked, ParkedFilter, Progress, RetriedRow
from wescope.engine.results import ParkedRow, PayoutResult, SyncResult
from wescope.links.story import StoryAttempt, StoryHint, StorySubject

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
DAY = date(2026, 11, 20)

LINK = LinkResult(
    document_key="in_1:invoice",
    entity="Invoice",
    qbo_id="145",
    qbo_url="https://app.qbo.intuit.com/app/invoice?txnId=145",
    state="posted",
    operation="create",
    subject="invoice/in_1",
    stripe_ids=("in_1",),
    amount=10_000,
    currency="usd",
    settled_amount="100.00",
    settled_currency="usd",
    exchange_rate=None,
    txn_date=DAY,
    stated_date=None,
    due_date=None,
    usage_start_date=None,
    usage_end_date=None,
    payment_received_date=None,
    credit_date=None,
    payout_date=None,
    arrival_date=None,
    available_date=None,
    request_id="wsabc",
    generation=1,
    sends=1,
    fingerprint="f00",
    intent_fingerprint="f00",
    attempted_at=AT,
    lost_at=None,
    recheck_at=None,
    posted_at=AT,
    run_id=7,
)


def explanation(
    parked: ParkedRow, payout: PayoutResult, synced: SyncResult, *, needs_somebody: bool = False
) -> Explanation:
    """An explanation with one of everything."""
    return Explanation(
        identifier="in_1",
        needs_somebody=needs_somebody,
        meanings=(
            Meaning(
                kind="stripe_object", id="in_1", url="https://dashboard.stripe.com/test/invoices/in_1", note="a note"
            ),
        ),
        stripe=(Meaning(kind="stripe_object", id="in_1"),),
        links=(LINK,),
        parked=(parked,),
        awaited_by=(replace(parked, key="ch_1:payment"),),
        subjects=(
            StorySubject(
                subject="invoice/in_1",
                waiting=False,
                dirty_since=None,
                last_run_at=AT,
                failures=2,
                retry_at=AT,
                last_code="waiting",
                run_id=None,
            ),
        ),
        hints=(
            StoryHint(
                subject="invoice/in_1",
                source="webhook",
                event_id="evt_1",
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
                document_key="in_1:invoice",
                request_id="wsabc",
                batch_id=None,
                intuit_tid="1-abc",
                status=200,
                fault_code=None,
                outcome="ok",
                milliseconds=40,
            ),
        ),
        payouts=(payout,),
        payout_rows=(
            PayoutPlace(
                payout_id="po_1",
                transaction_id="txn_1",
                category="charge",
                source="ch_1",
                document_key="ch_1:payment",
                gross=10_000,
                fee=320,
                net=9_680,
                currency="usd",
                state="matched",
            ),
        ),
        drift=(),
        audit=(
            AuditResult(at=AT, action="ignore", actor="cli", target="in_1:invoice", details={"code": "x"}, run_id=None),
        ),
        timeline=(Moment(at=AT, what="posted", about="in_1:invoice", text="is Invoice/145 in QBO (posted) in run 7"),),
        plan=(synced,),
        problems=(Problem(code="stripe_unavailable", message="[stripe_unavailable] no answer", remedy="Wait."),),
    )


@dataclass(kw_only=True)
class FakeSupport:
    """Answers what it is told to, and remembers what was asked in `asked`."""

    rows: Callable[[], Sequence[ParkedRow]]
    asked: list[object]
    told: Explanation | Exception
    pieces: tuple[str, ...] = ("document_key,amount\r\n", "in_1:invoice,100.00\r\nin_2:invoice,5.00\r\n")
    gone: frozenset[str] = field(default_factory=frozenset)

    async def explain(self, identifier: str, *, plan: bool = True, elsewhere: bool = True) -> Explanation:
        self.asked.append((identifier, plan) if elsewhere else (identifier, plan, elsewhere))
        if isinstance(self.told, Exception):
            raise self.told
        return self.told

    async def parked(self, chosen: ParkedFilter) -> Sequence[ParkedRow]:
        return tuple(row for row in self.rows() if chosen.takes(row))

    async def hint(self, rows: Sequence[ParkedRow], *, actor: str) -> None:
        self.asked.append(("hint", tuple(row.key for row in rows), actor))

    async def retry(
        self, rows: Sequence[ParkedRow], *, actor: str, progress: Progress | None = None
    ) -> Sequence[RetriedRow]:
        self.asked.append(("retry", tuple(row.key for row in rows), actor))
        if progress:
            progress("looked at", len(rows), len(rows))
        return tuple(
            RetriedRow(
                key=row.key,
                subject=row.subject,
                before=row.code,
                code=None if row.key in self.gone else row.code,
                amount=row.amount,
                currency=row.currency,
                needs_somebody=row.needs_somebody and row.key not in self.gone,
            )
            for row in rows
        )

    async def ignore(self, keys: Sequence[str], reason: str, *, actor: str) -> Sequence[ParkedRow]:
        self.asked.append(("ignore", tuple(keys), reason, actor))
        return self._known(keys)

    async def unignore(self, keys: Sequence[str], *, actor: str) -> Sequence[ParkedRow]:
        self.asked.append(("unignore", tuple(keys), actor))
        return self._known(keys)

    async def export_size(self, what: What, since: date | None = None) -> int:
        return 2

    async def export(self, what: What, since: date | None = None) -> AsyncIterator[str]:
        self.asked.append((what.value, since))
        for piece in self.pieces:
            yield piece

    def _known(self, keys: Sequence[str]) -> Sequence[ParkedRow]:
        found = tuple(row for row in self.rows() if row.key in keys)
        if len(found) < len(keys):
            raise NotParked
        return found
