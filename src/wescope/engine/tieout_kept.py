"""Kept tie-outs: what is stored of a comparison, and what people are told of it later without comparing again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from wescope.engine.results import MONEY, NO_DIFFERENCE
from wescope.engine.tieout_results import Reason, TieOut, TieOutLine
from wescope.links.kept_tieouts import StoredRow, TieOutHead

DECIDING = ("receivable", "clearing")
"""The parts that decide whether the books equal Stripe; the others say where to look."""

MOST_SHOWN, MOST_LINES = 200, 1000
"""So many rows and lines of a comparison are kept for its page; the rows are all kept, too."""

_MANY = ("receivable", "payout")
"""There may be a row of these for every customer and payout: of many, only those that differ are shown at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOutPart:
    """All rows of one kind in one currency; `difference` adds up what rows differ by without sign: none cancel."""

    kind: str
    currency: str
    stripe: int = field(metadata=MONEY)
    qbo: int = field(metadata=MONEY)
    difference: int = field(metadata=MONEY)
    rows: int
    differing: int

    @property
    def decides(self) -> bool:
        """True if the books equal Stripe only where this has no difference."""
        return self.kind in DECIDING


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOutRow:
    """One row of a kept tie-out; `difference` is Stripe less QBO. Its `id` opens it."""

    id: str
    kind: str
    currency: str
    stripe: int = field(metadata=MONEY)
    qbo: int = field(metadata=MONEY)
    difference: int = field(metadata=MONEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTieOut:
    """A tie-out that was kept: `as_of` in the books' calendar, `at` the moment of the comparison.

    `difference` is the one number that must be "0.00", of receivables and clearing, `total_difference` is of all rows,
    and `unexplained` what of it has no known reason.
    """

    run_id: int
    as_of: date
    at: datetime
    difference: str
    balanced: bool
    differences: Mapping[str, str]
    total_difference: str
    unexplained: str
    parts: tuple[TieOutPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOutRun:
    """A comparison that is under way, or has failed: `code` and `remedy` say why; `as_of` null is the day it runs."""

    run_id: int
    state: str
    as_of: date | None
    started_at: datetime
    code: str | None = None
    remedy: str | None = None

    @property
    def is_running(self) -> bool:
        """True while a worker is at it, or will be."""
        return self.state == "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOutPage:
    """A kept tie-out with some of its rows; null if none was made. `next` is the cursor of what follows.

    Without a kind `rows` are those that differ, and others while there are few. `run` is a comparison that is not over.
    """

    tieout: KeptTieOut | None
    rows: tuple[TieOutRow, ...] = ()
    next: str | None = None
    run: TieOutRun | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOpenedRow:
    """A row of a kept tie-out with the documents by which it differs; those that agree are not kept."""

    tieout: KeptTieOut
    row: TieOutRow
    lines: tuple[TieOutLine, ...]


def kept(result: TieOut) -> dict[str, Any]:
    """What is stored of a tie-out: its difference, every row in minor units, and what its page shows."""
    stored = [
        StoredRow(position=place, id=row.id, currency=row.currency, stripe=row.stripe, qbo=row.qbo)
        for place, row in enumerate(result.rows, 1)
    ]
    return {
        "as_of": result.as_of.isoformat(),
        "difference": result.difference,
        "differences": dict(result.differences),
        "at": result.at.isoformat(),
        "total_difference": result.total_difference,
        "unexplained": result.unexplained,
        "rows": [{name: getattr(row, name) for name in ("id", "currency", "stripe", "qbo")} for row in stored],
        "page": {
            "parts": [_fields(part) for part in parts_of(stored)],
            "shown": [_fields(row) for row in shown(stored)],
            "lines": [_fields(line) for line in result.explained[:MOST_LINES]],
        },
    }


def parts_of(rows: Iterable[StoredRow]) -> tuple[TieOutPart, ...]:
    """The rows summed up by kind and currency, in the order in which they come."""
    parts: dict[tuple[str, str], TieOutPart] = {}
    for row in rows:
        key = (_kind(row.id), row.currency)
        part = parts.get(key) or _nothing(*key)
        difference = abs(row.stripe - row.qbo)
        parts[key] = replace(
            part,
            stripe=part.stripe + row.stripe,
            qbo=part.qbo + row.qbo,
            difference=part.difference + difference,
            rows=part.rows + 1,
            differing=part.differing + bool(difference),
        )
    return tuple(parts.values())


def shown(rows: Sequence[StoredRow]) -> tuple[TieOutRow, ...]:
    """The rows that a page shows at once: those that differ first; then those of which there are few, or all if few."""
    told = [kept_row(row) for row in rows]
    differing = [row for row in told if row.difference]
    agreeing = [row for row in told if not row.difference and (len(told) <= MOST_SHOWN or row.kind not in _MANY)]
    return tuple([*differing, *agreeing][:MOST_SHOWN])


def kept_row(row: StoredRow) -> TieOutRow:
    """A stored row as people are told of it."""
    return TieOutRow(
        id=row.id,
        kind=_kind(row.id),
        currency=row.currency,
        stripe=row.stripe,
        qbo=row.qbo,
        difference=row.stripe - row.qbo,
    )


def kept_tieout(head: TieOutHead, rows: Iterable[StoredRow] = ()) -> KeptTieOut:
    """A stored head as people are told of it; `rows` are asked for only where an older version has kept no parts."""
    found, page = head.head, head.head.get("page")
    return KeptTieOut(
        run_id=head.run_id,
        as_of=head.as_of,
        at=head.compared_at,
        difference=found["difference"],
        balanced=found["difference"] == NO_DIFFERENCE,
        differences=found.get("differences", {}),
        total_difference=found.get("total_difference", found["difference"]),
        unexplained=found.get("unexplained", NO_DIFFERENCE),
        parts=tuple(TieOutPart(**part) for part in page["parts"]) if page else parts_of(rows),
    )


def shown_rows(head: TieOutHead) -> tuple[TieOutRow, ...] | None:
    """The rows that were kept for the page; null for a tie-out of an older version."""
    page = head.head.get("page")
    return tuple(TieOutRow(**row) for row in page["shown"]) if page else None


def kept_lines(head: TieOutHead, row_id: str) -> tuple[TieOutLine, ...]:
    """The documents by which a row differs, as they were kept."""
    lines = (head.head.get("page") or {}).get("lines", ())
    return tuple(_line(line) for line in lines if line["row"] == row_id)


def _line(stored: Mapping[str, Any]) -> TieOutLine:
    day, reason = stored["date"], stored["reason"]
    known = {"date": date.fromisoformat(day) if day else None, "reason": Reason(reason) if reason else None}
    return TieOutLine(**{**stored, **known})


def _nothing(kind: str, currency: str) -> TieOutPart:
    return TieOutPart(kind=kind, currency=currency, stripe=0, qbo=0, difference=0, rows=0, differing=0)


def _kind(row_id: str) -> str:
    return row_id.partition(":")[0]


def _fields(value: Any) -> dict[str, Any]:
    """A value as JSON keeps it, its amounts in minor units."""
    found = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {name: one.isoformat() if isinstance(one, date) else one for name, one in found.items()}
