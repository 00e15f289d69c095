"""Payouts through both services: checked row by row, posted, adopted or matched, and looked up again for nothing."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.unit.books.money_builders import a_payout, a_row
from wescope.books.payout import payout_books
from wescope.books.policy import AccountRole, PayoutMode, Policy
from wescope.books.subjects import Subject, SubjectKind
from wescope.engine.results import PayoutDetail
from wescope.errors import StripeRefused

CLEARING, BANK, FEES = "Stripe Clearing", "Checking", "Stripe Fees"
START = date(2026, 11, 2)


def payouts_of(desk: Desk) -> list[dict[str, Any]]:
    return list(desk.shop.business.account.store.all("payout"))


async def look(desk: Desk, payout: str) -> None:
    await desk.runtime.queue.hint([Subject(kind=SubjectKind.PAYOUT, id=payout)], source="test")
    await desk.work()


async def paid_out(desk: Desk, *amounts: int) -> tuple[list[str], str]:
    """Invoices that are paid on one day, and the payout of their money, arrived; nothing is synced."""
    customer = desk.shop.customer()
    invoices = [desk.shop.paid_invoice(customer, amount) for amount in amounts]
    desk.shop.advance(days=14)
    (payout,) = payouts_of(desk)
    assert payout["status"] == "paid"
    return invoices, str(payout["id"])


async def account_id(desk: Desk, role: AccountRole) -> str:
    return await desk.runtime.company.account(role, "usd")


async def bank_feed(desk: Desk, amount: str, day: str) -> str:
    """A deposit that a person accepted from the bank feed against clearing."""
    payload = {
        "DepositToAccountRef": {"value": await account_id(desk, AccountRole.BANK)},
        "TxnDate": day,
        "Line": [
            {
                "Amount": Decimal(amount),
                "DetailType": "DepositLineDetail",
                "DepositLineDetail": {"AccountRef": {"value": await account_id(desk, AccountRole.CLEARING)}},
            }
        ],
    }
    written = await desk.runtime.client.create("Deposit", payload, request_id=f"feed-{amount}-{day}")
    desk.runtime.reconciler.payouts.matcher.entries._records._months.clear()  # type: ignore[union-attr]  # time passes
    return f"Deposit/{written.record['Id']}"


async def detail(desk: Desk, payout: str) -> PayoutDetail:
    return await desk.runtime.payout(payout)


async def difference(desk: Desk) -> str:
    return (await desk.runtime.tieout(date(2026, 11, 21))).difference


async def test_a_payout_waits_for_its_rows_and_is_then_a_deposit(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        _, payout = await paid_out(desk, 10_000, 5_000)
        await look(desk, payout)
        found = await detail(desk, payout)
        assert (found.payout.state, found.payout.foots, found.payout.amount) == ("matched", True, found.payout.net)
        assert found.payout.gross == 15_000
        assert {row.state for row in found.rows} == {"matched"}
        assert all(row.document_key == f"{row.source}:payment" for row in found.rows)
        record = desk.record("Deposit", f"{payout}:deposit")
        assert found.payout.deposits == (f"Deposit/{record['Id']}",)
        assert str(found.payout.deposit_date) == record["TxnDate"]
        assert desk.balance(CLEARING) == 0
        assert await difference(desk) == "0.00"
        await desk.check_settled()
        result = await desk.runtime.tieout(date(2026, 11, 21))
        assert result.payouts == {"matched": 1}
        assert [(row.stripe, row.difference) for row in result.bank] == [(found.payout.amount, 0)]
        before = await desk.runtime.tieout(found.payout.deposit_date.replace(day=found.payout.deposit_date.day - 1))  # type: ignore[union-attr]
        assert (before.difference, before.clearing[0].stripe) == ("0.00", 15_000)


async def test_a_bank_feeds_deposit_is_adopted_and_the_fees_are_booked_beside_it(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        _, payout = await paid_out(desk, 10_000)
        (stripe,) = payouts_of(desk)
        entry = await bank_feed(desk, str(Decimal(stripe["amount"]) / 100), "2026-11-12")
        await look(desk, payout)
        found = (await detail(desk, payout)).payout
        assert (found.state, found.deposits, found.deposit_date) == ("adopted", (entry,), date(2026, 11, 12))
        assert desk.records("Deposit", f"{payout}:deposit") == []
        assert desk.balance(CLEARING) == 0
        assert await difference(desk) == "0.00"
        await desk.check_settled()


async def test_with_match_the_bank_feed_is_waited_for(make_desk: OpenDesk) -> None:
    policy = Policy(payouts=PayoutMode.MATCH)
    async with make_desk(payouts="daily", as_of=START, policy=policy) as desk:
        _, payout = await paid_out(desk, 10_000)
        await look(desk, payout)
        assert await desk.codes() == {f"{payout}:deposit": "payout_unmatched"}
        assert (await detail(desk, payout)).payout.state == "unmatched"
        (stripe,) = payouts_of(desk)
        half = Decimal(stripe["amount"]) / 100 - 50
        entries = (await bank_feed(desk, "50.00", "2026-11-12"), await bank_feed(desk, str(half), "2026-11-13"))
        await look(desk, payout)
        found = (await detail(desk, payout)).payout
        assert (found.state, set(found.deposits)) == ("matched", set(entries))
        assert desk.balance(CLEARING) == 0
        assert await difference(desk) == "0.00"
        await desk.check_settled()


async def test_one_deposit_for_two_payouts(make_desk: OpenDesk) -> None:
    policy = Policy(payouts=PayoutMode.MATCH)
    async with make_desk(payouts="daily", as_of=START, policy=policy) as desk:
        customer = desk.shop.customer()
        desk.shop.paid_invoice(customer, 10_000)
        desk.shop.advance(days=1)
        desk.shop.paid_invoice(customer, 7_000)
        desk.shop.advance(days=14)
        first, second = payouts_of(desk)
        total = Decimal(first["amount"] + second["amount"]) / 100
        entry = await bank_feed(desk, str(total), "2026-11-12")
        await look(desk, str(first["id"]))
        for one, other in ((first, second), (second, first)):
            found = (await detail(desk, str(one["id"]))).payout
            assert (found.state, found.deposits, found.shared_with) == ("matched", (entry,), (str(other["id"]),))
        assert desk.balance(CLEARING) == 0
        await desk.check_settled()


async def test_a_payout_with_a_document_that_cannot_be_posted_names_it(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        (invoice,), payout = await paid_out(desk, 10_000)
        desk.shop.edit(invoice, total=9_999)
        await look(desk, payout)
        (charge,) = desk.shop.charges()
        item = await desk.parked(f"{payout}:deposit")
        assert (item.code, item.details) == ("payout_waiting", {"waiting_on": f"{charge}:payment", "missing": 1})
        assert desk.records("Deposit") == []
        assert (await detail(desk, payout)).payout.waiting_on == (f"{charge}:payment",)
        await desk.check_silent()
        desk.shop.edit(invoice, total=10_000)
        await desk.sync(invoice)
        assert (await detail(desk, payout)).payout.state == "matched"
        await desk.check_settled()


async def test_a_payout_of_three_thousand_rows(desk: Desk) -> None:
    rows = [
        a_row(100, fee=3, row_id=f"txn_{index}", source=f"ch_{index}", charge=f"ch_{index}") for index in range(3_000)
    ]
    payout = a_payout(291_000, *rows)
    gate = desk.runtime.reconciler.payouts
    assert gate is not None
    desired = await gate.gate(payout, payout_books(payout, desk.runtime.policy))
    (item,) = desired.parked
    assert (desired.documents, item.details["missing"], len(desired.follows)) == ((), 3_000, 3_000)
    assert len(str(item.details["waiting_on"]).split()) == 20
    await gate.settle(payout, (), desired.parked)
    found = await detail(desk, "po_1")
    assert (found.payout.state, found.payout.net, len(found.rows)) == ("waiting", 291_000, 3_000)
    assert [row.transaction_id for row in found.rows[:2]] == ["txn_0", "txn_1"]


async def test_a_charge_that_failed_before_anything_was_posted_does_not_block(make_desk: OpenDesk) -> None:
    """Success and failure in one month, looked at afterwards: neither has a document, and both rows are settled."""
    async with make_desk(payouts="daily", as_of=START) as desk:
        customer = desk.shop.customer()
        desk.shop.paid_invoice(customer, 20_000)
        failing = desk.shop.invoice(customer, 5_000)
        desk.shop.pay(failing, method="debit")
        charge = desk.shop.charges()[-1]
        desk.shop.advance(days=5)
        desk.shop.do("fail_charge_later", id=charge)
        desk.shop.advance(days=14)
        for payout in payouts_of(desk):
            await look(desk, str(payout["id"]))
        await desk.wake()
        for payout in payouts_of(desk):
            found = await detail(desk, str(payout["id"]))
            assert found.payout.state == "matched", found
        assert desk.balance(CLEARING) == 0
        desk.check_invoice(failing, balance="50.00")
        assert await difference(desk) == "0.00"


async def test_a_key_that_may_not_read_the_account_still_posts_sales(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused() -> bool:
        raise StripeRefused("no permission")

    monkeypatch.setattr(desk.runtime.reader, "manual_payouts", refused)
    invoice = desk.shop.paid_invoice(desk.shop.customer(), 10_000)
    await desk.sync(invoice)
    desk.check_invoice(invoice, balance="0.00")
    gate = desk.runtime.reconciler.payouts
    assert gate is not None
    with pytest.raises(StripeRefused):
        await gate.days(a_payout(100))
