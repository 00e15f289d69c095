"""Credit in the Stripe sandbox's business: balances, credit notes, revisions, debits that fail late; and their seed."""

from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.balances import MAXIMUM_CHARGE, carried_over
from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.clock import Clock
from wescope.sandbox.stripe.commands import COMMANDS
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.profiles_credit import CREDIT_PROFILES
from wescope.sandbox.stripe.seeding import Parameters, build_business
from wescope.sandbox.stripe.summary import summarize

CREDIT = Parameters(as_of=date(2026, 11, 22), customers=len(CREDIT_PROFILES), situations="credit")
START = 1_790_000_000


class Shop:
    """Commands of one empty business."""

    def __init__(self) -> None:
        self.business = Business(Account(seed=1, clock=Clock(start=START, live=False)))
        self.store = self.business.account.store
        self.customer: str = self.do("create_customer", name="Buyer")["id"]

    def do(self, command: str, **values: Any) -> dict[str, Any]:
        return COMMANDS[command](self.business, values, self.business.account.clock.tick())

    def invoice(self, *amounts: int, **options: Any) -> dict[str, Any]:
        lines = [{"amount": amount, "description": f"Line {amount}"} for amount in amounts]
        return self.do("create_invoice", customer=self.customer, lines=lines, **options)

    def pay(self, invoice: dict[str, Any], **options: Any) -> dict[str, Any]:
        return self.do("pay_invoice", id=invoice["id"], **options)

    def credit(self, invoice: dict[str, Any], **options: Any) -> dict[str, Any]:
        return self.do("create_credit_note", invoice=invoice["id"], **options)

    def lines(self, invoice: dict[str, Any]) -> list[str]:
        return [line["id"] for line in self.store.lines[invoice["id"]]]

    @property
    def balance(self) -> int:
        found = self.store.get("customer", self.customer)
        assert found is not None
        return int(found["balance"])

    @property
    def moves(self) -> list[tuple[str, int, int]]:
        moves = self.store.all("customer_balance_transaction")
        return [(one["type"], one["amount"], one["ending_balance"]) for one in moves]

    @property
    def events(self) -> list[str]:
        return [event.kind for event in self.business.account.log.all()]


def figures(invoice: dict[str, Any]) -> tuple[Any, ...]:
    names = ("starting_balance", "ending_balance", "amount_due", "amount_remaining")
    return (invoice["status"], *(invoice[name] for name in names))


# --- balance


def test_credit_is_used_by_the_next_invoices() -> None:
    shop = Shop()
    shop.do("adjust_balance", id=shop.customer, amount=-3000)
    first = shop.invoice(1000)
    assert figures(first) == ("paid", -3000, -2000, 0, 0)
    second = shop.invoice(5000)
    assert figures(second) == ("open", -2000, 0, 3000, 3000)
    assert shop.pay(second)["amount_paid"] == 3000
    assert shop.moves == [
        ("adjustment", -3000, -3000),
        ("applied_to_invoice", 1000, -2000),
        ("applied_to_invoice", 2000, 0),
    ]
    updated = [event for event in shop.business.account.log.all() if event.kind == "customer.updated"]
    assert [event.previous_attributes for event in updated] == [
        {"balance": 0, "currency": None}, {"balance": -3000}, {"balance": -2000},
    ]  # fmt: skip


def test_a_debit_is_collected_by_the_next_invoice() -> None:
    shop = Shop()
    shop.do("adjust_balance", id=shop.customer, amount=250)
    assert figures(shop.invoice(5000)) == ("open", 250, 0, 5250, 5250)
    assert shop.moves[-1] == ("applied_to_invoice", -250, 0)


def test_a_negative_total_becomes_credit() -> None:
    shop = Shop()
    assert figures(shop.invoice(-4000, 1500)) == ("paid", 0, -2500, 0, 0)
    assert shop.moves == [("applied_to_invoice", -2500, -2500)]


@pytest.mark.parametrize(("amount", "kind"), [(49, "invoice_too_small"), (MAXIMUM_CHARGE + 1, "invoice_too_large")])
def test_what_cannot_be_charged_is_carried_over(amount: int, kind: str) -> None:
    shop = Shop()
    assert figures(shop.invoice(amount)) == ("paid", 0, amount, 0, 0)
    assert shop.moves == [(kind, amount, amount)]
    assert not shop.store.all("payment_intent")


