"""Doctor: every fault is seen, named, and comes with its remedy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.doctor_company import ACCOUNTS, ITEMS, Company, account, item
from wescope.config import PolicyFile, load_settings
from wescope.config.policy_file import read_policy_file
from wescope.engine.connection import ConnectionState
from wescope.engine.doctor import Patient, examine, settings_checks
from wescope.engine.doctor_checks import CHECKS, REASONS
from wescope.engine.doctor_stripe import NEEDED_EVENTS, RESOURCES
from wescope.engine.results import Check, ConnectionWord, Severity
from wescope.errors import DatabaseUnavailable, QboDisconnected, StripeRefused, StripeUnavailable

USD = {"amount": 0, "currency": "usd"}
EUR = {"amount": 12_00, "currency": "eur"}
END_POINT = {"url": "https://books.example.com/webhooks/stripe", "status": "enabled", "enabled_events": ["*"]}
CONNECTED = ConnectionState(word=ConnectionWord.CONNECTED)


REFERENCES = ("account", "item", "class", "tax_code")
CODES = {*CHECKS, *(f"{code}_{reason}" for code in REFERENCES for reason in REASONS)}


@dataclass(kw_only=True)
class Surroundings:
    """A healthy database, Stripe and QBO, each of which can be told to fail (`failures`, by part or Stripe's path)."""

    schema_current: bool = True
    livemode: bool = True
    manual: bool = False
    balance: tuple[Mapping[str, Any], ...] = (USD,)
    company: Company = field(default_factory=Company)
    end_points: tuple[Mapping[str, Any], ...] = (END_POINT,)
    timezone: str | None = "America/Los_Angeles"
    days_left: int | None = 90
    connected: ConnectionState = CONNECTED
    clock_error_s: int | None = 0
    failures: dict[str, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fail(self, part: str) -> None:
        self.asked.append(part)
        if part in self.failures:
            raise self.failures[part]

    async def database_ready(self) -> bool:
        self.fail("database")
        return self.schema_current

    async def account(self) -> Mapping[str, str | bool | None]:
        self.fail("stripe")
        return {
            "id": "acct_1",
            "country": "US",
            "default_currency": "usd",
            "livemode": self.livemode,
            "timezone": self.timezone,
        }

    async def manual_payouts(self) -> bool:
        self.fail("schedule")
        return self.manual

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        self.fail(path)
        if path == "/v1/webhook_endpoints":
            return {"data": list(self.end_points)}
        assert parameters == ({} if path == "/v1/balance" else {"limit": 1})
        return {"available": list(self.balance), "pending": []}

    async def company_info(self) -> Mapping[str, Any]:
        self.fail("qbo")
        return self.company.info

    async def preferences(self) -> Mapping[str, Any]:
        return self.company.preferences

    async def query_all(self, entity: str, where: str = "") -> list[Mapping[str, Any]]:
        self.fail(entity)
        assert "true, false" in where
        return self.company.lists[entity]

    async def query(self, statement: str) -> list[Mapping[str, Any]]:
        self.fail(statement)
        return self.company.tax_codes

    async def connection(self) -> ConnectionState:
        return self.connected

    async def token_days_left(self) -> int | None:
        return self.days_left

    async def stripe_time(self) -> datetime | None:
        return None if self.clock_error_s is None else datetime.now(UTC) - timedelta(seconds=self.clock_error_s)

    async def ask_sign_in(self) -> str:
        self.fail("sign-in")
        return "the provider answers"


async def checks(around: Surroundings, policy_file: PolicyFile | None = None) -> dict[str, Check]:
    found = await examine(
        Patient(
            settings=load_settings(),
            policy_file=policy_file or PolicyFile(),
            database_ready=around.database_ready,
            stripe=around,
            stripe_api=around,
            qbo=around,
            token_days_left=around.token_days_left,
            stripe_time=around.stripe_time,
            connection=around.connection,
            ask_sign_in=around.ask_sign_in,
        )
    )
    assert all(bool(check.remedy) is not check.ok for check in found)
    assert [check.code for check in found if check.code not in CODES] == []
    assert [check.name for check in found if not check.ok and check.code in REFERENCES] == [], "a finding has a reason"
    assert len({check.name for check in found}) == len(found)
    return {check.name: check for check in found}


async def faults(around: Surroundings, policy_file: PolicyFile | None = None) -> dict[str, Severity]:
    return {name: check.severity for name, check in (await checks(around, policy_file)).items() if not check.ok}


def policy(folder: Path, text: str) -> PolicyFile:
    path = folder / "wescope.toml"
    path.write_text(text, encoding="utf-8")
    return read_policy_file(path)


async def test_all_is_well() -> None:
    around = Surroundings()
    found = await checks(around)
    assert [name for name, check in found.items() if not check.ok] == []
    assert found["Stripe key"].detail == "account acct_1, live mode"
    assert found["QBO connection"].detail == "realm 9130347"
    assert found["account clearing"].detail == "Stripe Clearing"
    assert found["Stripe payouts"].detail == "automatic: fees are booked by payout"
    assert len(around.asked) == len(set(around.asked)), "each is asked once"
    assert not [asked for asked in around.asked if "Class" in asked or "TaxCode" in asked], "nothing names any"


@pytest.mark.parametrize(
    ("part", "error", "name"),
    [
        ("database", DatabaseUnavailable(), "database"),
        ("stripe", StripeRefused(), "Stripe key"),
        ("schedule", StripeUnavailable(), "Stripe payouts"),
        ("qbo", QboDisconnected(), "QBO connection"),
        ("Account", QboDisconnected(), "QBO company data"),
    ],
)
async def test_a_service_that_fails_is_one_failing_check(part: str, error: Exception, name: str) -> None:
    assert list(await faults(Surroundings(failures={part: error}))) == [name]


@pytest.mark.parametrize(
    ("around", "name", "severity"),
    [
        (Surroundings(schema_current=False), "database", Severity.ERROR),
        (Surroundings(livemode=False), "Stripe mode and QBO company", Severity.ERROR),
        (Surroundings(clock_error_s=400), "clock", Severity.ERROR),
        (Surroundings(days_left=3), "QBO refresh token", Severity.WARNING),
    ],
)
async def test_what_is_wrong_around(around: Surroundings, name: str, severity: Severity) -> None:
    found = await checks(around)
    assert {each: check.severity for each, check in found.items() if not check.ok} == {name: severity}
    assert "account clearing" in found, "a token that ends soon hides nothing of the company"


async def test_a_lost_connection_says_since_when_and_what_mends_its_cause() -> None:
    since = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    lost = ConnectionState(word=ConnectionWord.RECONNECT, code="invalid_client", since=since)
    found = await checks(Surroundings(failures={"qbo": QboDisconnected(reason="invalid_client")}, connected=lost))
    assert "since 2026-11-20 08:00 UTC" in found["QBO connection"].detail
    assert "WESCOPE_QBO_CLIENT_SECRET" in found["QBO connection"].remedy


@pytest.mark.parametrize("resource", [*RESOURCES, "balance"])
async def test_a_missing_permission_is_named(resource: str) -> None:
    refusal = StripeRefused("rak_something_read", path=f"/v1/{resource}")
    found = await checks(Surroundings(failures={f"/v1/{resource}": refusal}))
    (failing,) = [check for check in found.values() if not check.ok]
    assert failing.name == f"Stripe permission {resource.replace('_', ' ')}"
    assert failing.remedy == "Give the restricted key the permission rak_something_read."


async def test_manual_payouts_are_told() -> None:
    assert (await checks(Surroundings(manual=True)))["Stripe payouts"].detail == "manual: fees are booked by day"


async def test_every_currency_of_the_balance_needs_its_own_accounts_and_multicurrency() -> None:
    around = Surroundings(balance=(USD, EUR))
    found = await checks(around)
    assert found["Stripe balance"].detail == "EUR, USD"
    assert await faults(around) == dict.fromkeys(("account clearing EUR", "account bank EUR", "multicurrency"), "error")
    assert found["account clearing EUR"].detail == '"Stripe Clearing": it has another currency (home currency)'
    assert "[accounts] clearing.EUR" in found["account clearing EUR"].remedy
    assert found["multicurrency"].detail == "off, but EUR is needed"


async def test_accounts_by_currency(tmp_path: Path) -> None:
    chosen = policy(tmp_path, '[accounts]\nclearing.EUR = "Clearing EUR"\nbank.EUR = "Bank EUR"\nfees.EUR = "Gone"\n')
    company = Company(
        accounts=[*ACCOUNTS, account("Clearing EUR", "Bank", "EUR"), account("Bank EUR", "Bank", "EUR")],
        multicurrency=True,
    )
    around = Surroundings(company=company, balance=(USD, EUR))
    # Deposits cannot name a clearing account of type Bank; payments can.
    assert await faults(around, chosen) == {
        "account clearing EUR": Severity.WARNING,
        "account fees EUR": Severity.ERROR,
    }
    found = await checks(around, chosen)
    assert found["account clearing EUR"].detail.endswith("no line of a deposit can name an account of its type (Bank)")
    assert found["account fees EUR"].detail == '"Gone": QBO has none'


async def test_without_deposits_clearing_may_be_a_bank_account(tmp_path: Path) -> None:
    others = [one for one in ACCOUNTS if one["Name"] != "Stripe Clearing"]
    around = Surroundings(company=Company(accounts=[*others, account("Stripe Clearing", "Bank")]))
    assert await faults(around) == {"account clearing": Severity.WARNING}
    assert await faults(around, policy(tmp_path, '[payouts]\nmode = "match"\n')) == {}


@pytest.mark.parametrize(
    ("name", "changes", "check", "detail"),
    [
        ("Stripe Fees", None, "account fees", '"Stripe Fees": QBO has none'),
        ("Stripe Fee Tax", {"Active": False}, "account fee_tax", '"Stripe Fee Tax": it is inactive in QBO'),
        ("Checking", {"AccountType": "Expense"}, "account bank", '"Checking": it has the wrong type (Expense)'),
        ("Stripe Disputes", None, "account disputes", '"Stripe Disputes": QBO has none'),
        ("Stripe Out of Band", None, "account out_of_band", '"Stripe Out of Band": QBO has none'),
        ("Receivable", None, "account receivable", '"Accounts Receivable": QBO has none'),
    ],
)
async def test_accounts_that_will_not_do(name: str, changes: Mapping[str, Any] | None, check: str, detail: str) -> None:
    others = [one for one in ACCOUNTS if one["Name"] != name]
    changed = [{**account(name, "Expense"), **changes}] if changes else []
    found = await checks(Surroundings(company=Company(accounts=[*others, *changed])))
    assert [each for each, one in found.items() if not one.ok] == [check]
    assert found[check].detail == detail


async def test_the_review_account_is_needed_once_it_is_named(tmp_path: Path) -> None:
    chosen = policy(tmp_path, '[accounts]\nreview = "Nowhere"\n')
    assert await faults(Surroundings(), chosen) == {"account review": Severity.ERROR}


async def test_accounts_of_categories(tmp_path: Path) -> None:
    chosen = policy(
        tmp_path, '[categories]\ntransfer = "Nowhere"\ntopup = "Receivable"\ncharge = "Checking"\nx = "8"\n'
    )
    found = await checks(Surroundings(), chosen)
    assert await faults(Surroundings(), chosen) == {
        "account of category transfer": Severity.ERROR,
        "account of category topup": Severity.ERROR,
        "account of category x": Severity.ERROR,
        "categories": Severity.WARNING,
    }
    assert found["categories"].detail == "without effect: charge, x"
    assert "[categories] transfer" in found["account of category transfer"].remedy


async def test_items_and_classes_of_rules(tmp_path: Path) -> None:
    chosen = policy(
        tmp_path,
        '[items]\nsales = "Sold"\n[[items.rules]]\nproduct = "prod_1"\nitem = "Hosting"\nclass = "West"\n'
        '[[items.rules]]\nproduct = "prod_2"\nitem = "Stripe Shipping"\nclass = "East"\n',
    )
    around = Surroundings(company=Company(classes=[{"Id": "1", "Name": "East", "FullyQualifiedName": "East"}]))
    assert await faults(around, chosen) == {
        "item sales": Severity.ERROR,
        "item of a rule, Hosting": Severity.ERROR,
        "class of a rule, West": Severity.ERROR,
        "class tracking": Severity.WARNING,
    }


@pytest.mark.parametrize(
    ("country", "text", "failing"),
    [
        ("US", 'code = "California"', []),
        ("US", "", ["tax code"]),
        ("US", 'codes.txr_1 = "California"\ncodes.txr_2 = "Nevada"', ["tax codes.txr_2"]),
        ("GB", 'code = "California"', ["tax codes.none"]),
        ("GB", 'code = "California"\ncodes.none = "Out of State"', []),
    ],
)
async def test_codes_of_native_tax(tmp_path: Path, country: str, text: str, failing: list[str]) -> None:
    chosen = policy(tmp_path, f'[tax]\nmode = "native"\n{text}\n')
    around = Surroundings(company=Company(country=country, tax={"UsingSalesTax": True, "PartnerTaxEnabled": True}))
    assert await faults(around, chosen) == dict.fromkeys(failing, Severity.ERROR)
    assert (await checks(around, chosen))["sales tax"].detail == "automated in QBO, posted with its tax codes"


async def test_native_tax_where_sales_tax_is_off(tmp_path: Path) -> None:
    chosen = policy(tmp_path, '[tax]\nmode = "native"\n')
    assert await faults(Surroundings(), chosen) == {"sales tax": Severity.WARNING}


@pytest.mark.parametrize(
    ("changes", "name", "severity"),
    [
        ({"home": "EUR"}, "home currency", Severity.ERROR),
        ({"sales": {"CustomTxnNumbers": False}}, "custom transaction numbers", Severity.WARNING),
        ({"sales": {"CustomTxnNumbers": True, "AutoApplyCredit": True}}, "automatic credits", Severity.WARNING),
        ({"sales": {"CustomTxnNumbers": True, "AutoApplyPayments": True}}, "automatic payments", Severity.WARNING),
    ],
)
async def test_preferences(changes: dict[str, Any], name: str, severity: Severity) -> None:
    around = Surroundings(company=Company(**changes), balance=())
    assert await faults(around) == {name: severity}


@pytest.mark.parametrize(("rule", "then"), [("park", "are parked"), ("next_open_day", "are dated the first open day")])
async def test_the_closing_date_is_shown_with_what_happens(tmp_path: Path, rule: str, then: str) -> None:
    chosen = policy(tmp_path, f'[books]\nclosed_period = "{rule}"\n')
    found = await checks(Surroundings(company=Company(closed="2026-09-30")), chosen)
    assert found["closed books"].detail == f"closed up to 2026-09-30: new documents of these days {then}"


def test_missing_and_misspelled_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WESCOPE_QBO_CLIENT_ID")
    found = {check.name: check for check in settings_checks(load_settings(), ["WESCOPE_STRIPE_APIKEY", "PATH"])}
    assert found["settings for QBO"].detail == "missing: WESCOPE_QBO_CLIENT_ID"
    assert not found["unknown settings"].ok
    assert found["unknown settings"].detail == "WESCOPE_STRIPE_APIKEY"
    assert found["settings for Stripe"].ok


@pytest.mark.parametrize(
    ("changes", "fault", "remedy"),
    [
        ({"WESCOPE_ALERT_WEBHOOK_URL": ""}, "nobody is told", "WESCOPE_ALERT_WEBHOOK_URL"),
        ({"WESCOPE_SMTP_URL": "smtps://mail.example.com"}, "no mail is sent", "WESCOPE_ALERT_EMAIL_TO"),
    ],
)
async def test_whether_anybody_is_told_of_alerts(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], fault: str, remedy: str
) -> None:
    assert (await checks(Surroundings()))["alerts"].detail == "sent to: webhook"
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    found = (await checks(Surroundings()))["alerts"]
    assert fault in found.detail
    assert remedy in found.remedy
    assert (found.ok, found.severity) == (False, Severity.WARNING)


async def test_access_is_looked_at_with_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await checks(Surroundings()))["access"].detail == "this machine only"
    monkeypatch.setenv("WESCOPE_ACCESS", "iap")
    monkeypatch.setenv("WESCOPE_IAP_AUDIENCE", "/projects/1/global/backendServices/2")
    assert await faults(Surroundings()) == {"access roles": Severity.ERROR}
    chosen = policy(tmp_path, '[access]\noperators = ["ann@example.com"]\n')
    assert await faults(Surroundings(), chosen) == {}


