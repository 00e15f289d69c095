"""What QBO refuses, stores otherwise, or what people do in it: named, never overwritten, mended by itself."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, Shop
from wescope.books.parking import REASONS, ParkCode
from wescope.books.policy import Policy
from wescope.books.values import Invoice
from wescope.stripe.invoices import InvoiceReader

_CUT_OVER = Policy(start_date=date(2026, 11, 1))


async def test_links_that_qbo_drops_silently_are_undone_and_parked(desk: Desk, shop: Shop) -> None:
    invoice = shop.paid_invoice(shop.customer())
    (charge,) = shop.charges()
    desk.qbo.faults.arm("drop_links", entity="Payment", operation="create")
    await desk.sync(invoice)
    assert desk.records("Payment") == []
    row = await desk.parked(f"{charge}:payment")
    assert (row.code, row.amount) == ("answer_differs", 10_000)
    assert "LinkedTxn" in str(row.details["differences"])
    desk.check_invoice(invoice, balance="100")
    assert desk.balance("Stripe Clearing") == 0
    await desk.wake()
    desk.check_invoice(invoice, balance="0")
    await desk.check_settled()


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "error_before", "throttle", "cut_body", "unauthorized"])
@pytest.mark.parametrize("knobs", [{}, {"requestid": "absent"}], ids=["replay", "absent"])
async def test_taking_back_is_itself_exact(make_desk: OpenDesk, kind: str, knobs: dict[str, Any]) -> None:
    async with make_desk(knobs=knobs) as desk:
        invoice = desk.shop.paid_invoice(desk.shop.customer())
        desk.qbo.faults.arm("drop_links", entity="Payment", operation="create")
        count = 1 if kind == "unauthorized" else 3  # a second one is a lost connection: everything waits
        rule = desk.qbo.faults.arm(kind, entity="Payment", operation="delete", count=count)
        await desk.once(invoice)
        assert rule.fired
        await desk.work()
        await desk.wake()
        desk.check_invoice(invoice, balance="0")
        assert len(desk.records("Payment")) == 1
        await desk.check_settled()


async def test_taking_back_that_qbo_refuses_names_what_stands(desk: Desk, shop: Shop) -> None:
    invoice = shop.paid_invoice(shop.customer())
    (charge,) = shop.charges()
    desk.qbo.faults.arm("drop_links", entity="Payment", operation="create")
    desk.qbo.faults.arm("fault", entity="Payment", operation="delete", code="6540", status=400, count=2)
    await desk.sync(invoice)
    (standing,) = desk.records("Payment")
    row = await desk.parked(f"{charge}:payment")
    assert row.code == "answer_differs"
    assert row.details["qbo_id"] == standing["Id"]
    assert row.details["fault_code"] == "6540"
    await desk.wake()  # refused once more
    await desk.wake()  # taken back
    assert desk.records("Payment") == []
    await desk.wake()
    desk.check_invoice(invoice, balance="0")
    await desk.check_settled()


async def test_links_that_an_update_drops_are_restored(desk: Desk, shop: Shop) -> None:
    customer = shop.customer()
    first, second = shop.invoice(customer, 6_000), shop.invoice(customer, 4_000)
    charge = shop.pay_shared({first: 6_000}, 10_000)
    await desk.sync(first, second)
    shop.apply_more(charge, second, 4_000)
    desk.qbo.faults.arm("drop_links", entity="Payment", operation="update")
    await desk.sync(first)
    desk.check_invoice(first, balance="0")
    desk.check_invoice(second, balance="40")
    assert (await desk.parked(f"{charge}:payment")).code == "answer_differs"
    await desk.wake()
    desk.check_invoice(second, balance="0")
    await desk.check_settled()


# --- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_a_number_that_a_foreign_invoice_has(make_desk: OpenDesk, language: str) -> None:
    async with make_desk(knobs={"warn_duplicate_doc_number": True, "doc_number_language": language}) as desk:
        customer = desk.shop.customer()
        await desk.sync(desk.shop.invoice(customer))
        invoice = desk.shop.invoice(customer, 5_000)
        number = desk.shop.business.invoices.find(invoice)["number"]
        line = {"Amount": 1, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
        body = {"CustomerRef": {"value": "1"}, "DocNumber": number, "Line": [line]}
        foreign = desk.qbo.company.human("Invoice", "create", body).body["Invoice"]
        await desk.sync(invoice)
        row = await desk.parked(f"{invoice}:invoice")
        assert (row.code, row.details["txn_id"]) == ("doc_number_taken", foreign["Id"])
        assert desk.qbo.company.object("Invoice", foreign["Id"]) == foreign
        edit = {"Id": foreign["Id"], "DocNumber": "BY-HAND"}
        desk.qbo.company.human("Invoice", "update", edit)
        await desk.wake()
        desk.check_invoice(invoice, balance="50")
        await desk.check_settled()


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_a_number_that_our_own_lost_invoice_has(make_desk: OpenDesk, language: str) -> None:
    knobs = {"warn_duplicate_doc_number": True, "doc_number_language": language, "requestid": "absent"}
    async with make_desk(knobs=knobs) as desk:
        customer = desk.shop.customer()
        await desk.sync(desk.shop.invoice(customer))
        invoice = desk.shop.paid_invoice(customer, 5_000)
        desk.qbo.faults.arm("drop_after", entity="Invoice", operation="create")
        desk.qbo.company.turn(query_lag_ms=60_000)
        await desk.once(invoice)
        await _believed_absent(desk, invoice)
        desk.qbo.company.turn(query_lag_ms=0)
        await desk.work()
        desk.check_invoice(invoice, balance="0")
        await desk.check_settled()


async def _believed_absent(desk: Desk, invoice: str) -> None:
    """Tells the links that a lost write is surely absent, although it is there."""
    async with desk.runtime.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE links SET state = 'absent' WHERE state IN ('unknown', 'intended')")


async def test_numbers_twice_when_qbo_does_not_warn(desk: Desk, shop: Shop) -> None:
    customer = shop.customer()
    invoice = shop.invoice(customer, 5_000)
    number = shop.business.invoices.find(invoice)["number"]
    line = {"Amount": 1, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    # Of another time of the year: near the invoice's own date it would look like it, and be asked about.
    body = {"CustomerRef": {"value": "1"}, "DocNumber": number, "Line": [line], "TxnDate": "2026-03-01"}
    desk.qbo.company.human("Invoice", "create", body)
    desk.qbo.faults.arm("drop_after", entity="Invoice", operation="create")
    await desk.sync(invoice)
    assert len([one for one in desk.records("Invoice") if one.get("DocNumber") == number]) == 2
    desk.check_invoice(invoice, balance="50")
    await desk.check_settled()


@pytest.mark.parametrize("when_off", ["ignore", "keep", "refuse"])
async def test_a_company_that_numbers_by_itself(make_desk: OpenDesk, when_off: str) -> None:
    async with make_desk(knobs={"custom_txn_numbers": False, "doc_number_when_off": when_off}) as desk:
        invoice = desk.shop.paid_invoice(desk.shop.customer())
        desk.qbo.faults.arm("drop_after", entity="Invoice", operation="create")
        await desk.sync(invoice)
        record = desk.record("Invoice", f"{invoice}:invoice")
        assert record["DocNumber"] != desk.shop.business.invoices.find(invoice)["number"]
        assert Decimal(record["Balance"]) == 0
        await desk.check_settled()


# --- periods, references --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noticed", [True, False], ids=["known", "just closed"])
async def test_closed_books_wait_until_they_are_opened(desk: Desk, shop: Shop, noticed: bool) -> None:
    customer = shop.customer()
    await desk.sync(shop.invoice(customer))
    desk.qbo.company.turn(book_close_date="2026-11-30")
    if noticed:
        await desk.runtime.company.refresh()
    invoice = shop.paid_invoice(customer, 3_000)
    await desk.sync(invoice)
    (charge,) = shop.charges()
    codes = await desk.codes()
    assert codes.pop(f"{invoice}:invoice") == "period_closed"
    assert codes.keys() == {f"{charge}:payment"}
    assert len(desk.records("Invoice")) == 1
    desk.qbo.company.turn(book_close_date="")
    await desk.wake()
    desk.check_invoice(invoice, balance="0")
    await desk.check_settled()


@pytest.mark.parametrize("noticed", [True, False], ids=["known", "just closed"])
async def test_a_void_in_closed_books_waits(desk: Desk, shop: Shop, noticed: bool) -> None:
    invoice = shop.invoice(shop.customer())
    await desk.sync(invoice)
    shop.void(invoice)
    desk.qbo.company.turn(book_close_date="2026-11-30")
    if noticed:
        await desk.runtime.company.refresh()
    await desk.sync(invoice)
    # What would undo it on a day of its own waits, too: that day is closed as well.
    counters = {f"{invoice}:reversal", f"{invoice}:reversal_application"}
    parked_keys = {f"{invoice}:invoice"} | counters
    assert set((await desk.codes()).values()) <= {"period_closed", "waiting"}
    assert (await desk.codes()).keys() <= parked_keys
    assert desk.receivable() == 100
    desk.qbo.company.turn(book_close_date="")
    await desk.wake()
    await desk.wake()
    assert desk.receivable() == 0
    assert desk.records("CreditMemo") == []
    await desk.check_settled()


async def test_a_lost_write_is_found_although_the_books_are_closed_meanwhile(desk: Desk, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    desk.qbo.faults.arm("drop_after", entity="Invoice", operation="create")
    await desk.once(invoice)
    desk.qbo.company.turn(book_close_date="2026-11-30")
    await desk.runtime.company.refresh()
    await desk.work()
    desk.check_invoice(invoice, balance="100")
    await desk.check_settled()


@pytest.mark.parametrize(
    ("entity", "name", "code"),
    [("Item", "Stripe Sales", "item_missing"), ("Account", "Stripe Clearing", "account_missing")],
)
@pytest.mark.parametrize("fault", ["2500", "610"])
async def test_an_inactive_item_or_account(make_desk: OpenDesk, entity: str, name: str, code: str, fault: str) -> None:
    async with make_desk(knobs={"inactive_reference_fault": fault}) as desk:
        customer = desk.shop.customer()
        await desk.sync(desk.shop.paid_invoice(customer))
        (found,) = [one for one in desk.records(entity) if one["Name"] == name]
        body = {"Id": found["Id"], "Active": False}
        outcome = desk.qbo.company.human(entity, "update", body)
        assert outcome.status == 200, outcome
        invoice = desk.shop.paid_invoice(customer, 3_300)
        await desk.sync(invoice)
        assert set((await desk.codes()).values()) & {"refused_by_qbo", code}
        await desk.wake()
        row = next(row for row in await desk.runtime.parked() if row.code == code)
        assert row.details["reason"] == "inactive"
        assert row.remedy == REASONS[ParkCode(code)].remedy
        desk.qbo.company.human(entity, "update", {"Id": found["Id"], "Active": True, "Name": name})
        await desk.wake()
        desk.check_invoice(invoice, balance="0")
        await desk.check_settled()


async def test_a_company_without_accounts_and_items_for_stripe(make_desk: OpenDesk) -> None:
    async with make_desk(bare=True) as desk:
        invoice = desk.shop.paid_invoice(desk.shop.customer(), 3_300)
        (charge,) = desk.shop.charges()
        await desk.sync(invoice)
        codes = await desk.codes()
        assert codes[f"{invoice}:invoice"] == "item_missing"
        income = next(one["Id"] for one in desk.records("Account") if one["Name"] == "Services")
        item = {"Name": "Stripe Sales", "Type": "Service", "IncomeAccountRef": {"value": income}}
        desk.qbo.company.human("Item", "create", item)
        await desk.wake()
        desk.check_invoice(invoice, balance="33")
        assert await desk.codes() == {f"{charge}:payment": "account_missing"}
        account = {
            "Name": "Stripe Clearing",
            "AccountType": "Other Current Asset",
            "AccountSubType": "OtherCurrentAssets",
        }
        desk.qbo.company.human("Account", "create", account)
        await desk.wake()
        desk.check_invoice(invoice, balance="0")
        await desk.check_settled()


async def test_an_invoice_that_somebody_deleted(desk: Desk, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    await desk.sync(invoice)
    record = desk.record("Invoice", f"{invoice}:invoice")
    desk.qbo.company.human("Invoice", "delete", {"Id": record["Id"]})
    shop.pay(invoice)
    (charge,) = shop.charges()
    await desk.sync(invoice)
    row = await desk.parked(f"{charge}:payment")
    assert (row.code, row.details["fault_code"]) == ("refused_by_qbo", "610")
    shop.edit(invoice, number="NEW-1")
    await desk.sync(invoice)
    assert (await desk.codes())[f"{invoice}:invoice"] == "missing_in_qbo"
    await desk.wake()
    assert (await desk.codes())[f"{invoice}:invoice"] == "missing_in_qbo"
    assert desk.records("Invoice") == []


async def test_an_update_is_lost_and_then_somebody_deletes_the_invoice(desk: Desk, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    await desk.sync(invoice)
    shop.edit(invoice, number="NEW-1")
    desk.qbo.faults.arm("drop_after", entity="Invoice", operation="update")
    await desk.once(invoice)
    desk.qbo.company.human("Invoice", "delete", {"Id": desk.record("Invoice", f"{invoice}:invoice")["Id"]})
    await desk.work()
    await desk.wake()
    assert await desk.codes() == {f"{invoice}:invoice": "missing_in_qbo"}
    assert desk.records("Invoice") == [], "never made again silently"


# --- people ---------------------------------------------------------------------------------------------------------


async def test_an_edited_amount_is_named_and_left_alone(desk: Desk, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    await desk.sync(invoice)
    record = desk.record("Invoice", f"{invoice}:invoice")
    line = {**record["Line"][0], "Amount": 123}
    line["SalesItemLineDetail"] = {"ItemRef": line["SalesItemLineDetail"]["ItemRef"]}
    outcome = desk.qbo.company.human("Invoice", "update", {"Id": record["Id"], "Line": [line]})
    assert outcome.status == 200, outcome
    shop.edit(invoice, number="NEW-1")
    await desk.sync(invoice)
    row = await desk.parked(f"{invoice}:invoice")
    assert (row.code, row.details["fields"], row.details["qbo_id"]) == ("edited_in_qbo", "TotalAmt", record["Id"])
    shop.void(invoice)
    await desk.sync(invoice)
    assert await desk.codes() == {f"{invoice}:invoice": "edited_in_qbo"}
    assert Decimal(desk.record("Invoice", f"{invoice}:invoice")["TotalAmt"]) == 123


async def test_an_invoice_that_somebody_voided(desk: Desk, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    await desk.sync(invoice)
    desk.qbo.company.human("Invoice", "void", {"Id": desk.record("Invoice", f"{invoice}:invoice")["Id"]})
    shop.edit(invoice, number="NEW-1")
    await desk.sync(invoice)
    row = await desk.parked(f"{invoice}:invoice")
    assert (row.code, row.details["fields"]) == ("edited_in_qbo", "voided")
    shop.void(invoice)
    await desk.sync(invoice)
    await desk.check_settled()


async def test_somebody_edits_a_lost_invoice_before_it_is_found(desk: Desk, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    desk.qbo.faults.arm("drop_after", entity="Invoice", operation="create")
    await desk.once(invoice)
    record = desk.record("Invoice", f"{invoice}:invoice")
    line = {**record["Line"][0], "Amount": 55}
    line["SalesItemLineDetail"] = {"ItemRef": line["SalesItemLineDetail"]["ItemRef"]}
    assert desk.qbo.company.human("Invoice", "update", {"Id": record["Id"], "Line": [line]}).status == 200
    await desk.work()
    assert await desk.codes() == {f"{invoice}:invoice": "edited_in_qbo"}
    await desk.wake()
    assert Decimal(desk.record("Invoice", f"{invoice}:invoice")["TotalAmt"]) == 55


@pytest.mark.parametrize("who", ["payment", "memo"])
async def test_the_invoice_changes_between_read_and_write(
    desk: Desk, shop: Shop, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5010: a payment of ours or a harmless edit came in between; it is read again and decided anew."""
    invoice = shop.invoice(shop.customer())
    await desk.sync(invoice)
    record = desk.record("Invoice", f"{invoice}:invoice")
    update = desk.runtime.client.update
    meddled: list[str] = []

    async def meddling(*arguments: Any, **options: Any) -> Any:
        if not meddled:
            meddled.append(who)
            if who == "memo":
                desk.qbo.company.human("Invoice", "update", {"Id": record["Id"], "CustomerMemo": {"value": "hello"}})
            else:
                linked = {"Amount": 10, "LinkedTxn": [{"TxnId": record["Id"], "TxnType": "Invoice"}]}
                body = {"CustomerRef": record["CustomerRef"], "TotalAmt": 10, "Line": [linked]}
                desk.qbo.company.human("Payment", "create", body)
        return await update(*arguments, **options)

    monkeypatch.setattr(desk.runtime.client, "update", meddling)
    shop.edit(invoice, number="NEW-1")
    await desk.sync(invoice)
    assert desk.check_invoice(invoice, balance="90" if who == "payment" else "100")["DocNumber"] == "NEW-1"
    assert [one.code for one in desk.qbo.requests.entries if one.code] == ["5010"]
    assert desk.record("Invoice", f"{invoice}:invoice").get("CustomerMemo") == (
        {"value": "hello"} if who == "memo" else None
    )
    await desk.check_settled()