def test_too_small_after_the_balance_was_used() -> None:
    shop = Shop()
    shop.do("adjust_balance", id=shop.customer, amount=-980)
    assert figures(shop.invoice(1000)) == ("paid", -980, 20, 0, 0)
    assert shop.moves[1:] == [("applied_to_invoice", 980, 0), ("invoice_too_small", 20, 20)]


@pytest.mark.parametrize(
    ("due", "currency", "kind"),
    [
        (0, "usd", None), (50, "usd", None), (49, "usd", "invoice_too_small"), (49, "jpy", "invoice_too_small"),
        (29, "gbp", "invoice_too_small"), (30, "gbp", None), (MAXIMUM_CHARGE, "usd", None),
        (49, "xyz", "invoice_too_small"),
    ],
)  # fmt: skip
def test_limits_of_a_charge(due: int, currency: str, kind: str | None) -> None:
    assert carried_over(due, currency) == kind


def test_voiding_gives_the_balance_back() -> None:
    shop = Shop()
    shop.do("adjust_balance", id=shop.customer, amount=-700)
    invoice = shop.invoice(1000)
    shop.do("void_invoice", id=invoice["id"])
    assert figures(invoice) == ("void", -700, 0, 300, 300)
    assert shop.moves[-1] == ("unapplied_from_invoice", -700, -700)


def test_there_is_one_balance_in_one_currency() -> None:
    shop = Shop()
    shop.do("adjust_balance", id=shop.customer, amount=-700)
    euros = shop.invoice(1000, currency="eur")
    assert figures(euros) == ("open", 0, 0, 1000, 1000)
    assert figures(shop.invoice(1000)) == ("open", -700, 0, 300, 300)
    for refused in (
        {"command": "adjust_balance", "id": shop.customer, "amount": -1, "currency": "eur"},
        {"command": "create_invoice", "customer": shop.customer, "lines": [{"amount": -500}], "currency": "eur"},
        {"command": "pay_invoice", "id": euros["id"], "amount": 1001, "overpay": True},
    ):
        with pytest.raises(StripeError, match="balance is in usd"):
            shop.do(**refused)
    shop.pay(euros)
    with pytest.raises(StripeError, match="balance is in usd"):
        shop.credit(euros, amount=100, credit_amount=100)
    assert shop.balance == 0


def test_overpayment_is_credited() -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    with pytest.raises(StripeError, match="5600 is not within"):
        shop.pay(invoice, amount=5600)
    shop.pay(invoice, amount=5600, overpay=True)
    names = ("status", "amount_paid", "amount_remaining", "amount_overpaid")
    assert [invoice[name] for name in names] == ["paid", 5600, 0, 600]
    assert shop.moves == [("invoice_overpaid", -600, -600)]
    assert shop.events[-2:] == ["invoice.payment_succeeded", "invoice.overpaid"]
    assert summarize(shop.store)["unapplied"] == {}
    assert summarize(shop.store)["customer_balance"] == {shop.customer: {"usd": -600}}


def test_a_shared_payment_and_a_record_can_overpay() -> None:
    shop = Shop()
    one, two = shop.invoice(1000), shop.invoice(2000)
    shop.do("pay_shared", shares={one["id"]: 1000, two["id"]: 2100}, overpay=True)
    assert (one["amount_overpaid"], two["amount_overpaid"], shop.balance) == (0, 100, -100)
    three = shop.invoice(1000)
    shop.pay(three, method="record", amount=1000, overpay=True)
    assert (three["amount_overpaid"], three["amount_paid_off_stripe"], shop.balance) == (100, 1000, -100)


# --- credit notes


def test_before_payment_it_lowers_what_remains() -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    note = shop.credit(invoice, amount=1200, reason="order_change")
    assert (note["type"], note["pre_payment_amount"], note["post_payment_amount"]) == ("pre_payment", 1200, 0)
    assert note["number"] == f"{invoice['number']}-CN-01"
    assert (invoice["amount_due"], invoice["amount_remaining"]) == (5000, 3800)
    assert invoice["pre_payment_credit_notes_amount"] == 1200
    assert shop.credit(invoice, amount=100)["number"].endswith("-CN-02")
    shop.pay(invoice)
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", 3700)


