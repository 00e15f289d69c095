"""The business rules: invoices, payments, credits and refunds, payouts; trigger, action, mapping and dates of each."""

from tests.acceptance.books_side import cents, linked, on, sales_lines
from tests.acceptance.conftest import Measured
from tests.acceptance.findings import (
    account_ids,
    check_invoice,
    check_payment,
    check_service_periods,
    deposit_of,
    into_bank,
    payout_dates,
    share,
)
from tests.acceptance.life import Life
from tests.acceptance.source import criterion
from tests.acceptance.stripe_side import day
from tests.acceptance.world import World

INVOICES, PAYMENTS = "Invoice Synchronization", "Payment Processing"
CREDITS, PAYOUTS = "Credits & Refunds", "Payout Handling"


# --- invoices ---------------------------------------------------------------------------------------------------------


@criterion(INVOICES, "- **Trigger**: Stripe invoice finalized")
def test_an_invoice_comes_when_it_is_finalized(life: Life, measured: Measured) -> None:
    """Given a draft in Stripe, when its webhook comes, then QBO has nothing; when it is finalized, then an invoice."""
    assert life.had["a draft"] == {}
    assert life.had["finalized"] == {"Invoice": 1}
    measured("as a draft: 0 documents; finalized: 1 invoice")


@criterion(INVOICES, "- **Action**: Create QBO Invoice")
def test_each_finalized_invoice_is_one_qbo_invoice(world: World, measured: Measured) -> None:
    """Given all finalized invoices, when the books are read, then each is one invoice with its number and total."""
    invoices = world.stripe.finalized
    for invoice in invoices:
        record = world.books.one("Invoice", invoice["id"])
        assert (record["DocNumber"], cents(record["TotalAmt"])) == (invoice["number"], invoice["total"])
    drafts = [one["id"] for one in world.stripe.objects["invoices"] if one["status"] == "draft"]
    assert drafts
    assert not any(world.books.of("Invoice", one) for one in drafts)
    measured(f"{share(len(invoices), len(invoices), 'finalized invoices')} created, 0 of {len(drafts)} drafts")


@criterion(INVOICES, "- **Mapping**: Stripe invoice → QBO invoice with line items")
def test_every_line_item_is_mapped(world: World, measured: Measured) -> None:
    """The lines are Stripe's lines.

    Given invoices with several lines, a discount, sales tax and shipping,
    when they are read in QBO,
    then every Stripe line is there with its amount, and discount, tax and shipping make up the rest to the cent.
    """
    lines = 0
    for invoice in world.stripe.finalized:
        check_invoice(world, invoice)
        lines += len(world.stripe.lines[invoice["id"]])
    special = world.stripe.one(world.shop.ids["taxed, discounted, shipped"])
    written = [cents(line["Amount"]) for line in sales_lines(world.books.one("Invoice", special["id"]))]
    tax = sum(one["amount"] for one in special["total_taxes"])
    discount = sum(one["amount"] for one in special["total_discount_amounts"])
    assert min(tax, discount) > 0
    assert {tax, special["shipping_cost"]["amount_total"]} <= set(written)
    assert sum(amount for amount in written if amount < 0) == -discount
    measured(share(lines, lines, "lines equal, with discount, tax and shipping to the cent"))


@criterion(INVOICES, "- **Dates**: Invoice date, usage period start/end")
def test_invoice_dates_and_usage_periods(world: World, measured: Measured) -> None:
    """Dates are right in the company's calendar.

    Given invoices, among them one of half past eleven in the evening in Los Angeles and one with a stated date,
    when they are read in QBO,
    then the invoice date, the due date and each line's usage period are Stripe's.
    """
    invoices = world.stripe.finalized
    for invoice in invoices:
        assert on(world.books.one("Invoice", invoice["id"])) == world.stripe.invoice_date(invoice)
    lines = sum(check_service_periods(world, one) for one in invoices)
    due = [one for one in invoices if one["due_date"]]
    for invoice in due:
        assert world.books.one("Invoice", invoice["id"])["DueDate"] == str(day(invoice["due_date"]))
    assert str(on(world.books.one("Invoice", world.shop.ids["late in the evening"]))) == "2026-09-02"
    assert str(on(world.books.one("Invoice", world.shop.ids["of two dates"]))) == "2026-09-01"
    measured(f"{len(invoices)} invoice dates, {len(due)} due dates, {lines} usage periods: all equal")


