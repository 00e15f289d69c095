"""Payouts and the bank feed: deposits that somebody else makes, matched or adopted, and those that only look alike."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.integration.desk import Desk
from tests.situations.case import Case
from tests.situations.cases.payouts import (
    BANK,
    CHARGE_PAID_OUT,
    CLEARING,
    FEES,
    MATCHED,
    REFUNDS,
    SALES,
    charge_of_100,
    newest,
    paid,
)
from tests.situations.scene import Scene
from wescope.books.policy import PayoutMode, Policy
from wescope.sandbox.qbo import by_hand

MATCH = Policy(payouts=PayoutMode.MATCH)
FEED = {"category": CLEARING, "bank": BANK}
UNMATCHED = {"po_1:deposit": "payout_unmatched"}

Part = Callable[[Desk, Scene], Any]


def _entered(*documents: tuple[str, dict[str, Any]], until: str | None = None, waits: bool = True) -> Part:
    """What a person accepts from the bank feed; what was read of it is old by then."""

    async def enter(desk: Desk, scene: Scene) -> None:
        assert not waits or "payout_unmatched" in (await desk.codes()).values()
        for kind, given in documents:
            assert by_hand.enter(desk.qbo.company, kind, given).status == 200
        _forget(desk)
        if until:
            scene.at(until)

    return enter


def _forget(desk: Desk) -> None:
    existing = desk.runtime.reconciler.writer._existing
    assert existing is not None
    existing.forget()


def _feed(amount: str, day: str, **given: Any) -> tuple[str, dict[str, Any]]:
    return "bank_feed", {**FEED, "amount": Decimal(amount), "date": day, **given}


def _transfer(source: str, target: str, amount: str, day: str) -> tuple[str, dict[str, Any]]:
    return "transfer", {"from": source, "to": target, "amount": Decimal(amount), "date": day}


def _arrived(scene: Scene) -> None:
    charge_of_100(scene)
    scene.at("2026-09-18T18:00:00Z")


def _two_payouts(scene: Scene) -> None:
    charge_of_100(scene)
    paid(scene, "2026-09-09T18:00:00Z", 5_000, "Grace Hopper")
    scene.at("2026-09-19T18:00:00Z")


def _refunded_after_payout(scene: Scene) -> None:
    charge = paid(scene, "2026-09-08T18:00:00Z")
    scene.at("2026-09-16T18:00:00Z").do("create_refund", charge=charge)
    scene.at("2026-09-23T18:00:00Z")


def _failed_after_paid(scene: Scene) -> None:
    charge_of_100(scene)
    scene.at("2026-09-18T18:00:00Z").do("fail_payout", id=newest(scene, "payout")["id"])
    scene.at("2026-09-23T18:00:00Z")


def _removed(desk: Desk, _: Scene) -> None:
    """The bookkeeper deletes what was booked as income; nothing else is done."""
    (deposit,) = desk.qbo.company.objects("Deposit")
    assert desk.qbo.company.human("Deposit", "delete", {"Id": deposit["Id"]}).status == 200
    _forget(desk)


PAYOUTS_AND_BANK = (
    Case(
        name="match_one_to_one",
        story="The bank feed makes the deposits. A payout waits for its deposit, which is found by amount and day; "
        "only its fees are booked.",
        payouts="daily",
        policy=MATCH,
        play=_arrived,
        then=(_entered(_feed("96.80", "2026-09-18")),),
        balances=CHARGE_PAID_OUT,
        dates={"po_1:fees": "2026-09-17"},
        lines={"po_1:fees": ((FEES, "3.20"), (CLEARING, "-3.20"))},
        payouts_expected={"po_1": MATCHED | {"arrival_date": "2026-09-17", "deposit_date": "2026-09-18"}},
    ),
    Case(
        name="match_transfer",
        story="The bank line was accepted as a transfer from clearing to the bank.",
        payouts="daily",
        policy=MATCH,
        play=_arrived,
        then=(_entered(_transfer(CLEARING, BANK, "96.80", "2026-09-17")),),
        balances=CHARGE_PAID_OUT,
        payouts_expected={"po_1": MATCHED | {"deposit_date": "2026-09-17"}},
    ),
    Case(
        name="match_one_for_two",
        story="The bank books two payouts as one line of 145.05.",
        payouts="daily",
        policy=MATCH,
        play=_two_payouts,
        then=(_entered(_feed("145.05", "2026-09-18")),),
        balances={SALES: "-150.00", FEES: "4.95", BANK: "145.05"},
        dates={"po_1:fees": "2026-09-17", "po_2:fees": "2026-09-18"},
        payouts_expected={
            "po_1": MATCHED | {"net": "96.80", "deposit_date": "2026-09-18"},
            "po_2": MATCHED | {"net": "48.25", "deposit_date": "2026-09-18"},
        },
    ),
    Case(
        name="match_two_for_one",
        story="The bank books one payout as two lines on two days.",
        payouts="daily",
        policy=MATCH,
        play=_arrived,
        then=(_entered(_feed("50.00", "2026-09-17"), _feed("46.80", "2026-09-18")),),
        balances=CHARGE_PAID_OUT,
        payouts_expected={"po_1": MATCHED | {"deposit_date": "2026-09-18"}},
    ),
    Case(
        name="match_none",
        story="No bank line fits: the payout is named, its fees are booked, and its 96.80 are still in clearing.",
        payouts="daily",
        policy=MATCH,
        play=_arrived,
        then=(_entered(_feed("96.81", "2026-09-18")),),
        balances={SALES: "-100.00", FEES: "3.20", CLEARING: "-0.01", BANK: "96.81"},
        parked=UNMATCHED,
        at_stake={"po_1:deposit": "96.80 usd"},
        payouts_expected={"po_1": {"state": "unmatched", "foots": True, "deposits": [], "deposit_date": None}},
        difference="0.01",
    ),
    Case(
        name="match_none_yet",
        story="The bank line has not come: the payout is named, and its 96.80 are in clearing.",
        payouts="daily",
        policy=MATCH,
        play=_arrived,
        balances={SALES: "-100.00", FEES: "3.20", CLEARING: "96.80"},
        parked=UNMATCHED,
        payouts_expected={"po_1": {"state": "unmatched"}},
        difference="96.80",
    ),
    Case(
        name="match_payout_below_zero",
        story="Stripe debits the bank: the withdrawal was accepted as a transfer from the bank to clearing.",
        payouts="daily",
        policy=MATCH,
        play=_refunded_after_payout,
        then=(_entered(_feed("96.80", "2026-09-17"), _transfer(BANK, CLEARING, "100.00", "2026-09-22")),),
        balances={SALES: "-100.00", REFUNDS: "100.00", FEES: "3.20", BANK: "-3.20"},
        payouts_expected={"po_1": MATCHED, "po_2": MATCHED | {"net": "-100.00", "deposit_date": "2026-09-22"}},
    ),
    Case(
        name="match_payout_that_came_back",
        story="A payout arrives, goes back the next day and arrives again: three bank lines, and Stripe's fee once.",
        payouts="daily",
        policy=MATCH,
        play=_failed_after_paid,
        then=(
            _entered(
                _feed("96.80", "2026-09-17"),
                _transfer(BANK, CLEARING, "96.80", "2026-09-18"),
                _feed("96.80", "2026-09-21"),
            ),
        ),
        balances=CHARGE_PAID_OUT,
        payouts_expected={
            "po_1": {"state": "failed", "deposit_date": "2026-09-17"},
            "po_2": MATCHED | {"deposit_date": "2026-09-21"},
        },
    ),
    Case(
        name="bank_feed_deposit_adopted",
        story="Deposits are made by us, but a person has accepted this one from the bank feed against clearing "
        "already: it is taken for the payout, and only the fees are booked.",
        payouts="daily",
        play=charge_of_100,
        then=(_entered(_feed("96.80", "2026-09-18"), until="2026-09-20T18:00:00Z", waits=False),),
        balances=CHARGE_PAID_OUT,
        dates={"po_1:fees": "2026-09-17"},
        payouts_expected={"po_1": MATCHED | {"state": "adopted", "deposit_date": "2026-09-18"}},
    ),
    Case(
        name="bank_feed_deposit_booked_as_income",
        story="A person has accepted the payout from the bank feed as income: ours would double the money in the bank, "
        "so it waits and names the other one.",
        payouts="daily",
        play=charge_of_100,
        then=(_entered(_feed("96.80", "2026-09-18", category=SALES), until="2026-09-20T18:00:00Z", waits=False),),
        balances={SALES: "-196.80", CLEARING: "100.00", BANK: "96.80"},
        parked={"po_1:deposit": "looks_like"},
        payouts_expected={"po_1": {"state": "parked", "foots": True, "deposits": []}},
        difference="100.00",
    ),
    Case(
        name="bank_feed_deposit_booked_as_income_and_removed",
        story="The bookkeeper deletes the deposit that was booked as income; ours follows by itself.",
        payouts="daily",
        play=charge_of_100,
        then=(
            _entered(_feed("96.80", "2026-09-18", category=SALES), until="2026-09-20T18:00:00Z", waits=False),
            _removed,
        ),
        balances=CHARGE_PAID_OUT,
        dates={"po_1:deposit": "2026-09-17"},
        payouts_expected={"po_1": MATCHED | {"deposit_date": "2026-09-17"}},
    ),
)
