"""Payouts: what reaches the bank, what Stripe kept of it, and every way in which a payout fails to arrive."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from tests.integration.desk import Desk
from tests.situations.case import Case
from tests.situations.scene import Scene
from wescope.books.policy import AccountRole, Policy
from wescope.config import PolicyFile
from wescope.config.policy_file import DEFAULT_ACCOUNTS
from wescope.engine.write_gate import policy_digest
from wescope.links.database import transaction
from wescope.links.schema import subjects
from wescope.sandbox.qbo import by_hand

BANK, CLEARING, FEES, FEE_TAX = "Checking", "Stripe Clearing", "Stripe Fees", "Stripe Fee Tax"
DISPUTES, REFUNDS, SALES, REVIEW = "Stripe Disputes", "Stripe Refunds", "Sales of Product Income", "Stripe Review"

Play = Callable[[Scene], None]

MATCHED = {"state": "matched", "foots": True, "differs_by": "0.00"}
CHARGE_PAID_OUT = {SALES: "-100.00", FEES: "3.20", BANK: "96.80"}
"""A charge of 100 that cost 3.20 and reached the bank."""


def paid(scene: Scene, moment: str, amount: int = 10_000, name: str = "Ada Lovelace") -> str:
    """An invoice of one customer paid by card at once; answers the charge."""
    scene.at(moment)
    return scene.pay(scene.invoice(scene.customer(name), amount))


def charge_of_100(scene: Scene) -> None:
    """100.00 on Tuesday, 8 September: 3.20 of fees, paid out a week later, in the bank on Thursday the 17th."""
    paid(scene, "2026-09-08T18:00:00Z")


def with_rows(*rows: dict[str, Any], at: str = "2026-09-14T18:00:00Z", until: str = "2026-09-30T18:00:00Z") -> Play:
    """The charge of 100, rows that come by themselves shortly before its payout, and time until it has arrived."""

    def play(scene: Scene) -> None:
        charge_of_100(scene)
        scene.at(at)
        for row in rows:
            scene.do("create_balance_row", **row)
        scene.at(until)

    return play


def newest(scene: Scene, kind: str) -> dict[str, Any]:
    """The object of a kind that was made last, as it is stored."""
    return scene.business.account.store.all(kind)[-1]


def _payout_of_charges(scene: Scene) -> None:
    paid(scene, "2026-09-08T18:00:00Z", 10_000)
    paid(scene, "2026-09-08T19:00:00Z", 5_000, "Grace Hopper")
    scene.at("2026-09-18T18:00:00Z")


def _with_refund(scene: Scene) -> None:
    charge = paid(scene, "2026-09-08T18:00:00Z")
    scene.at("2026-09-09T18:00:00Z").do("create_refund", charge=charge, amount=3_000)
    scene.at("2026-09-18T18:00:00Z")


def _disputed(scene: Scene) -> None:
    charge = paid(scene, "2026-09-08T18:00:00Z")
    paid(scene, "2026-09-10T18:00:00Z", 30_000, "Grace Hopper")
    scene.at("2026-09-10T19:00:00Z").do("create_dispute", charge=charge)


def _with_dispute(scene: Scene) -> None:
    _disputed(scene)
    scene.at("2026-09-22T18:00:00Z")


def _dispute_won(scene: Scene) -> None:
    _disputed(scene)
    dispute = newest(scene, "dispute")["id"]
    scene.at("2026-09-12T18:00:00Z").do("respond_dispute", id=dispute)
    scene.at("2026-09-22T18:00:00Z").do("win_dispute", id=dispute, fee_returned=True)
    scene.at("2026-10-02T18:00:00Z")


def _eu_fees(scene: Scene) -> None:
    paid(scene, "2026-09-08T18:00:00Z", 50_000)
    scene.at("2026-09-18T18:00:00Z")


def _negative(scene: Scene) -> None:
    charge = paid(scene, "2026-09-08T18:00:00Z")
    scene.at("2026-09-16T18:00:00Z").do("create_refund", charge=charge)
    scene.at("2026-09-23T18:00:00Z")


def _undone(moment: str, command: str) -> Play:
    """The payout of the charge of 100 (made on the 15th, due on the 17th) fails or is canceled at a moment."""

    def play(scene: Scene) -> None:
        charge_of_100(scene)
        scene.at(moment).do(command, id=newest(scene, "payout")["id"])
        scene.at("2026-09-23T18:00:00Z")

    return play


def _manual(scene: Scene) -> None:
    paid(scene, "2026-09-08T18:00:00Z", 10_000)
    paid(scene, "2026-09-09T18:00:00Z", 5_000, "Grace Hopper")
    scene.at("2026-09-20T18:00:00Z").do("create_balance_row", type="stripe_fee", amount=-250)
    scene.at("2026-09-22T18:00:00Z").do("create_payout", amount=10_000)
    scene.at("2026-09-26T18:00:00Z")


def _manual_before_payout(scene: Scene) -> None:
    charge = paid(scene, "2026-09-08T18:00:00Z")
    scene.at("2026-09-08T20:00:00Z").do("create_charge", amount=5_000, name="Grace Hopper")
    scene.at("2026-09-10T05:00:00Z").do("create_dispute", charge=charge)


def _day_goes_on(scene: Scene) -> None:
    paid(scene, "2026-09-08T18:00:00Z")


async def _another_that_day(desk: Desk, scene: Scene) -> None:
    """The first payment's fee is in the books when the second comes; both are of an hour in which the service ran."""
    assert [key for key, _ in desk_entries(desk)] == ["usd.2026-09-08:journal_entry"]
    async with transaction(desk.runtime.engine) as connection:
        await connection.execute(sa.update(subjects).values(last_run_at=datetime(2026, 9, 8, 18, 5, tzinfo=UTC)))
    paid(scene, "2026-09-08T20:00:00Z", 5_000, "Grace Hopper")


