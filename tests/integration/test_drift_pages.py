"""Findings a page at a time, and the preview of a repair: it says what the repair then writes, and writes nothing."""

from decimal import Decimal
from typing import Any

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.edits import EDITS
from tests.integration.test_verify import edit_all, posted, repaired, verified
from wescope.engine.drift_desk import DriftFilter, DriftNotFound
from wescope.engine.drift_kinds import DRIFT, DriftKind
from wescope.engine.drift_pages import MOST_ASKED
from wescope.engine.verify import VerifyMode
from wescope.errors import WrongUse
from wescope.links.drift_pages import DriftChoice
from wescope.qbo import batching

pytestmark = pytest.mark.timeout(480)
_CHECKED = frozenset({"TxnDate", "DocNumber", "CustomerRef"})
OPEN = DriftChoice(states=("open",))


@pytest.fixture(autouse=True)
def no_waiting_for_full_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "FILL_S", 0.03)


async def all_pages(desk: Desk, choice: DriftChoice, limit: int) -> list[int]:
    ids: list[int] = []
    after = None
    while True:
        page = await desk.runtime.console.drift_pages.page(choice, after=after, limit=limit)
        ids += [one.finding.id for one in page.items]
        after = page.next
        if after is None:
            return ids


def written(record: dict[str, Any], name: str) -> str:
    """A value of a record as a preview names it."""
    found: Any = record
    for part in name.split("."):
        if part.startswith("Line") and part[4:].isdigit():
            found = found["Line"][int(part[4:]) - 1]
        elif part == "LinkedTxn":
            return "/".join(str(found["LinkedTxn"][0][one]) for one in ("TxnType", "TxnId"))
        else:
            found = found[part] if part in found else found[found["DetailType"]][part]
    return str(found["value"] if isinstance(found, dict) else found)


async def test_pages_filters_and_the_last_verification(make_desk: OpenDesk) -> None:
    async with posted(make_desk) as books:
        desk, pages = books.desk, books.desk.runtime.console.drift_pages
        assert (await pages.page(OPEN)).verified is None
        await verified(desk)
        edit_all(books)
        run, items = await verified(desk)
        everything = sorted((item.id for item in items), reverse=True)
        for limit in (1, 7, 200):
            assert await all_pages(desk, OPEN, limit) == everything
        page = await pages.page(DriftChoice(states=("open",), kinds=("moved",), entities=("Invoice",)))
        assert {(one.finding.kind, one.finding.entity) for one in page.items} == {("moved", "Invoice")}
        assert {one.name for each in page.items for one in each.differences} == {"TxnDate"}
        assert all(one.stripe and one.qbo for each in page.items for one in each.differences)
        assert sum(one.count for one in page.open) == len(items)
        assert page.verified is not None
        assert (page.verified.run_id, page.verified.state, page.verified.mode) == (run.id, "done", "changes")
        assert (await pages.page(DriftChoice(states=("repaired",)))).items == ()
        with pytest.raises(WrongUse):
            await pages.page(OPEN, after="x")

        # The preview asks nothing of QBO and writes nothing; what it says is what the repair then writes.
        before = desk.qbo.requests.total
        preview = await pages.preview(OPEN)
        assert desk.qbo.requests.total == before
        assert {one.drift_id for one in preview.writes} == set(everything)
        assert {one.kind for one in preview.writes if one.why_not} == {
            kind.value for kind in DriftKind if DRIFT[kind].repair is None
        } & {edit.kind.value for edit in EDITS}
        assert len(preview.ids) == preview.count
        with pytest.raises(DriftNotFound):
            await pages.preview(DriftChoice(ids=(10**9,), states=("open",)))


async def test_what_is_told_is_what_is_then_written(make_desk: OpenDesk) -> None:
    async with posted(make_desk) as books:
        desk, pages = books.desk, books.desk.runtime.console.drift_pages
        await verified(desk)
        for edit in EDITS:
            if edit.kind in {DriftKind.EDITED, DriftKind.MOVED, DriftKind.UNAPPLIED}:
                edit.do(books)
        _, items = await verified(desk)
        writes_before = sum(desk.asked(verb) for verb in ("create", "update", "void", "delete", "batch"))
        preview = await pages.preview(OPEN, exact=True)
        assert sum(desk.asked(verb) for verb in ("create", "update", "void", "delete", "batch")) == writes_before
        told = {one.drift_id: one for one in preview.writes if one.sends}
        assert len(told) >= min(MOST_ASKED, sum(item.entity != "Customer" for item in items)) - 2
        await repaired(desk, DriftFilter(ids=preview.ids))
        assert [item for item in (await verified(desk, VerifyMode.FULL))[1] if item.repair] == []
        checked = 0
        for one in told.values():
            record = books.read(one.entity, one.qbo_id)
            for field in one.sends or ():
                found = written(record, field.name) if field.name in _CHECKED or ".Amount" in field.name else None
                if found is not None:
                    same = Decimal(found) == Decimal(field.value) if ".Amount" in field.name else found == field.value
                    assert same, (one, field)
                    checked += 1
        assert checked > 10
