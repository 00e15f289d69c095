"""Company: the reference data of one QBO company, cached: its chart of accounts, items, classes, taxes and rates.

Reads are metered by Intuit, so one query each for accounts and items and one read each of the preferences and the
company serve for an hour, or until something proves that they are out of date. Classes, tax codes and exchange rates
are read when a document first needs them.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar

from wescope.books.documents import DepositBody, Document
from wescope.books.policy import Account, AccountRole, Item, ItemRole, RoleAccount
from wescope.books.subjects import DocumentKey
from wescope.errors import AccountMissing, ClassMissing, ConfigurationError, ExchangeRateMissing, ItemMissing
from wescope.qbo import queries
from wescope.qbo.accounts import AccountName, Chart
from wescope.qbo.cache import Cached
from wescope.qbo.client import QboClient
from wescope.qbo.directory import Directory
from wescope.qbo.preferences import Preferences, read_preferences
from wescope.qbo.references import References
from wescope.qbo.taxes import TaxChoice, TaxReferences, form_of, is_tax, tax_references

__all__ = ["TTL_S", "Company", "CompanyData", "Preferences", "TaxChoice"]

TTL_S = 3600.0
_NO_TAX_CHOICE = TaxChoice()

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyData:
    """What was read at one moment: preferences, and by role the ids and what could not be resolved and why.

    `accounts` and `missing_accounts` are those of the home currency.
    """

    accounts: Mapping[AccountRole, str]
    items: Mapping[ItemRole, str]
    preferences: Preferences
    missing_accounts: Mapping[AccountRole, AccountMissing] = field(default_factory=dict)
    missing_items: Mapping[ItemRole, ItemMissing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """`CompanyData` with the lists that it was made of."""

    data: CompanyData
    chart: Chart = field(repr=False)
    catalogue: Directory = field(repr=False)


class Company:
    """The cached reference data of the company that a client is connected to. Safe to use from many tasks."""

    def __init__(
        self,
        client: QboClient,
        account_name: AccountName,
        items: Mapping[ItemRole, str],
        tax: TaxChoice = _NO_TAX_CHOICE,
        *,
        ttl_s: float = TTL_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the client and the policy; nothing is read yet.

        Args:
            client: the company's.
            account_name: gives the account of a role and currency: its name, full name (`Parent:Child`) or id.
            items: for each role the item's name, full name or id.
            tax: the policy's choice of how tax is posted.
            ttl_s: how long what was read is believed, in seconds.
            clock_s: a monotonic clock, in seconds.
        """
        self._client, self._account_name, self._items, self._tax = client, account_name, items, tax
        self._ttl_s, self._clock_s = ttl_s, clock_s
        self._basics = Cached(self._read, ttl_s=ttl_s, clock_s=clock_s, for_all=True)
        self._classes = Cached(self._read_classes, ttl_s=ttl_s, clock_s=clock_s, for_all=True)
        self._tax_lists = Cached(self._read_tax_lists, ttl_s=ttl_s, clock_s=clock_s, for_all=True)
        self._rates: dict[tuple[str, date], Cached[Decimal | None]] = {}

    async def data(self) -> CompanyData:
        """All of it, read anew if it is too old or was forgotten.

        Raises:
            QboError: QBO does not answer, and nothing was read before.
        """
        return (await self._basics.get()).data

    async def refresh(self) -> CompanyData:
        """Read everything again, now (classes, taxes and rates before their next use).

        Raises:
            QboError: QBO does not answer.
        """
        self.forget()
        return (await self._basics.refresh()).data

    def forget(self) -> None:
        """Something proved that the data may be out of date: they are read again before the next use."""
        self._basics.forget()
        self._classes.forget()
        self._tax_lists.forget()
        for rate in self._rates.values():
            rate.forget()

    async def preferences(self) -> Preferences:
        """The company's preferences."""
        return (await self.data()).preferences

    async def account(self, role: AccountRole, currency: str | None = None) -> str:
        """QBO's id of the account of a role.

        Args:
            role: what it is for.
            currency: Stripe's lower-case code; null is the company's own.

        Raises:
            AccountMissing: it does not exist, is inactive, ambiguous, or of the wrong type or currency; names role,
                currency, setting and reason.
        """
        wanted = RoleAccount(role=role, currency=currency or (await self.preferences()).home_currency)
        return (await self._accounts((wanted,), frozenset()))[wanted]

    async def item(self, role: ItemRole) -> str:
        """QBO's id of the item of a role.

        Raises:
            ItemMissing: it does not exist, is inactive or ambiguous; names role and setting.
        """
        return (await self._items_of((role,)))[role]

    async def known_accounts(self, accounts: Iterable[Account]) -> dict[Account, str]:
        """QBO's ids of those of the accounts that can be used; for the others nothing is read anew."""
        chart, found = (await self._basics.get()).chart, {}
        for account in accounts:
            with contextlib.suppress(AccountMissing):
                found[account] = chart.find(account)
        return found

    async def known_items(self, items: Iterable[Item]) -> dict[Item, str]:
        """QBO's ids of those of the items that can be used; for the others nothing is read anew."""
        catalogue, found = (await self._basics.get()).catalogue, {}
        for item in items:
            with contextlib.suppress(ItemMissing):
                found[item] = _find_item(item, self._items, catalogue)
        return found

    async def exchange_rate(self, currency: str, as_of: date) -> Decimal:
        """How many home units one unit of a currency is worth on a day of the company's calendar; 1 for home.

        Raises:
            ExchangeRateMissing: QBO has none.
        """
        if currency == (await self.preferences()).home_currency:
            return Decimal(1)
        cached = self._rates.get((currency, as_of))
        if cached is None:
            cached = Cached(
                lambda: self._client.exchange_rate(currency, as_of), ttl_s=self._ttl_s, clock_s=self._clock_s
            )
            self._rates[currency, as_of] = cached
        rate = await cached.get()
        if rate is None:
            cached.forget()  # somebody may enter it
            raise ExchangeRateMissing(currency=currency, date=as_of.isoformat(), reason="not_found")
        return rate

    async def references(
        self, document: Document, qbo_ids: Mapping[DocumentKey, str], display_name: str | None = None
    ) -> References:
        """All that the document's payload needs to know about this company.

        Args:
            document: to be written.
            qbo_ids: of the documents that it refers to.
            display_name: the chosen name, for a customer.

        Raises:
            AccountMissing, ItemMissing, ClassMissing, TaxCodeMissing: one that it needs cannot be used.
            ExchangeRateMissing: QBO has no rate for its currency and date, or takes no foreign currency.
        """
        rate = await self._rate_of(document)
        preferences = await self.preferences()
        tax = await self._tax_of(document, preferences)
        lines = [line for line in document.lines if not (tax.form.is_native and is_tax(line))]
        return References(
            qbo_ids=qbo_ids,
            accounts=await self._accounts(document.accounts, _on_deposit_lines(document)),
            items=await self._items_of(tuple(dict.fromkeys(line.item for line in lines))),
            classes=await self._classes_of(sorted({line.class_name for line in lines if line.class_name})),
            tax=tax,
            custom_txn_numbers=preferences.custom_txn_numbers,
            multicurrency=preferences.multicurrency,
            exchange_rate=rate,
            display_name=display_name,
        )

    async def _accounts(self, accounts: tuple[Account, ...], on_deposit: frozenset[Account]) -> dict[Account, str]:
        async def found() -> dict[Account, str]:
            chart = (await self._basics.get()).chart
            return {account: chart.find(account, on_deposit_line=account in on_deposit) for account in accounts}

        return await self._again_if_missing(found)

    async def _items_of(self, items: tuple[Item, ...]) -> dict[Item, str]:
        async def found() -> dict[Item, str]:
            catalogue = (await self._basics.get()).catalogue
            return {item: _find_item(item, self._items, catalogue) for item in items}

        return await self._again_if_missing(found)

    async def _classes_of(self, names: list[str]) -> dict[str, str]:
        async def found() -> dict[str, str]:
            classes = await self._classes.get()
            return {name: _find_class(name, classes) for name in names}

        return await self._again_if_missing(found) if names else {}

    async def _tax_of(self, document: Document, preferences: Preferences) -> TaxReferences:
        form = form_of(self._tax, preferences, document)

        async def found() -> TaxReferences:
            codes, rates = await self._tax_lists.get() if form.is_native else (Directory(), Directory())
            return tax_references(self._tax, form, document, codes, rates)

        return await self._again_if_missing(found)

    async def _rate_of(self, document: Document) -> Decimal:
        """Stripe's own rate if there is one, else the company's of the document's date."""

        async def found() -> Decimal:
            preferences, day = await self.preferences(), document.dates.txn
            if document.currency == preferences.home_currency:
                return Decimal(1)
            if not preferences.multicurrency:
                raise ExchangeRateMissing(
                    currency=document.currency, date=day.isoformat() if day else "", reason="multicurrency_off"
                )
            if document.exchange_rate is not None:
                return document.exchange_rate
            return await self.exchange_rate(document.currency, day) if day else Decimal(1)  # names have neither

        return await self._again_if_missing(found)

    async def _again_if_missing(self, find: Callable[[], Awaitable[T]]) -> T:
        """What is missing is looked for once more in newer data, since somebody may just have made it."""
        try:
            return await find()
        except ConfigurationError:
            self.forget()
        return await find()

    async def _read(self) -> _Read:
        accounts = Directory(await self._client.query_all("Account", queries.including_inactive()))
        catalogue = Directory(await self._client.query_all("Item", queries.including_inactive()))
        preferences = read_preferences(await self._client.preferences(), await self._client.company_info())
        chart = Chart(accounts, self._account_name, preferences.home_currency)
        account_ids, missing_accounts = chart.by_role()
        items: dict[ItemRole, str] = {}
        missing_items: dict[ItemRole, ItemMissing] = {}
        for role in ItemRole:
            try:
                items[role] = _find_item(role, self._items, catalogue)
            except ItemMissing as fault:
                missing_items[role] = fault
        data = CompanyData(
            accounts=account_ids,
            items=items,
            preferences=preferences,
            missing_accounts=missing_accounts,
            missing_items=missing_items,
        )
        return _Read(data=data, chart=chart, catalogue=catalogue)

    async def _read_classes(self) -> Directory:
        return Directory(await self._client.query_all("Class", queries.including_inactive()))

    async def _read_tax_lists(self) -> tuple[Directory, Directory]:
        # One page holds them all, and the American ids TAX and NON are no numbers to order by.
        codes = await self._client.query(queries.select("TaxCode"))
        rates = await self._client.query(queries.select("TaxRate"))
        return Directory(codes), Directory(rates)


def _on_deposit_lines(document: Document) -> frozenset[Account]:
    body = document.body
    return frozenset(line.account for line in body.lines) if isinstance(body, DepositBody) else frozenset()


def _find_item(item: Item, settings: Mapping[ItemRole, str], catalogue: Directory) -> str:
    role, configured = (item.value, settings.get(item, "")) if isinstance(item, ItemRole) else ("named", item.name)
    record, reason = catalogue.search(configured)
    if record is None:
        raise ItemMissing(role=role, configured=configured, reason=reason)
    return str(record["Id"])


def _find_class(name: str, classes: Directory) -> str:
    record, reason = classes.search(name)
    if record is None:
        raise ClassMissing(configured=name, reason=reason)
    return str(record["Id"])
