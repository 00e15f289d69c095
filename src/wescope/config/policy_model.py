"""Policy model: the keys of `wescope.toml` and what each may be, as pydantic checks them."""

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    Tag,
    model_validator,
)

from wescope.books.policy import ClosedPeriod, CustomerField, PayoutMode, Policy, Reversals
from wescope.config.alerts import AlertThresholds

_BOOKS = Policy()
_ALERTS = AlertThresholds()


def _timezone(value: object) -> ZoneInfo:
    try:
        return value if isinstance(value, ZoneInfo) else ZoneInfo(str(value))
    except (LookupError, ValueError, OSError):  # unknown, not a key at all, a folder of the database
        raise ValueError('must be a time zone of the IANA database, such as "America/New_York"') from None


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", value):
        raise ValueError('must be a three-letter currency code, such as "EUR"')
    return value.lower()


def _name_or_table(value: object) -> str:
    return "by_currency" if isinstance(value, Mapping) else "name"


_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=1)


def _interval(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d{1,4})([mhd])", value) if isinstance(value, str) else None
    interval = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not _SHORTEST <= interval <= _LONGEST:
        raise ValueError('must be a time from "5m" to "24h", such as "1h"')
    return interval


_OFF = "off"
_LONGEST_AGE = timedelta(days=90)


def _age(value: object) -> timedelta | None:
    """A time, or null for "off"."""
    if value is None or isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d{1,4})([mhd])", value) if isinstance(value, str) else None
    age = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if value == _OFF:
        return None
    if not timedelta() < age <= _LONGEST_AGE:
        raise ValueError('must be a time from "1m" to "90d", such as "12h", or "off"')
    return age


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value.replace(microsecond=0)
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError('must be a time of day in the books\' time zone, such as "02:30"')
    return time.fromisoformat(value)


def _time_or_off(value: object) -> time | None:
    """A time of day, or null for "off"."""
    return None if value is None or value == _OFF else _time_of_day(value)


