"""What an invoice is made from: the lines and options that a merchant chooses."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDraft:
    """A line to put on an invoice.

    Attributes:
        price: Id of a price; its unit amount x ``quantity`` is the amount unless ``amount`` says otherwise.
        amount: Minor units, for prorations and lump sums.
        quantity: May have a fraction.
        description: What the line says, or None.
        period: Unix seconds of the service, from and to; the moment of the invoice if None.
        coupons: Ids of coupons on this line.
        tax_rates: Ids of tax rates.
        subscription_item: Id, when the line comes from a subscription; otherwise it is an invoice item.
        proration: The line is a proration: not discountable, without a unit amount.
        credits: For a proration the invoice and the lines it credits.
    """

    price: str
    amount: int | None = None
    quantity: Decimal = Decimal(1)
    description: str | None = None
    period: tuple[int, int] | None = None
    coupons: tuple[str, ...] = ()
    tax_rates: tuple[str, ...] = ()
    subscription_item: str | None = None
    proration: bool = False
    credits: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDraft:
    """An invoice to make.

    Attributes:
        customer: Id.
        lines: In the invoice's order.
        subscription: Id, for an invoice of a subscription.
        billing_reason: Stripe's.
        days_until_due: Sends the invoice with this term; None charges automatically.
        coupons: Ids of coupons on the whole invoice.
        shipping: Minor units before tax, or None.
        shipping_tax_rates: Ids of exclusive tax rates.
        description: The memo.
        metadata: As in Stripe.
        effective_at: Unix seconds of the issue date, when it is not the moment of finalization.
        currency: Of the whole invoice; its prices must have it.
    """

    customer: str
    lines: tuple[LineDraft, ...]
    subscription: str | None = None
    billing_reason: str = "manual"
    days_until_due: int | None = None
    coupons: tuple[str, ...] = ()
    shipping: int | None = None
    shipping_tax_rates: tuple[str, ...] = ()
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    effective_at: int | None = None
    currency: str = "usd"
