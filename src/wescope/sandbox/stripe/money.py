"""Stripe's fees."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from wescope.sandbox.stripe.arithmetic import half_up

# The fixed part of the card fee by settlement currency, minor units; that of the dollar for others.
CARD_FIXED: Mapping[str, int] = {"usd": 30, "eur": 25, "gbp": 20, "jpy": 0, "dkk": 180, "nok": 200, "sek": 180}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """What Stripe keeps, in minor units and percent of 100.

    The card fee is that of a recorded US charge: 1000 gives 59 (facts/stripe.md 2.9).
    """

    card_percent: Decimal = Decimal("2.9")
    card_fixed: int = 30
    debit_percent: Decimal = Decimal("0.8")
    debit_maximum: int = 500
    tax_percent: Decimal = Decimal(0)

    def card(self, amount: int, currency: str = "usd") -> int:
        """Return the fee on a card payment of ``amount``, both in minor units of ``currency``."""
        fixed = CARD_FIXED.get(currency, self.card_fixed)
        return half_up(Fraction(self.card_percent) * amount / 100) + fixed

    def debit(self, amount: int) -> int:
        """Return the fee on a bank debit of ``amount``."""
        return min(half_up(Fraction(self.debit_percent) * amount / 100), self.debit_maximum)

    def tax(self, fee: int) -> int:
        """Return the tax on a fee: 725 at 23 % gives 167 (facts/stripe.md 2.9)."""
        return half_up(Fraction(self.tax_percent) * fee / 100)
