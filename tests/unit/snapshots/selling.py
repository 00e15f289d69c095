"""Situations of invoices: lines, discounts, taxes, shipping, numbers, names, voids and dates."""

from zoneinfo import ZoneInfo

from tests.unit.snapshots.situation import Situation
from tests.unit.snapshots.stripe_json import Json, credit, customer, discount, invoice, line, second, shipping, tax
from wescope.books.policy import CustomerField, Policy

ISSUED = {"in_1:invoice": "2026-11-10"}


def _voided(at: str) -> Json:
    made = invoice(line(10_000), total=10_000)
    return made | {"status": "void", "status_transitions": made["status_transitions"] | {"voided_at": second(at)}}


LINES = (
    Situation(
        name="simple",
        story="One plan for one month, not yet paid.",
        invoices=(
            invoice(
                line(4900, "1 \N{MULTIPLICATION SIGN} Pro plan (at $49.00 / month)"),
                total=4900,
                due="2026-12-10T18:00:00Z",
            ),
        ),
        effect={"receivable": "49.00", "sales": "-49.00"},
        dates=ISSUED,
    ),
    Situation(
        name="quantities",
        story="Three seats at 19.99, and two and a half hours at 10.00 whose quantity Stripe's text does not say.",
        invoices=(
            invoice(
                line(5997, "3 \N{MULTIPLICATION SIGN} Seat (at $19.99 / month)", quantity="3", unit_amount="1999"),
                line(2500, "Consulting", number=2, quantity="2.5", unit_amount="1000"),
                total=8497,
            ),
        ),
        effect={"receivable": "84.97", "sales": "-84.97"},
        dates=ISSUED,
    ),
    Situation(
        name="metered_price",
        story="12 345 calls at a tenth of a cent each: 12.345, which Stripe rounds to 12.35.",
        invoices=(invoice(line(1235, "API calls", quantity="12345", unit_amount="0.1"), total=1235),),
        effect={"receivable": "12.35", "sales": "-12.35"},
        dates=ISSUED,
    ),
    Situation(
        name="proration_up",
        story="A customer moves to a dearer plan in the middle of the month: unused time is a negative line.",
        invoices=(
            invoice(
                line(-2000, "Unused time on Basic after 16 Nov 2026", proration=True),
                line(5000, "Remaining time on Pro after 16 Nov 2026", number=2, proration=True),
                total=3000,
            ),
        ),
        effect={"receivable": "30.00", "sales": "-30.00"},
        dates=ISSUED,
    ),
    Situation(
        name="proration_down",
        story="A customer moves to a cheaper plan; what comes back is taken off the next month.",
        invoices=(
            invoice(
                line(-5000, "Unused time on Pro after 16 Nov 2026", proration=True),
                line(2000, "Remaining time on Basic after 16 Nov 2026", number=2, proration=True),
                line(
                    10_000,
                    "1 \N{MULTIPLICATION SIGN} Basic",
                    number=3,
                    period=("2026-12-01T12:00:00Z", "2027-01-01T12:00:00Z"),
                ),
                total=7000,
            ),
        ),
        effect={"receivable": "70.00", "sales": "-70.00"},
        dates=ISSUED,
    ),
    Situation(
        name="periods",
        story="A year in advance and a fee of one day: each line has its own service date.",
        invoices=(
            invoice(
                line(120_000, "Annual plan", period=("2026-11-10T18:00:00Z", "2027-11-10T18:00:00Z")),
                line(5000, "Set-up fee", number=2, period=("2026-11-10T18:00:00Z", "2026-11-10T18:00:00Z")),
                total=125_000,
            ),
        ),
        effect={"receivable": "1250.00", "sales": "-1250.00"},
        dates=ISSUED,
    ),
    Situation(
        name="many_lines",
        story="Twelve lines: Stripe shows ten, and the other two are on the next page.",
        invoices=(invoice(*(line(n * 100, f"Item {n}", number=n) for n in range(1, 13)), total=7800),),
        effect={"receivable": "78.00", "sales": "-78.00"},
        dates=ISSUED,
    ),
)

REDUCTIONS = (
    Situation(
        name="item_discount",
        story="25 off one line.",
        invoices=(invoice(line(10_000, discounts=[discount(2500)]), line(3000, "Add-on", number=2), total=10_500),),
        effect={"receivable": "105.00", "discount": "25.00", "sales": "-130.00"},
        dates=ISSUED,
    ),
    Situation(
        name="invoice_discount",
        story="10% off the whole invoice, which Stripe spreads over the lines.",
        invoices=(
            invoice(
                line(6000, discounts=[discount(600)]),
                line(4000, "Add-on", number=2, discounts=[discount(400)]),
                total=9000,
            ),
        ),
        effect={"receivable": "90.00", "discount": "10.00", "sales": "-100.00"},
        dates=ISSUED,
    ),
    Situation(
        name="item_and_invoice_discount",
        story="20 off the line, then 10% of the remaining 80 off the invoice.",
        invoices=(
            invoice(line(10_000, discounts=[discount(2000, "di_item"), discount(800, "di_invoice")]), total=7200),
        ),
        effect={"receivable": "72.00", "discount": "28.00", "sales": "-100.00"},
        dates=ISSUED,
    ),
    Situation(
        name="billing_credits",
        story="30 of the customer's billing credits are used up.",
        invoices=(invoice(line(10_000, credits_=[credit(3000)]), total=7000),),
        effect={"receivable": "70.00", "discount": "30.00", "sales": "-100.00"},
        dates=ISSUED,
    ),
    Situation(
        name="zero_total",
        story="A plan of 50 for nothing: revenue and discount are shown, and nothing is owed.",
        invoices=(invoice(line(5000, discounts=[discount(5000)]), total=0),),
        effect={"discount": "50.00", "sales": "-50.00"},
        dates=ISSUED,
    ),
    Situation(
        name="zero_lines",
        story="A free trial: all lines are zero, so there is nothing to book.",
        invoices=(invoice(line(0, "Trial period for Pro plan"), total=0),),
        skipped={"in_1:invoice": "zero_invoice"},
    ),
)

