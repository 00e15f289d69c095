"""A tie-out of books that people have touched: it names each document, its amount and why, and nothing is left over."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_payouts import START, bank_feed
from tests.integration.test_tieout import sync_everything
from wescope.books.policy import PayoutMode, Policy
from wescope.engine.tieout_comparison import RowNotFound
from wescope.engine.tieout_results import Reason, TieOut, TieOutLine
from wescope.links.database import transaction
from wescope.links.schema import accepted_edits, drift, runs
from wescope.qbo.content import content_digest
from wescope.sandbox.qbo.by_hand import enter

AS_OF = date(2026, 11, 16)
NOVEMBER = "2026-11:usd"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def desk(make_desk: OpenDesk) -> AsyncIterator[Desk]:
    """Three paid invoices of one customer, paid out; all is posted, and both sides are equal."""
    async with make_desk(payouts="daily", as_of=START) as opened:
        customer = opened.shop.customer()
        for amount in (10_000, 20_000, 31_000):
            opened.shop.paid_invoice(customer, amount)
        opened.shop.advance(days=14)
        await sync_everything(opened)
        assert (await opened.runtime.tieout(AS_OF)).total_difference == "0.00"
        yield opened


def human(desk: Desk, entity: str, action: str, **body: Any) -> None:
    outcome = desk.qbo.company.human(entity, action, body)
    assert outcome.status == 200, outcome.body


def invoices(desk: Desk) -> list[str]:
    return [str(one["id"]) for one in desk.shop.business.account.store.all("invoice")]


def charges(desk: Desk) -> list[str]:
    return desk.shop.charges()


def customer(desk: Desk) -> str:
    return str(desk.shop.business.account.store.all("customer")[0]["id"])


async def compared(desk: Desk, as_of: date = AS_OF) -> TieOut:
    """A tie-out whose list accounts for all that differs, and whose rows all foot."""
    result = await desk.runtime.tieout(as_of)
    for row in result.rows:
        (opened,) = await desk.runtime.open_rows([row.id], as_of)
        assert sum(line.stripe for line in opened.lines) == row.stripe
        assert sum(line.qbo for line in opened.lines) == row.qbo
        told = [line for line in result.explained if line.row == row.id]
        assert sum(line.difference for line in told) == row.difference
        assert [line for line in opened.lines if line.reason] == told or not row.difference
    assert result.unexplained == "0.00", result.explained
    return result


def told(result: TieOut, row: str) -> list[tuple[str | None, Reason | None, str | None, int]]:
    return [(one.document_key, one.reason, one.detail, one.difference) for one in result.explained if one.row == row]


def first_line(desk: Desk, key: str, **changes: Any) -> list[dict[str, Any]]:
    lines = [dict(line) for line in desk.record("Invoice", key)["Line"] if line["DetailType"] != "SubTotalLineDetail"]
    return [{**lines[0], **changes}, *lines[1:]]


async def test_an_edited_amount(desk: Desk) -> None:
    key = f"{invoices(desk)[0]}:invoice"
    human(desk, "Invoice", "update", Id=desk.record("Invoice", key)["Id"], Line=first_line(desk, key, Amount=105))
    result = await compared(desk)
    assert (result.difference, result.balanced) == ("5.00", False)
    assert result.total_difference == "10.00"
    edited = [(key, Reason.EDITED, None, -500)]
    assert told(result, f"receivable:{customer(desk)}:usd") == edited
    assert told(result, f"revenue:{NOVEMBER}") == edited
    assert len(result.explained) == 2


async def test_what_verify_found_and_what_somebody_accepted_is_said(desk: Desk) -> None:
    runtime, key = desk.runtime, f"{invoices(desk)[0]}:invoice"
    record = desk.record("Invoice", key)
    human(desk, "Invoice", "update", Id=record["Id"], Line=first_line(desk, key, Amount=105))
    row = f"receivable:{customer(desk)}:usd"
    named = {"realm_id": runtime.store.realm_id, "document_key": key}
    async with transaction(runtime.engine) as connection:
        found = {**named, "entity": "Invoice", "qbo_id": record["Id"], "kind": "edited_amount"}
        await connection.execute(sa.insert(drift).values(**found))
    assert told(await compared(desk), row) == [(key, Reason.DRIFT, "edited_amount", -500)]
    (line,) = [one for one in (await runtime.open_rows([row], AS_OF))[0].lines if one.reason]
    assert line.qbo_id == record["Id"]
    async with transaction(runtime.engine) as connection:
        await connection.execute(sa.update(drift).values(state="accepted"))
        known = await runtime.tieouts.known()
        assert known.customers
        content = await _content(desk, record["Id"])
        accepted = {**named, "kind": "edited_amount", "content": content}
        await connection.execute(sa.insert(accepted_edits).values(**accepted))
    assert told(await compared(desk), row) == [(key, Reason.ACCEPTED, "edited_amount", -500)]
    human(desk, "Invoice", "update", Id=record["Id"], Line=first_line(desk, key, Amount=106))
    assert told(await compared(desk), row) == [(key, Reason.EDITED, None, -600)], "another edit was accepted"


async def _content(desk: Desk, qbo_id: str) -> str:
    record = await desk.runtime.client.read("Invoice", qbo_id)
    assert record
    return content_digest("Invoice", record)


async def test_another_item_changes_income_only(desk: Desk) -> None:
    key = f"{invoices(desk)[0]}:invoice"
    item = next(one["Id"] for one in desk.qbo.company.objects("Item") if one["Name"] == "Services")
    lines = first_line(desk, key, SalesItemLineDetail={"ItemRef": {"value": item}})
    human(desk, "Invoice", "update", Id=desk.record("Invoice", key)["Id"], Line=lines)
    result = await compared(desk)
    assert (result.difference, result.balanced, result.total_difference) == ("0.00", True, "100.00")
    assert told(result, f"revenue:{NOVEMBER}") == [(key, Reason.EDITED, None, 10_000)]


async def test_deleted_voided_and_moved_documents(desk: Desk) -> None:
    payment, voided = (f"{charge}:payment" for charge in charges(desk)[:2])
    moved = f"{invoices(desk)[2]}:invoice"
    deleted = desk.record("Payment", payment)["Id"]
    human(desk, "Payment", "delete", Id=deleted)
    human(desk, "Payment", "void", Id=desk.record("Payment", voided)["Id"])
    human(desk, "Invoice", "update", Id=desk.record("Invoice", moved)["Id"], TxnDate="2026-12-03")
    result = await compared(desk)
    gone = [(payment, Reason.MISSING, None, -10_000), (voided, Reason.VOIDED, None, -20_000)]
    late = (moved, Reason.DATED, "2026-12-03", 31_000)
    assert sorted(told(result, f"receivable:{customer(desk)}:usd")) == sorted([*gone, late])
    assert {one.qbo_id for one in result.explained if one.document_key == payment} == {deleted}
    held = [(key, reason, detail, -amount) for key, reason, detail, amount in gone]
    assert sorted(told(result, "clearing:usd")) == sorted(held)
    assert told(result, f"revenue:{NOVEMBER}") == [late]
    later = await compared(desk, date(2026, 12, 31))
    assert told(later, f"revenue:{NOVEMBER}") == [late]
    assert told(later, "revenue:2026-12:usd") == [(moved, Reason.DATED, "2026-11-01", -31_000)]


async def test_documents_of_others_and_doubles(desk: Desk) -> None:
    company, charge = desk.qbo.company, charges(desk)[0]
    lines = [{"account": "Stripe Clearing", "debit": 7}, {"account": "Stripe Fees", "credit": 7}]
    entered = enter(company, "journal_entry", {"date": "2026-11-10", "lines": lines})
    record = desk.record("Payment", f"{charge}:payment")
    copied = {name: record[name] for name in ("CustomerRef", "TotalAmt", "TxnDate", "PrivateNote")}
    human(desk, "Payment", "create", **copied, DepositToAccountRef=record["DepositToAccountRef"])
    result = await compared(desk)
    entry = f"JournalEntry/{entered.body['JournalEntry']['Id']}"
    lines_of = {one.reason: one for one in result.explained if one.row == "clearing:usd"}
    assert (lines_of[Reason.FOREIGN].difference, lines_of[Reason.FOREIGN].document_key) == (-700, None)
    assert f"{lines_of[Reason.FOREIGN].entity}/{lines_of[Reason.FOREIGN].qbo_id}" == entry
    doubled = lines_of[Reason.DOUBLED]
    assert (doubled.document_key, doubled.difference) == (f"{charge}:payment", -10_000)
    assert (doubled.detail or "").count("Payment/") == 2
    assert [one.difference for one in result.explained if one.row == f"fees:{NOVEMBER}"] == [700]


async def test_what_is_parked_or_waits_and_what_no_read_document_posts(desk: Desk) -> None:
    shop, company = desk.shop, desk.qbo.company
    parked = shop.paid_invoice(customer(desk), 5_000)
    shop.edit(parked, total=4_999)
    await desk.sync(parked)
    assert (await desk.codes())[f"{parked}:invoice"] == "total_mismatch"
    unseen = shop.invoice(shop.customer("Eve"), 800)
    today = date(2026, 11, 30)
    result = await compared(desk, today)
    rows = {one.row: one for one in result.explained if one.document_key == f"{parked}:invoice"}
    assert {one.reason for one in rows.values()} == {Reason.PARKED}
    assert {one.detail for one in rows.values()} == {"total_mismatch"}
    assert rows[f"receivable:{customer(desk)}:usd"].difference == 4_999
    payment = next(one for one in result.explained if one.row == "clearing:usd")
    assert (payment.document_key, payment.reason, payment.difference) == (
        f"{charges(desk)[-1]}:payment",
        Reason.PARKED,
        5_000,
    )
    eve = next(row for row in result.receivable if row.stripe == 800)
    assert told(result, eve.id) == [(f"{unseen}:invoice", Reason.NOT_SYNCED, None, 800)]
    assert company.objects("Payment")


async def test_each_comparison_is_kept_with_its_rows_and_an_unknown_row_is_an_error(desk: Desk) -> None:
    result = await desk.runtime.tieout(AS_OF)
    async with transaction(desk.runtime.engine) as connection:
        kept = (await connection.execute(sa.select(runs.c.result).where(runs.c.kind == "tieout"))).scalars().all()
    assert [(one["as_of"], one["difference"]) for one in kept] == [("2026-11-16", "0.00")] * 2
    assert {one["id"]: one["stripe"] for one in kept[-1]["rows"]} == {row.id: row.stripe for row in result.rows}
    status = await desk.runtime.status()
    assert status.last_tieout is not None
    assert (status.last_tieout.difference, status.last_tieout.at) == ("0.00", result.at)
    assert all("rows" not in run.result for run in await desk.runtime.runs.newest())
    before = desk.qbo.requests.total
    (opened,) = await desk.runtime.open_rows(["clearing:usd"], AS_OF)
    assert (opened.at, desk.qbo.requests.total) == (result.at, before), "the comparison of just before is used"
    with pytest.raises(RowNotFound):
        await desk.runtime.open_rows(["clearing:chf"], AS_OF)


async def test_payouts_that_share_a_deposit_and_one_in_parts(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START, policy=Policy(payouts=PayoutMode.MATCH)) as desk:
        shop = desk.shop
        ada = shop.customer()
        for amount in (10_000, 20_000, 30_000):
            shop.paid_invoice(ada, amount)
            shop.advance(days=1)
        shop.advance(days=14)
        payouts = desk.shop.business.account.store.all("payout")
        one, two, three = sorted(payouts, key=lambda each: int(each["created"]))
        day, later = (str(datetime.fromtimestamp(each["arrival_date"], UTC).date()) for each in (one, three))
        shared = await bank_feed(desk, f"{(one['amount'] + two['amount']) / 100:.2f}", day)
        parts = [await bank_feed(desk, f"{amount / 100:.2f}", later) for amount in (3, three["amount"] - 3)]
        await sync_everything(desk)
        await desk.wake()
        result = await compared(desk, date(2026, 11, 30))
        assert result.total_difference == "0.00", result.explained
        rows = {row.payout_id: row for row in result.deposits}
        assert {row.state for row in rows.values()} == {"matched"}
        assert [rows[each["id"]].qbo for each in (one, two, three)] == [each["amount"] for each in (one, two, three)]
        assert rows[one["id"]].deposits == rows[two["id"]].deposits == (shared,)
        assert rows[one["id"]].shared_with == (two["id"],)
        assert set(rows[three["id"]].deposits) == set(parts)


async def test_a_payout_that_came_back_and_one_whose_deposit_is_missing(desk: Desk) -> None:
    (payout,) = desk.shop.business.account.store.all("payout")
    human(desk, "Deposit", "delete", Id=desk.record("Deposit", f"{payout['id']}:deposit")["Id"])
    result = await compared(desk)
    (row,) = result.deposits
    assert (row.amount, row.stripe, row.qbo, row.deposits, row.state) == (payout["amount"],) * 2 + (0, (), "matched")
    lines: list[TieOutLine] = [one for one in result.explained if one.row == row.id]
    assert [(one.document_key, one.reason) for one in lines] == [(f"{payout['id']}:deposit", Reason.MISSING)]
    assert {one.row for one in result.explained} == {row.id, "clearing:usd", "bank:usd", f"fees:{NOVEMBER}"}
