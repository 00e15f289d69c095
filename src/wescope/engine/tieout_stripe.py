"""What Stripe says is owed: accounts receivable per customer and currency, as movements with a date each.

Each says, too, which document books it, and what that posts to income, bad debt and tax.

Every movement comes from Stripe's own objects and the rules of DESIGN.md section 3, not from the mapping: a document
that the mapping forgets, or books twice, shows up as a difference.
"""

from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from wescope.books.calendar import local_date
from wescope.books.policy import Policy
from wescope.books.reversal import is_taken_back
from wescope.books.values import (
    BalanceRow,
    Charge,
    ChargeStatus,
    CreditNote,
    CreditNoteStatus,
    CustomerBalanceTransaction,
    Invoice,
    InvoiceStatus,
    Payout,
)
from wescope.engine.tieout_entries import Pieces, negated
from wescope.engine.tieout_results import Kind
from wescope.engine.tieout_shares import Shares
from wescope.stripe.listing import ListedRefund
from wescope.stripe.parsing import PaymentPart
from wescope.stripe.parsing.invoice_payments import PartSource, PartStatus

_MOVED_BY_OTHERS = frozenset(
    {
        "applied_to_invoice",
        "unapplied_from_invoice",
        "credit_note",
        "invoice_overpaid",
        "invoice_too_small",
        "invoice_too_large",
    }
)
"""Moves of a customer's balance that leave the sum of what it owes as it is, or come with another object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSide:
    """Stripe's objects that the tie-out is computed from. `balances` holds the moves of each customer's balance.

    `payouts` have their rows. `fees_by_day` says that the account's payouts are manual; then they say so, too.
    """

    invoices: Sequence[Invoice] = ()
    parts: Sequence[PaymentPart] = ()
    charges: Sequence[Charge] = ()
    credit_notes: Sequence[CreditNote] = ()
    balances: Mapping[str, Sequence[CustomerBalanceTransaction]] = field(default_factory=dict)
    rows: Sequence[BalanceRow] = ()
    payouts: Sequence[Payout] = ()
    refunds: Sequence[ListedRefund] = ()
    fees_by_day: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What a customer owes more (or less, below zero) since a day of the books' calendar, in minor units.

    `key` is the document that books it, `stripe_id` the object that is the cause, `about` others that it is about;
    `pieces` is what the document posts besides, if it does not move money.
    """

    customer: str
    currency: str
    amount: int
    day: date
    stripe_id: str
    key: str
    about: tuple[str, ...] = ()
    pieces: Pieces = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paid:
    """The part of a payment that pays one invoice, when the money came, and when it was taken back (UTC)."""

    amount: int
    at: datetime
    source: str
    failed_at: datetime | None = None
    shared: bool = False

    def part(self, invoice: Invoice) -> str:
        """What tells the documents of several invoices apart that one payment pays."""
        return f":{invoice.id}" if self.shared else ""


def receivable_movements(side: StripeSide, policy: Policy) -> Iterator[Movement]:
    """Everything that ever changed what customers owe."""
    return _Receivables(side, policy).movements()


