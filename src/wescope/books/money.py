"""Money: integer minor units with a currency, and their one conversion to a decimal.

Stripe's exponents are not ISO 4217's: facts/stripe.md 2.10 (ISK and UGX are sent with two decimals).
"""

from dataclasses import dataclass
from decimal import Decimal

ZERO_DECIMAL_CURRENCIES = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE_DECIMAL_CURRENCIES = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in the minor unit of its currency (Stripe's lower-case ISO code)."""

    amount: int
    currency: str

    def __str__(self) -> str:
        return f"{to_decimal(self.amount, self.currency)} {self.currency.upper()}"


def exponent(currency: str) -> int:
    """Number of decimals in which Stripe counts `currency` (facts/stripe.md 2.10)."""
    if currency in ZERO_DECIMAL_CURRENCIES:
        return 0
    return 3 if currency in THREE_DECIMAL_CURRENCIES else 2


def to_decimal(amount: int, currency: str) -> Decimal:
    """`amount` minor units as a decimal number of major units, for QBO's wire and for people."""
    return Decimal(amount).scaleb(-exponent(currency)).quantize(Decimal(1).scaleb(-exponent(currency)))


def to_minor(value: Decimal, currency: str) -> int:
    """A decimal number of major units (from QBO) as minor units.

    Raises:
        ValueError: `value` is finer than the currency's minor unit, so it is no amount of this currency.
    """
    scaled = value.scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{value} is not a whole number of {currency} minor units")
    return int(scaled)
