"""Doctor: every fault is seen, named, and comes with its remedy."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from wescope.books.policy import AccountRole, ItemRole
from wescope.config import PolicyFile, load_settings
from wescope.engine.doctor import Patient, examine, settings_checks
from wescope.engine.results import Check, Severity
from wescope.errors import AccountMissing, DatabaseUnavailable, ItemMissing, QboDisconnected, StripeRefused
from wescope.qbo.company import CompanyData, Preferences

PREFERENCES = Preferences(custom_txn_numbers=True, multicurrency=False, home_currency="usd")
DATA = CompanyData(
    accounts={role: str(number) for number, role in enumerate(AccountRole)},
    items={role: str(number) for number, role in enumerate(ItemRole)},
    preferences=PREFERENCES,
)


@dataclass(kw_only=True)
class Surroundings:
    """A healthy database, Stripe and QBO, each of which can be told to fail."""

    schema_current: bool = True
    livemode: bool = True
    data: CompanyData = DATA
    days_left: int | None = 90
    clock_error_s: int | None = 0
    failures: dict[str, Exception] = field(default_factory=dict)

    def fail(self, part: str) -> None:
        if part in self.failures:
            raise self.failures[part]

    async def database_ready(self) -> bool:
        self.fail("database")
        return self.schema_current

    async def account(self) -> Mapping[str, str | bool | None]:
        self.fail("stripe")
        return {"id": "acct_1", "country": "US", "default_currency": "usd", "livemode": self.livemode}

    async def company_info(self) -> Mapping[str, Any]:
        self.fail("qbo")
        return {}

    async def refresh(self) -> CompanyData:
        self.fail("company")
        return self.data

    async def token_days_left(self) -> int | None:
        return self.days_left

    async def stripe_time(self) -> datetime | None:
        return None if self.clock_error_s is None else datetime.now(UTC) - timedelta(seconds=self.clock_error_s)


async def checks(around: Surroundings) -> dict[str, Check]:
    found = await examine(
        Patient(
            settings=load_settings(),
            policy_file=PolicyFile(),
            database_ready=around.database_ready,
            stripe=around,
            qbo=around,
            company=around,
            token_days_left=around.token_days_left,
            stripe_time=around.stripe_time,
        )
    )
    assert all(check.ok or check.remedy for check in found)
    return {check.name: check for check in found}


async def test_all_is_well() -> None:
    found = await checks(Surroundings())
    assert [name for name, check in found.items() if not check.ok] == []
    assert found["Stripe key"].detail == "account acct_1, live mode"
    assert found["QBO connection"].detail == "realm 9130347"


@pytest.mark.parametrize(
    ("part", "error", "name"),
    [
        ("database", DatabaseUnavailable(), "database"),
        ("stripe", StripeRefused(), "Stripe key"),
        ("qbo", QboDisconnected(), "QBO connection"),
        ("company", QboDisconnected(), "QBO company data"),
    ],
)
async def test_a_service_that_fails_is_one_failing_check(part: str, error: Exception, name: str) -> None:
    found = await checks(Surroundings(failures={part: error}))
    assert [each for each, check in found.items() if not check.ok] == [name]


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


@pytest.mark.parametrize(
    ("changes", "name", "severity"),
    [
        ({"home_currency": "eur"}, "home currency", Severity.ERROR),
        ({"custom_txn_numbers": False}, "custom transaction numbers", Severity.WARNING),
        ({"auto_apply_credit": True}, "automatic credits", Severity.WARNING),
        ({"auto_apply_payments": True}, "automatic payments", Severity.WARNING),
    ],
)
async def test_preferences(changes: dict[str, Any], name: str, severity: Severity) -> None:
    data = replace(DATA, preferences=replace(PREFERENCES, **changes))
    found = await checks(Surroundings(data=data))
    assert {each: check.severity for each, check in found.items() if not check.ok} == {name: severity}


async def test_the_closing_date_is_shown() -> None:
    data = replace(DATA, preferences=replace(PREFERENCES, book_close_date=date(2026, 9, 30)))
    assert (await checks(Surroundings(data=data)))["closed books"].detail == "closed up to 2026-09-30"


async def test_accounts_and_items_that_are_needed_are_errors_and_others_warnings() -> None:
    def absent(role: str, reason: str) -> dict[str, str]:
        return {"role": role, "configured": "Stripe X", "reason": reason}

    missing_accounts = {
        AccountRole.CLEARING: AccountMissing(**absent("clearing", "wrong_type")),
        AccountRole.FEES: AccountMissing(**absent("fees", "not_found")),
        AccountRole.REVIEW: AccountMissing(**absent("review", "not_configured")),
    }
    missing_items = {ItemRole.SALES: ItemMissing(**absent("sales", "inactive"))}
    data = replace(
        DATA,
        accounts={role: one for role, one in DATA.accounts.items() if role not in missing_accounts},
        items={role: one for role, one in DATA.items.items() if role not in missing_items},
        missing_accounts=missing_accounts,
        missing_items=missing_items,
    )
    failing = {name: check for name, check in (await checks(Surroundings(data=data))).items() if not check.ok}
    assert {name: check.severity for name, check in failing.items()} == {
        "account clearing": Severity.ERROR,
        "account fees": Severity.WARNING,
        "item sales": Severity.ERROR,
    }
    assert failing["account clearing"].detail == '"Stripe X": it has the wrong type'


def test_missing_and_misspelled_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WESCOPE_QBO_CLIENT_ID")
    found = {check.name: check for check in settings_checks(load_settings(), ["WESCOPE_STRIPE_APIKEY", "PATH"])}
    assert found["settings for QBO"].detail == "missing: WESCOPE_QBO_CLIENT_ID"
    assert not found["unknown settings"].ok
    assert found["unknown settings"].detail == "WESCOPE_STRIPE_APIKEY"
    assert found["settings for Stripe"].ok
