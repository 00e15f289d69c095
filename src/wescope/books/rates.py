"""Rates: Stripe's own conversion as an exchange rate for QBO, exact to the cent (facts/stripe.md 2.9, facts/qbo.md 7).

QBO's rate is home units for one foreign unit. So Stripe's rate is of use where Stripe converted into home currency;
everywhere else the company's own rate of the day is right.
"""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

from wescope.books.money import to_decimal
from wescope.books.policy import Policy
from wescope.books.values import BalanceTransaction, Charge

_HALF_A_CENT = Decimal("0.005")
_FIRST_DIGITS = 10
_LAST_DIGITS = 40
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


def rate_of(amount: int, currency: str, booked: BalanceTransaction, policy: Policy) -> Decimal | None:
    """The exchange rate of a document whose money Stripe converted into home currency, else null.

    Args:
        amount: what the document is of, in minor units of `currency`; the sign does not matter.
        currency: the presentment currency, Stripe's lower-case code.
        booked: the row that `amount` became; its amount is in settlement currency.
        policy: names the home currency.

    Returns:
        Home units for one unit of `currency`, such that `amount` at this rate, rounded to QBO's two decimals in any
        way, is the settled amount: Stripe's own rate if it does that, else the quotient with as many digits as needed.
        Null if nothing was converted, if it was converted into a foreign currency, or if nothing is left of it.
    """
    if booked.currency != policy.home_currency or currency == booked.currency or not amount or not booked.amount:
        return None
    presented = abs(to_decimal(amount, currency))
    settled = abs(to_decimal(booked.amount, booked.currency))
    with localcontext(_EXACT):
        stated = booked.exchange_rate
        if stated is not None and stated > 0 and _exact(presented, stated, settled):
            return stated
        return _quotient(presented, settled)


def two_foreign_currencies(currency: str, booked: BalanceTransaction, policy: Policy) -> bool:
    """Whether a document would need two foreign currencies, which QBO refuses (facts/qbo.md 7, fault 6000).

    Args:
        currency: the presentment currency, that of the document.
        booked: its row, in settlement currency, that of the clearing account.
        policy: names the home currency.
    """
    return currency != booked.currency and policy.home_currency not in {currency, booked.currency}


def captured_row(charge: Charge, booked: BalanceTransaction) -> BalanceTransaction:
    """The row of a charge, of what was captured only.

    Both differ only for a partial capture whose row is of the whole authorization: a row of its own, of the category
    partial_capture_reversal, then takes the rest back (facts/stripe.md 2.9).

    Args:
        charge: what was captured of it is above zero.
        booked: its balance transaction, in settlement currency.

    Returns:
        The row as it is; or with the part of its amount that was captured.
    """
    if charge.released:
        return replace(booked, amount=booked.amount + charge.released)
    if not _of_the_whole(charge, booked):
        return booked
    whole = Decimal(booked.amount) * charge.amount_captured
    return replace(booked, amount=int(_EXACT.quantize(_EXACT.divide(whole, Decimal(charge.amount)), Decimal(1))))


def _of_the_whole(charge: Charge, booked: BalanceTransaction) -> bool:
    """Whether the row is of more than was captured; where Stripe converted, its rate tells (minor units x rate)."""
    whole, captured = charge.amount, charge.amount_captured
    if captured >= whole:
        return False
    rate = Decimal(1) if charge.currency == booked.currency else booked.exchange_rate
    if rate is None:
        return False
    off_whole, off_captured = (abs(part * rate - booked.amount) for part in (whole, captured))
    return off_whole < off_captured


def _exact(presented: Decimal, rate: Decimal, settled: Decimal) -> bool:
    """Strictly nearer than half a cent, so that every way of rounding ends at the settled amount."""
    return abs(presented * rate - settled) < _HALF_A_CENT


def _quotient(presented: Decimal, settled: Decimal) -> Decimal:
    for digits in range(_FIRST_DIGITS, _LAST_DIGITS):
        rate = _EXACT.quantize(_EXACT.divide(settled, presented), Decimal(1).scaleb(-digits))
        if rate and _exact(presented, rate, settled):
            return rate
    return _EXACT.divide(settled, presented)