def test_credited_in_full_it_is_paid_without_money() -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    before = len(shop.events)
    shop.credit(invoice, amount=5000)
    assert (invoice["status"], invoice["amount_paid"], invoice["amount_remaining"]) == ("paid", 0, 0)
    assert shop.events[before:] == [
        "credit_note.created", "invoice.updated", "payment_intent.canceled", "invoice.paid",
    ]  # fmt: skip


def test_after_payment_every_way_to_give_back() -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    shop.pay(invoice)
    note = shop.credit(invoice, amount=900, refund_amount=500, credit_amount=300, out_of_band_amount=100)
    refund = shop.store.all("refund")[0]
    assert note["type"] == "post_payment"
    assert note["refunds"] == [
        {"amount_refunded": 500, "payment_record_refund": None, "refund": refund["id"], "type": "refund"}
    ]
    move = shop.store.get("customer_balance_transaction", note["customer_balance_transaction"])
    assert move is not None
    assert (move["type"], move["amount"], move["credit_note"], move["invoice"]) == (
        "credit_note", -300, note["id"], invoice["id"],
    )  # fmt: skip
    assert (invoice["post_payment_credit_notes_amount"], invoice["amount_remaining"], invoice["status"]) == (
        900, 0, "paid",
    )  # fmt: skip


def test_a_partly_paid_invoice_gets_a_mixed_note() -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    shop.pay(invoice, amount=4000)
    with pytest.raises(StripeError, match=r"must equal the post payment amount \(500\)"):
        shop.credit(invoice, amount=1500)
    note = shop.credit(invoice, amount=1500, refund_amount=500)
    assert (note["type"], note["pre_payment_amount"], note["post_payment_amount"]) == ("mixed", 1000, 500)
    assert invoice["status"] == "paid"


def test_a_refund_is_linked_once() -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    shop.pay(invoice)
    charge = shop.store.all("charge")[0]
    refund = shop.business.refunds.create(charge, 800, shop.business.account.clock.tick())
    with pytest.raises(StripeError, match="at most 4200"):
        shop.credit(invoice, amount=5000, credit_amount=5000)
    note = shop.credit(invoice, amount=500, refunds=[{"refund": refund["id"], "amount_refunded": 500}])
    assert note["refunds"][0]["refund"] == refund["id"]
    with pytest.raises(StripeError, match="Less than 500"):
        shop.credit(invoice, amount=500, refunds=[{"refund": refund["id"], "amount_refunded": 500}])
    shop.credit(invoice, amount=300, refunds=[{"refund": refund["id"], "amount_refunded": 300}])
    with pytest.raises(StripeError, match="No such refund"):
        shop.credit(invoice, amount=500, refunds=[{"refund": "re_x", "amount_refunded": 500}])
    assert len(shop.store.all("refund")) == 1


def test_shares_of_tax_and_discount_add_up_to_the_line() -> None:
    shop = Shop()
    rate = shop.do("create_tax_rate", display_name="Tax", percentage="8.25")["id"]
    included = shop.do("create_tax_rate", display_name="VAT", percentage="20", inclusive=True)["id"]
    half = shop.do("create_coupon", percent_off="50")["id"]
    tenth = shop.do("create_coupon", percent_off="10")["id"]
    invoice = shop.do(
        "create_invoice", customer=shop.customer, coupons=[tenth],
        lines=[
            {"unit_amount": "1299", "quantity": 7, "coupons": [half], "tax_rates": [rate]},
            {"amount": 1001, "tax_rates": [included]},
        ],
    )  # fmt: skip
    many, vat = shop.lines(invoice)
    notes = [
        shop.credit(invoice, lines=[{"invoice_line": many, "quantity": 2}]),
        shop.credit(invoice, lines=[{"invoice_line": many, "quantity": 3}, {"invoice_line": vat, "amount": 500}]),
        shop.credit(invoice, lines=[{"invoice_line": many, "quantity": 2}, {"invoice_line": vat, "amount": 501}]),
    ]
    for name in ("total", "subtotal", "subtotal_excluding_tax", "total_excluding_tax"):
        assert abs(sum(note[name] for note in notes) - invoice[name]) <= (name == "subtotal_excluding_tax"), name
    assert sum(note["discount_amount"] for note in notes) == sum(
        one["amount"] for one in invoice["total_discount_amounts"]
    )
    assert sum(tax["amount"] for note in notes for tax in note["total_taxes"]) == sum(
        tax["amount"] for tax in invoice["total_taxes"]
    )
    assert (invoice["status"], invoice["amount_remaining"]) == ("paid", 0)
    line = shop.store.lines[notes[0]["id"]][0]
    assert (line["amount"], line["quantity"], line["unit_amount"], line["type"]) == (2598, 2, 1299, "invoice_line_item")
    assert line["tax_rates"][0]["id"] == rate


