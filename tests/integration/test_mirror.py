"""The mirror in BigQuery equals the tables, whatever changes, whoever is late, and wherever it is killed."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from tests.integration.mirroring import (
    DAY,
    MOMENT,
    REALM,
    Bench,
    Death,
    link,
    open_bench,
    parked_item,
    payout,
    payout_row,
)
from wescope.engine.mirror_ddl import schema_sql
from wescope.engine.mirror_views import views
from wescope.links.database import transaction
from wescope.links.mirror import Snapshot, count_rows, open_snapshot
from wescope.links.mirror_tables import TABLES, mirror_table
from wescope.links.schema import (
    attempts,
    audit,
    checkpoints,
    drift,
    hints,
    links,
    parked,
    payout_checks,
    payout_rows,
    qbo_reads,
    runs,
    subjects,
)

_numbers = itertools.count(1)
SOME = (mirror_table("links"), mirror_table("payout_rows"))
MORE = (*SOME, mirror_table("hints"), mirror_table("runs"), mirror_table("parked"))


@pytest.fixture
async def bench(database: str, bigquery_endpoint: str) -> AsyncIterator[Bench]:
    async with open_bench(database, bigquery_endpoint, f"books_{next(_numbers)}") as opened:
        yield opened


@pytest.fixture
def some(bench: Bench) -> Bench:
    """With two tables only, of different kinds of change."""
    bench.tables = SOME
    return bench


@pytest.fixture
def more(bench: Bench) -> Bench:
    """With a table at least of each kind of change."""
    bench.tables = MORE
    return bench


async def fill(bench: Bench) -> None:
    """Rows of every table, with what is hard to write as JSON or to compare."""
    tieout = {
        "as_of": "2026-10-31",
        "difference": "0.00",
        "rows": [
            {"id": "receivable:cus_1:usd", "currency": "usd", "stripe": 700, "qbo": 700},
            {"id": "clearing:usd", "currency": "usd", "stripe": 5, "qbo": 4},
        ],
    }
    await bench.execute(
        sa.insert(links).values([link(one) for one in range(1, 60)]),
        sa.insert(links).values(
            [
                link(60, document_key="cus_1:customer:usd", entity="Customer", amount=0, txn_date=None, stripe_ids=[]),
                link(61, amount=9_007_199_254_740_993, currency="jpy", due_date=date(2026, 12, 1), run_id=4),
                link(62, state="voided", subject='invoice/"é\n\\', exchange_rate="1.08"),
            ]
        ),
        sa.insert(subjects).values(kind="invoice", id="in_1", customer_id="cus_1", dirty=3, clean=2, failures=1),
        sa.insert(hints).values(event_id="evt_1", kind="invoice", subject_id="in_1", source="webhook"),
        sa.insert(attempts).values(
            realm_id=REALM, operation="create", outcome="ok", started_at=MOMENT, milliseconds=12, status=200
        ),
        sa.insert(parked).values([parked_item(one) for one in range(70, 75)]),
        sa.insert(parked).values(parked_item(75, ignored_at=MOMENT, ignored_reason="Ada said so")),
        sa.insert(runs).values(kind="tieout", state="done", result=tieout),
        sa.insert(runs).values(kind="sweep", state="running", counts={"listed": 3}, checkpoint={"x": 1}),
        sa.insert(payout_checks).values([payout(one) for one in (1, 2, 3)]),
        sa.insert(payout_rows).values([payout_row(one, two) for one in (1, 2) for two in (0, 1)]),
        sa.insert(drift).values(realm_id=REALM, entity="Invoice", qbo_id="7", kind="edited", details={"a": [1, None]}),
        sa.insert(audit).values(action="ignore", actor="cli", target="in_1", details={"code": "x", "reason": "Ada"}),
        sa.insert(qbo_reads).values(realm_id=REALM, month=date(2026, 11, 1), reads=17),
    )


async def test_all_is_mirrored_once(bench: Bench) -> None:
    await fill(bench)
    loaded = await bench.exported()
    assert set(loaded) == {table.name for table in TABLES}
    assert loaded["links"] == 62
    await bench.check_equal()
    counted = "SELECT COUNT(*) AS n, SUM(amount) AS total FROM `$.links` WHERE currency = 'usd'"
    (here,) = await rows(bench, counted.replace("`$.links`", "links"))
    assert bench.ask(counted) == [here]
    assert await bench.exported() == {}
    await bench.check_equal()
    told = bench.ask("SELECT details FROM `$.audit`") + bench.ask("SELECT * FROM `$.parked`")
    assert "Ada" not in str(told)


async def test_nothing_is_there_but_tables_and_views(bench: Bench) -> None:
    bench.views = views
    assert await bench.exported() == {}
    await bench.check_equal()
    for name in views():
        called = f"`$.{name}`(DATE '2026-10-31')" if name == "ar_ageing_on" else f"`$.{name}`"
        assert bench.ask(f"SELECT * FROM {called}") == []  # noqa: S608
    assert len(bench.ask("SELECT * FROM `$.mirror_state`")) == len(TABLES)
    assert not [one.table_id for one in bench.client.list_tables(bench.access.dataset) if "staging" in one.table_id]
    check_ddl(bench)


async def test_changes_are_found_and_what_is_gone_goes(bench: Bench) -> None:
    await fill(bench)
    await bench.exported()
    of_payout = payout_rows.c.payout_id == "po_1"
    await bench.execute(
        sa.update(links).where(links.c.document_key == "in_3:invoice").values(txn_date=date(2025, 1, 1), amount=-1),
        sa.insert(links).values(link(99)),
        sa.delete(parked).where(parked.c.document_key == "in_70:invoice"),
        sa.insert(parked).values(parked_item(80)),
        sa.delete(payout_rows).where(of_payout),
        sa.insert(payout_rows).values(payout_row(1, 0, net=1)),
        sa.update(payout_checks).where(payout_checks.c.payout_id.in_(["po_1", "po_2"])).values(checked_at=MOMENT),
        sa.delete(payout_rows).where(payout_rows.c.payout_id == "po_2"),
        sa.update(drift).values(state="resolved", resolved_at=MOMENT),
        sa.update(subjects).values(clean=3),
        sa.delete(attempts),
        sa.delete(hints),
        sa.insert(hints).values(kind="charge", subject_id="ch_1", source="sweep"),
    )
    loaded = await bench.exported()
    assert loaded["links"] == 2
    await bench.check_equal(kept=True)
    assert len(bench.ask("SELECT * FROM `$.attempts`")) == 1
    assert len(bench.ask("SELECT * FROM `$.hints`")) == 2
    await bench.execute(sa.delete(parked))
    assert await bench.exported() == {}
    await bench.check_equal(kept=True)


async def test_a_late_transaction_is_found(some: Bench) -> None:
    """It changed its row before others that were mirrored meanwhile, and says so with an older time."""
    await some.execute(sa.insert(links).values([link(one) for one in range(3)]))
    await some.exported()
    change = sa.update(links).where(links.c.document_key == "in_1:invoice")
    async with transaction(some.engine) as late:
        await late.execute(change.values(amount=1, updated_at=sa.func.now() - timedelta(days=9)))
        async with late.begin_nested():
            await late.execute(sa.insert(links).values(link(7, updated_at=MOMENT)))
        await some.execute(sa.insert(links).values(link(8)))
        assert await some.exported() == {"links": 1}
        await some.execute(sa.insert(links).values(link(9)))
        await some.exported()
    assert (await some.exported())["links"] >= 2
    await some.check_equal()
    await some.exported()
    assert await some.exported() == {}


async def test_what_changes_while_it_is_merged_is_found_by_the_next(some: Bench) -> None:
    await some.execute(sa.insert(links).values([link(one) for one in range(3)]))
    changed = False
    loop = asyncio.get_running_loop()

    def change(call: str) -> None:
        nonlocal changed
        if call == "run" and not changed:
            changed = True
            update = sa.update(links).where(links.c.document_key == "in_1:invoice").values(amount=77)
            pending.append(loop.create_task(some.execute(update, sa.insert(links).values(link(5)))))

    pending: list[asyncio.Task[None]] = []
    some.before = change
    await some.exported()
    await asyncio.gather(*pending)
    assert (await some.exported())["links"] == 2
    here, there = await some.here(SOME[0]), some.there(SOME[0])
    assert here == there
    assert {row["amount"] for row in there} == {10_000, 77, 10_002, 10_005}


async def test_it_may_be_killed_before_any_call(some: Bench) -> None:
    await fill(some)
    for number in itertools.count(1):
        calls = itertools.count(1)

        def die(_: str, calls: Iterator[int] = calls, number: int = number) -> None:
            if next(calls) == number:
                raise Death

        await some.execute(
            sa.update(links).where(links.c.document_key == f"in_{number}:invoice").values(amount=number),
            sa.update(payout_checks).where(payout_checks.c.payout_id == "po_1").values(amount=number),
            sa.delete(payout_rows).where(payout_rows.c.position == number % 2, payout_rows.c.payout_id == "po_1"),
            sa.insert(payout_rows).values(payout_row(1, 10 + number)),
        )
        some.before = die
        survived = await _killed(some)
        some.before = lambda _: None
        await some.exported()
        for table in SOME:
            assert some.there(table) == await some.here(table), (number, table.name)
        if survived:
            break
    assert number > 10


async def _killed(bench: Bench) -> bool:
    """An export in which the process may be killed; whether it was not."""
    desk = bench.desk
    run = await desk.start(full=False)
    try:
        await desk.runs.execute(run.id)
    except Death:
        return False
    return True


async def rows(bench: Bench, query: str) -> list[dict[str, object]]:
    async with transaction(bench.engine) as connection:
        return [dict(row) for row in (await connection.execute(sa.text(query))).mappings()]


async def test_a_statement_that_outlives_its_process_is_waited_for(some: Bench) -> None:
    await some.execute(sa.insert(links).values(link(1)))
    settled: list[str] = []

    def die(call: str) -> None:
        if call == "run":
            raise Death

    some.before = die
    assert not await _killed(some)
    some.before = settled.append
    await some.exported()
    assert settled[0] == "settle"
    assert some.there(SOME[0]) == await some.here(SOME[0])


async def test_old_rows_are_not_merged_after_new_ones(some: Bench) -> None:
    """A process that was paused before its statement finds that its rows are gone."""
    await some.execute(sa.insert(links).values(link(1)))
    await some.exported()
    await some.execute(sa.update(links).values(amount=1))
    paused: list[str] = []

    def pause(call: str) -> None:
        if call == "run":
            raise Death

    some.before = pause
    assert not await _killed(some)
    (old,) = [one.table_id for one in some.client.list_tables(some.access.dataset) if "staging" in one.table_id]
    some.before = paused.append
    await some.execute(sa.update(links).values(amount=2))
    await some.exported()
    assert old not in [one.table_id for one in some.client.list_tables(some.access.dataset)]
    assert [row["amount"] for row in some.there(SOME[0])] == [2]


async def test_another_database_begins_anew(more: Bench) -> None:
    """A backup that was restored elsewhere: what it does not know is gone, but from the logs."""
    await fill(more)
    await more.exported()
    other = sa.func.jsonb_set(checkpoints.c.value, ["database"], sa.func.to_jsonb(sa.literal("other/1", sa.Text)))
    older = sa.func.jsonb_set(checkpoints.c.value, ["since"], sa.func.to_jsonb(sa.literal(10**15, sa.BigInteger)))
    is_links = checkpoints.c.name == "bigquery:links"
    await more.execute(
        sa.delete(links).where(links.c.document_key == "in_5:invoice"),
        sa.delete(runs).where(runs.c.kind == "sweep"),
        sa.delete(payout_checks).where(payout_checks.c.payout_id == "po_2"),
        sa.delete(hints),
        sa.update(checkpoints)
        .where(checkpoints.c.name.like("bigquery:%"), checkpoints.c.name != "bigquery:views")
        .values(value=sa.case((is_links, older), else_=other)),
    )
    loaded = await more.exported()
    assert loaded["links"] == 61
    await more.check_equal(kept=True)
    assert len(more.ask("SELECT * FROM `$.hints`")) == 1
    assert await more.exported() == {}


async def test_full_and_a_dropped_table_begin_anew(more: Bench) -> None:
    await fill(more)
    first = await more.exported()
    plan = {one.table: one for one in await more.desk.plan(full=False)}
    assert sum(one.rows for one in plan.values()) == 0
    assert not any(one.anew for one in plan.values())
    assert sum(one.rows for one in await more.desk.plan(full=True)) == sum(first.values())
    assert await more.exported(full=True) == first
    await more.check_equal()
    more.client.delete_table(f"{more.access.dataset}.links")
    assert {one.table for one in await more.desk.plan(full=False) if one.anew} == {"links"}
    assert await more.exported() == {"links": 62}
    await more.check_equal()


def check_ddl(bench: Bench) -> None:
    """The generated statements make the same tables as the export does."""
    made = f"{bench.access.dataset}_ddl"
    bench.client.create_dataset(made)
    for statement in schema_sql(made).split(";\n"):
        if statement.strip():
            # The stand-in's parser does not know that a key may be not enforced.
            bench.client.query(statement.replace(" NOT ENFORCED", "")).result()
    # ... and it takes JSON for text here; names of types are old or new ones.
    same = {"JSON": "STRING", "INT64": "INTEGER", "BOOL": "BOOLEAN"}
    for table in TABLES:
        one, other = (bench.client.get_table(f"{dataset}.{table.name}") for dataset in (bench.access.dataset, made))
        fields = [[(f.name, same.get(f.field_type, f.field_type), f.mode) for f in t.schema] for t in (one, other)]
        assert fields[0] == fields[1], table.name
        assert (one.time_partitioning is not None) == (table.partition is not None)
        assert one.clustering_fields == (list(table.cluster) or None)


async def test_numbers_of_transactions_may_go_around(bench: Bench) -> None:
    """Rows know 32 bits of them: what is of an earlier round is told by the snapshot's 64."""
    await bench.execute(sa.insert(links).values(link(1)))
    async with transaction(bench.engine) as connection:
        now = await open_snapshot(connection)
        late = Snapshot(oldest=now.oldest + 2**34, following=now.following + 2**34, at=now.at, database="")
        table = mirror_table("links")
        assert await count_rows(connection, table, late, since=now.following + 2**34) == 0
        assert await count_rows(connection, table, late, since=now.following + 2**34 - 20) == 1
        assert await count_rows(connection, table, late, since=now.oldest) == 1


async def test_errors_have_their_codes(some: Bench) -> None:
    some.patience_s = 0.1
    some.client.delete_dataset(some.access.dataset, delete_contents=True)
    report = await some.export()
    assert (report.state, report.code) == ("failed", "bigquery_dataset_missing")
    (check,) = await some.desk.examine()
    assert not check.ok
    assert "bigquery_dataset_missing" in check.detail
    some.client.create_dataset(some.access.dataset)
    (check,) = await some.desk.examine()
    assert check.ok
    await some.execute(sa.insert(links).values(link(1, txn_date=DAY)))
    assert await some.exported() == {"links": 1}
