"""The situations of docs/accounting.md, with the balances that an accountant expects, written by hand.

Stripe keeps 2.9 % and 0.30 of each card payment here, and 15.00 for a dispute. What is charged on a Tuesday is paid out
a week later and in the bank two days after that.
"""

from typing import Any

from tests.situations.case import Case
from tests.situations.cases.acts import (
    AR,
    BALANCE,
    CLEARING,
    OUT_OF_BAND,
    SALES,
    TAX,
    Act,
    act,
    adjust,
    credit,
    issue,
    pay,
    story,
    then,
    wait,
)
from wescope.config import PolicyFile
from wescope.config.policy_file import TaxPolicy

BANK, FEES, DISPUTES, REFUNDS = "Checking", "Stripe Fees", "Stripe Disputes", "Stripe Refunds"
GAIN = "Exchange Gain or Loss"

TEN_PERCENT = (("create_tax_rate", {"display_name": "Sales tax", "percentage": "10"}),)
US = {"using_sales_tax": True, "automated_sales_tax": True, "sales_tax_percent": "8.0"}


def _taxed(moment: str) -> Act:
    return act(
        moment,
        "create_invoice",
        customer="cus_1",
        lines=[{"amount": 10_000, "description": "Atlas", "tax_rates": ["made_1"]}],
    )


def _case(name: str, *acts: Act, balances: dict[str, str], before: Any = (), **options: Any) -> Case:
    """A case in which all is synced after each act, as it is when webhooks come."""
    first, *others = acts
    return Case(
        name=name,
        story="",
        play=story(first, before=before),
        then=tuple(then(one) for one in others),
        balances=balances,
        **options,
    )


