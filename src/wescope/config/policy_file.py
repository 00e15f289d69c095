"""Policy file: `wescope.toml`, the company's choices; every key of DESIGN.md section 6 is known here."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from pydantic import ValidationError

from wescope.books.policy import AccountRole, ItemRole, ItemRule, Policy
from wescope.config.alerts import AlertThresholds
from wescope.config.policy_model import ItemRuleTable, PolicyModel
from wescope.config.policy_where import line_of
from wescope.config.settings import Settings
from wescope.errors import PolicyError

FILE_NAME = "wescope.toml"

DEFAULT_ACCOUNTS: Mapping[AccountRole, str] = MappingProxyType(
    {
        AccountRole.CLEARING: "Stripe Clearing",
        AccountRole.BANK: "Checking",
        AccountRole.FEES: "Stripe Fees",
        AccountRole.FEE_TAX: "Stripe Fee Tax",
        AccountRole.DISPUTES: "Stripe Disputes",
        AccountRole.BAD_DEBT: "Bad Debts",
        AccountRole.SALES_TAX: "Sales Tax Payable",
        AccountRole.OUT_OF_BAND: "Stripe Out of Band",
    }
)
"""QBO account of each role by name; `review` has none unless the file names one.

Accounts receivable need no name: they are the company's own of the currency.
"""

DEFAULT_ITEMS: Mapping[ItemRole, str] = MappingProxyType(
    {
        ItemRole.SALES: "Stripe Sales",
        ItemRole.REFUNDS: "Stripe Refunds",
        ItemRole.BAD_DEBT: "Stripe Bad Debt",
        ItemRole.DISCOUNT: "Stripe Discount",
        ItemRole.SHIPPING: "Stripe Shipping",
        ItemRole.TAX: "Stripe Tax",
        ItemRole.CUSTOMER_BALANCE: "Stripe Customer Balance",
    }
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
    `alerts`: from where on somebody is told of something.
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
    path: Path | None = None

    def account(self, role: AccountRole, currency: str | None = None) -> str | None:
        """Name or id of the QBO account of `role` for `currency` (Stripe's lower-case code); None: none is set."""
        specific = self.accounts_by_currency.get((role, currency)) if currency else None
        return specific or self.accounts.get(role)


def load_policy_file(settings: Settings) -> PolicyFile:
    """The policy that WESCOPE_CONFIG names, else `./wescope.toml` if there is one, else the defaults.

    Raises:
        PolicyError: the named file is not there, or a key is wrong; says which key, in which line, and what is allowed.
    """
    if settings.config is not None:
        return read_policy_file(settings.config)
    here = Path(FILE_NAME)
    return read_policy_file(here) if here.is_file() else PolicyFile()


def read_policy_file(path: Path) -> PolicyFile:
    """The policy in this file.

    Raises:
        PolicyError: it cannot be read, is not TOML, or a key is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path} cannot be read ({type(error).__name__}); WESCOPE_CONFIG names it.") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path} is not TOML: {error}.") from error
    try:
        model = PolicyModel.model_validate(content)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise PolicyError("; ".join(_fault_text(path, text, fault) for fault in faults) + ".") from None
    return _policy_file(path, model)


def _policy_file(path: Path, model: PolicyModel) -> PolicyFile:
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
        path=path,
    )


def _item_rule(rule: ItemRuleTable) -> ItemRule:
    return ItemRule(
        product=rule.product, price=rule.price, metadata=rule.metadata, item=rule.item, class_name=rule.class_name
    )


def _place(path: Path, text: str, keys: tuple[str, ...]) -> str:
    line = line_of(text, keys)
    return f"{path}{f', line {line}' if line else ''}, {'.'.join(keys)}"


def _fault_text(path: Path, text: str, fault: Any) -> str:
    keys = tuple(str(part) for part in fault["loc"] if part not in _PYDANTIC_BRANCHES)
    if fault["type"] == "extra_forbidden":
        return f"{_place(path, text, keys)}: unknown key; allowed here: {', '.join(_siblings(keys))}"
    return f"{_place(path, text, keys)}: {str(fault['msg']).removeprefix('Value error, ')}"


_PYDANTIC_BRANCHES = ("str", "constrained-str", "name", "by_currency", "[key]")
"""Parts of pydantic's locations that name an alternative of a type and no key of the file."""


def _siblings(keys: tuple[str, ...]) -> tuple[str, ...]:
    model: Any = PolicyModel
    for key in keys[:-1]:
        # In a list of tables the number of the entry is a key, too.
        model = get_args(model)[0] if key.isdecimal() else model.model_fields[key].annotation
    return tuple(sorted(known.alias or name for name, known in model.model_fields.items()))
