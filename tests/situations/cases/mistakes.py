"""Mistakes: accounts and items that will not do, and Stripe objects that do not add up. One waits, all else goes on."""

from collections.abc import Callable
from dataclasses import replace

from tests.integration.desk import Desk
from tests.situations.case import Case
from tests.situations.scene import Scene
from wescope.books.policy import AccountRole
from wescope.config import PolicyFile

AR, CLEARING, SALES, REFUNDS = (
    "Accounts Receivable (A/R)",
    "Stripe Clearing",
    "Sales of Product Income",
    "Stripe Refunds",
)
ADA = "Ada Lovelace"
_FILE = PolicyFile()

Part = Callable[[Desk, Scene], None]


def _paid(scene: Scene) -> str:
    """Ada's invoice of 100, paid on 10 September; answers the charge."""
    scene.at("2026-09-10T18:00:00Z")
    return scene.pay(scene.invoice(scene.customer(ADA), 10_000))


def _one_paid(scene: Scene) -> None:
    _paid(scene)


def _set_active(desk: Desk, entity: str, name: str, *, active: bool) -> None:
    company = desk.qbo.company
    (found,) = [one for one in company.books.all(entity) if one.doc["Name"].startswith(name)]  # "... (deleted)"
    outcome = company.human(entity, "update", {"Id": found.id, "Name": name, "Active": active})
    assert outcome.status == 200


def _refund_and_go_on(scene: Scene) -> None:
    """A refund of 30, and a new invoice of 50 for the same customer."""
    charge = scene.business.account.store.all("charge")[0]
    scene.at("2026-09-12T18:00:00Z").do("create_refund", charge=charge["id"], amount=3000)
    scene.invoice(str(charge["customer"]), 5000)


def _item_goes(desk: Desk, scene: Scene) -> None:
    _set_active(desk, "Item", "Stripe Refunds", active=False)
    _refund_and_go_on(scene)


def _item_comes_back(desk: Desk, _: Scene) -> None:
    _set_active(desk, "Item", "Stripe Refunds", active=True)


def _dispute_and_go_on(scene: Scene) -> None:
    charge = _paid(scene)
    scene.at("2026-09-12T18:00:00Z").do("create_dispute", charge=charge, amount=4000)
    scene.invoice(str(scene.find(charge)["customer"]), 5000)


def _with_account(role: AccountRole, name: str) -> PolicyFile:
    return replace(_FILE, accounts={**_FILE.accounts, role: name})


ACCOUNTANT = (
    Case(
        name="item_made_inactive",
        story="Somebody makes the refunds item inactive: the refund of 30 waits, named; the customer's next invoice is "
        "posted.",
        play=_one_paid,
        then=(_item_goes,),
        balances={AR: "50.00", CLEARING: "100.00", SALES: "-150.00"},
        open={ADA: "50.00"},
        parked={"re_1:refund_receipt": "item_missing"},
        at_stake={"re_1:refund_receipt": "30.00 usd"},
        difference="30.00",
    ),
    Case(
        name="item_made_active_again",
        story="The refunds item was inactive and is active again: the refund that waited is posted by itself.",
        play=_one_paid,
        then=(_item_goes, _item_comes_back),
        balances={AR: "50.00", CLEARING: "70.00", SALES: "-150.00", REFUNDS: "30.00"},
        open={ADA: "50.00"},
        dates={"re_1:refund_receipt": "2026-09-12"},
    ),
    Case(
        name="account_of_the_wrong_type",
        story="The policy names the accounts payable as disputes account: the disputed 40 wait, named; all else is "
        "posted.",
        play=_dispute_and_go_on,
        file=_with_account(AccountRole.DISPUTES, "Accounts Payable (A/P)"),
        balances={AR: "50.00", CLEARING: "100.00", SALES: "-150.00"},
        open={ADA: "50.00"},
        parked={"txn_2:journal_entry": "account_missing"},
        at_stake={"txn_2:journal_entry": "40.00 usd"},
        difference="40.00",
    ),
    Case(
        name="account_made_inactive",
        story="Somebody makes the disputes account inactive before a dispute of 40: it waits, named; all else is "
        "posted.",
        play=lambda scene: None,
        then=(
            lambda desk, scene: _set_active(desk, "Account", "Stripe Disputes", active=False),
            lambda desk, scene: _dispute_and_go_on(scene),
        ),
        balances={AR: "50.00", CLEARING: "100.00", SALES: "-150.00"},
        open={ADA: "50.00"},
        parked={"txn_2:journal_entry": "account_missing"},
        at_stake={"txn_2:journal_entry": "40.00 usd"},
        difference="40.00",
    ),
)


def _with_edit(edit: Callable[[Scene, str], None]) -> Callable[[Scene], None]:
    """Two invoices of Ada, 100 and 50, of which the first is not what it should be."""

    def play(scene: Scene) -> None:
        scene.at("2026-09-10T18:00:00Z")
        customer = scene.customer(ADA)
        first = scene.invoice(customer, 10_000)
        scene.invoice(customer, 5000)
        edit(scene, first)

    return play


