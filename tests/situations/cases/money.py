"""Money that moves beside invoices: refunds, and charges that pay no invoice."""

from collections.abc import Callable
from typing import Any

from tests.integration.desk import Desk
from tests.situations.case import Case
from tests.situations.scene import Scene
from wescope.books.policy import ItemRule, Policy

CLEARING, SALES, REFUNDS = "Stripe Clearing", "Sales of Product Income", "Stripe Refunds"
SERVICES, TAX = "Services", "Sales Tax Payable"

Part = Callable[[Desk, Scene], None]


def _paid(scene: Scene, **values: Any) -> str:
    """An invoice of 100 for Ada, paid by card at once on 10 September; answers the charge."""
    scene.at("2026-09-10T18:00:00Z")
    return scene.pay(scene.invoice(scene.customer(), 10_000), **values)


def _refund(moment: str, **values: Any) -> Callable[[Scene], None]:
    """The paid invoice of 100, refunded at a moment."""

    def play(scene: Scene) -> None:
        charge = _paid(scene)
        scene.at(moment).do("create_refund", charge=charge, **values)

    return play


def _newest(scene: Scene, kind: str) -> dict[str, Any]:
    return dict(scene.business.account.store.all(kind)[-1])


def _until(moment: str) -> Part:
    def wait(_: Desk, scene: Scene) -> None:
        scene.at(moment)

    return wait


def _receipts(desk: Desk, entity: str, count: int) -> None:
    assert len(desk.qbo.company.objects(entity)) == count


def _several_refunds(scene: Scene) -> None:
    charge = _paid(scene)
    for moment, amount in (
        ("2026-09-12T18:00:00Z", 2000),
        ("2026-09-12T19:00:00Z", 3000),
        ("2026-10-02T18:00:00Z", 5000),
    ):
        scene.at(moment).do("create_refund", charge=charge, amount=amount)


def _no_receipt_yet(desk: Desk, scene: Scene) -> None:
    _receipts(desk, "RefundReceipt", 0)
    scene.at("2026-09-15T18:00:00Z")


def _fails_after_receipt(moment: str) -> Part:
    def fail(desk: Desk, scene: Scene) -> None:
        _receipts(desk, "RefundReceipt", 1)
        scene.at(moment).do("fail_refund", id=_newest(scene, "refund")["id"], reason="expired_or_canceled_card")

    return fail


def _cancels(moment: str, *, receipts: int) -> Part:
    def cancel(desk: Desk, scene: Scene) -> None:
        _receipts(desk, "RefundReceipt", receipts)
        scene.at(moment).do("cancel_refund", id=_newest(scene, "refund")["id"])

    return cancel


def _taxed(scene: Scene) -> tuple[str, str, str]:
    """Two lines of 50 with 8 % of tax, 108 in all, paid; answers the invoice, its first line and the charge."""
    scene.at("2026-09-10T18:00:00Z")
    rate = scene.do("create_tax_rate", display_name="Sales tax", percentage="8")["id"]
    lines = [{"amount": 5000, "description": text, "tax_rates": [rate]} for text in ("Atlas", "Globe")]
    invoice = scene.invoice(scene.customer(), lines=lines)
    charge = scene.pay(invoice)
    return invoice, str(scene.business.account.store.lines[invoice][0]["id"]), charge


def _credit_note_refunds(scene: Scene) -> None:
    invoice, line, _ = _taxed(scene)
    scene.at("2026-09-14T18:00:00Z").do(
        "create_credit_note", invoice=invoice, lines=[{"invoice_line": line, "quantity": 1}], refund_amount=5400
    )


def _refund_of_54(scene: Scene) -> None:
    _, _, charge = _taxed(scene)
    scene.at("2026-09-12T18:00:00Z").do("create_refund", charge=charge, amount=5400)


def _refund_of_60(scene: Scene) -> None:
    _, _, charge = _taxed(scene)
    scene.at("2026-09-12T18:00:00Z").do("create_refund", charge=charge, amount=6000)


