"""Payout statements on the real database: pages, sums, obstacles, the file; no query reads a whole table."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_payouts import START, look, paid_out
from wescope.books.money import to_decimal
from wescope.engine.export_sheets import PAYOUT_STATEMENT
from wescope.engine.payout_statements import (
    MOST_COUNTED,
    NOT_ITEMIZED,
    PAGE,
    PAYOUT_FEE,
    ROWS,
    PayoutStatements,
    PayoutSum,
)
from wescope.errors import ObjectNotFound, WrongUse
from wescope.links.database import transaction
from wescope.links.payout_statements import PayoutFilter, RowFilter
from wescope.links.payouts import StoredPayout, StoredRow, store_check
from wescope.links.schema import links, payout_checks, payout_rows

REALM = "9130350000000000"
DAY = date(2026, 11, 20)


def statements_of(desk: Desk) -> PayoutStatements:
    return PayoutStatements(engine=desk.runtime.engine, realm_id=desk.runtime.store.realm_id)


def a_check(payout_id: str, **changed: Any) -> StoredPayout:
    values: dict[str, Any] = {
        "currency": "usd",
        "amount": 970,
        "gross": 1_000,
        "fee": 30,
        "net": 970,
        "foots": True,
        "state": "matched",
        "differs_by": 0,
        "waiting_on": (),
        "deposits": ("Deposit/1",),
        "shared_with": (),
        "payout_date": DAY,
        "arrival_date": DAY,
        "deposit_date": DAY,
        "available_date": DAY,
    }
    return StoredPayout(payout_id=payout_id, **{**values, **changed})


def a_row(number: int, **changed: Any) -> StoredRow:
    values: dict[str, Any] = {
        "category": "charge",
        "source": f"ch_{number}",
        "document_key": f"ch_{number}:payment",
        "gross": 1_000,
        "fee": 30,
        "net": 970,
        "state": "matched",
    }
    return StoredRow(transaction_id=f"txn_{number}", **{**values, **changed})


async def store(engine: AsyncEngine, check: StoredPayout, *rows: StoredRow) -> PayoutStatements:
    async with transaction(engine) as connection:
        await store_check(connection, REALM, check, rows)
    return PayoutStatements(engine=engine, realm_id=REALM)


async def pages(statements: PayoutStatements, chosen: PayoutFilter) -> list[list[str]]:
    """The ids of every page, one page after another."""
    found: list[list[str]] = []
    after: str | None = None
    while True:
        page = await statements.page(chosen, after)
        found.append([one.payout_id for one in page.items])
        if (after := page.next) is None:
            return found


async def file_of(statements: PayoutStatements, payout_id: str) -> list[dict[str, str]]:
    text = "".join([piece async for piece in await statements.lines(payout_id)])
    return list(csv.DictReader(io.StringIO(text, newline="")))


# --- through both services --------------------------------------------------------------------------------------------


async def test_a_payout_foots_row_by_row_in_its_summary_and_its_file(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        _, payout = await paid_out(desk, 10_000, 5_000)
        await look(desk, payout)
        statements = statements_of(desk)
        found = await statements.summary(payout, RowFilter())
        assert found.payout == (await desk.runtime.payout(payout)).payout
        assert (found.total.net, found.total.gross, found.awaited) == (found.payout.amount, 15_000, 0)
        for name in ("count", "gross", "fee", "net"):
            assert sum(getattr(one, name) for one in found.categories) == getattr(found.total, name)
            rows = [1 if name == "count" else getattr(row, name) for row in found.rows]
            assert sum(rows) == getattr(found.total, name)
        for row in found.rows:
            record = desk.record("Payment", row.document_key or "")
            assert (row.entity, row.qbo_id, str(row.txn_date)) == ("Payment", record["Id"], record["TxnDate"])
            assert row.payment_received_date is not None
        file = await file_of(statements, payout)
        assert list(file[0]) == [column.name for column in PAYOUT_STATEMENT]
        assert sum(Decimal(row["net"]) for row in file) == to_decimal(found.payout.amount, "usd")
        assert [row["qbo_id"] for row in file] == [row.qbo_id for row in found.rows]
        (page,) = [await statements.page(PayoutFilter(state="matched"))]
        assert page.items == await desk.runtime.payouts()


async def test_what_it_waits_for_is_told_with_the_reason(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        (right, wrong), payout = await paid_out(desk, 10_000, 5_000)
        desk.shop.edit(wrong, total=4_999)
        await desk.sync(right)
        await desk.sync(wrong)
        await look(desk, payout)
        found = await statements_of(desk).summary(payout, RowFilter())
        assert (found.payout.state, found.awaited, len(found.waits_for)) == ("waiting", 1, 1)
        assert [item.code for item in found.parked] == ["payout_waiting"]
        (awaited,) = found.waits_for
        assert awaited.key in found.payout.waiting_on
        assert [one.state for one in found.states] == ["missing", "matched"]
        missing = await statements_of(desk).summary(payout, RowFilter(state="missing"))
        assert [row.document_key for row in missing.rows] == [awaited.key]
        assert missing.total == found.total
        (page,) = await pages(statements_of(desk), PayoutFilter(state="waiting"))
        assert page == [payout]


# --- over made-up payouts ---------------------------------------------------------------------------------------------


@pytest.fixture
async def engine(desk: Desk) -> AsyncEngine:
    return desk.runtime.engine


async def fill_payouts(engine: AsyncEngine, count: int) -> None:
    """So many payouts, three of a day, of which one in a thousand waits."""
    number = sa.func.generate_series(1, count).column_valued("number")
    values: dict[str, Any] = {
        "realm_id": sa.literal(REALM),
        "payout_id": sa.func.concat("po_", sa.func.lpad(sa.cast(number, sa.Text), 8, "0")),
        "currency": sa.case((number % 10 == 0, "eur"), else_="usd"),
        "state": sa.case((number % 1_000 == 0, "waiting"), else_="matched"),
        "arrival_date": sa.literal(date(2000, 1, 1), sa.Date) + sa.cast(number / 3, sa.Integer),
        **{name: sa.literal(1_000) for name in ("amount", "gross", "net")},
        "fee": sa.literal(0),
        "foots": sa.true(),
    }
    query = sa.select(*values.values())
    async with transaction(engine) as connection:
        await connection.execute(sa.insert(payout_checks).from_select(list(values), query))
        await connection.execute(sa.text("ANALYZE payout_checks"))


async def fill_rows(engine: AsyncEngine, payout_id: str, count: int) -> None:
    """So many rows of a payout, each with a document, of which one in a thousand is missing."""
    number = sa.func.generate_series(0, count - 1).column_valued("number")
    key = sa.func.concat("ch_", sa.cast(number, sa.Text), ":payment")
    rows: dict[str, Any] = {
        "realm_id": sa.literal(REALM),
        "payout_id": sa.literal(payout_id),
        "position": number,
        "transaction_id": sa.func.concat("txn_", sa.cast(number, sa.Text)),
        "category": sa.case((number % 100 == 0, "refund"), else_="charge"),
        "document_key": key,
        **{name: sa.literal(amount) for name, amount in (("gross", 100), ("fee", 3), ("net", 97))},
        "state": sa.case((number % 1_000 == 0, "missing"), else_="matched"),
    }
    documents: dict[str, Any] = {
        "realm_id": sa.literal(REALM),
        "document_key": key,
        **{name: sa.literal(name) for name in ("operation", "intent_fingerprint", "request_id", "subject")},
        "entity": sa.literal("Payment"),
        "state": sa.literal("posted"),
        "qbo_id": sa.cast(number, sa.Text),
        "amount": sa.literal(100),
        "currency": sa.literal("usd"),
    }
    async with transaction(engine) as connection:
        for table, values in ((payout_rows, rows), (links, documents)):
            query = sa.select(*values.values())
            await connection.execute(sa.insert(table).from_select(list(values), query))
            await connection.execute(sa.text(f"ANALYZE {table.name}"))


async def test_pages_follow_one_another_without_a_gap_or_a_double(engine: AsyncEngine) -> None:
    await fill_payouts(engine, 3 * PAGE + 7)
    statements = await store(engine, a_check("po_unknown", arrival_date=None), a_row(1))
    found = await pages(statements, PayoutFilter())
    assert [len(page) for page in found] == [PAGE, PAGE, PAGE, 8]
    ids = [one for page in found for one in page]
    assert ids == ["po_unknown", *(f"po_{number:08}" for number in range(3 * PAGE + 7, 0, -1))]
    second = await statements.page(PayoutFilter(), "~po_unknown")
    assert second.items[0].payout_id == ids[1]


async def test_filters_take_what_they_say_and_counts_heed_all_but_the_state(engine: AsyncEngine) -> None:
    statements = await store(engine, a_check("po_1"))
    await store(engine, a_check("po_2", state="waiting"))
    await store(engine, a_check("po_3", currency="eur", state="waiting", arrival_date=DAY - timedelta(days=1)))

    async def ids(**chosen: Any) -> list[str]:
        return [one.payout_id for one in (await statements.page(PayoutFilter(**chosen))).items]

    assert await ids() == ["po_2", "po_1", "po_3"]
    assert await ids(state="waiting") == ["po_2", "po_3"]
    assert await ids(currency="eur") == ["po_3"]
    assert await ids(since=DAY) == ["po_2", "po_1"]
    assert await ids(until=DAY - timedelta(days=1)) == ["po_3"]
    page = await statements.page(PayoutFilter(state="matched", currency="usd"))
    assert {one.state: one.count for one in page.counts if one.count} == {"matched": 1, "waiting": 1}
    other = PayoutStatements(engine=engine, realm_id="another")
    assert (await other.page(PayoutFilter())).items == ()


async def test_what_cannot_be_a_place_is_refused(engine: AsyncEngine) -> None:
    statements = PayoutStatements(engine=engine, realm_id=REALM)
    for token in ("2026-02-31~po_1", "po_1", "2026-11-20~"):
        with pytest.raises(WrongUse):
            await statements.page(PayoutFilter(), token)
    with pytest.raises(ObjectNotFound):
        await statements.summary("po_none", RowFilter())
    with pytest.raises(ObjectNotFound):
        await statements.lines("po_none")


async def test_the_fee_of_the_payout_itself_and_what_has_no_rows_are_lines_of_their_own(engine: AsyncEngine) -> None:
    statements = await store(engine, a_check("po_1", fee=45, net=955, amount=955), a_row(1))
    found = await statements.summary("po_1", RowFilter())
    assert found.categories == (
        PayoutSum(category="charge", count=1, gross=1_000, fee=30, net=970, currency="usd"),
        PayoutSum(category=PAYOUT_FEE, count=0, gross=0, fee=15, net=-15, currency="usd"),
    )
    assert (found.total.count, found.total.net) == (1, 955)
    file = await file_of(statements, "po_1")
    assert [(row["position"], row["category"], row["net"]) for row in file] == [
        ("0", "charge", "9.70"),
        ("", PAYOUT_FEE, "-0.15"),
    ]
    await store(engine, a_check("po_2", gross=970, fee=0))
    manual = await statements.summary("po_2", RowFilter())
    assert [(one.category, one.count, one.net) for one in manual.categories] == [(NOT_ITEMIZED, 0, 970)]
    assert [row["category"] for row in await file_of(statements, "po_2")] == [NOT_ITEMIZED]


async def test_a_spreadsheet_takes_no_cell_for_a_formula(engine: AsyncEngine) -> None:
    statements = await store(engine, a_check("po_1"), a_row(1, category="=1+1", source="@here"))
    (row,) = await file_of(statements, "po_1")
    assert (row["category"], row["source"]) == ("'=1+1", "'@here")


async def test_rows_are_paged_and_chosen_and_the_sums_are_those_of_all(engine: AsyncEngine) -> None:
    count = 2 * ROWS + 5
    statements = await store(engine, a_check("po_1"))
    await fill_rows(engine, "po_1", count)
    first = await statements.summary("po_1", RowFilter())
    second = await statements.summary("po_1", RowFilter(), int(first.next or ""))
    third = await statements.summary("po_1", RowFilter(), int(second.next or ""))
    assert [row.position for one in (first, second, third) for row in one.rows] == list(range(count))
    assert (third.next, third.total.count) == (None, count)
    assert all(row.qbo_id == str(row.position) for row in second.rows)
    refunds = await statements.summary("po_1", RowFilter(category="refund"))
    assert [row.position for row in refunds.rows] == [0, 100, 200, 300, 400]
    assert (await statements.summary("po_1", RowFilter(category="refund", state="missing"))).rows == refunds.rows[:1]
    assert refunds.categories == first.categories


# --- bounded ----------------------------------------------------------------------------------------------------------


@contextmanager
def asked(engine: AsyncEngine) -> Iterator[list[tuple[str, Any]]]:
    """The queries that are sent meanwhile."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip("( ").startswith("SELECT"):
            sent.append((statement, parameters))

    sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine.sync_engine, "before_cursor_execute", note)


