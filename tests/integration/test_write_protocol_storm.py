"""A storm: two processes, a busy shop, and trouble with every second request. When it is over all is exact."""

import asyncio
import contextlib
import random
from decimal import Decimal

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk

_TROUBLE = (
    "drop_after",
    "drop_before",
    "error_before",
    "error_after",
    "throttle",
    "cut_body",
    "wrong_format",
    "drop_links",
)
_CUSTOMERS, _STEPS = 4, 40


class Storm:
    """What the merchant does and what goes wrong, all from one seed."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.chance = desk, random.Random(seed)  # noqa: S311 - repeatable
        self.customers = [desk.shop.customer("Same Name") for _ in range(_CUSTOMERS)]
        self.open: dict[str, list[str]] = {customer: [] for customer in self.customers}
        self.invoices: list[str] = []
        self.voided: list[str] = []

    def step(self) -> str:
        """Something happens at the shop; returns the invoice that a webhook would name."""
        shop, customer = self.desk.shop, self.chance.choice(self.customers)
        waiting = self.open[customer]
        action = self.chance.choice(["invoice", "invoice", "pay", "shared", "part", "void", "again"])
        if action == "invoice" or not waiting:
            amounts = [self.chance.randrange(1_000, 90_000) for _ in range(self.chance.randrange(1, 4))]
            waiting.append(shop.invoice(customer, *amounts))
            self.invoices.append(waiting[-1])
            return waiting[-1]
        invoice = self.chance.choice(waiting)
        left = int(shop.business.invoices.find(invoice)["amount_remaining"])
        paid = int(shop.business.invoices.find(invoice)["amount_paid"])
        if action == "pay":
            shop.pay(invoice)
            waiting.remove(invoice)
        elif action == "part" and left > 200:
            shop.pay(invoice, amount=left // 2)
        elif action == "void" and not paid:
            shop.void(invoice)
            waiting.remove(invoice)
            self.voided.append(invoice)
        elif action == "shared" and len(waiting) > 1:
            shares = {one: int(shop.business.invoices.find(one)["amount_remaining"]) for one in waiting[:3]}
            shop.pay_shared(shares, sum(shares.values()) + self.chance.choice([0, 500]))
            for one in shares:
                waiting.remove(one)
        return invoice

    def trouble(self) -> None:
        kind, entity = self.chance.choice(_TROUBLE), self.chance.choice(["Customer", "Invoice", "Payment"])
        settings = {"entity": "Payment", "operation": "create"} if kind == "drop_links" else {"entity": entity}
        self.desk.qbo.faults.arm(kind, method="POST", **settings)

    def check(self) -> None:
        business = self.desk.shop.business
        self.desk.check_books()
        for invoice in self.invoices:
            records = self.desk.records("Invoice", f"{invoice}:invoice")
            if invoice in self.voided:
                assert all(Decimal(one["TotalAmt"]) == 0 for one in records)
            else:
                left = Decimal(business.invoices.find(invoice)["amount_remaining"]) / 100
                self.desk.check_invoice(invoice, balance=str(left))
        collected = sum(charge["amount_captured"] for charge in business.account.store.all("charge"))
        assert self.desk.balance("Stripe Clearing") == Decimal(collected) / 100


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "memory"), [(1, "absent"), (2, "replay")])
async def test_a_storm_leaves_exact_books(make_desk: OpenDesk, seed: int, memory: str) -> None:
    async with make_desk(knobs={"requestid": memory}, settle_s=0.3) as desk, desk.another() as other:
        storm = Storm(desk, seed)
        chance = random.Random(seed)  # noqa: S311 - repeatable
        for _ in range(_STEPS):
            await desk.hint(storm.step())
            storm.trouble()
            runs = [one.reconciler.run(each) for each in await desk.dirty() for one in (desk.runtime, other)]
            chance.shuffle(runs)
            working = asyncio.gather(*runs)
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() * 0.05)
                working.cancel()  # a shutdown in the middle
            with contextlib.suppress(asyncio.CancelledError):
                await working
        desk.qbo.faults.clear()
        await desk.work()
        await desk.wake()
        storm.check()
        await desk.check_settled()
        result = await desk.runtime.tieout(None)
        assert (result.difference, result.parked) == ("0.00", ())
