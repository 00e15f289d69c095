"""Tie-out: what Stripe says is owed and held at the end of a day, against what QBO says.

Both sides are computed from the systems' own objects, not from the mapping or the links (these only tell which QBO
customer is which Stripe customer, and on which day somebody else booked a payout), so that a wrong posting cannot hide.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime

from wescope.books.policy import Policy
from wescope.books.values import CustomerBalanceTransaction, Invoice, Payout
from wescope.engine.tieout_clearing import Moved, bank_movements, clearing_movements
from wescope.engine.tieout_comparison import Comparison, Known
from wescope.engine.tieout_entries import StripeEntry
from wescope.engine.tieout_fees import fee_entries
from wescope.engine.tieout_income import income_entries
from wescope.engine.tieout_qbo import QboSide
from wescope.engine.tieout_results import TieOut
from wescope.engine.tieout_stripe import Movement, StripeSide, receivable_movements
from wescope.stripe.listing import StripeListing

__all__ = ["Known", "QboSide", "StripeSide", "compare", "read_stripe", "tie_out"]

_READS_AT_ONCE = 8


async def read_stripe(listing: StripeListing) -> StripeSide:
    """All that Stripe has to say: its lists, the rows of each automatic payout, and the balances that ever moved.

    Raises:
        StripeError: Stripe cannot be read; a tie-out over a part would be none.
    """
    invoices = [invoice async for invoice in listing.invoices(whole=True)]
    by_hand = await listing.has_manual_payouts()
    payouts = [replace(payout, fees_by_day=by_hand) async for payout in listing.payouts()]
    turn = asyncio.Semaphore(_READS_AT_ONCE)
    moved = await _with_balance(listing, invoices)
    balances = await asyncio.gather(*(_balance(listing, customer, turn) for customer in moved))
    return StripeSide(
        invoices=invoices,
        parts=[part async for part in listing.invoice_payments()],
        charges=[charge async for charge in listing.charges()],
        credit_notes=[note async for note in listing.credit_notes(whole=True)],
        balances=dict(zip(moved, balances, strict=True)),
        rows=[row async for row in listing.balance_transactions()],
        payouts=await asyncio.gather(*(_with_rows(listing, payout, turn) for payout in payouts)),
        refunds=[refund async for refund in listing.refund_moves()],
        fees_by_day=by_hand,
    )


async def _with_balance(listing: StripeListing, invoices: Iterable[Invoice]) -> list[str]:
    """The customers whose balance is, or once was, not zero as far as lists tell."""
    found = {customer.id async for customer in listing.customers() if customer.balance}
    found |= {
        invoice.customer.id
        for invoice in invoices
        if invoice.customer.id and (invoice.starting_balance or invoice.ending_balance)
    }
    return sorted(found)


async def _balance(
    listing: StripeListing, customer: str, turn: asyncio.Semaphore
) -> tuple[CustomerBalanceTransaction, ...]:
    async with turn:
        return tuple([move async for move in listing.customer_balance(customer)])


async def _with_rows(listing: StripeListing, payout: Payout, turn: asyncio.Semaphore) -> Payout:
    if not payout.automatic:
        return payout
    async with turn:
        return replace(payout, rows=tuple([row async for row in listing.payout_rows(payout.id)]))


async def tie_out(
    stripe: StripeSide, qbo: QboSide, policy: Policy, known: Known, *, as_of: date, at: datetime
) -> TieOut:
    """Both sides next to each other at the end of `as_of` (books' calendar); see `compare`."""
    return (await compare(stripe, qbo, policy, known, as_of=as_of, at=at)).result


async def compare(
    stripe: StripeSide, qbo: QboSide, policy: Policy, known: Known, *, as_of: date, at: datetime
) -> Comparison:
    """Both sides at the end of `as_of` (books' calendar), with everything that their rows are made of.

    Raises:
        QboError: QBO cannot be read.
        AccountMissing: the company has no clearing account.
    """
    movements = [*clearing_movements(stripe, policy, known.deposited)]
    in_bank = [*bank_movements(stripe, policy)]
    currencies = sorted({policy.home_currency, *(one.currency for one in (*movements, *in_bank))})
    aliases = await qbo.aliases(policy, currencies)
    receivable = [*receivable_movements(stripe, policy)]
    entries = [
        *(_of_money("clearing", one) for one in movements if one.amount),
        *(_of_money("bank", one) for one in in_bank if one.amount),
        *_owed(receivable, policy),
        *income_entries(stripe, receivable, policy, aliases),
        *fee_entries(stripe, policy, known.deposited, aliases),
    ]
    found = await qbo.read(known.customers, currencies, policy, known.adopted)
    comparison = Comparison(
        as_of=as_of, at=at, policy=policy, known=known, payouts=stripe.payouts, currencies=currencies, qbo=found
    )
    return await comparison.made_of(entries)


def _of_money(account: str, moved: Moved) -> StripeEntry:
    return StripeEntry(
        row=f"{account}:{moved.currency}",
        currency=moved.currency,
        day=moved.day,
        amount=moved.amount,
        stripe_id=moved.stripe_id,
        key=moved.key,
        about=moved.about,
    )


def _owed(movements: Iterable[Movement], policy: Policy) -> Iterator[StripeEntry]:
    for movement in movements:
        is_old = policy.start_date is not None and movement.day < policy.start_date
        if movement.amount and not is_old:
            yield StripeEntry(
                row=f"receivable:{movement.customer}:{movement.currency}",
                currency=movement.currency,
                day=movement.day,
                amount=movement.amount,
                stripe_id=movement.stripe_id,
                key=movement.key,
                about=movement.about,
            )
