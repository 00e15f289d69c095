"""Month results: what is told of a month at its end, and why it may not be signed off."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from wescope.books.parking import Owner
from wescope.engine.results import MONEY, NO_DIFFERENCE
from wescope.errors import Retry, WescopeError
from wescope.links.runs import RunState


class MonthNotOver(WescopeError):
    """The month is not over yet, in the books' calendar."""

    code = "month_not_over"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = "Come back after its last day."


class MonthNotBegun(WescopeError):
    """The month has not begun yet, in the books' calendar."""

    code = "month_not_begun"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "`/close` and `wescope close` list the months that there are."


class MonthNotCompared(WescopeError):
    """The books were not compared with Stripe as of the month's last day since that day was over."""

    code = "month_not_compared"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = "Start a comparison as of its last day, and sign off when it is done."


class ReasonMissing(WescopeError):
    """The month differs, or was written to since it was compared, and no reason is given to sign it off as it is."""

    code = "signoff_reason_missing"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = "Compare again, or say why it may be signed off as it is."


class MonthSigned(WescopeError):
    """The month is signed off."""

    code = "month_signed"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = "Withdraw the sign-off that stands first."


class MonthNotSigned(WescopeError):
    """The month is not signed off."""

    code = "month_not_signed"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "There is nothing to withdraw."


class MonthState(StrEnum):
    """Where a month stands."""

    RUNNING = "running"
    """It is not over."""
    NOT_COMPARED = "not_compared"
    """It is over, and was not compared since."""
    DIFFERS = "differs"
    """It was compared: receivables or clearing differ."""
    EQUAL = "equal"
    """It was compared: the difference is 0.00. Nobody has signed it off."""
    SIGNED = "signed"
    CHANGED = "signed_changed"
    """It was signed off, and is not as it was then."""


