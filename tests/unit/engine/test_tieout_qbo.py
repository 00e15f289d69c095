"""QBO's side: balances of past days, journal entries on receivables, foreign currency; numbers by hand."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from wescope.books.policy import AccountRole
from wescope.engine.tieout_qbo import QboSide
from wescope.errors import AccountMissing
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company

DAY = date(2026, 11, 20)


class FakeClient:
    """Answers with what the test has put there, and with nothing else."""

    def __init__(self, **records: list[dict[str, Any]]) -> None:
        self.records = records

    async def query_all(self, entity: str, where: str = "") -> list[dict[str, Any]]:
        found = self.records.get(entity, [])
        if "TxnDate" not in where:
            return found
        day = where.split("'")[1]
        later = "TxnDate >" in where
        return [one for one in found if (one["TxnDate"] > day) == later]


class Home:
    home_currency = "usd"


class FakeCompany:
    """Clearing 35 and bank 36 in dollars, 45 and 46 in euros."""

    accounts: Mapping[tuple[AccountRole, str], str] = {
        (AccountRole.CLEARING, "usd"): "35",
        (AccountRole.BANK, "usd"): "36",
        (AccountRole.CLEARING, "eur"): "45",
        (AccountRole.BANK, "eur"): "46",
    }

    async def preferences(self) -> Home:
        return Home()

    async def account(self, role: AccountRole, currency: str | None = None) -> str:
        if (role, currency) not in self.accounts:
            raise AccountMissing(role=role.value)
        return self.accounts[role, currency or "usd"]


def qbo(**records: list[dict[str, Any]]) -> QboSide:
    return QboSide(cast("QboClient", FakeClient(**records)), cast("Company", FakeCompany()))


def money(amount: str, day: int, account: str = "35", **more: Any) -> dict[str, Any]:
    return {
        "TotalAmt": Decimal(amount),
        "TxnDate": f"2026-11-{day}",
        "DepositToAccountRef": {"value": account},
        "CurrencyRef": {"value": "USD"},
        **more,
    }


def deposit(amount: str, day: int, *lines: tuple[str, str], bank: str = "36") -> dict[str, Any]:
    shown = [
        {"Amount": Decimal(part), "DepositLineDetail": {"AccountRef": {"value": account}}} for account, part in lines
    ]
    return money(amount, day, bank, Line=shown)


def entry(day: int, *lines: tuple[str, str, str], customer: str = "5", **more: Any) -> dict[str, Any]:
    shown = [
        {
            "Amount": Decimal(amount),
            "JournalEntryLineDetail": {
                "PostingType": kind,
                "AccountRef": {"value": account},
                "Entity": {"Type": "Customer", "EntityRef": {"value": customer}},
            },
        }
        for kind, account, amount in lines
    ]
    return {"TxnDate": f"2026-11-{day}", "Line": shown, "CurrencyRef": {"value": "USD"}, **more}


def accounts(**balances: str) -> list[dict[str, Any]]:
    return [{"Id": name.removeprefix("a"), "CurrentBalance": Decimal(balance)} for name, balance in balances.items()]


async def test_what_came_later_is_taken_off_the_balance() -> None:
    """500.00 now; since the 20th: +100 -30 +20 -96.21 (deposit 92.42 and fees 3.79) -7 -50 +9."""
    side = qbo(
        Account=accounts(a35="500.00"),
        Payment=[money("100.00", 21), money("400.00", 20), money("11.00", 21, account="99")],
        RefundReceipt=[money("30.00", 22)],
        SalesReceipt=[money("20.00", 22)],
        Deposit=[deposit("92.42", 23, ("35", "96.21"), ("60", "-3.79"))],
        JournalEntry=[entry(24, ("Debit", "60", "7.00"), ("Credit", "35", "7.00"))],
        Transfer=[
            {
                "TxnDate": "2026-11-25",
                "Amount": Decimal("50.00"),
                "FromAccountRef": {"value": "35"},
                "ToAccountRef": {"value": "36"},
            },
            {
                "TxnDate": "2026-11-25",
                "Amount": Decimal("9.00"),
                "FromAccountRef": {"value": "36"},
                "ToAccountRef": {"value": "35"},
            },
        ],
    )
    assert await side.clearing(["usd"], DAY) == {"usd": 50_000 - 10_000 + 3_000 - 2_000 + 9_621 + 700 + 5_000 - 900}


async def test_a_foreign_payment_into_an_account_in_home_currency_counts_at_its_rate() -> None:
    euros = money("100.00", 21, CurrencyRef={"value": "EUR"}, ExchangeRate=Decimal("1.08765"))
    side = qbo(Account=accounts(a35="108.77"), Payment=[euros])
    assert await side.clearing(["usd"], DAY) == {"usd": 0}


async def test_each_currency_has_its_account_and_one_without_holds_nothing() -> None:
    euros = money("10.00", 21, account="45", CurrencyRef={"value": "EUR"}, ExchangeRate=Decimal("1.1"))
    side = qbo(Account=accounts(a35="1.00", a45="25.00"), Payment=[euros])
    assert await side.clearing(["usd", "eur", "jpy"], DAY) == {"usd": 100, "eur": 1_500}


async def test_no_clearing_account_in_home_currency_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeCompany, "accounts", {})
    with pytest.raises(AccountMissing):
        await qbo().clearing(["usd"], DAY)


async def test_receivables_are_documents_and_journal_entries_in_a_customers_name() -> None:
    def of(amount: str, customer: str, day: int = 20) -> dict[str, Any]:
        return {"TotalAmt": Decimal(amount), "TxnDate": f"2026-11-{day}", "CustomerRef": {"value": customer}}

    side = qbo(
        Account=[{"Id": "84"}],
        Invoice=[of("100.00", "5"), of("40.00", "6"), of("7.00", "77"), of("9.00", "5", 21)],
        Payment=[of("100.00", "5"), of("0.00", "5")],
        CreditMemo=[of("15.00", "6")],
        JournalEntry=[entry(20, ("Debit", "84", "100.00"), ("Credit", "35", "100.00"))],
    )
    found = await side.receivable({"5": ("cus_1", "usd"), "6": ("cus_2", "eur")}, DAY)
    assert found == {("cus_1", "usd"): 10_000, ("cus_2", "eur"): 2_500}


async def test_the_bank_counts_what_came_from_clearing() -> None:
    side = qbo(
        Deposit=[
            deposit("92.42", 20, ("35", "96.21"), ("60", "-3.79")),
            deposit("500.00", 20, ("70", "500.00")),
            deposit("1.00", 21, ("35", "1.00")),
        ],
        JournalEntry=[entry(19, ("Debit", "35", "10.00"), ("Credit", "36", "10.00"))],
    )
    assert await side.bank(["usd", "jpy"], DAY) == {"usd": 9_242 - 1_000}
