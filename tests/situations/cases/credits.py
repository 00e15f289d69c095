"""Credit notes: what they take off before payment, and the ways in which they give back after it."""

from tests.situations.case import Case
from tests.situations.cases.acts import (
    ADA,
    AR,
    CLEARING,
    DISCOUNT,
    OUT_OF_BAND,
    SALES,
    TAX,
    act,
    credit,
    issue,
    pay,
    story,
    then,
)

_TEN_PERCENT = ("create_tax_rate", {"display_name": "Tax", "percentage": "10"})
_TWENTY_INCLUSIVE = ("create_tax_rate", {"display_name": "VAT", "percentage": "20", "inclusive": True})
_ODD_TAX = ("create_tax_rate", {"display_name": "Sales tax", "percentage": "8.25"})
_TENTH_OFF = ("create_coupon", {"name": "Tenth off", "percent_off": "10"})


def _taxed(amount: int, rate: str = "made_1") -> dict[str, object]:
    return {"amount": amount, "description": "Goods", "tax_rates": [rate]}


# 100.00 less 10 % is 90.00, and 9.00 tax; 60.00 less 10 % is 54.00 with 9.00 tax in it; 20.00 shipping and 2.00 tax:
# 175.00 = 151.00 sales (100 + 60 - 9) - 16.00 discount + 20.00 shipping + 20.00 tax.
_EVERYTHING = issue(
    "2026-09-10",
    lines=[_taxed(10_000), _taxed(6000, "made_2")],
    coupons=["made_3"],
    shipping=2000,
    shipping_tax_rates=["made_1"],
)
_RATES = (_TEN_PERCENT, _TWENTY_INCLUSIVE, _TENTH_OFF)
# Half of both lines and the shipping: 49.50 + 27.00 + 22.00 = 98.50
# = 75.50 sales (50 + 30 - 4.50) - 8.00 discount + 20.00 shipping + 11.00 tax (4.50 + 4.50 + 2).
_HALF = [{"invoice_line": "il_1", "amount": 5000}, {"invoice_line": "il_2", "amount": 3000}]

