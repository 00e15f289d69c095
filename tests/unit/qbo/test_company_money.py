"""Accounts by currency and kind, exchange rates, classes and taxes: read when a document needs them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.qbo.doubles import Reply, answer, fault, found, rig
from tests.unit.qbo.papers import CREDIT_MEMO, DEPOSIT, JOURNAL_ENTRY, PAYMENT_REVERSAL, TAXED
from tests.unit.qbo.test_company import Clock
from tests.unit.qbo.test_payloads import CUSTOMER, PAYMENT
from wescope.books.documents import CreditMemoBody, DepositBody, JournalEntryBody, PaymentBody
from wescope.books.policy import AccountRole, ItemRole, NamedAccount, RoleAccount
from wescope.errors import AccountMissing, ClassMissing, ExchangeRateMissing, ItemMissing
from wescope.qbo.company import Company, TaxChoice
from wescope.qbo.taxes import TaxForm

DAY = date(2026, 3, 20)


def account(number: int, name: str, kind: str, currency: str = "USD", *, active: bool = True) -> dict[str, Any]:
    return {
        "Id": str(number),
        "Name": name,
        "FullyQualifiedName": name,
        "AccountType": kind,
        "CurrencyRef": {"value": currency},
        "Active": active,
    }


CHART = [
    account(100, "A/R EUR", "Accounts Receivable", "EUR"),
    account(99, "A/R 2", "Accounts Receivable"),
    account(9, "A/R old", "Accounts Receivable", active=False),
    account(12, "A/R", "Accounts Receivable"),
    account(20, "Clearing", "Other Current Asset"),
    account(21, "Clearing EUR", "Other Current Asset", "EUR"),
    account(22, "Checking", "Bank"),
    account(23, "Fees", "Expense"),
    account(24, "Disputes", "Cost of Goods Sold"),
    account(25, "Opening Balance Equity", "Equity"),
    account(26, "Clearing at the bank", "Bank"),
    account(27, "Payables", "Accounts Payable"),
    account(28, "Loan", "Long Term Liability"),
]
NAMES = {
    AccountRole.CLEARING: "Clearing",
    AccountRole.BANK: "Checking",
    AccountRole.FEES: "Fees",
    AccountRole.DISPUTES: "Disputes",
}


def books(
    *more: Reply, names: dict[AccountRole, str] | None = None, currencies: bool = True, **company: Any
) -> Company:
    known = names or NAMES

    def account_name(role: AccountRole, currency: str | None = None) -> str | None:
        return "Clearing EUR" if (role, currency) == (AccountRole.CLEARING, "eur") else known.get(role)

    preferences = {
        "SalesFormsPrefs": {"CustomTxnNumbers": True},
        "CurrencyPrefs": {"MultiCurrencyEnabled": currencies, "HomeCurrency": {"value": "USD"}},
        "TaxPrefs": {"UsingSalesTax": True},
    }
    read = [
        found("Account", *CHART),
        found("Item", {"Id": "11", "Name": "Sales"}, {"Id": "2", "Name": "Hours"}),
        answer("Preferences", **preferences),
        answer("CompanyInfo", Country="US"),
    ]
    made = rig(*read, *more)
    return Company(made.client, account_name, {ItemRole.SALES: "Sales"}, clock_s=Clock(), **company)


@pytest.mark.parametrize(
    ("role", "currency", "expected"),
    [
        (AccountRole.CLEARING, None, "20"),
        (AccountRole.CLEARING, "eur", "21"),
        (AccountRole.RECEIVABLE, None, "12"),
        (AccountRole.RECEIVABLE, "eur", "100"),
        (AccountRole.FEES, "eur", "23"),
    ],
)
async def test_accounts_by_role_and_currency(role: AccountRole, currency: str | None, expected: str) -> None:
    assert await books().account(role, currency) == expected


@pytest.mark.parametrize(
    ("role", "currency", "name", "reason"),
    [
        (AccountRole.CLEARING, "gbp", "Clearing", "wrong_currency"),
        (AccountRole.BANK, "eur", "Checking", "wrong_currency"),
        (AccountRole.BANK, "usd", "Fees", "wrong_type"),
        (AccountRole.FEES, "usd", "Checking", "wrong_type"),
        (AccountRole.DISPUTES, "usd", "Payables", "wrong_type"),
        (AccountRole.REVIEW, "usd", "A/R", "wrong_type"),
        (AccountRole.REVIEW, "usd", "Clearing EUR", "wrong_currency"),
        (AccountRole.RECEIVABLE, "gbp", "Accounts Receivable", "not_found"),
    ],
)
async def test_an_account_that_will_not_do(role: AccountRole, currency: str, name: str, reason: str) -> None:
    with pytest.raises(AccountMissing) as caught:
        await books(names={role: name}).account(role, currency)
    assert caught.value.details == {"role": role.value, "currency": currency, "configured": name, "reason": reason}


async def test_a_document_resolves_the_accounts_that_it_names() -> None:
    made = books()
    references = await made.references(JOURNAL_ENTRY, {})
    assert set(references.accounts.values()) == {"24", "25", "20"}
    assert set((await made.references(PAYMENT_REVERSAL, {})).accounts.values()) == {"12", "20"}
    assert set((await made.references(DEPOSIT, {})).accounts.values()) == {"22", "20", "23"}


async def test_a_deposit_cannot_take_from_a_bank_although_a_journal_entry_can() -> None:
    made = books(names={**NAMES, AccountRole.CLEARING: "Clearing at the bank"})
    await made.references(JOURNAL_ENTRY, {})
    with pytest.raises(AccountMissing, match="wrong_type"):
        await made.references(DEPOSIT, {})


@pytest.mark.parametrize(("name", "reason"), [("Payables", "wrong_type"), ("Nowhere", "not_found")])
async def test_a_named_account_that_will_not_do(name: str, reason: str) -> None:
    assert isinstance(JOURNAL_ENTRY.body, JournalEntryBody)
    line = replace(JOURNAL_ENTRY.body.lines[1], account=NamedAccount(name=name))
    with pytest.raises(AccountMissing) as caught:
        await books().references(replace(JOURNAL_ENTRY, body=replace(JOURNAL_ENTRY.body, lines=(line,))), {})
    assert caught.value.details == {"role": "named", "currency": "", "configured": name, "reason": reason}


async def test_a_named_account_on_a_deposit_must_be_one_of_its_kinds() -> None:
    assert isinstance(DEPOSIT.body, DepositBody)
    line = replace(DEPOSIT.body.lines[0], account=NamedAccount(name="28"))
    with pytest.raises(AccountMissing, match="wrong_type"):
        await books().references(replace(DEPOSIT, body=replace(DEPOSIT.body, lines=(line,))), {})


async def test_home_currency_is_worth_one_and_foreign_what_qbo_says_read_once_a_day() -> None:
    made = books(
        answer("ExchangeRate", Rate=1.0867, SourceCurrencyCode="EUR"),
        answer("ExchangeRate", Rate=1.09, SourceCurrencyCode="EUR"),
    )
    assert await made.exchange_rate("usd", DAY) == 1
    assert await made.exchange_rate("eur", DAY) == Decimal("1.0867")
    assert isinstance(PAYMENT.body, PaymentBody)
    euros = RoleAccount(role=AccountRole.CLEARING, currency="eur")
    document = replace(PAYMENT, currency="eur", body=replace(PAYMENT.body, deposit_to=euros))
    references = await made.references(document, {})
    assert (references.multicurrency, references.exchange_rate) == (True, Decimal("1.0867"))
    assert await made.exchange_rate("eur", date(2026, 3, 21)) == Decimal("1.09")


async def test_stripes_own_rate_is_taken_as_it_is() -> None:
    document = replace(PAYMENT, currency="eur", exchange_rate=Decimal("1.0811111"))
    assert (await books().references(document, {})).exchange_rate == Decimal("1.0811111")


@pytest.mark.parametrize("reply", [fault("610"), fault("2500"), answer("ExchangeRate", Rate=0), answer("ExchangeRate")])
async def test_a_rate_that_qbo_has_not_is_named(reply: Reply) -> None:
    with pytest.raises(ExchangeRateMissing) as caught:
        await books(reply).exchange_rate("eur", DAY)
    assert caught.value.details == {"currency": "eur", "date": "2026-03-20", "reason": "not_found"}


async def test_without_multicurrency_no_foreign_document_is_written() -> None:
    made = books(currencies=False)
    with pytest.raises(ExchangeRateMissing, match="multicurrency_off"):
        await made.references(replace(CUSTOMER, currency="eur"), {})
    assert (await made.references(CREDIT_MEMO, {})).multicurrency is False


async def test_classes_are_read_when_a_document_has_one() -> None:
    assert isinstance(CREDIT_MEMO.body, CreditMemoBody)
    line = replace(CREDIT_MEMO.body.lines[0], class_name="West")
    document = replace(CREDIT_MEMO, body=replace(CREDIT_MEMO.body, lines=(line,)))
    made = books(found("Class", {"Id": "500", "Name": "West", "FullyQualifiedName": "All:West", "Active": True}))
    assert (await made.references(document, {})).classes == {"West": "500"}
    with pytest.raises(ClassMissing, match="not_found"):
        await books(found("Class")).references(document, {})


async def test_an_item_that_is_not_configured_is_named() -> None:
    with pytest.raises(ItemMissing, match="tax"):
        await books().references(TAXED, {})


async def test_native_tax_needs_no_item_of_tax_and_reads_the_codes() -> None:
    codes = found("TaxCode", {"Id": "2", "Name": "California", "Active": True})
    made = books(codes, found("TaxRate"), tax=TaxChoice(mode="native", default_code="California"))
    references = await made.references(TAXED, {})
    assert (references.tax.form, references.tax.total) == (TaxForm.MARKED_TOTAL, "2")
    assert references.items == {ItemRole.SALES: "11"}
