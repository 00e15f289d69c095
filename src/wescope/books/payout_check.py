"""Payout check: every row of a payout beside its document, what they come to, and whether the deposit may be posted.

Rules: DESIGN.md section 3, Payout check before the deposit. Pure: what is posted is given, nothing is looked up.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from wescope.books.calendar import local_date
from wescope.books.categories import Treatment, category_name, category_of, entry_account
from wescope.books.fees import as_paid_out, fee_of, gross_of
from wescope.books.journal import is_before_start
from wescope.books.payout import net_of
from wescope.books.policy import PayoutMode, Policy
from wescope.books.subjects import (
    DocumentKey,
    Subject,
    SubjectKind,
    deposit_key,
    journal_entry_key,
    payment_key,
    refund_receipt_key,
    reversal_key,
    sales_receipt_key,
)
from wescope.books.values import BalanceRow, Payout, PayoutStatus


class PostedState(StrEnum):
    """Where a document stands: `VOIDED` also if it was undone before it was ever posted."""

    POSTED = "posted"
    ADOPTED = "adopted"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A document in QBO; `amount` is what it moved in clearing, signed, in settlement currency; null: not known."""

    amount: int | None
    currency: str
    state: PostedState
    qbo_id: str | None = None


class RowState(StrEnum):
    """How a row of a payout stands against the books."""

    MATCHED = "matched"
    FEE = "fee"
    BEFORE_START_DATE = "before_start_date"
    STAYS_IN_CLEARING = "stays_in_clearing"
    REVERSED = "reversed"
    """Its document was taken back, and the row of the failure with it: together they are zero."""
    PENDING = "pending"
    """Its charge is rightly not final yet, though the money did arrive."""
    MISSING = "missing"
    DIFFERS = "differs"


class PayoutState(StrEnum):
    """How a payout stands: `WAITING` names the documents it waits for, `DIFFERS` the amount."""

    MATCHED = "matched"
    ADOPTED = "adopted"
    WAITING = "waiting"
    DIFFERS = "differs"
    NOT_PAID = "not_paid"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDocument:
    """Which document books a row's gross.

    `keys` are candidates, the likeliest first, `undone` those whose voiding undoes the row as well. `amount` is what
    the document should move in clearing. `needs` says whether there must be one, `reason` why (not), as a stable code;
    with `after` it is needed only if that document is posted.
    """

    keys: tuple[DocumentKey, ...]
    amount: int
    needs: bool
    reason: str
    undone: tuple[DocumentKey, ...] = ()
    after: DocumentKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRow:
    """A row of a payout with the key of its document (the one that was found, else the likeliest); minor units."""

    transaction: str
    category: str
    source: str | None
    gross: int
    fee: int
    net: int
    document: DocumentKey | None
    state: RowState
    subject: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutCheck:
    """The result for one payout, in minor units of its currency.

    `differs_by` is the rows' net less the payout's amount; `foots` that it is zero. Dates: `payout` in the books'
    calendar, `arrival` and `available` are dates of UTC.
    """

    payout: str
    currency: str
    amount: int
    rows: tuple[PayoutRow, ...]
    gross: int
    fee: int
    net: int
    foots: bool
    differs_by: int
    state: PayoutState
    waiting_on: tuple[DocumentKey, ...]
    payout_date: date
    arrival_date: date
    available_date: date | None


_KINDS: Mapping[Treatment, SubjectKind] = {
    Treatment.CHARGE: SubjectKind.CHARGE,
    Treatment.CHARGE_FAILURE: SubjectKind.CHARGE,
    Treatment.PARTIAL_CAPTURE: SubjectKind.CHARGE,
    Treatment.REFUND: SubjectKind.REFUND,
    Treatment.REFUND_FAILURE: SubjectKind.REFUND,
    Treatment.DISPUTE: SubjectKind.DISPUTE,
    Treatment.PAYOUT: SubjectKind.PAYOUT,
    Treatment.PAYOUT_RETURN: SubjectKind.PAYOUT,
}
_UNNEEDED: Mapping[RowState, str] = {
    RowState.FEE: "fee",
    RowState.BEFORE_START_DATE: "before_start_date",
    RowState.STAYS_IN_CLEARING: "stays_in_clearing",
}