CREDITS = (
    Case(
        name="credit_note_before_payment",
        story="An invoice of 100 is credited with 30 before it is paid: 70 are collected.",
        play=story(issue("2026-09-10", 10_000), credit("2026-09-12", "in_1", amount=3000), pay("2026-09-15", "in_1")),
        balances={CLEARING: "70.00", SALES: "-70.00"},
        dates={
            "in_1:invoice": "2026-09-10",
            "cn_1:credit_memo": "2026-09-12",
            "cn_1:application": "2026-09-12",
            "ch_1:payment": "2026-09-15",
        },
    ),
    Case(
        name="credit_note_over_everything",
        story="An open invoice is credited in full: it is paid by that, and no money moves.",
        play=story(issue("2026-09-10", 10_000), credit("2026-09-12", "in_1", amount=10_000)),
        balances={},
        dates={"cn_1:credit_memo": "2026-09-12", "cn_1:application": "2026-09-12"},
    ),
    Case(
        name="credit_note_refunded_with_tax",
        story="Half of a paid invoice of 100 plus 10 tax is credited and refunded: one refund receipt with its tax.",
        play=story(
            issue("2026-09-10", lines=[_taxed(10_000)]),
            pay("2026-09-12", "in_1"),
            credit("2026-10-02", "in_1", lines=[{"invoice_line": "il_1", "amount": 5000}], refund_amount=5500),
            before=(_TEN_PERCENT,),
        ),
        balances={CLEARING: "55.00", SALES: "-50.00", TAX: "-5.00"},
        dates={"re_1:refund_receipt": "2026-10-02"},
    ),
    Case(
        name="credit_note_to_balance_used_by_the_next_invoice",
        story="40 of a paid invoice are credited to the balance; the next invoice of 60 uses them and collects 20.",
        play=story(
            issue("2026-09-10", 10_000),
            pay("2026-09-12", "in_1"),
            credit("2026-09-15", "in_1", amount=4000, credit_amount=4000),
            issue("2026-09-20", 6000),
            pay("2026-09-22", "in_2"),
        ),
        balances={CLEARING: "120.00", SALES: "-120.00"},
        dates={
            "cn_1:balance_credit_memo": "2026-09-15",
            "in_2:invoice": "2026-09-20",
            "cbtxn_2:application": "2026-09-20",
            "ch_2:payment": "2026-09-22",
        },
    ),
    Case(
        name="credit_note_out_of_band",
        story="25 of a paid invoice are given back by check.",
        play=story(
            issue("2026-09-10", 10_000),
            pay("2026-09-12", "in_1"),
            credit("2026-09-15", "in_1", amount=2500, out_of_band_amount=2500),
        ),
        balances={CLEARING: "100.00", OUT_OF_BAND: "-25.00", SALES: "-75.00"},
        dates={"cn_1:out_of_band_refund": "2026-09-15"},
    ),
    Case(
        # 88 credited: 80 sales and 8 tax. 50 were open; 18 are refunded, 12 go to the balance, 8 back by check.
        name="credit_note_of_all_four_parts",
        story="Of 110, 60 are paid; a credit note of 88 is split over what is open, a refund, the balance and a check.",
        play=story(
            issue("2026-09-10", lines=[_taxed(10_000)]),
            pay("2026-09-12", "in_1", amount=6000),
            credit(
                "2026-09-15",
                "in_1",
                lines=[{"invoice_line": "il_1", "amount": 8000}],
                refund_amount=1800,
                credit_amount=1200,
                out_of_band_amount=800,
            ),
            before=(_TEN_PERCENT,),
        ),
        balances={AR: "-12.00", CLEARING: "42.00", OUT_OF_BAND: "-8.00", SALES: "-20.00", TAX: "-2.00"},
        open={ADA: "-12.00"},
        dates={
            "cn_1:credit_memo": "2026-09-15",
            "cn_1:application": "2026-09-15",
            "re_1:refund_receipt": "2026-09-15",
            "cn_1:balance_credit_memo": "2026-09-15",
            "cn_1:out_of_band_refund": "2026-09-15",
        },
    ),
    Case(
        name="credit_note_voided_in_the_month",
        story="A credit note of 30 is voided two days later: nothing is left of it, and 100 are collected.",
        play=story(issue("2026-09-10", 10_000), credit("2026-09-12", "in_1", amount=3000)),
        then=(
            then(act("2026-09-14", "void_credit_note", id="cn_1")),
            then(pay("2026-09-20", "in_1")),
        ),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        void=("cn_1:credit_memo", "cn_1:application"),
    ),
    Case(
        name="credit_note_voided_in_a_later_month",
        story="A credit note of September is voided in October: 30 are owed again, and one payment settles all.",
        play=story(issue("2026-09-10", 10_000), credit("2026-09-12", "in_1", amount=3000)),
        then=(
            then(act("2026-10-05", "void_credit_note", id="cn_1")),
            then(pay("2026-10-10", "in_1")),
        ),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={
            "cn_1:credit_memo": "2026-09-12",
            "cn_1:application": "2026-09-12",
            "cn_1:reversal": "2026-10-05",
            "ch_1:payment": "2026-10-10",
        },
    ),
    Case(
        name="credit_notes_one_after_the_other",
        story="20 are credited before payment, 30 are refunded after it, and 10 go to the customer's balance.",
        play=story(
            issue("2026-09-10", 10_000),
            credit("2026-09-12", "in_1", amount=2000),
            pay("2026-09-15", "in_1"),
            credit("2026-09-18", "in_1", amount=3000, refund_amount=3000),
            credit("2026-09-20", "in_1", amount=1000, credit_amount=1000),
        ),
        balances={AR: "-10.00", CLEARING: "50.00", SALES: "-40.00"},
        open={ADA: "-10.00"},
        dates={
            "cn_1:credit_memo": "2026-09-12",
            "ch_1:payment": "2026-09-15",
            "re_1:refund_receipt": "2026-09-18",
            "cn_3:balance_credit_memo": "2026-09-20",
        },
    ),
    Case(
        name="credit_note_effective_in_the_month_before",
        story="A credit note made on 2 October is effective on 30 September: that is its date.",
        play=story(
            issue("2026-09-10", 10_000),
            credit("2026-10-02", "in_1", amount=3000, effective_at=1_790_791_200),  # 2026-09-30T18:00:00Z
            pay("2026-10-05", "in_1"),
        ),
        balances={CLEARING: "70.00", SALES: "-70.00"},
        dates={"cn_1:credit_memo": "2026-09-30", "cn_1:application": "2026-09-30", "ch_1:payment": "2026-10-05"},
    ),
    Case(
        name="credit_note_for_an_older_refund",
        story="A refund of 30 is named by a later credit note: it is booked once, with the lines of the note.",
        play=story(
            issue("2026-09-10", 10_000),
            pay("2026-09-12", "in_1"),
            act("2026-09-15", "create_refund", charge="ch_1", amount=3000),
        ),
        then=(
            then(
                credit("2026-09-18", "in_1", amount=3000, refunds=[{"refund": "re_1", "amount_refunded": 3000}]),
            ),
        ),
        balances={CLEARING: "70.00", SALES: "-70.00"},
        dates={"re_1:refund_receipt": "2026-09-15"},
    ),
    Case(
        name="everything_credited_in_proportion",
        story="Half of an invoice with discount, shipping and both kinds of tax: each account gets its share back.",
        play=story(
            _EVERYTHING,
            pay("2026-09-12", "in_1"),
            credit("2026-09-15", "in_1", lines=_HALF, shipping=True, refund_amount=5000, credit_amount=4850),
            before=_RATES,
        ),
        balances={AR: "-48.50", CLEARING: "125.00", SALES: "-75.50", DISCOUNT: "8.00", TAX: "-9.00"},
        open={ADA: "-48.50"},
    ),
    Case(
        name="everything_credited_in_two_notes",
        story="The same invoice credited in two halves, by refund and by check: nothing is left on its accounts.",
        play=story(
            _EVERYTHING,
            pay("2026-09-12", "in_1"),
            credit("2026-09-15", "in_1", lines=_HALF, shipping=True, refund_amount=9850),
            credit("2026-09-18", "in_1", lines=_HALF, out_of_band_amount=7650),
            before=_RATES,
        ),
        balances={CLEARING: "76.50", OUT_OF_BAND: "-76.50"},
    ),
    Case(
        name="everything_credited_before_payment",
        story="Half of it is credited before payment: 76.50 are collected, of 75.50 sales less 8 discount and 9 tax.",
        play=story(
            _EVERYTHING,
            credit("2026-09-15", "in_1", lines=_HALF, shipping=True),
            pay("2026-09-18", "in_1"),
            before=_RATES,
        ),
        balances={CLEARING: "76.50", SALES: "-75.50", DISCOUNT: "8.00", TAX: "-9.00"},
    ),
    Case(
        # 33.33 and 2.75 tax. First 16.66 and 1.37 (137.46 cents rounded), then the rest: 16.67 and 1.38.
        name="odd_cents_credited_in_two_notes",
        story="36.08 with odd tax are credited as 18.03 (10.00 refunded, 8.03 to the balance) and 18.05 (refunded).",
        play=story(
            issue("2026-09-10", lines=[_taxed(3333)]),
            pay("2026-09-12", "in_1"),
            credit(
                "2026-09-15",
                "in_1",
                lines=[{"invoice_line": "il_1", "amount": 1666}],
                refund_amount=1000,
                credit_amount=803,
            ),
            credit("2026-09-16", "in_1", lines=[{"invoice_line": "il_1", "amount": 1667}], refund_amount=1805),
            before=(_ODD_TAX,),
        ),
        balances={AR: "-8.03", CLEARING: "8.03"},
        open={ADA: "-8.03"},
    ),
)
