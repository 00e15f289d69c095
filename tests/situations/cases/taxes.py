"""Taxes, items, classes and numbers: how what was sold is written, in the United States and elsewhere."""

from typing import Any

from tests.situations.case import Case
from tests.situations.scene import Json, Scene
from wescope.books.policy import ItemRule, Policy
from wescope.config import PolicyFile
from wescope.config.policy_file import TaxPolicy

AR, CLEARING, SALES = "Accounts Receivable (A/R)", "Stripe Clearing", "Sales of Product Income"
TAX, REFUNDS, SERVICES = "Sales Tax Payable", "Stripe Refunds", "Services"

US = {"using_sales_tax": True, "automated_sales_tax": True, "sales_tax_percent": "8.0"}
GB = {"country": "GB", "home_currency": "GBP"}
POUNDS = Policy(home_currency="gbp")
IN_POUNDS = {"default_currency": "gbp"}
NATIVE_US = PolicyFile(tax=TaxPolicy(native=True, code="California"))
NATIVE_GB = PolicyFile(
    tax=TaxPolicy(
        native=True,
        codes={
            "txr_full": "20.0% S",
            "txr_low": "5.0% R",
            "txr_full_inclusive": "20.0% S",
            "none": "No VAT",
        },
    )
)
UNKNOWN_GB = PolicyFile(tax=TaxPolicy(native=True, codes={"txr_low": "5.0% R", "none": "No VAT"}))


def _rate(scene: Scene, identifier: str, percentage: str, *, inclusive: bool = False) -> str:
    """A tax rate whose id the policy file can name."""
    at = scene.business.account.clock.tick()
    made = scene.business.catalogue.tax_rate("Tax", percentage, at, inclusive=inclusive, identifier=identifier)
    return str(made["id"])


def _sell(scene: Scene, *lines: tuple[int, tuple[str, ...]], currency: str = "usd") -> str:
    """An invoice with a line per amount and its tax rates."""
    drafts: list[Json] = [
        {"amount": amount, "description": f"Line {number}", "tax_rates": list(rates)}
        for number, (amount, rates) in enumerate(lines, start=1)
    ]
    return str(scene.do("create_invoice", customer=scene.customer(), lines=drafts, currency=currency)["id"])


def _american(scene: Scene) -> str:
    scene.at("2026-09-10T18:00:00Z")
    return _sell(scene, (20_000, (_rate(scene, "txr_us", "7.25"),)))


def _american_invoice(scene: Scene) -> None:
    _american(scene)


def _american_in_part(scene: Scene) -> None:
    """One taxed line and one that is not."""
    scene.at("2026-09-10T18:00:00Z")
    _sell(scene, (20_000, (_rate(scene, "txr_us", "7.25"),)), (5000, ()))


