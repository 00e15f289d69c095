"""Payout: a deposit into the bank whose lines are what it pays out, gross by category, and the fees that were kept.

Rules: DESIGN.md section 3; facts/stripe.md 2.8 (rows of automatic payouts only, failures after paid, negative payouts).
"""

from collections.abc import Iterator
from datetime import UTC, date

from wescope.books.calendar import local_date
from wescope.books.categories import category_name
from wescope.books.documents import (
    DepositBody,
    DepositLine,
    Desired,
    Document,
    Entity,
    JournalLine,
    KeyDates,
    Settled,
    Skipped,
)
from wescope.books.fees import FeePart, as_paid_out, fee_parts, fees_add_up, gross_of
from wescope.books.journal import bank_account, clearing_account, clearing_entry, is_before_start
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import PayoutMode, Policy
from wescope.books.subjects import DocumentKey, deposit_key, journal_entry_key
from wescope.books.values import BalanceTransaction, Payout, PayoutStatus

_UNDONE = frozenset({PayoutStatus.FAILED, PayoutStatus.CANCELED})
_ON_THE_WAY = frozenset({PayoutStatus.PENDING, PayoutStatus.IN_TRANSIT})


def payout_books(payout: Payout, policy: Policy) -> Desired:
    """What the books should hold for a payout, in its own (settlement) currency.

    Args:
        payout: with its rows, if it is automatic; without them its own row tells its fee.
        policy: the company's choices. With payouts = "match" the bank feed makes the deposit, and here are its fees
            only.

    Returns:
        Paid: a deposit (`po_1:deposit`) on the arrival date, or a journal entry if the amount is below zero. Returned
        after it was paid: also a journal entry bank -> clearing of the failure's row (`txn_1:journal_entry`). Returned
        before: the fees of its rows (`po_1:fees`). Whatever does not foot is parked and nothing of it is written.
        Whether all rows' documents are posted is not known here: see `payout_check`.
    """
    if payout.status in _ON_THE_WAY:
        return _skipped(payout, f"payout_{payout.status}")
    if payout.status not in _UNDONE:
        return _paid(payout, policy)
    returned = payout.failure_balance_transaction
    if returned is None:
        missing = _parked(payout, ParkCode.BALANCE_TRANSACTION_MISSING, field="failure_balance_transaction")
        return Desired(parked=(missing,))
    if not was_paid(payout):
        return _never_paid(payout, local_date(returned.created, policy.timezone), policy)
    paid = _paid(payout, policy)
    entry = _return_entry(payout, returned, policy)
    if entry is None or policy.payouts is PayoutMode.MATCH:
        return paid
    return Desired(documents=(*paid.documents, entry), parked=paid.parked, skipped=paid.skipped)


def was_paid(payout: Payout) -> bool:
    """Whether the bank has (had) the money: paid; or returned on or after the arrival date, both as dates of UTC."""
    if payout.status not in _UNDONE:
        return payout.status is PayoutStatus.PAID
    returned = payout.failure_balance_transaction
    return returned is not None and returned.created.astimezone(UTC).date() >= payout.arrival_date


def fees_key(payout_id: str) -> DocumentKey:
    """Key of the journal entry of a payout's fees, where no deposit has them."""
    return DocumentKey(f"{payout_id}:fees")


def fee_rows(payout: Payout) -> tuple[BalanceTransaction, ...]:
    """The rows whose fees the payout carries: those that it pays out, and its own, which tells an instant one's fee."""
    own = payout.balance_transaction
    rows = (as_paid_out(row.transaction) for row in payout.rows)
    return (*rows, *(() if own is None or not own.fee else (own,)))


def net_of(payout: Payout) -> int:
    """What the rows come to, net; without rows the payout's own amount, since nothing else is known."""
    if not payout.automatic:
        return payout.amount
    own = payout.balance_transaction
    return sum(row.transaction.net for row in payout.rows) - (own.fee if own else 0)


