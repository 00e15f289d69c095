"""The customer's balance: credit and debt made by hand, carried over, overpaid, used, and given back by a void."""

from tests.situations.case import Case
from tests.situations.cases.acts import (
    ADA,
    AR,
    BAD_DEBT,
    BALANCE,
    CLEARING,
    OUT_OF_BAND,
    SALES,
    act,
    adjust,
    issue,
    pay,
    story,
    then,
)
from wescope.books.policy import Policy, Reversals

_USED = (adjust("2026-09-05", -3000), issue("2026-09-10", 10_000))
_COLLECTED = (adjust("2026-09-05", 1500), issue("2026-09-10", 10_000))
_OVERPAID = (
    issue("2026-09-10", 10_000),
    pay("2026-09-12", "in_1", amount=12_000, overpay=True),
    issue("2026-09-20", 5000),
)

CUSTOMER_BALANCES = (
    Case(
        name="manual_credit_used_over_two_invoices",
        story="A credit of 50 pays an invoice of 30 and 20 of the next one of 40, which collects 20.",
        play=story(
            adjust("2026-09-05", -5000), issue("2026-09-10", 3000), issue("2026-09-12", 4000), pay("2026-09-15", "in_2")
        ),
        balances={BALANCE: "50.00", CLEARING: "20.00", SALES: "-70.00"},
        dates={
            "cbtxn_1:credit_memo": "2026-09-05",
            "cbtxn_2:application": "2026-09-10",
            "cbtxn_3:application": "2026-09-12",
            "ch_1:payment": "2026-09-15",
        },
    ),
    Case(
        name="manual_debit_collected_by_the_next_invoice",
        story="A debit of 15 is collected with the next invoice of 100: one payment of 115 settles both.",
        play=story(*_COLLECTED, pay("2026-09-15", "in_1")),
        balances={BALANCE: "-15.00", CLEARING: "115.00", SALES: "-100.00"},
        dates={"cbtxn_1:invoice": "2026-09-05", "in_1:invoice": "2026-09-10", "ch_1:payment": "2026-09-15"},
    ),
    Case(
        name="too_small_to_charge_collected_with_the_next",
        story="An invoice of 0.30 is too small to charge; the next one of 50 collects 50.30 for both.",
        play=story(issue("2026-09-10", 30)),
        then=(then(issue("2026-09-12", 5000), pay("2026-09-15", "in_2")),),
        balances={CLEARING: "50.30", SALES: "-50.30"},
        dates={"in_1:invoice": "2026-09-10", "in_2:invoice": "2026-09-12", "ch_1:payment": "2026-09-15"},
    ),
    Case(
        name="too_small_to_charge_stays_open",
        story="An invoice of 0.30 is too small to charge and is owed until an invoice collects it.",
        play=story(issue("2026-09-10", 30)),
        balances={AR: "0.30", SALES: "-0.30"},
        open={ADA: "0.30"},
    ),
    Case(
        name="too_small_twice_then_collected",
        story="Invoices of 0.20 and 0.25 are too small even together; the third of 10 collects 10.45 for all three.",
        play=story(
            issue("2026-09-10", 20), issue("2026-09-12", 25), issue("2026-09-14", 1000), pay("2026-09-15", "in_3")
        ),
        balances={CLEARING: "10.45", SALES: "-10.45"},
        dates={"ch_1:payment": "2026-09-15"},
    ),
    Case(
        name="too_small_twice_then_credited",
        story="Invoices of 0.20 and 0.25 are too small even together; a credit of 3 by hand settles both.",
        play=story(issue("2026-09-10", 20), issue("2026-09-12", 25), adjust("2026-09-14", -300)),
        balances={AR: "-2.55", BALANCE: "3.00", SALES: "-0.45"},
        open={ADA: "-2.55"},
    ),
    Case(
        name="too_large_to_charge_settled_by_hand",
        story="A million is too much to charge and carried over; it comes by wire and is credited by hand.",
        play=story(issue("2026-09-10", 100_000_000)),
        then=(then(adjust("2026-09-20", -100_000_000)),),
        balances={BALANCE: "1000000.00", SALES: "-1000000.00"},
        dates={"in_1:invoice": "2026-09-10", "cbtxn_2:credit_memo": "2026-09-20", "cbtxn_2:application": "2026-09-20"},
    ),
    Case(
        name="negative_invoice_used_by_the_next",
        story="Unused time of 25 is a negative invoice, a credit memo; the next invoice of 60 uses it and collects 35.",
        play=story(
            issue("2026-09-10", lines=[{"amount": -2500, "description": "Unused time", "proration": True}]),
            issue("2026-09-20", 6000),
            pay("2026-09-22", "in_2"),
        ),
        balances={CLEARING: "35.00", SALES: "-35.00"},
        dates={"in_1:credit_memo": "2026-09-10", "cbtxn_2:application": "2026-09-20", "ch_1:payment": "2026-09-22"},
    ),
    Case(
        name="overpayment_used_by_the_next_invoice",
        story="120 are paid on an invoice of 100; the next one of 50 uses the other 20 of the same payment.",
        play=story(issue("2026-09-10", 10_000), pay("2026-09-12", "in_1", amount=12_000, overpay=True)),
        then=(then(issue("2026-09-20", 5000), pay("2026-09-22", "in_2")),),
        balances={CLEARING: "150.00", SALES: "-150.00"},
        dates={"ch_1:payment": "2026-09-12", "ch_2:payment": "2026-09-22"},
    ),
    Case(
        name="overpayment_by_check_stays",
        story="A check of 120 on an invoice of 100: the customer has 20 to its credit.",
        play=story(
            issue("2026-09-10", 10_000), pay("2026-09-12", "in_1", method="record", amount=12_000, overpay=True)
        ),
        balances={AR: "-20.00", OUT_OF_BAND: "120.00", SALES: "-100.00"},
        open={ADA: "-20.00"},
        dates={"pr_1:payment": "2026-09-12"},
    ),
    Case(
        name="balance_use_given_back_in_the_month",
        story="An invoice that used 30 of credit is voided in its month: the credit of 30 is open again.",
        play=story(*_USED),
        then=(then(act("2026-09-20", "void_invoice", id="in_1")),),
        balances={AR: "-30.00", BALANCE: "30.00"},
        open={ADA: "-30.00"},
        void=("in_1:invoice", "cbtxn_2:application"),
    ),
    Case(
        name="balance_use_given_back_and_used_again",
        story="After that void in the month, an invoice of 50 uses the 30 and collects 20.",
        play=story(*_USED),
        then=(
            then(act("2026-09-20", "void_invoice", id="in_1")),
            then(issue("2026-09-25", 5000), pay("2026-09-26", "in_2")),
        ),
        balances={BALANCE: "30.00", CLEARING: "20.00", SALES: "-50.00"},
        void=("in_1:invoice", "cbtxn_2:application"),
    ),
    Case(
        name="balance_use_given_back_in_a_later_month",
        story="An invoice that used 30 of credit is voided in October: the credit memo of 100 leaves 30 for the next.",
        play=story(*_USED),
        then=(
            then(act("2026-10-05", "void_invoice", id="in_1")),
            then(issue("2026-10-10", 5000), pay("2026-10-12", "in_2")),
        ),
        balances={BALANCE: "30.00", CLEARING: "20.00", SALES: "-50.00"},
        dates={
            "cbtxn_2:application": "2026-09-10",
            "in_1:reversal": "2026-10-05",
            "in_1:reversal_application": "2026-10-05",
            "cbtxn_4:application": "2026-10-10",
        },
    ),
    Case(
        name="collected_debt_given_back_in_the_month",
        story="An invoice that was to collect a debit of 15 is voided; the next one of 50 collects it.",
        play=story(*_COLLECTED),
        then=(
            then(act("2026-09-20", "void_invoice", id="in_1")),
            then(issue("2026-09-25", 5000), pay("2026-09-26", "in_2")),
        ),
        balances={BALANCE: "-15.00", CLEARING: "65.00", SALES: "-50.00"},
        dates={"ch_1:payment": "2026-09-26"},
        void=("in_1:invoice",),
    ),
    Case(
        name="collected_debt_given_back_in_a_later_month",
        story="The same in October: the credit memo is of 100, not of 115, and the debit stays owed.",
        play=story(*_COLLECTED),
        then=(then(act("2026-10-05", "void_invoice", id="in_1")),),
        balances={AR: "15.00", BALANCE: "-15.00"},
        open={ADA: "15.00"},
        dates={"in_1:reversal": "2026-10-05"},
    ),
    Case(
        name="collected_debt_of_a_void_policy_dated",
        story="With reversals = dated, an invoice that was to collect 15 is voided: it alone is credited.",
        play=story(*_COLLECTED, act("2026-09-20", "void_invoice", id="in_1")),
        policy=Policy(reversals=Reversals.DATED),
        balances={AR: "15.00", BALANCE: "-15.00"},
        open={ADA: "15.00"},
        dates={"in_1:reversal": "2026-09-20"},
    ),
    Case(
        name="collected_debt_by_a_shared_payment",
        story="A debit of 15 is collected by an invoice of 100; one charge of 165 pays it and an invoice of 50.",
        play=story(
            *_COLLECTED,
            issue("2026-09-11", 5000),
            act("2026-09-12", "pay_shared", shares={"in_1": 11_500, "in_2": 5000}),
        ),
        balances={BALANCE: "-15.00", CLEARING: "165.00", SALES: "-150.00"},
        dates={"ch_1:payment": "2026-09-12"},
    ),
    Case(
        name="free_invoice_collects_a_debt",
        story="An invoice of 0 (all of it discounted) collects a debit of 15: 15 are paid on it.",
        play=story(
            adjust("2026-09-05", 1500),
            issue("2026-09-10", 10_000, coupons=["made_1"]),
            pay("2026-09-12", "in_1"),
            before=(("create_coupon", {"name": "Free", "percent_off": "100"}),),
        ),
        balances={BALANCE: "-15.00", CLEARING: "15.00", SALES: "-100.00", "Discounts given": "100.00"},
        dates={"ch_1:payment": "2026-09-12"},
    ),
    Case(
        name="negative_invoice_against_a_larger_debt_paid",
        story="A debit of 40 and a negative invoice of 25: Stripe asks for 15 on it, and these are paid.",
        play=story(
            adjust("2026-09-05", 4000),
            issue("2026-09-10", lines=[{"amount": -2500, "description": "Unused time", "proration": True}]),
            pay("2026-09-12", "in_1"),
        ),
        balances={BALANCE: "-40.00", CLEARING: "15.00", SALES: "25.00"},
        dates={"in_1:credit_memo": "2026-09-10", "ch_1:payment": "2026-09-12"},
    ),
    Case(
        name="negative_invoice_against_a_larger_debt_voided",
        story="The same, voided in its month instead: the debit of 40 is owed, the credit memo is gone.",
        play=story(
            adjust("2026-09-05", 4000),
            issue("2026-09-10", lines=[{"amount": -2500, "description": "Unused time", "proration": True}]),
        ),
        then=(then(act("2026-09-15", "void_invoice", id="in_1")),),
        balances={AR: "40.00", BALANCE: "-40.00"},
        open={ADA: "40.00"},
        void=("in_1:credit_memo",),
    ),
    Case(
        name="overpayment_given_back_in_the_month",
        story="20 overpaid were used by an invoice that is voided in its month; the next one of 30 uses them instead.",
        play=story(*_OVERPAID),
        then=(
            then(act("2026-09-25", "void_invoice", id="in_2")),
            then(issue("2026-09-28", 3000), pay("2026-09-29", "in_3")),
        ),
        balances={CLEARING: "130.00", SALES: "-130.00"},
        dates={"ch_1:payment": "2026-09-12", "ch_2:payment": "2026-09-29"},
        void=("in_2:invoice",),
    ),
    Case(
        name="overpayment_given_back_in_a_later_month",
        story="20 overpaid were used by an invoice that is voided in October: they are open on its credit memo.",
        play=story(*_OVERPAID),
        then=(then(act("2026-10-05", "void_invoice", id="in_2")),),
        balances={AR: "-20.00", CLEARING: "120.00", SALES: "-100.00"},
        open={ADA: "-20.00"},
        dates={"in_2:reversal": "2026-10-05", "in_2:reversal_application": "2026-10-05"},
    ),
    Case(
        name="revision_after_balance_use",
        story="An invoice that used 30 of credit is revised to 80 in October: the new one uses them and collects 50.",
        play=story(*_USED),
        then=(
            then(
                act(
                    "2026-10-02",
                    "revise_invoice",
                    id="in_1",
                    lines=[{"amount": 8000, "description": "Agreed"}],
                    finalize=True,
                ),
            ),
            then(pay("2026-10-03", "in_2")),
        ),
        balances={BALANCE: "30.00", CLEARING: "50.00", SALES: "-80.00"},
        dates={"in_1:reversal": "2026-10-02", "in_2:invoice": "2026-10-02", "ch_1:payment": "2026-10-03"},
    ),
    Case(
        name="uncollectible_after_balance_use",
        story="Credit of 30 was used on an invoice of 100 that is given up: 70 are bad debt.",
        play=story(*_USED, act("2026-09-25", "mark_uncollectible", id="in_1")),
        balances={BAD_DEBT: "70.00", BALANCE: "30.00", SALES: "-100.00"},
        dates={"in_1:write_off": "2026-09-25"},
    ),
)
