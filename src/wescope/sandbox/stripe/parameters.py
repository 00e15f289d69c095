"""Reads request parameters as Stripe does: bracketed names, strict types, nothing unknown."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from wescope.sandbox.stripe.errors import StripeError, invalid_parameter, unknown_parameter

MAXIMUM_LIMIT = 100
DEFAULT_LIMIT = 10
_RANGE = ("gt", "gte", "lt", "lte")
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which page of a list is asked for."""

    limit: int = DEFAULT_LIMIT
    starting_after: str | None = None
    ending_before: str | None = None


def parse_query(text: str) -> dict[str, Any]:
    """Return the parameters of a query string or form: ``created[gte]=1`` as ``{"created": {"gte": "1"}}``.

    ``expand[]=a`` and ``expand[0]=a`` both give a list.

    Raises:
        StripeError: 400 when a name cannot be read.
    """
    values: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        match = _NAME.fullmatch(name)
        if match is None:
            raise unknown_parameter(name)
        keys = re.findall(r"\[([^\[\]]*)\]", match[2])
        _put(values, match[1], keys, value)
    return values


def _put(values: dict[str, Any], name: str, keys: list[str], value: str) -> None:
    if not keys:
        values[name] = value
    elif len(keys) == 1 and (not keys[0] or keys[0].isdigit()):
        known = values.setdefault(name, [])
        if not isinstance(known, list):
            raise invalid_parameter(name, f"Invalid array: {name}")
        known.append(value)
    else:
        known = values.setdefault(name, {})
        if not isinstance(known, dict):
            raise invalid_parameter(name, f"Invalid object: {name}")
        _put(known, keys[0], keys[1:], value)


def refuse_unknown(values: dict[str, Any], known: Iterable[str]) -> None:
    """Refuse the first parameter that is not in ``known``.

    Raises:
        StripeError: 400 ``parameter_unknown``.
    """
    names = set(known)
    for name in values:
        if name not in names:
            raise unknown_parameter(name)


def integer(name: str, value: Any) -> int:
    """Return a whole number.

    Raises:
        StripeError: 400 ``parameter_invalid_integer``.
    """
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,18}", str(value)):
        raise invalid_parameter(name, f"Invalid integer: {value}", "parameter_invalid_integer")
    return int(value)


def boolean(name: str, value: Any) -> bool:
    """Return a truth value.

    Raises:
        StripeError: 400 when it is neither ``true`` nor ``false``.
    """
    if str(value).lower() not in {"true", "false"}:
        raise invalid_parameter(name, f"Invalid boolean: {value}")
    return str(value).lower() == "true"


def text(name: str, value: Any) -> str:
    """Return a text that is not empty.

    Raises:
        StripeError: 400 ``parameter_invalid_empty`` for an empty one.
    """
    if not isinstance(value, str):
        raise invalid_parameter(name, f"Invalid string: {value}")
    if not value:
        raise invalid_parameter(
            name,
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty "
            "value.",
            "parameter_invalid_empty",
        )
    return value


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return one of ``allowed``.

    Raises:
        StripeError: 400 when it is another.
    """
    options = list(allowed)
    if value not in options:
        raise invalid_parameter(name, f"Invalid {name}: must be one of {', '.join(options[:-1])}, or {options[-1]}")
    return str(value)


def time_range(name: str, value: Any) -> list[tuple[str, int]]:
    """Return the bounds of a ``created`` filter as (operator, Unix seconds); a bare number means equality.

    Raises:
        StripeError: 400 when a bound is unknown or no number.
    """
    if not isinstance(value, dict):
        return [("eq", integer(name, value))]
    for bound in value:
        if bound not in _RANGE:
            raise unknown_parameter(f"{name}[{bound}]")
    return [(bound, integer(f"{name}[{bound}]", second)) for bound, second in value.items()]


def page(values: dict[str, Any]) -> Page:
    """Return the page asked for.

    Raises:
        StripeError: 400 when the limit is not 1..100 or both cursors are given.
    """
    limit = integer("limit", values.get("limit", DEFAULT_LIMIT))
    if limit < 1:
        message = f"This value must be greater than or equal to 1 (you passed: {limit})"
        raise invalid_parameter("limit", message, "parameter_invalid_integer")
    if limit > MAXIMUM_LIMIT:
        message = f"This value must be less than or equal to {MAXIMUM_LIMIT} (you passed: {limit})"
        raise invalid_parameter("limit", message, "parameter_invalid_integer")
    after, before = values.get("starting_after"), values.get("ending_before")
    if after is not None and before is not None:
        raise StripeError("You may only specify one of these parameters: starting_after, ending_before.")
    return Page(
        limit=limit,
        starting_after=None if after is None else text("starting_after", after),
        ending_before=None if before is None else text("ending_before", before),
    )


def expansions(values: dict[str, Any]) -> list[str]:
    """Return the paths to expand.

    Raises:
        StripeError: 400 when ``expand`` is no list of texts.
    """
    paths = values.get("expand", [])
    if not isinstance(paths, list):
        raise invalid_parameter("expand", "Invalid array", None)
    return [text("expand", path) for path in paths]
