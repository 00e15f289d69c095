"""The write protocol on quiet days: each document exactly once, and a second run that asks QBO nothing."""

import asyncio
import itertools
from decimal import Decimal

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, Shop, gather_all
from wescope.engine.results import ActionRow


async def test_customer_invoice_and_payment(desk: Desk, shop: Shop) -> None:
    invoice = shop.paid_invoice(shop.customer(), 10_000, 250)
    await desk.sync(invoice)
    desk.check_invoice(invoice, balance="0")
    assert desk.balance("Stripe Clearing") == Decimal("102.50")
    await desk.check_settled()


async def test_partial_payments_each_become_a_payment(desk: Desk, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer(), 10_000)
    shop.pay(invoice, amount=3_000)
    await desk.sync(invoice)
    desk.check_invoice(invoice, balance="70")
    shop.pay(invoice, amount=2_500)
    shop.pay(invoice)
    await desk.sync(invoice)
    desk.check_invoice(invoice, balance="0")
    assert [Decimal(one["TotalAmt"]) for one in desk.records("Payment")] == [30, 25, 45]
    await desk.check_settled()


async def test_a_payment_outside_of_stripe_never_touches_clearing(desk: Desk, shop: Shop) -> None:
    customer = shop.customer()
    marked, recorded = shop.invoice(customer, 4_000), shop.invoice(customer, 700)
    shop.pay(marked, method="out_of_band")
    shop.pay(recorded, method="record")
    await desk.sync(marked, recorded)
    desk.check_invoice(marked, balance="0")
    desk.check_invoice(recorded, balance="0")
    assert desk.balance("Stripe Clearing") == 0
    assert desk.balance("Stripe Out of Band") == Decimal(47)
    await desk.check_settled()


async def test_a_total_of_zero_is_an_invoice_if_a_line_is_not_zero(desk: Desk, shop: Shop) -> None:
    customer = shop.customer()
    free, discounted = shop.invoice(customer, 0), shop.invoice(customer, 5_000, -5_000)
    await desk.sync(free, discounted)
    desk.check_invoice(discounted, balance="0")
    assert [one["PrivateNote"].split()[-1] for one in desk.records("Invoice")] == [f"wescope:{discounted}:invoice"]
    await desk.check_settled()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_one_charge_over_three_invoices_hinted_in_any_order(
    desk: Desk, shop: Shop, order: tuple[int, ...]
) -> None:
    customer = shop.customer()
    invoices = [shop.invoice(customer, amount) for amount in (10_000, 20_000, 30_000)]
    charge = shop.pay_shared(dict(zip(invoices, (10_000, 5_000, 30_000), strict=True)), 46_000)
    for index in order:
        await desk.sync(invoices[index])
    payment = desk.record("Payment", f"{charge}:payment")
    assert sorted(Decimal(line["Amount"]) for line in payment["Line"]) == [50, 100, 300]
    assert len({line["LinkedTxn"][0]["TxnId"] for line in payment["Line"]}) == 3
    assert Decimal(payment["UnappliedAmt"]) == 10
    for invoice, balance in zip(invoices, ("0", "150", "0"), strict=True):
        desk.check_invoice(invoice, balance=balance)
    assert len(desk.records("Payment")) == 1
    await desk.check_settled()


async def test_an_invoice_that_a_posted_payment_pays_too_is_linked_later(desk: Desk, shop: Shop) -> None:
    customer = shop.customer()
    first, second = shop.invoice(customer, 6_000), shop.invoice(customer, 4_000)
    charge = shop.pay_shared({first: 6_000}, 10_000)
    await desk.sync(first, second)
    shop.apply_more(charge, second, 4_000)
    await desk.sync(first)
    for invoice in (first, second):
        desk.check_invoice(invoice, balance="0")
    assert len(desk.record("Payment", f"{charge}:payment")["Line"]) == 2
    await desk.check_settled()


