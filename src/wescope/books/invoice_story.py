"""Invoice story: what happened to an invoice after it was issued, told in the order of time.

Each happening settles or opens documents; the order decides what settles what. Rules: DESIGN.md section 3.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from types import MappingProxyType

from wescope.books.application import memo_application
from wescope.books.bad_debt import Doubt, application_of, undone_on, was_paid_at
from wescope.books.balance import ROLLED_OVER, Kind, Settlement, Use, settle
from wescope.books.calendar import local_date
from wescope.books.credit_lines import share, split_note
from wescope.books.credit_note import (
    balance_memo,
    memo_reversal,
    note_lines,
    noted_on,
    out_of_band_receipts,
    pre_payment_memo,
    split_mismatch,
    voided_on,
)
from wescope.books.documents import Application, Document, Entity, Existence, SalesLine, Skipped
from wescope.books.happenings import Happening, Rank
from wescope.books.invoice_memos import (
    bad_debt_again,
    bad_debt_memo,
    recovery_invoice,
    unfit_lines,
    void_memo,
    write_off_reversal,
)
from wescope.books.payment import (
    Outcome,
    allocated,
    applications_of,
    failed_at,
    failure_entry,
    in_another_currency,
    movements,
    payment_document,
    received_at,
    waiting,
)
from wescope.books.policy import Policy
from wescope.books.receivables import Receivables, applied, merged
from wescope.books.reversal import is_taken_back, reversed_
from wescope.books.subjects import (
    DocumentKey,
    application_key,
    customer_key,
    invoice_key,
    reversal_key,
)
from wescope.books.values import (
    CreditNote,
    CustomerBalanceTransaction,
    Invoice,
    InvoicePayment,
    InvoiceStatus,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What follows from an invoice, in posting order, and what by that is still open in Stripe (minor units).

    `portions` is what each payment settles because of this invoice, by the payment's source.
    """

    outcomes: tuple[Outcome, ...]
    owed: int
    portions: Mapping[str, tuple[Application, ...]]


def tell(
    invoice: Invoice,
    document: Document | None,
    lines: tuple[SalesLine, ...],
    policy: Policy,
    others: Mapping[str, Mapping[str, tuple[Application, ...]]] = MappingProxyType({}),
) -> Told:
    """What follows from an issued invoice beside itself, in posting order.

    Args:
        invoice: issued, its lines adding up; with payments, credit notes and moves of the customer's balance.
        document: its QBO invoice; null if the invoice is older than the books, so that nothing can settle it.
        lines: its item lines.
        policy: the company's choices.
        others: of other invoices, by id: what their payments settle because of them.

    Returns:
        Payments, credit memos, applications and counter-documents; what was taken back is void.
    """
    return _Story(invoice, document, lines, policy, others).told()


