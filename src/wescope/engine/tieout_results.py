"""Tie-out results: the rows of a comparison of Stripe with QBO, and the documents that make a row up.

Every row has an id that stays the same (`receivable:cus_1:usd`, `clearing:usd`, `bank:usd`, `revenue:2026-10:usd`,
`fees:2026-10:usd`, `payout:po_1`), and by it can be opened.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Self

from wescope.books.money import to_decimal
from wescope.engine.results import MONEY, NO_DIFFERENCE, ParkedRow, TieOutSummary


class Kind(StrEnum):
    """What a row by month compares: what documents of that month post to one kind of item or account.

    Signs are those of the reports of QBO: income and liabilities are credits less debits, costs debits less credits.
    """

    REVENUE = "revenue"
    """Income of sales forms on the sales, discount and shipping items and those of rules, net of credit notes."""
    REFUNDS = "refunds"
    """The refunds item: what was given back and no credit note explains; below zero."""
    BAD_DEBT = "bad_debt"
    """The bad-debt item: what was written off, less what was paid after all; a cost."""
    CUSTOMER_BALANCE = "customer_balance"
    """The customer-balance item: moves of customers' balances by hand; a debit of theirs is above zero."""
    TAX = "tax"
    """Sales tax, on its item or native."""
    FEES = "fees"
    """What Stripe kept, without tax, on deposits and journal entries; a cost."""
    FEE_TAX = "fee_tax"
    """Tax on what Stripe kept; a cost."""
    DISPUTES = "disputes"
    """Disputed amounts withdrawn, less those given back; a cost."""


REVENUE_KINDS = (Kind.REVENUE, Kind.REFUNDS, Kind.BAD_DEBT, Kind.CUSTOMER_BALANCE, Kind.TAX)
FEE_KINDS = (Kind.FEES, Kind.FEE_TAX, Kind.DISPUTES)


class Reason(StrEnum):
    """Why a document is not the same on both sides."""

    PARKED = "parked"
    """It waits for somebody; the detail is the park code."""
    DRIFT = "drift"
    """`wescope verify` found it changed in QBO; the detail is the kind."""
    ACCEPTED = "accepted_edit"
    """Somebody accepted an edit of it; the detail is its kind."""
    FOREIGN = "foreign_document"
    """Somebody else has made it in QBO."""
    OTHER = "other_documents"
    """The account's balance has more than sales forms, payments, deposits, transfers and journal entries post."""
    OPENING = "opening_balance"
    """What was there before the start date, against the opening balance in QBO."""
    NOT_SYNCED = "not_yet_synced"
    """It has not been looked at since it changed."""
    MISSING = "missing_in_qbo"
    """We posted it, and QBO has it no more."""
    VOIDED = "voided_in_qbo"
    """We posted it, and somebody set it to zero."""
    EDITED = "edited_in_qbo"
    """Somebody has changed it since we wrote it."""
    DOUBLED = "doubled"
    """QBO has more than one of it."""
    OTHER_MONTH = "in_another_month"
    """It is the same over all months; the detail is those in which QBO has it otherwise.

    A closed month is countered later, and what Stripe no longer tells is undone where it was posted.
    """
    ADOPTED = "adopted_document"
    """Somebody else has made it, on items or accounts of its own, and we took it for ours."""
    BANK_FEED = "waits_for_bank_feed"
    """The bank feed has not brought it, or nothing tells which of its entries it is."""
    DATED = "dated_otherwise"
    """It stands in QBO on another day; the detail is that day."""
    UNKNOWN = "unknown"
    """Nothing that we know tells why."""


