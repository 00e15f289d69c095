"""Filters of lists: how the query of an address says which parked items or findings are meant, for pages and the API.

A form sends its empty fields, too: what is empty asks nothing.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from wescope.books.parking import Owner, ParkCode
from wescope.engine.bulk import BulkAction
from wescope.engine.drift_kinds import DriftKind, DriftState
from wescope.engine.parked_desk import ParkedQuery
from wescope.links.drift_pages import DriftChoice
from wescope.web.parameters import LARGEST, AgeSeconds, Amount, of_form

Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]{1,400}$")]
_Currency = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")]
_Part = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
Ignored = Literal["no", "yes", "any"]
_IGNORED: Mapping[str, bool | None] = {"no": False, "yes": True, "any": None}
MOST_IDS = 1000
EntityName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{1,40}$")]


def _numbers(value: Any) -> Any:
    """Ids that one field of a form holds, with spaces between them, beside those of several fields."""
    texts = value if isinstance(value, list) else [value]
    return [part for text in texts for part in (text.split() if isinstance(text, str) else [text])]


Numbers = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST)]], BeforeValidator(_numbers), Field(max_length=MOST_IDS)
]


class _Filters(BaseModel):
    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        kept = {
            name: [one for one in value if one != ""] if isinstance(value, list) else value
            for name, value in values.items()
        }
        return {name: value for name, value in kept.items() if value not in ("", [])}

    def kept(self) -> dict[str, Any]:
        """What was asked for, as the query of an address says it; the place in the list is left out."""
        said = self.model_dump(mode="json", exclude={"after"}, exclude_defaults=True)
        return {name: value for name, value in said.items() if value is not None}


class ParkedFilters(_Filters):
    """Which parked items, and where the page begins."""

    code: Annotated[list[ParkCode], Field(description="Only these codes.")] = []
    owner: Annotated[list[Owner], Field(description="Only what these can act on.")] = []
    currency: Annotated[
        _Currency | None,
        of_form(_Currency),
        Field(description="Only this currency, in small letters."),
    ] = None
    min_amount: Annotated[
        Amount | None, of_form(Amount), Field(description="In major units of each currency, without sign.")
    ] = None
    older_than_s: Annotated[
        AgeSeconds | None, of_form(AgeSeconds), Field(description="Parked for at least so many seconds.")
    ] = None
    ignored: Annotated[Ignored, Field(description="Items that are ignored: leave them out, only them, or any.")] = "no"
    contains: Annotated[
        _Part | None,
        of_form(_Part),
        Field(description="A part of the document key or of the subject."),
    ] = None
    after: Annotated[Cursor | None, of_form(Cursor), Field(description="`next` of the page before.")] = None

    def query(self, action: BulkAction | None = None) -> ParkedQuery:
        """The same for the engine; what is ignored already is not ignored again, and what is not, not counted again."""
        ignored = {BulkAction.IGNORE: False, BulkAction.UNIGNORE: True}.get(action) if action else None
        return ParkedQuery(
            codes=tuple(code.value for code in self.code),
            owners=tuple(owner.value for owner in self.owner),
            currency=self.currency or "",
            min_amount=self.min_amount,
            older_than=None if self.older_than_s is None else timedelta(seconds=self.older_than_s),
            ignored=_IGNORED[self.ignored] if ignored is None else ignored,
            contains=self.contains or "",
        )


class BulkFilters(ParkedFilters):
    """The same, and what is to be done to them."""

    action: Annotated[BulkAction, Field(description="What is done to each.")] = BulkAction.RETRY

    def filters(self) -> dict[str, Any]:
        """What was asked for without the action, as the query of an address says it."""
        return {name: value for name, value in self.kept().items() if name != "action"}


class DriftFilters(_Filters):
    """Which findings, and where the page begins."""

    kind: Annotated[list[DriftKind], Field(description="Only these kinds.")] = []
    state: Annotated[list[DriftState], Field(description="In these states; open if left out.")] = []
    entity: Annotated[list[EntityName], Field(description="Of these QBO entities.")] = []
    after: Annotated[Cursor | None, of_form(Cursor), Field(description="`next` of the page before.")] = None

    def choice(self) -> DriftChoice:
        """The same for the tables."""
        return DriftChoice(
            kinds=tuple(kind.value for kind in self.kind),
            states=tuple(state.value for state in self.state or (DriftState.OPEN,)),
            entities=tuple(self.entity),
        )


class RepairFilters(_Filters):
    """Which open findings are repaired: these, or all that the other conditions take."""

    ids: Annotated[Numbers, Field(description="Only these findings.")] = []
    kind: Annotated[list[DriftKind], Field(description="Only these kinds.")] = []
    entity: Annotated[list[EntityName], Field(description="Of these QBO entities.")] = []
    exact: Annotated[bool, Field(description="Ask Stripe what all would be sent for the first twenty, too.")] = False

    def choice(self) -> DriftChoice:
        """The same for the tables."""
        return DriftChoice(
            ids=tuple(self.ids) or None,
            kinds=tuple(kind.value for kind in self.kind),
            states=(DriftState.OPEN.value,),
            entities=tuple(self.entity),
        )
