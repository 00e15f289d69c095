"""The posting table and the books agree, both ways: what situations post is in it, and all that is in it is posted.

`tests/situations` holds every document of every situation against its row, accounts and all; their pages say here which
documents there are.
"""

import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.posting import disagreements, rows_of
from tests.unit.books.builders import POLICY, a_paid_invoice, document
from wescope.books.desired import desired_books
from wescope.books.documents import Entity
from wescope.books.policy import AccountRole, ItemRole
from wescope.books.posting import Other, sides
from wescope.books.posting_table import GROUPS, POSTINGS

PAGES = Path(__file__).parents[2] / "situations" / "pages"
_WRITTEN = re.compile(r"### (?:Create|Update) (\w+)\n\n```json\n(.*?)\n```", re.DOTALL)
_MARKER = re.compile(r"wescope:([^\"\\]+)\"")


@cache
def posted() -> frozenset[tuple[str, Entity, str]]:
    """Document key, entity and page of everything that the situations have written to QBO."""
    return frozenset(_posted())


def _posted() -> Iterator[tuple[str, Entity, str]]:
    for page in PAGES.iterdir():
        sent = page.read_text(encoding="utf-8").partition("## QuickBooks")[2].partition("\n## Stripe")[0]
        for entity, payload in _WRITTEN.findall(sent):
            marker = _MARKER.search(payload)
            assert marker, (page.name, payload)
            yield marker[1], Entity(entity), page.stem


def test_every_document_of_every_situation_is_in_the_table() -> None:
    assert [one for one in sorted(posted()) if not rows_of(one[0], one[1])] == []


@pytest.mark.parametrize("row", POSTINGS, ids=lambda row: f"{row.owners[0]}:{row.kind} {row.entity}")
def test_every_row_is_played_by_a_situation_or_says_why_not(row: object) -> None:
    playing = {page for key, entity, page in posted() if row in rows_of(key, entity)}
    assert bool(playing) != bool(getattr(row, "unseen", ""))


@pytest.mark.parametrize("row", POSTINGS, ids=lambda row: f"{row.owners[0]}:{row.kind} {row.entity}")
def test_the_function_that_a_row_names_is_there(row: object) -> None:
    module, _, name = str(getattr(row, "made_by", "")).partition(".")
    assert hasattr(importlib.import_module(f"wescope.books.{module}"), name)


def test_every_role_and_entity_has_its_row() -> None:
    named = {side for row in POSTINGS for side in (*row.debits, *row.credits)}
    assert named == {*AccountRole, *ItemRole, *Other} - {AccountRole.SALES_TAX}, "that one is behind the tax item"
    assert {row.entity for row in POSTINGS} == set(Entity)
    assert sum(len(rows) for rows in GROUPS.values()) == len(set(POSTINGS))


def test_what_is_debited_and_credited_is_read_from_the_document() -> None:
    paid = desired_books(a_paid_invoice(), POLICY)
    debits, credited = sides(document(paid, "ch_1:payment"))
    assert (set(debits), set(credited)) == ({AccountRole.CLEARING}, {AccountRole.RECEIVABLE})
    debits, credited = sides(document(paid, "in_1:invoice"))
    assert (set(debits), set(credited)) == ({AccountRole.RECEIVABLE}, {ItemRole.SALES})


def test_a_document_that_the_table_does_not_know_is_told() -> None:
    paid = document(desired_books(a_paid_invoice(), POLICY), "ch_1:payment")
    assert disagreements([paid]) == []
    assert rows_of("in_1:surprise", Entity.INVOICE) == rows_of("ch_1:payment", Entity.DEPOSIT) == ()
    assert rows_of("ch_1:recovery:in_2", Entity.INVOICE)
    assert rows_of("eur.2026-11-20:journal_entry", Entity.JOURNAL_ENTRY)
