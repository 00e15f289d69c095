"""Policy file: `wescope.toml`, the company's choices; every key of DESIGN.md section 6 is known here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from wescope.books.policy import AccountRole, ItemRole, ItemRule, Policy
from wescope.config.access_roles import AccessRoles
from wescope.config.alerts import AlertThresholds
from wescope.config.policy_faults import model_faults, read_toml
from wescope.config.policy_model import AccountsTable, ItemRuleTable, ItemsTable, PolicyModel
from wescope.config.policy_where import Places, key_text, places
from wescope.config.settings import Settings
from wescope.errors import PolicyError, PolicyFault

FILE_NAME = "wescope.toml"

DEFAULT_ACCOUNTS: Mapping[AccountRole, str] = MappingProxyType(
    {AccountRole(role): name for role, name in AccountsTable().named().items()}
)
"""QBO account of each role by name; `review` has none unless the file names one.

Accounts receivable need no name: they are the company's own of the currency.
"""

DEFAULT_ITEMS: Mapping[ItemRole, str] = MappingProxyType(
    {ItemRole(role): name for role, name in ItemsTable().named().items()}
)
"""QBO item of each role by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxPolicy:
    """How sales tax is posted. `native`: by QBO's own tax, with its codes, instead of on lines of their own.

    `code` is the tax code of every tax, `codes` that of single Stripe tax rates (`txr_...`), by QBO name or id.
    """

    native: bool = False
    code: str | None = None
    codes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedules:
    """What a worker begins by itself, unless it is not `enabled`. Times of day are of the books' time zone.

    `sweep_every`: Stripe's events are read. `nightly_at`: so is all that is open. `verify_at`: QBO is compared.
    `tieout_at`: both sides are tied out, as of that day; null: never by itself.
    `bigquery_every`: the mirror in BigQuery is brought up to date, if a dataset is named.
    """

    enabled: bool = True
    sweep_every: timedelta = timedelta(hours=1)
    nightly_at: time = time(2, 30)
    verify_at: time = time(3, 30)
    tieout_at: time | None = time(4, 30)
    bigquery_every: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """The company's choices. Accounts and items are QBO names or ids; `path` is None when the defaults are in use.

    `settle_s`: how long after losing sight of a write its absence from QBO is believed. `server_timeout_s`: how long
    QBO itself works on a request at most. `monthly_reads`: how many metered reads a month the app's tier at Intuit has
    (facts/qbo.md 1); 0 if that is not known. `backlog_singles`: whether a backlog may use single requests, too.
    `restores`: the classes of edits in QBO (edited, voided, deleted) that are put right without being asked.
    `alerts`: from where on somebody is told of something. `access`: who may do what, if people sign in. `lines`: in
    which line of the file a key stands, by its path in lower case (`accounts.bank.eur`).
    """

    policy: Policy = field(default_factory=Policy)
    accounts: Mapping[AccountRole, str] = field(default_factory=lambda: DEFAULT_ACCOUNTS)
    accounts_by_currency: Mapping[tuple[AccountRole, str], str] = field(default_factory=dict)
    items: Mapping[ItemRole, str] = field(default_factory=lambda: DEFAULT_ITEMS)
    tax: TaxPolicy = TaxPolicy()
    dry_run: bool = False
    settle_s: int = 20
    server_timeout_s: int = 120
    monthly_reads: int = 500_000
    backlog_singles: bool = False
    concurrency: int = 64
    schedules: Schedules = Schedules()
    restores: frozenset[str] = frozenset()
    alerts: AlertThresholds = field(default_factory=AlertThresholds)
    access: AccessRoles = field(default_factory=AccessRoles)
    path: Path | None = None
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    def account(self, role: AccountRole, currency: str | None = None) -> str | None:
        """Name or id of the QBO account of `role` for `currency` (Stripe's lower-case code); None: none is set."""
        specific = self.accounts_by_currency.get((role, currency)) if currency else None
        return specific or self.accounts.get(role)

    def place(self, *keys: str) -> str:
        """Where the first of these keys that the file sets stands, for people; else that the first holds by default."""
        for key in keys:
            if line := self.lines.get(key.lower()):
                return f"{self.path}, line {line}, {key}"
        return f"{keys[0]} (default)"


