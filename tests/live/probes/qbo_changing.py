"""Probes of changing and taking back: SyncToken, sparse updates, voids, deletes, payments (facts/qbo.md 2)."""

from collections.abc import Mapping
from typing import Any

from tests.live.bench import Bench
from tests.live.model import Details, NotTried, Seen
from tests.live.probes.shelf import ON_QBO, Shelf
from tests.live.qbo_wire import Answer
from tests.live.run_marker import is_marked
from wescope.qbo import wire
from wescope.qbo.verify import is_void

SHELF = Shelf(ON_QBO)


def _key(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"Id": record["Id"], "SyncToken": record["SyncToken"]}


async def _noted(bench: Bench, record: Mapping[str, Any], note: str) -> Answer:
    """Change an invoice's note."""
    change = {
        **_key(record), "sparse": True, "CustomerRef": record["CustomerRef"],
        "PrivateNote": f"{note} {bench.run.note}".strip(),
    }  # fmt: skip
    return await bench.qbo.wire.post("invoice", change)


@SHELF.probe(
    "sync_token.stale",
    asks="An update with an old SyncToken: 5010?",
    expected="5010",
)
async def stale(bench: Bench) -> Seen:
    """Change an invoice twice with its first token."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    await _noted(bench, invoice, "one")
    return Seen(outcome=(await _noted(bench, invoice, "two")).outcome)


@SHELF.probe(
    "sync_token.no_op",
    asks="An update that changes nothing: does the SyncToken stay?",
    expected="stays",
    others={"grows": True},
)
async def no_op(bench: Bench) -> Seen:
    """Send an invoice the note that it has."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    answer = await _noted(bench, invoice, "")
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    same = answer.record("Invoice")["SyncToken"] == invoice["SyncToken"]
    return Seen(outcome="stays" if same else "grows")


@SHELF.probe(
    "sync_token.paid_invoice",
    asks="A payment of an invoice: does the invoice's SyncToken grow?",
    expected="grows",
    others={"stays": True},
)
async def paid_invoice(bench: Bench) -> Seen:
    """Pay an invoice and read it."""
    invoice, _ = await _paid(bench)
    after = await bench.qbo.now("Invoice", invoice)
    linked = any(link.get("TxnType") == "Payment" for link in after.get("LinkedTxn", []))
    grows = after["SyncToken"] != invoice["SyncToken"]
    details: Details = {"linked": linked, "open": str(after.get("Balance"))}
    return Seen(outcome="grows" if grows else "stays", details=details)


@SHELF.probe(
    "sparse.lines",
    asks="A sparse update that names one line of two: are the lines replaced?",
    expected="replaced",
    others={"merged": False},
)
async def sparse_lines(bench: Bench) -> Seen:
    """Change an invoice of 10 and 20 to one of 30."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice("10.00", "20.00"))
    change = {**_key(invoice), "sparse": True, "CustomerRef": invoice["CustomerRef"]}
    answer = await bench.qbo.wire.post("invoice", {**change, "Line": bench.qbo.sales_lines("30.00")})
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    total = wire.decimal(answer.record("Invoice").get("TotalAmt"))
    note = is_marked(answer.record("Invoice"))
    return Seen(outcome="replaced" if total == 30 else "merged", details={"total": str(total), "note kept": note})


@SHELF.probe(
    "void.invoice",
    asks="A voided invoice: all amounts zero, and our marker still in its note?",
    expected="zero, marker kept",
    others={"zero, marker lost": False},
)
async def void_invoice(bench: Bench) -> Seen:
    """Void by operation=void."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    return await _void(bench, "Invoice", invoice, {"operation": "void"})


@SHELF.probe(
    "void.payment",
    asks="A payment voided by an update with include=void: all amounts zero, marker kept?",
    expected="zero, marker kept",
    others={"zero, marker lost": False},
)
async def void_payment(bench: Bench) -> Seen:
    """Void a payment, as the product does."""
    payment = await bench.qbo.made("Payment", bench.qbo.payment("10.00"))
    return await _void(bench, "Payment", {**payment, "sparse": True}, {"operation": "update", "include": "void"})


@SHELF.probe(
    "void.sales_receipt",
    asks="A sales receipt voided by an update with include=void: all amounts zero, marker kept?",
    expected="zero, marker kept",
    others={"zero, marker lost": False},
)
async def void_sales_receipt(bench: Bench) -> Seen:
    """Void a sales receipt, as the product does."""
    receipt = await bench.qbo.made("SalesReceipt", _receipt(bench))
    return await _void(bench, "SalesReceipt", {**receipt, "sparse": True}, {"operation": "update", "include": "void"})


@SHELF.probe(
    "void.undocumented",
    asks="Credit memos, which no document says can be voided: refused? (The product deletes them.)",
    expected="refused",
    others={"accepted": True},
)
async def void_credit_memo(bench: Bench) -> Seen:
    """Try to void a credit memo."""
    memo = await bench.qbo.made("CreditMemo", bench.qbo.invoice())
    answer = await bench.qbo.wire.post("creditmemo", _key(memo), operation="void")
    return Seen(outcome="accepted" if answer.ok else "refused", details={"answer": answer.outcome})