async def test_voided_in_its_month_is_voided_in_qbo(desk: Desk, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    await desk.sync(invoice)
    shop.void(invoice)
    await desk.sync(invoice)
    assert Decimal(desk.record("Invoice", f"{invoice}:invoice")["TotalAmt"]) == 0
    assert desk.receivable() == 0
    assert desk.asked("void") == 1
    await desk.check_settled()


async def test_voided_before_it_was_posted_is_nothing(desk: Desk, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer())
    shop.void(invoice)
    await desk.sync(invoice)
    assert desk.records("Invoice") == []
    assert desk.qbo.requests.writes == 0
    await desk.check_settled()


async def test_a_void_that_stripe_takes_back_is_posted_anew(desk: Desk, shop: Shop) -> None:
    """It cannot happen in Stripe, but in a policy: a request id must never repeat an old answer."""
    invoice = shop.invoice(shop.customer())
    await desk.sync(invoice)
    transitions = dict(shop.business.invoices.find(invoice)["status_transitions"])
    shop.void(invoice)
    await desk.sync(invoice)
    shop.edit(invoice, status="open", status_transitions=transitions)
    await desk.sync(invoice)
    standing = [one for one in desk.records("Invoice", f"{invoice}:invoice") if Decimal(one["TotalAmt"])]
    assert len(standing) == 1
    link = await desk.link(f"{invoice}:invoice")
    assert link is not None
    assert link.qbo_id == standing[0]["Id"]
    assert await desk.codes() == {}
    await desk.check_silent()


async def test_a_change_to_and_fro_is_written_each_time(desk: Desk, shop: Shop) -> None:
    invoice = shop.invoice(shop.customer(), days_until_due=10)
    due = int(shop.business.invoices.find(invoice)["due_date"])
    await desk.sync(invoice)
    first = desk.record("Invoice", f"{invoice}:invoice")["DueDate"]
    for days in (5, 0, 5, 0, 5):
        shop.edit(invoice, due_date=due + days * 86_400)
        await desk.sync(invoice)
        assert (desk.record("Invoice", f"{invoice}:invoice")["DueDate"] == first) == (days == 0)
    await desk.check_settled()


async def test_many_customers_of_one_name_get_one_each(desk: Desk, shop: Shop) -> None:
    customers = [shop.customer("Cool Cars") for _ in range(3)]  # QBO has a customer of this name already
    invoices = [shop.invoice(customer) for customer in customers]
    await desk.sync(*invoices)
    names = {desk.record("Customer", f"{one}:customer:usd")["DisplayName"] for one in customers}
    assert len(names) == 3
    for invoice in invoices:
        desk.check_invoice(invoice, balance="100")
    await desk.check_settled()


@pytest.mark.parametrize("name", ["Robertson & Associates", "John Johnson", "amy's bird sanctuary", "Red Rock Diner"])
async def test_a_name_that_a_vendor_employee_or_customer_has(desk: Desk, shop: Shop, name: str) -> None:
    customer = shop.customer(name)
    invoice = shop.invoice(customer)
    await desk.sync(invoice)
    assert customer in desk.record("Customer", f"{customer}:customer:usd")["DisplayName"]
    desk.check_invoice(invoice, balance="100")
    await desk.check_settled()


async def test_a_renamed_customer_keeps_its_name_in_qbo(desk: Desk, shop: Shop) -> None:
    customer = shop.customer("Ada Lovelace")
    await desk.sync(shop.invoice(customer))
    shop.do("update_customer", id=customer, name="Ada King")
    await desk.sync(shop.invoice(customer))
    assert desk.record("Customer", f"{customer}:customer:usd")["DisplayName"] == "Ada Lovelace"
    await desk.check_settled()


async def test_two_subjects_of_one_customer_at_once_in_two_processes(desk: Desk, shop: Shop) -> None:
    customer = shop.customer()
    invoices = [shop.paid_invoice(customer, 1_000 * number) for number in range(1, 5)]
    async with desk.another() as second, desk.another() as third:
        await gather_all(desk, [desk.runtime, second, third], *invoices)
    for invoice in invoices:
        desk.check_invoice(invoice, balance="0")
    assert len(desk.records("Customer", f"{customer}:customer:usd")) == 1
    await desk.check_settled()


async def test_many_customers_at_once_with_one_name_at_a_time(make_desk: OpenDesk) -> None:
    async with make_desk(knobs={"latency_ms": 20}) as desk:
        invoices = [desk.shop.paid_invoice(desk.shop.customer(f"Customer {number}")) for number in range(8)]
        await gather_all(desk, [desk.runtime], *invoices)
        for invoice in invoices:
            desk.check_invoice(invoice, balance="0")
        refused = [one for one in desk.qbo.requests.entries if one.code == "6000"]
        assert refused == [], "names are written one after another"
        await desk.check_settled()


async def test_dry_run_writes_nothing_and_says_what_it_would_do(make_desk: OpenDesk) -> None:
    async with make_desk(dry_run=True) as desk:
        customer = desk.shop.customer()
        invoice = desk.shop.paid_invoice(customer)
        (charge,) = desk.shop.charges()
        await desk.sync(invoice)
        keys = {f"{customer}:customer:usd", f"{invoice}:invoice", f"{charge}:payment"}
        assert await desk.codes() == dict.fromkeys(keys, "dry_run")
        assert desk.qbo.requests.total == 0
        await desk.check_silent()
        async with desk.another(dry_run=False) as real:
            await desk.hint(invoice)
            await desk.work(real)
            desk.check_invoice(invoice, balance="0")
        assert await desk.codes() == {}


async def test_a_revoked_connection_keeps_the_work(desk: Desk, shop: Shop) -> None:
    first = shop.paid_invoice(shop.customer("First"))
    await desk.sync(first)
    desk.qbo.tokens.revoke_all()
    second = shop.paid_invoice(shop.customer("Second"))
    await desk.once(second)
    assert await desk.last_code(second) == "qbo_disconnected"
    assert [str(one) for one in await desk.dirty()] == [f"invoice/{second}"]
    asked = desk.qbo.requests.total
    async with desk.another() as reconnected:  # with the new refresh token in its environment
        await desk.work(reconnected)
        desk.check_invoice(second, balance="0")
    assert desk.qbo.requests.total > asked
    await desk.check_settled()


async def test_sync_tells_what_was_done(desk: Desk, shop: Shop) -> None:
    customer = shop.customer()
    invoice = shop.paid_invoice(customer)
    (charge,) = shop.charges()

    def told(rows: tuple[ActionRow, ...]) -> list[tuple[str, str]]:
        return [(row.document_key, row.action) for row in rows]

    keys = [f"{customer}:customer:usd", f"{invoice}:invoice", f"{charge}:payment"]
    (preview,) = await desk.runtime.sync([invoice], dry_run=True)
    assert told(preview.actions) == [(key, "create") for key in keys]
    assert desk.qbo.requests.total == 0
    (done,) = await desk.runtime.sync([charge], dry_run=False)
    assert told(done.actions) == [(key, "create") for key in keys]
    (again,) = await desk.runtime.sync([invoice], dry_run=False)
    assert told(again.actions) == [(key, "nothing") for key in keys]
    await desk.check_settled()


async def test_attempts_are_written_once_however_often_they_are_flushed(desk: Desk, shop: Shop) -> None:
    await desk.sync(shop.paid_invoice(shop.customer()))
    await asyncio.gather(*(desk.runtime.attempts.flush() for _ in range(5)))
    status = await desk.runtime.status()
    assert status.qbo_writes_total == 3
    assert status.posted == 3
    assert status.backlog == 0