CASES = (
    _case(
        "card_payment",
        _taxed("2026-09-08"),
        pay("2026-09-08T19:00:00Z", "in_1"),
        wait("2026-09-18"),
        before=TEN_PERCENT,
        payouts="daily",
        balances={SALES: "-100.00", TAX: "-10.00", FEES: "3.49", BANK: "106.51"},
    ),
    _case(
        "partial_payment",
        issue("2026-09-08", 10_000),
        pay("2026-09-09", "in_1", amount=4_000),
        pay("2026-09-28", "in_1", amount=6_000),
        balances={SALES: "-100.00", CLEARING: "100.00"},
    ),
    _case(
        "refund_before_payout",
        issue("2026-09-08", 10_000),
        pay("2026-09-08T19:00:00Z", "in_1"),
        act("2026-09-09", "create_refund", charge="ch_1", amount=3_000),
        wait("2026-09-18"),
        payouts="daily",
        balances={SALES: "-100.00", REFUNDS: "30.00", FEES: "3.20", BANK: "66.80"},
    ),
    _case(
        "refund_after_payout",
        issue("2026-09-08", 10_000),
        pay("2026-09-08T19:00:00Z", "in_1"),
        wait("2026-09-18"),
        act("2026-09-19", "create_refund", charge="ch_1"),
        wait("2026-09-30"),
        payouts="daily",
        balances={SALES: "-100.00", REFUNDS: "100.00", FEES: "3.20", BANK: "-3.20"},
    ),
    _case(
        "credit_note_before_payment",
        _taxed("2026-09-08"),
        credit("2026-09-10", "in_1", lines=[{"invoice_line": "il_1", "amount": 4_000}]),
        pay("2026-09-12", "in_1"),
        before=TEN_PERCENT,
        balances={SALES: "-60.00", TAX: "-6.00", CLEARING: "66.00"},
    ),
    _case(
        "credit_note_refunded",
        _taxed("2026-09-08"),
        pay("2026-09-08T19:00:00Z", "in_1"),
        credit("2026-09-10", "in_1", lines=[{"invoice_line": "il_1", "amount": 4_000}], refund_amount=4_400),
        before=TEN_PERCENT,
        balances={SALES: "-60.00", TAX: "-6.00", CLEARING: "66.00"},
    ),
    _case(
        "credit_note_to_balance",
        issue("2026-09-08", 10_000),
        pay("2026-09-08T19:00:00Z", "in_1"),
        credit("2026-09-10", "in_1", amount=4_000, credit_amount=4_000),
        issue("2026-10-08", 10_000),
        pay("2026-10-08T19:00:00Z", "in_2"),
        balances={SALES: "-160.00", CLEARING: "160.00"},
    ),
    _case(
        "void_in_the_month",
        issue("2026-09-08", 10_000),
        act("2026-09-20", "void_invoice", id="in_1"),
        balances={},
        void=("in_1:invoice",),
    ),
    _case(
        "void_in_a_later_month",
        issue("2026-09-08", 10_000),
        act("2026-10-05", "void_invoice", id="in_1"),
        balances={},
    ),
    _case(
        "bad_debt",
        issue("2026-09-08", 10_000),
        act("2026-09-30", "mark_uncollectible", id="in_1"),
        pay("2026-11-12", "in_1"),
        balances={SALES: "-100.00", CLEARING: "100.00"},
    ),
    _case(
        "dispute_lost",
        issue("2026-09-08", 10_000),
        pay("2026-09-08T19:00:00Z", "in_1"),
        wait("2026-09-18"),
        act("2026-09-22", "create_dispute", charge="ch_1"),
        wait("2026-10-02"),
        act("2026-10-05", "lose_dispute", id="du_1"),
        wait("2026-10-15"),
        payouts="daily",
        balances={SALES: "-100.00", DISPUTES: "100.00", FEES: "18.20", BANK: "-18.20"},
    ),
    _case(
        "dispute_won",
        issue("2026-09-08", 10_000),
        pay("2026-09-08T19:00:00Z", "in_1"),
        wait("2026-09-18"),
        act("2026-09-22", "create_dispute", charge="ch_1"),
        wait("2026-10-02"),
        act("2026-10-05", "win_dispute", id="du_1"),
        wait("2026-10-15"),
        payouts="daily",
        balances={SALES: "-100.00", FEES: "18.20", BANK: "81.80"},
    ),
    _case(
        "customer_balance",
        issue("2026-09-08", 5_000),
        adjust("2026-09-20", -3_000),
        issue("2026-10-08", 10_000),
        pay("2026-10-08T19:00:00Z", "in_2"),
        balances={AR: "50.00", SALES: "-150.00", BALANCE: "30.00", CLEARING: "70.00"},
        open={"Ada Lovelace": "50.00"},
    ),
    _case(
        "native_tax",
        _taxed("2026-09-08"),
        before=TEN_PERCENT,
        balances={AR: "110.00", SALES: "-100.00", TAX: "-10.00"},
        open={"Ada Lovelace": "110.00"},
        knobs=US,
        file=PolicyFile(tax=TaxPolicy(native=True, code="California")),
    ),
    _case(
        "foreign_currency",
        issue("2026-09-08", 10_000, currency="eur"),
        pay("2026-09-15", "in_1"),
        wait("2026-09-25"),
        payouts="daily",
        balances={SALES: "-110.00", GAIN: "1.75", FEES: "3.44", BANK: "104.81"},
        knobs={"multicurrency": True},
        rates={"2026-01-01": {"EUR": "1.10"}},
        stripe={"rates": {"eur": "1.0825"}, "rate_drift": 0},
    ),
    _case(
        "failed_payout",
        issue("2026-09-08", 10_000),
        pay("2026-09-08T19:00:00Z", "in_1"),
        wait("2026-09-17T20:00:00Z"),
        act("2026-09-18", "fail_payout", id="po_1"),
        wait("2026-09-23"),
        payouts="daily",
        balances={SALES: "-100.00", FEES: "3.20", BANK: "96.80"},
    ),
    _case(
        "manual_payout",
        issue("2026-09-08", 10_000),
        pay("2026-09-08T19:00:00Z", "in_1"),
        issue("2026-09-09", 5_000),
        pay("2026-09-09T19:00:00Z", "in_2"),
        act("2026-09-22", "create_payout", amount=10_000),
        wait("2026-09-26"),
        payouts="manual",
        balances={SALES: "-150.00", FEES: "4.95", BANK: "100.00", CLEARING: "45.05"},
    ),
    _case(
        "out_of_band",
        issue("2026-09-08", 10_000),
        pay("2026-09-15", "in_1", method="out_of_band"),
        balances={SALES: "-100.00", OUT_OF_BAND: "100.00"},
    ),
)
