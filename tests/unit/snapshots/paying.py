"""Situations of payments: by card, in parts, together, too much, and outside of Stripe."""

from tests.unit.snapshots.situation import Situation
from tests.unit.snapshots.stripe_json import balance_move, charge, invoice, line, part, record_part

PAYING = (
    Situation(
        name="full_payment",
        story="100 by card, gross into clearing on the day of the balance transaction; the fee comes with the payout.",
        invoices=(invoice(line(10_000), total=10_000, paid=10_000),),
        payments=(part(10_000),),
        charges=(charge(10_000),),
        effect={"clearing": "100.00", "sales": "-100.00"},
        dates={"in_1:invoice": "2026-11-10", "ch_1:payment": "2026-11-12"},
    ),
    Situation(
        name="partial_payment",
        story="30 of 100 are paid; 70 stay open.",
        invoices=(invoice(line(10_000), total=10_000, paid=3000),),
        payments=(part(3000),),
        charges=(charge(3000, fee=117),),
        effect={"receivable": "70.00", "clearing": "30.00", "sales": "-100.00"},
        dates={"in_1:invoice": "2026-11-10", "ch_1:payment": "2026-11-12"},
    ),
    Situation(
        name="several_payments",
        story="30, 45 and 25 by three charges on three days.",
        invoices=(invoice(line(10_000), total=10_000, paid=10_000),),
        payments=(part(3000), part(4500, number=2), part(2500, number=3)),
        charges=(
            charge(3000, fee=117),
            charge(4500, number=2, booked="2026-11-13T18:00:00Z", fee=161),
            charge(2500, number=3, booked="2026-11-14T18:00:00Z", fee=103),
        ),
        effect={"clearing": "100.00", "sales": "-100.00"},
        dates={
            "in_1:invoice": "2026-11-10",
            "ch_1:payment": "2026-11-12",
            "ch_2:payment": "2026-11-13",
            "ch_3:payment": "2026-11-14",
        },
    ),
    Situation(
        name="one_charge_over_three_invoices",
        story="One charge of 100 pays invoices of 20, 30 and 50: one payment with three links.",
        invoices=tuple(
            invoice(line(amount), total=amount, paid=amount, number=number)
            for number, amount in enumerate((2000, 3000, 5000), start=1)
        ),
        payments=(part(2000), part(3000, invoice_number=2), part(5000, invoice_number=3)),
        charges=(charge(10_000),),
        effect={"clearing": "100.00", "sales": "-100.00"},
        dates={
            "in_1:invoice": "2026-11-10",
            "in_2:invoice": "2026-11-10",
            "in_3:invoice": "2026-11-10",
            "ch_1:payment": "2026-11-12",
        },
    ),
    Situation(
        name="overpaid",
        story="The charge collected 120 for an invoice of 100: the rest stays unapplied on the payment.",
        invoices=(invoice(line(10_000), total=10_000, paid=10_000, amount_overpaid=2000),),
        payments=(part(10_000),),
        charges=(charge(12_000, fee=378),),
        balance=(balance_move(-2000, "invoice_overpaid"),),
        effect={"receivable": "-20.00", "clearing": "120.00", "sales": "-100.00"},
        dates={"in_1:invoice": "2026-11-10", "ch_1:payment": "2026-11-12"},
    ),
    Situation(
        name="out_of_band",
        story="Marked as paid outside of Stripe: never into clearing.",
        invoices=(invoice(line(10_000), total=10_000, paid=10_000, amount_paid_off_stripe=10_000),),
        effect={"out_of_band": "100.00", "sales": "-100.00"},
        dates={"in_1:invoice": "2026-11-10", "in_1:payment": "2026-11-12"},
    ),
    Situation(
        name="payment_record",
        story="Paid through another processor and recorded in Stripe: the money is not in Stripe either.",
        invoices=(invoice(line(10_000), total=10_000, paid=10_000, amount_paid_off_stripe=10_000),),
        payments=(record_part(10_000),),
        effect={"out_of_band": "100.00", "sales": "-100.00"},
        dates={"in_1:invoice": "2026-11-10", "pr_1:payment": "2026-11-12"},
    ),
    Situation(
        name="paid_at_month_end",
        story="Booked by Stripe on 1 December 07:30 UTC: in the books of Los Angeles that is 30 November.",
        invoices=(invoice(line(10_000), total=10_000, paid=10_000),),
        payments=(part(10_000, paid_at="2026-12-01T07:29:00Z"),),
        charges=(charge(10_000, booked="2026-12-01T07:30:00Z"),),
        effect={"clearing": "100.00", "sales": "-100.00"},
        dates={"in_1:invoice": "2026-11-10", "ch_1:payment": "2026-11-30"},
    ),
)
