"""Customers: making them and numbering their invoices."""

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.errors import no_such
from wescope.sandbox.stripe.store import Resource


class Customers:
    """Makes, changes and finds customers."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def create(
        self, *, name: str | None, email: str | None, at: int, metadata: dict[str, str] | None = None
    ) -> Resource:
        """Make a customer; emits ``customer.created``. Stripe sends null for an empty name."""
        ids = self._account.ids
        customer: Resource = {
            "id": ids.plain("cus_"),
            "object": "customer",
            "address": None,
            "balance": 0,
            "created": at,
            "currency": None,
            "customer_account": None,
            "default_source": None,
            "delinquent": False,
            "description": None,
            "discount": None,
            "email": email,
            "invoice_prefix": ids.code("invoice_prefix"),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": ids.dated("pm_1", at),
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": metadata or {},
            "name": name or None,
            "next_invoice_sequence": 1,
            "phone": None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }
        self._account.store.add(customer)
        self._account.log.emit("customer.created", customer, at)
        return customer

    def find(self, customer_id: str) -> Resource:
        """Return a customer.

        Raises:
            StripeError: 400 when there is no such customer.
        """
        customer = self._account.store.get("customer", customer_id)
        if customer is None:
            raise no_such("customer", customer_id, param="customer", status=400)
        return customer

    def update(self, customer_id: str, changes: Resource, at: int) -> Resource:
        """Change ``name``, ``email`` or ``metadata``; emits ``customer.updated`` with the values before."""
        customer = self.find(customer_id)
        previous = {name: customer[name] for name, value in changes.items() if customer[name] != value}
        customer.update(changes)
        self._account.log.emit("customer.updated", customer, at, previous=previous)
        return customer

    def next_number(self, customer: Resource, currency: str) -> str:
        """Return the next invoice number of a customer, ``E2L97VN8-0001``; the first fixes the customer's currency."""
        sequence = customer["next_invoice_sequence"]
        customer["next_invoice_sequence"] = sequence + 1
        customer["currency"] = customer["currency"] or currency
        return f"{customer['invoice_prefix']}-{sequence:04d}"
