"""Every reporting category and every type that Stripe documents has a treatment with a reason."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.unit.books.builders import POLICY
from tests.unit.books.money_builders import a_transaction
from wescope.books.categories import CATEGORIES, TYPES, Category, Treatment, category_of, entry_account

SHARED = Path(os.environ.get("WESCOPE_SHARED", Path(__file__).parents[4] / "shared"))
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="shared reference data is not here")


@needs_shared
def test_every_type_of_stripe_has_a_row() -> None:
    enums = json.loads((SHARED / "data/stripe/enums_2026-10-28.endive.json").read_text())
    assert set(TYPES) == set(enums["balance_transaction.type"])


@needs_shared
def test_every_documented_reporting_category_has_a_row() -> None:
    assert documented_categories() - set(CATEGORIES) == set()


def documented_categories() -> set[str]:
    """The words of the table's first column, with its shorthands (`a / _b`, `a(_b)`, `same names`) spelled out."""
    text = (SHARED / "facts/stripe.md").read_text()
    table = text.split("| reporting_category | types |")[1].split("Unknown categories")[0]
    found = set()
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) < 2 or cells[0].startswith("-"):
            continue
        last = ""
        for part in re.split(r"[/,]", re.sub(r"\(IC\+\)", "", cells[0])):
            word = part.strip()
            base, _, suffix = word.partition("(")
            if base.startswith("_"):
                base = last.rsplit("_", 1)[0] + base
            if not base or base.endswith("*"):
                continue
            found.add(base)
            last = base
            if suffix:
                found.add(base + suffix.rstrip(")"))
    assert {"charge", "dispute_reversal", "platform_earning_refund", "payout_minimum_balance_release"} <= found
    return found


@pytest.mark.parametrize("category", [*CATEGORIES.values(), *TYPES.values()])
def test_every_row_has_a_reason_and_entries_have_a_role(category: Category) -> None:
    assert category.reason
    assert (category.role is not None) == (category.treatment in {Treatment.ENTRY, Treatment.DISPUTE})


def test_the_type_decides_only_where_there_is_no_category() -> None:
    unnamed = a_transaction(100, "", type="payout_failure")
    assert category_of(unnamed).treatment is Treatment.PAYOUT_RETURN
    unknown = a_transaction(100, "brand_new", type="charge")
    assert category_of(unknown).treatment is Treatment.UNMAPPED
    assert category_of(a_transaction(100, "", type="brand_new")).treatment is Treatment.UNMAPPED


def test_documents_of_others_have_no_account_of_their_own() -> None:
    assert entry_account(a_transaction(100, "charge"), POLICY) is None
    assert entry_account(a_transaction(100, "fee"), POLICY) is None
