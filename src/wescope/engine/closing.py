"""Closing: where a document goes whose own date lies in a closed period. Pure; dates are of the company's calendar."""

from dataclasses import replace
from datetime import date, timedelta

from wescope.books.documents import Document


def is_closed(day: date | None, closed_until: date | None) -> bool:
    """Whether QBO refuses a write that touches `day` (facts/qbo.md 7). `closed_until` is the last closed day."""
    return day is not None and closed_until is not None and day <= closed_until


def first_open_day(closed_until: date) -> date:
    """The first day after the closed period."""
    return closed_until + timedelta(days=1)


def moved(document: Document, day: date) -> Document:
    """The document on a later day than its own, which its note then names.

    A document that is dated on or after `day`, or not at all, is left as it is. Its fingerprint stays that of the
    document as the books state it, so that a later run sees nothing to do.
    """
    stated = document.dates.txn
    if stated is None or stated >= day:
        return document
    original = f"original date {stated.isoformat()}"
    note = f"{document.note}\n{original}" if document.note else original
    return replace(document, dates=replace(document.dates, txn=day), note=note)