# --- what the policy names, against the company ---------------------------------------------------------------------


async def test_a_finding_names_file_line_key_value_what_qbo_has_instead_and_what_mends_it(tmp_path: Path) -> None:
    chosen = policy(
        tmp_path,
        '[accounts]\nfees = "Stripe Feees"\nbank.EUR = "Girokonto"\n[categories]\ntransfer = "Stripe Dispute"\n'
        '[[items.rules]]\nproduct = "prod_1"\nitem = "Stripe Sale"\n',
    )
    company = Company(accounts=[*ACCOUNTS, account("Stripe Clearing EUR", "Other Current Asset", "EUR")])
    found = await checks(Surroundings(company=company), chosen)
    file = tmp_path / "wescope.toml"
    seen = {name: (one.code, one.place, one.detail, one.remedy) for name, one in found.items() if not one.ok}
    assert seen.pop("account fees") == (
        "account_not_found",
        f"{file}, line 2, accounts.fees",
        '"Stripe Feees": QBO has none; did you mean "Stripe Fees"?',
        "Run `wescope setup`, which makes it, or name another one under [accounts] fees in wescope.toml.",
    )
    assert seen.pop("account bank EUR")[:2] == ("account_not_found", f"{file}, line 3, accounts.bank.EUR")
    code, place, detail, remedy = seen.pop("account of category transfer")
    assert (code, place) == ("account_not_found", f"{file}, line 5, categories.transfer")
    assert detail.startswith('"Stripe Dispute": QBO has none; did you mean "Stripe Disputes"')
    assert remedy.startswith("Create an account that is neither receivable nor payable in QBO, or name another one")
    assert seen.pop("item of a rule, Stripe Sale")[1] == f"{file}, line 8, items.rules[0].item"
    assert seen.pop("multicurrency")[0] == "multicurrency"
    assert seen == {}


