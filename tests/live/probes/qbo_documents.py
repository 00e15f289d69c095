"""Probes of single documents: numbers, notes, lines, customers, journal entries, deposits (facts/qbo.md 2.5, 4)."""

from collections.abc import Mapping
from typing import Any

from tests.live.bench import Bench
from tests.live.model import NotTried, Seen
from tests.live.probes.qbo_changing import _receivable
from tests.live.probes.shelf import ON_QBO, Shelf
from tests.live.qbo_wire import Answer
from wescope.qbo import wire
from wescope.qbo.records import reference

SHELF = Shelf(ON_QBO)

_NUMBER_LENGTH = 21
_NOTE_LENGTH = 4000


def _numbered(bench: Bench) -> None:
    if not bench.qbo.preferences.custom_txn_numbers:
        raise NotTried("the company numbers by itself (CustomTxnNumbers is off)")


@SHELF.probe(
    "doc_number.kept",
    asks="Is the number kept that an invoice is sent with?",
    expected="kept",
    others={"another": True},
)
async def number_kept(bench: Bench) -> Seen:
    """Number an invoice, whatever the preference says."""
    number = bench.run.number()
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice(number=number))
    details = {"CustomTxnNumbers": bench.qbo.preferences.custom_txn_numbers}
    return Seen(outcome="kept" if invoice.get("DocNumber") == number else "another", details=details)


@SHELF.probe(
    "doc_number.duplicate",
    asks="A number that another invoice has: taken, or 6140 with the other's id (a setting that cannot be read)?",
    expected="accepted",
    others={"6140": True},
)
async def number_duplicate(bench: Bench) -> Seen:
    """Use a number twice."""
    _numbered(bench)
    number = bench.run.number()
    await bench.qbo.made("Invoice", bench.qbo.invoice(number=number))
    return Seen(outcome=(await bench.qbo.make("Invoice", bench.qbo.invoice(number=number))).outcome)


@SHELF.probe(
    "doc_number.length",
    asks="A number of 22 characters: 2050?",
    expected="2050",
    others={"accepted": True},
)
async def number_length(bench: Bench) -> Seen:
    """Use a number that is too long by one."""
    _numbered(bench)
    number = bench.run.number().ljust(_NUMBER_LENGTH + 1, "x")
    return Seen(outcome=(await bench.qbo.make("Invoice", bench.qbo.invoice(number=number))).outcome)


@SHELF.probe(
    "payment_ref_num.length",
    asks="A payment's reference of 22 characters: 2050? (No document says.)",
    expected="2050",
    others={"accepted": True},
)
async def reference_length(bench: Bench) -> Seen:
    """Use a reference that is too long by one."""
    body = bench.qbo.payment("5.00")
    return Seen(
        outcome=(
            await bench.qbo.make("Payment", {**body, "PaymentRefNum": "wl".ljust(_NUMBER_LENGTH + 1, "x")})
        ).outcome
    )


@SHELF.probe(
    "private_note.length",
    asks="A note of 4000 characters with line breaks: kept whole?",
    expected="kept",
    others={"changed": False, "2050": False},
)
async def note_length(bench: Bench) -> Seen:
    """Write the longest note."""
    end = f"\n{bench.run.note}"
    note = "line\n" * 10 + "x" * (_NOTE_LENGTH - 50 - len(end)) + end
    answer = await bench.qbo.make("Invoice", {**bench.qbo.invoice(), "PrivateNote": note})
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    after = await bench.qbo.now("Invoice", answer.record("Invoice"))
    return Seen(outcome="kept" if after.get("PrivateNote") == note else "changed")


@SHELF.probe(
    "lines.negative",
    asks="A negative line on an invoice whose total is positive: taken? (So discounts are booked.)",
    expected="accepted",
    others={"2290": False, "6000": False},
)
async def negative_line(bench: Bench) -> Seen:
    """Make an invoice of 10 less 4."""
    answer = await bench.qbo.make("Invoice", bench.qbo.invoice("10.00", "-4.00"))
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    total = wire.decimal(answer.record("Invoice").get("TotalAmt"))
    return Seen(outcome="accepted" if total == 6 else "else", details={"total": str(total)})


@SHELF.probe(
    "lines.negative_total",
    asks="An invoice whose total is negative: refused? (It becomes a credit memo.)",
    expected="refused",
    others={"accepted": True},
)
async def negative_total(bench: Bench) -> Seen:
    """Make an invoice of 4 less 10."""
    return _refused(await bench.qbo.make("Invoice", bench.qbo.invoice("4.00", "-10.00")))


