"""The sandbox's foreign currencies: rates, accounts, and a ledger that balances to the cent at any rate."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo.tester import SandboxClient, invoice, item_line, payment

GAIN = "Exchange Gain or Loss"


@pytest.fixture
async def qbo() -> AsyncIterator[SandboxClient]:
    sandbox = QboSandbox(knobs={"enforce_limits": False, "multicurrency": True})
    async with sandbox.serve() as running, SandboxClient(running) as one:
        yield one
        assert running.company.books.ledger.trial_balance() == 0


def in_euro(rate: str = "1.1", **fields: Any) -> dict[str, Any]:
    return {"CurrencyRef": {"value": "EUR"}, "ExchangeRate": Decimal(rate), **fields}


async def refused(qbo: SandboxClient, path: str, body: Any, code: str, text: str = "", **query: str) -> None:
    _, answer = await qbo.post(path, body, **query)
    assert answer.get("Fault", {}).get("Error", [{}])[0].get("code") == code, answer
    assert text in answer["Fault"]["Error"][0]["Detail"]


async def euro_customer(qbo: SandboxClient, name: str = "Euro") -> str:
    made = await qbo.make("Customer", {"DisplayName": name, "CurrencyRef": {"value": "EUR"}})
    return str(made["Id"])


async def account_id(qbo: SandboxClient, name: str) -> str:
    accounts = (await qbo.control("ledger"))["accounts"]
    return str(next(one["id"] for one in accounts if one["name"] == name))


def link(kind: str, txn_id: str, size: str) -> dict[str, Any]:
    return {"Amount": Decimal(size), "LinkedTxn": [{"TxnId": txn_id, "TxnType": kind}]}


def entry(*parts: tuple[str, str, str, str], **fields: Any) -> dict[str, Any]:
    lines: list[dict[str, Any]] = []
    for posting, account, size, owner in parts:
        detail: dict[str, Any] = {"PostingType": posting, "AccountRef": {"value": account}}
        if owner:
            detail["Entity"] = {"Type": "Customer", "EntityRef": {"value": owner}}
        lines.append(
            {"Amount": Decimal(size), "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}
        )
    return {"Line": lines, **fields}


async def test_exchange_rates(qbo: SandboxClient) -> None:
    asked = {"sourcecurrencycode": "EUR", "asofdate": "2026-11-20"}
    _, answer = await qbo.get("exchangerate", **asked)
    first = answer["ExchangeRate"]
    assert (first["SourceCurrencyCode"], first["TargetCurrencyCode"], first["AsOfDate"]) == ("EUR", "USD", "2026-11-20")
    assert Decimal("1.08") < first["Rate"] < Decimal("1.12")
    assert (await qbo.get("exchangerate", **asked))[1]["ExchangeRate"]["Rate"] == first["Rate"]
    body = {"SourceCurrencyCode": "EUR", "Rate": Decimal("1.2345"), "AsOfDate": "2026-11-20"}
    _, answer = await qbo.post("exchangerate", body, requestid="r1")
    assert answer["ExchangeRate"]["Rate"] == Decimal("1.2345")
    _, answer = await qbo.get("exchangerate", sourcecurrencycode="EUR", asofdate="2026-11-21")
    assert answer["ExchangeRate"]["Rate"] == Decimal("1.2345")
    _, answer = await qbo.get("exchangerate", sourcecurrencycode="EUR", asofdate="2026-11-19")
    assert answer["ExchangeRate"]["Rate"] != Decimal("1.2345")
    text = "select * from exchangerate where sourcecurrencycode in ('EUR', 'JPY') and asofdate='2026-11-20'"
    _, answer = await qbo.query(text)
    assert [one["SourceCurrencyCode"] for one in answer["QueryResponse"]["ExchangeRate"]] == ["EUR", "JPY"]
    await qbo.control("rates", {"JPY": Decimal("0.007")})
    _, answer = await qbo.get("exchangerate", sourcecurrencycode="JPY")
    assert answer["ExchangeRate"]["Rate"] == Decimal("0.007")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"sourcecurrencycode": "USD"}, "6000"),
        ({"sourcecurrencycode": "XXX"}, "2500"),
        ({"sourcecurrencycode": "EUR", "asofdate": "22.11.2026"}, "2060"),
        ({}, "2020"),
    ],
)
async def test_exchange_rate_refusals(qbo: SandboxClient, query: dict[str, str], code: str) -> None:
    _, answer = await qbo.get("exchangerate", **query)
    assert answer["Fault"]["Error"][0]["code"] == code


async def test_seeded_accounts_by_currency(qbo: SandboxClient) -> None:
    ledger = await qbo.control("ledger")
    names = {one["name"]: one["currency"] for one in ledger["accounts"]}
    assert {names[f"{name} {code}"] for name in ("Checking", "Stripe Clearing") for code in ("EUR", "GBP", "JPY")}
    assert names["Stripe Clearing JPY"] == "JPY"
    made = await qbo.control("accounts", {"name": "Checking CHF", "currency": "CHF"})
    assert made["Account"]["CurrencyRef"]["value"] == "CHF"
    again = await qbo.control("accounts", {"name": "Checking CHF", "currency": "CHF"})
    assert again["Account"]["Id"] == made["Account"]["Id"]


async def test_rate_digits_show_in_the_home_total(qbo: SandboxClient) -> None:
    owner = await euro_customer(qbo)
    body = invoice(owner, "1000.00", **in_euro("1.12345678"))
    made = await qbo.make("Invoice", body)
    assert (made["HomeTotalAmt"], made["ExchangeRate"]) == (Decimal("1123.46"), Decimal("1.12345678"))
    await qbo.control("knobs", {"exchange_rate_digits": 4})
    made = await qbo.make("Invoice", body)
    assert (made["HomeTotalAmt"], made["ExchangeRate"]) == (Decimal("1123.5"), Decimal("1.1235"))
    await qbo.control("knobs", {"missing_exchange_rate": "company"})
    await qbo.control("rates", {"EUR": Decimal("1.3")})
    made = await qbo.make("Invoice", invoice(owner, CurrencyRef={"value": "EUR"}))
    assert made["HomeTotalAmt"] == 130


async def test_home_total_is_the_rounded_total_not_the_sum_of_rounded_lines(qbo: SandboxClient) -> None:
    owner = await euro_customer(qbo)
    lines = [item_line("0.05"), item_line("0.05"), item_line("0.05")]
    made = await qbo.make("Invoice", invoice(owner, Line=lines, **in_euro("1.1")))
    assert made["HomeTotalAmt"] == made["HomeBalance"] == Decimal("0.17")
    ledger = await qbo.control("ledger")
    assert ledger["receivable_total"] == Decimal("0.17")


@pytest.mark.parametrize(
    ("account", "text"),
    [("Checking", ""), ("Stripe Clearing EUR", ""), ("Checking GBP", "one foreign currency per transaction")],
)
async def test_foreign_payments_by_account(qbo: SandboxClient, account: str, text: str) -> None:
    owner = await euro_customer(qbo)
    made = await qbo.make("Invoice", invoice(owner, **in_euro("1.1")))
    money = {"value": await account_id(qbo, account)}
    body = payment(made["Id"], "100.00", owner, DepositToAccountRef=money, **in_euro("1.15"))
    if text:
        await refused(qbo, "payment", body, "6000", text)
        return
    await qbo.make("Payment", body)
    ledger = await qbo.control("ledger")
    assert (ledger["balances"][account], ledger["balances"][GAIN]) == (115, -5)
    assert ledger["own_balances"][account] == (115 if account == "Checking" else 100)
    assert ledger["own_balances"]["Accounts Receivable (A/R) - EUR"] == 0
    assert (ledger["profit_and_loss"][GAIN], ledger["net_income"]) == (-5, 115)


async def test_a_home_document_cannot_use_a_foreign_account(qbo: SandboxClient) -> None:
    money = {"value": await account_id(qbo, "Stripe Clearing EUR")}
    body = {"CustomerRef": {"value": "1"}, "TotalAmt": 5, "CurrencyRef": {"value": "USD"}, "DepositToAccountRef": money}
    await refused(qbo, "payment", body, "6000", "currency of the transaction is invalid")


@pytest.mark.parametrize("rate", ["1.0007", "0.3333333333", "151.77"])
async def test_partial_payments_leave_no_cent_behind(qbo: SandboxClient, rate: str) -> None:
    owner = await euro_customer(qbo)
    made = await qbo.make("Invoice", invoice(owner, "0.10", **in_euro(rate)))
    paid = [
        await qbo.make("Payment", payment(made["Id"], size, owner, **in_euro(rate)))
        for size in ("0.03", "0.03", "0.03", "0.01")
    ]
    ledger = await qbo.control("ledger")
    assert (ledger["receivable_total"], ledger["receivable"]) == (0, [])
    key = {"Id": paid[0]["Id"], "SyncToken": "0", "sparse": True}
    await qbo.post("payment", key, operation="update", include="void")
    _, answer = await qbo.get(f"invoice/{made['Id']}")
    ledger = await qbo.control("ledger")
    assert answer["Invoice"]["Balance"] == Decimal("0.03")
    assert ledger["receivable"][0]["own_balance"] == Decimal("0.03")
    assert ledger["receivable_total"] == answer["Invoice"]["HomeBalance"]


async def test_credit_memo_and_invoice_at_different_rates(qbo: SandboxClient) -> None:
    owner = await euro_customer(qbo)
    made = await qbo.make("Invoice", invoice(owner, **in_euro("1.10")))
    memo = await qbo.make("CreditMemo", invoice(owner, **in_euro("1.25")))
    lines = [link("Invoice", made["Id"], "100"), link("CreditMemo", memo["Id"], "100")]
    zero = {"TotalAmt": 0, "CustomerRef": {"value": owner}, "Line": lines, **in_euro("1.2")}
    await qbo.make("Payment", zero)
    ledger = await qbo.control("ledger")
    assert (ledger["receivable_total"], ledger["balances"][GAIN]) == (0, -15)


async def test_journal_entry_on_the_receivable_of_its_currency(qbo: SandboxClient) -> None:
    owner = await euro_customer(qbo)
    unapplied = {"TotalAmt": 100, "CustomerRef": {"value": owner}, **in_euro("1.10")}
    paid = await qbo.make("Payment", unapplied)
    receivable = await account_id(qbo, "Accounts Receivable (A/R) - EUR")
    clearing = await account_id(qbo, "Stripe Clearing")
    parts = (("Debit", receivable, "100", owner), ("Credit", clearing, "100", ""))
    made = await qbo.make("JournalEntry", entry(*parts, **in_euro("1.05")))
    await refused(qbo, "journalentry", entry(("Debit", "1", "1", owner), parts[1], **in_euro()), "6000")
    body = {"Id": paid["Id"], "SyncToken": "0", "sparse": True, "Line": [link("JournalEntry", made["Id"], "100")]}
    await qbo.make("Payment", {**body, "TotalAmt": 100})
    ledger = await qbo.control("ledger")
    assert (ledger["receivable_total"], ledger["own_balances"]["Stripe Clearing"]) == (0, -105)
    assert ledger["balances"][GAIN] == -5


async def test_foreign_guests_and_deposits(qbo: SandboxClient) -> None:
    clearing, bank = await account_id(qbo, "Stripe Clearing EUR"), await account_id(qbo, "Checking EUR")
    money = {"DepositToAccountRef": {"value": clearing}}
    sold = await qbo.make("SalesReceipt", {"Line": [item_line("80.00")], **money, **in_euro()})
    assert (sold["HomeTotalAmt"], "CustomerRef" in sold) == (88, False)
    await qbo.make("RefundReceipt", {"Line": [item_line("30.00")], **money, **in_euro()})
    fees = await account_id(qbo, "Stripe Fees")
    lines = [
        {
            "Amount": Decimal(size),
            "DetailType": "DepositLineDetail",
            "DepositLineDetail": {"AccountRef": {"value": one}},
        }
        for one, size in ((clearing, "50.00"), (fees, "-1.50"))
    ]
    deposit = {"DepositToAccountRef": {"value": bank}, "Line": lines}
    made = await qbo.make("Deposit", {**deposit, **in_euro("1.2")})
    assert (made["TotalAmt"], made["HomeTotalAmt"]) == (Decimal("48.5"), Decimal("58.2"))
    ledger = await qbo.control("ledger")
    assert (ledger["own_balances"]["Stripe Clearing EUR"], ledger["own_balances"]["Checking EUR"]) == (
        0,
        Decimal("48.5"),
    )
    assert ledger["profit_and_loss"]["Stripe Fees"] == Decimal("1.8")
    await refused(qbo, "deposit", {**deposit, "CurrencyRef": {"value": "USD"}}, "6000", "currency of the transaction")
    pounds = {"CurrencyRef": {"value": "GBP"}, "ExchangeRate": Decimal("1.3")}
    await refused(qbo, "deposit", {**deposit, **pounds}, "6000", "one foreign currency")
    _, answer = await qbo.get(f"account/{bank}")
    assert answer["Account"]["CurrentBalance"] == Decimal("48.5")


async def test_transfers_between_currencies(qbo: SandboxClient) -> None:
    await qbo.control("rates", {"EUR": Decimal("1.25"), "GBP": Decimal("1.5")})
    await qbo.control("human/transfer", {"from": "Checking", "to": "Checking EUR", "amount": Decimal("125.00")})
    ledger = await qbo.control("ledger")
    assert (ledger["balances"]["Checking EUR"], ledger["own_balances"]["Checking EUR"]) == (125, 100)
    two = await qbo.control("human/transfer", {"from": "Checking GBP", "to": "Checking EUR", "amount": 1})
    assert two["Fault"]["Error"][0]["code"] == "6000"


async def test_an_invoice_updated_after_its_payment_moves_the_gain(qbo: SandboxClient) -> None:
    owner = await euro_customer(qbo)
    made = await qbo.make("Invoice", invoice(owner, **in_euro("1.10")))
    await qbo.make("Payment", payment(made["Id"], "100.00", owner, **in_euro("1.10")))
    body = {"Id": made["Id"], "SyncToken": "1", "sparse": True, "ExchangeRate": Decimal("1.2")}
    await qbo.make("Invoice", body)
    ledger = await qbo.control("ledger")
    assert (ledger["receivable_total"], ledger["balances"][GAIN]) == (0, 10)


async def test_customer_balance_is_in_the_customers_currency(qbo: SandboxClient) -> None:
    owner = await euro_customer(qbo)
    await qbo.make("Invoice", invoice(owner, **in_euro("1.10")))
    _, answer = await qbo.get(f"customer/{owner}")
    assert answer["Customer"]["Balance"] == 100
    other = await euro_customer(qbo, "Other")
    memo = await qbo.make("CreditMemo", invoice(other, **in_euro("1.10")))
    _, answer = await qbo.query("SELECT * FROM Invoice")
    mixed = [link("Invoice", answer["QueryResponse"]["Invoice"][0]["Id"], "100"), link("CreditMemo", memo["Id"], "100")]
    zero = {"TotalAmt": 0, "CustomerRef": {"value": owner}, "Line": mixed, **in_euro()}
    await refused(qbo, "payment", zero, "6000", "another customer")
