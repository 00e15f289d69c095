"""JSON and money as QuickBooks Online writes them: decimals as numbers, never floats."""

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from wescope.sandbox.qbo.faults import invalid_amount

Json = dict[str, Any]

CENTS = Decimal("0.01")


def dumps(value: Any) -> str:
    """Writes a JSON value whose decimals become plain JSON numbers.

    Args:
        value: dictionaries, lists, strings, integers, booleans, None and Decimals.

    Returns:
        The JSON text, without spaces.
    """
    pieces: list[str] = []
    _write(value, pieces)
    return "".join(pieces)


def loads(text: str | bytes) -> Any:
    """Reads JSON with decimals kept exact.

    Args:
        text: a JSON document.

    Returns:
        The value; numbers with a point are Decimals, others integers.

    Raises:
        ValueError: the text is no JSON, or has NaN or Infinity in it.
    """
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def minor(value: Decimal | int, element: str = "Amount") -> int:
    """Turns an amount of the wire into hundredths.

    Args:
        value: the amount in major units.
        element: the property's name, for the fault.

    Returns:
        Hundredths of the currency's major unit.

    Raises:
        QboFault: 2140 for more than two decimals or more than 15 digits (facts/qbo.md 4).
    """
    hundredths = Decimal(value) * 100
    if hundredths != hundredths.to_integral_value() or abs(hundredths) >= Decimal(10) ** 15:
        raise invalid_amount(element, value)
    return int(hundredths)


def amount(hundredths: int) -> Decimal | int:
    """Writes hundredths as recordings show amounts: 100.0, 337.5, 0.

    Args:
        hundredths: the amount in hundredths of the major unit.

    Returns:
        0 as an integer, else a Decimal with at least one decimal place.
    """
    if hundredths == 0:
        return 0
    sign = "-" if hundredths < 0 else ""
    whole, rest = divmod(abs(hundredths), 100)
    tail = f"{rest:02d}".rstrip("0") or "0"
    return Decimal(f"{sign}{whole}.{tail}")


def plain(value: Decimal | int) -> Decimal | int:
    """Writes a rate or quantity without trailing zeros: 75, 4.5.

    Args:
        value: any number.

    Returns:
        An integer if it is one, else the shortest Decimal of the same value.
    """
    number = Decimal(value)
    return int(number) if number == number.to_integral_value() else number.normalize()


def rounded(value: Decimal) -> int:
    """Rounds major units half up to hundredths.

    Args:
        value: an amount in major units with any number of decimals.

    Returns:
        Hundredths of the major unit.
    """
    return int(value.quantize(CENTS, rounding=ROUND_HALF_UP) * 100)


def at_rate(hundredths: int, rate: Decimal) -> int:
    """Converts hundredths of a foreign currency into hundredths of the home currency, half up.

    Args:
        hundredths: foreign hundredths, signed.
        rate: home units for one foreign unit.

    Returns:
        Home hundredths.
    """
    return rounded(Decimal(hundredths) * rate / 100)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _write(value: Any, pieces: list[str]) -> None:
    if isinstance(value, Decimal):
        pieces.append(format(value, "f"))
    elif isinstance(value, dict):
        _write_members(value, pieces)
    elif isinstance(value, list | tuple):
        _write_elements(value, pieces)
    else:
        pieces.append(json.dumps(value, ensure_ascii=False))


def _write_members(value: Json, pieces: list[str]) -> None:
    separator = "{"
    for key, member in value.items():
        pieces.append(f"{separator}{json.dumps(key, ensure_ascii=False)}:")
        _write(member, pieces)
        separator = ","
    pieces.append("}" if value else "{}")


def _write_elements(value: list[Any] | tuple[Any, ...], pieces: list[str]) -> None:
    separator = "["
    for element in value:
        pieces.append(separator)
        _write(element, pieces)
        separator = ","
    pieces.append("]" if value else "[]")