@SHELF.probe(
    "lines.service_date",
    asks="Is a line's ServiceDate kept (the period of use)?",
    expected="kept",
    others={"dropped": True},
)
async def service_date(bench: Bench) -> Seen:
    """Date a line."""
    body = bench.qbo.invoice()
    day = bench.run.today.isoformat()
    body["Line"][0]["SalesItemLineDetail"]["ServiceDate"] = day
    invoice = await bench.qbo.made("Invoice", body)
    kept = invoice["Line"][0].get("SalesItemLineDetail", {}).get("ServiceDate") == day
    return Seen(
        outcome="kept" if kept else "dropped", details={"AllowServiceDate": bench.qbo.preferences.allow_service_date}
    )


@SHELF.probe(
    "receipt.without_customer",
    asks="Sales and refund receipts without a customer (a sale to a guest): taken?",
    expected="accepted",
    others={"2020": False, "6000": False},
)
async def without_customer(bench: Bench) -> Seen:
    """Make one of each."""
    for entity in ("SalesReceipt", "RefundReceipt"):
        body = {
            "Line": bench.qbo.sales_lines("8.00"),
            **bench.qbo.untaxed(),
            "DepositToAccountRef": {"value": bench.qbo.accounts["clearing"]},
            "PaymentRefNum": bench.run.number(),
        }
        answer = await bench.qbo.make(entity, body)
        if not answer.ok:
            return Seen(outcome=answer.outcome, details={"entity": entity})
    return Seen(outcome="accepted")


@SHELF.probe(
    "customer.duplicate_name",
    asks="A customer's name that another has, but for case: 6240?",
    expected="6240",
    others={"accepted": True},
)
async def duplicate_name(bench: Bench) -> Seen:
    """Use a name twice, the second time in capitals."""
    name = bench.run.name("Case")
    currency = bench.qbo.currency()
    first = await bench.qbo.wire.post("customer", {"DisplayName": name, **currency})
    if not first.ok:
        raise NotTried(f"the first customer was refused: {first.outcome}")
    again = await bench.qbo.wire.post(
        "customer", {"DisplayName": name.replace("Case", "CASE"), "Notes": bench.run.note, **currency}
    )
    return Seen(outcome=again.outcome)


@SHELF.probe(
    "account.duplicate_name",
    asks="An account's name that another has: 6240?",
    expected="6240",
    others={"accepted": True},
)
async def duplicate_account(bench: Bench) -> Seen:
    """Use the name of the run's own account again, as `wescope setup` would after a lost answer."""
    body = {"AccountType": "Expense", "AccountSubType": "BankCharges", **bench.qbo.currency()}
    return await _twice(bench, "Account", {"Name": bench.run.name("fees"), **body})


@SHELF.probe(
    "item.duplicate_name",
    asks="An item's name that another has: 6240?",
    expected="6240",
    others={"accepted": True},
)
async def duplicate_item(bench: Bench) -> Seen:
    """Use the name of an item again, as `wescope setup` would after a lost answer."""
    income = {"Type": "Service", "IncomeAccountRef": {"value": bench.qbo.accounts["income"]}}
    return await _twice(bench, "Item", {"Name": bench.run.name("item"), **income})


async def _twice(bench: Bench, entity: str, body: Mapping[str, Any]) -> Seen:
    first = await bench.qbo.wire.post(entity.lower(), body)
    if not first.ok:
        raise NotTried(f"the first one was refused: {first.outcome}")
    return Seen(outcome=(await bench.qbo.wire.post(entity.lower(), body)).outcome)


@SHELF.probe(
    "customer.characters",
    asks="Names beyond Latin-1 (Chinese, an emoji): kept?",
    expected="kept",
    others={"changed": False, "2040": False, "6000": False, "2010": False, "500": False},
)
async def characters(bench: Bench) -> Seen:
    """Make a customer with such a name."""
    name = bench.run.name("株式 \N{ROCKET}")
    answer = await bench.qbo.wire.post("customer", {"DisplayName": name, **bench.qbo.currency()})
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    return Seen(outcome="kept" if answer.record("Customer").get("DisplayName") == name else "changed")


@SHELF.probe(
    "customer.colon",
    asks="A colon in a name: refused? (The product takes it out.)",
    expected="refused",
    others={"accepted": True},
)
async def colon(bench: Bench) -> Seen:
    """Make a customer with a colon in its name."""
    name = bench.run.name("a:b")
    return _refused(await bench.qbo.wire.post("customer", {"DisplayName": name, **bench.qbo.currency()}))


@SHELF.probe(
    "reference.unknown",
    asks="A customer that is not there: 2500?",
    expected="2500",
    others={"610": True, "6000": True},
)
async def unknown_reference(bench: Bench) -> Seen:
    """Make an invoice for nobody."""
    body = {**bench.qbo.invoice(), "CustomerRef": {"value": "99999999"}}
    return Seen(outcome=(await bench.qbo.make("Invoice", body)).outcome)


