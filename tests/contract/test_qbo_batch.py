"""Calls that are ready together share a batch: each gets its own answer, and a lost one is unknown for each write."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from tests.unit.qbo.doubles import MemoryTokenStore, UnlimitedLimits
from wescope.errors import (
    DuplicateName,
    DuplicateRequestId,
    QboDisconnected,
    QboError,
    QboNotSent,
    QboOutcomeUnknown,
    QboRefused,
    QboThrottled,
    StaleObject,
    TransientRefusal,
    WritesHeld,
)
from wescope.qbo.attempts import Attempt
from wescope.qbo.client import QboClient
from wescope.qbo.lanes import LANE, SEND_BY, Lane
from wescope.qbo.limits import Limits
from wescope.qbo.records import BatchIdentity, Written
from wescope.qbo.tokens import TokenSource
from wescope.sandbox.qbo import QboSandbox, Running

BATCH = {"operation": "batch"}


@dataclass
class Rig:
    """A client at a running sandbox, the identities that it had recorded, and what it told."""

    running: Running
    client: QboClient
    limits: Any
    recorded: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    failing: bool = False
    holding: asyncio.Event | None = None

    async def before_batch(self, batch_id: str, items: Mapping[str, str]) -> None:
        self.recorded.append((batch_id, dict(items)))
        if self.holding:
            await self.holding.wait()
        if self.failing:
            raise ConnectionError("the database is away")

    def identity(self, request_id: str) -> BatchIdentity:
        found = [(batch_id, items[request_id]) for batch_id, items in self.recorded if request_id in items]
        return BatchIdentity(batch_id=found[-1][0], item=found[-1][1])

    @property
    def sent(self) -> list[tuple[str, int]]:
        """Operation and number of items of each request."""
        return [(entry.operation, entry.items) for entry in self.running.requests.entries]

    @property
    def customers(self) -> list[str]:
        return [one["DisplayName"] for one in self.running.company.objects("Customer") if one["DisplayName"][0] == "N"]

    async def name(self, number: int, **options: Any) -> Written:
        return await self.client.create(
            "Customer", {"DisplayName": f"N{number}"}, request_id=f"ws{number}", document_key=f"k{number}", **options
        )

    async def entry(self, number: int, **options: Any) -> Written:
        """A document that is no name: a journal entry."""
        accounts = {account["Name"]: account["Id"] for account in self.running.company.objects("Account")}
        lines = [
            {
                "Amount": 1,
                "DetailType": "JournalEntryLineDetail",
                "JournalEntryLineDetail": {"PostingType": kind, "AccountRef": {"value": accounts[name]}},
            }
            for kind, name in (("Debit", "Stripe Fees"), ("Credit", "Checking"))
        ]
        payload = {"Line": lines, "TxnDate": "2026-11-01", "DocNumber": f"J{number}"}
        return await self.client.create("JournalEntry", payload, request_id=f"je{number}", **options)

    @property
    def entries(self) -> int:
        return len(self.running.company.objects("JournalEntry"))


@contextlib.asynccontextmanager
async def open_rig(
    *,
    limits: Limits | None = None,
    backlog_singles: bool = False,
    tries: int = 3,
    transport: httpx2.AsyncBaseTransport | None = None,
    store: MemoryTokenStore | None = None,
    **knobs: Any,
) -> AsyncIterator[Rig]:
    sandbox = QboSandbox(knobs={"enforce_limits": False, **knobs})
    async with sandbox.serve() as running:
        options: dict[str, Any] = {
            "backlog_singles": backlog_singles,
            "attempts": tries,
            "transport": transport,
            "store": store,
        }
        made, close = open_client(running, limits or UnlimitedLimits(), **options)
        yield made
        await close()
    sandbox.close()


def open_client(
    running: Running, limits: Limits, *, store: MemoryTokenStore | None = None, **options: Any
) -> tuple[Rig, Any]:
    tokens = TokenSource(
        realm_id=running.realm_id,
        store=store or MemoryTokenStore(),
        client_id=running.tokens.client_id,
        client_secret=running.tokens.client_secret,
        token_url=f"{running.url}/oauth2/v1/tokens/bearer",
        seed_refresh_token=running.tokens.refresh_token,
    )
    attempts: list[Attempt] = []

    async def before_batch(batch_id: str, items: Mapping[str, str]) -> None:
        await made.before_batch(batch_id, items)

    client = QboClient(
        api_base=running.url,
        realm_id=running.realm_id,
        tokens=tokens,
        limits=limits,
        hooks=(attempts.append,),
        read_timeout_s=5,
        before_batch=before_batch,
        **options,
    )
    made = Rig(running=running, client=client, limits=limits, attempts=attempts)

    async def close() -> None:
        await client.aclose()
        await tokens.aclose()

    return made, close


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with open_rig() as made:
        yield made


@contextlib.contextmanager
def backlog() -> Iterator[None]:
    token = LANE.set(Lane.BACKLOG)
    yield
    LANE.reset(token)


async def outcomes(*calls: Coroutine[Any, Any, Any]) -> list[Any]:
    return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), timeout=20)


# --- what shares a batch ----------------------------------------------------------------------------------------


async def test_a_lone_call_goes_at_once_as_a_single_request(rig: Rig) -> None:
    written = await asyncio.wait_for(rig.name(1), timeout=2)
    assert written.record["DisplayName"] == "N1"
    assert (rig.sent, rig.recorded) == ([("create", 0)], [])
    assert [(attempt.batch_id, attempt.requests) for attempt in rig.attempts] == [(None, 1)]


async def test_calls_that_are_ready_together_share_one_batch(rig: Rig) -> None:
    written = await outcomes(*(rig.name(number) for number in range(5)))
    assert [one.record["DisplayName"] for one in written] == [f"N{number}" for number in range(5)]
    assert rig.sent == [("batch", 5)]
    ((batch_id, items),) = rig.recorded
    assert set(items) == {f"ws{number}" for number in range(5)}
    assert len(batch_id) <= 36
    assert max(map(len, items.values())) <= 10
    assert rig.running.requests.entries[-1].request_id == batch_id
    assert {attempt.batch_id for attempt in rig.attempts} == {batch_id}
    assert [attempt.requests for attempt in rig.attempts] == [1, 0, 0, 0, 0]
    assert {attempt.started_at for attempt in rig.attempts} == {rig.attempts[0].started_at}
    assert {attempt.request_id for attempt in rig.attempts} == set(items)
    assert {attempt.document_key for attempt in rig.attempts} == {f"k{number}" for number in range(5)}


async def test_a_batch_has_at_most_thirty_items(rig: Rig) -> None:
    written = await outcomes(*(rig.name(number) for number in range(70)))
    assert all(isinstance(one, Written) for one in written)
    assert [items for _, items in rig.sent] == [30, 30, 10]
    assert len(rig.customers) == 70


async def test_writes_of_all_kinds_and_queries_go_together(rig: Rig) -> None:
    made = [await rig.entry(number) for number in range(3)]
    customer = await rig.name(1)
    await outcomes(rig.client.preferences())
    rig.running.requests.clear()
    update = {"Id": customer.record["Id"], "SyncToken": "0", "sparse": True, "Notes": "x"}
    found = await outcomes(
        rig.client.update("Customer", update, request_id="u1"),
        rig.client.delete("JournalEntry", made[0].record["Id"], "0", request_id="d1"),
        rig.client.query("SELECT * FROM JournalEntry WHERE DocNumber = 'J2'"),
        rig.client.query("SELECT * FROM JournalEntry WHERE DocNumber = 'nothing'"),
        rig.entry(4),
    )
    assert found[0].record["SyncToken"] == "1"
    assert found[1].record["status"] == "Deleted"
    assert [record["DocNumber"] for record in found[2]] == ["J2"]
    assert found[3] == []
    assert rig.sent == [("batch", 5)]
    assert set(rig.recorded[-1][1]) == {"u1", "d1", "je4"}


@pytest.mark.parametrize("knob", ["accept", "refuse"])
async def test_voids_in_a_batch(knob: str) -> None:
    async with open_rig(payment_void_operation=knob) as rig:
        customer = (await rig.name(1)).record["Id"]
        item = rig.running.company.objects("Item")[0]["Id"]
        line = {
            "Amount": 5,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": item}},
        }
        head = {"CustomerRef": {"value": customer}, "TxnDate": "2026-11-01"}
        invoice = await rig.client.create("Invoice", {**head, "Line": [line]}, request_id="i1")
        payment = await rig.client.create("Payment", {**head, "TotalAmt": 5}, request_id="p1")
        voided = await outcomes(
            rig.client.void("Invoice", invoice.record["Id"], "0", request_id="v1"),
            rig.client.void("Payment", payment.record["Id"], "0", request_id="v2"),
        )
        assert [one.record["TotalAmt"] for one in voided] == [0, 0]
        assert rig.sent[-1] == ("batch", 2)


async def test_queries_alone_need_no_identity(rig: Rig) -> None:
    await outcomes(*(rig.client.query("SELECT * FROM Account") for _ in range(3)))
    assert rig.sent == [("batch", 3)]
    assert rig.running.requests.entries[-1].request_id == ""
    assert rig.recorded == []


# --- faults ------------------------------------------------------------------------------------------------------


async def test_answers_are_matched_by_id_not_by_order(rig: Rig) -> None:
    rig.running.faults.arm("reorder", **BATCH)
    written = await outcomes(*(rig.name(number) for number in range(5)))
    assert [one.record["DisplayName"] for one in written] == [f"N{number}" for number in range(5)]


async def test_each_item_has_its_own_fault(rig: Rig) -> None:
    taken = await rig.name(1)
    stale = {"Id": taken.record["Id"], "SyncToken": "7", "sparse": True, "Notes": "x"}
    found = await outcomes(
        rig.name(2),
        rig.client.create("Customer", {"DisplayName": "N1"}, request_id="again"),
        rig.client.update("Customer", stale, request_id="stale"),
        rig.client.create("Customer", {"DisplayName": "N3", "Unknown": 1}, request_id="bad"),
        rig.client.query("SELECT nonsense FROM Customer"),
        rig.name(4),
    )
    assert [type(one) for one in found] == [Written, DuplicateName, StaleObject, QboRefused, QboRefused, Written]
    assert [attempt.outcome for attempt in rig.attempts[1:]] == ["ok", *["refused"] * 4, "ok"]
    assert rig.sent[-1] == ("batch", 6)
    assert len(rig.sent) == 2


async def test_a_transient_refusal_of_one_item_is_its_own(rig: Rig) -> None:
    rig.running.faults.arm("transient", entity="Customer", operation="create")
    found = await outcomes(rig.name(1), rig.name(2))
    assert [type(one) for one in found] == [TransientRefusal, Written]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("drop_after", {}),
        ("error_after", {}),
        ("error_after", {"status": 502, "format": "html"}),
        ("cut_body", {}),
        ("wrong_format", {"format": "xml"}),
        ("wrong_format", {"format": "html"}),
    ],
)
async def test_a_lost_answer_leaves_each_write_unknown_and_the_identity_finds_it(
    rig: Rig, kind: str, settings: dict[str, Any]
) -> None:
    rig.running.faults.arm(kind, **BATCH, **settings)
    found = await outcomes(rig.name(1), rig.name(2), rig.client.query("SELECT * FROM Account"))
    assert [type(one) for one in found] == [QboOutcomeUnknown, QboOutcomeUnknown, list]
    assert sorted(rig.customers) == ["N1", "N2"]
    assert [attempt.outcome for attempt in rig.attempts] == ["unknown", "unknown", "not_sent", "ok"]
    again = await outcomes(*(rig.name(number, batch=rig.identity(f"ws{number}")) for number in (1, 2)))
    assert [one.record["DisplayName"] for one in again] == ["N1", "N2"]
    assert sorted(rig.customers) == ["N1", "N2"]


@pytest.mark.parametrize("memory", ["item", "whole", "absent"])
async def test_a_server_that_dies_in_the_middle_has_done_the_first_items(memory: str) -> None:
    async with open_rig(batch_requestid=memory) as rig:
        rig.running.faults.arm("partial", items=2, **BATCH)
        found = await outcomes(*(rig.name(number) for number in range(4)))
        assert [type(one) for one in found] == [QboOutcomeUnknown] * 4
        assert sorted(rig.customers) == ["N0", "N1"]
        again = await outcomes(*(rig.name(number, batch=rig.identity(f"ws{number}")) for number in range(4)))
        expected: Mapping[str, list[type]] = {
            "item": [Written] * 4,
            "absent": [DuplicateName, DuplicateName, Written, Written],
            # The first to come is what this server then remembers for the whole batch: it says nothing about the rest.
            "whole": [DuplicateName, *[QboOutcomeUnknown] * 3],
        }
        assert [type(one) for one in again] == expected[memory]
        assert sorted(rig.customers) == ["N0", "N1"] if memory == "whole" else ["N0", "N1", "N2", "N3"]


async def test_an_answer_that_lacks_an_item_leaves_that_one_unknown(rig: Rig) -> None:
    rig.running.faults.arm("lose_item", items=1, **BATCH)
    found = await outcomes(*(rig.name(number) for number in range(3)))
    assert [type(one) for one in found] == [Written, QboOutcomeUnknown, Written]


async def test_a_batch_remembered_as_a_whole_answers_a_repeated_item_or_says_600() -> None:
    async with open_rig(batch_requestid="whole") as rig:
        rig.running.faults.arm("drop_after", **BATCH)
        assert [type(one) for one in await outcomes(rig.name(1), rig.name(2))] == [QboOutcomeUnknown] * 2
        again = await rig.name(2, batch=rig.identity("ws2"))
        assert again.record["DisplayName"] == "N2"
        rig.running.company.turn(requestid_other_payload="600")
        with pytest.raises(DuplicateRequestId):
            await rig.name(1, batch=rig.identity("ws1"))
        assert sorted(rig.customers) == ["N1", "N2"]


async def test_a_repeated_identity_is_not_recorded_again_and_goes_by_itself(rig: Rig) -> None:
    await outcomes(rig.name(1), rig.name(2))
    first = rig.running.company.objects("Customer")
    again = await outcomes(*(rig.name(number, batch=rig.identity(f"ws{number}")) for number in (1, 2)))
    assert len(rig.recorded) == 1
    assert rig.sent == [("batch", 2), ("batch", 1), ("batch", 1)]
    assert rig.running.company.objects("Customer") == first
    assert [one.record["DisplayName"] for one in again] == ["N1", "N2"]


async def test_what_must_go_alone_never_joins_a_batch(rig: Rig) -> None:
    await outcomes(*(rig.entry(number, alone=True) for number in range(3)))
    assert rig.sent == [("create", 0)] * 3
    assert {entry.request_id for entry in rig.running.requests.entries} == {"je0", "je1", "je2"}


async def test_a_throttled_batch_pauses_the_realm_and_sends_nothing(rig: Rig) -> None:
    rig.running.faults.arm("throttle", **BATCH)
    found = await outcomes(rig.name(1), rig.name(2))
    assert [type(one) for one in found] == [QboThrottled] * 2
    assert rig.limits.pauses == [60]
    assert rig.customers == []


async def test_an_expired_token_is_refreshed_and_the_same_batch_goes_again(rig: Rig) -> None:
    await rig.client.preferences()
    rig.running.faults.arm("unauthorized", **BATCH)
    found = await outcomes(rig.name(1), rig.name(2))
    assert [type(one) for one in found] == [Written] * 2
    first, second = [entry.request_id for entry in rig.running.requests.entries][-2:]
    assert first == second
    assert len(rig.recorded) == 1


async def test_a_batch_without_a_connection_reaches_everybody(rig: Rig) -> None:
    rig.running.tokens.revoke_all()
    found = await outcomes(rig.name(1), rig.name(2), rig.client.query("SELECT * FROM Account"))
    assert all(isinstance(one, QboDisconnected) for one in found)


async def test_a_batch_refused_as_a_whole_is_taken_apart_until_the_culprit_is_alone(rig: Rig) -> None:
    rig.running.faults.arm("fault", code="2010", status=400, count=3, **BATCH)
    found = await outcomes(*(rig.name(number) for number in range(4)))
    # 4 refused, then the first 2, then the first: that one is to blame.
    assert [type(one) for one in found] == [QboRefused, Written, Written, Written]
    assert [items for _, items in rig.sent] == [4, 2, 1, 1, 2]
    assert len({batch_id for batch_id, _ in rig.recorded}) == 5


class Flaky(httpx2.AsyncHTTPTransport):
    """A network that is away for the first request, and that takes a while before it writes a later one."""

    def __init__(self, *, failures: int = 0, held_up_s: float = 0) -> None:
        super().__init__()
        self.failures, self.held_up_s = failures, held_up_s

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.failures:
            self.failures -= 1
            raise httpx2.ConnectError("no route", request=request)
        time.sleep(self.held_up_s)  # noqa: ASYNC251 - the process itself is held up
        return await super().handle_async_request(request)


async def test_a_batch_that_never_left_goes_again_under_the_same_identity() -> None:
    async with open_rig(transport=Flaky(failures=1)) as rig:
        found = await outcomes(rig.name(1), rig.name(2))
        assert [type(one) for one in found] == [Written] * 2
        assert len(rig.recorded) == 1
        assert rig.running.requests.entries[-1].request_id == rig.recorded[0][0]


# --- the record of a batch ---------------------------------------------------------------------------------------


async def test_nothing_is_sent_before_the_identity_is_recorded(rig: Rig) -> None:
    rig.holding = asyncio.Event()
    calls = asyncio.gather(rig.name(1), rig.name(2))
    while not rig.recorded:  # noqa: ASYNC110 - the client calls it
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    assert rig.sent == []
    rig.holding.set()
    await asyncio.wait_for(calls, timeout=5)
    assert rig.sent == [("batch", 2)]


async def test_if_the_identity_cannot_be_recorded_nothing_is_sent(rig: Rig) -> None:
    rig.failing = True
    found = await outcomes(rig.name(1), rig.name(2))
    assert [type(one) for one in found] == [QboNotSent] * 2
    assert [one.details["reason"] for one in found] == ["ConnectionError"] * 2
    assert rig.sent == []


async def test_a_permit_that_got_old_while_the_identity_was_recorded_is_taken_anew(rig: Rig) -> None:
    rig.holding = asyncio.Event()
    calls = asyncio.gather(rig.name(1), rig.name(2))
    await asyncio.sleep(0.45)
    rig.holding.set()
    await asyncio.wait_for(calls, timeout=5)
    assert (rig.limits.entered, len(rig.recorded)) == (2, 1)


# --- deadlines and cancellation ----------------------------------------------------------------------------------


async def test_what_comes_too_late_is_not_sent_and_the_others_go(rig: Rig) -> None:
    async def late() -> Written:
        SEND_BY.set(asyncio.get_running_loop().time() + 0.2)
        return await rig.name(1)

    rig.holding = asyncio.Event()
    tasks = [asyncio.create_task(late()), asyncio.create_task(rig.name(2)), asyncio.create_task(rig.name(3))]
    await asyncio.sleep(0.25)
    rig.holding.set()
    done = await outcomes(*(_result(task) for task in tasks))
    assert [type(one) for one in done] == [QboNotSent, Written, Written]
    assert sorted(rig.customers) == ["N2", "N3"]


async def _result(task: "asyncio.Task[Any]") -> Any:
    return await task


async def test_a_single_write_that_is_too_late_never_leaves(rig: Rig) -> None:
    await rig.client.preferences()
    SEND_BY.set(asyncio.get_running_loop().time() - 1)
    with pytest.raises(QboNotSent) as caught:
        await rig.name(1)
    with pytest.raises(QboNotSent):
        await rig.name(2, alone=True)
    assert caught.value.details["reason"] == "too_late"
    assert rig.sent == [("singleton", 0)]
    assert await rig.client.query("SELECT * FROM Account")


async def test_a_deadline_that_passes_while_the_connection_is_opened_still_holds() -> None:
    transport = Flaky()
    async with open_rig(tries=1, transport=transport) as rig:
        await rig.client.preferences()
        transport.held_up_s = 0.1
        SEND_BY.set(asyncio.get_running_loop().time() + 0.08)
        with pytest.raises(QboNotSent) as caught:
            await rig.name(1)
        assert caught.value.details["reason"] == "too_late"
        assert rig.sent == [("singleton", 0)]


async def test_a_cancelled_caller_takes_its_item_out_before_it_is_sent(rig: Rig) -> None:
    rig.holding = asyncio.Event()
    tasks = [asyncio.create_task(rig.name(number)) for number in range(3)]
    while not rig.recorded:  # noqa: ASYNC110 - the client calls it
        await asyncio.sleep(0.005)
    tasks[0].cancel()
    rig.holding.set()
    done = await outcomes(*(_result(task) for task in tasks))
    assert [type(one) for one in done] == [asyncio.CancelledError, Written, Written]
    assert sorted(rig.customers) == ["N1", "N2"]


async def test_a_cancelled_caller_does_not_disturb_what_is_under_way() -> None:
    async with open_rig(latency_ms=150) as rig:
        tasks = [asyncio.create_task(rig.name(number)) for number in range(3)]
        while not rig.sent:  # noqa: ASYNC110 - another loop fills it
            await asyncio.sleep(0.005)
        tasks[0].cancel()
        done = await outcomes(*(_result(task) for task in tasks))
        assert [type(one) for one in done] == [asyncio.CancelledError, Written, Written]
        assert len(rig.customers) == 3
        assert [attempt.outcome for attempt in rig.attempts] == ["ok"] * 3


async def test_a_batch_for_which_nobody_waits_any_more_is_cut_off() -> None:
    async with open_rig(latency_ms=300) as rig:
        tasks = [asyncio.create_task(rig.name(number)) for number in range(2)]
        while not rig.sent:  # noqa: ASYNC110 - another loop fills it
            await asyncio.sleep(0.005)
        for task in tasks:
            task.cancel()
        await outcomes(*(_result(task) for task in tasks))
        await asyncio.sleep(0)
        assert [attempt.outcome for attempt in rig.attempts] == ["unknown"] * 2


async def test_closing_turns_away_what_waits_and_cuts_off_what_is_under_way() -> None:
    async with open_rig(latency_ms=1000) as rig:
        sent = [asyncio.create_task(rig.name(number)) for number in range(2)]
        while not rig.sent:  # noqa: ASYNC110 - another loop fills it
            await asyncio.sleep(0.005)
        with backlog():
            waiting = asyncio.create_task(rig.entry(1))
        await asyncio.sleep(0.01)
        await rig.client.aclose()
        done = await outcomes(*(_result(task) for task in [*sent, waiting]))
        assert [type(one) for one in done] == [QboOutcomeUnknown, QboOutcomeUnknown, QboNotSent]
        with pytest.raises(QboNotSent):
            await rig.entry(2)


class Failing(UnlimitedLimits):
    """Limits whose database is away."""

    @contextlib.asynccontextmanager
    async def request(self, *, batch: bool = False) -> AsyncIterator[None]:
        raise QboError("away")
        yield


async def test_if_the_limits_cannot_be_read_everybody_who_waits_is_told() -> None:
    async with open_rig(limits=Failing()) as rig:
        found = await outcomes(rig.name(1), rig.name(2), rig.client.query("SELECT * FROM Account"))
        assert [type(one) for one in found] == [QboError] * 3


# --- while writing is held ------------------------------------------------------------------------------------------


async def test_while_writing_is_held_no_write_leaves_and_reads_do() -> None:
    held, asked = [True], [0]

    async def before_write() -> None:
        asked[0] += 1
        if held[0]:
            raise WritesHeld

    async with open_rig() as rig:
        rig.client._courier._before_write = before_write
        with backlog():
            found = await outcomes(rig.name(1), rig.name(2), rig.client.query("SELECT * FROM Account"))
        assert [type(one) for one in found[:2]] == [WritesHeld, WritesHeld]
        assert len(found[2]) > 1
        assert (rig.customers, asked[0] > 0) == ([], True)
        held[0] = False
        assert (await rig.name(1)).record["DisplayName"] == "N1"


async def test_when_nobody_knows_whether_writing_is_held_no_write_leaves() -> None:
    async def before_write() -> None:
        raise ConnectionError("the database is away")

    async with open_rig() as rig:
        rig.client._courier._before_write = before_write
        found = await outcomes(rig.name(1), rig.name(2))
        assert {type(one) for one in found} == {QboNotSent}
        assert rig.customers == []
