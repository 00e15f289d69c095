"""The double-entry ledger behind every document: postings in, balances out, always in balance."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One side of an entry: hundredths of the home currency, debit positive; a name where the account asks for it.

    `foreign`: the same in hundredths of the document's currency; 0 in home documents. On an account that is kept in a
    foreign currency it is what moves the account's own balance.
    """

    account_id: str
    debit: int
    name_id: str = ""
    foreign: int = 0


class UnbalancedEntryError(Exception):
    """A document whose debits are not its credits: a mistake of the sandbox, never of the client."""


class Ledger:
    """Balances by account and by name, kept as the sum of the postings of all live documents."""

    def __init__(self) -> None:
        self._accounts: defaultdict[str, int] = defaultdict(int)
        self._names: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._foreign_accounts: defaultdict[str, int] = defaultdict(int)
        self._foreign_names: defaultdict[tuple[str, str], int] = defaultdict(int)

    def replace(self, old: Iterable[Posting], new: Iterable[Posting]) -> None:
        """Takes the postings of a document's former state out and puts those of its new state in.

        Args:
            old: what was posted until now, empty for a new document.
            new: what is posted from now on, empty for a deleted or voided one.

        Raises:
            UnbalancedEntryError: the new postings do not add up to zero; nothing is changed.
        """
        entering = tuple(new)
        check_balanced(entering)
        for posting in old:
            self._add(posting, -1)
        for posting in entering:
            self._add(posting, 1)

    def account(self, account_id: str) -> int:
        """Returns the account's balance in hundredths of the home currency, debit positive."""
        return self._accounts.get(account_id, 0)

    def foreign_account(self, account_id: str) -> int:
        """Returns what documents in foreign currencies moved, debit positive: a foreign account's own balance."""
        return self._foreign_accounts.get(account_id, 0)

    def name(self, account_ids: Iterable[str], name_id: str) -> int:
        """Returns what a name has on some accounts in hundredths, debit positive."""
        return sum(self._names.get((account_id, name_id), 0) for account_id in account_ids)

    def foreign_name(self, account_ids: Iterable[str], name_id: str) -> int:
        """Returns what a name has on some accounts in hundredths of its foreign currency, debit positive."""
        return sum(self._foreign_names.get((account_id, name_id), 0) for account_id in account_ids)

    def names(self, account_ids: Iterable[str]) -> dict[str, int]:
        """Returns name id to its open amount on some accounts in hundredths, zeros left out."""
        wanted = set(account_ids)
        found: defaultdict[str, int] = defaultdict(int)
        for (account_id, name_id), balance in self._names.items():
            if account_id in wanted:
                found[name_id] += balance
        return {name_id: balance for name_id, balance in found.items() if balance}

    def accounts(self) -> Mapping[str, int]:
        """Returns account id to balance in hundredths, debit positive."""
        return dict(self._accounts)

    def trial_balance(self) -> int:
        """Returns the sum of all balances: zero, or the sandbox is wrong."""
        return sum(self._accounts.values())

    def _add(self, posting: Posting, sign: int) -> None:
        self._accounts[posting.account_id] += sign * posting.debit
        self._foreign_accounts[posting.account_id] += sign * posting.foreign
        if posting.name_id:
            self._names[posting.account_id, posting.name_id] += sign * posting.debit
            self._foreign_names[posting.account_id, posting.name_id] += sign * posting.foreign


def check_balanced(postings: Iterable[Posting]) -> None:
    """Checks that an entry's debits equal its credits.

    Args:
        postings: the entry.

    Raises:
        UnbalancedEntryError: they do not.
    """
    total = sum(posting.debit for posting in postings)
    if total:
        raise UnbalancedEntryError(f"debits exceed credits by {total}")


def merged(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    """Adds postings to the same account and name together and drops zeros.

    Args:
        postings: any number of postings.

    Returns:
        At most one posting per account and name.
    """
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    foreign: defaultdict[tuple[str, str], int] = defaultdict(int)
    for posting in postings:
        sums[posting.account_id, posting.name_id] += posting.debit
        foreign[posting.account_id, posting.name_id] += posting.foreign
    return tuple(
        Posting(account_id=key[0], name_id=key[1], debit=debit, foreign=foreign[key])
        for key, debit in sums.items()
        if debit or foreign[key]
    )
