"""Balance entry: a row of Stripe's balance that no other object covers is a journal entry of its own.

It stands between clearing and the account of the row's category (facts/stripe.md 2.9).
"""

from wescope.books.calendar import local_date
from wescope.books.categories import Treatment, category_name, category_of, entry_account
from wescope.books.documents import Desired, Document, JournalLine, KeyDates, Skipped
from wescope.books.journal import clearing_account, clearing_entry, is_before_start
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import Account, AccountRole, Policy, RoleAccount
from wescope.books.subjects import DocumentKey, journal_entry_key
from wescope.books.values import BalanceRow, BalanceTransaction

_OF_OTHERS = frozenset(Treatment) - {Treatment.STAYS, Treatment.ENTRY, Treatment.UNMAPPED}


def balance_entry_books(row: BalanceRow, policy: Policy) -> Desired:
    """What the books should hold for one row of Stripe's balance, in its settlement currency.

    Args:
        row: of any category.
        policy: maps categories to accounts, and says whether there is a review account.

    Returns:
        A journal entry of its gross amount, dated by the row, with an advisory item if it is on the review account.
        Skipped if another object's documents cover it (under a key of its own, `txn_1:row`) or if the money stays in
        clearing; parked if nothing says where it belongs.
    """
    transaction = row.transaction
    treatment = Treatment.DISPUTE if row.source_kind == "dispute" else category_of(transaction).treatment
    if treatment in _OF_OTHERS:
        return Desired(skipped=(Skipped(key=DocumentKey(f"{transaction.id}:row"), reason=f"booked_as_{treatment}"),))
    if reason := no_entry_reason(transaction, policy):
        return Desired(skipped=(Skipped(key=journal_entry_key(transaction.id), reason=reason),))
    account = entry_account(transaction, policy)
    if account is None and treatment is Treatment.STAYS:
        return Desired(skipped=(Skipped(key=journal_entry_key(transaction.id), reason="stays_in_clearing"),))
    if account is None:
        return Desired(parked=(_parked(transaction, ParkCode.CATEGORY_UNMAPPED),))
    source = () if row.source is None else (row.source,)
    document = entry_document(transaction, account, source, policy)
    review = isinstance(account, RoleAccount) and account.role is AccountRole.REVIEW
    return Desired(
        documents=(document,), advisory=(_parked(transaction, ParkCode.ON_REVIEW_ACCOUNT),) if review else ()
    )


def no_entry_reason(transaction: BalanceTransaction, policy: Policy) -> str | None:
    """Why a row rightly has no journal entry, if so: it is older than the books, or its gross is zero."""
    if is_before_start(local_date(transaction.created, policy.timezone), policy):
        return "before_start_date"
    return None if transaction.amount else "moves_no_money"


def entry_document(
    transaction: BalanceTransaction, account: Account, sources: tuple[str, ...], policy: Policy
) -> Document:
    """The journal entry of one row: its gross into (or out of) clearing, against an account.

    Args:
        transaction: the row; above zero is a debit of clearing, in its settlement currency.
        account: the other side.
        sources: the Stripe objects that made the row.
        policy: the company's choices; the date is in its time zone.
    """
    category = category_name(transaction)
    text = f"Stripe {category} {transaction.id}"
    return clearing_entry(
        key=journal_entry_key(transaction.id),
        number_of=transaction.id,
        currency=transaction.currency,
        lines=(
            JournalLine(account=clearing_account(transaction.currency), amount=transaction.amount, description=text),
            JournalLine(account=account, amount=-transaction.amount, description=text),
        ),
        dates=KeyDates(txn=local_date(transaction.created, policy.timezone), available=transaction.available_on.date()),
        stripe_ids=(*sources, transaction.id),
        note=" of ".join((text, *sources)),
        policy=policy,
    )


def _parked(transaction: BalanceTransaction, code: ParkCode) -> Parked:
    return Parked(
        key=journal_entry_key(transaction.id),
        code=code,
        amount=abs(transaction.amount),
        currency=transaction.currency,
        details={"category": category_name(transaction), "transaction": transaction.id},
    )
