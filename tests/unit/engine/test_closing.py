"""Closing: which days QBO refuses, and where a document goes instead."""

from dataclasses import replace
from datetime import date

import pytest

from tests.unit.engine.test_plan import INVOICE
from wescope.books.documents import KeyDates
from wescope.engine.closing import first_open_day, is_closed, moved

LAST = date(2026, 10, 31)


@pytest.mark.parametrize(
    ("day", "closed_until", "closed"),
    [
        (LAST, LAST, True),
        (date(2026, 10, 30), LAST, True),
        (date(2026, 11, 1), LAST, False),
        (None, LAST, False),
        (LAST, None, False),
    ],
)
def test_the_last_closed_day_is_closed(day: date | None, closed_until: date | None, closed: bool) -> None:
    assert is_closed(day, closed_until) is closed


def test_the_first_open_day_may_be_in_another_year() -> None:
    assert first_open_day(date(2026, 12, 31)) == date(2027, 1, 1)


def test_a_moved_document_names_its_own_date_and_keeps_the_others() -> None:
    dates = KeyDates(txn=date(2026, 10, 5), due=date(2026, 10, 20), usage_start=date(2026, 9, 1))
    stated = replace(INVOICE, dates=dates, note="Stripe invoice in_1")
    document = moved(stated, date(2026, 11, 1))
    assert document.dates == replace(dates, txn=date(2026, 11, 1))
    assert document.note == "Stripe invoice in_1\noriginal date 2026-10-05"
    assert replace(document, dates=dates, note=stated.note) == stated
    assert moved(replace(stated, note=""), date(2026, 11, 1)).note == "original date 2026-10-05"


@pytest.mark.parametrize("own", [date(2026, 11, 1), date(2026, 11, 2), None])
def test_what_is_dated_later_or_not_at_all_stays(own: date | None) -> None:
    document = replace(INVOICE, dates=KeyDates(txn=own))
    assert moved(document, date(2026, 11, 1)) is document
