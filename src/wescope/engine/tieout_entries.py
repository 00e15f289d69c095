"""Tie-out entries: what one Stripe object, or one document of QBO, adds to one row on one day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from wescope.engine.tieout_results import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeEntry:
    """What a Stripe object adds to a row since a day of the books' calendar, in minor units of the row's currency.

    `key` names the document that books it, as far as Stripe's objects tell; `about` are further objects on which that
    document depends (the invoice of a payment).
    """

    row: str
    currency: str
    day: date
    amount: int
    stripe_id: str
    key: str
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QboDocument:
    """A transaction of QBO: its day, and what tells whether it is as we wrote it; `total` in minor units.

    `key` is the document that it is: by the marker that it carries, or because we adopted it; null for others'.
    `content` is a digest of what it holds (`wescope.qbo.content`), of marked ones.
    """

    entity: str
    id: str
    day: date
    key: str | None
    total: int
    content: str | None = None

    @property
    def is_adopted(self) -> bool:
        """Whether somebody else has made it, and we took it for ours."""
        return self.key is not None and self.content is None

    def as_adopted(self, key: str | None) -> "QboDocument":
        """The same as this document of ours."""
        return replace(self, key=key)

    @property
    def name(self) -> str:
        """Entity and id (`Deposit/145`)."""
        return f"{self.entity}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QboEntry:
    """What a document of QBO adds to a row, in minor units of the row's currency.

    `document` is null for what an account holds beyond the documents that were read.
    """

    row: str
    currency: str
    day: date
    amount: int
    document: QboDocument | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QboEntries:
    """All of QBO's entries, and every document that was read by its key (those of others by their name)."""

    entries: tuple[QboEntry, ...]
    documents: Mapping[str, tuple[QboDocument, ...]] = field(default_factory=dict)


Aliases = Mapping[Kind, Kind]
"""Kinds of rows that the company keeps on one account or item: they are one row, under the first of their names."""

_COSTS = frozenset({Kind.BAD_DEBT, Kind.FEES, Kind.FEE_TAX, Kind.DISPUTES})

Pieces = tuple[tuple[Kind, int], ...]
"""What a document posts by kind, with the sign of the kind's row."""


def negated(pieces: Pieces) -> Pieces:
    """The opposite document."""
    return tuple((kind, -amount) for kind, amount in pieces)


def without_zeros(pieces: Iterable[tuple[Kind, int]]) -> Pieces:
    """The pieces that post something."""
    return tuple((kind, amount) for kind, amount in pieces if amount)


def aliased(kind: Kind, amount: int, aliases: Aliases) -> tuple[Kind, int]:
    """The row of a kind, and an amount with the sign of that row."""
    row = aliases.get(kind, kind)
    return row, amount if (kind in _COSTS) == (row in _COSTS) else -amount
