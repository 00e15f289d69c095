"""A shop on Stripe's stand-in: customers, and invoices that they pay by card."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

HISTORY_DAYS: Final = 60
"""The history begins so many days ago and ends yesterday: all of it is a backlog."""
DAY_S: Final = 86_400
AT_ONCE: Final = 8


@dataclass(slots=True)
class Shop:
    """`url` is of Stripe's stand-in; `customers` are the ids of those that were made."""

    http: httpx2.AsyncClient
    url: str
    customers: list[str] = field(default_factory=list)

    async def act(self, path: str, **values: Any) -> Mapping[str, Any]:
        """Order something from Stripe's stand-in."""
        answer = await self.http.post(f"{self.url}/_sandbox/{path}", json=values)
        found: Mapping[str, Any] = answer.raise_for_status().json()
        return found

    async def make_history(self, *, invoices: int, customers: int) -> None:
        """Customers and paid invoices over the last weeks, until yesterday."""
        begin = int(time.time()) - HISTORY_DAYS * DAY_S
        step_s = (HISTORY_DAYS - 1) * DAY_S // invoices
        for number in range(customers):
            name = f"Customer {number}"
            made = await self.act("customers", name=name, email=f"buyer{number}@example.com", at=begin - DAY_S)
            self.customers.append(str(made["id"]))
        numbers = iter(range(invoices))

        async def buy() -> None:
            for number in numbers:
                await self.buy(number, at=begin + number * step_s)

        await asyncio.gather(*(buy() for _ in range(AT_ONCE)))

    async def buy(self, number: int, **when: int) -> str:
        """One invoice, finalized and paid by card; its id."""
        line = {"amount": 1000 + number, "description": "Subscription"}
        customer = self.customers[number % len(self.customers)]
        invoice = await self.act("invoices", customer=customer, lines=[line], **when)
        await self.act(f"invoices/{invoice['id']}/pay", **{name: at + 5 for name, at in when.items()})
        return str(invoice["id"])
