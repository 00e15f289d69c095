"""The story that Stripe's probes and the scenarios look at: invoices paid, refunded, credited, voided, written off."""

import asyncio
from dataclasses import dataclass, field

from tests.live.stripe_bench import StripeBench

PAID = (3000, 1000)
REFUNDED = 500
OPEN = 2000
CREDITED_BEFORE = 700
CREDITED_AFTER = 600
BALANCE = -500
TOO_SMALL = 20
"""Amounts in minor units of the account's currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Ids of what was made."""

    customer: str
    paid: str
    charge: str
    refund: str
    credited_open: str
    credited_paid: str
    note_before: str
    note_after: str
    void: str
    uncollectible: str
    out_of_band: str
    balance_customer: str
    balance_used: str


@dataclass(slots=True)
class StoryTeller:
    """Makes the story once for all probes of a run."""

    stripe: StripeBench
    _told: Story | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def story(self) -> Story:
        """The story, made now if it was not yet.

        Raises:
            stripe.StripeError: Stripe refuses a step.
        """
        async with self._turn:
            self._told = self._told or await self._tell()
            return self._told

    async def _tell(self) -> Story:
        stripe = self.stripe
        customer = await stripe.customer()
        paid = await stripe.open_invoice(customer, *PAID)
        await stripe.pay(paid)
        charge = await stripe.charge_of(paid)
        refund = await stripe.refund(charge, REFUNDED)
        credited_open = await stripe.open_invoice(customer, OPEN)
        note_before = await stripe.credit_note(credited_open, CREDITED_BEFORE)
        credited_paid = await stripe.open_invoice(customer, OPEN)
        await stripe.pay(credited_paid)
        note_after = await stripe.credit_note(credited_paid, CREDITED_AFTER, refund_amount=CREDITED_AFTER)
        void, uncollectible, out_of_band = [await stripe.open_invoice(customer, OPEN) for _ in range(3)]
        await stripe.void(void)
        await stripe.write_off(uncollectible)
        await stripe.pay_out_of_band(out_of_band)
        debtor = await stripe.customer()
        await stripe.adjust_balance(debtor, BALANCE)
        balance_used = await stripe.open_invoice(debtor, OPEN)
        return Story(
            customer=customer,
            paid=paid,
            charge=charge,
            refund=refund,
            credited_open=credited_open,
            credited_paid=credited_paid,
            note_before=note_before,
            note_after=note_after,
            void=void,
            uncollectible=uncollectible,
            out_of_band=out_of_band,
            balance_customer=debtor,
            balance_used=balance_used,
        )