def test_a_custom_line_can_be_taxed_and_shipping_credited() -> None:
    shop = Shop()
    rate = shop.do("create_tax_rate", percentage="10")["id"]
    invoice = shop.invoice(5000, shipping=1000, shipping_tax_rates=[rate])
    note = shop.credit(invoice, lines=[{"amount": 500, "description": "Sorry", "tax_rates": [rate]}], shipping=True)
    assert (note["total"], note["amount_shipping"], note["subtotal"], note["total_excluding_tax"]) == (
        1650, 1000, 500, 1500,
    )  # fmt: skip
    line = shop.store.lines[note["id"]][0]
    assert line["type"] == "custom_line_item"
    assert "invoice_line_item" not in line
    assert [tax["amount"] for tax in shop.store.shipping_taxes[note["id"]]] == [100]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"amount": 5001}, "at most 5000"),
        ({"amount": 0}, "positive"),
        ({}, "one of `amount`, `lines`"),
        ({"amount": 1, "lines": [{"amount": 1}]}, "one of `amount`, `lines`"),
        ({"lines": [{"invoice_line": "il_x", "amount": 1}]}, "No such invoice line item"),
        ({"amount": 100, "refund_amount": 100}, "must equal"),
        ({"amount": 100, "reason": "boredom"}, "Invalid reason"),
        ({"amount": 100, "credit_amount": -5, "out_of_band_amount": 5}, "negative"),
        ({"amount": 100, "shipping": True}, "one of `amount`, `lines`"),
        ({"shipping": True}, "no shipping cost"),
        ({"color": "red"}, "unknown parameter"),
    ],
)
def test_a_credit_note_that_does_not_fit_is_refused(values: dict[str, Any], message: str) -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    before = len(shop.events)
    with pytest.raises(StripeError, match=message):
        shop.credit(invoice, **values)
    assert len(shop.events) == before
    assert invoice["amount_remaining"] == 5000


def test_a_line_cannot_be_credited_twice() -> None:
    shop = Shop()
    invoice = shop.invoice(5000, 700)
    line = shop.lines(invoice)[1]
    shop.credit(invoice, lines=[{"invoice_line": line, "amount": 500}])
    with pytest.raises(StripeError, match="not within the 200"):
        shop.credit(invoice, lines=[{"invoice_line": line, "quantity": 1}])
    shop.credit(invoice, lines=[{"invoice_line": line, "amount": 200}])


@pytest.mark.parametrize("ending", ["void_invoice", "mark_uncollectible"])
def test_only_open_and_paid_invoices_are_credited(ending: str) -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    shop.do(ending, id=invoice["id"])
    with pytest.raises(StripeError, match="open or paid"):
        shop.credit(invoice, amount=100)


def test_only_a_pre_payment_note_of_an_open_invoice_is_voided() -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    first, second = shop.credit(invoice, amount=1000), shop.credit(invoice, amount=500)
    before = len(shop.events)
    shop.do("void_credit_note", id=first["id"])
    assert shop.events[before:] == ["credit_note.voided", "invoice.updated"]
    assert (first["status"], invoice["amount_remaining"], invoice["pre_payment_credit_notes_amount"]) == (
        "void", 4500, 500,
    )  # fmt: skip
    with pytest.raises(StripeError, match="already void"):
        shop.do("void_credit_note", id=first["id"])
    assert shop.credit(invoice, amount=100)["number"].endswith("-CN-03")
    shop.pay(invoice)
    assert invoice["amount_paid"] == 4400
    with pytest.raises(StripeError, match="open invoices"):
        shop.do("void_credit_note", id=second["id"])


# --- life of an invoice


def test_written_off_can_be_paid_or_voided() -> None:
    shop = Shop()
    paid, voided = shop.invoice(5000), shop.invoice(6000)
    for invoice in (paid, voided):
        shop.do("mark_uncollectible", id=invoice["id"])
    assert shop.pay(paid)["status"] == "paid"
    assert shop.do("void_invoice", id=voided["id"])["status"] == "void"


