"""Journal: journal entries between the clearing account and others, for what no sales form can say."""

from collections.abc import Iterable
from datetime import date

from wescope.books.documents import Document, Entity, JournalEntryBody, JournalLine, KeyDates, Settled
from wescope.books.names import doc_number
from wescope.books.policy import AccountRole, Policy, RoleAccount
from wescope.books.subjects import DocumentKey


def clearing_entry(
    *,
    key: DocumentKey,
    number_of: str,
    currency: str,
    lines: Iterable[JournalLine],
    dates: KeyDates,
    stripe_ids: tuple[str, ...],
    note: str,
    policy: Policy,
) -> Document:
    """A journal entry whose lines add up to zero; what they move in clearing is its settled amount.

    Args:
        key: of the document.
        number_of: the Stripe id (or day) that its number comes from.
        currency: settlement currency of all lines, Stripe's lower-case code.
        lines: debits positive, credits negative, in minor units; those of zero are left out.
        dates: of the entry, in the books' calendar.
        stripe_ids: the objects it stands for.
        note: ids and codes only.
        policy: the prefix of document numbers.

    Raises:
        ValueError: the lines do not add up to zero.
    """
    kept = tuple(line for line in lines if line.amount)
    if sum(line.amount for line in kept):
        raise ValueError(f"{key}: debits and credits differ")
    clearing = clearing_account(currency)
    return Document(
        key=key,
        entity=Entity.JOURNAL_ENTRY,
        currency=currency,
        amount=sum(line.amount for line in kept if line.amount > 0),
        body=JournalEntryBody(lines=kept, doc_number=doc_number(None, number_of, policy.doc_number_prefix)),
        dates=dates,
        stripe_ids=stripe_ids,
        note=note,
        settled=Settled(amount=sum(line.amount for line in kept if line.account == clearing), currency=currency),
    )


def clearing_account(currency: str) -> RoleAccount:
    """The account that mirrors Stripe's balance in a settlement currency."""
    return RoleAccount(role=AccountRole.CLEARING, currency=currency)


def bank_account(currency: str) -> RoleAccount:
    """The bank account to which Stripe pays out in a currency."""
    return RoleAccount(role=AccountRole.BANK, currency=currency)


def is_before_start(day: date, policy: Policy) -> bool:
    """Whether a date of the books' calendar is older than the books."""
    return policy.start_date is not None and day < policy.start_date