@SHELF.probe(
    "journal.receivable",
    asks="A journal entry on receivables with a customer: taken, and refused without one?",
    expected="customer needed",
    others={"accepted without": True},
)
async def journal_receivable(bench: Bench) -> Seen:
    """Post to receivables, with and without a customer."""
    account, fees = await _receivable(bench), bench.qbo.accounts["fees"]
    debit = bench.qbo.journal_line(fees, "6.00")
    named = [debit, bench.qbo.journal_line(account, "-6.00", customer=bench.qbo.customer)]
    good = await bench.qbo.make("JournalEntry", {"Line": named, "DocNumber": bench.run.number()})
    if not good.ok:
        return Seen(outcome=good.outcome)
    bad = await bench.qbo.make("JournalEntry", {"Line": [debit, bench.qbo.journal_line(account, "-6.00")]})
    details = {"TotalAmt": str(good.record("JournalEntry").get("TotalAmt")), "refused": bad.outcome}
    return Seen(outcome="accepted without" if bad.ok else "customer needed", details=details)


@SHELF.probe(
    "journal.two_receivable_lines",
    asks="Two lines on receivables in one journal entry: refused?",
    expected="refused",
    others={"accepted": True},
)
async def two_receivable_lines(bench: Bench) -> Seen:
    """Debit and credit receivables in one entry."""
    account = await _receivable(bench)
    lines = [bench.qbo.journal_line(account, part, customer=bench.qbo.customer) for part in ("6.00", "-6.00")]
    return _refused(await bench.qbo.make("JournalEntry", {"Line": lines}))


@SHELF.probe(
    "journal.unbalanced",
    asks="A journal entry whose debits and credits differ: refused?",
    expected="refused",
)
async def unbalanced(bench: Bench) -> Seen:
    """Debit 6 and credit 5."""
    lines = [
        bench.qbo.journal_line(bench.qbo.accounts["fees"], "6.00"),
        bench.qbo.journal_line(bench.qbo.accounts["clearing"], "-5.00"),
    ]
    return _refused(await bench.qbo.make("JournalEntry", {"Line": lines}))


@SHELF.probe(
    "deposit.lines",
    asks="A deposit with a clearing line and a negative fee line: is its total the payout?",
    expected="net",
    others={"2290": False, "6000": False, "2500": False, "6430": False},
)
async def deposit_lines(bench: Bench) -> Seen:
    """Deposit 100.00 less 3.20."""
    answer = await bench.qbo.make("Deposit", bench.qbo.deposit(("clearing", "100.00"), ("fees", "-3.20")))
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    total = wire.decimal(answer.record("Deposit").get("TotalAmt"))
    return Seen(outcome="net" if total == wire.loads("96.80") else "else", details={"total": str(total)})


@SHELF.probe(
    "deposit.negative_total",
    asks="A deposit whose total is negative: refused? (The product posts a journal entry.)",
    expected="refused",
    others={"accepted": True},
)
async def deposit_negative(bench: Bench) -> Seen:
    """Deposit -5."""
    return _refused(await bench.qbo.make("Deposit", bench.qbo.deposit(("clearing", "-5.00"))))


@SHELF.probe(
    "deposit.to_account",
    asks="Are payments into a clearing account (Other Current Asset) taken as they are, outside of Undeposited Funds?",
    expected="as sent",
    others={"another account": False, "6000": False, "2500": False},
)
async def payment_into_clearing(bench: Bench) -> Seen:
    """Receive a payment into clearing."""
    answer = await bench.qbo.make("Payment", bench.qbo.payment("9.00"))
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    account = reference(answer.record("Payment"), "DepositToAccountRef")
    return Seen(outcome="as sent" if account == bench.qbo.accounts["clearing"] else "another account")


@SHELF.probe(
    "closed_books",
    asks="A document dated in closed books: 6210 (or 6200)?",
    expected="6210",
    others={"6200": True},
)
async def closed_books(bench: Bench) -> Seen:
    """Date an invoice on the last closed day."""
    closed = bench.qbo.preferences.book_close_date
    if closed is None:
        raise NotTried("the company's books were never closed (set a closing date in QBO)")
    day = closed.isoformat()
    return Seen(outcome=(await bench.qbo.make("Invoice", {**bench.qbo.invoice(), "TxnDate": day})).outcome)


def _refused(answer: Answer) -> Seen:
    details: dict[str, Any] = {"answer": answer.outcome}
    return Seen(outcome="accepted" if answer.ok else "refused", details=details)
