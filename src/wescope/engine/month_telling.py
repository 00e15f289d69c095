"""Month telling: what the tables keep of a month, as it is told to people. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from wescope.books.month import Month
from wescope.engine.month_results import (
    ChangeCode,
    ComparisonRun,
    ListedMonth,
    MonthChange,
    MonthComparison,
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
from wescope.engine.results import NO_DIFFERENCE
from wescope.links.months import KeptSum, KeptTieOut, OpenRow, StartedTieOut, Tally, WrittenRow
from wescope.links.runs import RunState
from wescope.links.signoffs import StoredSignoff

_ORDER = ("receivable", "clearing", "bank", "revenue", "refunds", "customer_balance", "bad_debt", "tax")


def state_of(*, is_over: bool, compared: KeptTieOut | None, signed: StoredSignoff | None, written: int) -> MonthState:
    """Where a month stands; `written` counts what was written in it since it was signed off."""
    if signed is not None:
        return MonthState.CHANGED if written or _otherwise(signed, compared) else MonthState.SIGNED
    if not is_over:
        return MonthState.RUNNING
    if compared is None:
        return MonthState.NOT_COMPARED
    return MonthState.EQUAL if compared.difference == NO_DIFFERENCE else MonthState.DIFFERS


def _otherwise(signed: StoredSignoff, compared: KeptTieOut | None) -> bool:
    """Whether a later comparison has other figures than the one that was signed."""
    return compared is not None and compared.run_id != signed.run_id and compared.digest != signed.tieout_digest


def changes_of(signed: StoredSignoff, compared: KeptTieOut | None, written: int) -> tuple[MonthChange, ...]:
    """In which ways a month is not as it was signed off."""
    return tuple(_changes(signed, compared, written))


def _changes(signed: StoredSignoff, compared: KeptTieOut | None, written: int) -> Iterator[MonthChange]:
    if compared is not None and _otherwise(signed, compared):
        difference = f"{compared.difference}, was {signed.difference}"
        text = f"The comparison of run {compared.run_id} has other figures: difference {difference}."
        yield MonthChange(code=ChangeCode.COMPARED, text=text, count=None)
    if written:
        text = "Documents that are dated in it were written, or taken back, after it was signed off."
        yield MonthChange(code=ChangeCode.WRITTEN, text=text, count=written)


def comparison_of(compared: KeptTieOut, written: int) -> MonthComparison:
    """A kept tie-out of the last day."""
    return MonthComparison(
        run_id=compared.run_id,
        as_of=compared.as_of,
        at=compared.at,
        difference=compared.difference,
        total_difference=compared.total_difference,
        unexplained=compared.unexplained,
        sums=_sums(compared.sums),
        written_since=written,
    )


def _sums(kept: Iterable[KeptSum]) -> tuple[MonthSum, ...]:
    def place(one: KeptSum) -> tuple[int, str, str]:
        return (_ORDER.index(one.kind) if one.kind in _ORDER else len(_ORDER), one.kind, one.currency)

    return tuple(MonthSum(**asdict(one)) for one in sorted(kept, key=place))


def comparing_of(started: StartedTieOut | None, compared: KeptTieOut | None) -> ComparisonRun | None:
    """The newest run that was to compare, if it is not done; null if a later comparison is there."""
    if started is None or started.state == RunState.DONE or (compared and compared.run_id > started.id):
        return None
    return ComparisonRun(
        run_id=started.id,
        state=started.state,
        started_at=started.started_at,
        code=started.code,
        remedy=started.remedy,
    )


def group_of(kind: str, tally: Tally, rows: Iterable[OpenRow]) -> OpenGroup:
    """What of one kind is open."""
    of = OpenKind(kind)
    return OpenGroup(
        kind=of,
        count=tally.count,
        is_more=tally.is_more,
        undated=tally.undated,
        sums=tuple(
            OpenSum(kind=of, currency=currency or "usd", count=count, amount=amount)
            for currency, (count, amount) in tally.sums.items()
        ),
        items=tuple(_item(of, row) for row in rows),
    )


def _item(kind: OpenKind, row: OpenRow) -> OpenItem:
    return OpenItem(
        kind=kind,
        key=row.key,
        subject=row.subject,
        code=row.code,
        amount=row.amount,
        currency=row.currency or "usd",
        date=row.day,
        since=row.since,
        entity=row.entity,
        qbo_id=row.qbo_id,
    )


def written_of(row: WrittenRow) -> WrittenDocument:
    """A document that was written after the sign-off."""
    return WrittenDocument(
        document_key=row.document_key,
        entity=row.entity,
        qbo_id=row.qbo_id,
        state=row.state,
        amount=row.amount,
        currency=row.currency,
        date=row.txn_date,
        posted_at=row.posted_at,
    )


def figures_of(view: MonthView) -> SignedFigures:
    """What of a month is signed: the sums of its comparison, and what is open."""
    sums = view.comparison.sums if view.comparison else ()
    return SignedFigures(sums=sums, open=tuple(one for group in view.open for one in group.sums))


def stored_figures(figures: SignedFigures) -> dict[str, Any]:
    """Figures as they are stored, in minor units."""
    return {"sums": [asdict(one) for one in figures.sums], "open": [asdict(one) for one in figures.open]}


def _figures(stored: Mapping[str, Any]) -> SignedFigures:
    return SignedFigures(
        sums=tuple(MonthSum(**one) for one in stored.get("sums", ())),
        open=tuple(OpenSum(**{**one, "kind": OpenKind(one["kind"])}) for one in stored.get("open", ())),
    )


def signoff_of(stored: StoredSignoff) -> Signoff:
    """A stored sign-off."""
    return Signoff(
        id=stored.id,
        month=str(Month(stored.month)),
        as_of=stored.as_of,
        run_id=stored.run_id,
        difference=stored.difference,
        reason=stored.reason,
        figures=_figures(stored.figures),
        evidence_sha256=stored.evidence,
        actor=stored.actor,
        signed_at=stored.signed_at,
        withdrawn_at=stored.withdrawn_at,
        withdrawn_by=stored.withdrawn_by,
    )


def listed(
    month: Month,
    state: MonthState,
    compared: KeptTieOut | None,
    signed: StoredSignoff | None,
    *,
    parked: int,
    payouts: int,
) -> ListedMonth:
    """A month in the list."""
    return ListedMonth(
        month=str(month),
        first=month.first,
        last=month.last,
        state=state,
        difference=compared.difference if compared else None,
        compared_at=compared.at if compared else None,
        signed_at=signed.signed_at if signed else None,
        signed_by=signed.actor if signed else None,
        parked=parked,
        payouts=payouts,
    )
