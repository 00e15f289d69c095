"""The views of the mirror say of a real history what the engine's own tie-out and payout checks say."""

from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.mirroring import Bench, link, open_bench
from tests.integration.test_tieout import END, START, history, sync_everything
from wescope.books.money import THREE_DECIMAL_CURRENCIES, ZERO_DECIMAL_CURRENCIES, to_decimal
from wescope.engine.mirror_views import _major, views
from wescope.engine.tieout_results import TieOut
from wescope.links.mirror_tables import mirror_table
from wescope.links.schema import links, subjects

SEPTEMBER, OCTOBER = date(2026, 9, 30), date(2026, 10, 31)


async def test_views_say_what_the_engine_says(make_desk: OpenDesk, database: str, bigquery_endpoint: str) -> None:
    async with (
        make_desk(payouts="daily", as_of=START) as desk,
        open_bench(database, bigquery_endpoint, "books_of_views") as bench,
    ):
        bench.views = views
        history(desk)
        await sync_everything(desk)
        tieouts = {day: await desk.runtime.tieout(day) for day in (SEPTEMBER, OCTOBER, END)}
        await bench.exported()
        await bench.check_equal()
        for day, tieout in tieouts.items():
            assert aged(bench, day) == receivable(tieout) != {}, day
        on_month_ends = bench.ask("SELECT as_of, customer_id, balance FROM `$.ar_ageing`")
        september = {row["customer_id"]: row["balance"] for row in on_month_ends if row["as_of"] == SEPTEMBER}
        assert september == {customer: balance for (customer, _), balance in receivable(tieouts[SEPTEMBER]).items()}
        check_age(bench)
        told = bench.ask("SELECT customer_id, stripe, qbo FROM `$.tieouts` WHERE kind = 'receivable'")
        assert {row["stripe"] - row["qbo"] for row in told} == {0}
        payouts = {one.payout_id: one for one in await desk.runtime.payouts()}
        reconciled = bench.ask("SELECT * FROM `$.payout_reconciliation`")
        assert {row["payout_id"]: row["amount"] for row in reconciled} == {
            one.payout_id: to_decimal(one.amount, one.currency) for one in payouts.values()
        }
        assert all(row["lines_net"] == row["net"] == row["amount"] and row["foots"] for row in reconciled)
        lines = bench.ask("SELECT payout_id, SUM(net) AS net, COUNT(*) AS lines FROM `$.payout_lines` GROUP BY 1")
        assert {row["payout_id"]: row["net"] for row in lines} == {row["payout_id"]: row["net"] for row in reconciled}
        check_close(bench)


def receivable(tieout: TieOut) -> dict[tuple[str, str], Decimal]:
    return {(row.customer_id, row.currency): to_decimal(row.qbo, row.currency) for row in tieout.receivable if row.qbo}


def aged(bench: Bench, day: date) -> dict[tuple[str, str], Decimal]:
    rows = bench.ask(f"SELECT * FROM `$.ar_ageing_on`(DATE '{day}')")  # noqa: S608
    buckets = ("not_due", "days_1_to_30", "days_31_to_60", "days_61_to_90", "days_over_90", "unapplied_credit")
    assert all(sum(row[name] for name in buckets) == row["balance"] for row in rows)
    return {(row["customer_id"], row["currency"]): row["balance"] for row in rows if row["balance"]}


def check_age(bench: Bench) -> None:
    """By hand: 62 days ago Ada got an invoice of which 65.00 are open, and 26 days ago one of 10.00.

    The 7.00 of her balance that paid the rest of an invoice of 56 days ago belong to no invoice: they go to the oldest.
    """
    (ada,) = bench.ask("SELECT * FROM `$.ar_ageing_on`(DATE '2026-11-20') WHERE balance = 75")
    assert {name: ada[name] for name in ada if ada[name] and isinstance(ada[name], Decimal)} == {
        "days_1_to_30": Decimal(10),
        "days_31_to_60": Decimal(7),
        "days_61_to_90": Decimal(58),
        "balance": Decimal(75),
    }


