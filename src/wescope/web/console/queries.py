"""Queries: parameters of pages that come from forms, where an empty field is no filter."""

from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints

from wescope.web.parameters import Day, of_form

_Text = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,400}$")]
_Word = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
_Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]

DayQuery = Annotated[Day | None, of_form(Day), Query(description="A day in the books' calendar.")]
TextQuery = Annotated[_Text | None, of_form(_Text), Query(description="Only what is exactly this.")]
WordQuery = Annotated[_Word | None, of_form(_Word), Query(description="Only what has this name.")]
CursorQuery = Annotated[_Cursor | None, of_form(_Cursor), Query(description="Where the page before has ended.")]
