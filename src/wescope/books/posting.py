"""Posting: one row of the posting table, and what a document debits and credits, to hold it against a row."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from wescope.books.documents import (
    CreditMemoBody,
    DepositBody,
    Document,
    Entity,
    InvoiceBody,
    JournalEntryBody,
    PaymentBody,
    ReceiptBody,
)
from wescope.books.policy import Account, AccountRole, Item, ItemRole, NamedAccount, NamedItem


class Other(StrEnum):
    """An account that has no role."""

    CATEGORY = "the category's account"
    """Of `[categories]` in the policy file, by the reporting category of the row of Stripe's balance."""


Side = AccountRole | ItemRole | Other
"""What is debited or credited: the account of a role, or the income account behind the item of a role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One row.

    Attributes:
        situation: what happened in Stripe.
        owners: prefixes of the Stripe ids that the document key may begin with; `usd` stands for any currency's day.
        kind: the rest of the key, as in `in_1:invoice`; a payment of several invoices adds `:in_1` to some kinds.
        entity: what it is in QBO.
        debits: accounts that may be debited; each of them is in some situation.
        credits: accounts that may be credited.
        date: what the posting date is.
        made_by: module and function under `wescope.books`.
        reversal: how it is undone.
        unseen: why no situation plays it; empty for all that are played.
    """

    situation: str
    owners: tuple[str, ...]
    kind: str
    entity: Entity
    debits: tuple[Side, ...] = ()
    credits: tuple[Side, ...] = ()
    date: str
    made_by: str
    reversal: str
    unseen: str = ""

    @property
    def key(self) -> str:
        """The pattern of its document keys: `in_1:invoice`."""
        return " or ".join(f"`{_OWNER_EXAMPLES.get(owner, f'{owner}_1')}:{self.kind}`" for owner in self.owners)


_OWNER_EXAMPLES = {"usd": "usd.2026-11-20"}


def sides(document: Document) -> tuple[frozenset[Side], frozenset[Side]]:
    """What a document debits and what it credits, by role; nothing where no money moves."""
    moves = [(side, amount) for side, amount in _moves(document) if amount]
    return (
        frozenset(side for side, amount in moves if amount > 0),
        frozenset(side for side, amount in moves if amount < 0),
    )


def _moves(document: Document) -> Iterator[tuple[Side, int]]:
    """Debits above zero, credits below."""
    match document.body:
        case InvoiceBody(lines=lines):
            yield AccountRole.RECEIVABLE, document.amount
            yield from ((_item(line.item), -line.amount) for line in lines)
        case CreditMemoBody(lines=lines):
            yield AccountRole.RECEIVABLE, -document.amount
            yield from ((_item(line.item), line.amount) for line in lines)
        case ReceiptBody(lines=lines, account=account):
            sign = 1 if document.entity is Entity.SALES_RECEIPT else -1
            yield _account(account), sign * document.amount
            yield from ((_item(line.item), -sign * line.amount) for line in lines)
        case PaymentBody(deposit_to=account) if account:
            yield _account(account), document.amount
            yield AccountRole.RECEIVABLE, -document.amount
        case JournalEntryBody(lines=entry_lines):
            yield from ((_account(line.account), line.amount) for line in entry_lines)
        case DepositBody(bank=bank, lines=deposit_lines):
            yield _account(bank), document.amount
            yield from ((_account(line.account), -line.amount) for line in deposit_lines)
        case _:
            return


def _account(account: Account) -> Side:
    return Other.CATEGORY if isinstance(account, NamedAccount) else account.role


def _item(item: Item) -> Side:
    return ItemRole.SALES if isinstance(item, NamedItem) else item
