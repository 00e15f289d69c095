"""What becomes of an invoice: voids, write-offs, payments of every kind, and the days on which all of it stands."""

from zoneinfo import ZoneInfo

from tests.situations.case import Case
from tests.situations.cases.acts import (
    ADA,
    AR,
    BAD_DEBT,
    CLEARING,
    OUT_OF_BAND,
    SALES,
    act,
    credit,
    issue,
    pay,
    story,
    then,
    wait,
)
from tests.situations.cases.credits import CREDITS
from tests.situations.cases.customer_balances import CUSTOMER_BALANCES
from wescope.books.policy import Policy, Reversals

_VOIDS = (
    Case(
        name="void_in_the_month",
        story="An invoice of 100 of 10 September is voided on 20 September: it is voided in QuickBooks, too.",
        play=story(issue("2026-09-10", 10_000)),
        then=(then(act("2026-09-20", "void_invoice", id="in_1")),),
        balances={},
        void=("in_1:invoice",),
    ),
    Case(
        name="void_in_a_later_month",
        story="An invoice of September is voided on 5 October: September stands, and October has a credit memo.",
        play=story(issue("2026-09-10", 10_000)),
        then=(then(act("2026-10-05", "void_invoice", id="in_1")),),
        balances={},
        dates={
            "in_1:invoice": "2026-09-10",
            "in_1:reversal": "2026-10-05",
            "in_1:reversal_application": "2026-10-05",
        },
    ),
    Case(
        name="void_policy_dated",
        story="With reversals = dated a void in the same month is a credit memo of its day.",
        play=story(issue("2026-09-10", 10_000), act("2026-09-20", "void_invoice", id="in_1")),
        policy=Policy(reversals=Reversals.DATED),
        balances={},
        dates={"in_1:invoice": "2026-09-10", "in_1:reversal": "2026-09-20", "in_1:reversal_application": "2026-09-20"},
    ),
    Case(
        name="void_policy_void",
        story="With reversals = void a void in a later month leaves no trace in September either.",
        play=story(issue("2026-09-10", 10_000)),
        then=(then(act("2026-10-05", "void_invoice", id="in_1")),),
        policy=Policy(reversals=Reversals.VOID),
        balances={},
        void=("in_1:invoice",),
    ),
    Case(
        name="revision_in_the_month",
        story="An invoice of 100 is revised to 80 two days later: the original is voided, the new one is paid.",
        play=story(issue("2026-09-10", 10_000)),
        then=(
            then(
                act(
                    "2026-09-12",
                    "revise_invoice",
                    id="in_1",
                    lines=[{"amount": 8000, "description": "Agreed"}],
                    finalize=True,
                ),
                pay("2026-09-14", "in_2"),
            ),
        ),
        balances={CLEARING: "80.00", SALES: "-80.00"},
        dates={"in_2:invoice": "2026-09-12", "ch_1:payment": "2026-09-14"},
        void=("in_1:invoice",),
    ),
    Case(
        name="revision_in_a_later_month",
        story="An invoice of September is revised on 2 October: a credit memo of October takes it back.",
        play=story(
            issue("2026-09-28", 10_000),
            act(
                "2026-10-02", "revise_invoice", id="in_1", lines=[{"amount": 8000, "description": "New"}], finalize=True
            ),
            pay("2026-10-03", "in_2"),
        ),
        balances={CLEARING: "80.00", SALES: "-80.00"},
        dates={
            "in_1:invoice": "2026-09-28",
            "in_1:reversal": "2026-10-02",
            "in_2:invoice": "2026-10-02",
            "ch_1:payment": "2026-10-03",
        },
    ),
)

