"""What becomes of Stripe's objects in QuickBooks, situation by situation: `situations/*.md` are for accountants.

`pytest --update-snapshots` writes them anew; what changed is then reviewed like code.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.snapshots.paying import PAYING
from tests.unit.snapshots.rendering import page
from tests.unit.snapshots.selling import SELLING
from tests.unit.snapshots.situation import Outcome, Situation, outcome_of
from wescope.books.documents import Entity

FOLDER = Path(__file__).parent / "situations"
SITUATIONS = (*SELLING, *PAYING)


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-snapshots"))


@pytest.fixture(params=SITUATIONS, ids=lambda one: one.name)
def situation(request: pytest.FixtureRequest) -> Situation:
    found = request.param
    assert isinstance(found, Situation)
    return found


@pytest.fixture
async def outcome(situation: Situation) -> Outcome:
    return await outcome_of(situation)


def in_decimals(effect: Mapping[str, str]) -> dict[str, Decimal]:
    return {account: Decimal(amount) for account, amount in effect.items()}


def test_the_books_say_what_the_accountant_expects(situation: Situation, outcome: Outcome) -> None:
    expected = in_decimals(situation.effect)
    assert sum(expected.values()) == 0
    assert outcome.effect == expected
    if situation.months or len(outcome.months) > 1:
        assert outcome.months == {month: in_decimals(effect) for month, effect in situation.months.items()}
    assert outcome.dates == situation.dates
    assert {key: one.code.value for key, one in outcome.parked.items()} == situation.parked
    assert outcome.skipped == situation.skipped


def test_each_invoice_has_stripes_total(situation: Situation, outcome: Outcome) -> None:
    for invoice in situation.invoices:
        payload = outcome.payloads.get(f"{invoice['id']}:invoice")
        if payload is None:
            assert situation.skipped
        else:
            assert sum(line["Amount"] for line in payload["Line"]) * 100 == invoice["total"]


def test_a_payment_applies_what_it_brings_and_credit_that_it_uses_up(outcome: Outcome) -> None:
    for key, payload in outcome.payloads.items():
        if outcome.documents[key].entity is Entity.PAYMENT:
            applied: Counter[str] = Counter()
            for line in payload["Line"]:
                applied[line["LinkedTxn"][0]["TxnType"]] += line["Amount"]
            left = payload["TotalAmt"] + applied["CreditMemo"] - applied["Invoice"]
            assert left == 0 if payload["TotalAmt"] == 0 else left >= 0


def test_the_page_is_as_it_was_reviewed(situation: Situation, outcome: Outcome, update: bool) -> None:
    file, text = FOLDER / f"{situation.name}.md", page(situation, outcome)
    if update:
        file.write_text(text, encoding="utf-8")
    assert file.is_file(), "a new situation: run `pytest --update-snapshots` and review the page"
    assert text == file.read_text(encoding="utf-8"), "if this is meant: `pytest --update-snapshots`, then review"


def test_names_are_unique_and_no_page_is_left_over() -> None:
    names = [situation.name for situation in SITUATIONS]
    assert sorted(names) == sorted(file.stem for file in FOLDER.iterdir())
