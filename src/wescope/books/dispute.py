"""Dispute: each row that took the disputed money, or gave it back, is a journal entry; its fee is on the payout.

Rules: DESIGN.md section 3; facts/stripe.md 2.7 (inquiries move no money; fees differ, so they are read, not assumed).
"""

from wescope.books.balance_entry import entry_document, no_entry_reason
from wescope.books.categories import Treatment, category_of, entry_account
from wescope.books.documents import Desired, Document, Skipped
from wescope.books.policy import AccountRole, Policy, RoleAccount
from wescope.books.subjects import DocumentKey, journal_entry_key
from wescope.books.values import BalanceTransaction, Dispute


def dispute_books(dispute: Dispute, policy: Policy) -> Desired:
    """What the books should hold for a dispute: a journal entry per row, clearing against the disputes account.

    Args:
        dispute: with its rows in settlement currency; the disputed amount may be another one than the charge's.
        policy: the company's choices; it may map the categories dispute and dispute_reversal to other accounts.

    Returns:
        One journal entry per row that moved money since the start date. A dispute without rows (an inquiry, one that
        was prevented) is skipped under `dp_1:dispute`.
    """
    if not dispute.balance_transactions:
        return Desired(skipped=(Skipped(key=DocumentKey(f"{dispute.id}:dispute"), reason="moves_no_money"),))
    documents: list[Document] = []
    skipped: list[Skipped] = []
    for transaction in sorted(dispute.balance_transactions, key=lambda row: (row.created, row.id)):
        if reason := no_entry_reason(transaction, policy):
            skipped.append(Skipped(key=journal_entry_key(transaction.id), reason=reason))
        else:
            documents.append(_entry(transaction, dispute, policy))
    return Desired(documents=tuple(documents), skipped=tuple(skipped))


def _entry(transaction: BalanceTransaction, dispute: Dispute, policy: Policy) -> Document:
    account = entry_account(transaction, policy)
    if account is None or category_of(transaction).treatment is not Treatment.DISPUTE:
        account = RoleAccount(role=AccountRole.DISPUTES, currency=transaction.currency)
    return entry_document(transaction, account, (dispute.id, dispute.charge), policy)
