"""Queries: parameters of pages that come from forms. A blank field is no filter; ids are pasted with blanks around."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator, StringConstraints

from wescope.web.parameters import Day

_Blank = Annotated[str, StringConstraints(pattern=r"^\s*$")]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[!-~]{1,400}$")]
_PastedText = Annotated[str, StringConstraints(pattern=r"^\s*[!-~]{1,400}\s*$")]
_Word = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z_]{1,40}$")]
_PastedWord = Annotated[str, StringConstraints(pattern=r"^\s*[a-z_]{1,40}\s*$")]
_Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]


def _unless_blank(kind: Any) -> BeforeValidator:
    """What is blank chooses nothing. `kind` is the type of what does, as it may be sent: for the description alone."""
    return BeforeValidator(
        lambda value: None if isinstance(value, str) and not value.strip() else value,
        json_schema_input_type=kind | _Blank | None,
    )


DayQuery = Annotated[Day | None, _unless_blank(Day), Query(description="A day in the books' calendar.")]
TextQuery = Annotated[_Text | None, _unless_blank(_PastedText), Query(description="Only what is exactly this.")]
WordQuery = Annotated[_Word | None, _unless_blank(_PastedWord), Query(description="Only what has this name.")]
CursorQuery = Annotated[_Cursor | None, _unless_blank(_Cursor), Query(description="Where the page before has ended.")]