# --- payments ---------------------------------------------------------------------------------------------------------


@criterion(PAYMENTS, "- **Trigger**: Stripe invoice paid")
def test_a_payment_comes_when_the_invoice_is_paid(life: Life, measured: Measured) -> None:
    """Given an open invoice, when it is paid in Stripe and the webhook comes, then QBO has its payment, not before."""
    assert life.had["finalized"] == {"Invoice": 1}
    assert life.had["paid"] == {"Invoice": 1, "Payment": 1}
    measured("open: 0 payments; paid: 1 payment")


@criterion(PAYMENTS, "- **Action**: Create QBO Payment linked to invoice")
def test_each_payment_is_linked_to_its_invoices(world: World, measured: Measured) -> None:
    """Payments settle the right invoices.

    Given payments in full, in parts, and one charge for two invoices,
    when the books are read,
    then each payment is linked to its invoices with the part of each, and what remains open equals Stripe.
    """
    paying = world.stripe.paying()
    for charge, parts in paying.items():
        applied = linked(world.books.one("Payment", charge), "Invoice")
        for paid, amount in parts:
            assert applied[world.books.one("Invoice", paid)["Id"]] == amount
    for invoice in world.stripe.finalized:
        remaining = 0 if invoice["status"] == "uncollectible" else invoice["amount_remaining"]
        assert cents(world.books.one("Invoice", invoice["id"])["Balance"]) == remaining, invoice["id"]
    links = sum(len(parts) for parts in paying.values())
    count = len(world.stripe.finalized)
    measured(
        f"{len(paying)} payments, {links} links to invoices; open balance of {share(count, count, 'invoices')} equal"
    )


@criterion(PAYMENTS, "- **Mapping**: Stripe payment → QBO payment")
def test_each_payment_has_stripes_gross_amount(world: World, measured: Measured) -> None:
    """Given payments from which Stripe kept a fee, when they are read in QBO, then each is the gross, into clearing."""
    paying, accounts = world.stripe.paying(), account_ids(world)
    for charge, parts in paying.items():
        check_payment(world, charge, parts)
        record = world.books.one("Payment", charge)
        assert record["DepositToAccountRef"]["value"] == accounts["Stripe Clearing"]
        assert record["PaymentRefNum"] in charge
    check = world.shop.ids["paid by check"]
    outside = world.books.one("Payment", check)
    assert cents(outside["TotalAmt"]) == world.stripe.one(check)["total"]
    assert outside["DepositToAccountRef"]["value"] == accounts["Stripe Out of Band"]
    measured(f"{len(paying)} card and bank payments gross into clearing, 1 payment by check not into clearing")


@criterion(PAYMENTS, "- **Dates**: Payment received date")
def test_each_payment_has_the_day_the_money_came(world: World, measured: Measured) -> None:
    """Given a bank debit that took days, and cards, when payments are read, then each has the day the money came."""
    paying = world.stripe.paying()
    for charge in paying:
        assert on(world.books.one("Payment", charge)) == world.stripe.received_on(charge)
    debit = next(charge for charge in paying if charge.startswith("py_"))
    issued = world.stripe.invoice_date(world.stripe.one(world.shop.ids["by bank debit"]))
    assert (on(world.books.one("Payment", debit)) - issued).days == 4
    measured(share(len(paying), len(paying), "payment dates equal; the bank debit is 4 days after its invoice"))


# --- credits and refunds ----------------------------------------------------------------------------------------------


