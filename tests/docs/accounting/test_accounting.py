"""docs/accounting.md: every T-account on the page is what the books of QBO's stand-in hold after that situation.

`pytest tests/docs/accounting --update-snapshots` writes the T-accounts anew between their marks.
"""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.docs.accounting.cases import CASES
from tests.docs.accounting.entries import Entry, record_entries
from tests.docs.accounting.t_accounts import balances, block
from tests.integration.conftest import OpenDesk
from tests.situations.case import Case
from tests.situations.runner import stage, sync
from tests.situations.scene import Labels

PAGE = Path(__file__).parents[3] / "docs" / "accounting.md"
BLOCK = re.compile(r"(<!-- T-accounts of (\w+), .*? -->\n\n)(.*?)(\n\n<!-- end -->)", re.DOTALL)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_t_accounts_are_those_of_the_ledger(
    case: Case, make_desk: OpenDesk, request: pytest.FixtureRequest
) -> None:
    async with stage(case, make_desk) as (desk, scene):
        entries = record_entries(desk)
        case.play(scene)
        await sync(desk)
        for part in case.then:
            done = part(desk, scene)
            assert done is None
            await sync(desk)
        assert await desk.codes() == {}
        desk.check_books()
        labels = Labels(desk.stripe.business)
    _check(case, entries)
    text = block(entries, labels.plain)
    if request.config.getoption("--update-snapshots"):
        _write(case.name, text)
    assert _blocks().get(case.name) == text, "if this is meant: `pytest --update-snapshots`, then review"


def test_every_situation_is_on_the_page_once() -> None:
    names = [found[2] for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    assert sorted(names) == sorted(case.name for case in CASES)


def _check(case: Case, entries: list[Entry]) -> None:
    """Every entry balances, and what is left is what was written by hand."""
    assert [sum(entry.amounts.values()) for entry in entries] == [0] * len(entries)
    assert balances(entries) == {name: Decimal(amount) for name, amount in case.balances.items()}


def _blocks() -> dict[str, str]:
    return {found[2]: found[3] for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))}


def _write(name: str, text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        BLOCK.sub(lambda found: found[0] if found[2] != name else found[1] + text + found[4], page), "utf-8"
    )
