"""Company: the reference data of one QBO company, cached: accounts and items by role, and its preferences.

Reads are metered by Intuit, so one query each for accounts and items and one read of the preferences serve for an
hour, or until something proves that they are out of date.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from wescope.books.documents import Document
from wescope.books.policy import AccountRole, ItemRole
from wescope.books.subjects import DocumentKey
from wescope.errors import AccountMissing, ConfigurationError, ItemMissing, QboNotSent
from wescope.qbo import queries
from wescope.qbo.client import QboClient
from wescope.qbo.lookup import INACTIVE_SUFFIX
from wescope.qbo.payloads import References, account_roles, item_roles
from wescope.qbo.records import Record, reference

TTL_S = 3600.0

# A parked backlog must not turn into a storm of reads: what was just read is not read again.
_FRESH_S = 10.0

_MONEY_ACCOUNTS = frozenset({"Bank", "Other Current Asset"})
_ACCOUNT_TYPES: Mapping[AccountRole, frozenset[str]] = {
    AccountRole.CLEARING: _MONEY_ACCOUNTS,
    AccountRole.OUT_OF_BAND: _MONEY_ACCOUNTS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The preferences that decide how the books behave (facts/qbo.md 4.7).

    `book_close_date` is the last closed day in the company's calendar; `home_currency` is in lower case.
    """

    custom_txn_numbers: bool
    multicurrency: bool
    home_currency: str
    book_close_date: date | None = None
    auto_apply_credit: bool = False
    auto_apply_payments: bool = False
    using_sales_tax: bool = False
    partner_tax_enabled: bool = False
    allow_service_date: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyData:
    """What was read at one moment: ids by role, the roles that could not be resolved and why, the preferences."""

    accounts: Mapping[AccountRole, str]
    items: Mapping[ItemRole, str]
    preferences: Preferences
    missing_accounts: Mapping[AccountRole, AccountMissing] = field(default_factory=dict)
    missing_items: Mapping[ItemRole, ItemMissing] = field(default_factory=dict)


