"""Form fields: what people type, as values; what does not fit is said beside its field, and nothing typed is lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from pydantic import TypeAdapter, ValidationError

from wescope.web.parameters import StripeId

CHECKED = "yes"
"""What a ticked box sends."""

_ID: TypeAdapter[str] = TypeAdapter(StripeId)
_ECHOED = 2000


@dataclass(slots=True)
class Fields:
    """The fields of one form. `values` is what was typed, by name; `faults` is what is wrong with it."""

    values: Mapping[str, str]
    faults: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """As it was typed, without space around it."""
        return self.values.get(name, "").strip()

    def shown(self, name: str) -> str:
        """What the form shows again; not more than anybody types."""
        return self.text(name)[:_ECHOED]

    def is_checked(self, name: str) -> bool:
        """Whether a box was ticked."""
        return self.text(name) == CHECKED

    def day(self, name: str) -> date | None:
        """A day; null if nothing was typed, or what was is noted as a fault."""
        text = self.text(name)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.faults[name] = "This is no day. Write it like 2026-10-31."
            return None

    def moment(self, name: str) -> datetime | None:
        """A moment of UTC to the minute; null if nothing was typed, or what was is noted as a fault."""
        text = self.text(name).removesuffix("Z").removesuffix("UTC").strip()
        if not text:
            return None
        try:
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError:
            self.faults[name] = "This is no moment. Write it like 2026-10-31 08:00, in UTC."
            return None

    def ids(self, name: str, most: int) -> tuple[str, ...]:
        """Ids between spaces, commas or line ends; those that are none are noted as a fault."""
        found = tuple(dict.fromkeys(self.text(name).replace(",", " ").split()))
        if len(found) > most:
            self.faults[name] = f"These are {len(found)} ids; {most} at most fit here."
            return ()
        for one in found:
            try:
                _ID.validate_python(one.rpartition("/")[2])
            except ValidationError:
                self.faults[name] = f"{one[:60]} is no id of Stripe's."
                return ()
        return found
