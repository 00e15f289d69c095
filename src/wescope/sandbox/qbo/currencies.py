"""Currencies of documents, names and accounts: home only, or many when multicurrency is on (facts/qbo.md 7)."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.clock import company_day
from wescope.sandbox.qbo.entity import reference, referred
from wescope.sandbox.qbo.exchange_rates import company_rate
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


def currency_of(record: Record) -> str:
    """Returns the currency of an account, name or transaction, ISO 4217."""
    return str(record.doc["CurrencyRef"]["value"])


def check_account(unit: Unit, found: Record, currency: DocumentCurrency) -> Record:
    """Checks that a document of a currency may use an account: one in home currency, or one of its own currency.

    Args:
        unit: the unit of work.
        found: the account.
        currency: the document's currency.

    Returns:
        The account.

    Raises:
        QboFault: 6000, with one text for a second foreign currency and one for a foreign account in a home document.
    """
    kept_in = currency_of(found)
    if kept_in not in {unit.knobs.home_currency, currency.code}:
        raise faults.business(faults.WRONG_CURRENCY if currency.is_home else faults.TWO_FOREIGN)
    return found


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
    rate = Decimal(1) if is_home else _rate(unit, body, code)
    return DocumentCurrency(code=code, rate=rate, is_home=is_home)


def _rate(unit: Unit, body: Json, code: str) -> Decimal:
    if "ExchangeRate" not in body:
        if unit.knobs.missing_exchange_rate == "refuse":
            raise faults.required("ExchangeRate")
        if unit.knobs.missing_exchange_rate == "one":
            return Decimal(1)
        return company_rate(unit, code, str(body.get("TxnDate") or company_day(unit.now).isoformat()))
    rate = _kept(Decimal(body["ExchangeRate"]), unit.knobs.exchange_rate_digits)
    if rate <= 0:
        raise faults.invalid_amount("ExchangeRate", rate)
    return rate


def _kept(rate: Decimal, digits: int) -> Decimal:
    """Returns a rate with the decimals that the service keeps of it (a knob: undocumented)."""
    exponent = Decimal(1).scaleb(-digits)
    return rate.quantize(exponent, rounding=ROUND_HALF_UP) if rate != rate.quantize(exponent) else rate
