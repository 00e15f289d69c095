"""Preferences: the settings of a QBO company that decide how its books behave (facts/qbo.md 4.7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from wescope.qbo.records import Record, reference

_UNITED_STATES = frozenset({"US", "USA"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What the company has chosen, and its country.

    `book_close_date` is the last closed day in the company's calendar; `home_currency` is in lower case; `country` is
    as CompanyInfo writes it.
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
    class_per_line: bool = False
    country: str = "US"

    @property
    def in_united_states(self) -> bool:
        """Whether the American rules of sales tax hold (facts/qbo.md 4.8)."""
        return self.country.upper() in _UNITED_STATES


def read_preferences(record: Record, company_info: Record) -> Preferences:
    """The preferences out of QBO's objects `Preferences` and `CompanyInfo`."""
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
        class_per_line=_flag(accounting, "ClassTrackingPerTxnLine"),
        country=str(company_info.get("Country") or "US"),
    )


def _part(record: Record, name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def _flag(part: Mapping[str, Any], name: str) -> bool:
    # Some preferences come as the word.
    return part.get(name) in {True, "true"}