def test_a_debit_on_its_way_keeps_the_invoice() -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    shop.pay(invoice, method="debit")
    for ending in ("void_invoice", "mark_uncollectible", "revise_invoice"):
        with pytest.raises(StripeError, match="payment that is processing"):
            shop.do(ending, id=invoice["id"], **({"lines": [{"amount": 1}]} if "revise" in ending else {}))
    for method in ("card", "debit", "declined"):
        with pytest.raises(StripeError, match="is processing"):
            shop.pay(invoice, method=method)
    shop.credit(invoice, amount=1000)
    shop.do("advance", days=5)
    assert (invoice["status"], invoice["amount_paid"], invoice["amount_overpaid"]) == ("paid", 5000, 1000)
    assert shop.balance == -1000


def test_a_revision_replaces_when_it_is_finalized() -> None:
    shop = Shop()
    shop.do("adjust_balance", id=shop.customer, amount=-700)
    original = shop.invoice(5000, days_until_due=30)
    draft = shop.do("revise_invoice", id=original["id"], lines=[{"amount": 4000}])
    assert (draft["status"], draft["from_invoice"]) == ("draft", {"action": "revision", "invoice": original["id"]})
    assert (original["status"], original["latest_revision"]) == ("open", None)
    shop.do("finalize_invoice", id=draft["id"])
    assert (original["status"], original["latest_revision"]) == ("void", draft["id"])
    assert figures(draft) == ("open", -700, 0, 3300, 3300)
    assert draft["due_date"] - draft["created"] == pytest.approx(30 * 86_400, abs=10)
    again = shop.do("revise_invoice", id=draft["id"], lines=[{"amount": 3000}], finalize=True)
    assert {original["latest_revision"], draft["latest_revision"]} == {again["id"]}
    with pytest.raises(StripeError, match="only revise"):
        shop.do("revise_invoice", id=original["id"], lines=[{"amount": 1000}])


def test_a_revision_is_refused_once_something_was_paid() -> None:
    shop = Shop()
    original = shop.invoice(5000)
    draft = shop.do("revise_invoice", id=original["id"], lines=[{"amount": 4000}])
    shop.pay(original, amount=100)
    with pytest.raises(StripeError, match="Invoices with `paid` payments cannot be revised"):
        shop.do("finalize_invoice", id=draft["id"])
    assert (draft["status"], original["status"]) == ("draft", "open")


def test_a_debit_fails_after_success() -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    shop.pay(invoice, method="debit")
    shop.do("advance", days=5)
    assert invoice["status"] == "paid"
    charge = shop.store.all("charge")[0]
    before = len(shop.events)
    shop.do("fail_charge_later", id=charge["id"])
    assert shop.events[before:] == [
        "charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed",
    ]  # fmt: skip
    row = shop.store.get("balance_transaction", charge["failure_balance_transaction"])
    assert row is not None
    assert [row[name] for name in ("type", "reporting_category", "amount", "fee", "net", "source")] == [
        "payment_failure_refund", "charge_failure", -5000, 0, -5000, charge["id"],
    ]  # fmt: skip
    assert (charge["status"], charge["paid"], charge["balance_transaction"] is None) == ("failed", False, False)
    payment = shop.store.payments_of(invoice["id"])[0]
    assert (payment["status"], payment["amount_paid"], payment["status_transitions"]["paid_at"]) == ("open", None, None)
    assert (invoice["status"], invoice["amount_paid"], invoice["amount_remaining"]) == ("open", 0, 5000)
    assert invoice["status_transitions"]["paid_at"] is None
    assert shop.store.all("payment_intent")[0]["status"] == "requires_payment_method"
    with pytest.raises(StripeError, match="Only a bank debit"):
        shop.do("fail_charge_later", id=charge["id"])


@pytest.mark.parametrize("amount", [None, 5000])
def test_after_the_failure_it_can_be_paid_again(amount: int | None) -> None:
    shop = Shop()
    invoice = shop.invoice(5000)
    shop.pay(invoice, method="debit")
    shop.do("advance", days=5)
    shop.do("fail_charge_later", id=shop.store.all("charge")[0]["id"])
    shop.pay(invoice, **({} if amount is None else {"amount": amount}))
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", 5000)
    assert len(shop.store.all("payment_intent")) == (1 if amount is None else 2)
    assert [one["status"] for one in shop.store.all("charge")] == ["failed", "succeeded"]