Currency = Annotated[str, AfterValidator(_currency)]
Name = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=100)]
Account = Annotated[
    Annotated[Name, Tag("name")] | Annotated[dict[Currency, Name], Tag("by_currency")], Discriminator(_name_or_table)
]
Prefix = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=8)]
Interval = Annotated[timedelta, BeforeValidator(_interval)]
Age = Annotated[timedelta | None, BeforeValidator(_age)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
OptionalTimeOfDay = Annotated[time | None, BeforeValidator(_time_or_off)]
DriftMode = Literal["report", "restore"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    def named(self) -> dict[str, Any]:
        """What the file sets in this table, without lists of rules."""
        return {name: value for name, value in self if value is not None and not isinstance(value, list)}


class BooksTable(_Table):
    """`[books]`: time zone and currency of the company, first day, and what happens at closed or past months."""

    timezone: Annotated[ZoneInfo, BeforeValidator(_timezone)] = _BOOKS.timezone
    home_currency: Currency = _BOOKS.home_currency
    start_date: date | None = _BOOKS.start_date
    closed_period: ClosedPeriod = ClosedPeriod.PARK
    reversals: Reversals = Reversals.MONTH
    dry_run: StrictBool = False
    doc_number_prefix: Prefix = ""


class AccountsTable(_Table):
    """`[accounts]`: the QBO account of each role, by name or id, or a table of them by currency."""

    clearing: Account | None = None
    bank: Account | None = None
    fees: Account | None = None
    fee_tax: Account | None = None
    disputes: Account | None = None
    bad_debt: Account | None = None
    sales_tax: Account | None = None
    out_of_band: Account | None = None
    review: Account | None = None
    receivable: Account | None = None


class ItemRuleTable(_Table):
    """One entry of `[[items.rules]]`: which lines it is for, and their item, class or both."""

    product: Name | None = None
    price: Name | None = None
    metadata: dict[str, StrictStr] = {}
    item: Name | None = None
    class_name: Annotated[Name | None, Field(alias="class")] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.item is None and self.class_name is None:
            raise ValueError("must name an item or a class")
        if self.product is None and self.price is None and not self.metadata:
            raise ValueError("must name a product, a price or metadata")
        return self


class ItemsTable(_Table):
    """`[items]`: the QBO item of each role, by name or id, and rules that choose another one."""

    sales: Name | None = None
    refunds: Name | None = None
    bad_debt: Name | None = None
    discount: Name | None = None
    shipping: Name | None = None
    tax: Name | None = None
    customer_balance: Name | None = None
    rules: list[ItemRuleTable] = []


class TaxTable(_Table):
    """`[tax]`: how sales tax is posted; in native mode QBO's tax code, by Stripe tax rate or for all."""

    mode: Literal["line", "native"] = "line"
    code: Name | None = None
    codes: dict[str, Name] = {}


class CustomersTable(_Table):
    """`[customers]`: what a QBO customer carries beyond its name and currency."""

    fields: tuple[CustomerField, ...] = ()


class PayoutsTable(_Table):
    """`[payouts]`: whether deposits are made or only matched."""

    mode: PayoutMode = PayoutMode.CREATE


class DriftTable(_Table):
    """`[drift]`: what happens to documents that somebody changed in QBO."""

    edited: DriftMode = "report"
    voided: DriftMode = "report"
    deleted: DriftMode = "report"


class QboTable(_Table):
    """`[qbo]`: how QBO is written to."""

    settle_s: Annotated[StrictInt, Field(ge=5, le=3600)] = 20
    server_timeout_s: Annotated[StrictInt, Field(ge=0, le=3600)] = 120
    monthly_reads: Annotated[StrictInt, Field(ge=0)] = 500_000
    backlog_singles: StrictBool = False


class EngineTable(_Table):
    """`[engine]`: how much is done at the same time."""

    concurrency: Annotated[StrictInt, Field(ge=1, le=64)] = 64


class SchedulesTable(_Table):
    """`[schedules]`: what a worker begins by itself, and when; times of day are those of the books' time zone."""

    enabled: StrictBool = True
    sweep_every: Interval = timedelta(hours=1)
    nightly_at: TimeOfDay = time(2, 30)
    verify_at: TimeOfDay = time(3, 30)
    tieout_at: OptionalTimeOfDay = time(4, 30)
    bigquery_every: Interval = timedelta(hours=1)


class AlertsTable(_Table):
    """`[alerts]`: from where on somebody is told of something; zero and "off" switch an alert off."""

    backlog_age: Age = _ALERTS.backlog_age
    failing_for: Age = _ALERTS.failing_for
    webhooks_silent: Age = _ALERTS.webhooks_silent
    sweep_age: Age = _ALERTS.sweep_age
    token_days: Annotated[StrictInt, Field(ge=0, le=100)] = _ALERTS.token_days
    reads_percent: Annotated[StrictInt, Field(ge=0, le=100)] = _ALERTS.reads_percent
    drift_count: Annotated[StrictInt, Field(ge=0)] = _ALERTS.drift_count
    parked_amount: Annotated[StrictInt, Field(ge=0)] = _ALERTS.parked_amount
    parked_amounts: dict[Currency, Annotated[StrictInt, Field(ge=0)]] = {}
    remind_every: Age = _ALERTS.remind_every
    runbooks: Annotated[str, StringConstraints(strict=True, pattern=r"^[^\s]+$")] = _ALERTS.runbooks

    def thresholds(self, sweep_every: timedelta) -> AlertThresholds:
        """The same as a plain value; a sweep that is not due yet is never late."""
        age = max(self.sweep_age, 2 * sweep_every) if self.sweep_age else None
        return AlertThresholds(**(dict(self) | {"sweep_age": age}))


class PolicyModel(_Table):
    """The whole file."""

    books: BooksTable = BooksTable()
    accounts: AccountsTable = AccountsTable()
    items: ItemsTable = ItemsTable()
    tax: TaxTable = TaxTable()
    customers: CustomersTable = CustomersTable()
    payouts: PayoutsTable = PayoutsTable()
    categories: dict[str, Name] = {}
    drift: DriftTable = DriftTable()
    qbo: QboTable = QboTable()
    engine: EngineTable = EngineTable()
    schedules: SchedulesTable = SchedulesTable()
    alerts: AlertsTable = AlertsTable()