async def test_several_of_a_name_are_listed(tmp_path: Path) -> None:
    twins = [{**account("Fees", "Expense"), "Id": n, "FullyQualifiedName": f"{n}:Fees"} for n in "12"]
    found = await checks(Surroundings(company=Company(accounts=[*ACCOUNTS, *twins])), policy(tmp_path, FEES))
    assert found["account fees"].detail == '"Fees": QBO has several of this name: "1:Fees (id 1)", "2:Fees (id 2)"'
    assert (await checks(Surroundings(), policy(tmp_path, FEES)))["account fees"].code == "account_not_found"


FEES = '[accounts]\nfees = "Fees"\n'


async def test_the_bank_account_is_never_guessed(tmp_path: Path) -> None:
    others = [one for one in ACCOUNTS if one["Name"] != "Checking"]
    around = Surroundings(company=Company(accounts=[*others, account("Giro", "Bank")]))
    found = (await checks(around))["account bank"]
    assert (found.place, found.detail) == ("accounts.bank (default)", '"Checking": QBO has none; did you mean "Giro"?')
    assert (
        found.remedy
        == "Create an account of type Bank in QBO, or name another one under [accounts] bank in wescope.toml."
    )
    named = await checks(around, policy(tmp_path, '[accounts]\nbank = "Giro 2"\n'))
    assert "wescope setup" in named["account bank"].remedy