async def most_read(engine: AsyncEngine, sent: list[tuple[str, Any]]) -> int:
    """How many rows any step of these queries has read, chosen or not."""
    most = 0
    async with transaction(engine) as connection:
        for statement, parameters in sent:
            explained = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            most = max(most, *_reads(explained.scalar_one()[0]["Plan"]))
    return most


def _reads(step: dict[str, Any]) -> Iterator[int]:
    own = step["Actual Rows"] + step.get("Rows Removed by Filter", 0)
    yield int(own * step["Actual Loops"])
    for inner in step.get("Plans", ()):
        yield from _reads(inner)


@pytest.mark.slow
async def test_a_page_of_the_list_reads_no_more_than_it_shows_and_counts(engine: AsyncEngine) -> None:
    await fill_payouts(engine, 3 * MOST_COUNTED)
    statements = PayoutStatements(engine=engine, realm_id=REALM)
    with asked(engine) as sent:
        page = await statements.page(PayoutFilter())
        waiting = await statements.page(PayoutFilter(state="waiting"))
        await statements.page(PayoutFilter(state="matched"), page.next)
    assert [one.payout_id for one in waiting.items] == [f"po_{number * 1_000:08}" for number in range(30, 0, -1)]
    assert {one.state: (one.count, one.more) for one in page.counts if one.count} == {
        "matched": (MOST_COUNTED, True),
        "waiting": (30, False),
    }
    lists = [one for one in sent if "payout_checks.checked_at" in one[0]]
    assert len(lists) == 3
    assert await most_read(engine, lists) <= 2 * PAGE
    assert await most_read(engine, sent) <= MOST_COUNTED * 1.1


@pytest.mark.slow
async def test_a_page_of_rows_reads_no_more_links_than_it_shows(engine: AsyncEngine) -> None:
    statements = await store(engine, a_check("po_1"))
    await fill_rows(engine, "po_1", 50_000)
    with asked(engine) as sent:
        found = await statements.summary("po_1", RowFilter(), 40_000)
    assert (found.total.count, len(found.rows), found.awaited) == (50_000, ROWS, 50)
    joined = [one for one in sent if "LEFT OUTER JOIN links" in one[0]]
    assert len(joined) == 1
    assert await most_read(engine, joined) <= ROWS + 1


async def test_every_column_of_a_check_is_read(engine: AsyncEngine) -> None:
    check = a_check("po_1", waiting_on=("ch_1:payment",), deposits=(), shared_with=("po_9",), state="waiting")
    statements = await store(engine, check)
    (item,) = (await statements.page(PayoutFilter())).items
    assert {each.name: getattr(item, each.name) for each in fields(check)} == {
        each.name: getattr(check, each.name) for each in fields(check)
    }
    assert datetime.now(UTC) - item.checked_at < timedelta(hours=1)
