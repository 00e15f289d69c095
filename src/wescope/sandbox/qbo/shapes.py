"""What a request body may look like: property tables and their checks (2010, 2030, 2050, 2060, 2100, 2170 ...)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.wire import Json

LATIN_1_LIMIT = 0x100
DECIMAL_DIGITS = 15


class Kind(Enum):
    """What a property holds."""

    STRING = "String"
    DECIMAL = "Decimal"
    INTEGER = "Integer"
    BOOLEAN = "Boolean"
    DATE = "Date"
    ID = "Id"
    OBJECT = "Object"
    ANY = "Any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property: its kind, length, words allowed, inner shape, and whether it repeats."""

    kind: Kind
    max_length: int | None = None
    label: str = ""
    choices: frozenset[str] = frozenset()
    shape: "Shape | None" = None
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An object's type name at Intuit and its properties."""

    type_name: str
    properties: Mapping[str, Property]


def string(max_length: int | None = None, label: str = "") -> Property:
    """A text of at most so many characters; `label` is the element name in the fault where it is not the property's."""
    return Property(kind=Kind.STRING, max_length=max_length, label=label)


def word(*choices: str) -> Property:
    """A text out of a list."""
    return Property(kind=Kind.STRING, choices=frozenset(choices))


def obj(shape: Shape) -> Property:
    """An object of another shape."""
    return Property(kind=Kind.OBJECT, shape=shape)


def many(shape: Shape) -> Property:
    """A list of objects."""
    return Property(kind=Kind.OBJECT, shape=shape, many=True)


DECIMAL = Property(kind=Kind.DECIMAL)
INTEGER = Property(kind=Kind.INTEGER)
BOOLEAN = Property(kind=Kind.BOOLEAN)
DATE = Property(kind=Kind.DATE)
ID = Property(kind=Kind.ID)
ANY = Property(kind=Kind.ANY)


def check(shape: Shape, body: Json, knobs: Knobs) -> Json:
    """Checks a request body as the JSON reader and the schema layer do, in that order.

    Args:
        shape: what the body should be.
        body: the parsed body, numbers as integers or Decimals.
        knobs: which leniencies are on.

    Returns:
        The body with nulls dropped and numbers in strings read, if the knob allows them.

    Raises:
        QboFault: 2010 for unknown properties before anything else, then the fault of the first wrong value.
    """
    for name, where in unknown(shape, body):
        raise faults.unknown_property(name, where.type_name, sorted(where.properties))
    return _object(shape, body, knobs, "")


def unknown(shape: Shape, body: Any) -> Iterator[tuple[str, Shape]]:
    """Yields every property that the shape does not know, with the shape that it stands in."""
    if not isinstance(body, dict):
        return
    for name, value in body.items():
        known = shape.properties.get(name)
        if known is None:
            yield name, shape
        elif known.shape is not None:
            for one in value if isinstance(value, list) else [value]:
                yield from unknown(known.shape, one)


def _object(shape: Shape, body: Any, knobs: Knobs, path: str) -> Json:
    if not isinstance(body, dict):
        raise faults.invalid_type(path or shape.type_name, "Object")
    checked: Json = {}
    for name, value in body.items():
        if value is None:
            continue
        known = shape.properties[name]
        element = f"{path}.{name}" if path else name
        checked[name] = _list(known, value, knobs, element) if known.many else _value(known, value, knobs, element)
    return checked


def _list(known: Property, value: Any, knobs: Knobs, element: str) -> list[Any]:
    if not isinstance(value, list):
        raise faults.invalid_type(element, "List")
    return [_value(known, one, knobs, element) for one in value]


def _value(known: Property, value: Any, knobs: Knobs, element: str) -> Any:
    if known.kind is Kind.OBJECT and known.shape is not None:
        return _object(known.shape, value, knobs, element)
    if known.kind is Kind.STRING:
        return _string(known, value, knobs, element)
    return _SCALARS[known.kind](value, knobs, element)


def _string(known: Property, value: Any, knobs: Knobs, element: str) -> str:
    if not isinstance(value, str):
        raise faults.invalid_type(element, "String")
    if known.choices and value not in known.choices:
        raise faults.invalid_enumeration(element, value)
    if known.max_length is not None and len(value) > known.max_length:
        raise faults.string_length(known.label or element, known.max_length, len(value))
    if knobs.characters != "accept" and any(ord(character) >= LATIN_1_LIMIT for character in value):
        if knobs.characters == "refuse":
            raise faults.invalid_string(element, value)
        return "".join("?" if ord(character) >= LATIN_1_LIMIT else character for character in value)
    return value


def _decimal(value: Any, knobs: Knobs, element: str) -> Decimal | int:
    if isinstance(value, str) and knobs.accept_numbers_as_strings:
        try:
            value = Decimal(value)
        except InvalidOperation as problem:
            raise faults.invalid_decimal(element, value) from problem
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise faults.invalid_decimal(element, value)
    if isinstance(value, Decimal) and (not value.is_finite() or len(value.as_tuple().digits) > DECIMAL_DIGITS):
        raise faults.invalid_decimal(element, value)
    if abs(value) >= 10**DECIMAL_DIGITS:
        raise faults.invalid_decimal(element, value)
    return value


def _integer(value: Any, _knobs: Knobs, element: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise faults.invalid_type(element, "Integer")
    return value


def _boolean(value: Any, _knobs: Knobs, element: str) -> bool:
    if not isinstance(value, bool):
        raise faults.invalid_boolean(element, value)
    return value


def _date(value: Any, _knobs: Knobs, element: str) -> str:
    if not isinstance(value, str) or len(value) != len("YYYY-MM-DD"):
        raise faults.invalid_date(element, value)
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as problem:
        raise faults.invalid_date(element, value) from problem


def _id(value: Any, _knobs: Knobs, element: str) -> str:
    if not isinstance(value, str) or not (value.isascii() and value.isdigit()):
        raise faults.invalid_id(value, element)
    return value


def _any(value: Any, _knobs: Knobs, _element: str) -> Any:
    return value


_SCALARS = {
    Kind.DECIMAL: _decimal,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.ID: _id,
    Kind.ANY: _any,
}