class Company:
    """The cached reference data of the company that a client is connected to. Safe to use from many tasks."""

    def __init__(
        self,
        client: QboClient,
        accounts: Mapping[AccountRole, str],
        items: Mapping[ItemRole, str],
        *,
        ttl_s: float = TTL_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the client and the policy; nothing is read yet.

        Args:
            client: the company's.
            accounts: for each role the account's name, full name (`Parent:Child`) or id.
            items: for each role the item's name, full name or id.
            ttl_s: how long what was read is believed, in seconds.
            clock_s: a monotonic clock, in seconds.
        """
        self._client, self._accounts, self._items = client, accounts, items
        self._ttl_s, self._clock_s = ttl_s, clock_s
        self._data: CompanyData | None = None
        self._read_at_s = 0.0
        self._stale = False
        self._turn = asyncio.Lock()

    async def data(self) -> CompanyData:
        """All of it, read anew if it is too old or was forgotten.

        Raises:
            QboError: QBO does not answer, and nothing was read before.
        """
        async with self._turn:
            if self._data is not None and self._good():
                return self._data
            try:
                return await self._read()
            except QboNotSent:
                # What was read before is better than nothing while QBO is away.
                if self._data is None:
                    raise
                return self._data

    async def refresh(self) -> CompanyData:
        """Read everything again, now.

        Raises:
            QboError: QBO does not answer.
        """
        async with self._turn:
            return await self._read()

    def forget(self) -> None:
        """Something proved that the data may be out of date: they are read again before the next use."""
        self._stale = True

    async def preferences(self) -> Preferences:
        """The company's preferences."""
        return (await self.data()).preferences

    async def account(self, role: AccountRole) -> str:
        """QBO's id of the account of a role.

        Raises:
            AccountMissing: it does not exist, is inactive, ambiguous or of the wrong type; names role and setting.
        """
        return (await self._resolved(frozenset({role}), frozenset())).accounts[role]

    async def item(self, role: ItemRole) -> str:
        """QBO's id of the item of a role.

        Raises:
            ItemMissing: it does not exist, is inactive or ambiguous; names role and setting.
        """
        return (await self._resolved(frozenset(), frozenset({role}))).items[role]

    async def references(
        self, document: Document, qbo_ids: Mapping[DocumentKey, str], display_name: str | None = None
    ) -> References:
        """All that the document's payload needs to know about this company.

        Args:
            document: to be written.
            qbo_ids: of the documents that it refers to.
            display_name: the chosen name, for a customer.

        Raises:
            AccountMissing: an account that it needs cannot be used.
            ItemMissing: an item that it needs cannot be used.
        """
        data = await self._resolved(account_roles(document), item_roles(document))
        return References(
            qbo_ids=qbo_ids,
            accounts=data.accounts,
            items=data.items,
            custom_txn_numbers=data.preferences.custom_txn_numbers,
            multicurrency=data.preferences.multicurrency,
            display_name=display_name,
        )

    async def _resolved(self, accounts: frozenset[AccountRole], items: frozenset[ItemRole]) -> CompanyData:
        """Data that has these roles; what is missing is looked for once more, since somebody may just have made it."""
        data = await self.data()
        if _missing(data, accounts, items):
            self.forget()
            data = await self.data()
        if missing := _missing(data, accounts, items):
            raise missing
        return data

    def _good(self) -> bool:
        age_s = self._clock_s() - self._read_at_s
        return age_s < (_FRESH_S if self._stale else self._ttl_s)

    async def _read(self) -> CompanyData:
        accounts = _Directory(await self._client.query_all("Account", queries.including_inactive()))
        items = _Directory(await self._client.query_all("Item", queries.including_inactive()))
        preferences = _preferences(await self._client.preferences())
        self._data = _resolve(self._accounts, accounts, self._items, items, preferences)
        self._read_at_s, self._stale = self._clock_s(), False
        return self._data


class _Directory:
    """A list of QBO's by full name, name and id. Names differ by more than case in QBO, so case is ignored."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = list(records)

    def search(self, configured: str) -> tuple[Record | None, str]:
        """The one record that a setting means, or why there is none."""
        wanted = configured.strip().casefold()
        if not wanted:
            return None, "not_configured"
        for name in ("FullyQualifiedName", "Name", "Id"):
            found = [record for record in self._records if str(record.get(name) or "").casefold() == wanted]
            active = [record for record in found if record.get("Active", True)]
            if len(active) == 1:
                return active[0], ""
            if found:
                return None, "ambiguous" if active else "inactive"
        return None, self._inactive(wanted)

    def _inactive(self, wanted: str) -> str:
        renamed = wanted + INACTIVE_SUFFIX
        names = {
            str(record.get(name) or "").casefold()
            for record in self._records
            for name in ("FullyQualifiedName", "Name")
        }
        return "inactive" if renamed in names else "not_found"


def _resolve(
    account_settings: Mapping[AccountRole, str],
    accounts: _Directory,
    item_settings: Mapping[ItemRole, str],
    items: _Directory,
    preferences: Preferences,
) -> CompanyData:
    account_ids: dict[AccountRole, str] = {}
    missing_accounts: dict[AccountRole, AccountMissing] = {}
    for account_role in AccountRole:
        setting = account_settings.get(account_role, "")
        record, reason = accounts.search(setting)
        allowed = _ACCOUNT_TYPES.get(account_role)
        if record and allowed and record.get("AccountType") not in allowed:
            record, reason = None, "wrong_type"
        if record:
            account_ids[account_role] = str(record["Id"])
        else:
            missing_accounts[account_role] = AccountMissing(role=account_role.value, configured=setting, reason=reason)
    item_ids: dict[ItemRole, str] = {}
    missing_items: dict[ItemRole, ItemMissing] = {}
    for item_role in ItemRole:
        setting = item_settings.get(item_role, "")
        record, reason = items.search(setting)
        if record:
            item_ids[item_role] = str(record["Id"])
        else:
            missing_items[item_role] = ItemMissing(role=item_role.value, configured=setting, reason=reason)
    return CompanyData(
        accounts=account_ids,
        items=item_ids,
        preferences=preferences,
        missing_accounts=missing_accounts,
        missing_items=missing_items,
    )


def _missing(
    data: CompanyData, accounts: frozenset[AccountRole], items: frozenset[ItemRole]
) -> ConfigurationError | None:
    absent: list[ConfigurationError] = [
        data.missing_accounts[role] for role in sorted(accounts) if role not in data.accounts
    ]
    absent += [data.missing_items[role] for role in sorted(items) if role not in data.items]
    return absent[0] if absent else None


def _preferences(record: Record) -> Preferences:
    sales, currency = _part(record, "SalesFormsPrefs"), _part(record, "CurrencyPrefs")
    tax, accounting = _part(record, "TaxPrefs"), _part(record, "AccountingInfoPrefs")
    closed = accounting.get("BookCloseDate")
    return Preferences(
        custom_txn_numbers=_flag(sales, "CustomTxnNumbers"),
        multicurrency=_flag(currency, "MultiCurrencyEnabled"),
        home_currency=(reference(currency, "HomeCurrency") or "USD").lower(),
        book_close_date=date.fromisoformat(closed[:10]) if isinstance(closed, str) and closed else None,
        auto_apply_credit=_flag(sales, "AutoApplyCredit"),
        auto_apply_payments=_flag(sales, "AutoApplyPayments"),
        using_sales_tax=_flag(tax, "UsingSalesTax"),
        partner_tax_enabled=_flag(tax, "PartnerTaxEnabled"),
        allow_service_date=_flag(sales, "AllowServiceDate"),
    )


def _part(record: Record, name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def _flag(part: Mapping[str, Any], name: str) -> bool:
    # Some preferences come as the word.
    return part.get(name) in {True, "true"}
