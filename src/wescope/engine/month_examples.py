"""Month examples: one value of each result about months, for the published schemas."""

from datetime import UTC, date, datetime

from wescope.engine.month_results import (
    ChangeCode,
    ListedMonth,
    MonthChange,
    MonthComparison,
    MonthList,
    MonthState,
    MonthSum,
    MonthView,
    OpenGroup,
    OpenItem,
    OpenKind,
    OpenSum,
    SignedFigures,
    Signoff,
    WrittenDocument,
)

_INVOICE = "in_1SGf1ULkdIwHu7ixbWq9Jd2M"
_FIRST, _LAST = date(2026, 10, 1), date(2026, 10, 31)
_COMPARED, _SIGNED = datetime(2026, 11, 2, 9, 30, tzinfo=UTC), datetime(2026, 11, 2, 9, 41, tzinfo=UTC)
_LATER = datetime(2026, 11, 4, 15, 4, 5, tzinfo=UTC)

_SUMS = tuple(
    MonthSum(kind=kind, currency="usd", rows=rows, differing=0, stripe=amount, qbo=amount, difference=0)
    for kind, rows, amount in (("receivable", 37, 412_000), ("clearing", 1, 98_700), ("revenue", 1, 2_160_000))
)
_OPEN = OpenSum(kind=OpenKind.PARKED, currency="usd", count=1, amount=49_900)

SIGNOFF = Signoff(
    id=3,
    month="2026-10",
    as_of=_LAST,
    run_id=41,
    difference="0.00",
    reason=None,
    figures=SignedFigures(sums=_SUMS, open=(_OPEN,)),
    evidence_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    actor="user:5f1d",
    signed_at=_SIGNED,
    withdrawn_at=None,
    withdrawn_by=None,
)
MONTH_VIEW = MonthView(
    month="2026-10",
    first=_FIRST,
    last=_LAST,
    is_over=True,
    state=MonthState.CHANGED,
    comparison=MonthComparison(
        run_id=41,
        as_of=_LAST,
        at=_COMPARED,
        difference="0.00",
        total_difference="0.00",
        unexplained="0.00",
        sums=_SUMS,
        written_since=1,
    ),
    comparing=None,
    open=(
        OpenGroup(
            kind=OpenKind.PARKED,
            count=1,
            is_more=False,
            undated=0,
            sums=(_OPEN,),
            items=(
                OpenItem(
                    kind=OpenKind.PARKED,
                    key="in_1SGg7RLkdIwHu7ixT0bZs4Ve:invoice",
                    subject="invoice/in_1SGg7RLkdIwHu7ixT0bZs4Ve",
                    code="looks_like",
                    amount=49_900,
                    currency="usd",
                    date=date(2026, 10, 29),
                    since=_COMPARED,
                    entity=None,
                    qbo_id=None,
                ),
            ),
        ),
    ),
    signoff=SIGNOFF,
    changes=(
        MonthChange(
            code=ChangeCode.WRITTEN,
            text="Documents that are dated in it were written, or taken back, after it was signed off.",
            count=1,
        ),
    ),
    written=(
        WrittenDocument(
            document_key=f"{_INVOICE}:invoice",
            entity="Invoice",
            qbo_id="145",
            state="posted",
            amount=12_000,
            currency="usd",
            date=_LAST,
            posted_at=_LATER,
        ),
    ),
    signoffs=(SIGNOFF,),
    closed_until=date(2026, 9, 30),
    closed_known_at=_COMPARED,
)
MONTH_LIST = MonthList(
    items=(
        ListedMonth(
            month="2026-10",
            first=_FIRST,
            last=_LAST,
            state=MonthState.CHANGED,
            difference="0.00",
            compared_at=_COMPARED,
            signed_at=_SIGNED,
            signed_by="user:5f1d",
            parked=1,
            payouts=0,
        ),
    ),
    next="2026-10",
)
