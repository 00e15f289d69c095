"""Export on the real database: every table round trips as CSV, and its memory does not grow with its size."""

import csv
import io
import tracemalloc
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_payouts import START, look, paid_out
from wescope.books.money import to_decimal
from wescope.engine.export_sheets import SHEETS, What
from wescope.links.database import transaction
from wescope.links.schema import attempts, links

TOMORROW = date.today() + timedelta(days=2)  # noqa: DTZ011 - any later day


async def read(pieces: AsyncIterator[str]) -> list[dict[str, str]]:
    text = "".join([piece async for piece in pieces])
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def export(desk: Desk, what: What, since: date | None = None) -> list[dict[str, str]]:
    rows = await read(desk.runtime.support.export(what, since))
    assert len(rows) == await desk.runtime.support.export_size(what, since)
    return rows


async def test_every_table_round_trips(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        (invoice,), payout = await paid_out(desk, 10_000)
        await look(desk, payout)
        wrong = desk.shop.invoice(desk.shop.customer(), 777)
        desk.shop.edit(wrong, total=776)
        await desk.sync(wrong)
        await desk.runtime.support.ignore([f"{wrong}:invoice"], "=1+1, known", actor="cli")
        compared = await desk.runtime.tieout(date(2026, 11, 21))
        tables = {what: await export(desk, what) for what in What}
        for what, rows in tables.items():
            assert rows, what
            assert list(rows[0]) == [column.name for column in SHEETS[what].columns], what
        link = next(row for row in tables[What.LINKS] if row["document_key"] == f"{invoice}:invoice")
        record = desk.record("Invoice", f"{invoice}:invoice")
        assert (link["qbo_id"], link["amount"], link["currency"]) == (record["Id"], "100.00", "USD")
        assert (link["txn_date"], link["due_date"]) == (record["TxnDate"], "")
        assert link["stripe_ids"].split() == [invoice]
        (check,) = tables[What.PAYOUTS]
        assert (check["state"], check["foots"], check["differs_by"]) == ("matched", "true", "0.00")
        paid = [row for row in tables[What.PAYOUT_ROWS] if row["payout_id"] == payout]
        assert sum(Decimal(row["net"]) for row in paid) == Decimal(check["amount"])
        (item,) = tables[What.PARKED]
        assert (item["code"], item["owner"], item["ignored_reason"]) == ("total_mismatch", "us", "'=1+1, known")
        assert item["reason"].startswith("The lines of the invoice")
        tieouts = {row["row_id"]: row for row in tables[What.TIEOUTS]}
        assert set(tieouts) == {row.id for row in compared.rows}
        assert {(row["as_of"], row["difference"]) for row in tieouts.values()} == {("2026-11-21", compared.difference)}
        for row in compared.rows:
            shown = tieouts[row.id]
            amounts = [str(to_decimal(amount, row.currency)) for amount in (row.stripe, row.qbo, row.difference)]
            assert [shown[name] for name in ("stripe", "qbo", "row_difference")] == amounts
            assert shown["currency"] == "USD"
        assert compared.explained
        assert tieouts[f"payout:{payout}"]["stripe"] == check["amount"]
        assert {row["outcome"] for row in tables[What.ATTEMPTS]} == {"ok"}
        assert [(row["action"], row["target"]) for row in tables[What.AUDIT]] == [("ignore", f"{wrong}:invoice")]
        for what in What:
            assert await export(desk, what, TOMORROW) == [], what
            assert len(await export(desk, what, START)) == len(tables[what]), what


async def test_amounts_have_the_decimals_of_their_currency(desk: Desk) -> None:
    row = {
        "realm_id": desk.runtime.store.realm_id,
        "entity": "Invoice",
        "state": "posted",
        "operation": "create",
        "intent_fingerprint": "f",
        "request_id": "r",
        "subject": "invoice/in_1",
    }
    amounts = {"jpy": (500, "500"), "kwd": (1_234, "1.234"), "usd": (-5, "-0.05")}
    async with transaction(desk.runtime.engine) as connection:
        for currency, (amount, _) in amounts.items():
            values = {"document_key": f"in_{currency}:invoice", "amount": amount, "currency": currency}
            await connection.execute(sa.insert(links).values(**row, **values))
    found = {one["currency"].lower(): one["amount"] for one in await export(desk, What.LINKS)}
    assert found == {currency: shown for currency, (_, shown) in amounts.items()}


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_table(desk: Desk) -> None:
    async def fill(count: int) -> None:
        values = sa.select(
            sa.literal(desk.runtime.store.realm_id),
            sa.literal("query"),
            sa.literal("ok"),
            sa.func.now(),
            sa.literal(5),
        ).select_from(sa.func.generate_series(1, count))
        names = ["realm_id", "operation", "outcome", "started_at", "milliseconds"]
        async with transaction(desk.runtime.engine) as connection:
            await connection.execute(sa.insert(attempts).from_select(names, values))

    async def peak() -> int:
        tracemalloc.start()
        async for _ in desk.runtime.support.export(What.ATTEMPTS):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    await fill(5_000)
    await peak()  # what is imported and cached at first is not the export's
    small = await peak()
    await fill(45_000)
    assert await desk.runtime.support.export_size(What.ATTEMPTS) >= 50_000
    assert await peak() < small * 1.5 + 500_000
