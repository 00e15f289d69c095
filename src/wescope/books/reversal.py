"""Reversal: what was undone in Stripe is taken back in the month of its document, and countered by a dated one later.

A month that was reported never changes by itself (DESIGN.md section 3, Reversals).
"""

from dataclasses import replace
from datetime import date

from wescope.books.calendar import in_later_month
from wescope.books.documents import Document, Existence
from wescope.books.policy import Policy, Reversals


def is_taken_back(document_date: date | None, undone_on: date, policy: Policy) -> bool:
    """Whether what stands on `document_date` and was undone on `undone_on` (books' calendar) leaves no trace."""
    match policy.reversals:
        case Reversals.VOID:
            return True
        case Reversals.DATED:
            return False
        case Reversals.MONTH:
            return document_date is None or not in_later_month(undone_on, document_date)


def reversed_(
    document: Document, undone_on: date, counters: tuple[Document, ...], policy: Policy
) -> tuple[Document, ...]:
    """The documents that should exist when `document` was undone on a date of the books' calendar.

    Args:
        document: as it stood before.
        undone_on: when it was undone.
        counters: what undoes it on that date: together they have the opposite effect.
        policy: the company's choices.

    Returns:
        The document to be taken back (with the counters in case that its period is closed by then), or the standing
        document and its counters.
    """
    if is_taken_back(document.dates.txn, undone_on, policy):
        return (replace(document, existence=Existence.VOID, counters=counters),)
    return (document, *counters)