_WRITE_OFFS = (
    Case(
        name="uncollectible_stays",
        story="Of an invoice of 100, 40 were paid; the rest is given up: 60 are bad debt.",
        play=story(
            issue("2026-09-10", 10_000),
            pay("2026-09-12", "in_1", amount=4000),
            act("2026-09-25", "mark_uncollectible", id="in_1"),
        ),
        balances={BAD_DEBT: "60.00", CLEARING: "40.00", SALES: "-100.00"},
        dates={"in_1:write_off": "2026-09-25", "in_1:write_off_application": "2026-09-25"},
    ),
    Case(
        name="uncollectible_paid_in_the_month",
        story="A given-up invoice is paid in the same month after all: the write-off is taken back.",
        play=story(issue("2026-09-10", 10_000), act("2026-09-20", "mark_uncollectible", id="in_1")),
        then=(then(pay("2026-09-28", "in_1")),),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"ch_1:payment": "2026-09-28"},
        void=("in_1:write_off", "in_1:write_off_application"),
    ),
    Case(
        name="uncollectible_paid_in_a_later_month",
        story="Bad debt of September is paid in October: September stands, and bad debt comes back in October.",
        play=story(issue("2026-09-10", 10_000), act("2026-09-20", "mark_uncollectible", id="in_1")),
        then=(then(pay("2026-10-15", "in_1")),),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={
            "in_1:write_off": "2026-09-20",
            "in_1:write_off_application": "2026-09-20",
            "ch_1:recovery": "2026-10-15",
            "ch_1:payment": "2026-10-15",
        },
    ),
    Case(
        name="uncollectible_paid_in_parts",
        story="Bad debt of 100 of September is paid with 30 in October and 50 in November: 20 stay bad debt.",
        play=story(issue("2026-09-10", 10_000), act("2026-09-20", "mark_uncollectible", id="in_1")),
        then=(
            then(pay("2026-10-05", "in_1", amount=3000)),
            then(pay("2026-11-05", "in_1", amount=5000)),
        ),
        balances={BAD_DEBT: "20.00", CLEARING: "80.00", SALES: "-100.00"},
        dates={
            "in_1:write_off": "2026-09-20",
            "ch_1:recovery": "2026-10-05",
            "ch_1:payment": "2026-10-05",
            "ch_2:recovery": "2026-11-05",
            "ch_2:payment": "2026-11-05",
        },
    ),
    Case(
        name="uncollectible_voided_in_the_month",
        story="An invoice is given up and voided in its month: nothing is left of both.",
        play=story(issue("2026-09-10", 10_000), act("2026-09-15", "mark_uncollectible", id="in_1")),
        then=(then(act("2026-09-20", "void_invoice", id="in_1")),),
        balances={},
        void=("in_1:invoice", "in_1:write_off", "in_1:write_off_application"),
    ),
    Case(
        name="uncollectible_voided_in_a_later_month",
        story="An invoice given up in September is voided in October: no bad debt, but no revenue either, in October.",
        play=story(issue("2026-09-10", 10_000), act("2026-09-20", "mark_uncollectible", id="in_1")),
        then=(then(act("2026-10-05", "void_invoice", id="in_1")),),
        balances={},
        dates={
            "in_1:invoice": "2026-09-10",
            "in_1:write_off": "2026-09-20",
            "in_1:write_off_reversal": "2026-10-05",
            "in_1:reversal": "2026-10-05",
            "in_1:reversal_application": "2026-10-05",
        },
    ),
    Case(
        name="uncollectible_and_voided_after_its_month",
        story="A September invoice is given up and voided in October: the write-off is gone, the credit memo stands.",
        play=story(issue("2026-09-10", 10_000), act("2026-10-05", "mark_uncollectible", id="in_1")),
        then=(then(act("2026-10-20", "void_invoice", id="in_1")),),
        balances={},
        dates={"in_1:invoice": "2026-09-10", "in_1:reversal": "2026-10-20"},
        void=("in_1:write_off", "in_1:write_off_application"),
    ),
    Case(
        name="uncollectible_after_credit_and_partial_payment",
        story="Of 100, 10 are credited and 20 paid; the other 70 are given up in September, and paid in October.",
        play=story(
            issue("2026-09-10", 10_000),
            credit("2026-09-11", "in_1", amount=1000),
            pay("2026-09-12", "in_1", amount=2000),
            act("2026-09-20", "mark_uncollectible", id="in_1"),
        ),
        then=(then(pay("2026-10-15", "in_1")),),
        balances={CLEARING: "90.00", SALES: "-90.00"},
        dates={"in_1:write_off": "2026-09-20", "ch_2:recovery": "2026-10-15", "ch_2:payment": "2026-10-15"},
    ),
)