class OpenKind(StrEnum):
    """What may be open at a month's end."""

    PARKED = "parked"
    """A document that is dated in it and must not be posted now."""
    PAYOUT = "payout"
    """A payout that arrived in it and is not matched with a deposit."""
    DRIFT = "drift"
    """What somebody has changed in QBO of a document that is dated in it."""
    WAITING = "waiting"
    """A Stripe object that waits to be looked at and has a document in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """One thing that is open. `key` leads to its story; `code` says what it is; `date` is in the books' calendar."""

    kind: OpenKind
    key: str
    subject: str | None
    code: str
    amount: int = field(metadata=MONEY)
    currency: str
    date: date | None
    since: datetime | None
    entity: str | None
    qbo_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSum:
    """How many things of one kind are open in one currency, and their amounts together."""

    kind: OpenKind
    currency: str
    count: int
    amount: int = field(metadata=MONEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGroup:
    """What of one kind is dated in a month and open. `items` are the first 50; the evidence has all.

    `is_more` says that there are more than were counted (1,000). `undated` are those of no known day, which may belong
    to the month; they are counted up to the same number, and are the same for every month. Of what was changed in QBO
    the newest 1,001 findings are looked at, and of what waits the 1,000 that have waited longest.
    """

    kind: OpenKind
    count: int
    is_more: bool
    undated: int
    sums: tuple[OpenSum, ...]
    items: tuple[OpenItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthSum:
    """The rows of one kind of a tie-out in one currency; `difference` adds their absolute differences.

    `receivable`, `clearing` and `bank` are balances at the end of the last day; the others (`revenue`, `fees`, ...) are
    what the documents of the month post. `differing` of the `rows` differ.
    """

    kind: str
    currency: str
    rows: int
    differing: int
    stripe: int = field(metadata=MONEY)
    qbo: int = field(metadata=MONEY)
    difference: int = field(metadata=MONEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthComparison:
    """The newest tie-out as of the last day that was made when that day was over.

    `written_since` counts the documents of the month that were written since it began (up to 1,001).
    """

    run_id: int
    as_of: date
    at: datetime
    difference: str
    total_difference: str
    unexplained: str
    sums: tuple[MonthSum, ...]
    written_since: int

    @property
    def balanced(self) -> bool:
        """True if receivables and clearing are equal on both sides."""
        return self.difference == NO_DIFFERENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRun:
    """A run that compares as of the last day and is not done; `code` and `remedy` say why it failed, if it did."""

    run_id: int
    state: str
    started_at: datetime
    code: str | None
    remedy: str | None

    @property
    def is_working(self) -> bool:
        """True if a worker has it, or will take it up."""
        return self.state == RunState.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDocument:
    """A document of the month that was written, or taken back, after it was signed off, or else compared."""

    document_key: str
    entity: str
    qbo_id: str | None
    state: str
    amount: int = field(metadata=MONEY)
    currency: str
    date: date | None
    posted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFigures:
    """What was known when a month was signed off: the sums of its tie-out, and what was open."""

    sums: tuple[MonthSum, ...]
    open: tuple[OpenSum, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signoff:
    """Somebody has signed a month off upon a tie-out (`run_id`); `reason` is why it may differ, null if it did not.

    `evidence_sha256` is the digest of the `SHA256SUMS` of the evidence as it was then.
    """

    id: int
    month: str
    as_of: date
    run_id: int
    difference: str
    reason: str | None
    figures: SignedFigures
    evidence_sha256: str
    actor: str
    signed_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None


class ChangeCode(StrEnum):
    """Why a month is not as it was when it was signed off."""

    COMPARED = "compared_otherwise"
    """A later tie-out as of its last day has other figures."""
    WRITTEN = "documents_written"
    """Documents that are dated in it were written, or taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthChange:
    """One way in which a month is not as it was signed off; `count` of documents (up to 1,001), null of a tie-out."""

    code: ChangeCode
    text: str
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthView:
    """A month at its end. Days are in the books' calendar, but those of payouts, which are UTC's.

    `closed_until` is QBO's closing date as it was last read (`closed_known_at`); null if the books are open, or if it
    was never read. `written` are the newest documents that were written after the sign-off, or else the comparison.
    """

    month: str
    first: date
    last: date
    is_over: bool
    state: MonthState
    comparison: MonthComparison | None
    comparing: ComparisonRun | None
    open: tuple[OpenGroup, ...]
    signoff: Signoff | None
    changes: tuple[MonthChange, ...]
    written: tuple[WrittenDocument, ...]
    signoffs: tuple[Signoff, ...]
    closed_until: date | None
    closed_known_at: datetime | None

    @property
    def needs_reason(self) -> bool:
        """True if it can be signed off only with a reason."""
        found = self.comparison
        return found is not None and (not found.balanced or found.written_since > 0)

    @property
    def may_be_signed(self) -> bool:
        """True if it can be signed off now."""
        return self.is_over and self.comparison is not None and self.signoff is None

    @property
    def is_closed_in_qbo(self) -> bool | None:
        """Whether QBO's books are closed up to its last day; null if that is not known."""
        if self.closed_known_at is None:
            return None
        return self.closed_until is not None and self.closed_until >= self.last

    @property
    def needs_somebody(self) -> bool:
        """True if it is over and not signed off as it is."""
        return self.is_over and self.state is not MonthState.SIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMonth:
    """A month in the list. `parked` and `payouts` are counted up to 1,001; the month itself tells the rest."""

    month: str
    first: date
    last: date
    state: MonthState
    difference: str | None
    compared_at: datetime | None
    signed_at: datetime | None
    signed_by: str | None
    parked: int
    payouts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthList:
    """Months, the newest first; `next` is where the older ones go on (`before`), null at the end."""

    items: tuple[ListedMonth, ...]
    next: str | None


MONTH_TEXTS: Mapping[MonthState, str] = {
    MonthState.RUNNING: "not over",
    MonthState.NOT_COMPARED: "not compared",
    MonthState.DIFFERS: "differs",
    MonthState.EQUAL: "equal, not signed off",
    MonthState.SIGNED: "signed off",
    MonthState.CHANGED: "signed off, changed since",
}
"""States as people read them."""