def row_document(row: BalanceRow, policy: Policy) -> RowDocument:
    """Which document books the gross of a row, by its category (`categories`).

    Args:
        row: in settlement currency.
        policy: the start date, the account map, and whether payouts become deposits.

    Returns:
        The candidates; or none are needed, because the row is a fee, older than the books, or stays in clearing.
    """
    gross = gross_of(row.transaction)
    treatment = category_of(row.transaction).treatment
    if reason := _unneeded(row, treatment, policy):
        return RowDocument(keys=(), amount=gross, needs=False, reason=_UNNEEDED[reason])
    keys, undone = _candidates(row, treatment)
    returned = treatment is Treatment.PAYOUT_RETURN and row.source is not None
    return RowDocument(
        keys=keys,
        amount=gross,
        needs=True,
        reason=treatment.value,
        undone=undone,
        after=deposit_key(row.source or "") if returned else None,
    )


def check_payout(
    payout: Payout,
    policy: Policy,
    posted: Mapping[DocumentKey, Posted],
    pending: Container[DocumentKey] = (),
) -> PayoutCheck:
    """Compare every row of a payout with the books.

    Args:
        payout: with its rows; a manual payout has none and waits for nothing.
        policy: the company's choices.
        posted: documents in QBO, and those taken back, by key; at least those of `keys_of`.
        pending: keys of documents that are parked because their charge is not final yet; these do not block.

    Returns:
        Each row with its document and state, what they come to, and the payout's state. The deposit may be posted if
        that is matched or adopted; whether it is, is not asked here.
    """
    rows = tuple(_checked(row, payout, policy, posted, pending) for row in payout.rows)
    net = net_of(payout)
    own = payout.balance_transaction
    fee = sum(row.fee for row in rows) + (own.fee if own else 0)
    waiting_on = tuple(
        dict.fromkeys(
            row.document for row in rows if row.document and row.state in {RowState.MISSING, RowState.DIFFERS}
        )
    )
    return PayoutCheck(
        payout=payout.id,
        currency=payout.currency,
        amount=payout.amount,
        rows=rows,
        gross=net + fee,
        fee=fee,
        net=net,
        foots=net == payout.amount,
        differs_by=net - payout.amount,
        state=_state(payout, net, waiting_on, posted),
        waiting_on=waiting_on,
        payout_date=local_date(payout.created, policy.timezone),
        arrival_date=payout.arrival_date,
        available_date=own.available_on.date() if own else None,
    )


def keys_of(payout: Payout, policy: Policy) -> tuple[DocumentKey, ...]:
    """All keys that `check_payout` asks for, each once: the deposit's own and every candidate of every row."""
    keys = [deposit_key(payout.id)]
    for row in payout.rows:
        needed = row_document(row, policy)
        keys += [*needed.keys, *needed.undone, *((needed.after,) if needed.after else ())]
    return tuple(dict.fromkeys(keys))


def _unneeded(row: BalanceRow, treatment: Treatment, policy: Policy) -> RowState | None:
    if treatment is Treatment.FEE:
        return RowState.FEE
    if is_before_start(local_date(row.transaction.created, policy.timezone), policy):
        return RowState.BEFORE_START_DATE
    if row.transaction.amount == 0 or treatment is Treatment.PAYOUT:
        return RowState.STAYS_IN_CLEARING
    if treatment is Treatment.PAYOUT_RETURN and policy.payouts is PayoutMode.MATCH:
        return RowState.STAYS_IN_CLEARING
    held = treatment is Treatment.STAYS and entry_account(row.transaction, policy) is None
    return RowState.STAYS_IN_CLEARING if held else None


def _candidates(row: BalanceRow, treatment: Treatment) -> tuple[tuple[DocumentKey, ...], tuple[DocumentKey, ...]]:
    """Documents that book the row, and those whose voiding undoes it as well."""
    charge, source = row.charge or row.source or row.transaction.id, row.source or row.transaction.id
    received = (payment_key(charge), sales_receipt_key(charge))
    given = (refund_receipt_key(source),)
    match treatment:
        case Treatment.CHARGE | Treatment.PARTIAL_CAPTURE:
            return received, received
        case Treatment.CHARGE_FAILURE:
            return (reversal_key(charge),), received
        case Treatment.REFUND:
            return given, given
        case Treatment.REFUND_FAILURE:
            return (reversal_key(source),), given
        case _:
            return (journal_entry_key(row.transaction.id),), ()


