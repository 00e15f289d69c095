"""Tie-out postings: what one transaction of QBO adds to the rows of a tie-out. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from wescope.books.money import to_decimal, to_minor
from wescope.engine.tieout_entries import Aliases
from wescope.engine.tieout_results import Kind, month_row
from wescope.errors import QboRefused
from wescope.qbo import wire
from wescope.qbo.records import Record, parts, reference

RECEIVABLE_SIGNS = {"Invoice": 1, "Payment": -1, "CreditMemo": -1}
_FORM_SIGNS = {"Invoice": 1, "SalesReceipt": 1, "CreditMemo": -1, "RefundReceipt": -1}
_MONEY_SIGNS = {"Payment": 1, "SalesReceipt": 1, "RefundReceipt": -1, "Deposit": 1}
_BANK_ENTITIES = frozenset({"Deposit", "JournalEntry", "Transfer"})
_MARKER = re.compile(r"(?:^|\s)wescope:(\S+)")

READ = ("Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt", "Payment", "Deposit", "JournalEntry", "Transfer")
"""Entities that are read: all that post to receivables, clearing, bank, our items, or the accounts of fees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Which accounts, items and customers of QBO are ours; `clearing` and `bank` by currency (lower-case code).

    `customers` maps QBO's customer id to the Stripe customer and currency, `control` are the receivable accounts,
    `accounts` and `items` map ids to the rows by month that they are compared in; `tax` is the row of native tax.
    """

    home: str
    customers: Mapping[str, tuple[str, str]]
    control: frozenset[str] = frozenset()
    clearing: Mapping[str, str] = field(default_factory=dict)
    bank: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, Kind] = field(default_factory=dict)
    items: Mapping[str, Kind] = field(default_factory=dict)
    tax: Kind = Kind.TAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What a transaction adds to a row, in minor units of the row's currency.

    `if_adopted` marks what counts only if the transaction is one that we adopted: other items of a form without any
    of ours.
    """

    row: str
    currency: str
    amount: int
    if_adopted: bool = False


def kinds_of(named: Iterable[tuple[Kind, str | None]]) -> tuple[dict[str, Kind], Aliases]:
    """The kind of each account or item by its id, and which kinds share one.

    Args:
        named: kinds with their ids (null: there is none), the kinds that give a shared row its name first.
    """
    kinds: dict[str, Kind] = {}
    aliases: dict[Kind, Kind] = {}
    for kind, qbo_id in named:
        if qbo_id is not None and kinds.setdefault(qbo_id, aliases.get(kind, kind)) not in {kind, aliases.get(kind)}:
            aliases[kind] = kinds[qbo_id]
    return kinds, aliases


def marked_key(record: Record) -> str | None:
    """The document that a record says it is, by our marker; null if it has none."""
    found = _MARKER.search(str(record.get("PrivateNote") or ""))
    return found.group(1) if found else None


def total_of(record: Record) -> int:
    """The total in minor units of the record's currency; 0 if it has none."""
    return wire.minor(record.get("TotalAmt"), (reference(record, "CurrencyRef") or "usd").lower()) or 0


def postings(entity: str, record: Record, day: date, ledger: Ledger) -> Iterator[Posting]:
    """All that a transaction adds to rows; nothing of what comes to zero.

    Raises:
        QboRefused: an amount cannot be read.
    """
    for posting in (
        *_receivable(entity, record, ledger),
        *_money(entity, record, ledger),
        *_by_account(entity, record, day, ledger),
        *_by_item(entity, record, day, ledger),
    ):
        if posting.amount:
            yield posting


# --- receivables ------------------------------------------------------------------------------------------------------


def _receivable(entity: str, record: Record, ledger: Ledger) -> Iterator[Posting]:
    if sign := RECEIVABLE_SIGNS.get(entity):
        key = ledger.customers.get(reference(record, "CustomerRef") or "")
        if key:
            yield _owed(key, sign * _minor(record, "TotalAmt", key[1]))
    elif entity == "JournalEntry":
        for line, account, side in _journal_lines(record):
            key = ledger.customers.get(_named(line))
            if key and account in ledger.control:
                yield _owed(key, side * _minor(line, "Amount", key[1]))


def _owed(key: tuple[str, str], amount: int) -> Posting:
    customer, currency = key
    return Posting(row=f"receivable:{customer}:{currency}", currency=currency, amount=amount)


# --- clearing and bank ------------------------------------------------------------------------------------------------