@pytest.mark.parametrize(
    ("name", "changes", "check", "code", "detail"),
    [
        ("Stripe Fees", {"AccountType": "Income"}, "account fees", "account_unusual", "(Income)"),
        (
            "Checking",
            {"AccountType": "Other Current Asset"},
            "account bank",
            "account_unusual",
            "(Other Current Asset)",
        ),
        (
            "Stripe Clearing",
            {"AccountType": "Other Current Asset", "AccountSubType": "UndepositedFunds"},
            "account clearing",
            "account_unusual",
            "(Other Current Asset, UndepositedFunds)",
        ),
    ],
)
async def test_accounts_that_work_but_mislead(
    name: str, changes: Mapping[str, Any], check: str, code: str, detail: str
) -> None:
    others = [one for one in ACCOUNTS if one["Name"] != name]
    found = await checks(Surroundings(company=Company(accounts=[*others, {**account(name, ""), **changes}])))
    (failing,) = [one for one in found.values() if not one.ok]
    assert (failing.name, failing.code, failing.severity) == (check, code, Severity.WARNING)
    assert failing.detail.endswith(detail)


@pytest.mark.parametrize(
    ("changed", "code", "severity", "detail"),
    [
        (item("Stripe Tax", "Sales"), "item_unusual", Severity.WARNING, '("Sales", Income)'),
        (item("Stripe Tax", "Nowhere"), "item_no_income_account", Severity.ERROR, "no active income account"),
        (item("Stripe Tax", kind="Inventory"), "item_wrong_type", Severity.ERROR, "(Inventory)"),
        (item("Stripe Tax", kind="Group"), "item_wrong_type", Severity.ERROR, "(Group)"),
        ({**item("Stripe Tax", "Tax Payable"), "Active": False}, "item_inactive", Severity.ERROR, "inactive in QBO"),
        (item("Stripe Tex", "Tax Payable"), "item_not_found", Severity.ERROR, 'did you mean "Stripe Tex"?'),
    ],
)
async def test_items_that_will_not_do(changed: Mapping[str, Any], code: str, severity: Severity, detail: str) -> None:
    others = [one for one in ITEMS if one["Name"] != "Stripe Tax"]
    found = await checks(Surroundings(company=Company(items=[*others, changed])))
    (failing,) = [one for one in found.values() if not one.ok]
    assert (failing.name, failing.code, failing.severity) == ("item tax", code, severity)
    assert failing.detail.endswith(detail)