def _checked(
    row: BalanceRow,
    payout: Payout,
    policy: Policy,
    posted: Mapping[DocumentKey, Posted],
    pending: Container[DocumentKey],
) -> PayoutRow:
    transaction, needed = row.transaction, row_document(row, policy)
    found = next((key for key in needed.keys if _stands(posted.get(key))), None)
    gone = next((key for key in needed.undone if _is_voided(posted.get(key))), None)
    waits = next((key for key in (*needed.keys, *needed.undone) if key in pending), None)
    first = needed.keys[0] if needed.keys else None
    return PayoutRow(
        transaction=transaction.id,
        category=category_name(transaction),
        source=row.source,
        gross=gross_of(as_paid_out(transaction)),
        fee=fee_of(as_paid_out(transaction)),
        net=transaction.net,
        document=found or gone or waits or first,
        state=_row_state(row, payout, needed, posted, found=found, gone=gone is not None, waits=waits is not None),
        subject=_subject(row),
    )


def _row_state(
    row: BalanceRow,
    payout: Payout,
    needed: RowDocument,
    posted: Mapping[DocumentKey, Posted],
    *,
    found: DocumentKey | None,
    gone: bool,
    waits: bool,
) -> RowState:
    if not needed.needs:
        return RowState(needed.reason)
    if found is not None:
        return RowState.MATCHED if _agrees(row, payout, posted[found]) else RowState.DIFFERS
    if gone:
        return RowState.REVERSED
    if waits:
        return RowState.PENDING
    if needed.after is not None and not _stands(posted.get(needed.after)):
        return RowState.STAYS_IN_CLEARING
    return RowState.MISSING


def _agrees(row: BalanceRow, payout: Payout, document: Posted) -> bool:
    """Whether the document moved what the row moved; a charge's with the rest that was not captured."""
    treatment = category_of(row.transaction).treatment
    if document.amount is None or treatment is Treatment.PARTIAL_CAPTURE:
        return True
    if document.currency != row.transaction.currency:
        return False
    amounts = {row.transaction.amount}
    if treatment is Treatment.CHARGE:
        amounts.add(row.transaction.amount + sum(_uncaptured(payout.rows, row.charge or row.source)))
    return document.amount in amounts


def _uncaptured(rows: Iterable[BalanceRow], charge: str | None) -> Iterable[int]:
    return (
        row.transaction.amount
        for row in rows
        if category_of(row.transaction).treatment is Treatment.PARTIAL_CAPTURE and charge in {row.charge, row.source}
    )


def _state(
    payout: Payout, net: int, waiting_on: tuple[DocumentKey, ...], posted: Mapping[DocumentKey, Posted]
) -> PayoutState:
    if payout.status in {PayoutStatus.FAILED, PayoutStatus.CANCELED}:
        return PayoutState.FAILED
    if payout.status is not PayoutStatus.PAID:
        return PayoutState.NOT_PAID
    if payout.automatic and not payout.reconciled:
        return PayoutState.WAITING
    if net != payout.amount:
        return PayoutState.DIFFERS
    if waiting_on:
        return PayoutState.WAITING
    deposit = posted.get(deposit_key(payout.id))
    adopted = deposit is not None and deposit.state is PostedState.ADOPTED
    return PayoutState.ADOPTED if adopted else PayoutState.MATCHED


def _subject(row: BalanceRow) -> Subject:
    treatment = category_of(row.transaction).treatment
    kind = SubjectKind.DISPUTE if row.source_kind == "dispute" else _KINDS.get(treatment)
    source = row.charge or row.source if kind is SubjectKind.CHARGE else row.source
    if kind is None or source is None:
        return Subject(kind=SubjectKind.BALANCE_TRANSACTION, id=row.transaction.id)
    return Subject(kind=kind, id=source)


def _stands(document: Posted | None) -> bool:
    return document is not None and document.state is not PostedState.VOIDED


def _is_voided(document: Posted | None) -> bool:
    return document is not None and document.state is PostedState.VOIDED
