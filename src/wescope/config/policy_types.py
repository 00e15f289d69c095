"""Policy types: what a value in `wescope.toml` may be, each with the words that say so to people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StrictInt,
    StrictStr,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

_CODES: Final = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp byn bzd cad cdf chf clp
cny cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl htg huf idr
ils inr iqd irr isk jmd jod jpy kes kgs khr kmf kpw krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad mdl mga mkd mmk mnt
mop mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd
scr sdg sek sgd shp sle sll sos srd ssp stn svc syp szl thb tjs tmt tnd top try ttd twd tzs uah ugx usd uyu uzs ves
vnd vuv wst xaf xcd xcg xof xpf yer zar zmw zwg
"""
CURRENCIES: Final = frozenset(_CODES.split())
"""ISO 4217's currencies of countries in Stripe's lower case, with those that Stripe still counts in (ang, bgn, sll)."""

OFF: Final = "off"
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=1)
_LONGEST_AGE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Beside a type: what its values may be, for the reference and for errors ("must be ...")."""

    text: str


_TIMEZONE = Allowed('a time zone of the IANA database, such as "America/New_York"')
_CURRENCY = Allowed('a three-letter currency code of ISO 4217, such as "EUR"')
_INTERVAL = Allowed('a time from "5m" to "24h", such as "1h"')
_AGE = Allowed('a time from "1m" to "90d", such as "12h", or "off"')
_TIME_OF_DAY = Allowed('a time of day in the books\' time zone, such as "02:30"')
_TIME_OR_OFF = Allowed(f'{_TIME_OF_DAY.text}, or "off"')
_NAME = Allowed("a QBO name or id")
_WHO = Allowed(
    'a list of e-mail addresses, domains ("@example.com") and subjects of the provider; an entry with an @ is never a'
    " subject"
)
_ACCOUNT = Allowed("a QBO name or id, or one by currency")


def _must(allowed: Allowed) -> ValueError:
    return ValueError(f"must be {allowed.text}")


def _timezone(value: object) -> ZoneInfo:
    try:
        return value if isinstance(value, ZoneInfo) else ZoneInfo(str(value))
    except (LookupError, ValueError, OSError):  # unknown, not a key at all, a folder of the database
        raise _must(_TIMEZONE) from None


def _currency(value: str) -> str:
    if value.lower() not in CURRENCIES:
        raise _must(_CURRENCY)
    return value.lower()


def _each_once(value: object) -> object:
    """A table by currency in which no currency stands twice, once as `EUR` and once as `eur`."""
    if isinstance(value, Mapping):
        seen: dict[str, str] = {}
        for key in value:
            if (first := seen.setdefault(str(key).lower(), str(key))) != key:
                raise ValueError(f"must name a currency once: {first} and {key} are the same")
    return value


def _who(value: str) -> str:
    """E-mail addresses and domains in lower case; a subject as it is."""
    name, at, domain = value.rpartition("@")
    if at and (not re.fullmatch(r"[^\s@]+\.[^\s@]+", domain) or re.search(r"[\s@]", name)):
        raise ValueError('must be an e-mail address, a domain such as "@example.com", or a subject')
    return value.lower() if at else value


def _name_or_table(value: object) -> str:
    return "by_currency" if isinstance(value, Mapping) else "name"


def _span(value: object) -> timedelta:
    """The time that "90m", "12h" or "7d" mean; zero if `value` is none of these."""
    found = re.fullmatch(r"(\d{1,4})([mhd])", value) if isinstance(value, str) else None
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()


def _interval(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    interval = _span(value)
    if not _SHORTEST <= interval <= _LONGEST:
        raise _must(_INTERVAL)
    return interval


def _age(value: object) -> timedelta | None:
    """A time, or null for "off"."""
    if value is None or isinstance(value, timedelta):
        return value
    if value == OFF:
        return None
    age = _span(value)
    if not timedelta() < age <= _LONGEST_AGE:
        raise _must(_AGE)
    return age


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value.replace(microsecond=0)
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise _must(_TIME_OF_DAY)
    return time.fromisoformat(value)


def _time_or_off(value: object) -> time | None:
    """A time of day, or null for "off"."""
    return None if value is None or value == OFF else _time_of_day(value)


def span_text(value: timedelta | None) -> str:
    """A time as the file writes it: "90m", "12h", or "off" for null."""
    if value is None:
        return OFF
    minutes = int(value.total_seconds()) // 60
    return f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"


def clock_text(value: time | None) -> str:
    """A time of day as the file writes it: "02:30", or "off" for null."""
    return OFF if value is None else f"{value:%H:%M}"


_SPAN_PATTERN, _CLOCK_PATTERN = r"^\d{1,4}[mhd]$", r"^([01]\d|2[0-3]):[0-5]\d$"


def _schema(pattern: str, *, off: bool = False) -> WithJsonSchema:
    """JSON Schema of text of a pattern, as the file holds it."""
    text = {"type": "string", "pattern": pattern}
    return WithJsonSchema({"anyOf": [text, {"const": OFF}]} if off else text)


Timezone = Annotated[ZoneInfo, BeforeValidator(_timezone), _TIMEZONE]
Currency = Annotated[StrictStr, AfterValidator(_currency), _CURRENCY, _schema(r"^[A-Za-z]{3}$")]
Name = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=100), _NAME]
Who = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=255),
    AfterValidator(_who),
    _WHO,
]
Account = Annotated[
    Annotated[Name, Tag("name")]
    | Annotated[dict[Currency, Name], BeforeValidator(_each_once), Field(min_length=1), Tag("by_currency")],
    Discriminator(_name_or_table),
    _ACCOUNT,
]
Prefix = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, max_length=8), Allowed("text of at most 8 characters")
]
Interval = Annotated[timedelta, BeforeValidator(_interval), _INTERVAL, _schema(_SPAN_PATTERN)]
Age = Annotated[timedelta | None, BeforeValidator(_age), _AGE, _schema(_SPAN_PATTERN, off=True)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), _TIME_OF_DAY, _schema(_CLOCK_PATTERN)]
OptionalTimeOfDay = Annotated[
    time | None, BeforeValidator(_time_or_off), _TIME_OR_OFF, _schema(_CLOCK_PATTERN, off=True)
]
DriftMode = Literal["report", "restore"]
Count = Annotated[StrictInt, Field(ge=0)]
AmountsByCurrency = Annotated[
    dict[Currency, Count], BeforeValidator(_each_once), Allowed("whole numbers by currency, such as `.JPY = 1500000`")
]
Address = Annotated[str, StringConstraints(strict=True, pattern=r"^[^\s]+$"), Allowed("a path or an address")]