def _credit_note_names_it(desk: Desk, scene: Scene) -> None:
    _receipts(desk, "RefundReceipt", 1)
    invoice, refund = _newest(scene, "invoice")["id"], _newest(scene, "refund")
    line = scene.business.account.store.lines[invoice][0]["id"]
    scene.at("2026-09-14T18:00:00Z").do(
        "create_credit_note",
        invoice=invoice,
        lines=[{"invoice_line": line, "quantity": 1}],
        refunds=[{"refund": refund["id"], "amount_refunded": 5400}],
    )


def _refund_of_debit(scene: Scene) -> None:
    charge = _paid(scene, method="debit")
    scene.at("2026-09-20T18:00:00Z").do("create_refund", charge=charge, amount=4000)


def _refund_of_sale(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    charge = scene.do("create_charge", customer=scene.customer(), amount=2500)
    scene.at("2026-09-11T18:00:00Z").do("create_refund", charge=charge["id"], amount=1000)


REFUNDS_OF_MONEY = (
    Case(
        name="refund_in_full",
        story="A paid invoice of 100 is refunded in full five days later, without a credit note.",
        play=_refund("2026-09-15T18:00:00Z"),
        balances={SALES: "-100.00", REFUNDS: "100.00"},
        dates={"in_1:invoice": "2026-09-10", "ch_1:payment": "2026-09-10", "re_1:refund_receipt": "2026-09-15"},
    ),
    Case(
        name="refund_in_part",
        story="30 of a paid invoice of 100 are refunded in the next month.",
        play=_refund("2026-10-05T18:00:00Z", amount=3000),
        balances={CLEARING: "70.00", SALES: "-100.00", REFUNDS: "30.00"},
        dates={"re_1:refund_receipt": "2026-10-05"},
    ),
    Case(
        name="refund_in_several_parts",
        story="An invoice of 100 is refunded by 20 and 30 on one day and by the last 50 in the next month.",
        play=_several_refunds,
        balances={SALES: "-100.00", REFUNDS: "100.00"},
        dates={
            "re_1:refund_receipt": "2026-09-12",
            "re_2:refund_receipt": "2026-09-12",
            "re_3:refund_receipt": "2026-10-02",
        },
    ),
    Case(
        name="refund_pending_then_succeeded",
        story="A refund of 40 is pending for two days and moves money only then; nothing is posted before.",
        play=_refund("2026-09-12T18:00:00Z", amount=4000, outcome="pending"),
        then=(_no_receipt_yet,),
        balances={CLEARING: "60.00", SALES: "-100.00", REFUNDS: "40.00"},
        dates={"re_1:refund_receipt": "2026-09-14"},
    ),
    Case(
        name="refund_still_pending",
        story="A refund of 40 has not moved money yet: it is named with its amount, and nothing is posted.",
        play=_refund("2026-09-12T18:00:00Z", amount=4000, outcome="pending"),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        parked={"re_1:refund_receipt": "refund_pending"},
        at_stake={"re_1:refund_receipt": "40.00 usd"},
    ),
    Case(
        name="refund_fails_in_its_month",
        story="A refund of 40 comes back a week later in the same month: its receipt is gone, as if it never was.",
        play=_refund("2026-09-12T18:00:00Z", amount=4000),
        then=(_fails_after_receipt("2026-09-19T18:00:00Z"),),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        void=("re_1:refund_receipt",),
    ),
    Case(
        name="refund_fails_in_a_later_month",
        story="A refund of 40 in September comes back in October: September stands, October has a sales receipt.",
        play=_refund("2026-09-28T18:00:00Z", amount=4000),
        then=(_fails_after_receipt("2026-10-05T18:00:00Z"),),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"re_1:refund_receipt": "2026-09-28", "re_1:reversal": "2026-10-05"},
    ),
    Case(
        name="refund_canceled_before_money_moved",
        story="A pending refund is canceled before any money moved: no document was ever needed.",
        play=_refund("2026-09-12T18:00:00Z", amount=4000, outcome="pending"),
        then=(_cancels("2026-09-13T18:00:00Z", receipts=0),),
        balances={CLEARING: "100.00", SALES: "-100.00"},
    ),
    Case(
        name="refund_canceled_after_money_moved",
        story="A refund needs the customer to act; its money has left the balance. It is canceled in the same month.",
        play=_refund("2026-09-12T18:00:00Z", amount=4000, outcome="requires_action"),
        then=(_cancels("2026-09-20T18:00:00Z", receipts=1),),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        void=("re_1:refund_receipt",),
    ),
    Case(
        name="refund_expires_in_a_later_month",
        story="A refund needs the customer to act, who never does: after 45 days it is canceled, in another month.",
        play=_refund("2026-09-12T18:00:00Z", amount=4000, outcome="requires_action"),
        then=(_until("2026-11-01T18:00:00Z"),),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"re_1:refund_receipt": "2026-09-12", "re_1:reversal": "2026-10-27"},
    ),
    Case(
        name="refund_requires_action",
        story="A refund waits for the customer's bank details; Stripe has taken 40 from the balance already.",
        play=_refund("2026-09-12T18:00:00Z", amount=4000, outcome="requires_action"),
        balances={CLEARING: "60.00", SALES: "-100.00", REFUNDS: "40.00"},
        dates={"re_1:refund_receipt": "2026-09-12"},
    ),
    Case(
        name="refund_by_credit_note",
        story="One of two lines of 50 with 8 % tax is credited and refunded at once: sales and tax are taken back.",
        play=_credit_note_refunds,
        balances={CLEARING: "54.00", SALES: "-50.00", TAX: "-4.00"},
        dates={"re_1:refund_receipt": "2026-09-14"},
    ),
    Case(
        name="refund_named_by_credit_note_later",
        story="A refund of 54 is booked; two days later a credit note says what it was for. The receipt follows it.",
        play=_refund_of_54,
        then=(_credit_note_names_it,),
        balances={CLEARING: "54.00", SALES: "-50.00", TAX: "-4.00"},
        dates={"re_1:refund_receipt": "2026-09-12"},
    ),
    Case(
        name="refund_named_in_part_by_credit_note",
        story="Of a refund of 60 a credit note explains 54: sales, tax, and a rest of 6 on the refunds item.",
        play=_refund_of_60,
        then=(_credit_note_names_it,),
        balances={CLEARING: "48.00", SALES: "-50.00", TAX: "-4.00", REFUNDS: "6.00"},
        dates={"re_1:refund_receipt": "2026-09-12"},
    ),
    Case(
        name="refund_of_a_bank_debit",
        story="An invoice of 100 is paid by bank debit, which takes four days; 40 are refunded after that.",
        play=_refund_of_debit,
        balances={CLEARING: "60.00", SALES: "-100.00", REFUNDS: "40.00"},
        dates={"py_1:payment": "2026-09-14", "pyr_1:refund_receipt": "2026-09-20"},
    ),
    Case(
        name="refund_of_a_sale",
        story="10 of a sale of 25 without invoice are refunded on the next day.",
        play=_refund_of_sale,
        balances={CLEARING: "15.00", SALES: "-25.00", REFUNDS: "10.00"},
        dates={"ch_1:sales_receipt": "2026-09-10", "re_1:refund_receipt": "2026-09-11"},
    ),
)