def desk_entries(desk: Desk) -> list[tuple[str, str]]:
    """Our journal entries: document key and date."""
    return [
        (str(one["PrivateNote"]).rpartition("wescope:")[2], str(one["TxnDate"]))
        for one in desk.qbo.company.objects("JournalEntry")
    ]


def _manual_failed(scene: Scene) -> None:
    charge_of_100(scene)
    payout = scene.at("2026-09-16T18:00:00Z").do("create_payout", amount=5_000)
    scene.at("2026-09-21T18:00:00Z").do("fail_payout", id=payout["id"])
    scene.at("2026-09-23T18:00:00Z")


def _manual_instant(scene: Scene) -> None:
    charge_of_100(scene)
    scene.at("2026-09-16T18:00:00Z").do("create_payout", amount=5_000, method="instant")
    scene.at("2026-09-18T18:00:00Z")


def _manual_cut_over(scene: Scene) -> None:
    paid(scene, "2026-09-08T18:00:00Z", 10_000, "Old Money")
    paid(scene, "2026-09-10T18:00:00Z", 5_000)
    scene.at("2026-09-22T18:00:00Z").do("create_payout", amount=10_000)
    scene.at("2026-09-26T18:00:00Z")


def _instant(scene: Scene) -> None:
    charge_of_100(scene)
    scene.at("2026-09-14T18:00:00Z").do("create_payout", amount=5_000, method="instant")
    scene.at("2026-09-18T18:00:00Z")


def _instant_failed(scene: Scene) -> None:
    charge_of_100(scene)
    payout = scene.at("2026-09-14T18:00:00Z").do("create_payout", amount=5_000, method="instant")
    scene.at("2026-09-14T20:00:00Z").do("fail_payout", id=payout["id"])
    scene.at("2026-09-18T18:00:00Z")


def _topup(scene: Scene) -> None:
    charge_of_100(scene)
    scene.at("2026-09-14T18:00:00Z").do("create_topup", amount=20_000)
    scene.at("2026-09-18T18:00:00Z")


def _topup_reversed(scene: Scene) -> None:
    scene.at("2026-09-09T18:00:00Z").do("create_topup", amount=20_000, outcome="reversed")
    scene.at("2026-09-10T18:00:00Z").do("create_topup", amount=30_000)
    scene.at("2026-09-18T18:00:00Z")


def _reserve(scene: Scene) -> None:
    with_rows({"type": "reserved_funds", "amount": -4_000}, until="2026-09-20T18:00:00Z")(scene)
    scene.do("create_balance_row", type="reserved_funds", amount=4_000)
    scene.at("2026-09-25T18:00:00Z")


MYSTERY = {"type": "moon_landing", "amount": -500}


