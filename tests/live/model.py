"""Words of the discovery: what the product relies on at Stripe and QBO, how sure it is, and what a probe has seen."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.live.bench import Bench


class Side(StrEnum):
    """One of the two services."""

    STRIPE = "stripe"
    QBO = "qbo"


class Kind(StrEnum):
    """What is relied on, in the order of the page."""

    END_POINT = "end points"
    FIELDS = "fields"
    EVENT = "events"
    SCOPE = "scopes and permissions"
    LIMIT = "limits"
    VERSION = "versions"
    BEHAVIOUR = "behaviour"


class Mark(StrEnum):
    """The confidence marks of facts/qbo.md (R, D, P, K) and facts/stripe.md (the others); `?` is common to both."""

    RECORDED = "R"
    DOCUMENTED = "D"
    PRACTITIONERS = "P"
    KNOWLEDGE = "K"
    UNKNOWN = "?"
    SPECIFICATION = "SPEC"
    PYTHON_SDK = "PY"
    NODE_SDK = "NODE"
    CASSETTE = "REC"
    LIVE_DATA = "REAL"
    SIMULATOR_AUTHORS = "SW"
    STRIPE_DOCS = "DOC"


SURE = frozenset(
    {
        Mark.RECORDED, Mark.DOCUMENTED, Mark.SPECIFICATION, Mark.PYTHON_SDK, Mark.NODE_SDK, Mark.CASSETTE,
        Mark.LIVE_DATA, Mark.STRIPE_DOCS,
    }
)  # fmt: skip
"""Seen in the real service, or said by its maker. What has no such mark needs a probe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliance:
    """Something of Stripe's or QBO's without which the product would not work, or not rightly.

    `places` are modules with the name in them that uses it, such as `wescope.stripe.reader:StripeReader`. `source` is
    file and section of the facts. `parameters` are what is sent to an end point, `fields` what is read of an object.
    `optional` are fields that it also takes, but that may be absent: of older versions, or only when expanded.
    `copes` says what the product does if it is not so; empty: it would be wrong or stand still.
    """

    side: Side
    kind: Kind
    name: str
    relied_on: str
    places: tuple[str, ...]
    marks: tuple[Mark, ...]
    source: str
    probe: str = ""
    parameters: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    copes: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether the real service or its maker has said so."""
        return bool(SURE.intersection(self.marks))


class Verdict(StrEnum):
    """What a probe found out about what was expected."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNCLEAR = "unclear"
    NOT_TRIED = "not tried"


Details = Mapping[str, str | int | bool]
"""What a result is made of: codes, counts, amounts, names of fields; no names of people and no secrets."""


class NotTried(Exception):
    """The probe cannot be made here; the text says why, in words without data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a probe saw: a word, and what it is made of: codes, counts and names of fields only."""

    outcome: str
    details: Details = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question to a real service.

    `needs` are the sides whose answer it is about: it tells about the real service only if all of them are real.
    `others` are the outcomes that are known beside the expected one, and whether the product is right with each.
    """

    name: str
    needs: frozenset[Side]
    asks: str
    expected: str
    run: Callable[["Bench"], Awaitable[Seen]]
    others: Mapping[str, bool] = field(default_factory=dict)

    def judged(self, outcome: str) -> Verdict:
        """The verdict on an outcome."""
        if outcome == self.expected:
            return Verdict.CONFIRMED
        return Verdict.REFUTED if outcome in self.others else Verdict.UNCLEAR

    def copes(self, outcome: str) -> bool:
        """Whether the product is right with an outcome."""
        return outcome == self.expected or self.others.get(outcome, False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A probe's result; `local` names the sides that were stand-ins. `seen` is the reason if it was not tried."""

    probe: Probe
    verdict: Verdict
    seen: str
    local: frozenset[Side]
    details: Details = field(default_factory=dict)

    @property
    def is_real(self) -> bool:
        """Whether it tells something about the real services."""
        return self.verdict is not Verdict.NOT_TRIED and not self.local & self.probe.needs

    @property
    def is_good(self) -> bool:
        """Whether the product is right with what was seen, or nothing was."""
        if self.verdict in {Verdict.CONFIRMED, Verdict.NOT_TRIED}:
            return True
        return self.verdict is Verdict.REFUTED and self.probe.copes(self.seen)
