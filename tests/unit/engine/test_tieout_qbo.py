"""QBO's side: balances of past days, journal entries on receivables, foreign currency; numbers by hand."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest

from wescope.books.policy import Account, AccountRole, Item, ItemRole, NamedAccount, Policy, RoleAccount
from wescope.engine.tieout_entries import aliased
from wescope.engine.tieout_postings import READ, kinds_of
from wescope.engine.tieout_qbo import QboSide
from wescope.engine.tieout_results import Kind
from wescope.errors import AccountMissing
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company

DAY = date(2026, 11, 20)
POLICY = Policy()


class FakeClient:
    """Answers with what the test has put there, and with nothing else."""

    def __init__(self, **records: list[dict[str, Any]]) -> None:
        self.records = records
        self.asked: list[tuple[str, str]] = []

    async def query_all(self, entity: str, where: str = "") -> list[dict[str, Any]]:
        self.asked.append((entity, where))
        receivable = "AccountType" in where
        return [one for one in self.records.get(entity, []) if ("CurrentBalance" not in one) == receivable]

    async def query_pages(self, entity: str, where: str = "") -> AsyncIterator[list[dict[str, Any]]]:
        self.asked.append((entity, where))
        found = self.records.get(entity, [])
        for start in range(0, len(found), 2):
            yield [{"Id": str(start + index), **one} for index, one in enumerate(found[start : start + 2])]


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

    async def known_accounts(self, accounts: Iterable[Account]) -> dict[Account, str]:
        ids = {AccountRole.FEES: "60", AccountRole.FEE_TAX: "61", AccountRole.DISPUTES: "62"}
        return {one: ids[one.role] for one in accounts if isinstance(one, RoleAccount)} | {
            one: "69" for one in accounts if isinstance(one, NamedAccount)
        }

    async def known_items(self, items: Iterable[Item]) -> dict[Item, str]:
        return {one: ITEMS[one] if isinstance(one, ItemRole) else "9" for one in items}


ITEMS: dict[ItemRole, str] = {role: str(number) for number, role in enumerate(ItemRole, start=1)}


def qbo(**records: list[dict[str, Any]]) -> QboSide:
    client = FakeClient(**{"Account": accounts(a35="0.00", a45="0.00"), **records})
    return QboSide(cast("QboClient", client), cast("Company", FakeCompany()))


async def rows(
    side: QboSide,
    *currencies: str,
    day: date = DAY,
    customers: Mapping[str, tuple[str, str]] | None = None,
    policy: Policy = POLICY,
    adopted: Mapping[tuple[str, str], str] | None = None,
) -> Counter[str]:
    """All rows at the end of a day."""

    async def known(_: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        return adopted or {}

    read = await side.read(customers or {}, currencies or ("usd",), policy, known)
    found = Counter[str]()
    for one in read.entries:
        if one.day <= day:
            found[one.row] += one.amount
    return found


async def clearing(side: QboSide, *currencies: str, day: date = DAY) -> dict[str, int]:
    found = await rows(side, *currencies, day=day)
    return {currency: found[f"clearing:{currency}"] for currency in currencies}


def money(amount: str, day: int, account: str = "35", **more: Any) -> dict[str, Any]:
    return {
        "TotalAmt": Decimal(amount),
        "TxnDate": f"2026-11-{day:02}",
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
    return {"TxnDate": f"2026-11-{day:02}", "Line": shown, "CurrencyRef": {"value": "USD"}, **more}


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
    assert await clearing(side, "usd") == {"usd": 50_000 - 10_000 + 3_000 - 2_000 + 9_621 + 700 + 5_000 - 900}


async def test_a_foreign_payment_into_an_account_in_home_currency_counts_at_its_rate() -> None:
    euros = money("100.00", 21, CurrencyRef={"value": "EUR"}, ExchangeRate=Decimal("1.08765"))
    side = qbo(Account=accounts(a35="108.77"), Payment=[euros])
    assert await clearing(side, "usd") == {"usd": 0}


async def test_each_currency_has_its_account_and_one_without_holds_nothing() -> None:
    euros = money("10.00", 21, account="45", CurrencyRef={"value": "EUR"}, ExchangeRate=Decimal("1.1"))
    side = qbo(Account=accounts(a35="1.00", a45="25.00"), Payment=[euros])
    assert await clearing(side, "usd", "eur", "jpy") == {"usd": 100, "eur": 1_500, "jpy": 0}


async def test_no_clearing_account_in_home_currency_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeCompany, "accounts", {})
    with pytest.raises(AccountMissing):
        await clearing(qbo(), "usd")


async def test_receivables_are_documents_and_journal_entries_in_a_customers_name() -> None:
    def of(amount: str, customer: str, day: int = 20) -> dict[str, Any]:
        return {"TotalAmt": Decimal(amount), "TxnDate": f"2026-11-{day:02}", "CustomerRef": {"value": customer}}

    side = qbo(
        Account=[*accounts(a35="-100.00"), {"Id": "84"}],
        Invoice=[of("100.00", "5"), of("40.00", "6"), of("7.00", "77"), of("9.00", "5", 21)],
        Payment=[of("100.00", "5"), of("0.00", "5")],
        CreditMemo=[of("15.00", "6")],
        JournalEntry=[entry(20, ("Debit", "84", "100.00"), ("Credit", "35", "100.00"))],
    )
    found = await rows(side, customers={"5": ("cus_1", "usd"), "6": ("cus_2", "eur")})
    owed = {row: amount for row, amount in found.items() if row.startswith("receivable")}
    assert owed == {"receivable:cus_1:usd": 10_000, "receivable:cus_2:eur": 2_500}


async def test_the_bank_counts_what_came_from_clearing() -> None:
    side = qbo(
        Deposit=[
            deposit("92.42", 20, ("35", "96.21"), ("60", "-3.79")),
            deposit("500.00", 20, ("70", "500.00")),
            deposit("1.00", 21, ("35", "1.00")),
        ],
        JournalEntry=[entry(19, ("Debit", "35", "10.00"), ("Credit", "36", "10.00"))],
    )
    found = await rows(side, "usd", "jpy")
    assert (found["bank:usd"], found["bank:jpy"]) == (9_242 - 1_000, 0)


def form(day: int, *lines: tuple[ItemRole | str, str], **more: Any) -> dict[str, Any]:
    shown = [
        {
            "Amount": Decimal(amount),
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": ITEMS[item] if isinstance(item, ItemRole) else item}},
        }
        for item, amount in lines
    ]
    total = sum((Decimal(amount) for _, amount in lines), Decimal(0))
    return {"TotalAmt": total, "TxnDate": f"2026-11-{day:02}", "Line": shown, "CurrencyRef": {"value": "USD"}, **more}


async def test_forms_post_by_item_and_others_items_are_not_ours() -> None:
    discount = {"Amount": Decimal("1.00"), "DetailType": "DiscountLineDetail", "DiscountLineDetail": {}}
    invoice = form(2, (ItemRole.SALES, "100.00"), (ItemRole.DISCOUNT, "-10.00"), (ItemRole.TAX, "9.00"), ("99", "5.00"))
    side = qbo(
        Invoice=[
            {**invoice, "Line": [*invoice["Line"], discount], "TxnTaxDetail": {"TotalTax": Decimal("0.50")}},
            form(3, ("99", "7.00"), TxnTaxDetail={"TotalTax": Decimal("0.70")}),
        ],
        SalesReceipt=[form(4, (ItemRole.SHIPPING, "3.00"), (ItemRole.BAD_DEBT, "2.00"))],
        CreditMemo=[form(5, (ItemRole.BAD_DEBT, "20.00"), (ItemRole.CUSTOMER_BALANCE, "4.00"))],
        RefundReceipt=[form(6, (ItemRole.REFUNDS, "30.00"), (ItemRole.SALES, "1.00"))],
    )
    found = await rows(side)
    assert {row: amount for row, amount in found.items() if "2026-11" in row and amount} == {
        "revenue:2026-11:usd": 10_000 - 1_000 - 100 + 300 - 100,
        "tax:2026-11:usd": 900 + 50,
        "bad_debt:2026-11:usd": 2_000 - 200,
        "customer_balance:2026-11:usd": -400,
        "refunds:2026-11:usd": -3_000,
    }


async def test_an_adopted_form_counts_with_all_its_items() -> None:
    others = form(3, ("99", "7.00"), TxnTaxDetail={"TotalTax": Decimal("0.70")})
    found = await rows(qbo(Invoice=[others, others]), adopted={("Invoice", "0"): "in_1:invoice"})
    assert (found["revenue:2026-11:usd"], found["tax:2026-11:usd"]) == (700, 70)


async def test_fees_are_lines_of_deposits_and_journal_entries() -> None:
    side = qbo(
        Deposit=[deposit("90.00", 20, ("35", "96.21"), ("60", "-6.00"), ("61", "-0.21"))],
        JournalEntry=[entry(19, ("Debit", "62", "50.00"), ("Debit", "69", "1.00"), ("Credit", "35", "51.00"))],
    )
    found = await rows(side, policy=Policy(categories={"fee": "Stripe Products"}))
    assert [found[f"{kind}:2026-11:usd"] for kind in ("fees", "fee_tax", "disputes")] == [700, 21, 5_000]


async def test_kinds_on_one_account_are_one_row() -> None:
    kinds, aliases = kinds_of(
        [(Kind.FEES, "60"), (Kind.FEES, "70"), (Kind.FEE_TAX, "60"), (Kind.DISPUTES, None), (Kind.DISPUTES, "71")]
    )
    assert kinds == {"60": Kind.FEES, "70": Kind.FEES, "71": Kind.DISPUTES}
    assert aliases == {Kind.FEE_TAX: Kind.FEES}
    assert aliased(Kind.FEE_TAX, 5, aliases) == (Kind.FEES, 5)
    assert aliased(Kind.BAD_DEBT, 5, {Kind.BAD_DEBT: Kind.REVENUE}) == (Kind.REVENUE, -5)


async def test_only_what_is_not_older_than_the_books_is_read_and_the_rest_is_told() -> None:
    side = qbo(Account=accounts(a35="12.00"), Payment=[money("10.00", 20)])
    read = await side.read({}, ["usd"], Policy(start_date=date(2026, 11, 1)))
    asked = cast("FakeClient", side._client).asked
    assert {where for entity, where in asked if entity != "Account"} == {"TxnDate >= '2026-11-01'"}
    assert len(asked) == len(READ) + 2
    assert [(one.amount, one.document is None) for one in read.entries] == [(1_000, False), (200, True)]
