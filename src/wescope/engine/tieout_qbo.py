"""QBO's side of the tie-out: receivables, clearing and bank, from QBO's own transactions and account balances.

Past days: an account's balance is known as of now only, so what was posted to it later is taken off again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from wescope.books.money import to_decimal, to_minor
from wescope.books.policy import AccountRole
from wescope.engine.tieout_stripe import Receivable
from wescope.errors import AccountMissing, QboRefused
from wescope.qbo import wire
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.qbo.records import Record, parts, reference

_RECEIVABLE_SIGNS = {"Invoice": 1, "Payment": -1, "CreditMemo": -1}
_MONEY_SIGNS = {"Payment": 1, "SalesReceipt": 1, "RefundReceipt": -1, "Deposit": 1}
_POSTING = (*_MONEY_SIGNS, "JournalEntry", "Transfer")
"""Entities that may post to an account of money."""


class QboSide:
    """Reads QBO's side of a tie-out."""

    def __init__(self, client: QboClient, company: Company) -> None:
        """Take QBO and its reference data."""
        self._client = client
        self._company = company

    async def receivable(self, customers: Mapping[str, tuple[str, str]], as_of: date) -> Receivable:
        """A/R of the customers at the end of `as_of`, from the transactions that stand in their names.

        `customers` maps QBO's customer id to the Stripe customer and currency.

        Raises:
            QboError: QBO cannot be read.
        """
        owed: Receivable = Counter()
        for entity, sign in _RECEIVABLE_SIGNS.items():
            for record in await self._until(entity, as_of):
                key = customers.get(reference(record, "CustomerRef") or "")
                if key:
                    owed[key] += sign * _minor(record, "TotalAmt", key[1])
        control = {
            str(record["Id"])
            for record in await self._client.query_all("Account", "AccountType = 'Accounts Receivable'")
        }
        for record in await self._until("JournalEntry", as_of):
            for line, account, sign in _journal_lines(record):
                key = customers.get(_named(line))
                if key and account in control:
                    owed[key] += sign * _minor(line, "Amount", key[1])
        return owed

    async def clearing(self, currencies: Sequence[str], as_of: date) -> dict[str, int]:
        """The clearing account of each currency at the end of `as_of`, in its minor units.

        It is the balance today less what was posted with a later date; also today, since a payout that arrives
        tomorrow in one calendar may be booked already in the other. A currency without an account holds nothing.

        Raises:
            QboError: QBO cannot be read.
            AccountMissing: there is no clearing account in home currency.
        """
        accounts = await self._accounts(AccountRole.CLEARING, currencies)
        if not accounts:
            return {}
        found: dict[str, int] = {}
        names = ", ".join(f"'{account}'" for account in accounts.values())
        records = {str(record["Id"]): record for record in await self._client.query_all("Account", f"Id IN ({names})")}
        later = [
            (entity, record)
            for entity in _POSTING
            for record in await self._client.query_all(entity, f"TxnDate > '{as_of.isoformat()}'")
        ]
        home = (await self._company.preferences()).home_currency
        for currency, account in accounts.items():
            balance = _minor(records[account], "CurrentBalance", currency)
            posted = (_posted(entity, record, account, currency, home) for entity, record in later)
            found[currency] = balance - sum(posted)
        return found

    async def bank(self, currencies: Sequence[str], as_of: date) -> dict[str, int]:
        """What came out of clearing into the bank account of each currency (less what went back) by the end of `as_of`.

        Raises:
            QboError: QBO cannot be read.
        """
        banks = await self._accounts(AccountRole.BANK, currencies)
        clearing = await self._accounts(AccountRole.CLEARING, currencies)
        entities = ("Deposit", "JournalEntry", "Transfer")
        records = [(entity, record) for entity in entities for record in await self._until(entity, as_of)]
        home = (await self._company.preferences()).home_currency
        return {
            currency: sum(
                _posted(entity, record, account, currency, home)
                for entity, record in records
                if clearing.get(currency) in _accounts_of(entity, record)
            )
            for currency, account in banks.items()
        }

    async def _accounts(self, role: AccountRole, currencies: Iterable[str]) -> dict[str, str]:
        home = (await self._company.preferences()).home_currency
        found: dict[str, str] = {}
        for currency in currencies:
            try:
                found[currency] = await self._company.account(role, currency)
            except AccountMissing:
                if currency == home and role is AccountRole.CLEARING:
                    raise
        return found

    async def _until(self, entity: str, as_of: date) -> list[Record]:
        return await self._client.query_all(entity, f"TxnDate <= '{as_of.isoformat()}'")


# --- what a record posts ----------------------------------------------------------------------------------------------


def _posted(entity: str, record: Record, account: str, currency: str, home: str) -> int:
    """What a transaction posts to an account, debits positive, in minor units of the account's currency."""
    amount = sum((amount for one, amount in _postings(entity, record) if one == account), Decimal(0))
    own = (reference(record, "CurrencyRef") or currency).lower()
    if own != currency and currency == home:
        amount *= wire.decimal(record.get("ExchangeRate")) or Decimal(1)
    unit = to_decimal(1, currency)
    return to_minor(amount.quantize(unit, rounding=ROUND_HALF_UP), currency)


def _postings(entity: str, record: Record) -> Iterator[tuple[str | None, Decimal]]:
    """Accounts of money and what is debited to them, in major units of the transaction's currency."""
    if entity in _MONEY_SIGNS:
        yield reference(record, "DepositToAccountRef"), _MONEY_SIGNS[entity] * _amount(record, "TotalAmt")
    match entity:
        case "Deposit":
            for line in parts(record, "Line"):
                detail = line.get("DepositLineDetail")
                if isinstance(detail, Mapping):
                    yield reference(detail, "AccountRef"), -_amount(line, "Amount")
        case "JournalEntry":
            for line, account, sign in _journal_lines(record):
                yield account, sign * _amount(line, "Amount")
        case "Transfer":
            yield reference(record, "FromAccountRef"), -_amount(record, "Amount")
            yield reference(record, "ToAccountRef"), _amount(record, "Amount")


def _accounts_of(entity: str, record: Record) -> set[str | None]:
    return {account for account, _ in _postings(entity, record)}


def _journal_lines(record: Record) -> Iterator[tuple[Record, str | None, int]]:
    """The lines of a journal entry with their account and sign: debits positive."""
    for line in parts(record, "Line"):
        detail = line.get("JournalEntryLineDetail")
        if isinstance(detail, Mapping):
            yield line, reference(detail, "AccountRef"), 1 if detail.get("PostingType") == "Debit" else -1


def _named(line: Record) -> str:
    detail = line.get("JournalEntryLineDetail", {})
    entity = detail.get("Entity")
    return (reference(entity, "EntityRef") or "") if isinstance(entity, Mapping) else ""


def _minor(record: Record, name: str, currency: str) -> int:
    found = wire.minor(record.get(name), currency)
    if found is None:
        raise QboRefused("An amount in QBO's answer cannot be read.", element=name)
    return found


def _amount(record: Record, name: str) -> Decimal:
    found = wire.decimal(record.get(name))
    if found is None:
        raise QboRefused("An amount in QBO's answer cannot be read.", element=name)
    return found