def load_policy_file(settings: Settings) -> PolicyFile:
    """The policy that WESCOPE_CONFIG names, else `./wescope.toml` if there is one, else the defaults.

    Raises:
        PolicyError: the named file is not there, or wrong; says of every fault where it is and what is allowed.
    """
    if settings.config is not None:
        return read_policy_file(settings.config)
    here = Path(FILE_NAME)
    # Whatever it is: a folder or a dangling link of that name is told and not passed over.
    return read_policy_file(here) if here.exists() or here.is_symlink() else PolicyFile()


def read_policy_file(path: Path) -> PolicyFile:
    """The policy in this file; an empty one is the defaults.

    Raises:
        PolicyError: it cannot be read, is not TOML, or keys are wrong; has everything that is wrong.
    """
    text = _text(path)
    reading = read_toml(str(path), text)
    faults = list(reading.faults)
    try:
        model = PolicyModel.model_validate(reading.content)
    except ValidationError as error:
        faults += model_faults(str(path), text, reading.content, error)
    if faults:
        raise PolicyError(faults=sorted(faults, key=lambda fault: (fault.line or 0, fault.column or 0)))
    return _policy_file(path, model, places(text))


def _text(path: Path) -> str:
    """The file as text with plain line ends; a byte order mark, which editors on Windows write, is left out.

    Raises:
        PolicyError: it cannot be read, or is no UTF-8.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PolicyError(faults=[_unreadable(path, error)]) from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PolicyError(faults=[_fault(path, "cannot be read: it is UTF-16; save it as UTF-8")])
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PolicyError(faults=[_fault(path, "cannot be read: it is not UTF-8; save it as UTF-8", line)]) from error


def _unreadable(path: Path, error: OSError) -> PolicyFault:
    match error:
        case FileNotFoundError():
            why = "there is no such file"
        case IsADirectoryError():
            why = "it is a directory"
        case PermissionError():
            why = "this user may not read it"
        case _:
            why = str(error.strerror or type(error).__name__).lower()
    return _fault(path, f"cannot be read: {why}; WESCOPE_CONFIG names the policy file, else it is ./{FILE_NAME}")


def _fault(path: Path, message: str, line: int | None = None) -> PolicyFault:
    return PolicyFault(file=str(path), line=line, column=None, key="", message=message)


def _policy_file(path: Path, model: PolicyModel, where: Places) -> PolicyFile:
    accounts = {AccountRole(role): value for role, value in model.accounts.named().items()}
    books = model.books
    return PolicyFile(
        policy=Policy(
            timezone=books.timezone,
            home_currency=books.home_currency,
            start_date=books.start_date,
            customer_fields=frozenset(model.customers.fields),
            doc_number_prefix=books.doc_number_prefix,
            reversals=books.reversals,
            closed_period=books.closed_period,
            payouts=model.payouts.mode,
            item_rules=tuple(_item_rule(rule) for rule in model.items.rules),
            categories=model.categories,
            review=AccountRole.REVIEW in accounts,
        ),
        accounts={**DEFAULT_ACCOUNTS, **{role: name for role, name in accounts.items() if isinstance(name, str)}},
        accounts_by_currency={
            (role, currency): name
            for role, table in accounts.items()
            if not isinstance(table, str)
            for currency, name in table.items()
        },
        items={**DEFAULT_ITEMS, **{ItemRole(role): name for role, name in model.items.named().items()}},
        tax=TaxPolicy(native=model.tax.mode == "native", code=model.tax.code, codes=model.tax.codes),
        dry_run=books.dry_run,
        settle_s=model.qbo.settle_s,
        server_timeout_s=model.qbo.server_timeout_s,
        monthly_reads=model.qbo.monthly_reads,
        backlog_singles=model.qbo.backlog_singles,
        concurrency=model.engine.concurrency,
        schedules=Schedules(
            enabled=model.schedules.enabled,
            sweep_every=model.schedules.sweep_every,
            nightly_at=model.schedules.nightly_at,
            verify_at=model.schedules.verify_at,
            tieout_at=model.schedules.tieout_at,
            bigquery_every=model.schedules.bigquery_every,
        ),
        restores=frozenset(name for name, mode in model.drift if mode == "restore"),
        alerts=model.alerts.thresholds(model.schedules.sweep_every),
        access=model.access.roles(),
        path=path,
        lines={key_text(key).lower(): place.line for key, place in where.keys.items()},
    )


def _item_rule(rule: ItemRuleTable) -> ItemRule:
    return ItemRule(
        product=rule.product, price=rule.price, metadata=rule.metadata, item=rule.item, class_name=rule.class_name
    )