_FAILED_RECOVERIES = (
    Case(
        name="uncollectible_debit_fails_and_is_open",
        story="Bad debt of September is paid by a debit of October that fails in November, and Stripe has the invoice "
        "open: what came back in October is owed again.",
        play=story(issue("2026-09-10", 10_000), act("2026-09-20", "mark_uncollectible", id="in_1")),
        then=(
            then(pay("2026-10-05", "in_1", method="debit"), wait("2026-10-10")),
            then(act("2026-11-05", "fail_charge_later", id="py_1")),
        ),
        stripe={"late_failure_of_uncollectible": "open"},
        balances={AR: "100.00", SALES: "-100.00"},
        open={ADA: "100.00"},
        dates={
            "in_1:write_off": "2026-09-20",
            "py_1:recovery": "2026-10-09",
            "py_1:payment": "2026-10-09",
            "py_1:reversal": "2026-11-05",
        },
    ),
    Case(
        name="uncollectible_debit_fails_and_stays_uncollectible",
        story="Bad debt of September is paid by a debit of October that fails in November; Stripe has the invoice "
        "uncollectible again: October stands, and in November it is bad debt a second time.",
        play=story(issue("2026-09-10", 10_000), act("2026-09-20", "mark_uncollectible", id="in_1")),
        then=(
            then(pay("2026-10-05", "in_1", method="debit"), wait("2026-10-10")),
            then(act("2026-11-05", "fail_charge_later", id="py_1")),
        ),
        stripe={"late_failure_of_uncollectible": "uncollectible"},
        balances={BAD_DEBT: "100.00", SALES: "-100.00"},
        dates={
            "in_1:write_off": "2026-09-20",
            "py_1:recovery": "2026-10-09",
            "py_1:payment": "2026-10-09",
            "py_1:reversal": "2026-11-05",
            "py_1:write_off": "2026-11-05",
            "py_1:write_off_application": "2026-11-05",
        },
    ),
    Case(
        name="uncollectible_debit_fails_in_its_month_and_is_paid_by_card",
        story="Bad debt of September is paid by a debit that fails in its month, and Stripe has the invoice open; "
        "a card pays it in November: the debt came back in October and was paid in November.",
        play=story(issue("2026-09-10", 10_000), act("2026-09-20", "mark_uncollectible", id="in_1")),
        then=(
            then(pay("2026-10-05", "in_1", method="debit"), wait("2026-10-10")),
            then(act("2026-10-20", "fail_charge_later", id="py_1")),
            then(pay("2026-11-15", "in_1")),
        ),
        stripe={"late_failure_of_uncollectible": "open"},
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"in_1:write_off": "2026-09-20", "py_1:recovery": "2026-10-09", "ch_1:payment": "2026-11-15"},
        void=("py_1:payment",),
    ),
    Case(
        name="uncollectible_again_and_paid_by_card",
        story="Bad debt of September is paid by a debit that fails in its month, and Stripe has the invoice "
        "uncollectible until a card pays it in November: October ends with bad debt, which comes back in November.",
        play=story(issue("2026-09-10", 10_000), act("2026-09-20", "mark_uncollectible", id="in_1")),
        then=(
            then(pay("2026-10-05", "in_1", method="debit"), wait("2026-10-10")),
            then(act("2026-10-20", "fail_charge_later", id="py_1")),
            then(pay("2026-11-15", "in_1")),
        ),
        stripe={"late_failure_of_uncollectible": "uncollectible"},
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={
            "in_1:write_off": "2026-09-20",
            "py_1:recovery": "2026-10-09",
            "py_1:write_off": "2026-10-20",
            "ch_1:recovery": "2026-11-15",
            "ch_1:payment": "2026-11-15",
            "py_1:write_off_reversal_application": "2026-11-15",
        },
        void=("py_1:payment", "py_1:write_off_application"),
    ),
)

