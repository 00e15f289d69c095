"""Disputes, and what happens near midnight: at month end and where the clocks change."""

from collections.abc import Callable
from typing import Any

from tests.situations.case import Case
from tests.situations.scene import Scene

CLEARING, SALES, REFUNDS = "Stripe Clearing", "Sales of Product Income", "Stripe Refunds"
DISPUTES_ACCOUNT, FEES, CHECKING = "Stripe Disputes", "Stripe Fees", "Checking"


def _disputed(scene: Scene, **values: Any) -> str:
    """A sale of 100 (fee 3.20) on Thursday, 10 September, disputed two days later; answers the dispute."""
    scene.at("2026-09-10T18:00:00Z")
    charge = scene.do("create_charge", customer=scene.customer(), amount=10_000)["id"]
    return str(scene.at("2026-09-12T18:00:00Z").do("create_dispute", charge=charge, **values)["id"])


def _settled(*steps: tuple[str, str, dict[str, Any]]) -> Callable[[Scene], None]:
    """The disputed sale, and what becomes of the dispute; the time ends when all payouts have arrived."""

    def play(scene: Scene) -> None:
        dispute = _disputed(scene)
        for moment, command, values in steps:
            scene.at(moment).do(command, id=dispute, **values)
        scene.at("2026-10-20T18:00:00Z")

    return play


def _inquiry(scene: Scene) -> None:
    dispute = _disputed(scene, inquiry=True)
    scene.at("2026-09-20T18:00:00Z").do("close_dispute", id=dispute)


def _inquiry_escalated(scene: Scene) -> None:
    dispute = _disputed(scene, inquiry=True)
    scene.at("2026-09-20T18:00:00Z").do("escalate_dispute", id=dispute)


def _part_of_invoice(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    charge = scene.pay(scene.invoice(scene.customer(), 10_000))
    scene.at("2026-09-15T18:00:00Z").do("create_dispute", charge=charge, amount=4000)


def _won_in_october(scene: Scene) -> None:
    dispute = _disputed(scene)
    scene.at("2026-10-05T18:00:00Z").do("win_dispute", id=dispute)


DISPUTE_CASES = (
    Case(
        name="dispute_inquiry",
        story="A bank only asks about a sale of 100 and is satisfied: no money moves, nothing is posted.",
        play=_inquiry,
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"ch_1:sales_receipt": "2026-09-10"},
    ),
    Case(
        name="dispute_inquiry_escalated",
        story="A bank asks about a sale of 100, and a week later it takes the money after all.",
        play=_inquiry_escalated,
        balances={SALES: "-100.00", DISPUTES_ACCOUNT: "100.00"},
        dates={"txn_2:journal_entry": "2026-09-20"},
    ),
    Case(
        name="dispute_lost",
        story="A sale of 100 is disputed, evidence is handed in, and the case is lost: 100 and a fee of 15 are gone.",
        play=_settled(
            ("2026-09-14T18:00:00Z", "respond_dispute", {}),
            ("2026-10-05T18:00:00Z", "lose_dispute", {}),
        ),
        payouts="daily",
        balances={SALES: "-100.00", DISPUTES_ACCOUNT: "100.00", FEES: "18.20", CHECKING: "-18.20"},
        dates={"txn_2:journal_entry": "2026-09-12"},
    ),
    Case(
        name="dispute_won_fee_kept",
        story="A disputed sale of 100 is won in the next month: 100 come back, the fee of 15 does not.",
        play=_settled(("2026-10-05T18:00:00Z", "win_dispute", {})),
        payouts="daily",
        balances={SALES: "-100.00", FEES: "18.20", CHECKING: "81.80"},
        dates={"txn_2:journal_entry": "2026-09-12"},
    ),
    Case(
        name="dispute_won_fee_returned",
        story="A disputed sale of 100 is won, and its fee of 15 is given back with the next payout.",
        play=_settled(("2026-10-05T18:00:00Z", "win_dispute", {"fee_returned": True})),
        payouts="daily",
        balances={SALES: "-100.00", FEES: "3.20", CHECKING: "96.80"},
    ),
    Case(
        name="dispute_won_before_payout",
        story="A disputed sale of 100 is won in the next month; both moves are journal entries on their own dates.",
        play=_won_in_october,
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"txn_2:journal_entry": "2026-09-12", "txn_3:journal_entry": "2026-10-05"},
    ),
    Case(
        name="dispute_of_a_part",
        story="40 of a paid invoice of 100 are disputed: the invoice stays paid, 40 stand on the disputes account.",
        play=_part_of_invoice,
        balances={CLEARING: "60.00", SALES: "-100.00", DISPUTES_ACCOUNT: "40.00"},
        dates={"ch_1:payment": "2026-09-10", "txn_2:journal_entry": "2026-09-15"},
    ),
)


