"""Customers, live, deleted, or known by id only, and the moves of their balance."""

from collections.abc import Mapping
from typing import Any

from wescope.books.values import Customer, CustomerBalanceTransaction
from wescope.stripe.parsing.fields import Fields

NO_CUSTOMER = Customer(id="", name=None, email=None)
"""Stands for the customer of an invoice that names none; the books park such an invoice (`missing_customer`)."""


def parse_customer(payload: Mapping[str, Any]) -> Customer:
    """A customer object of any version; a deleted one has its id and nothing else.

    Raises:
        ObjectUnreadable: it is no customer, or has no id.
    """
    fields = Fields.of(payload, "customer")
    return Customer(
        id=fields.object_id,
        name=fields.optional_text("name"),
        email=fields.optional_text("email"),
        deleted=fields.flag("deleted"),
    )


def customer_of_invoice(invoice: Fields, customer: Mapping[str, Any] | None) -> Customer:
    """The customer of an invoice: the object at hand, else the one expanded in it, else its id.

    An invoice keeps a snapshot of name and e-mail (facts/stripe.md 1); it speaks where the object itself is not
    at hand, or was deleted.

    Raises:
        ObjectUnreadable: the customer is neither an id nor a customer object.
    """
    found = customer if customer is not None else invoice.expanded("customer")
    if found is not None:
        parsed = parse_customer(found)
        if not parsed.deleted:
            return parsed
    identifier = parsed.id if found is not None else invoice.optional_reference("customer")
    if identifier is None:
        return NO_CUSTOMER
    return Customer(
        id=identifier,
        name=invoice.optional_text("customer_name"),
        email=invoice.optional_text("customer_email"),
        deleted=found is not None,
    )


def parse_balance_move(payload: Mapping[str, Any]) -> CustomerBalanceTransaction:
    """A move of a customer's balance (facts/stripe.md 2.4); an amount below zero is a credit to the customer.

    Raises:
        ObjectUnreadable: a needed field is absent.
    """
    fields = Fields.of(payload, "customer_balance_transaction")
    return CustomerBalanceTransaction(
        id=fields.object_id,
        type=fields.text("type"),
        amount=fields.integer("amount"),
        currency=fields.currency("currency"),
        created=fields.moment("created"),
        ending_balance=fields.integer("ending_balance"),
        invoice=fields.optional_reference("invoice"),
        credit_note=fields.optional_reference("credit_note"),
    )
