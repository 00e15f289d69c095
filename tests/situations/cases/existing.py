"""Existing documents: what people and other programs have entered before us is adopted or named, never doubled."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.situations.case import Case
from tests.situations.scene import Scene
from wescope.books.names import payment_reference
from wescope.sandbox.qbo import by_hand

AR, CLEARING, SALES = "Accounts Receivable (A/R)", "Stripe Clearing", "Sales of Product Income"
BANK, FEES, SERVICES = "Checking", "Stripe Fees", "Services"
NAME = "Ada Lovelace"
DAY = "2026-10-15"


def _enter(desk: Any, kind: str, **fields: Any) -> str:
    """A document that a person types; answers its id."""
    outcome = by_hand.enter(desk.qbo.company, kind, fields)
    (made,) = (one for name, one in outcome.body.items() if name != "time")
    assert "Id" in made, made
    return str(made["Id"])


def _remove(desk: Any, entity: str) -> None:
    """Deletes the newest document of an entity by hand."""
    newest = max(desk.qbo.company.objects(entity), key=lambda one: int(one["Id"]))
    assert "wescope:" not in str(newest.get("PrivateNote"))
    outcome = desk.qbo.company.human(entity, "delete", {"Id": newest["Id"]})
    assert "Fault" not in outcome.body


def _newest(scene: Scene, kind: str) -> str:
    return str(scene.business.account.store.all(kind)[-1]["id"])


def _nothing(_scene: Scene) -> None:
    """All of it happens after something was entered in QBO."""


def _known_customer(scene: Scene) -> None:
    """A first invoice, so that QBO has the customer."""
    scene.at("2026-09-10T18:00:00Z")
    scene.invoice(scene.customer(), 2000)


def _second_invoice(scene: Scene) -> str:
    """An invoice of 50 in October; answers its number."""
    scene.at("2026-10-15T18:00:00Z")
    invoice = scene.invoice(_newest(scene, "customer"), 5000)
    return str(scene.find(invoice)["number"])


def _same_invoice(desk: Any, scene: Scene) -> None:
    _enter(desk, "invoice", customer=NAME, amount=50, date=DAY, number=_second_invoice(scene))


def _it_is_paid(_desk: Any, scene: Scene) -> None:
    scene.at("2026-10-20T18:00:00Z").pay(_newest(scene, "invoice"))


def _similar_invoice(desk: Any, scene: Scene) -> None:
    _second_invoice(scene)
    _enter(desk, "invoice", customer=NAME, amount=50, date="2026-10-14", number="HAND-7")


def _similar_invoice_is_removed(desk: Any, _scene: Scene) -> None:
    assert desk.balance(AR) == 70
    _remove(desk, "Invoice")


def _number_of_another_customer(desk: Any, scene: Scene) -> None:
    _enter(desk, "invoice", customer="Cool Cars", amount=30, date=DAY, number=_second_invoice(scene))


def _same_payment(desk: Any, scene: Scene) -> None:
    charge = scene.at("2026-10-15T18:00:00Z").pay(_newest(scene, "invoice"))
    (invoice,) = desk.records("Invoice")
    _enter(
        desk, "payment", customer=NAME, invoice=invoice["Id"], amount=20, date=DAY, account=CLEARING,
        reference=payment_reference(charge),
    )  # fmt: skip


def _similar_payment(desk: Any, scene: Scene) -> None:
    scene.at("2026-10-15T18:00:00Z").pay(_newest(scene, "invoice"))
    (invoice,) = desk.records("Invoice")
    _enter(desk, "payment", customer=NAME, invoice=invoice["Id"], amount=20, date=DAY, account=BANK)


def _similar_payment_is_removed(desk: Any, _scene: Scene) -> None:
    assert (desk.balance(BANK), desk.balance(CLEARING)) == (20, 0)
    _remove(desk, "Payment")


def _sale_of_another_tool(desk: Any, scene: Scene) -> None:
    charge = scene.at("2026-10-15T18:00:00Z").do("create_charge", amount=1200)["id"]
    _enter(
        desk, "sales_receipt", amount=12, date=DAY, account=CLEARING, reference=payment_reference(str(charge))
    )  # fmt: skip


def _paid_on_the_fifteenth(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    invoice = scene.invoice(scene.customer(), 10_000)
    scene.at("2026-09-15T18:00:00Z").pay(invoice)


def _payout_day(scene: Scene) -> str:
    """Lets the payout of 96.80 arrive; answers its arrival date."""
    scene.at("2026-09-24T18:00:00Z")
    arrival = scene.find(_newest(scene, "payout"))["arrival_date"]
    return str(_date(arrival))


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _same_deposit(desk: Any, scene: Scene) -> None:
    _enter(desk, "bank_feed", amount=Decimal("96.80"), category=CLEARING, date=_payout_day(scene))


def _similar_deposit(desk: Any, scene: Scene) -> None:
    _enter(desk, "bank_feed", amount=Decimal("96.80"), category=SERVICES, date=_payout_day(scene))


def _similar_deposit_is_removed(desk: Any, _scene: Scene) -> None:
    assert desk.balance(CLEARING) == 100
    _remove(desk, "Deposit")


def _customer_by_hand(desk: Any, scene: Scene) -> None:
    desk.qbo.company.human("Customer", "create", {"DisplayName": NAME})
    scene.at("2026-10-15T18:00:00Z")
    invoice = scene.invoice(scene.customer(NAME), 5000)
    _enter(desk, "invoice", customer=NAME, amount=50, date=DAY, number=scene.find(invoice)["number"])


def _both_customers_stand(desk: Any, _scene: Scene) -> None:
    names = [one["DisplayName"] for one in desk.qbo.company.objects("Customer")]
    assert sum(name.startswith(NAME) for name in names) == 2
    _remove(desk, "Invoice")


def _same_refund(desk: Any, scene: Scene) -> None:
    refund = scene.at("2026-10-15T18:00:00Z").do("create_refund", charge=_newest(scene, "charge"), amount=3000)["id"]
    _enter(
        desk, "refund_receipt", customer=NAME, amount=30, date=DAY, account=CLEARING,
        reference=payment_reference(str(refund)),
    )  # fmt: skip


def _same_credit_memo(desk: Any, scene: Scene) -> None:
    scene.at("2026-10-15T18:00:00Z")
    note = scene.do("create_credit_note", invoice=_newest(scene, "invoice"), amount=500)
    _enter(desk, "credit_memo", customer=NAME, amount=5, date=DAY, number=note["number"])


EXISTING = (
    Case(
        name="invoice_entered_by_hand",
        story="Somebody has entered the second invoice with its number, customer, amount and date: it is adopted, not "
        "entered twice, and the payment that comes later is applied to it.",
        play=_known_customer,
        balances={AR: "20.00", SALES: "-20.00", SERVICES: "-50.00", CLEARING: "50.00"},
        open={NAME: "20.00"},
        then=(_same_invoice, _it_is_paid),
    ),
    Case(
        name="invoice_entered_by_hand_under_another_number",
        story="Somebody has entered an invoice of the same customer and amount a day before under a number of their "
        "own: it may be the same, so ours is parked and names it.",
        play=_known_customer,
        balances={AR: "70.00", SALES: "-20.00", SERVICES: "-50.00"},
        open={NAME: "70.00"},
        parked={"in_2:invoice": "looks_like"},
        at_stake={"in_2:invoice": "50.00 usd"},
        difference="0.00",  # the customer does owe 70, whoever wrote the second invoice
        then=(_similar_invoice,),
    ),
    Case(
        name="invoice_entered_by_hand_is_removed",
        story="The invoice that only looked like ours is deleted by hand: ours is entered by itself.",
        play=_known_customer,
        balances={AR: "70.00", SALES: "-70.00"},
        open={NAME: "70.00"},
        then=(_similar_invoice, _similar_invoice_is_removed),
    ),
    Case(
        name="number_taken_by_another_customer",
        story="Somebody has used the number of our invoice for 30.00 of another customer: ours is parked, so that the "
        "number is not used twice.",
        play=_known_customer,
        balances={AR: "50.00", SALES: "-20.00", SERVICES: "-30.00"},
        open={NAME: "20.00", "Cool Cars": "30.00"},
        parked={"in_2:invoice": "looks_like"},
        difference="50.00",
        then=(_number_of_another_customer,),
    ),
    Case(
        name="payment_entered_by_hand",
        story="Another tool has entered the payment with the charge as its reference, applied to the invoice and into "
        "clearing: it is adopted.",
        play=_known_customer,
        balances={CLEARING: "20.00", SALES: "-20.00"},
        then=(_same_payment,),
    ),
    Case(
        name="payment_entered_by_hand_into_the_bank",
        story="Somebody has entered the payment straight into the bank account: it is not ours, but the invoice is "
        "paid by it; ours waits. When it is deleted, ours is entered by itself.",
        play=_known_customer,
        balances={CLEARING: "20.00", SALES: "-20.00"},
        then=(_similar_payment, _similar_payment_is_removed),
    ),
    Case(
        name="sale_entered_by_another_tool",
        story="Another tool has entered the sale to a guest with the charge as its reference: it is adopted.",
        play=_nothing,
        balances={CLEARING: "12.00", SERVICES: "-12.00"},
        then=(_sale_of_another_tool,),
    ),
    Case(
        name="deposit_accepted_from_the_bank_feed",
        story="Somebody has accepted the payout of 96.80 from the bank feed against clearing: it is adopted, and the "
        "fees of 3.20 are booked beside it.",
        play=_paid_on_the_fifteenth,
        balances={BANK: "96.80", FEES: "3.20", SALES: "-100.00"},
        then=(_same_deposit,),
        payouts="daily",
    ),
    Case(
        name="deposit_accepted_as_revenue",
        story="Somebody has booked the payout of 96.80 as revenue: no second deposit is made. When that one is "
        "deleted, ours is entered by itself.",
        play=_paid_on_the_fifteenth,
        balances={BANK: "96.80", FEES: "3.20", SALES: "-100.00"},
        then=(_similar_deposit, _similar_deposit_is_removed),
        payouts="daily",
    ),
    Case(
        name="customer_of_the_same_name",
        story="QBO has a customer of this name with an invoice of this number, both entered by hand. A name proves "
        "nothing: our customer is another one, with Stripe's id behind its name, and the invoice is parked as it looks "
        "like the one by hand.",
        play=_nothing,
        balances={AR: "50.00", SERVICES: "-50.00"},
        open={NAME: "50.00"},
        parked={"in_1:invoice": "looks_like"},
        difference="50.00",
        then=(_customer_by_hand,),
    ),
    Case(
        name="customer_of_the_same_name_without_the_invoice",
        story="The invoice by hand is deleted: ours is entered for our own customer.",
        play=_nothing,
        balances={AR: "50.00", SALES: "-50.00"},
        open={"Ada Lovelace (cus_1)": "50.00"},
        then=(_customer_by_hand, _both_customers_stand),
    ),
    Case(
        name="refund_entered_by_another_tool",
        story="Another tool has entered the refund with its reference out of clearing: it is adopted.",
        play=_paid_on_the_fifteenth,
        balances={CLEARING: "70.00", SALES: "-100.00", SERVICES: "30.00"},
        then=(_same_refund,),
    ),
    Case(
        name="credit_memo_entered_by_hand",
        story="Somebody has entered the credit note as a credit memo with its number and left it open: it is adopted, "
        "and applied to the invoice.",
        play=_known_customer,
        balances={AR: "15.00", SALES: "-20.00", SERVICES: "5.00"},
        open={NAME: "15.00"},
        dates={"cn_1:application": DAY},
        then=(_same_credit_memo,),
    ),
)