class _Story:
    """The state while the happenings are gone through.

    `_owed` is what Stripe says is open, `_open` what QBO has. `_own` is what is open of the invoice's own amount,
    whatever of it, or beside it, the customer's balance took over. `_given_up` is since it was marked uncollectible,
    `_was_paid` whether it was paid after that when a payment failed.
    """

    def __init__(
        self,
        invoice: Invoice,
        document: Document | None,
        lines: tuple[SalesLine, ...],
        policy: Policy,
        others: Mapping[str, Mapping[str, tuple[Application, ...]]],
    ) -> None:
        self._invoice, self._policy, self._lines = invoice, policy, lines
        self._key = invoice_key(invoice.id)
        self._customer = customer_key(invoice.customer.id, invoice.currency)
        self._made: list[Outcome] = []
        self._others = others
        self._portions: dict[str, tuple[Application, ...]] = {}
        self._open = Receivables()
        self._owed = self._own = invoice.total
        self._written_off = 0
        self._given_up = self._was_paid = False
        self._doubts: list[Doubt] = []
        self._settlement: Settlement = settle(invoice.balance, policy)
        self._used_up: Counter[Use] = Counter()
        self._gone = document is not None and document.existence is Existence.VOID
        self._document = document
        if document is not None and not self._gone:
            self._open.add(self._key, invoice.total)

    def told(self) -> Told:
        for happening in sorted(self._happenings(), key=lambda one: (one.at, one.rank, one.key)):
            happening.tell()
        self._made += [one for doubt in self._doubts for one in doubt.documents(self._invoice, self._customer)]
        return Told(outcomes=tuple(self._made), owed=self._owed, portions=self._portions)

    def _happenings(self) -> Iterator[Happening]:
        invoice = self._invoice
        yield from self._balance_happenings()
        yield Happening(at=self._issued_at(), rank=Rank.ISSUE, key="", tell=self._issue)
        for note in invoice.credit_notes:
            yield from self._note_happenings(note)
        for payment in movements(invoice):
            yield from self._payment_happenings(payment)
        if invoice.marked_uncollectible_at:
            yield Happening(at=invoice.marked_uncollectible_at, rank=Rank.MARK, key="", tell=self._write_off)
        if invoice.status is InvoiceStatus.VOID and invoice.voided_at and not self._gone:
            yield Happening(at=invoice.voided_at, rank=Rank.VOID, key="", tell=self._void)

    def _date(self, moment: datetime) -> date:
        return local_date(moment, self._policy.timezone)

    def _is_before_start(self, day: date) -> bool:
        return self._policy.start_date is not None and day < self._policy.start_date

    def _settle(self, amount: int) -> None:
        """Less of the invoice is open, in Stripe as by its own amount."""
        self._owed -= amount
        self._own -= amount

    def _issued_at(self) -> datetime:
        """When it was finalized and had used the balance, which Stripe may date a little later."""
        moves = [move.created for move in self._moves() if move.type == "applied_to_invoice"]
        return max([self._invoice.finalized_at or self._invoice.created, *moves])

    def _issue(self) -> None:
        """Below zero it is a credit memo, which settles the older debts that it collects."""
        memo = self._document
        if memo is None or memo.entity is not Entity.CREDIT_MEMO:
            return
        key, note = application_key(self._invoice.id), f"Stripe invoice {self._invoice.id} applied"
        if parts := self._open.take(memo.amount):
            self._made.append(memo_application(memo, key, self._customer, parts, note))
        elif any(move.type == "unapplied_from_invoice" and move.amount > 0 for move in self._moves()):
            # Voided, it collects nothing: the debts are open again, whatever the month, and no account moves by that.
            self._made.append(replace(memo_application(memo, key, self._customer, (), note), existence=Existence.VOID))

    def _moves(self) -> list[CustomerBalanceTransaction]:
        return [move for move in self._invoice.balance if move.invoice == self._invoice.id]

    # --- the customer's balance -------------------------------------------------------------------------------------

    def _balance_happenings(self) -> Iterator[Happening]:
        """The payments of zero belong to the customer; here they only leave less to be settled."""
        for move in self._moves():
            if move.type == "applied_to_invoice" or move.type in ROLLED_OVER:
                used = [use for use in self._settlement.uses if use.move.id == move.id]
                yield Happening(at=move.created, rank=Rank.BALANCE, key=move.id, tell=self._balance(move.amount, used))
                for one in self._settlement.collections:
                    if one.move.id == move.id and one.debt.kind is Kind.INVOICE:
                        collect = self._collection(one.debt.key, one.amount)
                        yield Happening(at=move.created, rank=Rank.BALANCE, key=move.id, tell=collect)

    def _balance(self, amount: int, used: list[Use]) -> Callable[[], None]:
        def happen() -> None:
            self._owed -= amount
            for use in used:
                if use.credit.kind is not Kind.UNKNOWN:
                    self._open.take(use.amount, only=self._key)

        return happen

    def _collection(self, debt: DocumentKey, amount: int) -> Callable[[], None]:
        return lambda: self._open.add(debt, amount)

    # --- credit notes -----------------------------------------------------------------------------------------------

    def _note_happenings(self, note: CreditNote) -> Iterator[Happening]:
        lines = note_lines(note, self._invoice, self._policy)
        if mismatch := split_mismatch(note, lines):
            self._made.append(mismatch)
            return
        at, customer = note.effective_at or note.created, self._invoice.customer.id
        parts = split_note(note, lines)
        if self._is_before_start(noted_on(note, self._policy)):
            yield from self._old_note(note, pre_payment_memo(note, parts.pre_payment, customer, self._policy), at)
            return
        if note.pre_payment_amount:
            memo = pre_payment_memo(note, parts.pre_payment, customer, self._policy)
            yield from self._pre_payment(note, memo, at)
        if note.balance_amount:
            self._balance_part(note, parts.balance)
        if note.out_of_band_amount:
            self._out_of_band_part(note, parts.out_of_band)

    def _pre_payment(self, note: CreditNote, memo: Document, at: datetime) -> Iterator[Happening]:
        gone = voided_on(note, self._policy)
        if gone and is_taken_back(memo.dates.txn, gone, self._policy):
            yield Happening(at=at, rank=Rank.NOTE, key=note.id, tell=lambda: self._credit_undone(note, memo, gone))
            return
        yield Happening(at=at, rank=Rank.NOTE, key=note.id, tell=lambda: self._credit(note, memo))
        if gone and note.voided_at:
            reopened = memo_reversal(memo, reversal_key(note.id), gone, f"Stripe credit note {note.id} voided")
            yield Happening(at=note.voided_at, rank=Rank.NOTE, key=note.id, tell=lambda: self._credit_void(reopened))

    def _old_note(self, note: CreditNote, memo: Document, at: datetime) -> Iterator[Happening]:
        """Of a credit note older than the books only its void is posted, if that is not: the customer owes it again."""
        gone = voided_on(note, self._policy)
        yield Happening(at=at, rank=Rank.NOTE, key=note.id, tell=lambda: self._settle(memo.amount))
        if gone is None or note.voided_at is None or not memo.amount:
            return
        reopened = memo_reversal(memo, reversal_key(note.id), gone, f"Stripe credit note {note.id} voided")
        old = self._is_before_start(gone)
        again = (lambda: self._settle(-memo.amount)) if old else (lambda: self._credit_void(reopened))
        yield Happening(at=note.voided_at, rank=Rank.NOTE, key=note.id, tell=again)

    def _credit(self, note: CreditNote, memo: Document) -> None:
        self._settle(memo.amount)
        self._apply_memo(memo, application_key(note.id), f"Stripe credit note {note.id} applied")

    def _credit_undone(self, note: CreditNote, memo: Document, gone: date) -> None:
        """As if it had never been; if its period is closed by then, it stands and a new invoice opens the debt."""
        counter = memo_reversal(memo, reversal_key(note.id), gone, f"Stripe credit note {note.id} voided")
        self._take_back(memo, application_key(note.id), (counter,))

    def _credit_void(self, reopened: Document) -> None:
        self._settle(-reopened.amount)
        self._reopen(reopened)

    def _reopen(self, document: Document) -> None:
        self._made.append(document)
        self._open.add(document.key, document.amount)

    def _balance_part(self, note: CreditNote, lines: tuple[SalesLine, ...]) -> None:
        memo = balance_memo(note, lines, self._invoice.customer.id, self._policy)
        gone = voided_on(note, self._policy)
        if gone is None:
            self._made.append(memo)
            return
        key = DocumentKey(f"{note.id}:balance_reversal")
        counter = memo_reversal(memo, key, gone, f"Stripe credit note {note.id} voided")
        self._made += reversed_(memo, gone, (counter,), self._policy)

    def _out_of_band_part(self, note: CreditNote, lines: tuple[SalesLine, ...]) -> None:
        paid, counter = out_of_band_receipts(note, lines, self._invoice.customer.id, self._policy)
        gone = voided_on(note, self._policy)
        if gone is None or counter is None:
            self._made.append(paid)
        else:
            self._made += reversed_(paid, gone, (counter,), self._policy)

    def _apply_memo(self, memo: Document, key: DocumentKey, note: str) -> None:
        """Post a credit memo and apply it to what is open; on an invoice older than the books it stays open."""
        if self._gone:
            self._take_back(memo, key, ())
            return
        self._made.append(memo)
        if parts := self._open.take(memo.amount):
            self._made.append(memo_application(memo, key, self._customer, parts, note))

    def _take_back(self, memo: Document, key: DocumentKey, counters: tuple[Document, ...]) -> None:
        self._free(memo, key)
        self._made.append(replace(memo, existence=Existence.VOID, counters=counters, blockers=(key,)))

    def _free(self, memo: Document, key: DocumentKey) -> None:
        """Take back what applied a memo."""
        used = (Application(document=self._key, amount=memo.amount),)
        self._made.append(replace(memo_application(memo, key, self._customer, used, ""), existence=Existence.VOID))

    # --- payments ---------------------------------------------------------------------------------------------------

    def _payment_happenings(self, payment: InvoicePayment) -> Iterator[Happening]:
        at, failed = received_at(payment), failed_at(payment)
        if payment.currency != self._invoice.currency:
            self._made.append(in_another_currency(payment))
            return
        if failed is None:
            yield Happening(at=at, rank=Rank.PAYMENT, key=payment.source_id, tell=lambda: self._pay(payment))
            return
        gone = self._date(failed)
        vain = is_taken_back(self._date(at), gone, self._policy) and not self._is_before_start(self._date(at))
        pay = (lambda: self._pay_in_vain(payment, gone)) if vain else (lambda: self._pay(payment))
        yield Happening(at=at, rank=Rank.PAYMENT, key=payment.source_id, tell=pay)
        fail = partial(self._fail, payment, failed, stands=not vain)
        yield Happening(at=failed, rank=Rank.PAYMENT, key=payment.source_id, tell=fail)

    def _pay(self, payment: InvoicePayment) -> None:
        own = allocated(payment, self._invoice.id)
        self._recover(payment, own)
        outcome = payment_document(payment, self._invoice.customer, self._policy, self._settled_by(payment, own))
        if self._gone and isinstance(outcome, Document):
            outcome = waiting(outcome, self._key)
        self._made.append(outcome)
        if not isinstance(outcome, Skipped) or outcome.reason == "before_start_date":
            self._settle(own)

    def _settled_by(self, payment: InvoicePayment, own: int) -> tuple[Application, ...]:
        settled = self._open.take(own)
        mine = (*settled, *self._overpayment_used(payment, own, settled))
        self._portions[payment.source_id] = mine
        return self._together(payment, mine)

    def _together(self, payment: InvoicePayment, mine: tuple[Application, ...]) -> tuple[Application, ...]:
        """What a payment settles because of all its invoices, the same from whichever it is looked at."""
        shares = applications_of(payment)
        if not shares:
            return mine
        parts: list[Application] = []
        for plain in shares:
            portions = self._others.get(plain.document.partition(":")[0], {})
            parts += mine if plain.document == self._key else portions.get(payment.source_id, (plain,))
        return merged(parts)

    def _overpayment_used(
        self, payment: InvoicePayment, own: int, settled: tuple[Application, ...]
    ) -> Iterator[Application]:
        """What was paid too much is a credit of the customer; where that was used, this payment settles it.

        What is allocated to no invoice at all counts with the first of them.
        """
        first = min((part.invoice for part in payment.allocations), default=self._invoice.id) == self._invoice.id
        collected = payment.charge.amount_captured if payment.charge else own
        rest = own - applied(settled) + (max(0, collected - allocated(payment)) if first else 0)
        for use in self._settlement.uses_of(self._key):
            left = use.amount - self._used_up[use]
            is_ours = use.credit.kind is Kind.OVERPAYMENT and use.debt.kind is Kind.INVOICE
            if is_ours and (part := min(rest, left)) > 0:
                rest -= part
                self._used_up[use] += part
                yield Application(document=use.debt.key, amount=part)

    def _pay_in_vain(self, payment: InvoicePayment, gone: date) -> None:
        own = allocated(payment, self._invoice.id)
        self._recover(payment, own)
        mine = self._open.first(own)
        self._portions[payment.source_id] = mine
        outcome = payment_document(payment, self._invoice.customer, self._policy, self._together(payment, mine))
        if isinstance(outcome, Document):
            self._settle(own)
            counters = failure_entry(payment, outcome, self._policy)
            self._made += reversed_(outcome, gone, counters, self._policy)
        else:
            self._made.append(outcome)

    def _fail(self, payment: InvoicePayment, at: datetime, *, stands: bool) -> None:
        """The customer owes it again: by an entry if the payment stands, else by what it is not settled with."""
        self._was_paid = self._was_paid or (self._given_up and was_paid_at(self._invoice, self._owed, at))
        # Of money from before the books only the way back is posted: it leaves clearing now.
        any_day = replace(self._policy, start_date=None)
        posted = payment_document(payment, self._invoice.customer, any_day, ())
        if not isinstance(posted, Document):
            return
        own = allocated(payment, self._invoice.id)
        self._settle(-own)
        if stands and not self._is_before_start(self._date(at)):
            for entry in failure_entry(payment, posted, self._policy):
                self._made.append(entry)
                self._open.add(entry.key, own, Entity.JOURNAL_ENTRY)
        self._give_up_again(payment, at)

    # --- write-off --------------------------------------------------------------------------------------------------

    def _write_off(self) -> None:
        """What is still open becomes bad debt; if it is paid or voided later, that is undone."""
        at = self._invoice.marked_uncollectible_at
        self._given_up = True
        if at is None or self._owed <= 0:
            return
        if self._is_before_start(self._date(at)):
            self._written_off = self._owed  # in the books from which these took over
            return
        memo = bad_debt_memo(self._invoice, self._customer, self._policy, self._owed, self._date(at))
        if not self._undone_without_trace(memo, at):
            self._give_up(memo)

    def _give_up(self, memo: Document) -> None:
        self._written_off += memo.amount
        self._apply_memo(memo, application_of(memo), f"Stripe invoice {self._invoice.id} written off")

    def _give_up_again(self, payment: InvoicePayment, at: datetime) -> None:
        """A debit of an invoice that was given up failed: is what is open again bad debt again?

        Certainly if the invoice was uncollectible all the time. If it was paid in between, Stripe's status says it; but
        not if that has changed since: then it is in doubt, or taken for open if it was before the books began.
        """
        amount, status = self._owed - self._written_off, self._invoice.status
        if not self._given_up or amount <= 0 or (self._was_paid and status is InvoiceStatus.OPEN):
            return
        told = not self._was_paid or status is InvoiceStatus.UNCOLLECTIBLE
        if self._is_before_start(self._date(at)):
            self._written_off += amount if told else 0
            return
        plain = bad_debt_memo(self._invoice, self._customer, self._policy, amount, self._date(at))
        memo = bad_debt_again(plain, self._invoice, payment)
        if self._undone_without_trace(memo, at):
            return
        if told:
            self._give_up(memo)
        else:
            self._doubts.append(Doubt(memo=memo))
            self._free(memo, application_of(memo))

    def _undone_without_trace(self, memo: Document, at: datetime) -> bool:
        """Take a write-off back that what came next undid completely and so soon that nothing of it is left."""
        undone = undone_on(self._invoice, at, memo.amount + self._written_off, self._policy, gone=self._gone)
        if undone is None or not is_taken_back(memo.dates.txn, undone, self._policy):
            return False
        self._take_back(memo, application_of(memo), (write_off_reversal(memo, self._invoice, undone),))
        if self._gone:
            self._written_off += memo.amount
        return True

    def _recover(self, payment: InvoicePayment, own: int) -> None:
        """Bad debt that is paid after all: an invoice on the bad-debt item, which the payment settles."""
        if not isinstance(payment_document(payment, self._invoice.customer, self._policy, ()), Document):
            is_old = self._is_before_start(self._date(received_at(payment)))
            self._written_off -= min(own, self._written_off) if is_old else 0
            return
        recovery = partial(recovery_invoice, self._invoice, self._customer, self._policy, payment)
        if self._written_off:
            back = recovery(min(own, self._written_off))
            self._written_off -= back.amount
            if self._gone:
                self._made.append(replace(back, existence=Existence.VOID))
            else:
                self._reopen(back)
            return
        for doubt in self._doubts:
            if part := min(own, doubt.rest):
                doubt.undone.append(recovery(part))
                own -= part

    # --- void -------------------------------------------------------------------------------------------------------

    def _void(self) -> None:
        """Voided in a later month, or older than the books: a dated credit memo over all that is not credited."""
        invoice, on = self._invoice, self._date(self._invoice.voided_at or self._invoice.created)
        if self._is_before_start(on):
            return
        if self._written_off:
            memo = bad_debt_memo(self._invoice, self._customer, self._policy, self._written_off, on)
            self._written_off = 0
            self._reopen(write_off_reversal(memo, invoice, on))
        for doubt in self._doubts:
            if doubt.rest:
                memo = bad_debt_memo(self._invoice, self._customer, self._policy, doubt.rest, on)
                doubt.undone.append(write_off_reversal(replace(memo, key=doubt.memo.key), invoice, on))
        amount, self._owed = self._own, 0
        key, text = DocumentKey(f"{invoice.id}:reversal_application"), f"Stripe invoice {invoice.id} voided"
        if self._document is not None and self._document.entity is Entity.CREDIT_MEMO:
            again = memo_reversal(self._document, reversal_key(invoice.id), on, text)
            self._reopen(again)
            parts = self._open.take(again.amount, only=again.key)
            self._made.append(memo_application(self._document, key, self._customer, parts, text))
            return
        if amount <= 0:
            return
        if unfit := unfit_lines(invoice, self._lines, amount):
            self._made.append(unfit)
            return
        memo = void_memo(invoice, self._customer, self._policy, share(self._lines, amount, invoice.total), on)
        self._apply_memo(memo, key, text)