@SHELF.probe(
    "void.twice",
    asks="Voiding what is void: refused?",
    expected="refused",
    others={"same": True},
)
async def void_twice(bench: Bench) -> Seen:
    """Void an invoice two times."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    first = await bench.qbo.wire.post("invoice", _key(invoice), operation="void")
    if not first.ok:
        raise NotTried(f"the first void was refused: {first.outcome}")
    again = await bench.qbo.wire.post("invoice", _key(first.record("Invoice")), operation="void")
    return Seen(outcome="same" if again.ok else "refused", details={"answer": again.outcome})


@SHELF.probe(
    "void.remnant",
    asks="Can what is void be deleted, so that it can be made anew?",
    expected="deleted",
)
async def void_remnant(bench: Bench) -> Seen:
    """Void an invoice and delete it."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    void = await bench.qbo.wire.post("invoice", _key(invoice), operation="void")
    answer = await bench.qbo.remove("Invoice", void.record("Invoice") or invoice)
    return Seen(outcome="deleted" if answer.ok else answer.outcome)


@SHELF.probe(
    "void.paid_invoice",
    asks="Voiding an invoice with a payment: refused? (The product takes the payment back first.)",
    expected="refused",
    others={"unlinked": True},
)
async def void_paid_invoice(bench: Bench) -> Seen:
    """Pay an invoice and try to void it."""
    invoice, _ = await _paid(bench)
    after = await bench.qbo.now("Invoice", invoice)
    answer = await bench.qbo.wire.post("invoice", _key(after), operation="void")
    return Seen(outcome="unlinked" if answer.ok else "refused", details={"answer": answer.outcome})


@SHELF.probe(
    "delete.paid_invoice",
    asks="Deleting an invoice with a payment: refused?",
    expected="refused",
    others={"unlinked": True},
)
async def delete_paid_invoice(bench: Bench) -> Seen:
    """Pay an invoice and try to delete it."""
    invoice, _ = await _paid(bench)
    answer = await bench.qbo.remove("Invoice", await bench.qbo.now("Invoice", invoice))
    return Seen(outcome="unlinked" if answer.ok else "refused", details={"answer": answer.outcome})


@SHELF.probe(
    "delete.entities",
    asks="Are credit memos, refund receipts, journal entries and deposits deleted by Id and SyncToken alone?",
    expected="all deleted",
    others={"some refused": False},
)
async def delete_entities(bench: Bench) -> Seen:
    """Make one of each and delete it."""
    accounts = bench.qbo.accounts
    bodies: Mapping[str, Mapping[str, Any]] = {
        "CreditMemo": bench.qbo.invoice(),
        "RefundReceipt": _receipt(bench),
        "JournalEntry": {
            "Line": [
                bench.qbo.journal_line(accounts["fees"], "5.00"),
                bench.qbo.journal_line(accounts["clearing"], "-5.00"),
            ]
        },
        "Deposit": bench.qbo.deposit(("clearing", "5.00")),
    }
    refused = {}
    for entity, body in bodies.items():
        record = await bench.qbo.made(entity, body)
        answer = await bench.qbo.remove(entity, record)
        if not answer.ok or answer.record(entity).get("status") != "Deleted":
            refused[entity] = answer.outcome
    return Seen(outcome="some refused" if refused else "all deleted", details=refused)


@SHELF.probe(
    "delete.deposited",
    asks="Deleting a payment that is in a deposit: 6540?",
    expected="6540",
    others={"6000": True, "accepted": True},
)
async def delete_deposited(bench: Bench) -> Seen:
    """Deposit a payment out of Undeposited Funds and try to delete it."""
    body = bench.qbo.payment("12.00")
    del body["DepositToAccountRef"]
    payment = await bench.qbo.made("Payment", body)
    linked = [{"TxnId": payment["Id"], "TxnType": "Payment", "TxnLineId": "0"}]
    deposit = {**bench.qbo.deposit(), "Line": [{"Amount": payment["TotalAmt"], "LinkedTxn": linked}]}
    await bench.qbo.made("Deposit", deposit)
    now = await bench.qbo.now("Payment", payment)
    return Seen(outcome=(await bench.qbo.remove("Payment", now)).outcome)


@SHELF.probe(
    "payment.applies_credit_memo",
    asks="A payment of zero with an invoice and a credit memo: is the credit applied?",
    expected="applied",
)
async def applies_credit_memo(bench: Bench) -> Seen:
    """Apply a credit memo of 10 to an invoice of 10."""
    memo = await bench.qbo.made("CreditMemo", bench.qbo.invoice())
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    linked = (("Invoice", str(invoice["Id"]), "10.00"), ("CreditMemo", str(memo["Id"]), "10.00"))
    return await _applied(bench, bench.qbo.payment("0.00", *linked), invoice)