def _reconfigured(policy: Policy) -> Callable[[Desk, Scene], Any]:
    """The service is started anew with another policy: it has a look at everything that is parked."""

    async def restart(desk: Desk, _: Scene) -> None:
        await desk.runtime._replan_after_change()
        for part in (desk.runtime, desk.runtime.reconciler, desk.runtime.reconciler.payouts):
            object.__setattr__(part, "policy", policy)
        desk.runtime.gate.policy = policy_digest(PolicyFile(policy=policy))
        await desk.runtime._replan_after_change()
        await desk.work()

    return restart


def _does_not_foot(scene: Scene) -> None:
    with_rows({"type": "stripe_fee", "amount": -250})(scene)
    row = next(one for one in scene.business.account.store.all("balance_transaction") if one["type"] == "stripe_fee")
    row.update(amount=-200, net=-200)


def _document_parked(scene: Scene) -> None:
    charge_of_100(scene)
    scene.at("2026-09-18T18:00:00Z")
    newest(scene, "invoice").update(total=9_999)


async def _mended(desk: Desk, scene: Scene) -> None:
    """Only the invoice is looked at: payment and deposit follow by themselves."""
    assert sorted((await desk.codes()).values()) == ["payout_waiting", "total_mismatch", "waiting"]
    assert desk.records("Deposit") == []
    invoice = newest(scene, "invoice")
    invoice.update(total=10_000)
    await desk.sync(str(invoice["id"]))
    assert await desk.codes() == {}
    assert len(desk.records("Deposit")) == 1


def _pending(scene: Scene) -> None:
    scene.at("2026-09-08T18:00:00Z").do("create_charge", amount=10_000, name="Ada Lovelace")
    scene.at("2026-09-18T18:00:00Z")
    newest(scene, "charge").update(status="pending", paid=False)


def _undone_before_first_sight(scene: Scene) -> None:
    paid(scene, "2026-09-08T18:00:00Z", 20_000, "Grace Hopper")
    invoice = scene.invoice(scene.customer(), 5_000)
    charge = scene.pay(invoice, method="debit")
    scene.at("2026-09-14T18:00:00Z").do("fail_charge_later", id=charge)
    scene.at("2026-09-23T18:00:00Z")


def _cut_over(scene: Scene) -> None:
    paid(scene, "2026-09-10T05:00:00Z", 10_000, "Old Money")
    scene.at("2026-09-10T06:00:00Z")
    old = scene.invoice(scene.customer("Grace Hopper"), 8_000)
    paid(scene, "2026-09-10T18:00:00Z", 5_000)
    scene.at("2026-09-12T18:00:00Z").pay(old)
    scene.at("2026-09-23T18:00:00Z")


def _opening_balance(amount: str) -> Callable[[Desk, Scene], None]:
    """What the bookkeeper enters at the cut-over: what Stripe holds of the time before (gross, where fees wait)."""

    def enter(desk: Desk, _: Scene) -> None:
        lines = [
            {"account": CLEARING, "debit": Decimal(amount)},
            {"account": "Opening Balance Equity", "credit": Decimal(amount)},
        ]
        by_hand.enter(desk.qbo.company, "journal_entry", {"date": "2026-09-09", "lines": lines})

    return enter


def _many_rows(scene: Scene) -> None:
    scene.at("2026-09-08T18:00:00Z")
    for _ in range(10):
        scene.do("create_charge", amount=1_000, name="Ada Lovelace")
    scene.at("2026-09-14T18:00:00Z")
    for _ in range(140):
        scene.do("create_balance_row", type="stripe_fee", amount=-10)
    scene.at("2026-09-18T18:00:00Z")


def _over_month_end(scene: Scene) -> None:
    paid(scene, "2026-09-22T18:00:00Z")
    scene.at("2026-10-02T18:00:00Z")