def _sale(moment: str = "2026-09-10T18:00:00Z", *, guest: bool = False, **values: Any) -> Callable[[Scene], None]:
    """A charge without invoice at a moment, of 25 unless said."""

    def play(scene: Scene) -> None:
        scene.at(moment)
        buyer = {} if guest else {"customer": scene.customer()}
        scene.do("create_charge", **{"amount": 2500, **buyer, **values})

    return play


def _debited(scene: Scene) -> None:
    _sale(method="debit")(scene)
    scene.at("2026-09-16T18:00:00Z")


def _succeeds(desk: Desk, scene: Scene) -> None:
    _receipts(desk, "SalesReceipt", 0)
    scene.at("2026-09-16T18:00:00Z")


def _fails(moment: str) -> Part:
    def fail(desk: Desk, scene: Scene) -> None:
        _receipts(desk, "SalesReceipt", 1)
        scene.at(moment).do("fail_charge_later", id=_newest(scene, "charge")["id"])

    return fail


def _captures(moment: str, amount: int | None = None) -> Part:
    def capture(desk: Desk, scene: Scene) -> None:
        _receipts(desk, "SalesReceipt", 0)
        wanted = {} if amount is None else {"amount": amount}
        scene.at(moment).do("capture_charge", id=_newest(scene, "charge")["id"], **wanted)

    return capture


