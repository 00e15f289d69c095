"""What is sold: products, prices, tax rates and coupons."""

from decimal import Decimal

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.arithmetic import Discount, Rate
from wescope.sandbox.stripe.currency import USD
from wescope.sandbox.stripe.errors import StripeError, no_such
from wescope.sandbox.stripe.store import Resource


class Catalogue:
    """Makes and finds what invoices refer to."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._store = account.store

    def product(self, name: str, at: int, *, identifier: str | None = None) -> Resource:
        """Make a product, with a chosen id if one is given; emits ``product.created``."""
        product = {
            "id": identifier or self._account.ids.plain("prod_"),
            "object": "product",
            "active": True,
            "created": at,
            "default_price": None,
            "description": None,
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": {},
            "name": name,
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": None,
            "type": "service",
            "unit_label": None,
            "updated": at,
            "url": None,
        }
        return self._made(product, at)

    def price(
        self,
        product: Resource,
        unit_amount: str,
        at: int,
        *,
        usage: str | None = None,
        currency: str = USD,
        identifier: str | None = None,
    ) -> Resource:
        """Make a price; emits ``price.created``.

        Args:
            product: What it is the price of.
            unit_amount: Minor units, possibly with a fraction: ``"2500"`` or ``"0.000381"``.
            at: Unix seconds.
            usage: ``licensed`` or ``metered`` for a monthly price, None for a one-time price.
            currency: Of the unit amount.
            identifier: Its id, for a test that must know it beforehand.
        """
        whole = Decimal(unit_amount) == Decimal(unit_amount).to_integral_value()
        recurring = {"interval": "month", "interval_count": 1, "meter": None, "trial_period_days": None}
        price = {
            "id": identifier or self._account.ids.dated("price_1", at),
            "object": "price",
            "active": True,
            "billing_scheme": "per_unit",
            "created": at,
            "currency": currency,
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": product["id"],
            "recurring": recurring | {"usage_type": usage} if usage else None,
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if usage else "one_time",
            "unit_amount": int(Decimal(unit_amount)) if whole else None,
            "unit_amount_decimal": unit_amount,
        }
        return self._made(price, at)

    def tax_rate(
        self,
        name: str,
        percentage: str,
        at: int,
        *,
        inclusive: bool = False,
        state: str | None = None,
        identifier: str | None = None,
    ) -> Resource:
        """Make a tax rate of ``percentage`` of 100, with a chosen id if one is given; emits ``tax_rate.created``."""
        rate = {
            "id": identifier or self._account.ids.dated("txr_1", at),
            "object": "tax_rate",
            "active": True,
            "country": "US" if state else None,
            "created": at,
            "description": None,
            "display_name": name,
            "effective_percentage": float(Decimal(percentage)),
            "flat_amount": None,
            "inclusive": inclusive,
            "jurisdiction": state,
            "jurisdiction_level": "state" if state else None,
            "livemode": False,
            "metadata": {},
            "percentage": float(Decimal(percentage)),
            "rate_type": "percentage",
            "state": state,
            "tax_type": "sales_tax" if state else "vat",
        }
        return self._made(rate, at)

    def coupon(
        self,
        name: str,
        at: int,
        *,
        percent_off: str | None = None,
        amount_off: int | None = None,
        currency: str = USD,
    ) -> Resource:
        """Make a coupon for a percentage or an amount in minor units; emits ``coupon.created``."""
        coupon: Resource = {
            "id": self._account.ids.code("coupon"),
            "object": "coupon",
            "amount_off": amount_off,
            "created": at,
            "currency": currency if amount_off is not None else None,
            "duration": "forever",
            "duration_in_months": None,
            "livemode": False,
            "max_redemptions": None,
            "metadata": {},
            "name": name,
            "percent_off": None if percent_off is None else float(Decimal(percent_off)),
            "redeem_by": None,
            "times_redeemed": 0,
            "valid": True,
        }
        return self._made(coupon, at)

    def redeem(
        self, coupon_id: str, customer: str, at: int, *, invoice: str | None = None, currency: str = USD
    ) -> Discount:
        """Use a coupon: makes the discount object and returns what the arithmetic needs.

        Raises:
            StripeError: 400 when there is no such coupon, or it takes off an amount of another currency.
        """
        coupon = self._required("coupon", coupon_id)
        if coupon["currency"] not in {None, currency}:
            raise StripeError(f"The coupon {coupon_id} is not in the invoice's currency.", param="coupon")
        discount = {
            "id": self._account.ids.dated("di_1", at),
            "object": "discount",
            "checkout_session": None,
            "customer": customer,
            "end": None,
            "invoice": invoice,
            "invoice_item": None,
            "promotion_code": None,
            "source": {"coupon": coupon_id, "type": "coupon"},
            "start": at,
            "subscription": None,
            "subscription_item": None,
        }
        self._store.add(discount)
        coupon["times_redeemed"] += 1
        percent = coupon["percent_off"]
        return Discount(
            discount_id=str(discount["id"]),
            percent_off=None if percent is None else Decimal(str(percent)),
            amount_off=coupon["amount_off"],
        )

    def rate(self, rate_id: str) -> Rate:
        """Return a tax rate as the arithmetic needs it.

        Raises:
            StripeError: 400 when there is no such rate.
        """
        rate = self._required("tax_rate", rate_id)
        return Rate(rate_id=rate_id, percentage=Decimal(str(rate["percentage"])), inclusive=rate["inclusive"])

    def find_price(self, price_id: str) -> Resource:
        """Return a price.

        Raises:
            StripeError: 400 when there is no such price.
        """
        return self._required("price", price_id)

    def _required(self, kind: str, identifier: str) -> Resource:
        found = self._store.get(kind, identifier)
        if found is None:
            raise no_such(kind, identifier, param=kind, status=400)
        return found

    def _made(self, resource: Resource, at: int) -> Resource:
        self._store.add(resource)
        self._account.log.emit(f"{resource['object']}.created", resource, at)
        return resource
