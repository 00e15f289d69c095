"""Currencies: how many decimals Stripe's amounts have, and what one is worth in another on a day."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from wescope.sandbox.stripe.arithmetic import half_up
from wescope.sandbox.stripe.errors import StripeError

USD = "usd"
# facts/stripe.md 2.10; ISK and UGX are sent with two decimals although they have none
ZERO_DECIMAL = frozenset({
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
})  # fmt: skip
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
WHOLE_WITH_TWO_DECIMALS = frozenset({"isk", "ugx"})
TWO_DECIMAL = frozenset({
    "aed", "aud", "bgn", "brl", "cad", "chf", "cny", "czk", "dkk", "eur", "gbp", "hkd", "huf", "idr", "ils", "inr",
    "mxn", "myr", "nok", "nzd", "php", "pln", "ron", "sek", "sgd", "thb", "try", "twd", "usd", "zar",
})  # fmt: skip
KNOWN = ZERO_DECIMAL | THREE_DECIMAL | WHOLE_WITH_TWO_DECIMALS | TWO_DECIMAL
# US dollars for one; the others of ``KNOWN`` need a rate of their own
USUAL_RATES: Mapping[str, str] = {
    "aud": "0.6550", "bhd": "2.6525", "brl": "0.1850", "cad": "0.7305", "chf": "1.1240", "clp": "0.00106",
    "cny": "0.1390", "czk": "0.0432", "dkk": "0.1451", "eur": "1.0825", "gbp": "1.2710", "hkd": "0.1284",
    "huf": "0.00271", "inr": "0.0119", "isk": "0.0072", "jpy": "0.0067", "krw": "0.00073", "kwd": "3.2500",
    "mxn": "0.0541", "nok": "0.0921", "nzd": "0.5905", "pln": "0.2520", "sek": "0.0951", "sgd": "0.7480",
    "tnd": "0.3190", "twd": "0.0311", "ugx": "0.00027", "usd": "1",
}  # fmt: skip
RATE_DIGITS = 6


def exponent(currency: str) -> int:
    """Return how many decimals the amounts of a currency have in Stripe's API."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """Return the smallest difference of two amounts in minor units: 10 with three decimals, 100 for ISK and UGX."""
    if currency in THREE_DECIMAL:
        return 10
    return 100 if currency in WHOLE_WITH_TWO_DECIMALS else 1


def check_currency(currency: object, *, param: str = "currency") -> str:
    """Return a currency that Stripe takes, in lower case.

    Raises:
        StripeError: 400 for anything else.
    """
    code = str(currency).lower()
    if code not in KNOWN:
        raise StripeError(f"Invalid currency: {currency}.", param=param)
    return code


def check_amount(amount: object, currency: str, *, param: str = "amount") -> int:
    """Return an amount in minor units (> 0) that can be charged or refunded in a currency.

    Raises:
        StripeError: 400 when it is no positive integer or finer than the currency.
    """
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise StripeError(f"Invalid integer: {amount}", code="parameter_invalid_integer", param=param)
    if amount < 1:
        raise StripeError(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=param
        )
    if amount % step(currency):
        raise StripeError(f"Amounts in {currency} must be a multiple of {step(currency)}.", param=param)
    return amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What an amount became on the balance: minor units of ``currency``.

    ``exchange_rate`` x the presented minor units gives the amount (the specification's words); None when nothing was
    converted.
    """

    amount: int
    currency: str
    exchange_rate: Decimal | None = None


@dataclass(slots=True, kw_only=True)
class Settlement:
    """In which currencies an account keeps a balance, and what others are worth in the default one.

    Attributes:
        seed: Of the daily drift.
        default: Into it everything is converted that is not settled.
        currencies: Settled as they are; the default is one of them.
        rates: Units of the default currency for one unit, at the middle of the drift; ``USUAL_RATES`` for others.
        drift_percent: A day's rate is at most this much of 100 away from the middle.
    """

    seed: int
    default: str = USD
    currencies: tuple[str, ...] = (USD,)
    rates: dict[str, Decimal] = field(default_factory=dict)
    drift_percent: Decimal = Decimal(1)

    def currency_for(self, presented: str) -> str:
        """Return the currency in which a payment in ``presented`` is settled."""
        return presented if presented in self.currencies else self.default

    def settle(self, amount: int, presented: str, day: date, *, into: str | None = None) -> Settled:
        """Convert minor units half up (away from zero) at the rate of a UTC day.

        Args:
            amount: Minor units of ``presented``, of any sign.
            presented: Currency of the payment.
            day: In UTC.
            into: Currency to settle in; ``currency_for`` if None.

        Raises:
            StripeError: 400 when there is no rate.
        """
        target = into or self.currency_for(presented)
        if target == presented:
            return Settled(amount=amount, currency=target)
        rate = self._minor_rate(presented, target, day)
        settled = half_up(Fraction(amount) * Fraction(rate) / step(target)) * step(target)
        return Settled(amount=settled, currency=target, exchange_rate=rate)

    def _minor_rate(self, presented: str, target: str, day: date) -> Decimal:
        exact = self._middle(presented) / self._middle(target) * (1 + self._drift(presented, target, day))
        exact = exact.scaleb(exponent(target) - exponent(presented))
        return exact.quantize(Decimal(1).scaleb(exact.adjusted() - RATE_DIGITS + 1)).normalize()

    def _middle(self, currency: str) -> Decimal:
        """Return units of the default currency for one unit of ``currency``."""
        if currency == self.default:
            return Decimal(1)
        if currency in self.rates:
            return self.rates[currency]
        if currency not in USUAL_RATES or self.default not in USUAL_RATES:
            raise StripeError(f"No exchange rate from {currency} to {self.default}.", param="currency")
        return Decimal(USUAL_RATES[currency]) / Decimal(USUAL_RATES[self.default])

    def _drift(self, presented: str, target: str, day: date) -> Decimal:
        text = f"{self.seed}/{presented}/{target}/{day.isoformat()}"
        chance = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest())
        return (Decimal(chance) / Decimal(2**31) - 1) * self.drift_percent / 100
