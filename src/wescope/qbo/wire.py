"""JSON as QBO speaks it: numbers are decimals both ways, never floats (facts/qbo.md 4)."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from wescope.books.money import exponent, to_decimal, to_minor

_QBO_DECIMALS = 2


def loads(text: str | bytes) -> Any:
    """Parse JSON; numbers become `int` or `Decimal`.

    Raises:
        ValueError: it is no JSON. The error carries nothing of the text, which may quote tokens or names.
    """
    try:
        return json.loads(text, parse_float=Decimal, parse_int=int, parse_constant=_refuse)
    except (ValueError, RecursionError):
        pass
    # Raised outside of the handler: the parser's own error holds the whole text.
    raise ValueError("this is no JSON")


def dumps(value: Any) -> str:
    """Write JSON in ASCII; a `Decimal` becomes a plain number with the decimals that it has.

    Raises:
        TypeError: `value` contains something else than JSON's types and `Decimal`, a float for instance.
        ValueError: a decimal is not finite.
    """
    match value:
        case None | bool() | int() | str():
            return json.dumps(value)
        case Decimal():
            return _number(value)
        case Mapping():
            return "{" + ",".join(f"{_name(key)}:{dumps(item)}" for key, item in value.items()) + "}"
        case Sequence() if not isinstance(value, bytes | bytearray):
            return "[" + ",".join(dumps(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} cannot be sent to QBO")


def amount(minor: int, currency: str) -> Decimal:
    """`minor` units of `currency` as the decimal number that QBO is sent, which takes two decimals at most.

    Stripe's three-decimal amounts end in 0. One that does not is written as it is: QBO refuses it by name, and nothing
    is rounded in silence.
    """
    written = to_decimal(minor, currency)
    in_cents = round(written, _QBO_DECIMALS)
    return in_cents if in_cents == written and exponent(currency) > _QBO_DECIMALS else written


def decimal(value: Any) -> Decimal | None:
    """A number of QBO's answer as a decimal, or null if it is absent or no number."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def minor(value: Any, currency: str) -> int | None:
    """A number of QBO's answer in minor units of `currency`, or null if it is no amount of it."""
    number = decimal(value)
    if number is None:
        return None
    try:
        return to_minor(number, currency)
    except ValueError:
        return None


def _name(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError("names in JSON are strings")
    return json.dumps(key)


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("only finite numbers can be sent to QBO")
    return format(value, "f")


def _refuse(constant: str) -> None:
    raise ValueError(constant)