def test_a_card_does_not_fail_later() -> None:
    shop = Shop()
    shop.pay(shop.invoice(5000))
    with pytest.raises(StripeError, match="Only a bank debit"):
        shop.do("fail_charge_later", id=shop.store.all("charge")[0]["id"])


# --- the seeded business


@cache
def seeded() -> Business:
    return build_business(CREDIT)


def month(at: int) -> tuple[int, int]:
    moment = datetime.fromtimestamp(at, tz=UTC)
    return moment.year, moment.month


def test_the_seed_has_every_situation() -> None:
    store = seeded().account.store
    kinds = Counter(one["type"] for one in store.all("customer_balance_transaction"))
    assert set(kinds) == {
        "adjustment", "applied_to_invoice", "credit_note", "invoice_overpaid", "invoice_too_small",
        "unapplied_from_invoice",
    }  # fmt: skip
    notes = store.all("credit_note")
    assert {(note["type"], note["status"]) for note in notes} == {
        ("pre_payment", "issued"), ("pre_payment", "void"), ("post_payment", "issued"), ("mixed", "issued"),
    }  # fmt: skip
    assert any(note["voided_at"] and month(note["voided_at"]) != month(note["created"]) for note in notes)
    assert any(note["refunds"] and note["out_of_band_amount"] for note in notes)
    invoices = [one for one in store.all("invoice") if one["status"] != "draft"]
    changes = [(one, one["status_transitions"]) for one in invoices]
    assert any(at["marked_uncollectible_at"] and at["paid_at"] for _, at in changes)
    assert any(at["marked_uncollectible_at"] and at["voided_at"] for _, at in changes)
    assert any(at["voided_at"] and month(at["voided_at"]) != month(at["finalized_at"]) for _, at in changes)
    assert any(one["status"] == "uncollectible" for one in invoices)
    assert any(one["latest_revision"] for one in invoices)
    assert any(one["total"] < 0 for one in invoices)
    assert sum(bool(one["failure_balance_transaction"]) for one in store.all("charge")) == 2


def test_the_balances_are_the_sums_of_their_moves() -> None:
    store = seeded().account.store
    for customer in store.all("customer"):
        moves = [one for one in store.all("customer_balance_transaction") if one["customer"] == customer["id"]]
        running = 0
        for move in moves:
            running += move["amount"]
            assert move["ending_balance"] == running
        assert customer["balance"] == running


def test_every_invoice_adds_up() -> None:
    store = seeded().account.store
    for invoice in store.all("invoice"):
        paid = sum(payment["amount_paid"] or 0 for payment in store.payments_of(invoice["id"]))
        assert invoice["amount_paid"] == paid + invoice["amount_paid_off_stripe"]
        notes = [one for one in store.credit_notes_of(invoice["id"]) if one["status"] == "issued"]
        assert invoice["pre_payment_credit_notes_amount"] == sum(one["pre_payment_amount"] for one in notes)
        assert invoice["post_payment_credit_notes_amount"] == sum(one["post_payment_amount"] for one in notes)
        kept = invoice["amount_paid"] - invoice["amount_overpaid"] + invoice["pre_payment_credit_notes_amount"]
        assert invoice["amount_remaining"] == invoice["amount_due"] - kept
        assert (invoice["amount_remaining"] == 0) == (invoice["status"] == "paid")


def test_every_note_adds_up() -> None:
    store = seeded().account.store
    for note in store.all("credit_note"):
        assert note["total"] == note["pre_payment_amount"] + note["post_payment_amount"]
        move = store.get("customer_balance_transaction", str(note["customer_balance_transaction"]))
        refunded = sum(part["amount_refunded"] for part in note["refunds"])
        credited = -move["amount"] if move else 0
        assert note["post_payment_amount"] == refunded + credited + (note["out_of_band_amount"] or 0)
        lines = store.lines[note["id"]]
        net = sum(line["amount"] - line["discount_amount"] for line in lines)
        taxes = sum(tax["amount"] for line in lines for tax in line["taxes"] if tax["tax_behavior"] == "exclusive")
        assert note["total"] == net + taxes


def test_the_seed_repeats() -> None:
    again = build_business(CREDIT)
    first = seeded().account
    for kind in ("credit_note", "customer_balance_transaction", "invoice", "refund", "balance_transaction"):
        assert again.account.store.all(kind) == first.store.all(kind)
    assert [one.payload for one in again.account.log.all()] == [one.payload for one in first.log.all()]