def month_row(kind: Kind, day: date, currency: str) -> str:
    """The id of the row by month that a day belongs to."""
    return f"{kind}:{day:%Y-%m}:{currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivableRow:
    """What one Stripe customer owes in one currency, on both sides; `difference` is Stripe less QBO."""

    customer_id: str
    currency: str
    stripe: int = field(metadata=MONEY)
    qbo: int = field(metadata=MONEY)
    difference: int = field(metadata=MONEY)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"receivable:{self.customer_id}:{self.currency}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearingRow:
    """What the clearing account of one currency holds, on both sides; `difference` is Stripe less QBO.

    `opening` is what of Stripe's side was there before the start date: the account's opening balance in QBO.
    """

    currency: str
    stripe: int = field(metadata=MONEY)
    qbo: int = field(metadata=MONEY)
    difference: int = field(metadata=MONEY)
    opening: int = field(default=0, metadata=MONEY)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"clearing:{self.currency}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BankRow:
    """What moved between Stripe and the bank accounts of one currency, on both sides; `difference` is Stripe less QBO.

    Deposits that the bank feed dates otherwise than Stripe, or that wait, show here; they are no error by themselves.
    """

    currency: str
    stripe: int = field(metadata=MONEY)
    qbo: int = field(metadata=MONEY)
    difference: int = field(metadata=MONEY)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"bank:{self.currency}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """What the documents of one month (`2026-10`, books' calendar) post of one kind, in the documents' currency.

    `stripe` follows from Stripe's invoices, charges, refunds and rows; `qbo` is what QBO's own records say.
    """

    kind: Kind
    month: str
    currency: str
    stripe: int = field(metadata=MONEY)
    qbo: int = field(metadata=MONEY)
    difference: int = field(metadata=MONEY)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"{self.kind}:{self.month}:{self.currency}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRow:
    """One payout against what QBO has of it in the bank account.

    `amount` is Stripe's; `stripe` is what of it is at the bank by then (nothing again, if it came back), `qbo` what
    QBO's deposits and entries say. `state` is that of its check (`wescope payouts`), `unchecked` if there is none.
    A deposit over several payouts is divided among them. `arrival_date` and `available_date` are UTC's, the others of
    the books' calendar.
    """

    payout_id: str
    currency: str
    amount: int = field(metadata=MONEY)
    stripe: int = field(metadata=MONEY)
    qbo: int = field(metadata=MONEY)
    difference: int = field(metadata=MONEY)
    status: str
    state: str
    deposits: tuple[str, ...]
    shared_with: tuple[str, ...]
    payout_date: date | None
    arrival_date: date | None
    deposit_date: date | None
    available_date: date | None
    returned_date: date | None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"payout:{self.payout_id}")


AnyRow = ReceivableRow | ClearingRow | BankRow | MonthRow | PayoutRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOutLine:
    """One document (or one movement without any) of a row, on both sides; `difference` is Stripe less QBO.

    `date` is Stripe's, in the books' calendar, or QBO's if Stripe has none; `stripe_id` the object that moves it, and
    `document_key` the document that books it. `reason` is null where both sides agree.
    """

    row: str
    date: date | None
    stripe_id: str | None
    document_key: str | None
    entity: str | None
    qbo_id: str | None
    stripe: int = field(metadata=MONEY)
    qbo: int = field(metadata=MONEY)
    difference: int = field(metadata=MONEY)
    currency: str
    reason: Reason | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRow:
    """A row with everything that makes it up: on each side the lines add up to the row.

    `at` is the moment of the comparison; `unexplained` what of the difference has no known reason.
    """

    id: str
    as_of: date
    at: datetime
    currency: str
    stripe: int = field(metadata=MONEY)
    qbo: int = field(metadata=MONEY)
    difference: int = field(metadata=MONEY)
    unexplained: int = field(metadata=MONEY)
    lines: tuple[TieOutLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOut:
    """Stripe against QBO at the end of `as_of` (books' calendar). Make it with `TieOut.of`.

    `differences` is the sum of absolute differences by currency, as decimal strings; `difference` is the one number
    (or, with several currencies in disagreement, one text) that must be "0.00". Both are of receivables and clearing;
    `total_difference` is of all rows. `explained` are the documents that make up every row that differs, and
    `unexplained` is what of `total_difference` has no known reason.
    """

    as_of: date
    at: datetime
    difference: str
    receivable: tuple[ReceivableRow, ...]
    clearing: tuple[ClearingRow, ...]
    parked: tuple[ParkedRow, ...]
    balanced: bool
    differences: Mapping[str, str] = field(default_factory=dict)
    bank: tuple[BankRow, ...] = ()
    payouts: Mapping[str, int] = field(default_factory=dict)
    """How many payouts are in which state (`matched`, `waiting`, ...)."""

    revenue: tuple[MonthRow, ...] = ()
    fees: tuple[MonthRow, ...] = ()
    deposits: tuple[PayoutRow, ...] = ()
    total_difference: str = NO_DIFFERENCE
    explained: tuple[TieOutLine, ...] = ()
    unexplained: str = NO_DIFFERENCE

    @classmethod
    def of(
        cls,
        *,
        as_of: date,
        at: datetime,
        receivable: Iterable[ReceivableRow],
        clearing: Iterable[ClearingRow],
        parked: Iterable[ParkedRow] = (),
        bank: Iterable[BankRow] = (),
        months: Iterable[MonthRow] = (),
        deposits: Iterable[PayoutRow] = (),
        payouts: Mapping[str, int] | None = None,
        explained: Iterable[TieOutLine] = (),
    ) -> Self:
        """The tie-out of these rows, with its differences summed up (absolute values, so that none cancel).

        Receivables and clearing decide whether it balances; the other rows say where to look, or what is booked
        otherwise although the balances agree.
        """
        receivables, clearings, banks = tuple(receivable), tuple(clearing), tuple(bank)
        by_month, by_payout, reasons = tuple(months), tuple(deposits), tuple(explained)
        sums = _differences((*receivables, *clearings))
        every = _differences((*receivables, *clearings, *banks, *by_month, *by_payout))
        return cls(
            as_of=as_of,
            at=at,
            difference=in_one(sums),
            receivable=receivables,
            clearing=clearings,
            parked=tuple(parked),
            balanced=not any(sums.values()),
            differences={currency: str(to_decimal(amount, currency)) for currency, amount in sorted(sums.items())},
            bank=banks,
            payouts=dict(sorted((payouts or {}).items())),
            revenue=tuple(row for row in by_month if row.kind in REVENUE_KINDS),
            fees=tuple(row for row in by_month if row.kind in FEE_KINDS),
            deposits=by_payout,
            total_difference=in_one(every),
            explained=reasons,
            unexplained=in_one(_unexplained(reasons)),
        )

    @property
    def rows(self) -> tuple[AnyRow, ...]:
        """All rows, those that decide whether it balances first."""
        return (*self.receivable, *self.clearing, *self.bank, *self.revenue, *self.fees, *self.deposits)

    @property
    def summary(self) -> TieOutSummary:
        """The part of the tie-out that status shows."""
        return TieOutSummary(as_of=self.as_of, difference=self.difference, at=self.at)


def unexplained_of(lines: Iterable[TieOutLine]) -> int:
    """What the lines of one row without a known reason differ by, in its minor units."""
    return sum(line.difference for line in lines if line.reason is Reason.UNKNOWN)


def _unexplained(lines: Sequence[TieOutLine]) -> dict[str, int]:
    by_row: dict[str, list[TieOutLine]] = {}
    for line in lines:
        by_row.setdefault(line.row, []).append(line)
    sums: dict[str, int] = {}
    for found in by_row.values():
        currency = found[0].currency
        sums[currency] = sums.get(currency, 0) + abs(unexplained_of(found))
    return sums


def _differences(rows: Iterable[AnyRow]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, 0) + abs(row.difference)
    return sums


def in_one(sums: Mapping[str, int]) -> str:
    """Sums by currency as one number; as one text with currencies, if several are not zero."""
    open_sums = {currency: amount for currency, amount in sorted(sums.items()) if amount}
    if not open_sums:
        return NO_DIFFERENCE
    if len(open_sums) == 1:
        ((currency, amount),) = open_sums.items()
        return str(to_decimal(amount, currency))
    return " + ".join(f"{to_decimal(amount, currency)} {currency.upper()}" for currency, amount in open_sums.items())