_PAYMENTS = (
    Case(
        name="debit_pending",
        story="A bank debit is on its way: the invoice is open, and no money is in the books.",
        play=story(issue("2026-09-10", 10_000), pay("2026-09-11", "in_1", method="debit"), wait("2026-09-12")),
        balances={AR: "100.00", SALES: "-100.00"},
        open={ADA: "100.00"},
    ),
    Case(
        name="debit_succeeds",
        story="A bank debit started on 11 September succeeds on 15 September: that is the date of the payment.",
        play=story(issue("2026-09-10", 10_000), pay("2026-09-11", "in_1", method="debit"), wait("2026-09-12")),
        then=(then(wait("2026-09-16")),),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"py_1:payment": "2026-09-15"},
    ),
    Case(
        name="debit_fails_late_in_the_month",
        story="A debit that had succeeded fails in the same month and it is paid by card: one payment is left.",
        play=story(issue("2026-09-02", 10_000), pay("2026-09-03", "in_1", method="debit"), wait("2026-09-10")),
        then=(
            then(act("2026-09-20", "fail_charge_later", id="py_1")),
            then(pay("2026-09-25", "in_1")),
        ),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"ch_1:payment": "2026-09-25"},
        void=("py_1:payment",),
    ),
    Case(
        name="debit_fails_in_a_later_month_open",
        story="A debit of September fails in October: a journal entry of October makes the customer owe 100 again.",
        play=story(issue("2026-09-10", 10_000), pay("2026-09-11", "in_1", method="debit"), wait("2026-09-16")),
        then=(then(act("2026-10-05", "fail_charge_later", id="py_1")),),
        balances={AR: "100.00", SALES: "-100.00"},
        open={ADA: "100.00"},
        dates={"py_1:payment": "2026-09-15", "py_1:reversal": "2026-10-05"},
    ),
    Case(
        name="debit_fails_in_a_later_month_paid_by_card",
        story="A debit of September fails in October; a card payment of 10 October settles the journal entry.",
        play=story(issue("2026-09-10", 10_000), pay("2026-09-11", "in_1", method="debit"), wait("2026-09-16")),
        then=(
            then(act("2026-10-05", "fail_charge_later", id="py_1")),
            then(pay("2026-10-10", "in_1")),
        ),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"py_1:payment": "2026-09-15", "py_1:reversal": "2026-10-05", "ch_1:payment": "2026-10-10"},
    ),
    Case(
        name="paid_out_of_band",
        story="An invoice is marked as paid by a check: the money is in the out-of-band account, not in clearing.",
        play=story(issue("2026-09-10", 10_000), pay("2026-09-15", "in_1", method="out_of_band")),
        balances={OUT_OF_BAND: "100.00", SALES: "-100.00"},
        dates={"in_1:payment": "2026-09-15"},
    ),
    Case(
        name="payment_record_and_card",
        story="60 of 100 came by a reported check, 40 by card.",
        play=story(
            issue("2026-09-10", 10_000),
            pay("2026-09-12", "in_1", method="record", amount=6000),
            pay("2026-09-15", "in_1"),
        ),
        balances={CLEARING: "40.00", OUT_OF_BAND: "60.00", SALES: "-100.00"},
        dates={"pr_1:payment": "2026-09-12", "ch_1:payment": "2026-09-15"},
    ),
    Case(
        name="shared_payment_with_a_rest",
        story="One charge of 200 pays invoices of 100 and 50; the other 50 stay unapplied on the payment.",
        play=story(
            issue("2026-09-10", 10_000),
            issue("2026-09-10", 5000),
            act("2026-09-12", "pay_shared", shares={"in_1": 10_000, "in_2": 5000}, amount=20_000),
        ),
        balances={AR: "-50.00", CLEARING: "200.00", SALES: "-150.00"},
        open={ADA: "-50.00"},
        dates={"ch_1:payment": "2026-09-12"},
    ),
    Case(
        name="shared_payment_of_credited_invoices",
        story="Of 100 and 50, 20 of the second are credited; one charge of 130 pays both, and 10 of the first go back.",
        play=story(
            issue("2026-09-10", 10_000),
            issue("2026-09-10", 5000),
            credit("2026-09-11", "in_2", amount=2000),
            act("2026-09-12", "pay_shared", shares={"in_1": 10_000, "in_2": 3000}),
            credit("2026-09-15", "in_1", amount=1000, refund_amount=1000),
        ),
        balances={CLEARING: "120.00", SALES: "-120.00"},
        dates={"ch_1:payment": "2026-09-12", "cn_1:credit_memo": "2026-09-11", "re_1:refund_receipt": "2026-09-15"},
    ),
)

_DATES = (
    Case(
        name="month_end_in_los_angeles",
        story="23:30 of 30 September in Los Angeles is 1 October in UTC and in Auckland; the void is October.",
        play=story(
            issue("2026-10-01T06:30:00Z", 10_000),
            issue("2026-10-01T06:40:00Z", 5000),
            pay("2026-10-01T06:50:00Z", "in_2"),
            act("2026-10-01T20:00:00Z", "void_invoice", id="in_1"),
        ),
        balances={CLEARING: "50.00", SALES: "-50.00"},
        dates={
            "in_1:invoice": "2026-09-30",
            "in_2:invoice": "2026-09-30",
            "ch_1:payment": "2026-09-30",
            "in_1:reversal": "2026-10-01",
        },
    ),
    Case(
        name="end_of_daylight_saving",
        story="Clocks go back on 1 November: 23:30 of 31 October is 06:30 UTC, 23:30 of 1 November is 07:30 UTC.",
        play=story(
            issue("2026-11-01T06:30:00Z", 10_000),
            pay("2026-11-02T07:30:00Z", "in_1", amount=4000),
            pay("2026-11-02T08:30:00Z", "in_1"),
        ),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"in_1:invoice": "2026-10-31", "ch_1:payment": "2026-11-01", "ch_2:payment": "2026-11-02"},
    ),
    Case(
        name="month_end_in_auckland",
        story="Books in Auckland (UTC+13): 10:30 UTC of 30 September is 23:30 there, 11:30 UTC is October.",
        play=story(
            issue("2026-09-30T10:30:00Z", 10_000),
            pay("2026-09-30T10:45:00Z", "in_1", amount=4000),
            act("2026-09-30T11:30:00Z", "mark_uncollectible", id="in_1"),
        ),
        policy=Policy(timezone=ZoneInfo("Pacific/Auckland")),
        balances={BAD_DEBT: "60.00", CLEARING: "40.00", SALES: "-100.00"},
        dates={"in_1:invoice": "2026-09-30", "ch_1:payment": "2026-09-30", "in_1:write_off": "2026-10-01"},
    ),
)

RECEIVABLES = (*CREDITS, *CUSTOMER_BALANCES, *_VOIDS, *_WRITE_OFFS, *_FAILED_RECOVERIES, *_PAYMENTS, *_DATES)