@SHELF.probe(
    "payment.applies_journal_entry",
    asks="A payment of zero with an invoice and a journal entry that credits the customer: is it applied?",
    expected="applied",
)
async def applies_journal_entry(bench: Bench) -> Seen:
    """Apply a journal entry of 10 on receivables to an invoice of 10."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    receivable = await _receivable(bench)
    credit = bench.qbo.journal_line(receivable, "-10.00", customer=bench.qbo.customer)
    debit = bench.qbo.journal_line(bench.qbo.accounts["fees"], "10.00")
    entry = await bench.qbo.made("JournalEntry", {"Line": [debit, credit]})
    linked = (("Invoice", str(invoice["Id"]), "10.00"), ("JournalEntry", str(entry["Id"]), "10.00"))
    return await _applied(bench, bench.qbo.payment("0.00", *linked), invoice)


@SHELF.probe(
    "credits.apply_themselves",
    asks="With AutoApplyCredit on: is a new invoice paid by an open credit memo without being asked?",
    expected="applied",
    others={"left alone": True},
)
async def credits_apply_themselves(bench: Bench) -> Seen:
    """Make a credit memo and an invoice for a new customer, and read the invoice."""
    if not bench.qbo.preferences.auto_apply_credit:
        raise NotTried("AutoApplyCredit is off in this company")
    customer = {"CustomerRef": {"value": await bench.qbo.new_customer()}}
    await bench.qbo.made("CreditMemo", {**bench.qbo.invoice(), **customer})
    invoice = await bench.qbo.made("Invoice", {**bench.qbo.invoice(), **customer})
    rest = wire.decimal((await bench.qbo.now("Invoice", invoice)).get("Balance"))
    return Seen(outcome="applied" if rest == 0 else "left alone", details={"open": str(rest)})


@SHELF.probe(
    "payment.overpays",
    asks="A payment that is larger than what it is applied to: does the rest stay unapplied?",
    expected="unapplied",
)
async def overpays(bench: Bench) -> Seen:
    """Pay 15 on an invoice of 10."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    payment = await bench.qbo.made("Payment", bench.qbo.payment("15.00", ("Invoice", str(invoice["Id"]), "10.00")))
    rest = wire.decimal(payment.get("UnappliedAmt"))
    return Seen(outcome="unapplied" if rest == 5 else "else", details={"rest": str(rest)})


@SHELF.probe(
    "payment.applies_too_much",
    asks="A payment line above the invoice's open amount: refused?",
    expected="refused",
    others={"cut": True, "accepted": True},
)
async def applies_too_much(bench: Bench) -> Seen:
    """Apply 15 to an invoice of 10."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    answer = await bench.qbo.make("Payment", bench.qbo.payment("15.00", ("Invoice", str(invoice["Id"]), "15.00")))
    if not answer.ok:
        return Seen(outcome="refused", details={"answer": answer.outcome})
    lines = answer.record("Payment").get("Line", [])
    is_cut = bool(lines) and wire.decimal(lines[0].get("Amount")) == 10
    return Seen(outcome="cut" if is_cut else "accepted")


async def _void(bench: Bench, entity: str, record: Mapping[str, Any], parameters: Mapping[str, str]) -> Seen:
    body = _key(record) | ({"sparse": True} if record.get("sparse") else {})
    answer = await bench.qbo.wire.post(entity.lower(), body, **parameters)
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    after = await bench.qbo.now(entity, record)
    if not is_void(after):
        return Seen(outcome="not zero")
    return Seen(outcome="zero, marker kept" if is_marked(after) else "zero, marker lost")


async def _paid(bench: Bench) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    payment = await bench.qbo.made("Payment", bench.qbo.payment("10.00", ("Invoice", str(invoice["Id"]), "10.00")))
    return invoice, payment


async def _applied(bench: Bench, body: Mapping[str, Any], invoice: Mapping[str, Any]) -> Seen:
    answer = await bench.qbo.make("Payment", {name: one for name, one in body.items() if name != "DepositToAccountRef"})
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    rest = wire.decimal((await bench.qbo.now("Invoice", invoice)).get("Balance"))
    return Seen(outcome="applied" if rest == 0 else "not applied", details={"open": str(rest)})


async def _receivable(bench: Bench) -> str:
    home = bench.qbo.preferences.home_currency.upper()
    found = await bench.qbo.wire.all("Account", "AccountType = 'Accounts Receivable'")
    fit = [one for one in found if (one.get("CurrencyRef") or {}).get("value", home) == home]
    if not fit:
        raise NotTried("the company has no receivable account in its currency")
    return str(fit[0]["Id"])


def _receipt(bench: Bench) -> dict[str, Any]:
    return {**bench.qbo.invoice(), "DepositToAccountRef": {"value": bench.qbo.accounts["clearing"]}}
