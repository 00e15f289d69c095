"""The credit balance of a customer: a ledger that finalizing invoices uses up and feeds (facts/stripe.md 2.4).

Below zero the customer has credit, above zero it owes. A customer has one balance, in one currency.
"""

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.customers import Customers
from wescope.sandbox.stripe.errors import StripeError, invalid_parameter, no_such
from wescope.sandbox.stripe.store import Resource

# Minor units below which Stripe charges nothing (docs.stripe.com/currencies); other currencies have the dollar's.
MINIMUM_CHARGES = {
    "aed": 200, "bgn": 100, "czk": 1500, "dkk": 250, "gbp": 30, "hkd": 400, "huf": 17_500, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "pln": 200, "ron": 200, "sek": 300, "thb": 1000, "usd": 50,
}  # fmt: skip
MAXIMUM_CHARGE = 99_999_999  # eight digits, in any currency


class Balances:
    """Keeps the balances of an account's customers."""

    def __init__(self, account: Account, customers: Customers) -> None:
        self._account = account
        self._store = account.store
        self._customers = customers

    def adjust(
        self, customer_id: str, amount: int, at: int, *, currency: str | None = None, description: str | None = None
    ) -> Resource:
        """Adjust a balance by hand; returns the customer balance transaction.

        Args:
            customer_id: Whose.
            amount: Minor units; below zero is credit for the customer.
            at: Unix seconds.
            currency: That of the customer unless said; a customer without one gets it.
            description: What the transaction says.

        Raises:
            StripeError: 400 when there is no such customer, the amount is 0 or the currency is another.
        """
        customer = self._customers.find(customer_id)
        if isinstance(amount, bool) or not isinstance(amount, int):
            raise invalid_parameter("amount", f"Invalid integer: {amount}", "parameter_invalid_integer")
        if not amount:
            raise invalid_parameter("amount", "The amount of a customer balance transaction cannot be zero.")
        wanted = currency or customer["currency"] or self._account.resource()["default_currency"]
        return self._change(customer, amount, "adjustment", at, currency=wanted, description=description)

    def standing(self, customer: Resource, currency: str) -> int:
        """Return the balance in a currency, minor units: 0 in every currency but the customer's own."""
        return int(customer["balance"]) if customer["currency"] == currency else 0

    def apply(self, invoice: Resource, at: int) -> None:
        """Use the balance for an invoice that is being finalized: sets its balances, due and remaining amounts.

        What cannot be charged because it is too little or too much is carried over to the next invoice.

        Raises:
            StripeError: 400 when the balance would have to change in a currency that is not the customer's.
        """
        customer = self._customers.find(invoice["customer"])
        starting = self.standing(customer, invoice["currency"])
        due = invoice["total"] + starting
        ending = min(due, 0)
        if ending != starting:
            self._of_invoice(invoice, ending - starting, "applied_to_invoice", at)
        due -= ending
        reason = carried_over(due, invoice["currency"])
        if reason is not None:
            self._of_invoice(invoice, due, reason, at)
            due, ending = 0, due
        invoice.update(starting_balance=starting, ending_balance=ending, amount_due=due, amount_remaining=due)

    def give_back(self, invoice: Resource, at: int) -> None:
        """Give back what an invoice that is being voided used of the balance."""
        used = sum(
            one["amount"]
            for one in self._store.all("customer_balance_transaction")
            if one["invoice"] == invoice["id"] and one["type"] in {"applied_to_invoice", "unapplied_from_invoice"}
        )
        if used:
            self._of_invoice(invoice, -used, "unapplied_from_invoice", at)

    def overpaid(self, invoice: Resource, amount: int, at: int) -> Resource:
        """Credit ``amount`` (> 0) that was paid beyond what an invoice needed; returns the transaction.

        Raises:
            StripeError: 400 when the customer's balance has another currency.
        """
        return self._of_invoice(invoice, -amount, "invoice_overpaid", at)

    def credit(self, invoice: Resource, credit_note: str, amount: int, at: int) -> Resource:
        """Credit ``amount`` (> 0) of a credit note; returns the transaction.

        Raises:
            StripeError: 400 when the customer's balance has another currency.
        """
        return self._of_invoice(invoice, -amount, "credit_note", at, credit_note=credit_note)

    def check_currency(self, customer: Resource, currency: str) -> None:
        """Refuse a currency that is not that of the customer's balance.

        Raises:
            StripeError: 400.
        """
        if customer["currency"] not in {None, currency}:
            raise StripeError(
                f"The customer's balance is in {customer['currency']}; it cannot be changed in {currency}.",
                param="currency",
            )

    def find(self, customer_id: str, transaction_id: str) -> Resource:
        """Return a transaction of a customer.

        Raises:
            StripeError: 404 when the customer has none with this id.
        """
        found = self._store.get("customer_balance_transaction", transaction_id)
        if found is None or found["customer"] != customer_id:
            raise no_such("customer_balance_transaction", transaction_id)
        return found

    def _of_invoice(
        self, invoice: Resource, amount: int, kind: str, at: int, *, credit_note: str | None = None
    ) -> Resource:
        customer = self._customers.find(invoice["customer"])
        return self._change(
            customer, amount, kind, at, currency=invoice["currency"], invoice=invoice["id"], credit_note=credit_note
        )

    def _change(
        self,
        customer: Resource,
        amount: int,
        kind: str,
        at: int,
        *,
        currency: str,
        **details: str | None,
    ) -> Resource:
        """Add a transaction; emits ``customer.updated``, the only event there is of it."""
        self.check_currency(customer, currency)
        before = {"balance": customer["balance"]}
        if customer["currency"] is None:
            before["currency"] = None
        customer.update(balance=customer["balance"] + amount, currency=currency)
        transaction = {
            "id": self._account.ids.dated("cbtxn_1", at),
            "object": "customer_balance_transaction",
            "amount": amount,
            "checkout_session": None,
            "created": at,
            "credit_note": None,
            "currency": currency,
            "customer": customer["id"],
            "customer_account": None,
            "description": None,
            "ending_balance": customer["balance"],
            "invoice": None,
            "livemode": False,
            "metadata": {},
            "type": kind,
            **details,
        }
        self._store.add(transaction)
        self._account.log.emit("customer.updated", customer, at, previous=before)
        return transaction


def carried_over(due: int, currency: str) -> str | None:
    """Return the type of the transaction that carries an amount over because it cannot be charged, or None.

    Args:
        due: Minor units, not below 0.
        currency: Stripe's code.
    """
    if 0 < due < MINIMUM_CHARGES.get(currency, MINIMUM_CHARGES["usd"]):
        return "invoice_too_small"
    return "invoice_too_large" if due > MAXIMUM_CHARGE else None