def _adds_class(desk: Desk, _: Scene) -> None:
    _receipts(desk, "SalesReceipt", 1)
    desk.qbo.company.human("Class", "create", {"Name": "Wholesale"})


def _sales_of_two_kinds(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    scene.do("create_charge", amount=2500, metadata={"kind": "lecture"})
    scene.do("create_charge", amount=4000, metadata={"kind": "map"})


SALES_WITHOUT_INVOICE = (
    Case(
        name="sale_to_a_customer",
        story="A known customer pays 25 without an invoice.",
        play=_sale(),
        balances={CLEARING: "25.00", SALES: "-25.00"},
        dates={"ch_1:sales_receipt": "2026-09-10"},
    ),
    Case(
        name="sale_to_a_guest",
        story="Somebody whom Stripe has no customer for pays 25: a sales receipt without a customer.",
        play=_sale(guest=True, name="Grace Hopper", email="grace@example.com"),
        balances={CLEARING: "25.00", SALES: "-25.00"},
        dates={"ch_1:sales_receipt": "2026-09-10"},
    ),
    Case(
        name="sale_by_bank_debit",
        story="A bank debit of 25 is pending for four days: the sale is dated when the money is there.",
        play=_sale(method="debit"),
        then=(_succeeds,),
        balances={CLEARING: "25.00", SALES: "-25.00"},
        dates={"py_1:sales_receipt": "2026-09-14"},
    ),
    Case(
        name="sale_by_bank_debit_still_pending",
        story="A bank debit of 25 is on its way: no money has moved, so there is no document, and nothing waits.",
        play=_sale(method="debit"),
        balances={},
    ),
    Case(
        name="sale_by_bank_debit_fails_in_its_month",
        story="A bank debit of 25 succeeds and fails six days later in the same month: the receipt is voided.",
        play=_debited,
        then=(_fails("2026-09-20T18:00:00Z"),),
        balances={},
        void=("py_1:sales_receipt",),
    ),
    Case(
        name="sale_by_bank_debit_fails_in_a_later_month",
        story="A bank debit of 25 succeeds in September and fails in October: a refund receipt in October undoes it.",
        play=_debited,
        then=(_fails("2026-10-03T18:00:00Z"),),
        balances={},
        dates={"py_1:sales_receipt": "2026-09-14", "py_1:reversal": "2026-10-03"},
    ),
    Case(
        name="sale_captured_in_part",
        story="100 are authorized and 60 captured; what was not captured is no refund.",
        play=_sale(amount=10_000, capture_method="manual", capture_amount=6000),
        balances={CLEARING: "60.00", SALES: "-60.00"},
        dates={"ch_1:sales_receipt": "2026-09-10"},
    ),
    Case(
        name="sale_authorized_only",
        story="100 are authorized on a card and never captured: no money, no document.",
        play=_sale(amount=10_000, capture_method="manual"),
        balances={},
    ),
    Case(
        name="sale_captured_later",
        story="100 are authorized on 29 September and captured on 2 October: the sale is October's.",
        play=_sale("2026-09-29T18:00:00Z", amount=10_000, capture_method="manual"),
        then=(_captures("2026-10-02T18:00:00Z"),),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"ch_1:sales_receipt": "2026-10-02"},
    ),
    Case(
        name="sale_by_item_rules",
        story="Lectures are on an item of their own by a rule; maps are not. The rule's class is missing in QuickBooks "
        "at first: that sale waits, the other one does not.",
        play=_sales_of_two_kinds,
        then=(_adds_class,),
        balances={CLEARING: "65.00", SALES: "-40.00", SERVICES: "-25.00"},
        dates={"ch_1:sales_receipt": "2026-09-10", "ch_2:sales_receipt": "2026-09-10"},
        policy=Policy(item_rules=(ItemRule(metadata={"kind": "lecture"}, item="Hours", class_name="Wholesale"),)),
        knobs={"class_tracking": "line"},
    ),
)

MONEY: tuple[Case, ...] = (*REFUNDS_OF_MONEY, *SALES_WITHOUT_INVOICE)