def check_close(bench: Bench) -> None:
    (october,) = bench.ask("SELECT * FROM `$.month_close` WHERE month_end = DATE '2026-10-31' AND currency = 'usd'")
    assert october["can_be_closed"]
    assert (october["parked"], october["drift"], october["under_way"], october["tieout_difference"]) == (0, 0, 0, 0)
    counted = bench.ask("SELECT * FROM `$.close_documents` WHERE month_end = DATE '2026-10-31'")
    assert sum(row["documents"] for row in counted) == october["documents"] > 0
    (invoices,) = [row for row in counted if row["entity"] == "Invoice"]
    told = "SELECT SUM(amount) AS total FROM `$.documents` WHERE entity = 'Invoice' AND state = 'posted'"
    (total,) = bench.ask(f"{told} AND txn_date BETWEEN DATE '2026-10-01' AND DATE '2026-10-31'")
    assert invoices["amount"] == total["total"]


async def test_age_and_decimals_by_hand(database: str, bigquery_endpoint: str) -> None:
    async with open_bench(database, bigquery_endpoint, "books_of_money") as bench:
        check_decimals(bench)
        bench.tables = (mirror_table("links"), mirror_table("subjects"))
        bench.views = lambda dataset: {"ar_ageing_on": views(dataset)["ar_ageing_on"]}
        known = [("in_1", "cus_1"), ("in_2", "cus_1"), ("in_3", "cus_1"), ("in_4", "cus_2")]
        paid = {"entity": "Payment", "due_date": None}
        await bench.execute(
            sa.insert(subjects).values([{"kind": "invoice", "id": one, "customer_id": of} for one, of in known]),
            *(
                sa.insert(links).values(one)
                for one in (
                    link(1, amount=100_00, txn_date=date(2026, 9, 1), due_date=date(2026, 10, 1)),
                    link(2, amount=50_00, txn_date=date(2026, 9, 20), due_date=date(2026, 10, 20)),
                    link(3, amount=7_00, txn_date=date(2026, 10, 30), due_date=date(2026, 12, 1)),
                    # One payment for the first two invoices, which belongs to the first; half of it is too early.
                    link(5, subject="invoice/in_1", amount=120_00, txn_date=date(2026, 10, 2), **paid),
                    link(6, subject="invoice/in_1", amount=20_00, txn_date=date(2026, 11, 2), **paid),
                    link(4, amount=100, currency="jpy", txn_date=date(2026, 7, 1)),
                    link(7, subject="invoice/in_4", currency="jpy", amount=130, txn_date=date(2026, 7, 2), **paid),
                    link(8, subject="invoice/in_3", state="voided", txn_date=date(2026, 10, 1)),
                )
            ),
        )
        await bench.exported()
        rows = bench.ask("SELECT * FROM `$.ar_ageing_on`(DATE '2026-10-31') ORDER BY customer_id")
        assert [{name: value for name, value in row.items() if value} for row in rows] == [
            {
                "as_of": OCTOBER,
                "customer_id": "cus_1",
                "currency": "usd",
                "not_due": Decimal(7),
                "days_1_to_30": Decimal(30),
                "balance": Decimal(37),
            },
            {
                "as_of": OCTOBER,
                "customer_id": "cus_2",
                "currency": "jpy",
                "unapplied_credit": Decimal(-30),
                "balance": Decimal(-30),
            },
        ]


def check_decimals(bench: Bench) -> None:
    currencies = sorted({"usd", "isk", "huf", *ZERO_DECIMAL_CURRENCIES, *THREE_DECIMAL_CURRENCIES})
    rows = " UNION ALL ".join(f"SELECT '{one}' AS currency, 123456 AS amount" for one in currencies)
    found = bench.ask(f"SELECT currency, {_major('amount', 'currency')} AS amount FROM ({rows})")  # noqa: S608
    assert {row["currency"]: row["amount"] for row in found} == {one: to_decimal(123_456, one) for one in currencies}