TAXES = (
    Situation(
        name="exclusive_tax",
        story="8.25% on top; Stripe's own amount goes to the tax item.",
        invoices=(invoice(line(10_000, taxes=[tax(825)]), total=10_825),),
        effect={"receivable": "108.25", "sales": "-100.00", "tax": "-8.25"},
        dates=ISSUED,
    ),
    Situation(
        name="two_tax_rates",
        story="State tax on both lines, county tax on one: a tax line for each rate.",
        invoices=(
            invoice(
                line(10_000, taxes=[tax(600, "txr_state"), tax(125, "txr_county")]),
                line(5000, "Add-on", number=2, taxes=[tax(300, "txr_state")]),
                total=16_025,
            ),
        ),
        effect={"receivable": "160.25", "sales": "-150.00", "tax": "-10.25"},
        dates=ISSUED,
    ),
    Situation(
        name="inclusive_tax_with_discount",
        story="120 with 20% tax within, 12 off: 108 are owed, of which 18 are tax; revenue is 102 - 12 = 90.",
        invoices=(
            invoice(
                line(12_000, discounts=[discount(1200)], taxes=[tax(1800, "txr_vat", inclusive=True)]), total=10_800
            ),
        ),
        effect={"receivable": "108.00", "discount": "12.00", "sales": "-102.00", "tax": "-18.00"},
        dates=ISSUED,
    ),
    Situation(
        name="shipping_with_tax",
        story="Goods of 40 and shipping of 10, both taxed with the same rate: one tax line of 3.30 + 0.83.",
        invoices=(invoice(line(4000, "Globe", taxes=[tax(330)]), total=5413, shipping_cost=shipping(1000, 83)),),
        effect={"receivable": "54.13", "sales": "-40.00", "shipping": "-10.00", "tax": "-4.13"},
        dates=ISSUED,
    ),
)

NAMES = (
    Situation(
        name="long_number_with_prefix",
        story="Prefix and number are longer than the 21 characters that QuickBooks takes: the end becomes a hash.",
        invoices=(invoice(line(1000), total=1000) | {"number": "ACME-WHOLESALE-2026-000123"},),
        policy=Policy(doc_number_prefix="ST-"),
        effect={"receivable": "10.00", "sales": "-10.00"},
        dates=ISSUED,
    ),
    Situation(
        name="awkward_customer_names",
        story="Names with what QuickBooks forbids, without any letter, and none at all.",
        invoices=tuple(
            invoice(line(100), total=100, number=number, customer=customer(name, number=number))
            for number, name in enumerate(
                ("O'Connor & Sons: Plumbing", "  Tab\tand  spaces ", "Rocket 🚀 Labs", "株式会社さくら商事", "", None),
                start=1,
            )
        ),
        effect={"receivable": "6.00", "sales": "-6.00"},
        dates={f"in_{number}:invoice": "2026-11-10" for number in range(1, 7)},
    ),
    Situation(
        name="email_allowed_by_policy",
        story="The policy lets the e-mail address into QuickBooks; without it only the name goes there.",
        invoices=(invoice(line(1000), total=1000, customer=customer(email="books@acme.example")),),
        policy=Policy(customer_fields=frozenset({CustomerField.EMAIL})),
        effect={"receivable": "10.00", "sales": "-10.00"},
        dates=ISSUED,
    ),
)

DATES = (
    Situation(
        name="void_in_the_month",
        story="Issued on the 10th and voided on the 20th of the same month: void in QuickBooks, too.",
        invoices=(_voided("2026-11-20T18:00:00Z"),),
        dates=ISSUED,
    ),
    Situation(
        name="void_in_a_later_month",
        story="Voided in December: November was reported, so the invoice stays; a credit memo of December settles it.",
        invoices=(_voided("2026-12-02T18:00:00Z"),),
        effect={},
        months={
            "2026-11": {"receivable": "100.00", "sales": "-100.00"},
            "2026-12": {"receivable": "-100.00", "sales": "100.00"},
        },
        dates={
            "in_1:invoice": "2026-11-10",
            "in_1:reversal": "2026-12-02",
            "in_1:reversal_application": "2026-12-02",
        },
    ),
    Situation(
        name="month_end_in_los_angeles",
        story="1 December 03:00 UTC is still 30 November in the books of Los Angeles.",
        invoices=(invoice(line(1000), total=1000, finalized="2026-12-01T03:00:00Z", due="2027-01-01T03:00:00Z"),),
        effect={"receivable": "10.00", "sales": "-10.00"},
        dates={"in_1:invoice": "2026-11-30"},
    ),
    Situation(
        name="month_end_in_tokyo",
        story="31 October 16:00 UTC is already 1 November in the books of Tokyo.",
        invoices=(invoice(line(1000), total=1000, finalized="2026-10-31T16:00:00Z"),),
        policy=Policy(timezone=ZoneInfo("Asia/Tokyo")),
        effect={"receivable": "10.00", "sales": "-10.00"},
        dates={"in_1:invoice": "2026-11-01"},
    ),
)

SELLING = (*LINES, *REDUCTIONS, *TAXES, *NAMES, *DATES)
