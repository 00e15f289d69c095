"""The sandbox refuses what facts/qbo.md says QuickBooks Online refuses, with its codes and texts."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo.tester import SandboxClient, invoice, item_line, payment


@pytest.fixture
async def qbo() -> AsyncIterator[SandboxClient]:
    sandbox = QboSandbox(knobs={"enforce_limits": False})
    async with sandbox.serve() as running, SandboxClient(running) as one:
        yield one
        assert running.company.books.ledger.trial_balance() == 0


async def refused(qbo: SandboxClient, path: str, body: Any, code: str, **query: str) -> str:
    status, answer = await qbo.post(path, body, **query)
    assert "Fault" in answer, answer
    assert answer["Fault"]["Error"][0]["code"] == code, answer
    assert status == 400
    detail: str = answer["Fault"]["Error"][0]["Detail"]
    return detail


# --- schema


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Line": [{"Amount": 1, "Surprise": 1}], "CustomerRef": {"value": "1"}}, "2010"),
        ({**invoice(), "DocNumber": "x" * 22}, "2050"),
        ({**invoice(), "DocNumber": 12}, "2120"),
        ({**invoice(), "TxnDate": "2026-02-30"}, "2060"),
        ({**invoice(), "TxnDate": "11/22/2026"}, "2060"),
        ({**invoice(), "EmailStatus": "Maybe"}, "2170"),
        ({**invoice(), "AllowOnlineACHPayment": "no"}, "2230"),
        ({**invoice(), "Line": []}, "2020"),
        ({"Line": [item_line("1.00")]}, "2020"),
        ({**invoice(), "Line": [{"Amount": 1}]}, "2020"),
        ({**invoice(), "Line": [item_line("1.001")]}, "2140"),
        ({**invoice(), "Line": [item_line('"1.00"')]}, "2100"),
        ({**invoice(), "Line": [item_line("100.00", Qty=3, UnitPrice=Decimal("33.33"))]}, "6070"),
        ({**invoice(), "Line": [item_line("1.00", TaxCodeRef={"value": "5"})]}, "6100"),
        ({**invoice(), "Line": [item_line("1.00", "999")]}, "2500"),
        ({**invoice("999")}, "2500"),
        ({**invoice(amount="-5.00")}, "6000"),
        ({**invoice(), "CurrencyRef": {"value": "EUR"}}, "6000"),
        ({**invoice(), "EmailStatus": "NeedToSend"}, "2020"),
        ({**invoice(), "Id": "abc"}, "2030"),
    ],
)
async def test_invoice_refusals(qbo: SandboxClient, body: dict[str, Any], code: str) -> None:
    await refused(qbo, "invoice", body, code)
    assert qbo.running.company.objects("Invoice") == []


async def test_long_memo_is_refused_with_commas(qbo: SandboxClient) -> None:
    detail = await refused(qbo, "invoice", invoice(CustomerMemo={"value": "x" * 1016}), "2050")
    assert detail.endswith("Min:0 Max:1,000 supported. Supplied length:1,016")


async def test_qty_times_price_is_rounded_to_cents(qbo: SandboxClient) -> None:
    line = item_line("100.00", Qty=3, UnitPrice=Decimal("33.333333"))
    made = await qbo.make("Invoice", invoice(Line=[line]))
    assert made["TotalAmt"] == 100


async def test_malformed_requests(qbo: SandboxClient) -> None:
    response = await qbo.raw_post("invoice", b"{", content_type="application/json")
    assert response.json()["Fault"]["Error"][0]["code"] == "2010"
    response = await qbo.raw_post("invoice", b"{}", content_type="text/plain")
    assert response.json()["Fault"]["Error"][0]["code"] == "1050"
    status, answer = await qbo.post("invoice", invoice(), requestid="x" * 51)
    assert (status, answer["Fault"]["Error"][0]["code"]) == (400, "2130")


async def test_xml_unless_json_is_asked_for(qbo: SandboxClient) -> None:
    del qbo.headers["Accept"]
    response = await qbo.http.get(f"{qbo.running.base}/customer/1", headers=qbo.headers)
    assert response.headers["content-type"] == "application/xml;charset=utf-8"
    assert b"<Customer domain=" in response.content


# --- lines and totals


async def test_discount_shipping_and_negative_lines(qbo: SandboxClient) -> None:
    lines = [
        item_line("100.00"),
        item_line("-10.00"),
        item_line("5.00", "SHIPPING_ITEM_ID"),
        {"Amount": Decimal("9.50"), "DetailType": "DiscountLineDetail", "DiscountLineDetail": {"PercentBased": False}},
    ]
    made = await qbo.make("Invoice", invoice(Line=lines))
    assert made["TotalAmt"] == Decimal("85.5")
    assert [line["DetailType"] for line in made["Line"]][-2:] == ["SubTotalLineDetail", "DiscountLineDetail"]
    await qbo.control("knobs", {"negative_lines": False})
    await refused(qbo, "invoice", invoice(Line=lines), "2290")
    await refused(qbo, "invoice", invoice(Line=[item_line("1.00"), {"DetailType": "DiscountLineDetail"}]), "6090")


async def test_sales_tax(qbo: SandboxClient) -> None:
    taxed = invoice(Line=[item_line("100.00", TaxCodeRef={"value": "TAX"})])
    given = {"TxnTaxDetail": {"TotalTax": Decimal("7.25"), "TxnTaxCodeRef": {"value": "3"}}}
    assert (await qbo.make("Invoice", {**taxed, **given}))["TotalAmt"] == 100  # sales tax is off: not stored
    await qbo.control("knobs", {"using_sales_tax": True, "automated_sales_tax": True})
    assert (await qbo.make("Invoice", {**taxed, **given}))["TotalAmt"] == Decimal("107.25")
    assert (await qbo.make("Invoice", taxed))["TxnTaxDetail"]["TotalTax"] == 8


# --- updates


async def test_stale_sync_token(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice())
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "one"}
    await qbo.make("Invoice", body)
    detail = await refused(qbo, "invoice", {**body, "PrivateNote": "two"}, "5010")
    assert detail.startswith("Stale Object Error : You and ")
    await refused(qbo, "invoice", {**body, "Id": "999"}, "610")
    await refused(qbo, "invoice", {"Id": made["Id"], "sparse": True}, "2020")


async def test_sparse_update_keeps_fields_and_replaces_all_lines(qbo: SandboxClient) -> None:
    made = await qbo.make(
        "Invoice", invoice(Line=[item_line("1.00"), item_line("2.00")], PrivateNote="kept", DocNumber="A1")
    )
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Line": [item_line("5.00")]}
    changed = await qbo.make("Invoice", body)
    assert (changed["TotalAmt"], changed["PrivateNote"], changed["DocNumber"]) == (5, "kept", "A1")
    assert [line.get("Id") for line in changed["Line"]] == ["3", None]
    full = await qbo.make("Invoice", {**invoice(), "Id": made["Id"], "SyncToken": "1"})
    assert "PrivateNote" not in full
    assert "DocNumber" not in full


async def test_no_op_update_keeps_the_sync_token(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice(PrivateNote="same"))
    again = await qbo.make("Invoice", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "same"})
    assert (again["SyncToken"], again["MetaData"]) == ("0", made["MetaData"])
    echoed = await qbo.make("Invoice", made)
    assert echoed["SyncToken"] == "0"


async def test_voided_invoice_cannot_be_edited(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice(PrivateNote="why"))
    _, answer = await qbo.post("invoice", {"Id": made["Id"], "SyncToken": "0"}, operation="void")
    assert answer["Invoice"]["PrivateNote"] == "Voided - why"
    assert qbo.running.company.books.ledger.accounts()["1"] == 0
    body = {"Id": made["Id"], "SyncToken": "1", "sparse": True, "PrivateNote": "x"}
    await refused(qbo, "invoice", body, "6000")
    await refused(qbo, "invoice", {"Id": made["Id"], "SyncToken": "1"}, "6000", operation="void")


# --- names


@pytest.mark.parametrize("name", ["cool  CARS", " Cool Cars ", "robertson & associates", "JOHN johnson"])
async def test_one_name_space(qbo: SandboxClient, name: str) -> None:
    detail = await refused(qbo, "customer", {"DisplayName": name}, "6240")
    assert detail.startswith("The name supplied already exists. : Another customer, vendor or employee")


@pytest.mark.parametrize("name", ["a:b", "a\tb", "a\nb"])
async def test_illegal_names(qbo: SandboxClient, name: str) -> None:
    await refused(qbo, "customer", {"DisplayName": name}, "2040")


async def test_customer_rules(qbo: SandboxClient) -> None:
    await refused(qbo, "customer", {"Notes": "nobody"}, "6080")
    await refused(qbo, "customer", {"DisplayName": "x" * 501}, "2050")
    await refused(qbo, "customer", {"DisplayName": "E", "CurrencyRef": {"value": "EUR"}}, "6000")
    await refused(qbo, "customer", {"DisplayName": "E", "PrimaryEmailAddr": {"Address": "no"}}, "2210")
    await qbo.control("knobs", {"multicurrency": True})
    made = await qbo.make("Customer", {"DisplayName": "E", "CurrencyRef": {"value": "EUR"}})
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "CurrencyRef": {"value": "USD"}}
    await refused(qbo, "customer", body, "6000")


async def test_inactive_customers(qbo: SandboxClient) -> None:
    made = await qbo.make("Customer", {"DisplayName": "Gone"})
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Active": False}
    gone = await qbo.make("Customer", body)
    assert (gone["DisplayName"], gone["PrintOnCheckName"]) == ("Gone (deleted)", "Gone")
    await refused(qbo, "invoice", invoice(made["Id"]), "2500")
    await refused(qbo, "customer", {**body, "SyncToken": "1", "Notes": "x"}, "6000")
    await qbo.make("Customer", {"DisplayName": "Gone"})
    await refused(qbo, "customer", {"Id": made["Id"], "SyncToken": "1", "sparse": True, "Active": True}, "6240")
    owing = await qbo.make("Customer", {"DisplayName": "Owing"})
    await qbo.make("Invoice", invoice(owing["Id"]))
    await refused(qbo, "customer", {"Id": owing["Id"], "SyncToken": "0", "sparse": True, "Active": False}, "6220")


async def test_accounts_and_items(qbo: SandboxClient) -> None:
    await refused(qbo, "account", {"Name": "x"}, "6010")
    await refused(qbo, "account", {"Name": 'x"', "AccountType": "Bank"}, "2040")
    await refused(qbo, "account", {"Name": "checking", "AccountType": "Bank"}, "6240")
    await refused(qbo, "account", {"Name": "x", "AccountType": "Vault"}, "2170")
    account = await qbo.make("Account", {"Name": "New", "AccountType": "Income"})
    assert (account["Classification"], account["CurrentBalance"]) == ("Revenue", 0)
    await refused(qbo, "item", {"Name": "Thing", "Type": "Service"}, "2020")
    await refused(qbo, "item", {"Name": "Thing", "Type": "Service", "IncomeAccountRef": {"value": "1"}}, "6430")
    item = await qbo.make("Item", {"Name": "Thing", "Type": "Service", "IncomeAccountRef": {"value": account["Id"]}})
    assert item["IncomeAccountRef"]["name"] == "New"
    await refused(
        qbo, "item", {"Name": "THING", "Type": "Service", "IncomeAccountRef": {"value": account["Id"]}}, "6240"
    )


# --- numbers, dates


async def test_document_numbers(qbo: SandboxClient) -> None:
    first = await qbo.make("Invoice", invoice(DocNumber="S-1"))
    assert "DocNumber" not in await qbo.make("Invoice", invoice())
    await qbo.make("Invoice", invoice(DocNumber="S-1"))
    await qbo.control("knobs", {"warn_duplicate_doc_number": True})
    detail = await refused(qbo, "invoice", invoice(DocNumber="S-1"), "6140")
    assert detail.endswith(f"DocNumber=S-1 is assigned to TxnType=Invoice with TxnId={first['Id']}")
    await qbo.make("Invoice", invoice(DocNumber="S-1"), include="allowduplicatedocnum")
    await qbo.control("knobs", {"doc_number_language": "fr"})
    assert "TxnType=Facture" in await refused(qbo, "invoice", invoice(DocNumber="S-1"), "6140")
    await qbo.control("knobs", {"custom_txn_numbers": False})
    assert (await qbo.make("Invoice", invoice(DocNumber="S-9")))["DocNumber"] == "1038"
    await qbo.control("knobs", {"doc_number_when_off": "refuse"})
    await refused(qbo, "invoice", invoice(DocNumber="S-9"), "6000")


async def test_closed_books(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice(TxnDate="2026-03-31"))
    await qbo.control("close_books", {"date": "2026-03-31"})
    _, answer = await qbo.get("preferences")
    assert answer["Preferences"]["AccountingInfoPrefs"]["BookCloseDate"] == "2026-03-31"
    detail = await refused(qbo, "invoice", invoice(TxnDate="2026-03-31"), "6210")
    assert "through through" in detail
    key = {"Id": made["Id"], "SyncToken": "0"}
    await refused(qbo, "invoice", {**key, "sparse": True, "TxnDate": "2026-04-01"}, "6210")
    await refused(qbo, "invoice", key, "6210", operation="void")
    await refused(qbo, "invoice", key, "6210", operation="delete")
    await qbo.make("Payment", payment(made["Id"], "10.00", TxnDate="2026-04-01"))
    edited = await qbo.control(
        "human", {"entity": "Invoice", "operation": "update", "body": {"Id": made["Id"], "PrivateNote": "x"}}
    )
    assert edited["status"] == 200


# --- payments


async def test_payment_links_both_sides(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice(DocNumber="S-1"))
    paid = await qbo.make("Payment", payment(made["Id"], "60.00", total="75.00", PaymentRefNum="ch_1"))
    assert (paid["TotalAmt"], paid["UnappliedAmt"]) == (75, 15)
    extras = {one["value"]["Name"]: one["value"]["Value"] for one in paid["Line"][0]["LineEx"]["any"]}
    assert extras == {"txnId": made["Id"], "txnOpenBalance": "100.00", "txnReferenceNumber": "S-1"}
    _, answer = await qbo.get(f"invoice/{made['Id']}")
    assert answer["Invoice"]["Balance"] == 40
    assert answer["Invoice"]["LinkedTxn"] == [{"TxnId": paid["Id"], "TxnType": "Payment"}]
    assert answer["Invoice"]["SyncToken"] == "1"
    ledger = await qbo.control("ledger")
    assert (ledger["trial_balance"], ledger["receivable_total"]) == (0, 25)
    echoed = await qbo.make("Payment", paid)
    assert echoed["SyncToken"] == "0"
    unlinked = await qbo.make("Payment", {"Id": paid["Id"], "SyncToken": "0", "sparse": True, "Line": []})
    assert unlinked["UnappliedAmt"] == 75
    assert (await qbo.get(f"invoice/{made['Id']}"))[1]["Invoice"]["LinkedTxn"] == []


async def test_payment_refusals(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice())
    other = await qbo.make("Invoice", invoice("2"))
    await refused(qbo, "payment", payment(made["Id"], "100.01"), "6000")
    await refused(qbo, "payment", payment(made["Id"], "60.00", total="50.00"), "6000")
    await refused(qbo, "payment", payment(other["Id"], "10.00"), "6000")
    await refused(qbo, "payment", payment("999", "10.00"), "610")
    await refused(qbo, "payment", payment(made["Id"], "-1.00", total="5.00"), "2290")
    await refused(qbo, "payment", payment(made["Id"], "10.00", PaymentRefNum="x" * 22), "2050")
    for account_id, code in (("6", "6430"), ("99", "2500")):
        await refused(qbo, "payment", payment(made["Id"], "10.00", DepositToAccountRef={"value": account_id}), code)
    link = [{"Amount": 1, "LinkedTxn": [{"TxnId": made["Id"], "TxnType": "Estimate"}]}]
    await refused(qbo, "payment", {"TotalAmt": 1, "CustomerRef": {"value": "1"}, "Line": link}, "620")
    await refused(qbo, "payment", {"TotalAmt": 0, "CustomerRef": {"value": "1"}}, "6000")
    await refused(qbo, "payment", {"CustomerRef": {"value": "1"}}, "2020")


async def test_void_and_delete_with_payments(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice())
    paid = await qbo.make("Payment", payment(made["Id"], "100.00"))
    key = {"Id": made["Id"], "SyncToken": "1"}
    await refused(qbo, "invoice", key, "6000", operation="void")
    await refused(qbo, "invoice", key, "6000", operation="delete")
    await refused(qbo, "invoice", {**key, "sparse": True, "Line": [item_line("50.00")]}, "6000")
    void = {"Id": paid["Id"], "SyncToken": "0", "sparse": True}
    await refused(qbo, "payment", void, "500", operation="void")
    _, answer = await qbo.post("payment", void, operation="update", include="void")
    voided = answer["Payment"]
    assert (voided["TotalAmt"], voided["UnappliedAmt"], voided["Line"], voided["PrivateNote"]) == (0, 0, [], "Voided")
    assert (await qbo.get(f"invoice/{made['Id']}"))[1]["Invoice"]["Balance"] == 100
    again = await qbo.make("Payment", payment(made["Id"], "100.00"))
    await qbo.control("knobs", {"void_paid_invoice": "unlink"})
    _, answer = await qbo.post("invoice", {"Id": made["Id"], "SyncToken": "3"}, operation="void")
    assert answer["Invoice"]["Balance"] == 0
    assert (await qbo.get(f"payment/{again['Id']}"))[1]["Payment"]["UnappliedAmt"] == 100


async def test_credit_memo_applied_by_a_payment_of_nothing(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice())
    memo = await qbo.make("CreditMemo", invoice(amount="30.00"))
    assert (memo["Balance"], memo["RemainingCredit"]) == (30, 30)
    lines = [
        {"Amount": 30, "LinkedTxn": [{"TxnId": made["Id"], "TxnType": "Invoice"}]},
        {"Amount": 30, "LinkedTxn": [{"TxnId": memo["Id"], "TxnType": "CreditMemo"}]},
    ]
    await qbo.make("Payment", {"TotalAmt": 0, "CustomerRef": {"value": "1"}, "Line": lines})
    assert (await qbo.get(f"invoice/{made['Id']}"))[1]["Invoice"]["Balance"] == 70
    assert (await qbo.get(f"creditmemo/{memo['Id']}"))[1]["CreditMemo"]["RemainingCredit"] == 0
    await refused(qbo, "creditmemo", {"Id": memo["Id"], "SyncToken": "1"}, "500", operation="void")
    await qbo.control("knobs", {"void_undocumented": "accept"})
    open_memo = await qbo.make("CreditMemo", invoice(amount="5.00"))
    _, answer = await qbo.post("creditmemo", {"Id": open_memo["Id"], "SyncToken": "0"}, operation="void")
    assert (answer["CreditMemo"]["TotalAmt"], answer["CreditMemo"]["RemainingCredit"]) == (0, 0)


async def test_credits_apply_themselves_when_the_preference_is_on(qbo: SandboxClient) -> None:
    await qbo.control("knobs", {"auto_apply_credit": True, "auto_apply_payments": True})
    await qbo.make("CreditMemo", invoice(amount="30.00"))
    await qbo.make("Payment", {"TotalAmt": 20, "CustomerRef": {"value": "1"}})
    made = await qbo.make("Invoice", invoice())
    assert (made["Balance"], len(made["LinkedTxn"])) == (50, 2)


async def test_foreign_payment_posts_exchange_loss(qbo: SandboxClient) -> None:
    await qbo.control("knobs", {"multicurrency": True})
    owner = await qbo.make("Customer", {"DisplayName": "Euro", "CurrencyRef": {"value": "EUR"}})
    euro: dict[str, Any] = {"CurrencyRef": {"value": "EUR"}, "ExchangeRate": Decimal("1.10")}
    await refused(qbo, "invoice", invoice(owner["Id"]), "2020")
    await refused(qbo, "invoice", invoice(owner["Id"], CurrencyRef={"value": "USD"}), "6000")
    made = await qbo.make("Invoice", invoice(owner["Id"], **euro))
    assert (made["HomeTotalAmt"], made["ExchangeRate"]) == (110, Decimal("1.1"))
    later: dict[str, Any] = {**euro, "ExchangeRate": Decimal("1.05")}
    await qbo.make("Payment", payment(made["Id"], "100.00", owner["Id"], **later))
    ledger = await qbo.control("ledger")
    assert (ledger["trial_balance"], ledger["receivable_total"]) == (0, 0)
    assert {one["name"]: one["balance"] for one in ledger["accounts"]}["Exchange Gain or Loss"] == 5


async def test_lists_are_never_deleted(qbo: SandboxClient) -> None:
    await refused(qbo, "customer", {"Id": "1", "SyncToken": "0"}, "500", operation="delete")


async def test_bare_company_has_no_stripe_accounts() -> None:
    async with QboSandbox(bare=True).serve() as running, SandboxClient(running) as qbo:
        _, answer = await qbo.query("SELECT * FROM Account WHERE Name LIKE 'Stripe%'")
        assert answer["QueryResponse"] == {}
        _, answer = await qbo.query("SELECT * FROM Item")
        assert [one["Name"] for one in answer["QueryResponse"]["Item"]] == ["Hours", "Services"]


# --- deposits, journal entries, transfers


def journal(*parts: tuple[str, str, str], **fields: Any) -> dict[str, Any]:
    lines = [
        {
            "Amount": Decimal(amount),
            "DetailType": "JournalEntryLineDetail",
            "JournalEntryLineDetail": {"PostingType": posting, "AccountRef": {"value": account}},
        }
        for posting, account, amount in parts
    ]
    return {"Line": lines, **fields}


async def test_deposits_freeze_what_they_link(qbo: SandboxClient) -> None:
    paid = await qbo.make("Payment", {"CustomerRef": {"value": "1"}, "TotalAmt": 100})
    link = {"Amount": 100, "LinkedTxn": [{"TxnId": paid["Id"], "TxnType": "Payment", "TxnLineId": "0"}]}
    fee = {
        "Amount": Decimal("-3.20"),
        "DetailType": "DepositLineDetail",
        "DepositLineDetail": {"AccountRef": {"value": "11"}},
    }
    body = {"DepositToAccountRef": {"value": "3"}, "Line": [link, fee]}
    detail = await refused(qbo, "deposit", {**body, "Line": [{**link, "DetailType": "DepositLineDetail"}]}, "2020")
    assert "Line.DepositLineDetail.AccountRef" in detail
    await refused(qbo, "deposit", {**body, "Line": [{**link, "Amount": 99}]}, "6000")
    await refused(qbo, "deposit", {**body, "Line": [fee]}, "6000")
    bank_line = {**fee, "DepositLineDetail": {"AccountRef": {"value": "1"}}}
    await refused(qbo, "deposit", {**body, "Line": [bank_line]}, "6430")
    made = await qbo.make("Deposit", body)
    assert made["TotalAmt"] == Decimal("96.8")
    key = {"Id": paid["Id"], "SyncToken": "1"}
    await refused(qbo, "payment", {**key, "sparse": True, "PrivateNote": "x"}, "6540")
    await refused(qbo, "payment", key, "6540", operation="delete")
    await refused(qbo, "deposit", body, "620")
    await qbo.post("deposit", {"Id": made["Id"], "SyncToken": "0"}, operation="delete")
    await qbo.make("Payment", {"Id": paid["Id"], "SyncToken": "2", "sparse": True, "PrivateNote": "x"})


async def test_journal_entries(qbo: SandboxClient) -> None:
    made = await qbo.make("JournalEntry", journal(("Debit", "3", "5.00"), ("Credit", "11", "5.00"), DocNumber="J1"))
    assert (made["TotalAmt"], [line["Id"] for line in made["Line"]]) == (0, ["0", "1"])
    await refused(qbo, "journalentry", journal(("Debit", "3", "5.00"), ("Credit", "11", "4.00")), "2300")
    await refused(qbo, "journalentry", journal(("Debit", "3", "5.00")), "6000")
    detail = await refused(qbo, "journalentry", journal(("Debit", "1", "5.00"), ("Credit", "11", "5.00")), "6000")
    assert "you must choose a customer in the Name field" in detail
    _, answer = await qbo.query("SELECT * FROM JournalEntry WHERE DocNumber = 'J1'")
    assert answer["QueryResponse"]["maxResults"] == 1


async def test_transfers(qbo: SandboxClient) -> None:
    body = {"FromAccountRef": {"value": "5"}, "ToAccountRef": {"value": "3"}, "Amount": Decimal("12.34")}
    await qbo.make("Transfer", body)
    _, answer = await qbo.get("account/3")
    assert answer["Account"]["CurrentBalance"] == Decimal("12.34")
    await refused(qbo, "transfer", {**body, "ToAccountRef": {"value": "6"}}, "6430")
