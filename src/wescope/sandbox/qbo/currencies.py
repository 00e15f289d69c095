"""Currencies of documents and names: home only, or many when multicurrency is on (facts/qbo.md 7)."""

from dataclasses import dataclass
from decimal import Decimal

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.entity import reference, referred
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json, plain

NAMES = {
    "AUD": "Australian Dollar",
    "BRL": "Brazilian Real",
    "CAD": "Canadian Dollar",
    "CHF": "Swiss Franc",
    "CNY": "Chinese Yuan",
    "DKK": "Danish Krone",
    "EUR": "Euro",
    "GBP": "British Pound Sterling",
    "HUF": "Hungarian Forint",
    "INR": "Indian Rupee",
    "ISK": "Icelandic Krona",
    "JPY": "Japanese Yen",
    "KWD": "Kuwaiti Dinar",
    "MXN": "Mexican Peso",
    "NOK": "Norwegian Krone",
    "NZD": "New Zealand Dollar",
    "PLN": "Polish Zloty",
    "SEK": "Swedish Krona",
    "SGD": "Singapore Dollar",
    "TWD": "Taiwan Dollar",
    "UGX": "Ugandan Shilling",
    "USD": "United States Dollar",
    "ZAR": "South African Rand",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCurrency:
    """A document's currency and how many home units one of its units is worth."""

    code: str
    rate: Decimal
    is_home: bool

    def fields(self, *, multicurrency: bool) -> Json:
        """Returns the currency's properties as an answer shows them; the rate only in multicurrency companies."""
        shown: Json = {"CurrencyRef": currency_reference(self.code)}
        if multicurrency:
            shown["ExchangeRate"] = plain(self.rate)
        return shown


def currency_reference(code: str) -> Json:
    """Writes a currency as answers do, with its name."""
    return reference(code, NAMES.get(code, ""))


def require_currency(unit: Unit, code: str) -> str:
    """Checks that a currency exists and that the company may use it.

    Args:
        unit: the unit of work.
        code: ISO 4217.

    Returns:
        The code.

    Raises:
        QboFault: 2500 for an unknown code, 6000 for a foreign one while multicurrency is off.
    """
    if code not in NAMES:
        raise faults.invalid_reference("Currencies", code)
    if code != unit.knobs.home_currency and not unit.knobs.multicurrency:
        raise faults.business(faults.WRONG_CURRENCY)
    return code


def document_currency(unit: Unit, body: Json, owner: Record | None) -> DocumentCurrency:
    """Decides a document's currency and rate.

    Args:
        unit: the unit of work.
        body: the document as intended.
        owner: the customer, whose currency it must be, if there is one.

    Returns:
        The currency; rate 1 for home.

    Raises:
        QboFault: 2020 when multicurrency is on and CurrencyRef is missing, 6000 when it is not the customer's.
    """
    wanted = referred(body, "CurrencyRef")
    if not wanted and unit.knobs.multicurrency:
        raise faults.required("CurrencyRef")
    code = require_currency(unit, wanted or unit.knobs.home_currency)
    if owner is not None and owner.doc["CurrencyRef"]["value"] != code:
        raise faults.business(faults.WRONG_CURRENCY)
    is_home = code == unit.knobs.home_currency
    return DocumentCurrency(code=code, rate=_rate(unit, body, is_home=is_home), is_home=is_home)


def _rate(unit: Unit, body: Json, *, is_home: bool) -> Decimal:
    if is_home:
        return Decimal(1)
    if "ExchangeRate" not in body:
        if unit.knobs.missing_exchange_rate == "refuse":
            raise faults.required("ExchangeRate")
        return Decimal(1)
    rate = Decimal(body["ExchangeRate"])
    if rate <= 0:
        raise faults.invalid_amount("ExchangeRate", rate)
    return rate