@criterion(CREDITS, "- **Trigger**: Stripe credit/refund created")
def test_credit_and_refund_come_when_they_are_created(life: Life, measured: Measured) -> None:
    """Given a paid invoice, when a refund and a credit note are made in Stripe, then QBO has both by webhook."""
    assert "RefundReceipt" not in life.had["paid"]
    after = life.had["refunded and credited"]
    assert (after["RefundReceipt"], after["CreditMemo"]) == (1, 1)
    measured("before: 0; after: 1 refund receipt, 1 credit memo")


@criterion(CREDITS, "- **Action**: Create QBO Credit Memo or Refund Receipt")
def test_every_credit_and_refund_has_its_document(world: World, measured: Measured) -> None:
    """Given all refunds and credit notes, when the books are read, then each has its document with Stripe's amount."""
    refunds = [one for one in world.stripe.objects["refunds"] if one["status"] == "succeeded"]
    for refund in refunds:
        assert cents(world.books.one("RefundReceipt", refund["id"])["TotalAmt"]) == refund["amount"]
    canceled = [one for one in world.stripe.objects["refunds"] if one["status"] != "succeeded"]
    assert canceled
    assert not any(world.books.of("RefundReceipt", one["id"]) for one in canceled)
    names = {"before payment": "CreditMemo", "to balance": "CreditMemo", "by check": "RefundReceipt"}
    for name, entity in names.items():
        note = world.stripe.one(world.shop.ids[name])
        assert cents(world.books.one(entity, note["id"])["TotalAmt"]) == note["total"]
    measured(f"{len(refunds)} refunds, {len(names)} credit notes without refund, {len(canceled)} canceled refund: none")


@criterion(CREDITS, "- **Mapping**: Determine Credit Note vs Refund based on context")
def test_money_that_left_is_a_refund_and_what_is_owed_less_is_a_credit(world: World, measured: Measured) -> None:
    """The context decides.

    Given credit notes of each kind,
    when no money left Stripe, then QBO has a credit memo: on the open invoice, or kept for the customer;
    when money was given back, then QBO has a refund receipt and no credit memo as well.
    """
    books, ids = world.books, world.shop.ids
    lowered = books.one("Invoice", ids["lowered"])
    assert cents(lowered["Balance"]) == world.stripe.one(ids["lowered"])["amount_remaining"] == 15_000
    assert books.of("RefundReceipt", ids["before payment"]) == []
    kept = books.one("CreditMemo", ids["to balance"])
    assert cents(kept["RemainingCredit"]) == 0, "the next invoice has used it"
    assert cents(books.one("Invoice", ids["uses the balance"])["Balance"]) == 0
    with_refund = world.stripe.one(ids["with refund"])
    (refund,) = [one["refund"] for one in with_refund["refunds"]]
    assert cents(books.one("RefundReceipt", refund)["TotalAmt"]) == with_refund["total"]
    assert books.of("CreditMemo", ids["with refund"]) == []
    assert books.of("CreditMemo", ids["by check"]) == []
    assert books.of("CreditMemo", ids["voided note"]) == []
    measured("2 credit notes are credit memos, 2 are refund receipts, 1 was voided: none; none is both")


@criterion(CREDITS, "- **Dates**: Credit/refund date")
def test_credits_and_refunds_have_their_day(world: World, measured: Measured) -> None:
    """Given refunds and credit notes, when they are read in QBO, then each has the day of Stripe's books."""
    refunds = [one for one in world.stripe.objects["refunds"] if one["status"] == "succeeded"]
    for refund in refunds:
        row = world.stripe.row(refund["balance_transaction"])
        assert on(world.books.one("RefundReceipt", refund["id"])) == day(row["created"])
    for name in ("before payment", "to balance"):
        note = world.stripe.one(world.shop.ids[name])
        assert on(world.books.one("CreditMemo", note["id"])) == day(note["effective_at"] or note["created"])
    measured(f"{len(refunds)} refund dates and 2 credit dates equal")


