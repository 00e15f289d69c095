"""Balances of customers: what Stripe owes them or they owe, and every move of it."""

from wescope.books.values import Customer, CustomerBalance, CustomerBalanceTransaction, Invoice, InvoiceStatus
from wescope.errors import ObjectNotFound
from wescope.stripe.client import StripeApi
from wescope.stripe.parsing import parse_balance_move, parse_customer


class CustomerBalanceReader:
    """Reads the moves of customers' balances (facts/stripe.md 2.4)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def of(self, identifier: str) -> CustomerBalance | None:
        """A customer with all moves of its balance; null if Stripe has no such customer. Two calls, or more than 100.

        Raises:
            StripeError: Stripe can't be read, or a move can't.
        """
        try:
            customer = parse_customer(await self._api.get(f"/v1/customers/{identifier}"))
        except ObjectNotFound:
            return None
        return CustomerBalance(customer=customer, transactions=await self._moves(customer))

    async def of_invoice(self, invoice: Invoice) -> tuple[CustomerBalanceTransaction, ...]:
        """All moves of the balance of an invoice's customer in its currency, oldest first, if it had to do with it.

        Calls: none if the invoice neither used nor changed the balance; else one per 100 moves.

        Raises:
            StripeError: Stripe can't be read, or a move can't.
        """
        if not _concerns_balance(invoice) or not invoice.customer.id:
            return ()
        moves = await self._moves(invoice.customer)
        return tuple(move for move in moves if move.currency == invoice.currency)

    async def _moves(self, customer: Customer) -> tuple[CustomerBalanceTransaction, ...]:
        path = f"/v1/customers/{customer.id}/balance_transactions"
        try:
            newest_first = [parse_balance_move(row) async for row in self._api.pages(path)]
        except ObjectNotFound:
            if not customer.deleted:
                raise
            return ()
        return tuple(reversed(newest_first))


def _concerns_balance(invoice: Invoice) -> bool:
    if invoice.status is InvoiceStatus.DRAFT:
        return False
    moved = invoice.ending_balance is not None and invoice.ending_balance != invoice.starting_balance
    if moved or invoice.starting_balance or invoice.amount_overpaid:
        return True
    # Nothing was due although something was sold: too small or too large to collect, or credited at once. A void
    # invoice gives the balance back, so that both ends are equal again.
    settled = invoice.status in {InvoiceStatus.PAID, InvoiceStatus.VOID}
    return settled and invoice.total > 0 and invoice.amount_due == 0 and not invoice.amount_paid
