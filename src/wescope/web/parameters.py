"""Parameters: the types of what callers send, which take what their description says and nothing that only looks so.

Left to themselves, a day would be read from a number (0 is 1970-01-01), a flag from 0, an amount from a float; and what
PostgreSQL has no text for (NUL) would go as far as the database.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, StrictBool, StrictInt, StringConstraints, WithJsonSchema

LARGEST = 2**53 - 1
"""The largest number that every reader of JSON reads as it is."""

LONGEST_S = 100 * 366 * 86_400
"""A hundred years: longer ages cannot be subtracted from every moment."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:.*")
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?")


def _day(value: Any) -> Any:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("must be a day, such as 2026-10-31")
    if not isinstance(value, str | date | None):
        raise ValueError("must be a day as text, such as 2026-10-31")  # noqa: TRY004 - pydantic wants a ValueError
    return value


def _moment(value: Any) -> Any:
    if not isinstance(value, str | None) or (isinstance(value, str) and not _MOMENT.fullmatch(value)):
        raise ValueError("must be a moment with its zone, such as 2026-11-20T00:00:00Z")
    return value


def _amount(value: Any) -> Any:
    if value is None or (type(value) is int and value >= 0):
        return value
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise ValueError('must be an amount as text, such as "99.50"')
    return value


def of_form(kind: Any) -> BeforeValidator:
    """A form sends its empty fields, too: they choose nothing. `kind` is the type of what does."""
    return BeforeValidator(
        lambda value: None if value == "" else value, json_schema_input_type=kind | Literal[""] | None
    )


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^{_AMOUNT.pattern}$"}, {"type": "integer", "minimum": 0}]}
    ),
]
Flag = StrictBool
AgeSeconds = Annotated[int, Field(ge=0, le=LONGEST_S)]
WholeAgeSeconds = Annotated[StrictInt, Field(ge=0, le=LONGEST_S)]
"""The same in a body, where a number is no text."""
RowNumber = Annotated[StrictInt, Field(ge=1, le=LARGEST)]

StripeId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{3,255}$")]
"""An id of Stripe's, or of a day of its balance (`usd.2026-11-20`)."""

Key = Annotated[str, StringConstraints(pattern=r"^[!-~]{3,400}$")]
"""A document key, a subject, the id of a row."""