def _wrong_total(scene: Scene, invoice: str) -> None:
    scene.find(invoice).update(total=10_100, amount_due=10_100, amount_remaining=10_100)


def _other_currency(scene: Scene, invoice: str) -> None:
    scene.business.account.store.lines[invoice][0]["currency"] = "eur"


def _no_date(scene: Scene, invoice: str) -> None:
    scene.find(invoice)["effective_at"] = None
    scene.find(invoice)["status_transitions"]["finalized_at"] = None


def _unknown_refund_status(scene: Scene) -> None:
    charge = _paid(scene)
    refund = scene.at("2026-09-12T18:00:00Z").do("create_refund", charge=charge, amount=3000)
    scene.find(refund["id"])["status"] = "half_sent"
    scene.invoice(str(scene.find(charge)["customer"]), 5000)


def _row_missing(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    customer = scene.customer(ADA)
    scene.do("create_charge", customer=customer, amount=2500, capture_method="automatic_async")
    scene.invoice(customer, 5000)


def _row_comes(_: Desk, scene: Scene) -> None:
    scene.at("2026-09-10T19:00:00Z")


def _deleted(*, paid: bool) -> Callable[[Scene], None]:
    """A customer with an invoice and a sale that Stripe has deleted since."""

    def play(scene: Scene) -> None:
        scene.at("2026-09-10T18:00:00Z")
        customer = scene.customer(ADA)
        if paid:
            scene.pay(scene.invoice(customer, 10_000))
        else:
            scene.do("create_charge", customer=customer, amount=2500)
        stored = scene.find(customer)
        stored.clear()
        stored.update(id=customer, object="customer", deleted=True)

    return play


BAD_INPUT = (
    Case(
        name="invoice_that_does_not_add_up",
        story="Stripe says that an invoice is of 101, but its lines are 100: it waits, named; the next one is posted.",
        play=_with_edit(_wrong_total),
        balances={AR: "50.00", SALES: "-50.00"},
        open={ADA: "50.00"},
        parked={"in_1:invoice": "total_mismatch"},
        at_stake={"in_1:invoice": "101.00 usd"},
        difference="101.00",
    ),
    Case(
        name="line_in_another_currency",
        story="A line of an invoice in dollars is in euros: the invoice waits, named; the next one is posted.",
        play=_with_edit(_other_currency),
        balances={AR: "50.00", SALES: "-50.00"},
        open={ADA: "50.00"},
        parked={"in_1:invoice": "line_currency_mismatch"},
        at_stake={"in_1:invoice": "100.00 usd"},
        difference="100.00",
    ),
    Case(
        name="invoice_without_date",
        story="An open invoice has no date of issue: it waits, named; the next one is posted.",
        play=_with_edit(_no_date),
        balances={AR: "50.00", SALES: "-50.00"},
        open={ADA: "50.00"},
        parked={"in_1:invoice": "missing_date"},
        at_stake={"in_1:invoice": "100.00 usd"},
    ),
    Case(
        name="refund_of_unknown_status",
        story="A refund has a status that Stripe added later: it waits, named; the customer's next invoice is posted.",
        play=_unknown_refund_status,
        balances={AR: "50.00", CLEARING: "100.00", SALES: "-150.00"},
        open={ADA: "50.00"},
        parked={"re_1:refund": "object_unreadable"},
        difference="30.00",
    ),
    Case(
        name="charge_without_balance_transaction",
        story="Stripe has not booked a charge of 25 yet, so its date is unknown: it waits, named.",
        play=_row_missing,
        balances={AR: "50.00", SALES: "-50.00"},
        open={ADA: "50.00"},
        parked={"ch_1:sales_receipt": "balance_transaction_missing"},
        at_stake={"ch_1:sales_receipt": "25.00 usd"},
    ),
    Case(
        name="charge_gets_its_balance_transaction",
        story="Stripe books a charge of 25 two minutes after it succeeded: the sale is posted by itself.",
        play=_row_missing,
        then=(_row_comes,),
        balances={AR: "50.00", CLEARING: "25.00", SALES: "-75.00"},
        open={ADA: "50.00"},
        dates={"ch_1:sales_receipt": "2026-09-10"},
    ),
    Case(
        name="deleted_customer_with_invoice",
        story="A customer was deleted in Stripe; the paid invoice keeps the name, and the books need nothing else.",
        play=_deleted(paid=True),
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"in_1:invoice": "2026-09-10", "ch_1:payment": "2026-09-10"},
    ),
    Case(
        name="deleted_customer_with_sale",
        story="A customer was deleted in Stripe, and its name with it: the sale stands under the customer's Stripe id.",
        play=_deleted(paid=False),
        balances={CLEARING: "25.00", SALES: "-25.00"},
        dates={"ch_1:sales_receipt": "2026-09-10"},
    ),
)

MISTAKES: tuple[Case, ...] = (*ACCOUNTANT, *BAD_INPUT)