PAYOUTS = (
    Case(
        name="payout_of_charges",
        story="Two card payments of 100 and 50 are paid out together: the deposit has their gross amount and the fees "
        "that Stripe kept, and comes to what the bank statement shows.",
        payouts="daily",
        play=_payout_of_charges,
        balances={SALES: "-150.00", FEES: "4.95", BANK: "145.05"},
        dates={"po_1:deposit": "2026-09-17", "ch_1:payment": "2026-09-08"},
        lines={"po_1:deposit": ((CLEARING, "150.00"), (FEES, "-4.95"))},
        payouts_expected={
            "po_1": MATCHED
            | {"gross": "150.00", "fee": "4.95", "net": "145.05", "amount": "145.05", "rows": {"charge": "matched"}}
            | {"payout_date": "2026-09-14", "arrival_date": "2026-09-17", "deposit_date": "2026-09-17"}
        },
    ),
    Case(
        name="payout_with_refund",
        story="A payment of 100 of which 30 were given back before it was paid out: both stand on the deposit, gross.",
        payouts="daily",
        play=_with_refund,
        balances={SALES: "-100.00", REFUNDS: "30.00", FEES: "3.20", BANK: "66.80"},
        dates={"re_1:refund_receipt": "2026-09-09", "po_1:deposit": "2026-09-17"},
        lines={"po_1:deposit": ((CLEARING, "100.00"), (CLEARING, "-30.00"), (FEES, "-3.20"))},
        payouts_expected={
            "po_1": MATCHED
            | {"gross": "70.00", "fee": "3.20", "net": "66.80", "rows": {"charge": "matched", "refund": "matched"}}
        },
    ),
    Case(
        name="payout_with_dispute",
        story="A customer disputes a payment of 100 and Stripe takes it back with a fee of 15; the fee is on the "
        "payout from which it was kept.",
        payouts="daily",
        play=_with_dispute,
        balances={SALES: "-400.00", DISPUTES: "100.00", FEES: "27.20", BANK: "272.80"},
        dates={"po_1:deposit": "2026-09-17", "txn_3:journal_entry": "2026-09-10", "po_2:deposit": "2026-09-21"},
        lines={
            "txn_3:journal_entry": ((CLEARING, "-100.00"), (DISPUTES, "100.00")),
            "po_2:deposit": ((CLEARING, "300.00"), (CLEARING, "-100.00"), (FEES, "-9.00"), (FEES, "-15.00")),
        },
        payouts_expected={
            "po_2": MATCHED
            | {"gross": "200.00", "fee": "24.00", "net": "176.00", "rows": {"charge": "matched", "dispute": "matched"}}
        },
    ),
    Case(
        name="payout_with_dispute_won",
        story="The dispute is won, and Stripe gives back the 100 and its fee of 15: both come with a later payout.",
        payouts="daily",
        play=_dispute_won,
        balances={SALES: "-400.00", FEES: "12.20", BANK: "387.80"},
        dates={"po_3:deposit": "2026-10-01"},
        lines={"po_3:deposit": ((CLEARING, "100.00"), (FEES, "15.00"))},
        payouts_expected={
            "po_3": MATCHED
            | {"gross": "100.00", "fee": "-15.00", "net": "115.00", "rows": {"dispute_reversal": "matched"}}
        },
    ),
    Case(
        name="payout_with_stripe_fees",
        story="Stripe bills its own products, tax on them and network costs out of the balance: they are cost lines of "
        "the deposit, by kind.",
        payouts="daily",
        play=with_rows(
            {"type": "stripe_fee", "amount": -250},
            {"type": "tax_fee", "amount": -50},
            {"type": "network_cost", "amount": -12},
        ),
        balances={SALES: "-100.00", FEES: "5.82", FEE_TAX: "0.50", BANK: "93.68"},
        lines={
            "po_1:deposit": (
                (CLEARING, "100.00"),
                (FEES, "-3.20"),
                (FEES, "-0.12"),
                (FEES, "-2.50"),
                (FEE_TAX, "-0.50"),
            )
        },
        payouts_expected={
            "po_1": MATCHED
            | {"gross": "100.00", "fee": "6.32", "net": "93.68"}
            | {"rows": {"charge": "matched", "fee": "fee", "tax": "fee", "network_cost": "fee"}}
        },
    ),
    Case(
        name="payout_with_vat_on_fees",
        story="Stripe charges VAT of 23 % on its fee; the deposit shows fee and VAT apart.",
        payouts="daily",
        stripe={"fee_tax_percent": "23"},
        play=_eu_fees,
        balances={SALES: "-500.00", FEES: "14.80", FEE_TAX: "3.40", BANK: "481.80"},
        lines={"po_1:deposit": ((CLEARING, "500.00"), (FEES, "-14.80"), (FEE_TAX, "-3.40"))},
        payouts_expected={"po_1": MATCHED | {"gross": "500.00", "fee": "18.20", "net": "481.80"}},
    ),
    Case(
        name="payout_below_zero",
        story="A payment is refunded after it was paid out: Stripe debits the bank account, and a journal entry takes "
        "the 100 out of it.",
        payouts="daily",
        play=_negative,
        balances={SALES: "-100.00", REFUNDS: "100.00", FEES: "3.20", BANK: "-3.20"},
        dates={"re_1:refund_receipt": "2026-09-16", "po_2:deposit": "2026-09-21"},
        lines={"po_2:deposit": ((BANK, "-100.00"), (CLEARING, "100.00"))},
        payouts_expected={"po_2": MATCHED | {"amount": "-100.00", "gross": "-100.00", "fee": "0.00", "net": "-100.00"}},
    ),
    Case(
        name="payout_failed_after_paid",
        story="The bank sends a payout back after it had arrived: the deposit stands, a journal entry takes the money "
        "out of the bank again, and the next payout brings it.",
        payouts="daily",
        play=_undone("2026-09-18T18:00:00Z", "fail_payout"),
        balances=CHARGE_PAID_OUT,
        dates={"po_1:deposit": "2026-09-17", "txn_3:journal_entry": "2026-09-18", "po_2:deposit": "2026-09-21"},
        lines={
            "txn_3:journal_entry": ((CLEARING, "96.80"), (BANK, "-96.80")),
            "po_2:deposit": ((CLEARING, "96.80"),),
        },
        payouts_expected={
            "po_1": {"state": "failed", "foots": True, "gross": "100.00", "net": "96.80"},
            "po_2": MATCHED | {"gross": "96.80", "fee": "0.00", "rows": {"payout_reversal": "matched"}},
        },
    ),
    Case(
        name="payout_failed_before_paid",
        story="A payout fails before it arrives: there is no deposit, but the fees of its payments were kept and are "
        "booked that day. The next payout brings the money.",
        payouts="daily",
        play=_undone("2026-09-16T18:00:00Z", "fail_payout"),
        balances=CHARGE_PAID_OUT,
        dates={"po_1:fees": "2026-09-16", "po_2:deposit": "2026-09-21"},
        lines={"po_1:fees": ((FEES, "3.20"), (CLEARING, "-3.20")), "po_2:deposit": ((CLEARING, "96.80"),)},
        payouts_expected={
            "po_1": {"state": "failed", "deposits": [], "deposit_date": None},
            "po_2": MATCHED | {"rows": {"payout_reversal": "stays_in_clearing"}},
        },
    ),
    Case(
        name="payout_canceled",
        story="A payout is canceled a few hours after it was made; the money goes out with the next one.",
        payouts="daily",
        play=_undone("2026-09-15T10:00:00Z", "cancel_payout"),
        balances=CHARGE_PAID_OUT,
        dates={"po_1:fees": "2026-09-15", "po_2:deposit": "2026-09-18"},
        payouts_expected={"po_1": {"state": "failed"}, "po_2": MATCHED},
    ),
    Case(
        name="payout_by_hand",
        story="Where payouts are made by hand Stripe cannot say what they contain: fees are booked by day, so that "
        "clearing equals Stripe's balance. A fee of Stripe's own is found by the payout after it.",
        payouts="manual",
        play=_manual,
        balances={SALES: "-150.00", FEES: "7.45", BANK: "100.00", CLEARING: "42.55"},
        dates={
            "usd.2026-09-08:journal_entry": "2026-09-08",
            "usd.2026-09-09:journal_entry": "2026-09-09",
            "usd.2026-09-20:journal_entry": "2026-09-20",
            "po_1:deposit": "2026-09-24",
        },
        lines={
            "usd.2026-09-20:journal_entry": ((FEES, "2.50"), (CLEARING, "-2.50")),
            "po_1:deposit": ((CLEARING, "100.00"),),
        },
        payouts_expected={
            "po_1": MATCHED | {"gross": "100.00", "fee": "0.00", "net": "100.00", "rows": {}},
        },
    ),
    Case(
        name="fees_by_day_before_any_payout",
        story="Payouts are made by hand, and none was made yet: the fees of the day are booked all the same, those of "
        "two payments together. A dispute late in the evening belongs to its day in the company's calendar.",
        payouts="manual",
        play=_manual_before_payout,
        balances={SALES: "-150.00", FEES: "19.95", DISPUTES: "100.00", CLEARING: "30.05"},
        dates={"usd.2026-09-08:journal_entry": "2026-09-08", "usd.2026-09-09:journal_entry": "2026-09-09"},
        lines={
            "usd.2026-09-08:journal_entry": ((FEES, "4.95"), (CLEARING, "-4.95")),
            "usd.2026-09-09:journal_entry": ((FEES, "15.00"), (CLEARING, "-15.00")),
        },
    ),
    Case(
        name="fees_of_a_day_that_goes_on",
        story="Another payment on a day whose fees are booked already: the day's entry grows.",
        payouts="manual",
        play=_day_goes_on,
        then=(_another_that_day,),
        balances={SALES: "-150.00", FEES: "4.95", CLEARING: "145.05"},
        lines={"usd.2026-09-08:journal_entry": ((FEES, "4.95"), (CLEARING, "-4.95"))},
    ),
    Case(
        name="payout_by_hand_failed",
        story="A payout made by hand comes back three days after it had arrived: the money is in clearing again.",
        payouts="manual",
        play=_manual_failed,
        balances={SALES: "-100.00", FEES: "3.20", CLEARING: "96.80"},
        dates={"po_1:deposit": "2026-09-18", "txn_3:journal_entry": "2026-09-21"},
        lines={"txn_3:journal_entry": ((CLEARING, "50.00"), (BANK, "-50.00"))},
        payouts_expected={"po_1": {"state": "failed", "net": "50.00"}},
    ),
    Case(
        name="payout_by_hand_instant",
        story="Where fees are booked by day the fee of an instant payout is, too.",
        payouts="manual",
        play=_manual_instant,
        balances={SALES: "-100.00", FEES: "3.70", BANK: "50.00", CLEARING: "46.30"},
        dates={"po_1:deposit": "2026-09-16", "usd.2026-09-16:journal_entry": "2026-09-16"},
        lines={
            "po_1:deposit": ((CLEARING, "50.00"),),
            "usd.2026-09-16:journal_entry": ((FEES, "0.50"), (CLEARING, "-0.50")),
        },
        payouts_expected={"po_1": MATCHED | {"net": "50.00"}},
    ),
    Case(
        name="payout_by_hand_at_the_cut_over",
        story="The books start on 10 September with payouts by hand: days before it book no fees, and the opening "
        "balance of clearing is what Stripe held, net.",
        payouts="manual",
        policy=Policy(start_date=date(2026, 9, 10)),
        play=_manual_cut_over,
        then=(_opening_balance("96.80"),),
        balances={
            SALES: "-50.00",
            "Opening Balance Equity": "-96.80",
            FEES: "1.75",
            BANK: "100.00",
            CLEARING: "45.05",
        },
        dates={"usd.2026-09-10:journal_entry": "2026-09-10", "po_1:deposit": "2026-09-24"},
    ),
    Case(
        name="payout_instant",
        story="50 are paid out at once for a fee of 0.50; the daily payout of the rest contains that payout as a row.",
        payouts="daily",
        play=_instant,
        balances={SALES: "-100.00", FEES: "3.70", BANK: "96.30"},
        dates={"po_1:deposit": "2026-09-14", "po_2:deposit": "2026-09-17"},
        lines={
            "po_1:deposit": ((CLEARING, "50.50"), (FEES, "-0.50")),
            "po_2:deposit": ((CLEARING, "100.00"), (CLEARING, "-50.50"), (FEES, "-3.20")),
        },
        payouts_expected={
            "po_1": MATCHED | {"gross": "50.50", "fee": "0.50", "net": "50.00"},
            "po_2": MATCHED | {"gross": "49.50", "fee": "3.20", "net": "46.30"},
        },
    ),
    Case(
        name="payout_instant_failed",
        story="An instant payout of 50 comes back two hours after it had arrived; its fee of 0.50 is gone.",
        payouts="daily",
        play=_instant_failed,
        balances={SALES: "-100.00", FEES: "3.70", BANK: "96.30"},
        dates={"po_1:deposit": "2026-09-14", "txn_3:journal_entry": "2026-09-14", "po_2:deposit": "2026-09-17"},
        lines={
            "po_2:deposit": ((CLEARING, "100.00"), (CLEARING, "-50.50"), (CLEARING, "50.00"), (FEES, "-3.20")),
        },
        payouts_expected={"po_1": {"state": "failed"}, "po_2": MATCHED | {"net": "96.30"}},
    ),
    Case(
        name="topup_in_payout",
        story="The company tops Stripe's balance up with 200 from its bank; the next payout returns them.",
        payouts="daily",
        play=_topup,
        balances=CHARGE_PAID_OUT,
        dates={"txn_2:journal_entry": "2026-09-14", "po_1:deposit": "2026-09-17"},
        lines={
            "txn_2:journal_entry": ((CLEARING, "200.00"), (BANK, "-200.00")),
            "po_1:deposit": ((CLEARING, "100.00"), (CLEARING, "200.00"), (FEES, "-3.20")),
        },
        payouts_expected={"po_1": MATCHED | {"rows": {"charge": "matched", "topup": "matched"}}},
    ),
    Case(
        name="topup_reversed",
        story="A top-up of 200 is drawn back by the bank three days later; another of 300 stays.",
        play=_topup_reversed,
        balances={CLEARING: "300.00", BANK: "-300.00"},
    ),
    Case(
        name="payout_with_reserve",
        story="Stripe holds 40 back and releases them later: they stay in clearing, and come with the later payout.",
        payouts="daily",
        play=_reserve,
        balances=CHARGE_PAID_OUT,
        dates={"po_1:deposit": "2026-09-17", "po_2:deposit": "2026-09-23"},
        lines={
            "po_1:deposit": ((CLEARING, "100.00"), (CLEARING, "-40.00"), (FEES, "-3.20")),
            "po_2:deposit": ((CLEARING, "40.00"),),
        },
        payouts_expected={
            "po_1": MATCHED | {"rows": {"charge": "matched", "risk_reserved_funds": "stays_in_clearing"}},
            "po_2": MATCHED | {"gross": "40.00", "rows": {"risk_reserved_funds": "stays_in_clearing"}},
        },
    ),
    Case(
        name="payout_with_unknown_category",
        story="Stripe moves 5 for a reason that nobody has mapped: the row and its payout wait, named.",
        payouts="daily",
        play=with_rows(MYSTERY),
        balances={SALES: "-100.00", CLEARING: "100.00"},
        parked={"txn_2:journal_entry": "category_unmapped", "po_1:deposit": "payout_waiting"},
        at_stake={"txn_2:journal_entry": "5.00 usd", "po_1:deposit": "91.80 usd"},
        payouts_expected={
            "po_1": {"state": "waiting", "foots": True, "rows": {"charge": "matched", "moon_landing": "missing"}}
        },
        difference="100.00",
    ),
    Case(
        name="payout_with_unknown_category_on_review",
        story="The same with a review account: the 5 are posted to it and named, and the payout is whole.",
        payouts="daily",
        play=with_rows(MYSTERY),
        policy=Policy(review=True),
        file=PolicyFile(accounts={**DEFAULT_ACCOUNTS, AccountRole.REVIEW: REVIEW}),
        balances={SALES: "-100.00", FEES: "3.20", REVIEW: "5.00", BANK: "91.80"},
        parked={"txn_2:journal_entry": "on_review_account"},
        lines={"txn_2:journal_entry": ((CLEARING, "-5.00"), (REVIEW, "5.00"))},
        payouts_expected={"po_1": MATCHED | {"rows": {"charge": "matched", "moon_landing": "matched"}}},
    ),
    Case(
        name="payout_with_mapped_category",
        story="The same with an account for the category in the policy.",
        payouts="daily",
        play=with_rows(MYSTERY),
        policy=Policy(categories={"moon_landing": "Miscellaneous"}),
        balances={SALES: "-100.00", FEES: "3.20", "Miscellaneous": "5.00", BANK: "91.80"},
        payouts_expected={"po_1": MATCHED},
    ),
    Case(
        name="payout_with_category_mapped_later",
        story="The row and its payout wait until the policy names an account; then both are posted by themselves.",
        payouts="daily",
        play=with_rows(MYSTERY),
        then=(_reconfigured(Policy(categories={"moon_landing": "Miscellaneous"})),),
        balances={SALES: "-100.00", FEES: "3.20", "Miscellaneous": "5.00", BANK: "91.80"},
        payouts_expected={"po_1": MATCHED},
    ),
    Case(
        name="review_account_corrected",
        story="What was on the review account moves to the account that the policy names later; no deposit changes.",
        payouts="daily",
        play=with_rows(MYSTERY),
        policy=Policy(review=True),
        file=PolicyFile(accounts={**DEFAULT_ACCOUNTS, AccountRole.REVIEW: REVIEW}),
        then=(_reconfigured(Policy(review=True, categories={"moon_landing": "Miscellaneous"})),),
        balances={SALES: "-100.00", FEES: "3.20", "Miscellaneous": "5.00", BANK: "91.80"},
        payouts_expected={"po_1": MATCHED},
    ),
    Case(
        name="payout_that_does_not_foot",
        story="The rows that Stripe names come to 0.50 more than the payout: nothing is written.",
        payouts="daily",
        play=_does_not_foot,
        balances={SALES: "-100.00", CLEARING: "100.00"},
        parked={"po_1:deposit": "payout_does_not_foot"},
        at_stake={"po_1:deposit": "94.30 usd"},
        payouts_expected={"po_1": {"state": "differs", "foots": False, "differs_by": "0.50", "net": "94.80"}},
        difference="100.00",
    ),
    Case(
        name="payout_whose_document_was_parked",
        story="An invoice cannot be posted at first, so its payment and the payout wait; once it is mended, payment "
        "and deposit follow by themselves.",
        payouts="daily",
        play=_document_parked,
        then=(_mended,),
        balances=CHARGE_PAID_OUT,
        payouts_expected={"po_1": MATCHED},
    ),
    Case(
        name="payout_with_pending_charge",
        story="Stripe pays out a charge that it still shows as pending: the money did arrive, so the deposit is "
        "posted, and clearing is short of the sale until it is final.",
        payouts="daily",
        play=_pending,
        balances={CLEARING: "-100.00", FEES: "3.20", BANK: "96.80"},
        parked={"ch_1:sales_receipt": "charge_pending"},
        payouts_expected={"po_1": MATCHED | {"rows": {"charge": "pending"}}},
        difference="100.00",
    ),
    Case(
        name="payout_of_what_was_undone_before_it_was_seen",
        story="A debit of 50 succeeded and failed within the month before the books looked: it has no document, and "
        "neither of the two payouts with its rows waits for one.",
        payouts="daily",
        play=_undone_before_first_sight,
        balances={SALES: "-250.00", "Accounts Receivable (A/R)": "50.00", FEES: "6.50", BANK: "193.50"},
        open={"Ada Lovelace": "50.00"},
        lines={"po_1:deposit": ((CLEARING, "200.00"), (CLEARING, "-50.00"), (FEES, "-6.10"))},
        payouts_expected={
            "po_1": MATCHED | {"rows": {"charge": "matched", "charge_failure": "reversed"}},
            "po_2": MATCHED | {"net": "49.60", "rows": {"charge": "reversed"}},
        },
    ),
    Case(
        name="payout_at_the_cut_over",
        story="The books start on 10 September. A payment of the evening before needs no document, but is in the "
        "payout: its 100 come from clearing's opening balance, which the bookkeeper enters. A payment after the start "
        "of an invoice before it stays unapplied.",
        payouts="daily",
        policy=Policy(start_date=date(2026, 9, 10)),
        play=_cut_over,
        then=(_opening_balance("100.00"),),
        balances={
            SALES: "-50.00",
            "Accounts Receivable (A/R)": "-80.00",
            "Opening Balance Equity": "-100.00",
            FEES: "7.57",
            BANK: "222.43",
        },
        open={"Grace Hopper": "-80.00"},
        dates={"po_1:deposit": "2026-09-21", "po_2:deposit": "2026-09-21"},
        lines={"po_1:deposit": ((CLEARING, "150.00"), (FEES, "-4.95"))},
        payouts_expected={
            "po_1": MATCHED | {"gross": "150.00", "rows": {"charge": "before_start_date matched"}},
            "po_2": MATCHED | {"gross": "80.00", "fee": "2.62"},
        },
    ),
    Case(
        name="payout_of_150_rows",
        story="Ten payments of 10 and 140 small fees in one payout: as few lines as kinds, every row checked.",
        payouts="daily",
        play=_many_rows,
        balances={SALES: "-100.00", FEES: "19.90", BANK: "80.10"},
        lines={"po_1:deposit": ((CLEARING, "100.00"), (FEES, "-5.90"), (FEES, "-14.00"))},
        payouts_expected={"po_1": MATCHED | {"net": "80.10", "rows": {"charge": "matched", "fee": "fee"}}},
    ),
    Case(
        name="payout_over_the_month_end",
        story="Stripe's arrival date is 1 October. In Los Angeles that moment is still September; the deposit is of "
        "October all the same, as on the bank statement.",
        payouts="daily",
        play=_over_month_end,
        balances=CHARGE_PAID_OUT,
        dates={"po_1:deposit": "2026-10-01"},
        payouts_expected={
            "po_1": MATCHED
            | {"payout_date": "2026-09-28", "arrival_date": "2026-10-01", "deposit_date": "2026-10-01"}
            | {"available_date": "2026-09-29"}
        },
    ),
)
