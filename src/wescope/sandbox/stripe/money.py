"""Stripe's fees."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from wescope.sandbox.stripe.arithmetic import half_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """What Stripe keeps, in minor units and percent of 100.

    The card fee is that of a recorded US charge: 1000 gives 59 (facts/stripe.md 2.9).
    """

    card_percent: Decimal = Decimal("2.9")
    card_fixed: int = 30
    debit_percent: Decimal = Decimal("0.8")
    debit_maximum: int = 500

    def card(self, amount: int) -> int:
        """Return the fee on a card payment of ``amount``."""
        return half_up(Fraction(self.card_percent) * amount / 100) + self.card_fixed

    def debit(self, amount: int) -> int:
        """Return the fee on a bank debit of ``amount``."""
        return min(half_up(Fraction(self.debit_percent) * amount / 100), self.debit_maximum)
