"""Death at every point of what is special to other entities: a delete, a create on another day, an adoption."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.papers import CUSTOMER, Hand, document, void, writer_on
from tests.integration.test_write_protocol_death import Reaper, watched
from wescope.books.documents import CreditMemoBody, Document, Entity, Existence
from wescope.books.policy import ClosedPeriod
from wescope.books.subjects import DocumentKey
from wescope.engine.plan import Action
from wescope.engine.runtime import Runtime
from wescope.engine.writer import Writer
from wescope.qbo.existing import ExistingDocuments

_MOST_POINTS = 200
_MOST_ADOPTED = 40
MakeWriter = Callable[[Runtime], Writer]


def _fresh(entity: Entity, number: int) -> Document:
    stated = document(entity)
    return replace(stated, key=DocumentKey(f"x_{number}:{entity.value.lower()}"))


def _numbered(number: int) -> Document:
    """A credit memo of its own customer's number: what is entered by hand under that number is the same."""
    stated = _fresh(Entity.CREDIT_MEMO, number)
    assert isinstance(stated.body, CreditMemoBody)
    return replace(stated, body=replace(stated.body, doc_number=f"CN-{number}"))


async def _die_everywhere(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, mode: str, make_writer: MakeWriter, prepare: Callable[[int], Document]
) -> list[Document]:
    """Puts a document each time, struck at the first point, the second, and so on; another process then puts it."""
    reaper, survivor = Reaper(mode), Hand(desk, make_writer(desk.runtime))
    wanted: list[Document] = []
    async with desk.another() as doomed:
        hand = Hand(desk, make_writer(doomed))
        for at in range(1, _MOST_POINTS):
            wanted.append(prepare(at))
            if wanted[-1].existence is Existence.VOID:
                await survivor.done(replace(wanted[-1], existence=Existence.PRESENT))
            reaper.aim(at)
            with watched(doomed, reaper, monkeypatch):
                await reaper.let_live(hand.put(wanted[-1]))
            await survivor.done(wanted[-1])
            assert await survivor.done(wanted[-1]) == [Action.NOTHING]
            if not reaper.struck:
                return wanted
    raise AssertionError("it never ends")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["kill", "cancel"])
async def test_a_delete(make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    async with make_desk(knobs={"requestid": "absent"}) as desk:
        await Hand(desk, writer_on(desk.runtime)).done(CUSTOMER)

        def prepare(number: int) -> Document:
            return void(_fresh(Entity.DEPOSIT, number))

        assert len(await _die_everywhere(desk, monkeypatch, mode, writer_on, prepare)) > 10
        assert desk.records("Deposit") == []
        assert desk.balance("Checking") == 0
        desk.check_books()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["kill", "cancel"])
async def test_a_create_on_another_day(make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    async with make_desk(knobs={"requestid": "absent", "book_close_date": "2026-11-15"}) as desk:
        await Hand(desk, writer_on(desk.runtime)).done(CUSTOMER)

        def prepare(number: int) -> Document:
            return _fresh(Entity.DEPOSIT, number)

        def make_writer(runtime: Runtime) -> Writer:
            return writer_on(runtime, closed_period=ClosedPeriod.NEXT_OPEN_DAY)

        made = await _die_everywhere(desk, monkeypatch, mode, make_writer, prepare)
        assert {one["TxnDate"] for one in desk.records("Deposit")} == {"2026-11-16"}
        assert len(desk.records("Deposit")) == len(made)
        desk.check_books()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["kill", "cancel"])
async def test_an_adoption(make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    async with make_desk(knobs={"requestid": "absent"}) as desk:
        first = Hand(desk, writer_on(desk.runtime))
        await first.done(CUSTOMER)
        for number in range(1, _MOST_ADOPTED):
            await first.done(replace(_numbered(number), key=DocumentKey(f"by_hand_{number}:x")))
        for record in desk.records("CreditMemo"):
            desk.qbo.company.human("CreditMemo", "update", {"Id": record["Id"], "PrivateNote": ""})
        await desk.runtime.company.refresh()
        writes = desk.qbo.requests.writes

        def make_writer(runtime: Runtime) -> Writer:
            return writer_on(runtime, existing=ExistingDocuments(runtime.client, runtime.company))

        await _die_everywhere(desk, monkeypatch, mode, make_writer, _numbered)
        assert desk.qbo.requests.writes == writes
