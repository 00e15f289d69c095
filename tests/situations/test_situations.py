"""Every situation of the posting rules through both stand-ins: the books against numbers written by hand, and a page.

`pages/*.md` are for accountants: Stripe's objects beside what QBO was sent, and what it did to the accounts.
`pytest --update-snapshots` writes them anew; what changed is then reviewed like code.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.conftest import OpenDesk
from tests.posting import disagreements
from tests.situations.case import Case
from tests.situations.cases import CASES
from tests.situations.page import page
from tests.situations.runner import play, stage

PAGES = Path(__file__).parent / "pages"


def _amounts(texts: dict[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(text) for name, text in texts.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_situation(case: Case, make_desk: OpenDesk, request: pytest.FixtureRequest) -> None:
    assert sum(_amounts(dict(case.balances)).values()) == 0
    async with stage(case, make_desk) as (desk, scene):
        played = await play(case, desk, scene)
        assert played.parked == case.parked
        assert {key: played.at_stake.get(key) for key in case.at_stake} == case.at_stake
        assert played.balances == _amounts(dict(case.balances))
        assert played.open == _amounts(dict(case.open))
        assert {key: played.dates.get(key) for key in case.dates} == case.dates
        assert {key: played.states.get(key) for key in case.void} == dict.fromkeys(case.void, "voided")
        assert played.tieout.difference == case.difference, played.tieout
        assert played.tieout.unexplained == "0.00", played.tieout.explained
        for label, expected in case.payouts_expected.items():
            assert {name: played.payouts.get(label, {}).get(name) for name in expected} == expected, label
        for key, lines in case.lines.items():
            assert played.lines.get(key) == tuple((name, Decimal(amount)) for name, amount in lines), key
        assert disagreements(played.documents) == [], "src/wescope/books/posting_table.py says otherwise"
        desk.check_books()
        await desk.check_silent()
        text, file = page(played), PAGES / f"{case.name}.md"
    if request.config.getoption("--update-snapshots"):
        file.write_text(text, encoding="utf-8")
    assert file.is_file(), "a new situation: run `pytest --update-snapshots` and review the page"
    assert text == file.read_text(encoding="utf-8"), "if this is meant: `pytest --update-snapshots`, then review"


def test_names_are_unique_and_no_page_is_left_over() -> None:
    names = [case.name for case in CASES]
    assert sorted(names) == sorted(file.stem for file in PAGES.iterdir())