def _paid(payout: Payout, policy: Policy) -> Desired:
    if is_before_start(payout.arrival_date, policy):
        return _skipped(payout, "before_start_date")
    if payout.amount == 0:
        return _skipped(payout, "moves_no_money")
    if obstacle := _obstacle(payout):
        return Desired(parked=(obstacle,))
    if policy.payouts is PayoutMode.MATCH:
        fees = _fees_entry(payout, payout.arrival_date, policy)
        skipped = Skipped(key=deposit_key(payout.id), reason="made_by_bank_feed")
        return Desired(documents=fees, skipped=(skipped,))
    lines = tuple(_lines(payout, policy))
    return Desired(documents=(_deposit(payout, lines, policy) if payout.amount > 0 else _debit(payout, lines, policy),))


def _never_paid(payout: Payout, on: date, policy: Policy) -> Desired:
    """No deposit; but the fees of its rows were kept, and no later payout names these rows again."""
    skipped = Skipped(key=deposit_key(payout.id), reason=f"payout_{payout.status}")
    if is_before_start(on, policy):
        return Desired(skipped=(skipped,))
    if obstacle := _obstacle(payout, fees_key(payout.id)):
        return Desired(parked=(obstacle,), skipped=(skipped,))
    return Desired(documents=_fees_entry(payout, on, policy), skipped=(skipped,))


def _obstacle(payout: Payout, key: DocumentKey | None = None) -> Parked | None:
    """Why nothing may be written, if so."""
    if payout.automatic and not payout.reconciled:
        return _parked(payout, ParkCode.PAYOUT_NOT_RECONCILED, key)
    if not payout.automatic and payout.balance_transaction is None and not payout.fees_by_day:
        return _parked(payout, ParkCode.BALANCE_TRANSACTION_MISSING, key)
    rows = fee_rows(payout)
    if stray := next((row for row in rows if row.currency != payout.currency), None):
        return _parked(payout, ParkCode.PAYOUT_DOES_NOT_FOOT, key, row=stray.id, row_currency=stray.currency)
    if uneven := next((row for row in rows if not fees_add_up(row)), None):
        return _parked(payout, ParkCode.FEES_MISMATCH, key, row=uneven.id, fee=uneven.fee)
    if (net := net_of(payout)) != payout.amount:
        return _parked(payout, ParkCode.PAYOUT_DOES_NOT_FOOT, key, rows_net=net, payout_amount=payout.amount)
    return None


def _lines(payout: Payout, policy: Policy) -> Iterator[DepositLine]:
    """Where the money comes from: clearing by category, then the fees by kind; those of zero are left out.

    Fees that are booked by day were taken out of clearing that day: where the rows are known, each such line takes them
    out of clearing; else there is no line for them.
    """
    clearing = clearing_account(payout.currency)
    fees = _fees(payout, policy)
    for text, amount in _gross_by_category(payout, sum(part.amount for part in fees)):
        if amount:
            yield DepositLine(account=clearing, amount=amount, description=f"Stripe payout {payout.id}: {text}")
    for part in fees:
        text = f"{part.kind}, booked by day" if payout.fees_by_day else str(part.kind)
        yield DepositLine(
            account=clearing if payout.fees_by_day else part.account,
            amount=-part.amount,
            description=f"Stripe payout {payout.id}: {text}",
        )


def _fees(payout: Payout, policy: Policy) -> tuple[FeePart, ...]:
    """What the deposit says of fees."""
    unsaid = payout.fees_by_day and not payout.automatic
    return () if unsaid else fee_parts(fee_rows(payout), policy)


def _gross_by_category(payout: Payout, fees: int) -> list[tuple[str, int]]:
    if not payout.automatic:
        return [("balance", payout.amount + fees)]
    sums: dict[str, list[int]] = {}
    for row in payout.rows:
        sums.setdefault(category_name(row.transaction), []).append(gross_of(as_paid_out(row.transaction)))
    return [
        (f"{category}, {len(parts)} transaction{'s' if len(parts) > 1 else ''}", sum(parts))
        for category, parts in sorted(sums.items())
    ]