async def test_the_clearing_account_serves_nothing_else(tmp_path: Path) -> None:
    chosen = policy(tmp_path, '[accounts]\nout_of_band = "Stripe Clearing"\n')
    found = (await checks(Surroundings(), chosen))["clearing account"]
    assert (found.code, found.detail) == ("accounts_shared", "also the account out_of_band")


async def test_the_receivable_account_that_is_named(tmp_path: Path) -> None:
    chosen = policy(tmp_path, '[accounts]\nreceivable = "Checking"\n')
    found = (await checks(Surroundings(), chosen))["account receivable"]
    assert (found.code, found.severity) == ("account_wrong_type", Severity.ERROR)
    assert found.place.endswith("line 2, accounts.receivable")
    chosen = policy(tmp_path, '[accounts]\nreceivable = "Receivable 2"\n')
    company = Company(accounts=[*ACCOUNTS, account("Receivable 2", "Accounts Receivable")])
    assert await faults(Surroundings(company=company), chosen) == {}


@pytest.mark.parametrize(
    ("start", "rule", "is_told"),
    [("2026-09-30", "park", True), ("2026-10-01", "park", False), ("2026-01-01", "next_open_day", False)],
)
async def test_books_that_begin_before_they_are_open(tmp_path: Path, start: str, rule: str, is_told: bool) -> None:
    chosen = policy(tmp_path, f'[books]\nstart_date = {start}\nclosed_period = "{rule}"\n')
    found = (await checks(Surroundings(company=Company(closed="2026-09-30")), chosen))["closed books"]
    assert found.ok is not is_told
    assert found.place.endswith("line 2, books.start_date")


