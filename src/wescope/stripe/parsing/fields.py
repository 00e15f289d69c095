"""Typed access to the fields of a JSON object: what is absent, of another type or unknown is named, never guessed.

Every accessor raises `ObjectUnreadable` with the field's dotted path and the object's id, and nothing of its content.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Self, TypeVar

from wescope.errors import ObjectUnreadable

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

CURRENCY = re.compile(r"[a-z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The fields of a JSON object, or of an object inside it (`path` says where)."""

    object_id: str
    values: Mapping[str, Any]
    path: str = ""

    @classmethod
    def of(cls, payload: Mapping[str, Any], kind: str) -> Self:
        """The fields of a Stripe object that names its own kind and id.

        Args:
            payload: An API object as JSON, with `id` and `object`.
            kind: The value that `object` must have, such as `invoice`.

        Raises:
            ObjectUnreadable: it is no such object, or has no id.
        """
        if not isinstance(payload, Mapping):
            raise ObjectUnreadable("object", object_id="")
        identifier = payload.get("id")
        fields = cls(object_id=identifier if isinstance(identifier, str) else "", values=payload)
        if not fields.object_id:
            raise fields.unreadable("id")
        if payload.get("object") != kind:
            raise fields.unreadable("object")
        return fields

    def unreadable(self, name: str) -> ObjectUnreadable:
        """The error that names the field `name` of this object."""
        return ObjectUnreadable(f"{self.path}{name}", object_id=self.object_id)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.values.get(name) is not None

    def text(self, name: str) -> str:
        """A string that is not empty."""
        return self._needed(name, self.optional_text(name))

    def optional_text(self, name: str) -> str | None:
        """A string; null when absent, null or empty."""
        return self._typed(name, lambda value: value if isinstance(value, str) else None) or None

    def integer(self, name: str) -> int:
        """A whole number, such as an amount in minor units."""
        return self._needed(name, self.optional_integer(name))

    def optional_integer(self, name: str) -> int | None:
        """A whole number; null when absent or null."""
        return self._typed(name, lambda value: value if type(value) is int else None)

    def flag(self, name: str) -> bool:
        """A boolean; false when absent or null."""
        return self._typed(name, lambda value: value if isinstance(value, bool) else None) or False

    def decimal(self, name: str) -> Decimal | None:
        """A decimal from a string or a JSON number; null when absent or null."""
        return self._typed(name, _decimal)

    def moment(self, name: str) -> datetime:
        """A moment in UTC from Unix seconds."""
        return self._needed(name, self.optional_moment(name))

    def optional_moment(self, name: str) -> datetime | None:
        """A moment in UTC from Unix seconds; null when absent or null."""
        return self._typed(name, _moment)

    def currency(self, name: str) -> str:
        """A currency code in Stripe's lower case."""
        return self._needed(name, self._typed(name, _currency))

    def enum(self, name: str, values: type[E]) -> E:
        """One of the known values of an enumeration."""
        try:
            return values(self.text(name))
        except ValueError:
            raise self.unreadable(name) from None

    def reference(self, name: str) -> str:
        """The id that a field holds, whether or not its object is expanded."""
        return self._needed(name, self.optional_reference(name))

    def optional_reference(self, name: str) -> str | None:
        """As `reference`; null when absent, null or empty."""
        return self._typed(name, _reference) or None

    def expanded(self, name: str) -> Mapping[str, Any] | None:
        """The expanded object that a field holds; null when there is only its id, or nothing."""
        value = self.values.get(name)
        return value if isinstance(value, Mapping) and "object" in value else None

    def child(self, name: str) -> "Fields":
        """The fields of an inner object; without any field when it is absent or null."""
        value = self._typed(name, lambda value: value if isinstance(value, Mapping) else None)
        return replace(self, values=value or {}, path=f"{self.path}{name}.")

    def children(self, name: str) -> Iterator["Fields"]:
        """The fields of every object in an inner array; none when it is absent or null."""
        rows = self._typed(name, lambda value: value if isinstance(value, list) else None) or ()
        for index, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise self.unreadable(f"{name}[{index}]")
            yield replace(self, values=row, path=f"{self.path}{name}[{index}].")

    def strings(self, name: str) -> dict[str, str]:
        """A map of strings, such as metadata; what is no string in it is left out."""
        return {key: value for key, value in self.child(name).values.items() if isinstance(value, str)}

    def _typed(self, name: str, convert: Callable[[Any], T | None]) -> T | None:
        value = self.values.get(name)
        if value is None:
            return None
        return self._needed(name, convert(value))

    def _needed(self, name: str, value: T | None) -> T:
        if value is None:
            raise self.unreadable(name)
        return value


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        # A float's own text is the shortest that means it, so str gives back what stood in the JSON.
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(value: Any) -> datetime | None:
    if type(value) is not int:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _currency(value: Any) -> str | None:
    return value if isinstance(value, str) and CURRENCY.fullmatch(value) else None


def _reference(value: Any) -> str | None:
    identifier = value.get("id") if isinstance(value, Mapping) else value
    return identifier if isinstance(identifier, str) else None