def _deposit(payout: Payout, lines: tuple[DepositLine, ...], policy: Policy) -> Document:
    clearing = clearing_account(payout.currency)
    return Document(
        key=deposit_key(payout.id),
        entity=Entity.DEPOSIT,
        currency=payout.currency,
        amount=payout.amount,
        body=DepositBody(bank=bank_account(payout.currency), lines=lines),
        dates=_dates(payout, policy),
        stripe_ids=_ids(payout),
        note=f"Stripe payout {payout.id}",
        settled=Settled(
            amount=-sum(line.amount for line in lines if line.account == clearing), currency=payout.currency
        ),
    )


def _debit(payout: Payout, lines: tuple[DepositLine, ...], policy: Policy) -> Document:
    """A payout below zero took money from the bank: the same lines, the other way round."""
    text = f"Stripe payout {payout.id}"
    bank = JournalLine(account=bank_account(payout.currency), amount=payout.amount, description=text)
    sources = (JournalLine(account=line.account, amount=-line.amount, description=line.description) for line in lines)
    return clearing_entry(
        key=deposit_key(payout.id),
        number_of=payout.id,
        currency=payout.currency,
        lines=(bank, *sources),
        dates=_dates(payout, policy),
        stripe_ids=_ids(payout),
        note=text,
        policy=policy,
    )


def _fees_entry(payout: Payout, on: date, policy: Policy) -> tuple[Document, ...]:
    """Fees out of clearing; none if there are none, or if they are booked by day."""
    parts = () if payout.fees_by_day else fee_parts(fee_rows(payout), policy)
    if not parts:
        return ()
    text = f"Stripe payout {payout.id}: "
    total = sum(part.amount for part in parts)
    return (
        clearing_entry(
            key=fees_key(payout.id),
            number_of=payout.id,
            currency=payout.currency,
            lines=(
                *(
                    JournalLine(account=part.account, amount=part.amount, description=text + part.kind)
                    for part in parts
                ),
                JournalLine(account=clearing_account(payout.currency), amount=-total, description=f"{text}fees"),
            ),
            dates=KeyDates(txn=on, payout=local_date(payout.created, policy.timezone), arrival=payout.arrival_date),
            stripe_ids=_ids(payout),
            note=f"Fees of Stripe payout {payout.id}",
            policy=policy,
        ),
    )


def _return_entry(payout: Payout, returned: BalanceTransaction, policy: Policy) -> Document | None:
    """The bank gave back what it had got: credit bank, debit clearing; none before the books."""
    on = local_date(returned.created, policy.timezone)
    if is_before_start(on, policy) or returned.amount == 0:
        return None
    text = f"Stripe payout {payout.id} {payout.status}: {returned.id}"
    return clearing_entry(
        key=journal_entry_key(returned.id),
        number_of=returned.id,
        currency=returned.currency,
        lines=(
            JournalLine(account=clearing_account(returned.currency), amount=returned.amount, description=text),
            JournalLine(account=bank_account(returned.currency), amount=-returned.amount, description=text),
        ),
        dates=KeyDates(txn=on, available=returned.available_on.date()),
        stripe_ids=(payout.id, returned.id),
        note=text,
        policy=policy,
    )


def _dates(payout: Payout, policy: Policy) -> KeyDates:
    own = payout.balance_transaction
    return KeyDates(
        txn=payout.arrival_date,
        payout=local_date(payout.created, policy.timezone),
        arrival=payout.arrival_date,
        available=own.available_on.date() if own else None,
    )


def _ids(payout: Payout) -> tuple[str, ...]:
    own = payout.balance_transaction
    return (payout.id, *(() if own is None else (own.id,)))


def _skipped(payout: Payout, reason: str) -> Desired:
    return Desired(skipped=(Skipped(key=deposit_key(payout.id), reason=reason),))


def _parked(payout: Payout, code: ParkCode, key: DocumentKey | None = None, **details: str | int) -> Parked:
    return Parked(
        key=key or deposit_key(payout.id),
        code=code,
        amount=abs(payout.amount),
        currency=payout.currency,
        details=details,
    )
