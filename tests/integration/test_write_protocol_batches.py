"""Writes that share a batch: each is exact whatever becomes of the batch, and however QBO knows it again."""

import asyncio
import contextlib
from typing import Any

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, subject_of
from wescope.engine.runtime import Runtime
from wescope.qbo.records import BatchIdentity

_MANY = 6
# What happens to a batch, by name: kind and settings of the sandbox's fault.
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "dropped_after": ("drop_after", {}),
    "dropped_before": ("drop_before", {}),
    "dropped_often": ("drop_after", {"count": 3}),
    "500_after": ("error_after", {}),
    "503_before_html": ("error_before", {"status": 503, "format": "html"}),
    "xml": ("wrong_format", {"format": "xml"}),
    "html": ("wrong_format", {"format": "html"}),
    "cut": ("cut_body", {}),
    "429": ("throttle", {}),
    "401": ("unauthorized", {}),
    "late": ("delay_after", {"ms": 700}),
}
MEMORIES: dict[str, dict[str, Any]] = {
    "item": {},
    "whole": {"batch_requestid": "whole"},
    "whole_600": {"batch_requestid": "whole", "requestid_other_payload": "600"},
    "absent": {"requestid": "absent", "batch_requestid": "absent"},
    "short": {"requestid_ttl_s": 0},
}


async def _at_once(desk: Desk, invoices: list[str], runtime: Runtime | None = None) -> None:
    """As a backlog is worked off: many subjects at the same time."""
    await desk.runtime.queue.hint([subject_of(one) for one in invoices], source="backfill")
    runs = [(runtime or desk.runtime).reconciler.run(subject_of(one)) for one in invoices]
    await asyncio.gather(*runs)


def _paid(desk: Desk) -> list[str]:
    return [desk.shop.paid_invoice(desk.shop.customer(f"Customer {number}"), 1_000) for number in range(_MANY)]


async def _work(desk: Desk, invoices: list[str]) -> None:
    """Live, one after another: in the backlog each call would wait for others to share a batch with."""
    await desk.sync(*invoices)


async def _check(desk: Desk, invoices: list[str]) -> None:
    await _work(desk, invoices)
    for invoice in invoices:
        desk.check_invoice(invoice, balance="0")
    assert len(desk.records("Payment")) == len(invoices)
    await desk.check_settled()


# Where it makes a difference how QBO remembers; elsewhere the worst memory, none, is enough.
REMEMBERED = frozenset({"dropped_after", "dropped_before", "cut"})


@pytest.mark.parametrize(
    ("fault", "memory"),
    [(fault, memory) for fault in FAULTS for memory in MEMORIES if memory == "absent" or fault in REMEMBERED],
)
async def test_a_batch_in_trouble(make_desk: OpenDesk, fault: str, memory: str) -> None:
    kind, settings = FAULTS[fault]
    async with make_desk(knobs=MEMORIES[memory]) as desk:
        invoices = _paid(desk)
        skips = (1,) if kind == "unauthorized" else (0, 2, 4)  # two in a row are a lost connection
        rules = [desk.qbo.faults.arm(kind, operation="batch", **settings, skip=skip) for skip in skips]
        await _at_once(desk, invoices)
        assert any(rule.fired for rule in rules)
        await _check(desk, invoices)


@pytest.mark.parametrize("memory", MEMORIES)
async def test_items_that_fail_do_so_by_themselves(make_desk: OpenDesk, memory: str) -> None:
    async with make_desk(knobs=MEMORIES[memory]) as desk:
        invoices = _paid(desk)
        for entity in ("Customer", "Invoice", "Payment"):
            desk.qbo.faults.arm("transient", entity=entity, operation="create", count=2)
        await _at_once(desk, invoices)
        await _check(desk, invoices)


async def test_what_was_lost_in_a_batch_is_sent_again_under_the_same_identity(
    make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QBO knows the item by the batch's id and its own (facts/qbo.md 2.1), so what landed unseen is not made again."""
    async with make_desk() as desk:
        customers = [desk.shop.customer(f"Customer {number}") for number in range(_MANY)]
        await desk.sync(*(desk.shop.invoice(one) for one in customers))
        invoices = [desk.shop.invoice(one, 4_200) for one in customers]
        desk.qbo.company.turn(query_lag_ms=600_000)
        create = desk.runtime.client.create
        again: list[BatchIdentity] = []

        async def watched(*arguments: Any, **options: Any) -> Any:
            if options["batch"]:
                again.append(options["batch"])
            return await create(*arguments, **options)

        monkeypatch.setattr(desk.runtime.client, "create", watched)
        desk.qbo.faults.arm("drop_after", operation="batch", skip=0)
        await _at_once(desk, invoices)
        noted = [await desk.link(f"{one}:invoice") for one in invoices]
        await _work(desk, invoices)
        known = {BatchIdentity(batch_id=one.batch_id or "", item=one.batch_item or "") for one in noted if one}
        assert len({one.batch_id for one in known}) <= 2
        assert again
        assert set(again) <= known
        for invoice in invoices:
            assert len(desk.records("Invoice", f"{invoice}:invoice")) == 1
        desk.qbo.company.turn(query_lag_ms=0)
        await desk.wake()
        await desk.check_settled()


async def test_what_was_lost_alone_is_sent_again_alone(make_desk: OpenDesk) -> None:
    """Else QBO would not know it again."""
    async with make_desk() as desk:
        customers = [desk.shop.customer(f"Customer {number}") for number in range(_MANY)]
        await desk.sync(*(desk.shop.invoice(one) for one in customers))
        lost, *others = [desk.shop.invoice(one, 4_200) for one in customers]
        desk.qbo.company.turn(query_lag_ms=600_000)
        desk.qbo.faults.arm("drop_after", entity="Invoice", operation="create")
        await desk.once(lost)
        assert len(desk.records("Invoice", f"{lost}:invoice")) == 1
        await asyncio.sleep(0.06)
        await _at_once(desk, [lost, *others])
        await _work(desk, [lost, *others])
        for invoice in (lost, *others):
            assert len(desk.records("Invoice", f"{invoice}:invoice")) == 1
        desk.qbo.company.turn(query_lag_ms=0)
        await desk.wake()
        await desk.check_settled()


async def test_nothing_leaves_before_its_identity_is_durable(
    make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_desk() as desk:
        invoices = _paid(desk)
        note = desk.runtime.client._courier._before_batch
        assert note is not None
        broken = [True, True, True]

        async def breaking(batch_id: str, items: Any) -> None:
            if broken:
                broken.pop()
                raise RuntimeError("the database went away")
            await note(batch_id, items)

        monkeypatch.setattr(desk.runtime.client._courier, "_before_batch", breaking)
        writes = desk.qbo.requests.writes
        with contextlib.suppress(RuntimeError):
            await _at_once(desk, invoices)
        assert not broken or desk.qbo.requests.writes == writes
        await _check(desk, invoices)