class _Receivables:
    """The objects by what they belong to, and the movements that follow from each."""

    def __init__(self, side: StripeSide, policy: Policy) -> None:
        self._side, self._policy = side, policy
        self._invoices = {invoice.id: invoice for invoice in side.invoices}
        self._notes: defaultdict[str, list[CreditNote]] = defaultdict(list)
        for note in side.credit_notes:
            self._notes[note.invoice].append(note)
        self._of_source: defaultdict[str, list[PaymentPart]] = defaultdict(list)
        self._of_invoice: defaultdict[str, list[PaymentPart]] = defaultdict(list)
        for part in side.parts:
            self._of_source[part.source_id].append(part)
            self._of_invoice[part.invoice].append(part)
        self._paid: defaultdict[str, list[_Paid]] = defaultdict(list)
        self._failed: defaultdict[str, list[_Paid]] = defaultdict(list)

    def movements(self) -> Iterator[Movement]:
        """Payments first: what was written off and paid after all depends on them."""
        for charge in self._side.charges:
            yield from self._charge(charge)
        for invoice in self._side.invoices:
            yield from self._outside(invoice)
        for invoice in self._side.invoices:
            yield from self._invoice(invoice)
        for note in self._side.credit_notes:
            yield from self._note(note)
        for customer, moves in self._side.balances.items():
            for move in moves:
                if move.type not in _MOVED_BY_OTHERS:
                    yield Movement(
                        customer=customer,
                        currency=move.currency,
                        amount=move.amount,
                        day=self._day(move.created),
                        stripe_id=move.id,
                        key=f"{move.id}:{'credit_memo' if move.amount < 0 else 'invoice'}",
                        about=(customer,),
                        pieces=((Kind.CUSTOMER_BALANCE, move.amount),),
                    )

    def _day(self, moment: datetime) -> date:
        return local_date(moment, self._policy.timezone)

    def _undone(self, posted: datetime, undone: datetime) -> bool:
        """Whether what was posted and undone at these moments leaves no trace; what is older than the books does."""
        day, start = self._day(posted), self._policy.start_date
        return not (start and day < start) and is_taken_back(day, self._day(undone), self._policy)

    def _of(
        self, invoice: Invoice, amount: int, at: datetime, key: str, pieces: Pieces = (), *, cause: str = ""
    ) -> Movement:
        return Movement(
            customer=invoice.customer.id,
            currency=invoice.currency,
            amount=amount,
            day=self._day(at),
            stripe_id=cause or invoice.id,
            key=key,
            about=(invoice.id,),
            pieces=pieces,
        )

    def _bad_debt(self, invoice: Invoice, amount: int, at: datetime, key: str) -> Movement:
        """What is owed more (less, below zero) because less (more) is bad debt."""
        return self._of(invoice, amount, at, key, ((Kind.BAD_DEBT, -amount),), cause=key.partition(":")[0])

    # --- money ------------------------------------------------------------------------------------------------------

    def _charge(self, charge: Charge) -> Iterator[Movement]:
        """A charge that pays invoices: all that it collected, so that what was paid too much is a credit."""
        parts = self._of_source.get(charge.payment_intent or "") or self._of_source.get(charge.id) or ()
        paid = [part for part in parts if part.status is PartStatus.PAID]
        row, failure = charge.balance_transaction, charge.failure_balance_transaction
        stands = charge.status is ChargeStatus.SUCCEEDED and charge.captured and paid
        if row is None or not parts or not (failure or stands):
            return
        invoice, amount = self._invoices.get(parts[0].invoice), charge.amount_captured or charge.amount
        customer = invoice.customer.id if invoice else charge.customer or ""
        shared = len({part.invoice for part in (paid if failure is None else parts)}) > 1
        if failure is None:
            for part in paid:
                one = _Paid(amount=part.amount, at=row.created, source=charge.id, shared=shared)
                self._paid[part.invoice].append(one)
        else:
            left, alone = amount, not shared
            for part in sorted(parts, key=lambda one: (one.status is PartStatus.CANCELED, one.invoice, one.id)):
                paid_then = left if alone else min(left, part.amount or part.requested)
                left -= paid_then
                self._failed[part.invoice].append(
                    _Paid(amount=paid_then, at=row.created, source=charge.id, failed_at=failure.created, shared=shared)
                )
            if self._undone(row.created, failure.created):
                return
        movement = Movement(
            customer=customer,
            currency=charge.currency,
            amount=-amount,
            day=self._day(row.created),
            stripe_id=charge.id,
            key=f"{charge.id}:payment",
            about=tuple(dict.fromkeys(part.invoice for part in parts)),
        )
        yield movement
        if failure:
            day, key = self._day(failure.created), f"{charge.id}:reversal"
            yield replace(movement, amount=amount, day=day, key=key)

    def _outside(self, invoice: Invoice) -> Iterator[Movement]:
        """What was paid outside of Stripe: by a payment record, or by none of the payments that Stripe lists."""
        paid = [part for part in self._of_invoice.get(invoice.id, ()) if part.status is PartStatus.PAID]
        outside = [
            _Paid(amount=part.amount, at=part.paid_at, source=part.source_id)
            for part in paid
            if part.source is PartSource.PAYMENT_RECORD and part.paid_at
        ]
        rest = invoice.amount_paid - sum(part.amount for part in paid)
        if rest > 0 and invoice.paid_at and not (paid and rest == invoice.amount_overpaid):
            outside.append(_Paid(amount=rest, at=invoice.paid_at, source=invoice.id))
        for one in outside:
            self._paid[invoice.id].append(one)
            yield self._of(invoice, -one.amount, one.at, f"{one.source}:payment", cause=one.source)

    # --- invoices ---------------------------------------------------------------------------------------------------

    def _invoice(self, invoice: Invoice) -> Iterator[Movement]:
        issued = issued_at(invoice)
        if issued is None or self._left_no_trace(invoice):
            return
        shares = Shares.of(invoice)
        key = f"{invoice.id}:{'credit_memo' if invoice.total < 0 else 'invoice'}"
        yield self._of(invoice, invoice.total, issued, key, shares.whole())
        written_off = yield from self._write_off(invoice)
        if invoice.status is InvoiceStatus.VOID and invoice.voided_at:
            yield self._bad_debt(invoice, written_off, invoice.voided_at, f"{invoice.id}:write_off_reversal")
            rest = invoice.total - self._credited(invoice, invoice.voided_at) - self._collected(invoice)
            pieces = negated(shares.part(rest))
            yield self._of(invoice, -rest, invoice.voided_at, f"{invoice.id}:reversal", pieces)

    def _left_no_trace(self, invoice: Invoice) -> bool:
        """Whether the invoice was voided so soon that it never was in the books."""
        issued = issued_at(invoice)
        if invoice.status is not InvoiceStatus.VOID or issued is None:
            return False
        return invoice.voided_at is None or self._undone(issued, invoice.voided_at)

    def _write_off(self, invoice: Invoice) -> Generator[Movement, None, int]:
        """What was open when the invoice was given up; later payments bring their part of it back. Returns the rest."""
        at = invoice.marked_uncollectible_at
        if at is None:
            return 0
        used = 0 if invoice.ending_balance is None else invoice.ending_balance - invoice.starting_balance
        rest = invoice.total - used - self._credited(invoice, at) - self._collected(invoice, until=at)
        known = [*self._paid[invoice.id], *self._failed[invoice.id]]
        later = sorted((one for one in known if one.at > at), key=lambda one: one.at)
        if rest <= 0:
            return 0
        written_off = 0 if self._write_off_undone(invoice, at, rest, later) else rest
        yield self._bad_debt(invoice, -written_off, at, f"{invoice.id}:write_off")
        changes = [(one.at, one.amount, f"{one.source}:recovery{one.part(invoice)}") for one in later]
        changes += [
            (one.failed_at, -one.amount, f"{one.source}:write_off{one.part(invoice)}")
            for one in known
            if one.failed_at and one.failed_at > at
        ]
        was_paid = False
        for moment, paid, key in sorted(changes):
            was_paid = was_paid or (paid < 0 and rest <= 0)
            rest -= paid
            change = min(paid, written_off)
            if paid < 0:  # what failed is bad debt again, unless the invoice was paid and is open by that
                stays = not was_paid or invoice.status is InvoiceStatus.UNCOLLECTIBLE
                change = min(0, written_off - rest) if stays else 0
            written_off -= change
            yield self._bad_debt(invoice, change, moment, key)
        return written_off

    def _write_off_undone(self, invoice: Invoice, at: datetime, rest: int, later: Sequence[_Paid]) -> bool:
        if later:
            return later[0].amount >= rest and self._undone(at, later[0].at)
        return bool(invoice.status is InvoiceStatus.VOID and invoice.voided_at and self._undone(at, invoice.voided_at))

    def _collected(self, invoice: Invoice, until: datetime | None = None) -> int:
        return sum(one.amount for one in self._paid[invoice.id] if until is None or one.at <= until)

    def _credited(self, invoice: Invoice, at: datetime) -> int:
        """What credit notes took off before payment, by then."""
        return sum(
            note.pre_payment_amount
            for note in self._notes[invoice.id]
            if _noted_at(note) <= at and not (note.voided_at and (note.voided_at <= at or self._note_undone(note)))
        )

    # --- credit notes -----------------------------------------------------------------------------------------------

    def _note(self, note: CreditNote) -> Iterator[Movement]:
        """The parts of a credit note that lower what is owed: before payment, and to the customer's balance."""
        invoice = self._invoices.get(note.invoice)
        start = self._policy.start_date
        if invoice is None:
            return
        shares, given_back = Shares.of(note), sum(part.amount for part in note.refunds)
        balance = shares.part(note.balance_amount, before=note.pre_payment_amount + given_back)
        parts = [(note.balance_amount, note.created, "balance_credit_memo", "balance_reversal", balance)]
        if not self._left_no_trace(invoice):
            pieces = shares.part(note.pre_payment_amount)
            parts.append((note.pre_payment_amount, _noted_at(note), "credit_memo", "reversal", pieces))
        if start and self._day(_noted_at(note)) < start:
            parts = parts[1:]  # of one older than the books only its void is booked, as far as it had lowered a debt
        gone = (note.voided_at or note.created) if note.status is CreditNoteStatus.VOID else None
        for amount, at, memo, undone, pieces in parts:
            if amount and not (gone and self._undone(at, gone)):
                yield self._of(invoice, -amount, at, f"{note.id}:{memo}", negated(pieces), cause=note.id)
                if gone:
                    yield self._of(invoice, amount, gone, f"{note.id}:{undone}", pieces, cause=note.id)

    def _note_undone(self, note: CreditNote) -> bool:
        return note.voided_at is not None and self._undone(_noted_at(note), note.voided_at)


def issued_at(invoice: Invoice) -> datetime | None:
    """When an invoice became a debt (UTC); null while it is a draft."""
    return None if invoice.status is InvoiceStatus.DRAFT else invoice.effective_at or invoice.finalized_at


def _noted_at(note: CreditNote) -> datetime:
    return note.effective_at or note.created
