"""The tie-out over both services: many situations together, equal today and on every day of the past."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_backfill import ended, working
from wescope.books.subjects import Subject, SubjectKind
from wescope.engine.tieout import Known, QboSide, read_stripe, tie_out
from wescope.links.database import transaction
from wescope.links.reports import customer_links
from wescope.links.runs import RunKind, RunState

START, END = date(2026, 9, 20), date(2026, 11, 20)
_KINDS = {
    "invoice": SubjectKind.INVOICE,
    "charge": SubjectKind.CHARGE,
    "refund": SubjectKind.REFUND,
    "dispute": SubjectKind.DISPUTE,
    "customer": SubjectKind.CUSTOMER,
    "payout": SubjectKind.PAYOUT,
    "balance_transaction": SubjectKind.BALANCE_TRANSACTION,
}


async def sync_everything(desk: Desk) -> None:
    store = desk.shop.business.account.store
    found = [Subject(kind=kind, id=str(one["id"])) for name, kind in _KINDS.items() for one in store.all(name)]
    await desk.runtime.queue.hint(found, source="test")
    await desk.work()
    await desk.wake()


def history(desk: Desk) -> None:
    """From the end of September into November: each situation starts in one month, some end in the next."""
    shop = desk.shop
    ada, bob = shop.customer("Ada"), shop.customer("Bob")
    shop.paid_invoice(ada, 10_000)
    open_one = shop.invoice(ada, 8_000)
    voided_soon, voided_late = shop.invoice(ada, 3_000), shop.invoice(ada, 3_100)
    given_up, paid_after_all = shop.invoice(bob, 4_000), shop.invoice(bob, 4_100)
    debit = shop.invoice(bob, 6_000)
    shop.pay(debit, method="debit")
    charge = shop.charges()[-1]
    shop.pay(shop.invoice(bob, 2_500), method="out_of_band")
    shop.pay(shop.invoice(bob, 2_600), method="record", amount=1_000)
    shop.do("adjust_balance", id=ada, amount=-700)
    shop.void(voided_soon)
    shop.do("mark_uncollectible", id=given_up)
    shop.do("mark_uncollectible", id=paid_after_all)
    shop.advance(days=6)
    shop.do("create_credit_note", invoice=open_one, amount=1_500)
    refunded = shop.paid_invoice(ada, 9_000)
    shop.do("create_refund", invoice=refunded, amount=2_000)
    shop.do("create_charge", customer=bob, amount=1_234)
    shop.advance(days=10)
    shop.void(voided_late)
    shop.pay(paid_after_all)
    shop.do("fail_charge_later", id=charge)
    disputed = shop.paid_invoice(bob, 5_500)
    dispute = shop.do("create_dispute", charge=shop.charges()[-1])
    shop.advance(days=20)
    shop.do("win_dispute", id=dispute["id"])
    assert disputed
    shop.invoice(ada, 1_000)
    shop.paid_invoice(bob, 7_777)
    shop.advance(days=12)


@pytest.mark.slow
async def test_both_sides_are_equal_on_every_day(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        history(desk)
        await sync_everything(desk)
        assert await desk.codes() == {}
        result = await desk.runtime.tieout(END)
        assert (result.difference, [row.difference for row in result.bank]) == ("0.00", [0]), result
        # By hand: Ada 80.00 - 15.00 + 10.00, her credit having gone into the 90.00; Bob 60.00 again, and 26.00 - 10.00.
        assert {row.stripe for row in result.receivable} == {7_500, 7_600}
        stripe, qbo = await read_stripe(desk.runtime.listing), QboSide(desk.runtime.client, desk.runtime.company)
        async with transaction(desk.runtime.engine) as connection:
            links = await customer_links(connection, desk.runtime.store.realm_id)
        known = Known(customers={qbo_id: (key.partition(":")[0], currency) for qbo_id, key, currency in links})
        day = START - timedelta(days=1)
        different = {}
        while day <= END:
            past = await tie_out(stripe, qbo, desk.runtime.policy, known, as_of=day, at=datetime.now(UTC))
            if not past.balanced:
                different[day] = (past.receivable, past.clearing)
            day += timedelta(days=3)
        assert different == {}


async def test_a_run_that_a_schedule_began_keeps_its_tie_out_like_any_other(desk: Desk) -> None:
    desk.shop.paid_invoice(desk.shop.customer())
    run = await desk.runtime.runs.start(RunKind.TIEOUT, {"scheduled": "tieout"})
    assert (await desk.runtime.status()).last_tieout is None
    async with working(desk.runtime):
        assert (await ended(desk.runtime, run)).state == RunState.DONE
    kept = (await desk.runtime.status()).last_tieout
    assert kept is not None
    assert not kept.balanced
    await sync_everything(desk)
    made = await desk.runtime.tieout(None)
    kept = (await desk.runtime.status()).last_tieout
    assert kept is not None
    assert (kept.difference, made.difference) == ("0.00", "0.00")