# --- payouts ----------------------------------------------------------------------------------------------------------


@criterion(PAYOUTS, "- **Trigger**: Stripe payout completed")
def test_a_deposit_comes_when_the_payout_is_paid(life: Life, measured: Measured) -> None:
    """Given a payout on its way, when it is not paid yet, then QBO has no deposit; when it is paid, then one."""
    assert "Deposit" not in life.had["on its way to the bank"]
    assert life.had["at the bank"]["Deposit"] == 1
    assert life.object("payout")["status"] == "paid"
    measured("on its way: 0 deposits; paid: 1 deposit")


@criterion(PAYOUTS, "- **Action**: Validate cash date vs QBO deposit")
def test_the_cash_date_is_validated_against_the_deposit(world: World, measured: Measured) -> None:
    """Each payout's check compares dates.

    Given the payouts as `wescope payouts` shows them,
    when a payout has arrived,
    then its check says matched, and its arrival date, the date of its deposit and QBO's own date are one day.
    """
    checks = {one["payout_id"]: one for one in world.payouts}
    for payout in world.stripe.arrived:
        check, arrival = checks[payout["id"]], str(payout_dates(payout)[1])
        assert (check["state"], check["differs_by"], check["foots"]) == ("matched", "0.00", True)
        assert check["arrival_date"] == check["deposit_date"] == deposit_of(world, payout)["TxnDate"] == arrival
    waiting = [one for one in world.stripe.objects["payouts"] if one["status"] != "paid"]
    assert waiting
    assert all(checks[one["id"]]["deposit_date"] is None for one in waiting)
    count = len(world.stripe.arrived)
    measured(f"{share(count, count, 'payouts matched')} to the day, {len(waiting)} on its way without deposit")


@criterion(PAYOUTS, "- **Mapping**: Payout → QBO deposit reconciliation")
def test_each_deposit_is_the_payout_gross_less_fees(world: World, measured: Measured) -> None:
    """Deposits reconcile.

    Given the payouts and the rows that each pays out,
    when the deposits are read,
    then each brings exactly the payout's amount to the bank, as its rows' gross from clearing less Stripe's fees.
    """
    accounts = account_ids(world)
    for payout in world.stripe.arrived:
        record, rows = deposit_of(world, payout), world.stripe.rows_of_payouts[payout["id"]]
        assert sum(row["net"] for row in rows) == payout["amount"]
        assert into_bank(world, record) == payout["amount"]
        if "DepositToAccountRef" in record:
            by_account = {accounts["Stripe Clearing"]: 0, accounts["Stripe Fees"]: 0}
            for line in record["Line"]:
                by_account[line["DepositLineDetail"]["AccountRef"]["value"]] += cents(line["Amount"])
            fees = sum(row["fee"] for row in rows) - sum(row["amount"] for row in rows if row["type"] == "stripe_fee")
            assert by_account[accounts["Stripe Fees"]] == -fees
            assert by_account[accounts["Stripe Clearing"]] == payout["amount"] + fees
    assert world.books.balance("Checking") == world.stripe.at_the_bank()
    count = len(world.stripe.arrived)
    measured(f"{share(count, count, 'payouts')} reconciled, {world.stripe.at_the_bank() / 100:.2f} at the bank in both")


@criterion(PAYOUTS, "- **Dates**: Payout date, cash availability date")
def test_payout_date_and_cash_date_are_kept(world: World, measured: Measured) -> None:
    """Given payouts, when their checks are read, then payout date, arrival and cash availability are Stripe's."""
    checks = {one["payout_id"]: one for one in world.payouts}
    for payout in world.stripe.arrived:
        made, arrival = payout_dates(payout)
        check = checks[payout["id"]]
        assert (check["payout_date"], check["arrival_date"]) == (str(made), str(arrival))
        assert check["available_date"] == str(world.stripe.available_on(payout))
    count = len(world.stripe.arrived)
    measured(f"{count} payout dates, {count} arrival dates, {count} availability dates equal")
