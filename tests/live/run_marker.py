"""The marker of a run: everything that the suite makes carries it, and nothing without it is ever touched."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

WORD = "wescope-live"
METADATA_KEY = "wescope_live"
"""The key in the metadata of Stripe's objects."""

_NOTE = re.compile(rf"(?:^|\s){WORD}:\S+")
_NAME = re.compile(rf"{WORD}(?: |$)")
_NAMES = ("DisplayName", "Name")
_NOTES = ("PrivateNote", "Notes")


def _new_run_id() -> str:
    return f"{datetime.now(UTC):%y%m%d%H%M}{secrets.token_hex(2)}"


@dataclass(slots=True, kw_only=True)
class Run:
    """One run: its id (14 characters), its day in UTC, and a counter for names and numbers."""

    id: str = field(default_factory=_new_run_id)
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    count: int = 0

    @property
    def note(self) -> str:
        """The word in PrivateNote."""
        return f"{WORD}:{self.id}"

    def name(self, what: str) -> str:
        """A name that only this run has: of customers."""
        self.count += 1
        return f"{WORD} {self.id} {what} {self.count}"

    def number(self) -> str:
        """A document number or reference of at most 21 characters that only this run has."""
        self.count += 1
        return f"WL{self.id}-{self.count}"

    def request_id(self) -> str:
        """A request id of 32 characters that was never used before; with a bId it fits a batch, too."""
        return secrets.token_hex(16)


def is_marked(record: Mapping[str, Any]) -> bool:
    """Whether a QBO object was made by some run: a transaction by its note, a list object by its name."""
    in_note = any(_NOTE.search(str(record.get(name) or "")) for name in _NOTES)
    return in_note or any(_NAME.match(str(record.get(name) or "")) for name in _NAMES)


def is_marked_in_stripe(payload: Mapping[str, Any]) -> bool:
    """Whether a Stripe object was made by some run."""
    return METADATA_KEY in (payload.get("metadata") or {})
