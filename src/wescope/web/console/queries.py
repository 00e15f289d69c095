"""Queries: parameters of pages. A form sends its empty fields, too: those ask nothing."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator, StringConstraints

from wescope.web.parameters import Day


def _nothing(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


DayQuery = Annotated[Day | None, BeforeValidator(_nothing), Query(description="A day in the books' calendar.")]
TextQuery = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[!-~]{1,400}$")] | None,
    BeforeValidator(_nothing),
    Query(description="Only what is exactly this."),
]
WordQuery = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z_]{1,40}$")] | None,
    BeforeValidator(_nothing),
    Query(description="Only what has this name."),
]
CursorQuery = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")] | None,
    BeforeValidator(_nothing),
    Query(description="Where the page before has ended."),
]