@pytest.mark.parametrize(
    ("there", "is_well"),
    [("America/Los_Angeles", True), ("US/Pacific", True), (None, True), ("Etc/Nowhere", True), ("UTC", False)],
)
async def test_stripes_time_zone(there: str | None, is_well: bool) -> None:
    found = (await checks(Surroundings(timezone=there)))["time zone"]
    assert (found.ok, found.severity) == (is_well, Severity.WARNING)


@pytest.mark.parametrize(
    ("end_points", "detail"),
    [
        ((), "none ends with /webhooks/stripe"),
        (({**END_POINT, "url": "https://example.com/hooks"},), "none ends with /webhooks/stripe"),
        (({**END_POINT, "status": "disabled"},), "it is disabled"),
        (
            ({**END_POINT, "enabled_events": sorted(NEEDED_EVENTS - {"payout.paid"})},),
            "it does not send payout.paid",
        ),
        (({**END_POINT, "enabled_events": sorted(NEEDED_EVENTS)},), "enabled, with every type"),
    ],
)
async def test_the_webhook_end_point(end_points: tuple[Mapping[str, Any], ...], detail: str) -> None:
    found = (await checks(Surroundings(end_points=end_points)))["Stripe webhook end point"]
    assert (found.detail, found.severity) == (detail, Severity.WARNING)
    assert found.ok is detail.startswith("enabled")