def _sale(scene: Scene, moment: str) -> str:
    scene.at(moment)
    return str(scene.do("create_charge", amount=10_000)["id"])


def _refund(scene: Scene, moment: str, charge: str) -> None:
    scene.at(moment).do("create_refund", charge=charge, amount=1000)


def _month_end(scene: Scene) -> None:
    first, second = (_sale(scene, "2026-09-10T18:00:00Z") for _ in range(2))
    _refund(scene, "2026-10-01T06:58:00Z", first)
    scene.at("2026-10-01T06:59:00Z").do("create_dispute", charge=first, amount=2000)
    _refund(scene, "2026-10-01T07:00:30Z", second)
    scene.at("2026-10-01T07:01:00Z").do("create_dispute", charge=second, amount=2000)


def _spring(scene: Scene) -> None:
    charge = _sale(scene, "2026-03-05T18:00:00Z")
    for moment in (
        "2026-03-08T07:59:00Z",
        "2026-03-08T08:01:00Z",
        "2026-03-08T10:01:00Z",
        "2026-03-09T06:59:00Z",
        "2026-03-09T07:01:00Z",
    ):
        _refund(scene, moment, charge)


def _autumn(scene: Scene) -> None:
    charge = _sale(scene, "2026-10-20T18:00:00Z")
    for moment in ("2026-11-01T06:59:00Z", "2026-11-01T07:01:00Z", "2026-11-01T08:59:00Z", "2026-11-01T09:01:00Z"):
        _refund(scene, moment, charge)
    scene.at("2026-11-02T07:30:00Z").do("create_dispute", charge=charge, amount=2000)
    second = _sale(scene, "2026-11-02T08:01:00Z")
    scene.at("2026-11-02T08:02:00Z").do("create_dispute", charge=second, amount=2000)


MIDNIGHTS = (
    Case(
        name="midnight_at_month_end",
        story="A refund and a dispute before midnight of 30 September in Los Angeles, which is October in UTC, and the "
        "same just after it.",
        play=_month_end,
        balances={CLEARING: "140.00", SALES: "-200.00", REFUNDS: "20.00", DISPUTES_ACCOUNT: "40.00"},
        dates={
            "re_1:refund_receipt": "2026-09-30",
            "txn_4:journal_entry": "2026-09-30",
            "re_2:refund_receipt": "2026-10-01",
            "txn_6:journal_entry": "2026-10-01",
        },
    ),
    Case(
        name="clocks_go_forward",
        story="Refunds around 8 March 2026, a day of 23 hours in Los Angeles: midnight is at 8:00 UTC before and at "
        "7:00 UTC after it.",
        play=_spring,
        start="2026-03-01",
        balances={CLEARING: "50.00", SALES: "-100.00", REFUNDS: "50.00"},
        dates={
            "re_1:refund_receipt": "2026-03-07",
            "re_2:refund_receipt": "2026-03-08",
            "re_3:refund_receipt": "2026-03-08",
            "re_4:refund_receipt": "2026-03-08",
            "re_5:refund_receipt": "2026-03-09",
        },
    ),
    Case(
        name="clocks_go_back",
        story="Refunds and disputes around 1 November 2026, a day of 25 hours in Los Angeles: midnight is at 7:00 UTC "
        "before and at 8:00 UTC after it.",
        play=_autumn,
        balances={CLEARING: "120.00", SALES: "-200.00", REFUNDS: "40.00", DISPUTES_ACCOUNT: "40.00"},
        dates={
            "re_1:refund_receipt": "2026-10-31",
            "re_2:refund_receipt": "2026-11-01",
            "re_3:refund_receipt": "2026-11-01",
            "re_4:refund_receipt": "2026-11-01",
            "txn_6:journal_entry": "2026-11-01",
            "ch_2:sales_receipt": "2026-11-02",
            "txn_8:journal_entry": "2026-11-02",
        },
    ),
)

DISPUTES: tuple[Case, ...] = (*DISPUTE_CASES, *MIDNIGHTS)
