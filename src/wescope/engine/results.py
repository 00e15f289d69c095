"""Results: what the engine tells people and programs, as frozen values, and their one way to JSON.

Amounts are integer minor units of the `currency` beside them; `to_json` writes them as decimal strings of major units.
No names, no texts of people: ids, amounts, dates and codes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

from wescope.books.money import to_decimal
from wescope.books.parking import Owner
from wescope.errors import PolicyFault

MONEY: Mapping[str, bool] = {"money": True}
"""Metadata of a field that counts minor units of the `currency` in the same value."""

NO_DIFFERENCE = "0.00"
"""What a tie-out reports when every amount agrees, in whatever currency."""

PARKED = "park"
"""The action of a document that was not posted; its reason is a park code."""

ADVISED = "advise"
"""The action of a document that was posted, but is worth a look; its reason is a park code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOutSummary:
    """The last tie-out. `as_of` is in the books' calendar; `at` is the moment of the comparison, with its zone."""

    as_of: date
    difference: str
    at: datetime

    @property
    def balanced(self) -> bool:
        """True if QBO equalled Stripe."""
        return self.difference == NO_DIFFERENCE


class ConnectionWord(StrEnum):
    """Whether work can be done in QBO: unknown is a company whose configured token was never used."""

    CONNECTED = "connected"
    RECONNECT = "reconnect"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that a person must act on or should know now. `since` has a zone, and is None if it has no moment."""

    code: str
    text: str
    remedy: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the service is doing. Ages in whole seconds; `oldest_hint_age_s` is None when nothing waits."""

    backlog: int
    oldest_hint_age_s: int | None
    in_flight: int
    parked: int
    posted: int
    qbo_calls_last_minute: int
    qbo_writes_total: int
    refresh_token_days_left: int | None
    last_tieout: TieOutSummary | None
    dry_run: bool
    version: str
    posted_by_entity: Mapping[str, int] = field(default_factory=dict)
    """Posted documents by QBO entity (`Invoice`, `Payment`, `Customer`)."""

    drift: int = 0
    """Changes of people in QBO that `verify` has found and nobody has decided about."""

    qbo_connection: ConnectionWord = ConnectionWord.UNKNOWN
    qbo_connection_code: str | None = None
    """Why somebody must connect again: OAuth's error, or a fault code of QBO's."""

    qbo_connection_since: datetime | None = None
    qbo_reads_this_month: int = 0
    """Metered reads and queries in this month of UTC, over all processes."""

    qbo_monthly_reads: int = 0
    """How many the app's tier has; 0 if that is not known."""

    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRow:
    """One parked document. `details` holds ids, amounts, dates and codes only; `reason` and `remedy` are our texts.

    `age_s` is how long it has been parked under this code. What is ignored is told with the operator's reason, and
    needs nobody until its code or its amount changes.
    """

    key: str
    subject: str
    code: str
    reason: str
    owner: str
    remedy: str
    amount: int = field(metadata=MONEY)
    currency: str
    since: datetime
    details: Mapping[str, str | int] = field(default_factory=dict)
    age_s: int = 0
    ignored_at: datetime | None = None
    ignored_reason: str | None = None

    @property
    def needs_somebody(self) -> bool:
        """True if an operator must act, and has not decided to let it be."""
        return self.owner == Owner.OPERATOR and self.ignored_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutResult:
    """One payout, how its rows foot, and which deposits of QBO are it. All amounts are Stripe's, in `currency`.

    `state` is `matched`, `adopted` (somebody else's deposit), `waiting`, `differs`, `unmatched`, `parked`,
    `not_paid` or `failed`; `differs_by` is net less amount; `waiting_on` names documents, `deposits` QBO's
    (`Deposit/145`). `payout_date` and `deposit_date` are in the books' calendar, `arrival_date` and `available_date` in
    UTC's.
    """

    payout_id: str
    currency: str
    amount: int = field(metadata=MONEY)
    gross: int = field(metadata=MONEY)
    fee: int = field(metadata=MONEY)
    net: int = field(metadata=MONEY)
    foots: bool
    state: str
    differs_by: int = field(metadata=MONEY)
    waiting_on: tuple[str, ...]
    deposits: tuple[str, ...]
    shared_with: tuple[str, ...]
    payout_date: date | None
    arrival_date: date | None
    deposit_date: date | None
    available_date: date | None
    checked_at: datetime

    @property
    def is_settled(self) -> bool:
        """True if nothing is left to do for it."""
        return self.state in {"matched", "adopted", "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRowResult:
    """One row of a payout with its document; `state` is as on the payout, per row. `category` is Stripe's word."""

    transaction_id: str
    category: str
    source: str | None
    document_key: str | None
    gross: int = field(metadata=MONEY)
    fee: int = field(metadata=MONEY)
    net: int = field(metadata=MONEY)
    currency: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutDetail:
    """One payout with every row that it pays out."""

    payout: PayoutResult
    rows: tuple[PayoutRowResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """What was (or, in a dry run, would be) done with one document. `date` is in the books' calendar.

    `ignored` says that it is parked, and that an operator has decided to let it be.
    """

    document_key: str
    entity: str
    action: str
    qbo_id: str | None
    amount: int = field(metadata=MONEY)
    currency: str
    date: date | None
    reason: str | None = None
    ignored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What was done for one subject, document by document, in the order in which it was done."""

    subject: str
    actions: tuple[ActionRow, ...]

    @property
    def needs_someone(self) -> bool:
        """True if a document of the subject is parked, or posted but worth a look, and not ignored."""
        return any(action.action in {PARKED, ADVISED} and not action.ignored for action in self.actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """What went wrong (`code` does not change, docs/errors.md lists all), and the one action that mends it."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """What is answered in place of a result."""

    error: ErrorBody


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyErrorBody:
    """An error's body, with everything that is wrong in the policy file."""

    code: str
    message: str
    remedy: str
    faults: tuple[PolicyFault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRefused:
    """An error about the policy file."""

    error: PolicyErrorBody


class Severity(StrEnum):
    """Whether a failing check stops the work or is only worth knowing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that `wescope doctor` looked at. `remedy` is the one action that mends it, empty if it is fine.

    `code` says what was looked at (docs/doctor.md); `place` is where the policy file names it, empty if it does not.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    severity: Severity = Severity.ERROR
    code: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Every check; `ok` unless one that is an error has failed."""

    checks: tuple[Check, ...]
    ok: bool

    @classmethod
    def of(cls, checks: Iterable[Check]) -> "Diagnosis":
        """The checks, and what they come to."""
        seen = tuple(checks)
        return cls(checks=seen, ok=all(check.ok or check.severity is not Severity.ERROR for check in seen))


def to_json(value: object) -> Any:
    """Any result as data for `json.dumps`: amounts as decimal strings in major units, dates and times in ISO 8601.

    Values of `books`, too: they have no metadata, so their amounts stay integers of minor units.

    Raises:
        TypeError: `value` holds something that is no result (an object that could carry more than was meant).
    """
    match value:
        case Enum():
            return value.value
        case None | str() | bool() | int():
            return value
        case Decimal():
            return str(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): to_json(item) for key, item in value.items()}
        case tuple() | list():
            return [to_json(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {each.name: _field_json(value, each.name, each.metadata) for each in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} is no result")


def _field_json(owner: Any, name: str, metadata: Mapping[Any, Any]) -> Any:
    value = getattr(owner, name)
    return str(to_decimal(value, owner.currency)) if metadata.get("money") else to_json(value)