def _money(entity: str, record: Record, ledger: Ledger) -> Iterator[Posting]:
    touched = [(account, amount) for account, amount in _postings(entity, record) if account]
    accounts = {account for account, _ in touched}
    for currency, clearing in ledger.clearing.items():
        if clearing not in accounts:
            continue
        yield Posting(
            row=f"clearing:{currency}",
            currency=currency,
            amount=_posted(record, touched, clearing, currency, ledger.home),
        )
        bank = ledger.bank.get(currency)
        if entity in _BANK_ENTITIES and bank in accounts:
            yield Posting(
                row=f"bank:{currency}",
                currency=currency,
                amount=_posted(record, touched, bank or "", currency, ledger.home),
            )


def _posted(record: Record, touched: Iterable[tuple[str, Decimal]], account: str, currency: str, home: str) -> int:
    """What a transaction posts to an account, debits positive, in minor units of the account's currency."""
    amount = sum((amount for one, amount in touched if one == account), Decimal(0))
    own = (reference(record, "CurrencyRef") or currency).lower()
    if own != currency and currency == home:
        amount *= wire.decimal(record.get("ExchangeRate")) or Decimal(1)
    return to_minor(amount.quantize(to_decimal(1, currency), rounding=ROUND_HALF_UP), currency)


def _postings(entity: str, record: Record) -> Iterator[tuple[str | None, Decimal]]:
    """Accounts of money and what is debited to them, in major units of the transaction's currency."""
    if entity in _MONEY_SIGNS:
        yield reference(record, "DepositToAccountRef"), _MONEY_SIGNS[entity] * _amount(record, "TotalAmt")
    match entity:
        case "Deposit":
            for line, account in _deposit_lines(record):
                yield account, -_amount(line, "Amount")
        case "JournalEntry":
            for line, account, sign in _journal_lines(record):
                yield account, sign * _amount(line, "Amount")
        case "Transfer":
            yield reference(record, "FromAccountRef"), -_amount(record, "Amount")
            yield reference(record, "ToAccountRef"), _amount(record, "Amount")


# --- by month ---------------------------------------------------------------------------------------------------------


def _by_account(entity: str, record: Record, day: date, ledger: Ledger) -> Iterator[Posting]:
    """What deposits and journal entries post to the accounts of fees and disputes, as costs."""
    currency = _currency(record, ledger)
    lines: Iterable[tuple[Record, str | None, int]] = ()
    if entity == "Deposit":
        lines = ((line, account, -1) for line, account in _deposit_lines(record))
    elif entity == "JournalEntry":
        lines = _journal_lines(record)
    for line, account, sign in lines:
        if kind := ledger.accounts.get(account or ""):
            row = month_row(kind, day, currency)
            yield Posting(row=row, currency=currency, amount=sign * _minor(line, "Amount", currency))


def _by_item(entity: str, record: Record, day: date, ledger: Ledger) -> Iterator[Posting]:
    """What a sales form posts by item, with discounts and native tax if it is ours."""
    sign = _FORM_SIGNS.get(entity)
    if sign is None:
        return
    currency = _currency(record, ledger)
    ours: list[tuple[Kind, int]] = []
    others = 0
    for item, amount in _item_lines(record, currency):
        if kind := ledger.items.get(item or ""):
            ours.append((kind, amount))
        elif item is None:
            others -= amount
        else:
            others += amount
    discount = sum(amount for item, amount in _item_lines(record, currency) if item is None)
    tax = record.get("TxnTaxDetail")
    taxed = _minor(tax, "TotalTax", currency) if isinstance(tax, Mapping) and "TotalTax" in tax else 0
    is_ours = bool(ours) or marked_key(record) is not None
    income = -discount if is_ours else others
    for kind, amount in (*ours, (Kind.REVENUE, income), (ledger.tax, taxed)):
        row, credit = month_row(kind, day, currency), -amount if kind is Kind.BAD_DEBT else amount
        yield Posting(row=row, currency=currency, amount=sign * credit, if_adopted=not is_ours)


def _item_lines(record: Record, currency: str) -> Iterator[tuple[str | None, int]]:
    """Items of a form with their amounts; null for a discount over all, which is above zero."""
    for line in parts(record, "Line"):
        detail = line.get("SalesItemLineDetail")
        if isinstance(detail, Mapping) and (item := reference(detail, "ItemRef")):
            yield item, _minor(line, "Amount", currency)
        elif line.get("DetailType") == "DiscountLineDetail":
            yield None, _minor(line, "Amount", currency)


# --- records ----------------------------------------------------------------------------------------------------------


def _deposit_lines(record: Record) -> Iterator[tuple[Record, str | None]]:
    for line in parts(record, "Line"):
        detail = line.get("DepositLineDetail")
        if isinstance(detail, Mapping):
            yield line, reference(detail, "AccountRef")


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


def _currency(record: Record, ledger: Ledger) -> str:
    return (reference(record, "CurrencyRef") or ledger.home).lower()


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
