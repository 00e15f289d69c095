"""The course of a backfill, and which of the listed objects are looked at."""

from datetime import UTC, date, datetime, timedelta

import pytest

from wescope.books.policy import Policy
from wescope.books.subjects import Subject, SubjectKind
from wescope.engine.backfill import Course, needs_look
from wescope.errors import WrongUse
from wescope.links.runs import Known
from wescope.stripe.windows import IN_WINDOWS, Listed, ListedObject

AT = datetime(2026, 10, 1, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


def test_a_course_goes_through_every_list_of_every_window_the_oldest_first() -> None:
    course = Course.of(date(2026, 10, 1), date(2026, 10, 20), Policy())
    steps = list(course.all())
    assert len(steps) == course.steps == 3 + 3 * len(IN_WINDOWS)
    assert steps[0].kind is Listed.OLDER_INVOICES
    assert [step.kind for step in steps[-2:]] == [Listed.BALANCE_MOVES, Listed.CUSTOMERS]
    assert [step.kind for step in steps[1:-2]] == list(IN_WINDOWS) * 3
    begins = [step.window.first for step in steps[1:-2]]
    assert begins == sorted(begins)
    assert steps[5] == course.step(5), "a checkpoint is an index"


def test_a_period_that_ends_before_it_begins_is_none() -> None:
    with pytest.raises(WrongUse):
        Course.of(date(2026, 10, 2), date(2026, 10, 1), Policy())


def test_payouts_come_after_all_that_they_pay_out() -> None:
    assert IN_WINDOWS[-1] is Listed.PAYOUTS


@pytest.mark.parametrize(
    ("changed_at", "known", "looked_at"),
    [
        (AT, Known(), True),
        (AT, Known(stands=True, looked_at=LATER), False),
        (LATER, Known(stands=True, looked_at=AT), True),
        (AT, Known(stands=True), True),
        (AT, Known(looked_at=LATER), True),
        (AT, Known(stands=True, looked_at=LATER, parked=True), True),
        (AT, Known(stands=True, looked_at=LATER, dirty=True), True),
        (None, Known(stands=True, looked_at=LATER), True),
        (None, Known(hinted=True), False),
        (LATER, Known(hinted=True, parked=True), False),
    ],
)
def test_what_the_books_have_is_not_looked_at(changed_at: datetime | None, known: Known, looked_at: bool) -> None:
    subject = Subject(kind=SubjectKind.INVOICE, id="in_1")
    listed = ListedObject(subject=subject, stripe_id="in_1", customer_id=None, changed_at=changed_at)
    assert needs_look(listed, known) is looked_at
