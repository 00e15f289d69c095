"""Customer: the first document that names a Stripe customer needs a lean QBO customer, one per currency."""

from wescope.books.documents import CustomerBody, Document, Entity
from wescope.books.names import clean, display_names
from wescope.books.policy import CustomerField, Policy
from wescope.books.subjects import customer_key
from wescope.books.values import Customer

_EMAIL_LENGTH = 100


def customer_document(customer: Customer, currency: str, policy: Policy) -> Document:
    """The QBO customer of a Stripe customer in one currency; a deleted one, without a name, is called by its id.

    Args:
        customer: the Stripe customer; its name is used for the QBO name, its e-mail only if the policy says so.
        currency: Stripe's lower-case code; a currency other than the books' own becomes part of the name, since QBO
            names are unique and a QBO customer has one currency for ever (facts/qbo.md 4.7, 7).
        policy: the company's choices.

    Returns:
        A document of amount 0 whose names are tried in order.
    """
    suffix = "" if currency == policy.home_currency else currency.upper()
    return Document(
        key=customer_key(customer.id, currency),
        entity=Entity.CUSTOMER,
        currency=currency,
        amount=0,
        body=CustomerBody(
            display_names=display_names(customer.name, customer.id, suffix), email=_email(customer, policy)
        ),
        stripe_ids=(customer.id,),
        note=f"Stripe customer {customer.id}",
    )


def _email(customer: Customer, policy: Policy) -> str | None:
    """The address if it is wanted and QBO can take it; an unfit one must not keep the customer's invoices out."""
    if CustomerField.EMAIL not in policy.customer_fields or not customer.email:
        return None
    email = clean(customer.email)
    legal = "@" in email.strip("@") and " " not in email and len(email) <= _EMAIL_LENGTH
    return email if legal else None
