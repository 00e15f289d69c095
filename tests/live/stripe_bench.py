"""Stripe's side of the bench: the official SDK makes marked objects in test mode, the product's client reads them."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import stripe
from stripe.params import CreditNoteCreateParams

from tests.live.qbo_cleaning import LOOKED_BACK, Cleaned
from tests.live.run_marker import METADATA_KEY, Run, is_marked_in_stripe
from wescope.stripe.client import StripeApi

CARD: Final = "pm_card_bypassPending"
"""Stripe's test card whose money is available at once."""

_OPEN = ("draft", "open", "uncollectible")


@dataclass(slots=True, kw_only=True)
class StripeBench:
    """An account to try things in. Amounts are integers of minor units, in the account's own currency.

    `api` reads, `desk` writes. `currency` is in lower case.
    """

    run: Run
    api: StripeApi
    desk: stripe.StripeClient
    api_base: str
    is_local: bool
    currency: str = "usd"

    @property
    def metadata(self) -> dict[str, str]:
        """The marker."""
        return {METADATA_KEY: self.run.id}

    async def furnish(self) -> None:
        """Learn the account's currency."""
        account = await self.api.get("/v1/account")
        self.currency = str(account.get("default_currency") or "usd")

    async def customer(self) -> str:
        """A customer with a card that works."""
        made = await self.desk.v1.customers.create_async(
            params={
                "name": self.run.name("customer"),
                "metadata": self.metadata,
                "payment_method": CARD,
                "invoice_settings": {"default_payment_method": CARD},
            }
        )
        return made.id

    async def open_invoice(self, customer: str, *amounts: int, metadata: dict[str, str] | None = None) -> str:
        """A finalized invoice with a line of each amount."""
        for number, amount in enumerate(amounts, 1):
            await self.desk.v1.invoice_items.create_async(
                params={
                    "customer": customer,
                    "amount": amount,
                    "currency": self.currency,
                    "description": f"line {number}",
                    "metadata": self.metadata,
                }
            )
        made = await self.desk.v1.invoices.create_async(
            params={
                "customer": customer,
                "auto_advance": False,
                "collection_method": "charge_automatically",
                "currency": self.currency,
                "pending_invoice_items_behavior": "include",
                "metadata": {**self.metadata, **(metadata or {})},
            }
        )
        await self.desk.v1.invoices.finalize_invoice_async(str(made.id), params={"auto_advance": False})
        return str(made.id)

    async def pay(self, invoice: str) -> None:
        """Pay an invoice by its customer's card."""
        await self.desk.v1.invoices.pay_async(invoice)

    async def pay_out_of_band(self, invoice: str) -> None:
        """Say that an invoice was paid elsewhere."""
        await self.desk.v1.invoices.pay_async(invoice, params={"paid_out_of_band": True})

    async def void(self, invoice: str) -> None:
        """Void an open invoice."""
        await self.desk.v1.invoices.void_invoice_async(invoice)

    async def write_off(self, invoice: str) -> None:
        """Mark an invoice uncollectible."""
        await self.desk.v1.invoices.mark_uncollectible_async(invoice)

    async def refund(self, charge: str, amount: int) -> str:
        """Refund a part of a charge."""
        made = await self.desk.v1.refunds.create_async(
            params={"charge": charge, "amount": amount, "metadata": self.metadata}
        )
        return made.id

    async def credit_note(self, invoice: str, amount: int, *, refund_amount: int = 0) -> str:
        """Credit a part of an invoice, and refund so much of it."""
        params: CreditNoteCreateParams = {"invoice": invoice, "amount": amount, "metadata": self.metadata}
        if refund_amount:
            params["refund_amount"] = refund_amount
        return (await self.desk.v1.credit_notes.create_async(params=params)).id

    async def sell(self, customer: str, amount: int) -> str:
        """A payment without an invoice: its charge."""
        made = await self.desk.v1.payment_intents.create_async(
            params={
                "amount": amount,
                "currency": self.currency,
                "customer": customer,
                "payment_method": CARD,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "confirm": True,
                "metadata": self.metadata,
            }
        )
        return str(made.latest_charge)

    async def adjust_balance(self, customer: str, amount: int) -> None:
        """Move a customer's balance; below zero is credit."""
        await self.desk.v1.customers.balance_transactions.create_async(
            customer, params={"amount": amount, "currency": self.currency, "metadata": self.metadata}
        )

    async def payments_of(self, invoice: str) -> list[dict[str, Any]]:
        """The invoice payments of an invoice."""
        return [row async for row in self.api.pages("/v1/invoice_payments", invoice=invoice)]

    async def charge_of(self, invoice: str) -> str:
        """The charge that paid an invoice."""
        intent = (await self.payments_of(invoice))[0]["payment"]["payment_intent"]
        charges = [row async for row in self.api.pages("/v1/charges", payment_intent=intent)]
        return str(charges[0]["id"])

    async def clean(self, now: datetime | None = None) -> Cleaned:
        """Void and delete what this and earlier runs have made in the last 60 days, as far as Stripe lets it.

        Stripe keeps what was paid. Deleting a customer ends whatever could still happen to it.

        Args:
            now: the moment; for tests.
        """
        cleaned = Cleaned(gone=Counter())
        since = int(((now or datetime.now(UTC)) - LOOKED_BACK).timestamp())
        marked = [
            row async for row in self.api.pages("/v1/customers", created={"gte": since}) if is_marked_in_stripe(row)
        ]
        for customer in marked:
            try:
                await self._remove(str(customer["id"]), cleaned)
            except stripe.StripeError as error:
                cleaned.left.append(f"customer {customer['id']}: {error.code or error.http_status}")
        return cleaned

    async def _remove(self, customer: str, cleaned: Cleaned) -> None:
        for status in _OPEN:
            for invoice in [row async for row in self.api.pages("/v1/invoices", customer=customer, status=status)]:
                if not is_marked_in_stripe(invoice):
                    continue
                if status == "draft":
                    await self.desk.v1.invoices.delete_async(invoice["id"])
                else:
                    await self.void(invoice["id"])
                cleaned.gone["invoice"] += 1
        await self.desk.v1.customers.delete_async(customer)
        cleaned.gone["customer"] += 1
