"""Doctor: every fault is seen, named, and comes with its remedy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.doctor_company import ACCOUNTS, Company, account
from wescope.config import PolicyFile, load_settings
from wescope.config.policy_file import read_policy_file
from wescope.engine.connection import ConnectionState
from wescope.engine.doctor import Patient, examine, settings_checks
from wescope.engine.doctor_stripe import RESOURCES
from wescope.engine.results import Check, ConnectionWord, Severity
from wescope.errors import DatabaseUnavailable, QboDisconnected, StripeRefused, StripeUnavailable

USD = {"amount": 0, "currency": "usd"}
EUR = {"amount": 12_00, "currency": "eur"}
CONNECTED = ConnectionState(word=ConnectionWord.CONNECTED)


@dataclass(kw_only=True)
class Surroundings:
    """A healthy database, Stripe and QBO, each of which can be told to fail (`failures`, by part or Stripe's path)."""

    schema_current: bool = True
    livemode: bool = True
    manual: bool = False
    balance: tuple[Mapping[str, Any], ...] = (USD,)
    company: Company = field(default_factory=Company)
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
        return {"id": "acct_1", "country": "US", "default_currency": "usd", "livemode": self.livemode}

    async def manual_payouts(self) -> bool:
        self.fail("schedule")
        return self.manual

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        self.fail(path)
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
        )
    )
    assert all(bool(check.remedy) is not check.ok for check in found)
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
    assert found["account clearing EUR"].detail == '"Stripe Clearing": it has another currency'
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
    assert found["account clearing EUR"].detail.endswith("no line of a deposit can name an account of its type")
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
        ("Checking", {"AccountType": "Expense"}, "account bank", '"Checking": it has the wrong type'),
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