async def test_a_human_edit_of_the_amount_between_read_and_write(
    desk: Desk, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = shop.invoice(shop.customer())
    await desk.sync(invoice)
    record = desk.record("Invoice", f"{invoice}:invoice")
    update = desk.runtime.client.update

    async def meddling(*arguments: Any, **options: Any) -> Any:
        line = {**record["Line"][0], "Amount": 77}
        line["SalesItemLineDetail"] = {"ItemRef": line["SalesItemLineDetail"]["ItemRef"]}
        desk.qbo.company.human("Invoice", "update", {"Id": record["Id"], "Line": [line]})
        return await update(*arguments, **options)

    monkeypatch.setattr(desk.runtime.client, "update", meddling)
    shop.edit(invoice, number="NEW-1")
    await desk.sync(invoice)
    assert await desk.codes() == {f"{invoice}:invoice": "edited_in_qbo"}
    assert Decimal(desk.record("Invoice", f"{invoice}:invoice")["TotalAmt"]) == 77


async def test_a_customer_made_inactive(desk: Desk, shop: Shop) -> None:
    customer = shop.customer()
    invoice = shop.paid_invoice(customer)
    await desk.sync(invoice)
    record = desk.record("Customer", f"{customer}:customer:usd")
    desk.qbo.company.human("Customer", "update", {"Id": record["Id"], "Active": False})
    second = shop.invoice(customer, 700)
    await desk.sync(second)
    assert await desk.codes() == {f"{second}:invoice": "refused_by_qbo"}
    desk.qbo.company.human("Customer", "update", {"Id": record["Id"], "Active": True})
    await desk.wake()
    desk.check_invoice(second, balance="7")
    await desk.check_settled()


# --- rules ----------------------------------------------------------------------------------------------------------


async def test_a_company_that_refuses_negative_lines(make_desk: OpenDesk) -> None:
    async with make_desk(knobs={"negative_lines": False}) as desk:
        customer = desk.shop.customer()
        invoice, plain = desk.shop.invoice(customer, 10_000, -2_500), desk.shop.invoice(customer, 900)
        await desk.sync(invoice, plain)
        row = await desk.parked(f"{invoice}:invoice")
        assert (row.code, row.details["fault_code"], row.amount) == ("refused_by_qbo", "2290", 7_500)
        desk.check_invoice(plain, balance="9")
        desk.qbo.company.turn(negative_lines=True)
        await desk.wake()
        desk.check_invoice(invoice, balance="75")
        await desk.check_settled()


async def test_credits_that_qbo_applies_unasked_are_released(make_desk: OpenDesk) -> None:
    """What pays an invoice is decided in Stripe: the credit that somebody entered is open again."""
    async with make_desk(knobs={"auto_apply_credit": True}) as desk:
        customer = desk.shop.customer()
        await desk.sync(desk.shop.paid_invoice(customer, 500))
        qbo_customer = desk.record("Customer", f"{customer}:customer:usd")["Id"]
        line = {"Amount": 40, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
        memo = {"CustomerRef": {"value": qbo_customer}, "Line": [line]}
        assert desk.qbo.company.human("CreditMemo", "create", memo).status == 200
        invoice = desk.shop.paid_invoice(customer, 10_000)
        await desk.sync(invoice)
        desk.check_invoice(invoice, balance="0")
        assert [one["Balance"] for one in desk.records("CreditMemo")] == [40]
        assert len(desk.records("Payment")) == 2
        await desk.check_settled()


def _old_and_new(desk: Desk) -> tuple[str, str, str]:
    """An invoice older than `_CUT_OVER`, one since, and the charge that pays both: 20 of the old one, 30 of the new."""
    customer = desk.shop.customer()
    old = desk.shop.invoice(customer, 2_000, effective_at=1_790_000_000)
    new = desk.shop.invoice(customer, 3_000)
    return old, new, desk.shop.pay_shared({old: 2_000, new: 3_000})


def _check_paid(desk: Desk, new: str, charge: str) -> None:
    """The payment is posted whole: the new invoice is settled, and what paid the old one stays unapplied."""
    invoice, payment = desk.check_invoice(new, balance="0"), desk.record("Payment", f"{charge}:payment")
    assert (payment["TotalAmt"], payment["UnappliedAmt"]) == (50, 20)
    linked = [(line["Amount"], link["TxnId"]) for line in payment["Line"] for link in line["LinkedTxn"]]
    assert linked == [(30, invoice["Id"])]


async def test_a_payment_of_an_invoice_before_the_start_and_a_later_one_settles_the_later(make_desk: OpenDesk) -> None:
    async with make_desk(policy=_CUT_OVER) as desk:
        old, new, charge = _old_and_new(desk)
        await desk.sync(old, new)
        assert desk.records("Invoice", f"{old}:invoice") == []
        _check_paid(desk, new, charge)
        await desk.check_settled()


async def test_a_payment_waits_while_the_other_invoice_cannot_be_read(make_desk: OpenDesk) -> None:
    async with make_desk(policy=_CUT_OVER) as desk:
        old, new, charge = _old_and_new(desk)
        desk.shop.edit(old, status="unheard_of")
        await desk.sync(old, new)
        desk.check_invoice(new, balance="30")
        assert await desk.codes() == {f"{old}:invoice": "object_unreadable", f"{charge}:payment": "waiting"}
        desk.shop.edit(old, status="paid")
        await desk.wake()
        _check_paid(desk, new, charge)
        assert await desk.codes() == {f"{old}:invoice": "object_unreadable"}
        await desk.sync(old)
        _check_paid(desk, new, charge)
        await desk.check_settled()


async def test_a_payment_that_also_pays_an_invoice_before_the_start_is_named_if_that_was_not_at_hand(
    make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older invoice could not be read with the new one, and can be a moment later: it will never be posted."""

    async def nothing(_reader: InvoiceReader, _invoice: Invoice) -> tuple[Invoice, ...]:
        return ()

    async with make_desk(policy=_CUT_OVER) as desk:
        old, new, charge = _old_and_new(desk)
        with monkeypatch.context() as patched:
            patched.setattr(InvoiceReader, "_companions", nothing)
            await desk.sync(new)
            desk.check_invoice(new, balance="30")
            row = await desk.parked(f"{charge}:payment")
            assert (row.code, row.amount) == ("pays_skipped_invoice", 5_000)
            assert row.details == {"invoice": old, "reason": "before_start_date"}
            assert await desk.dirty() == []
            await desk.check_silent()
        await desk.sync(new)
        _check_paid(desk, new, charge)
        await desk.check_settled()


async def test_a_payment_that_stripe_no_longer_shows_is_named_and_not_touched(desk: Desk, shop: Shop) -> None:
    invoice = shop.paid_invoice(shop.customer())
    (charge,) = shop.charges()
    await desk.sync(invoice)
    shop.take_back(charge)
    await desk.sync(invoice)
    row = await desk.parked(f"{charge}:payment")
    assert (row.code, row.amount) == ("no_longer_desired", 10_000)
    desk.check_invoice(invoice, balance="0")


async def test_an_object_that_refers_to_nothing_is_parked_and_not_tried_for_ever(desk: Desk, shop: Shop) -> None:
    invoice = shop.paid_invoice(shop.customer())
    (charge,) = shop.charges()
    store = shop.business.account.store
    found = store.get("charge", charge)
    assert found is not None
    (part,) = store.all("invoice_payment")
    part["payment"]["payment_intent"] = "pi_gone"
    await desk.sync(invoice)
    assert await desk.codes() == {f"{invoice}:invoice": "reference_missing"}
    assert await desk.dirty() == []
    part["payment"]["payment_intent"] = found["payment_intent"]
    await desk.wake()
    desk.check_invoice(invoice, balance="0")
    await desk.check_settled()
