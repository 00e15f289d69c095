"""Plan of what is undone: taken back, or countered in a closed period, and never both."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.unit.engine.test_plan import INVOICE, link
from wescope.books.documents import Document, Existence, KeyDates
from wescope.books.subjects import DocumentKey
from wescope.engine.plan import Action, adopted, adopted_entity, keys_of, plan, plan_document, plan_step
from wescope.links.store import Link, LinkState

FIRST = replace(INVOICE, key=DocumentKey("in_1:reversal"), dates=KeyDates(txn=date(2026, 11, 25)))
SECOND = replace(FIRST, key=DocumentKey("in_1:reversal_application"))
UNDONE = replace(INVOICE, existence=Existence.VOID, counters=(FIRST, SECOND))
CLOSED, OPEN = date(2026, 11, 20), date(2026, 11, 19)
P, U, N, V, A = LinkState.POSTED, LinkState.UNKNOWN, LinkState.INTENDED, LinkState.VOIDED, LinkState.ABSENT

ITSELF = [("in_1:invoice", Action.VOID)]
NOTHING = [("in_1:invoice", Action.NOTHING)]
COUNTERED = [
    ("in_1:invoice", Action.NOTHING),
    ("in_1:reversal", Action.CREATE),
    ("in_1:reversal_application", Action.CREATE),
]


def _links(*states: LinkState | None, **fields: Any) -> dict[DocumentKey, Link]:
    documents = (INVOICE, FIRST, SECOND)
    pairs = zip(documents, states, strict=False)
    return {document.key: link(document, state, **fields) for document, state in pairs if state}


def _told(links: dict[DocumentKey, Link], closed_until: date | None) -> list[tuple[str, Action]]:
    return [(step.document.key, step.action) for step in plan_document(UNDONE, links, closed_until)]


@pytest.mark.parametrize(
    ("states", "closed_until", "steps"),
    [
        ((None,), CLOSED, NOTHING),
        ((A,), CLOSED, NOTHING),
        ((V,), CLOSED, NOTHING),
        ((P,), None, ITSELF),
        ((P,), OPEN, ITSELF),
        ((P,), CLOSED, COUNTERED),
        ((U,), CLOSED, [("in_1:invoice", Action.RESOLVE)]),
        ((N,), None, [("in_1:invoice", Action.RESOLVE)]),
        ((P, V), None, ITSELF),
        ((P, A, A), None, ITSELF),
        # Counters that may stand: the period may have been opened again since.
        ((P, U), None, [NOTHING[0], ("in_1:reversal", Action.RESOLVE), COUNTERED[2]]),
        ((P, P), None, [NOTHING[0], ("in_1:reversal", Action.NOTHING), COUNTERED[2]]),
        ((P, None, P), None, [NOTHING[0], COUNTERED[1], ("in_1:reversal_application", Action.NOTHING)]),
        ((U, P), None, [("in_1:invoice", Action.RESOLVE), ("in_1:reversal", Action.NOTHING), COUNTERED[2]]),
        # What is void already is not countered, whatever somebody posted.
        ((V, P, P), CLOSED, NOTHING),
    ],
)
def test_what_is_undone(
    states: tuple[LinkState | None, ...], closed_until: date | None, steps: list[tuple[str, Action]]
) -> None:
    assert _told(_links(*states), closed_until) == steps


def test_the_posted_date_decides_and_not_the_desired_one() -> None:
    moved_links = _links(P, txn_date=date(2026, 12, 1), stated_date=INVOICE.dates.txn)
    assert _told(moved_links, date(2026, 11, 30)) == ITSELF


def test_a_countered_document_is_left_whatever_its_content_is_now() -> None:
    changed = replace(UNDONE, note="other")
    (left, *_) = plan_document(changed, _links(P), CLOSED)
    assert left.action is Action.NOTHING
    assert left.document.existence is Existence.PRESENT


def test_a_document_without_counters_is_taken_back_in_any_period() -> None:
    bare = replace(UNDONE, counters=())
    assert [step.action for step in plan_document(bare, _links(P), CLOSED)] == [Action.VOID]


def test_counters_of_what_stands_are_nothing() -> None:
    standing = replace(UNDONE, existence=Existence.PRESENT)
    assert [step.action for step in plan((standing,), _links(P), CLOSED)] == [Action.NOTHING]


def test_keys_name_counters_too() -> None:
    assert keys_of([UNDONE]) == [INVOICE.key, FIRST.key, SECOND.key]


@pytest.mark.parametrize("entity", ["Invoice", "Transfer"])
def test_what_somebody_else_made_is_linked_and_named_when_it_should_change(entity: str) -> None:
    mark = plan_step(INVOICE, None).fingerprint
    held = link(INVOICE, P, fingerprint=adopted(entity, mark))
    changed: Document = replace(INVOICE, note="other")
    assert adopted_entity(held) == entity
    assert plan_step(INVOICE, held).action is Action.NOTHING
    assert plan_step(changed, held).action is Action.UPDATE
    assert [adopted_entity(one) for one in (None, link(INVOICE, P), link(INVOICE, A, fingerprint=None))] == [None] * 3
