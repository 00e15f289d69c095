"""The company's exchange rates: seeded, set by hand or over the interface, read by date (facts/qbo.md 7)."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.clock import company_day, to_the_second
from wescope.sandbox.qbo.query_language import Query
from wescope.sandbox.qbo.shapes import BOOLEAN, DATE, DECIMAL, Shape, check, many, obj, string
from wescope.sandbox.qbo.wire import Json, plain

ENTITY = "ExchangeRate"
RATES = "rates"
ALWAYS = "1970-01-01"
SEEDED_DIGITS = Decimal("0.000001")
SWING = 100  # a seeded rate moves at most 1 % around its base, so that documents of different days differ

US_DOLLARS: Mapping[str, Decimal] = MappingProxyType(
    {
        code: Decimal(rate)
        for code, rate in {
            "AUD": "0.66",
            "BRL": "0.18",
            "CAD": "0.72",
            "CHF": "1.13",
            "CNY": "0.14",
            "DKK": "0.147",
            "EUR": "1.1",
            "GBP": "1.27",
            "HUF": "0.0027",
            "INR": "0.0119",
            "ISK": "0.0072",
            "JPY": "0.0066",
            "KWD": "3.25",
            "MXN": "0.054",
            "NOK": "0.092",
            "NZD": "0.6",
            "PLN": "0.255",
            "SEK": "0.096",
            "SGD": "0.75",
            "TWD": "0.031",
            "UGX": "0.00027",
            "USD": "1",
            "ZAR": "0.056",
        }.items()
    }
)
"""Dollars for one unit of each currency: what the seeded rates swing around."""

_META = Shape(type_name="ModificationMetaData", properties={"CreateTime": string(), "LastUpdatedTime": string()})
_CUSTOM = Shape(type_name="CustomField", properties={"DefinitionId": string(), "StringValue": string()})
SHAPE = Shape(
    type_name=ENTITY,
    properties={
        "SyncToken": string(),
        "domain": string(),
        "sparse": BOOLEAN,
        "AsOfDate": DATE,
        "SourceCurrencyCode": string(3),
        "TargetCurrencyCode": string(3),
        "Rate": DECIMAL,
        "MetaData": obj(_META),
        "CustomField": many(_CUSTOM),
    },
)


def company_rate(unit: Unit, code: str, on: str) -> Decimal:
    """Returns the company's own rate of a day.

    Args:
        unit: the unit of work.
        code: ISO 4217, upper case, a currency that QBO knows.
        on: the day, YYYY-MM-DD.

    Returns:
        Home units for one unit of the currency: the newest rate set for that day or before, else the seeded one.
    """
    home = unit.knobs.home_currency
    if code == home:
        return Decimal(1)
    set_by_day = unit.read_setting(RATES, {}).get(code, {})
    days = [day for day in set_by_day if day <= on]
    if days:
        return Decimal(set_by_day[max(days)])
    base = US_DOLLARS[code] / US_DOLLARS[home]
    offset = (date.fromisoformat(on).toordinal() * 37 + sum(code.encode())) % (2 * SWING + 1) - SWING
    seeded = base * (1 + Decimal(offset) / 10_000)
    return seeded.quantize(SEEDED_DIGITS, rounding=ROUND_HALF_UP)


def set_rate(unit: Unit, code: str, rate: Decimal, since: str = ALWAYS) -> None:
    """Sets a rate that holds from a day on, until one set for a later day.

    Args:
        unit: the unit of work.
        code: ISO 4217, upper case; the home currency's rate cannot be set.
        rate: home units for one unit, more than 0.
        since: the day, YYYY-MM-DD.

    Raises:
        QboFault: 2500 for an unknown currency, 6000 for the home currency, 2140 for no positive rate.
    """
    _check_source(unit, code)
    if rate <= 0:
        raise faults.invalid_amount("Rate", rate)
    rates = unit.read_setting(RATES, {})
    unit.setting(RATES, {**rates, code: {**rates.get(code, {}), since: str(rate)}})


def read(unit: Unit, code: str, on: str) -> Json:
    """Answers a read of one rate (samples/exchangerate.json).

    Args:
        unit: the unit of work.
        code: sourcecurrencycode, any case.
        on: asofdate, YYYY-MM-DD; empty for the company's today.

    Returns:
        The ExchangeRate object.

    Raises:
        QboFault: 5030 while multicurrency is off, 2500 for an unknown currency, 6000 for the home currency, 2060.
    """
    if not unit.knobs.multicurrency:
        raise faults.unsupported_feature("Multicurrency is turned off")
    source = code.upper()
    _check_source(unit, source)
    return _shown(unit, source, _day(unit, on))


def write(unit: Unit, body: Json) -> Json:
    """Sets a rate over the interface.

    Args:
        unit: the unit of work.
        body: SourceCurrencyCode, Rate and AsOfDate.

    Returns:
        The ExchangeRate object as answered.

    Raises:
        QboFault: 2010 to 2140 for a malformed body, else as `read`.
    """
    if not unit.knobs.multicurrency:
        raise faults.unsupported_feature("Multicurrency is turned off")
    checked = check(SHAPE, body, unit.knobs)
    missing = [name for name in ("SourceCurrencyCode", "Rate", "AsOfDate") if name not in checked]
    if missing:
        raise faults.required(*missing)
    target = checked.get("TargetCurrencyCode", unit.knobs.home_currency)
    if target != unit.knobs.home_currency:
        raise faults.conflicting("TargetCurrencyCode must be the home currency")
    code = checked["SourceCurrencyCode"].upper()
    set_rate(unit, code, Decimal(checked["Rate"]), checked["AsOfDate"])
    return _shown(unit, code, checked["AsOfDate"])


def query(unit: Unit, wanted: Query) -> Json:
    """Answers a query over rates: by SourceCurrencyCode and AsOfDate only, today and all currencies by default.

    Args:
        unit: the unit of work.
        wanted: the query.

    Returns:
        The value of "QueryResponse".

    Raises:
        QboFault: 4001 for another property, else as `read`.
    """
    codes, on = [code for code in sorted(US_DOLLARS) if code != unit.knobs.home_currency], ""
    for one in wanted.conditions:
        if one.field.lower() == "sourcecurrencycode" and one.operator in {"=", "IN"}:
            codes = list(one.values)
        elif one.field.lower() == "asofdate" and one.operator == "=":
            on = one.values[0]
        else:
            raise faults.query_invalid(f"property '{one.field}' is not queryable")
    found = [read(unit, code, on) for code in codes]
    return {ENTITY: found, "startPosition": 1, "maxResults": len(found)} if found else {}


def _check_source(unit: Unit, code: str) -> None:
    if code not in US_DOLLARS:
        raise faults.invalid_reference("Currencies", code)
    if code == unit.knobs.home_currency:
        raise faults.business("The source currency of an exchange rate cannot be the home currency.")


def today(unit: Unit) -> str:
    """Returns the company's today, YYYY-MM-DD."""
    return company_day(unit.now).isoformat()


def _day(unit: Unit, on: str) -> str:
    if not on:
        return today(unit)
    try:
        return date.fromisoformat(on).isoformat()
    except ValueError as problem:
        raise faults.invalid_date("asofdate", on) from problem


def _shown(unit: Unit, code: str, on: str) -> Json:
    return {
        "SyncToken": "0",
        "domain": "QBO",
        "AsOfDate": on,
        "SourceCurrencyCode": code,
        "Rate": plain(company_rate(unit, code, on)),
        "sparse": False,
        "TargetCurrencyCode": unit.knobs.home_currency,
        "MetaData": {"LastUpdatedTime": to_the_second(unit.now)},
    }
