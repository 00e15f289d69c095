"""Kinds of drift: what `verify` calls what it finds in QBO, what that means, and whether it can be repaired."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class DriftKind(StrEnum):
    """Stable words; texts and remedies: `DRIFT`."""

    EDITED = "edited"
    MOVED = "moved"
    UNMARKED = "unmarked"
    UNAPPLIED = "unapplied"
    VOIDED = "voided"
    DELETED = "deleted"
    DOUBLED = "doubled"
    ORPHANED = "orphaned"
    APPLIED = "applied"
    DEPOSITED = "deposited"
    IN_CLEARING = "in_clearing"
    LOOKS_LIKE = "looks_like"
    MERGED = "merged"
    INACTIVE = "inactive"


class DriftClass(StrEnum):
    """What the policy's `[drift]` table decides by; kinds without a class are repaired by a person's click only."""

    EDITED = "edited"
    VOIDED = "voided"
    DELETED = "deleted"


class DriftState(StrEnum):
    """What became of a finding."""

    OPEN = "open"
    REPAIRING = "repairing"
    """It was decided to be put right; the next look at it says whether it was."""
    REPAIRED = "repaired"
    FAILED = "failed"
    """It was found again after its repair, as another row."""
    ACCEPTED = "accepted"
    GONE = "gone"
    """It was so no longer when it was looked at again: somebody else has put it right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftMeaning:
    """A kind in business words, what a repair does, and the one action for who does not want that.

    `repair` is null where QBO must be put right by a person; `of_ours` says that the finding is about a document of
    ours, and not about a record of somebody else.
    """

    text: str
    repair: str | None
    remedy: str
    policy: DriftClass | None = None
    of_ours: bool = True


_ACCEPT = (
    "Repair it (`wescope verify --repair`), or keep what QBO has: `wescope drift accept ID`; the page Drift has "
    "buttons for both."
)

DRIFT: Mapping[DriftKind, DriftMeaning] = {
    DriftKind.EDITED: DriftMeaning(
        text="Somebody has changed the document in QBO; the fields are named with what Stripe says and what QBO has.",
        repair="The document is written over with what Stripe says.",
        remedy=_ACCEPT,
        policy=DriftClass.EDITED,
    ),
    DriftKind.MOVED: DriftMeaning(
        text="Somebody has moved the document to another day.",
        repair="The document is moved back to its day.",
        remedy=_ACCEPT,
        policy=DriftClass.EDITED,
    ),
    DriftKind.UNMARKED: DriftMeaning(
        text="Somebody has removed the reference to Stripe from the document's memo, by which it is known.",
        repair="The memo gets its reference back.",
        remedy=_ACCEPT,
        policy=DriftClass.EDITED,
    ),
    DriftKind.UNAPPLIED: DriftMeaning(
        text="The payment is no longer applied to what it pays, or to something else as well.",
        repair="The payment is applied again as Stripe says.",
        remedy=_ACCEPT,
        policy=DriftClass.EDITED,
    ),
    DriftKind.VOIDED: DriftMeaning(
        text="Somebody has voided the document in QBO; Stripe still has it.",
        repair="What is left of it is deleted, and the document is created again.",
        remedy=_ACCEPT,
        policy=DriftClass.VOIDED,
    ),
    DriftKind.DELETED: DriftMeaning(
        text="Somebody has deleted the document in QBO; Stripe still has it.",
        repair="The document is created again.",
        remedy=_ACCEPT,
        policy=DriftClass.DELETED,
    ),
    DriftKind.DOUBLED: DriftMeaning(
        text="There is a second record of this document in QBO: a copy with our reference in its memo.",
        repair="The copy is deleted; the document stays.",
        remedy="Repair it, or remove our reference from the copy's memo if it means something else.",
        of_ours=False,
    ),
    DriftKind.ORPHANED: DriftMeaning(
        text="A record in QBO carries our reference, but no document of ours is known to be it.",
        repair=None,
        remedy="If another installation made it, move its database here; else delete the record in QBO.",
        of_ours=False,
    ),
    DriftKind.APPLIED: DriftMeaning(
        text="Somebody has applied a payment or credit of their own to a document of ours.",
        repair=None,
        remedy="Unapply or delete it in QBO, or record it in Stripe (paid out of band); or accept it.",
        of_ours=False,
    ),
    DriftKind.DEPOSITED: DriftMeaning(
        text="Somebody has put a payment of ours into a bank deposit by hand; the payout's deposit holds it already.",
        repair=None,
        remedy="Take the payment out of that deposit in QBO, or accept it.",
        of_ours=False,
    ),
    DriftKind.IN_CLEARING: DriftMeaning(
        text="Somebody has posted to the Stripe clearing account, which then no longer equals Stripe's balance.",
        repair=None,
        remedy="Move the posting to another account in QBO; accept it if it is the account's opening balance.",
        of_ours=False,
    ),
    DriftKind.LOOKS_LIKE: DriftMeaning(
        text="A record of somebody else has customer, amount and date of a document of ours: it may be booked twice.",
        repair=None,
        remedy="Delete it in QBO if it is the same sale, payment or deposit; else accept it.",
        of_ours=False,
    ),
    DriftKind.MERGED: DriftMeaning(
        text="Somebody has merged this customer into another one, which has its documents now.",
        repair="The Stripe customer is tied to the customer that has its documents; nothing is written to QBO.",
        remedy="Repair it (`wescope verify --repair`, or the page Drift): QBO cannot undo a merge.",
    ),
    DriftKind.INACTIVE: DriftMeaning(
        text="Somebody has made this customer inactive, so that nothing more can be posted to it.",
        repair="The customer is made active again.",
        remedy=_ACCEPT,
        policy=DriftClass.DELETED,
    ),
}
"""Facts/qbo.md 2.3, 4.7, 7 and the users' complaints in facts/complaints.md are where these come from."""