def _american_inclusive(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    _sell(scene, (11_000, (_rate(scene, "txr_us", "10", inclusive=True),)))


def _half_of(scene: Scene, invoice: str, **parts: Any) -> None:
    line = scene.business.account.store.lines[invoice][0]["id"]
    scene.do("create_credit_note", invoice=invoice, lines=[{"invoice_line": line, "amount": 10_000}], **parts)


def _american_credit_note(scene: Scene) -> None:
    invoice = _american(scene)
    scene.at("2026-09-12T18:00:00Z")
    _half_of(scene, invoice)


def _american_refund(scene: Scene) -> None:
    invoice = _american(scene)
    scene.at("2026-09-12T18:00:00Z").pay(invoice)
    scene.at("2026-09-20T18:00:00Z")
    _half_of(scene, invoice, refund_amount=10_725)


def _american_plain_refund(scene: Scene) -> None:
    invoice = _american(scene)
    charge = scene.at("2026-09-12T18:00:00Z").pay(invoice)
    scene.at("2026-09-20T18:00:00Z").do("create_refund", charge=charge, amount=5000)


def _british(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    _sell(scene, (10_000, (_rate(scene, "txr_full", "20"),)), currency="gbp")


def _british_two_rates(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    full, low = _rate(scene, "txr_full", "20"), _rate(scene, "txr_low", "5")
    _sell(scene, (10_000, (full,)), (5000, (low,)), (3000, ()), currency="gbp")


def _british_inclusive(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    _sell(scene, (12_000, (_rate(scene, "txr_full_inclusive", "20", inclusive=True),)), currency="gbp")


def _british_pennies(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    full = _rate(scene, "txr_full", "20")
    _sell(scene, *[(1003, (full,))] * 3, currency="gbp")


def _british_credit_and_refund(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    invoice = _sell(scene, (20_000, (_rate(scene, "txr_full", "20"),)), currency="gbp")
    scene.at("2026-09-12T18:00:00Z").pay(invoice)
    scene.at("2026-09-20T18:00:00Z")
    _half_of(scene, invoice, refund_amount=12_000)


def _discounted(scene: Scene, rate: str, percentage: str, currency: str) -> None:
    """A tenth off a taxed line of 200.00."""
    scene.at("2026-09-10T18:00:00Z")
    coupon = scene.do("create_coupon", name="Tenth", percent_off="10")["id"]
    line = {"amount": 20_000, "description": "Atlas", "tax_rates": [_rate(scene, rate, percentage)]}
    scene.do(
        "create_invoice", customer=scene.customer(), currency=currency, lines=[{**line, "coupons": [coupon]}]
    )  # fmt: skip


def _american_discount(scene: Scene) -> None:
    _discounted(scene, "txr_us", "7.25", "usd")


def _british_discount(scene: Scene) -> None:
    _discounted(scene, "txr_full", "20", "gbp")


def _american_void(scene: Scene) -> None:
    invoice = _american(scene)
    scene.at("2026-10-12T18:00:00Z").do("void_invoice", id=invoice)


def _american_two_rates(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    _sell(scene, (20_000, (_rate(scene, "txr_state", "7"), _rate(scene, "txr_town", "0.25"))))


def _british_write_off(scene: Scene) -> None:
    _british(scene)
    invoice = scene.business.account.store.all("invoice")[-1]["id"]
    scene.at("2026-10-12T18:00:00Z").do("mark_uncollectible", id=invoice)


def _discount_is_taxed_alike(desk: Any, _scene: Scene) -> None:
    """A discount of a taxed line lowers the taxed sales of QBO's report, too."""
    (invoice,) = desk.records("Invoice")
    lines = [line for line in invoice["Line"] if "SalesItemLineDetail" in line]
    assert [line["SalesItemLineDetail"]["TaxCodeRef"]["value"] for line in lines] == ["TAX", "TAX"]


def _override_is_honoured_again(desk: Any, _scene: Scene) -> None:
    assert (desk.balance(AR), desk.records("Invoice")) == (0, [])
    desk.qbo.company.turn(automated_tax_override="honour")


# --- items, classes, numbers ------------------------------------------------------------------------------------------


def _nothing(_scene: Scene) -> None:
    """All of it happens after QBO was prepared."""


def _two_classes_and_a_sale(desk: Any, scene: Scene) -> None:
    for name in ("Maps", "Fairs"):
        desk.qbo.company.human("Class", "create", {"Name": name})
    at = int(scene.at("2026-09-10T18:00:00Z").business.account.clock.now())
    atlas = scene.business.catalogue.product("Atlas", at, identifier="prod_atlas")
    globe = scene.business.catalogue.product("Globe", at, identifier="prod_globe")
    prices = [
        scene.business.catalogue.price(atlas, "3000", at)["id"],
        scene.business.catalogue.price(globe, "7000", at, identifier="price_fair")["id"],
        scene.business.catalogue.price(globe, "9000", at)["id"],
    ]
    scene.do("create_invoice", customer=scene.customer(), lines=[{"price": price} for price in prices])
    scene.at("2026-09-11T18:00:00Z").do("create_charge", amount=500, metadata={"stand": "fair"})


def _items_and_classes(desk: Any, _scene: Scene) -> None:
    items = {one["Id"]: one["Name"] for one in desk.qbo.company.objects("Item")}
    classes = {one["Id"]: one["Name"] for one in desk.qbo.company.objects("Class")}

    def shown(record: Json) -> list[tuple[str, str | None]]:
        details = [line["SalesItemLineDetail"] for line in record["Line"] if "SalesItemLineDetail" in line]
        return [
            (items[one["ItemRef"]["value"]], classes.get(one.get("ClassRef", {}).get("value", ""))) for one in details
        ]

    assert shown(desk.records("Invoice")[0]) == [("Hours", "Maps"), ("Services", None), ("Stripe Sales", None)]
    assert shown(desk.records("SalesReceipt")[0]) == [("Services", "Fairs")]


def _three_numbers(scene: Scene) -> None:
    customer = scene.at("2026-09-10T18:00:00Z").customer()
    for number in ("0042", "WEST-2026-000000001", "WEST-2026-000000002"):
        invoice = scene.invoice(customer, 1000)
        scene.business.invoices.find(invoice)["number"] = number


def _numbers_are_short_and_different(desk: Any, _scene: Scene) -> None:
    numbers = [one["DocNumber"] for one in desk.records("Invoice")]
    assert numbers[0] == "WS-0042"
    assert [len(number) for number in numbers[1:]] == [21, 21]
    assert len(set(numbers)) == 3
    assert all(number.startswith("WS-WEST-20") for number in numbers[1:])


TAXES = (
    Case(
        name="us_native_tax",
        story="Stripe collected 7.25 % on 200.00. QBO's automated sales tax would say 8 %; the total that is sent is "
        "what counts: 14.50.",
        play=_american_invoice,
        balances={AR: "214.50", SALES: "-200.00", TAX: "-14.50"},
        open={"Ada Lovelace": "214.50"},
        knobs=US,
        file=NATIVE_US,
    ),
    Case(
        name="us_native_tax_on_some_lines",
        story="200.00 are taxed at 7.25 %, 50.00 are not: the first line is TAX, the second NON.",
        play=_american_in_part,
        balances={AR: "264.50", SALES: "-250.00", TAX: "-14.50"},
        open={"Ada Lovelace": "264.50"},
        knobs=US,
        file=NATIVE_US,
    ),
    Case(
        name="us_native_but_sales_tax_is_off",
        story="Native tax is wanted, but sales tax is off in QBO: the tax is posted on a line of its own instead.",
        play=_american_invoice,
        balances={AR: "214.50", SALES: "-200.00", TAX: "-14.50"},
        open={"Ada Lovelace": "214.50"},
        file=NATIVE_US,
    ),
    Case(
        name="us_lines_with_sales_tax_on",
        story="Tax by lines in a company whose sales tax is on: every line is NON, so QBO adds no tax of its own.",
        play=_american_invoice,
        balances={AR: "214.50", SALES: "-200.00", TAX: "-14.50"},
        open={"Ada Lovelace": "214.50"},
        knobs=US,
    ),
    Case(
        name="us_native_tax_is_computed_anew",
        story="QBO's engine books 16.00 (8 %) where 14.50 were sent: noticed, taken back and parked. When it takes the "
        "total that is sent, the invoice follows by itself.",
        play=_american_invoice,
        balances={AR: "214.50", SALES: "-200.00", TAX: "-14.50"},
        open={"Ada Lovelace": "214.50"},
        then=(_override_is_honoured_again,),
        knobs={**US, "automated_tax_override": "recompute"},
        file=NATIVE_US,
    ),
    Case(
        name="us_native_inclusive_tax",
        story="110.00 contain 10 % of tax: 100.00 of revenue and 10.00 of tax.",
        play=_american_inclusive,
        balances={AR: "110.00", SALES: "-100.00", TAX: "-10.00"},
        open={"Ada Lovelace": "110.00"},
        knobs=US,
        file=NATIVE_US,
    ),
    Case(
        name="us_native_credit_note",
        story="Half of 214.50 is credited before payment, with its half of the tax.",
        play=_american_credit_note,
        balances={AR: "107.25", SALES: "-100.00", TAX: "-7.25"},
        open={"Ada Lovelace": "107.25"},
        knobs=US,
        file=NATIVE_US,
    ),
    Case(
        name="us_native_credit_note_with_refund",
        story="Half of the paid 214.50 is credited and refunded: the refund receipt takes back 100.00 of revenue and "
        "7.25 of tax.",
        play=_american_refund,
        balances={CLEARING: "107.25", SALES: "-100.00", TAX: "-7.25"},
        dates={"re_1:refund_receipt": "2026-09-20"},
        knobs=US,
        file=NATIVE_US,
    ),
    Case(
        name="us_native_refund_without_credit_note",
        story="50.00 are refunded without a credit note: nothing says what they were for, so they are on the refunds "
        "item, without tax.",
        play=_american_plain_refund,
        balances={CLEARING: "164.50", SALES: "-200.00", TAX: "-14.50", REFUNDS: "50.00"},
        knobs=US,
        file=NATIVE_US,
    ),
    Case(
        name="us_native_discount",
        story="A tenth off 200.00, and 7.25 % on the rest: 13.05. Line and discount are both taxable.",
        play=_american_discount,
        balances={AR: "193.05", SALES: "-200.00", "Discounts given": "20.00", TAX: "-13.05"},
        open={"Ada Lovelace": "193.05"},
        then=(_discount_is_taxed_alike,),
        knobs=US,
        file=NATIVE_US,
    ),
    Case(
        name="us_native_two_rates_on_a_line",
        story="7 % of the state (14.00) and 0.25 % of the town (0.50) on one line: one total of 14.50.",
        play=_american_two_rates,
        balances={AR: "214.50", SALES: "-200.00", TAX: "-14.50"},
        open={"Ada Lovelace": "214.50"},
        knobs=US,
        file=NATIVE_US,
    ),
    Case(
        name="us_native_void_a_month_later",
        story="The invoice of September is voided in October: a credit memo takes back revenue and tax.",
        play=_american_void,
        balances={},
        dates={"in_1:invoice": "2026-09-10", "in_1:reversal": "2026-10-12"},
        knobs=US,
        file=NATIVE_US,
    ),
    Case(
        name="gb_native_discount",
        story="A tenth off 200.00, and 20 % of VAT on the rest: 36.00.",
        play=_british_discount,
        balances={AR: "216.00", SALES: "-200.00", "Discounts given": "20.00", TAX: "-36.00"},
        open={"Ada Lovelace": "216.00"},
        knobs=GB,
        policy=POUNDS,
        file=NATIVE_GB,
        stripe=IN_POUNDS,
    ),
    Case(
        name="gb_native_write_off",
        story="120.00 are written off: all of it is bad debt, without VAT.",
        play=_british_write_off,
        balances={"Bad Debts": "120.00", SALES: "-100.00", TAX: "-20.00"},
        knobs=GB,
        policy=POUNDS,
        file=NATIVE_GB,
        stripe=IN_POUNDS,
    ),
    Case(
        name="gb_lines",
        story="A British company with tax by lines: the form says that no VAT of QBO's applies, and the VAT of 20.00 "
        "is a line.",
        play=_british,
        balances={AR: "120.00", SALES: "-100.00", TAX: "-20.00"},
        open={"Ada Lovelace": "120.00"},
        knobs=GB,
        policy=POUNDS,
        stripe=IN_POUNDS,
    ),
    Case(
        name="gb_native_two_rates",
        story="100.00 at 20 %, 50.00 at 5 % and 30.00 without VAT: each line has its tax code, each rate its amount.",
        play=_british_two_rates,
        balances={AR: "202.50", SALES: "-180.00", TAX: "-22.50"},
        open={"Ada Lovelace": "202.50"},
        knobs=GB,
        policy=POUNDS,
        file=NATIVE_GB,
        stripe=IN_POUNDS,
    ),
    Case(
        name="gb_native_inclusive",
        story="120.00 contain 20 % of VAT: 100.00 net on the line and 20.00 of tax.",
        play=_british_inclusive,
        balances={AR: "120.00", SALES: "-100.00", TAX: "-20.00"},
        open={"Ada Lovelace": "120.00"},
        knobs=GB,
        policy=POUNDS,
        file=NATIVE_GB,
        stripe=IN_POUNDS,
    ),
    Case(
        name="gb_native_to_the_penny",
        story="Three lines of 10.03: Stripe rounds the VAT of each to 2.01, which is 6.03; QBO would compute 6.02 of "
        "30.09. Stripe's 6.03 is posted.",
        play=_british_pennies,
        balances={AR: "36.12", SALES: "-30.09", TAX: "-6.03"},
        open={"Ada Lovelace": "36.12"},
        knobs=GB,
        policy=POUNDS,
        file=NATIVE_GB,
        stripe=IN_POUNDS,
    ),
    Case(
        name="gb_native_credit_note_with_refund",
        story="Half of the paid 240.00 is credited and refunded: 100.00 of revenue and 20.00 of VAT.",
        play=_british_credit_and_refund,
        balances={CLEARING: "120.00", SALES: "-100.00", TAX: "-20.00"},
        knobs=GB,
        policy=POUNDS,
        file=NATIVE_GB,
        stripe=IN_POUNDS,
    ),
    Case(
        name="gb_native_without_a_code",
        story="The policy names no tax code for the rate of 20 %: the invoice is parked, and nothing is guessed.",
        play=_british,
        balances={},
        parked={"in_1:invoice": "tax_code_missing"},
        at_stake={"in_1:invoice": "120.00 gbp"},
        difference="120.00",
        knobs=GB,
        policy=POUNDS,
        file=UNKNOWN_GB,
        stripe=IN_POUNDS,
    ),
    Case(
        name="items_and_classes_by_rule",
        story="An atlas is on the item Hours in the class Maps by its product, a globe on Services by its price, "
        "another one on the default item; a sale at the fair is on Services in the class Fairs by its metadata.",
        play=_nothing,
        balances={AR: "190.00", CLEARING: "5.00", SERVICES: "-105.00", SALES: "-90.00"},
        open={"Ada Lovelace": "190.00"},
        then=(_two_classes_and_a_sale, _items_and_classes),
        knobs={"class_tracking": "line"},
        policy=Policy(
            item_rules=(
                ItemRule(product="prod_atlas", item="Hours", class_name="Maps"),
                ItemRule(price="price_fair", item="Services"),
                ItemRule(metadata={"stand": "fair"}, item="Services", class_name="Fairs"),
            )
        ),
    ),
    Case(
        name="numbers_with_a_prefix",
        story="A prefix before Stripe's number; what is longer than QBO's 21 characters keeps its beginning and gets a "
        "hash, so that two long numbers stay two.",
        play=_three_numbers,
        balances={AR: "30.00", SALES: "-30.00"},
        open={"Ada Lovelace": "30.00"},
        then=(_numbers_are_short_and_different,),
        policy=Policy(doc_number_prefix="WS-"),
    ),
)
