"""The money side of the Stripe sandbox's business: currencies, refunds, disputes, rows and payouts."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.charges import ChargeDraft
from wescope.sandbox.stripe.clock import midnight
from wescope.sandbox.stripe.currency import Settled, Settlement, check_amount, exponent
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.money import Fees
from wescope.sandbox.stripe.payouts import arrival_day
from wescope.sandbox.stripe.seeding import Parameters, build_business
from wescope.sandbox.stripe.summary import summarize

AS_OF = date(2026, 11, 22)
NOON = midnight(date(2026, 11, 23)) + 12 * 3_600  # a Monday
DAY_S = 86_400


@cache
def seeded() -> Business:
    return build_business(Parameters(as_of=AS_OF, situations="all", payouts="daily"))


def fresh(payouts: str = "none") -> Business:
    return build_business(Parameters(as_of=AS_OF, customers=0, payouts=payouts))


def settlement(**rates: str) -> Settlement:
    return Settlement(
        seed=7, rates={code: Decimal(rate) for code, rate in rates.items()}, drift_percent=Decimal(0)
    )  # fmt: skip


def row(business: Business, identifier: str | None) -> dict[str, Any]:
    found = business.account.store.get("balance_transaction", str(identifier))
    assert found is not None
    return found


def charge(business: Business, amount: int = 10_000, at: int = NOON, **options: Any) -> dict[str, Any]:
    return business.charges.create(ChargeDraft(amount=amount, **options), at)


@pytest.mark.parametrize(
    ("code", "rate", "amount", "settled"),
    [
        ("eur", "1.0825", 1_000, 1_083),  # 1082.5, half up
        ("eur", "1.0825", -1_000, -1_083),
        ("jpy", "0.0067", 1_000, 670),
        ("kwd", "3.25", 10_000, 3_250),
        ("isk", "0.0072", 50_000, 360),
        ("ugx", "0.00027", 1_000_000, 270),
    ],
)
def test_amounts_are_converted_by_the_exponents_of_stripe(code: str, rate: str, amount: int, settled: int) -> None:
    result = settlement(**{code: rate}).settle(amount, code, AS_OF)
    assert (result.amount, result.currency) == (settled, "usd")
    assert result.exchange_rate is not None
    assert abs(amount * result.exchange_rate - settled) <= Decimal("0.5")


def test_what_is_settled_is_not_converted() -> None:
    account = Settlement(seed=7, currencies=("usd", "eur"))
    assert account.settle(1_000, "eur", AS_OF) == Settled(amount=1_000, currency="eur")
    assert account.currency_for("gbp") == "usd"
    assert [exponent(code) for code in ("jpy", "usd", "isk", "kwd")] == [0, 2, 2, 3]


def test_rates_move_a_little_every_day_and_repeat() -> None:
    days = [date(2026, 11, day) for day in range(1, 29)]
    rates = [Settlement(seed=7).settle(10_000, "eur", day).exchange_rate for day in days]
    assert rates == [Settlement(seed=7).settle(10_000, "eur", day).exchange_rate for day in days]
    assert len(set(rates)) > 20
    assert all(Decimal("1.07") < rate < Decimal("1.095") for rate in rates if rate)
    assert Settlement(seed=8).settle(10_000, "eur", days[0]).exchange_rate != rates[0]


@pytest.mark.parametrize(("amount", "code"), [(0, "usd"), (-1, "usd"), ("5", "usd"), (True, "usd"), (1_001, "kwd")])
def test_amounts_that_cannot_be(amount: object, code: str) -> None:
    with pytest.raises(StripeError):
        check_amount(amount, code)


def test_tax_on_fees_is_that_of_a_real_payout() -> None:
    assert Fees(tax_percent=Decimal(23)).tax(725) == 167


def test_a_refund_of_another_day_settles_at_another_rate() -> None:
    business = fresh()
    made = charge(business, currency="eur")
    refund = business.refunds.create(made, None, NOON + 3 * DAY_S)
    came, went = row(business, made["balance_transaction"]), row(business, refund["balance_transaction"])
    assert came["currency"] == went["currency"] == "usd"
    assert came["exchange_rate"] != went["exchange_rate"]
    assert came["amount"] + went["amount"] != 0
    assert (made["refunded"], made["amount_refunded"]) == (True, 10_000)


def test_the_uncaptured_rest_of_a_charge_cannot_fail_as_a_refund() -> None:
    business = fresh()
    charge(business, capture_method="manual", capture_amount=6_000)
    (released,) = business.account.store.all("refund")
    with pytest.raises(StripeError, match="never captured"):
        business.refunds.fail(released, NOON + DAY_S)


def test_a_failed_refund_comes_back_at_its_own_rate() -> None:
    business = fresh()
    made = charge(business, currency="eur")
    refund = business.refunds.create(made, 4_000, NOON + DAY_S, outcome="failed_later")
    business.run_until(NOON + 9 * DAY_S)
    back = row(business, refund["failure_balance_transaction"])
    assert (refund["status"], refund["failure_reason"]) == ("failed", "unknown")
    assert (back["type"], back["reporting_category"]) == ("refund_failure", "refund_failure")
    assert back["amount"] == -row(business, refund["balance_transaction"])["amount"]
    assert (made["refunded"], made["amount_refunded"]) == (False, 0)
    assert business.refunds.create(made, None, NOON + 10 * DAY_S)["amount"] == 10_000


@pytest.mark.parametrize("outcome", ["pending", "canceled", "requires_action"])
def test_an_unfinished_refund_has_its_money_by_its_kind(outcome: str) -> None:
    business = fresh()
    made = charge(business)
    refund = business.refunds.create(made, 1_000, NOON + DAY_S, outcome=outcome)
    assert (refund["balance_transaction"] is None) == (outcome == "pending")
    business.run_until(NOON + 60 * DAY_S)
    assert refund["status"] == ("succeeded" if outcome == "pending" else "canceled")
    assert refund["balance_transaction"]
    assert ("failure_balance_transaction" in refund) == (outcome != "pending")


def test_a_part_captured_is_the_whole_and_its_reversal() -> None:
    business = fresh()
    made = charge(business, capture_method="manual", capture_amount=7_500)
    rows = business.account.store.all("balance_transaction")
    assert [(one["amount"], one["reporting_category"]) for one in rows] == [
        (10_000, "charge"),
        (-2_500, "partial_capture_reversal"),
    ]
    assert rows[0]["fee"] == 248  # of what was captured
    refund = business.account.store.get("refund", rows[1]["source"])
    assert refund is not None
    assert refund["balance_transaction"] == rows[1]["id"]
    assert (made["amount_captured"], made["amount_refunded"]) == (7_500, 2_500)
    with pytest.raises(StripeError, match="greater than unrefunded"):
        business.refunds.create(made, 7_501, NOON + DAY_S)
    assert business.refunds.create(made, 7_500, NOON + DAY_S)["amount"] == 7_500


@pytest.mark.parametrize(("returned", "fee"), [(False, 0), (True, -1_500)])
def test_a_dispute_that_is_won(returned: bool, fee: int) -> None:  # a parameter of the test
    business = fresh()
    made = charge(business)
    dispute = business.disputes.create(made, NOON + DAY_S)
    business.disputes.win(dispute, NOON + 9 * DAY_S, fee_returned=returned)
    taken, back = (row(business, one) for one in dispute["balance_transactions"])
    assert (taken["amount"], taken["fee"], taken["net"]) == (-10_000, 1_500, -11_500)
    assert (back["amount"], back["fee"], back["net"]) == (10_000, fee, 10_000 - fee)
    assert (taken["reporting_category"], back["reporting_category"]) == ("dispute", "dispute_reversal")
    with pytest.raises(StripeError, match="charged back"):
        business.refunds.create(made, None, NOON + 10 * DAY_S)


def test_an_inquiry_moves_no_money_until_it_is_escalated() -> None:
    business = fresh()
    made = charge(business)
    before = len(business.account.store.all("balance_transaction"))
    dispute = business.disputes.create(made, NOON + DAY_S, inquiry=True)
    assert (dispute["status"], len(business.account.store.all("balance_transaction"))) == (
        "warning_needs_response",
        before,
    )
    business.refunds.create(made, 1_000, NOON + DAY_S)
    business.disputes.escalate(dispute, NOON + 2 * DAY_S)
    assert len(dispute["balance_transactions"]) == 1
    with pytest.raises(StripeError, match="cannot close"):
        business.disputes.close(dispute, NOON + 3 * DAY_S)


@pytest.mark.parametrize(
    ("made", "arrives"),
    [
        (date(2026, 11, 23), date(2026, 11, 25)),
        (date(2026, 11, 26), date(2026, 11, 30)),
        (date(2026, 11, 27), date(2026, 11, 30)),
        (date(2026, 11, 28), date(2026, 11, 30)),
    ],
)
def test_payouts_arrive_on_working_days(made: date, arrives: date) -> None:
    assert arrival_day(made) == arrives


def test_an_automatic_payout_goes_its_way() -> None:
    business = fresh("daily")
    made = charge(business)
    before = len(business.account.log.all())
    business.run_until(NOON + 12 * DAY_S)
    (payout,) = business.account.store.all("payout")
    assert payout["amount"] == row(business, made["balance_transaction"])["net"]
    assert datetime.fromtimestamp(payout["created"], tz=UTC).hour == 2
    assert payout["arrival_date"] % DAY_S == 0
    assert [event.kind for event in business.account.log.all()[before:]] == [
        "payout.created", "payout.updated", "payout.reconciliation_completed", "payout.updated", "payout.paid",
    ]  # fmt: skip
    business.payouts.fail(payout, NOON + 12 * DAY_S)
    business.run_until(NOON + 14 * DAY_S)
    again = business.account.store.all("payout")[1]
    assert again["amount"] == payout["amount"]
    assert business.account.store.paid_out[payout["failure_balance_transaction"]] == again["id"]


def test_a_refund_alone_makes_a_negative_payout() -> None:
    business = fresh("daily")
    made = charge(business)
    business.run_until(NOON + 9 * DAY_S)
    business.refunds.create(made, 2_000, NOON + 9 * DAY_S)
    business.run_until(NOON + 16 * DAY_S)
    assert [one["amount"] for one in business.account.store.all("payout")] == [9_680, -2_000]
    assert {one["status"] for one in business.account.store.all("payout")} == {"paid"}


def test_rows_of_each_balance_are_paid_out_in_their_currency() -> None:
    business = fresh("daily")
    business.account.settlement.currencies = ("usd", "eur")
    charge(business)
    charge(business, currency="eur")
    business.run_until(NOON + 12 * DAY_S)
    payouts = business.account.store.all("payout")
    assert Counter(one["currency"] for one in payouts) == {"usd": 1, "eur": 1}
    assert len({one["destination"] for one in payouts}) == 2


def test_an_instant_payout_costs_a_fee_of_its_own() -> None:
    business = fresh("manual")
    charge(business)
    payout = business.payouts.create(5_000, NOON + DAY_S, method="instant")
    own = row(business, payout["balance_transaction"])
    assert (own["amount"], own["fee"], own["net"]) == (-5_000, 50, -5_050)
    assert (payout["automatic"], payout["reconciliation_status"]) == (False, "not_applicable")
    with pytest.raises(StripeError, match="insufficient"):
        business.payouts.create(5_000, NOON + DAY_S)  # nothing is available yet
    business.run_until(NOON + 2 * DAY_S)
    assert payout["status"] == "paid"


def test_the_rows_of_every_automatic_payout_foot() -> None:
    store = seeded().account.store
    for payout in store.all("payout"):
        if not payout["automatic"]:
            continue
        rows = [one for one in store.all("balance_transaction") if store.paid_out.get(one["id"]) == payout["id"]]
        assert sum(one["net"] for one in rows) == 0
        assert [one["id"] for one in rows if one["source"] == payout["id"] and one["type"] == "payout"] == [
            payout["balance_transaction"]
        ]
        assert sum(one["net"] for one in rows if one["id"] != payout["balance_transaction"]) == payout["amount"]


def test_every_row_adds_up_and_has_its_source() -> None:
    store = seeded().account.store
    for one in store.all("balance_transaction"):
        assert one["net"] == one["amount"] - one["fee"]
        assert one["fee"] == sum(fee["amount"] for fee in one["fee_details"])
        assert one["source"] is None or store.find(one["source"])


def test_the_seeded_situations_are_there() -> None:
    store = seeded().account.store
    assert {one["status"] for one in store.all("refund")} >= {"succeeded", "failed", "canceled", "requires_action"}
    assert {one["status"] for one in store.all("dispute")} == {"won", "lost", "warning_closed", "needs_response"}
    assert "failed" in {one["status"] for one in store.all("payout")}
    assert any(one["amount"] < 0 for one in store.all("payout"))
    assert {one["currency"] for one in store.all("charge")} == {"usd", "eur", "jpy"}
    assert {one["currency"] for one in store.all("balance_transaction")} == {"usd"}
    assert any(one["customer"] is None for one in store.all("charge"))
    categories = {one["reporting_category"] for one in store.all("balance_transaction")}
    assert categories >= {
        "charge", "refund", "refund_failure", "partial_capture_reversal", "dispute", "dispute_reversal", "topup", "fee",
        "tax", "risk_reserved_funds", "other_adjustment", "payout", "payout_reversal",
    }  # fmt: skip
    assert max(Counter(one["charge"] for one in store.all("refund")).values()) == 3


def test_the_summary_ties_out_with_the_balance() -> None:
    business = seeded()
    summary = summarize(business.account.store)
    rows = business.account.store.all("balance_transaction")
    on_balance = sum(one["net"] for one in rows)
    waiting = {one["id"] for one in business.account.store.all("payout") if one["status"] in {"pending", "in_transit"}}
    on_its_way = sum(
        -row(business, one["balance_transaction"])["net"]
        for one in business.account.store.all("payout")
        if one["id"] in waiting
    )
    reserves = -10_000 + 10_000
    assert summary["unpaid"]["usd"] - summary["unpaid_fees"]["usd"] == on_balance + on_its_way
    assert summary["reserved"].get("usd", 0) == reserves
    assert summary["fees"]["usd"] == sum(one["fee"] for one in rows) + 3 * 1_250 + 103


def test_the_same_parameters_give_the_same_money() -> None:
    def dump() -> str:
        business = build_business(Parameters(as_of=AS_OF, situations="all", payouts="daily"))
        log = business.account.log
        return json.dumps([log.snapshot_body(event, pending_webhooks=0) for event in log.all()], sort_keys=True)

    assert dump() == dump()


@pytest.mark.parametrize("wrong", [{"situations": "none"}, {"payouts": "weekly"}])
def test_unknown_situations_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="no such"):
        Parameters(as_of=AS_OF, **wrong)  # type: ignore[arg-type] # all are texts


@pytest.mark.parametrize("as_of", [date(2026, 3, 1), date(2024, 2, 29), date(2027, 1, 1)])
def test_any_day_will_do(as_of: date) -> None:
    business = build_business(Parameters(as_of=as_of, situations="all", payouts="daily"))
    assert business.account.store.all("payout")
