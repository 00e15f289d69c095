"""Policy model: the keys of `wescope.toml`, what each is for, what it may be and what holds without it.

The descriptions are the only place that says so: the example file and the reference are made of them
(`wescope.config.policy_reference`). `examples` stand there where a key has no default.
"""

from datetime import date, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)
from pydantic_core import CoreSchema

from wescope.books.policy import ClosedPeriod, CustomerField, PayoutMode, Policy, Reversals
from wescope.config.access_roles import AccessRoles
from wescope.config.alerts import AlertThresholds
from wescope.config.policy_types import (
    Account,
    Address,
    Age,
    Allowed,
    AmountsByCurrency,
    Count,
    Currency,
    DriftMode,
    Interval,
    Name,
    OptionalTimeOfDay,
    Prefix,
    TimeOfDay,
    Timezone,
    Who,
    clock_text,
    span_text,
)

_BOOKS = Policy()
_ALERTS = AlertThresholds()


class Table(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """JSON Schema with defaults as the file writes them: times as "1h" and "02:30"."""
        made = handler(core_schema)
        for name, known in cls.model_fields.items():
            if isinstance(known.default, timedelta | time):
                text = span_text(known.default) if isinstance(known.default, timedelta) else clock_text(known.default)
                handler.resolve_ref_schema(made)["properties"][name]["default"] = text
        return made

    def named(self) -> dict[str, Any]:
        """What is set in this table, by the file or by default, without lists of rules."""
        return {name: value for name, value in self if value is not None and not isinstance(value, list)}


class BooksTable(Table):
    """The company: its time zone and currency, its first day, and what happens at closed or past months."""

    timezone: Annotated[Timezone, Field(description="The company's time zone; posting dates are days in it.")] = (
        _BOOKS.timezone
    )
    home_currency: Annotated[Currency, Field(description="The company's home currency in QBO.")] = _BOOKS.home_currency
    start_date: Annotated[
        date | None,
        Field(description="The first day in the books; what is older is not posted.", examples=["2026-01-01"]),
        Allowed("a date"),
    ] = _BOOKS.start_date
    closed_period: Annotated[
        ClosedPeriod,
        Field(
            description="What becomes of a new document with a date in closed books: it waits for you (park), or moves"
            " to the first open day, with its own date in the memo."
        ),
    ] = ClosedPeriod.PARK
    reversals: Annotated[
        Reversals,
        Field(
            description="How what was undone in Stripe is undone here: taken back in the month of its document and by a"
            " dated counter-document later (month), always by a counter-document (dated), always taken back (void)."
        ),
    ] = Reversals.MONTH
    doc_number_prefix: Annotated[Prefix, Field(description="Stands before Stripe's numbers of invoices.")] = ""
    dry_run: Annotated[
        StrictBool,
        Field(description="Review first: plan and park, but write nothing to QBO until an operator releases it."),
    ] = False


class AccountsTable(Table):
    """The QBO account of each role: one name, or names by currency, such as bank.EUR = "Checking EUR"."""

    clearing: Annotated[
        Account,
        Field(description="What Stripe holds for you. Type Other Current Asset: deposit lines take no Bank account."),
    ] = "Stripe Clearing"
    bank: Annotated[Account, Field(description="Where Stripe's payouts arrive. Type Bank.")] = "Checking"
    fees: Annotated[Account, Field(description="Stripe's fees. Type Expense.")] = "Stripe Fees"
    fee_tax: Annotated[Account, Field(description="Tax on Stripe's fees. Type Expense.")] = "Stripe Fee Tax"
    disputes: Annotated[Account, Field(description="Money withdrawn for disputes, and back. Type Expense.")] = (
        "Stripe Disputes"
    )
    bad_debt: Annotated[
        Account, Field(description="What the item `bad_debt` posts to, if `wescope setup` makes it. Type Expense.")
    ] = "Bad Debts"
    sales_tax: Annotated[
        Account,
        Field(description="What the item `tax` posts to, if `wescope setup` makes it. Type Other Current Liability."),
    ] = "Sales Tax Payable"
    out_of_band: Annotated[
        Account,
        Field(description="Payments that did not go through Stripe. Type Other Current Asset or Bank."),
    ] = "Stripe Out of Band"
    review: Annotated[
        Account | None,
        Field(
            description="Rows of Stripe's balance whose category has no account; without it their payouts wait. Type"
            " Other Current Asset.",
            examples=["Stripe Review"],
        ),
    ] = None
    receivable: Annotated[
        Account | None,
        Field(
            description="Accounts receivable, where a currency has several; else the company's first of the currency."
            " Type Accounts Receivable.",
            examples=["Accounts Receivable (A/R)"],
        ),
    ] = None


class ItemRuleTable(Table):
    """A rule chooses the item, the class or both of a sales line; the first one whose conditions all hold decides."""

    product: Annotated[
        Name | None,
        Field(description="Only lines of this product of Stripe's.", examples=["prod_1ABC"]),
        Allowed("an id of Stripe's, `prod_...`"),
    ] = None
    price: Annotated[
        Name | None,
        Field(description="Only lines of this price of Stripe's.", examples=["price_1ABC"]),
        Allowed("an id of Stripe's, `price_...`"),
    ] = None
    metadata: Annotated[
        dict[str, StrictStr],
        Field(description="Only lines (or charges) with this metadata.", examples=['{team = "east"}']),
        Allowed('text by key, `{team = "east"}`'),
    ] = {}
    item: Annotated[Name | None, Field(description="The item of these lines.", examples=["Maps"])] = None
    class_name: Annotated[
        Name | None, Field(alias="class", description="The class of these lines.", examples=["Retail"])
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.item is None and self.class_name is None:
            raise ValueError("must name an item or a class")
        if self.product is None and self.price is None and not self.metadata:
            raise ValueError("must name a product, a price or metadata")
        return self


class ItemsTable(Table):
    """The QBO item (product or service) of each role. What a line posts to is the item's own income account."""

    sales: Annotated[Name, Field(description="Sales, unless a rule names another item.")] = "Stripe Sales"
    refunds: Annotated[Name, Field(description="Refunds without a credit note.")] = "Stripe Refunds"
    bad_debt: Annotated[Name, Field(description="Invoices marked uncollectible.")] = "Stripe Bad Debt"
    discount: Annotated[Name, Field(description="Discounts, as negative lines.")] = "Stripe Discount"
    shipping: Annotated[Name, Field(description="Shipping.")] = "Stripe Shipping"
    tax: Annotated[Name, Field(description="Sales tax, in mode line.")] = "Stripe Tax"
    customer_balance: Annotated[Name, Field(description="Manual moves of a customer's balance.")] = (
        "Stripe Customer Balance"
    )
    rules: list[ItemRuleTable] = []


class TaxTable(Table):
    """How sales tax is posted."""

    mode: Annotated[
        Literal["line", "native"],
        Field(
            description="On lines of the item `tax` (line: exact everywhere), or by QBO's own sales tax with Stripe's"
            " amounts (native)."
        ),
    ] = "line"
    code: Annotated[Name | None, Field(description="Native: QBO's tax code of every tax.", examples=["California"])] = (
        None
    )
    codes: Annotated[
        dict[str, Name],
        Field(
            description="Native: QBO's tax code of single tax rates of Stripe's; `none` is that of lines without tax"
            " outside the US.",
            examples=['{txr_1ABC = "20.0% S"}'],
        ),
        Allowed('tax codes by rate: `codes.txr_... = "..."`'),
    ] = {}


class CustomersTable(Table):
    """What a QBO customer carries beyond its name and currency."""

    fields: Annotated[
        tuple[CustomerField, ...],
        Field(description="Empty: nothing. `email`: the e-mail address, too."),
        Allowed('a list of: "email"'),
    ] = ()


class PayoutsTable(Table):
    """Who makes the deposits of payouts."""

    mode: Annotated[
        PayoutMode,
        Field(description="Deposits are made here (create), or by the bank feed and only found here (match)."),
    ] = PayoutMode.CREATE


class DriftTable(Table):
    """What is done about documents that somebody changed in QBO: they are told of, or put right without asking."""

    edited: Annotated[DriftMode, Field(description="Documents that were changed.")] = "report"
    voided: Annotated[DriftMode, Field(description="Documents that were voided.")] = "report"
    deleted: Annotated[DriftMode, Field(description="Documents that were deleted.")] = "report"


class QboTable(Table):
    """How QBO is written to and read."""

    settle_s: Annotated[
        StrictInt,
        Field(
            ge=5,
            le=3600,
            description="How many seconds after losing sight of a write its absence is believed; a write leaves within"
            " 4/5 of it.",
        ),
    ] = 20
    server_timeout_s: Annotated[
        StrictInt,
        Field(
            ge=0,
            le=3600,
            description="How many seconds QBO works on a request at most; waited for before a new request id is used.",
        ),
    ] = 120
    monthly_reads: Annotated[
        Count,
        Field(
            description="Metered reads a month of the app's tier at Intuit; 0 if not known. Alerts begin at"
            " `reads_percent` of it; when they are used up, only writes go."
        ),
    ] = 500_000
    backlog_singles: Annotated[
        StrictBool,
        Field(
            description="A backlog uses single calls beside batches: 1,660 documents a minute instead of 1,200, but"
            " other apps find few calls left."
        ),
    ] = False


class EngineTable(Table):
    """How much is done at the same time."""

    concurrency: Annotated[
        StrictInt, Field(ge=1, le=64, description="How many objects of Stripe's a process works on at once.")
    ] = 64


class SchedulesTable(Table):
    """What a worker begins by itself, once over all processes; times of day are of the books' time zone."""

    enabled: Annotated[StrictBool, Field(description="Whether anything begins by itself.")] = True
    sweep_every: Annotated[
        Interval, Field(description="Stripe's events since the last time, and those not delivered.")
    ] = timedelta(hours=1)
    nightly_at: Annotated[TimeOfDay, Field(description="Events, and all that is open.")] = time(2, 30)
    verify_at: Annotated[TimeOfDay, Field(description="QBO is compared with what was posted.")] = time(3, 30)
    tieout_at: Annotated[
        OptionalTimeOfDay,
        Field(description='Both sides are tied out as of that day; "off": only when somebody asks for it.'),
    ] = time(4, 30)
    bigquery_every: Annotated[
        Interval, Field(description="The mirror in BigQuery, if WESCOPE_BIGQUERY_DATASET names one.")
    ] = timedelta(hours=1)


class AlertsTable(Table):
    """From where on somebody is told of something; zero and "off" switch an alert off."""

    backlog_age: Annotated[Age, Field(description="Work waits for longer.")] = _ALERTS.backlog_age
    failing_for: Annotated[Age, Field(description="An object fails again and again for longer.")] = _ALERTS.failing_for
    webhooks_silent: Annotated[Age, Field(description="No webhook of Stripe's has come for longer.")] = (
        _ALERTS.webhooks_silent
    )
    sweep_age: Annotated[
        Age, Field(description="No sweep has come to its end for longer; at least two of `sweep_every`.")
    ] = _ALERTS.sweep_age
    token_days: Annotated[StrictInt, Field(ge=0, le=100, description="QBO's refresh token ends in fewer days.")] = (
        _ALERTS.token_days
    )
    reads_percent: Annotated[StrictInt, Field(ge=0, le=100, description="So much of `monthly_reads` is used.")] = (
        _ALERTS.reads_percent
    )
    drift_count: Annotated[Count, Field(description="So many changes in QBO wait for a decision.")] = (
        _ALERTS.drift_count
    )
    parked_amount: Annotated[
        Count, Field(description="More than this waits for you, in major units of any currency.")
    ] = _ALERTS.parked_amount
    parked_amounts: Annotated[
        AmountsByCurrency, Field(description="The same of single currencies.", examples=["{JPY = 1500000}"])
    ] = {}
    remind_every: Annotated[Age, Field(description="What is still on is told again.")] = _ALERTS.remind_every
    runbooks: Annotated[Address, Field(description="Where messages say that the runbooks are.")] = _ALERTS.runbooks

    def thresholds(self, sweep_every: timedelta) -> AlertThresholds:
        """The same as a plain value; a sweep that is not due yet is never late."""
        age = max(self.sweep_age, 2 * sweep_every) if self.sweep_age else None
        return AlertThresholds(**(dict(self) | {"sweep_age": age}))


class AccessTable(Table):
    """Who may do what, if people sign in (WESCOPE_ACCESS): viewers look, operators also decide and start work."""

    viewers: Annotated[
        tuple[Who, ...], Field(description="Who may look: e-mail addresses, domains, subjects of the provider.")
    ] = ()
    operators: Annotated[tuple[Who, ...], Field(description="Who may also decide and start work; the same words.")] = ()
    groups_claim: Annotated[Name, Field(description="The claim of the sign-in that lists somebody's groups.")] = (
        "groups"
    )
    viewer_groups: Annotated[
        tuple[Name, ...], Field(description="Groups whose members may look."), Allowed("a list of groups")
    ] = ()
    operator_groups: Annotated[
        tuple[Name, ...],
        Field(description="Groups whose members may also decide and start work."),
        Allowed("a list of groups"),
    ] = ()

    def roles(self) -> AccessRoles:
        """The same as a plain value."""
        return AccessRoles(**dict(self))


class PolicyModel(Table):
    """The whole file."""

    books: BooksTable = BooksTable()
    accounts: AccountsTable = AccountsTable()
    items: ItemsTable = ItemsTable()
    tax: TaxTable = TaxTable()
    customers: CustomersTable = CustomersTable()
    payouts: PayoutsTable = PayoutsTable()
    categories: Annotated[
        dict[str, Name],
        Field(
            description="The account of a reporting category of Stripe's (categories.md), in place of the default.",
            examples=['transfer = "Due to Partners"'],
        ),
        Allowed("a QBO name or id"),
    ] = {}
    drift: DriftTable = DriftTable()
    qbo: QboTable = QboTable()
    engine: EngineTable = EngineTable()
    schedules: SchedulesTable = SchedulesTable()
    alerts: AlertsTable = AlertsTable()
    access: AccessTable = AccessTable()
