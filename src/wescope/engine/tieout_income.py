"""Tie-out income: what Stripe's objects mean for income, refunds, bad debt and sales tax, by month and currency.

In the currency of the document, on its day in the books' calendar. Invoices, credit notes and write-offs come with what
they do to receivables (`tieout_stripe`); here are the documents that move money at once: charges without invoice,
refunds, and what a credit note gave back outside of Stripe. Computed from Stripe's objects, not from the mapping.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from wescope.books.calendar import local_date
from wescope.books.policy import Policy
from wescope.books.reversal import is_taken_back
from wescope.books.values import (
    BalanceTransaction,
    Charge,
    ChargeStatus,
    CreditNote,
    CreditNoteStatus,
)
from wescope.engine.tieout_entries import Aliases, Pieces, StripeEntry, aliased, negated, without_zeros
from wescope.engine.tieout_results import Kind, month_row
from wescope.engine.tieout_shares import Shares
from wescope.engine.tieout_stripe import Movement, StripeSide
from wescope.stripe.listing import ListedRefund

_PARTIAL_CAPTURE = "partial_capture_reversal"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sale:
    """A document that posts income and moves money at once."""

    key: str
    stripe_id: str
    currency: str
    at: datetime
    pieces: Pieces
    about: tuple[str, ...] = ()


def income_entries(
    side: StripeSide, movements: Iterable[Movement], policy: Policy, aliases: Aliases
) -> Iterator[StripeEntry]:
    """What all documents since the start date post by month and kind, in minor units of their currency.

    Args:
        side: Stripe's objects.
        movements: of receivables, with what their documents post besides.
        policy: the company's choices; days are those of its time zone.
        aliases: kinds that are one row.
    """
    for movement in movements:
        if not _is_before_start(movement.day, policy):
            for kind, amount in movement.pieces:
                yield _entry(kind, amount, movement.day, movement, aliases)
    for sale in _Sales(side, policy).all():
        day = local_date(sale.at, policy.timezone)
        if not _is_before_start(day, policy):
            for kind, amount in sale.pieces:
                yield _entry(kind, amount, day, sale, aliases)


def _entry(kind: Kind, amount: int, day: date, source: Movement | _Sale, aliases: Aliases) -> StripeEntry:
    shown, amount = aliased(kind, amount, aliases)
    return StripeEntry(
        row=month_row(shown, day, source.currency),
        currency=source.currency,
        day=day,
        amount=amount,
        stripe_id=source.stripe_id,
        key=source.key,
        about=source.about,
    )


def _is_before_start(day: date, policy: Policy) -> bool:
    return policy.start_date is not None and day < policy.start_date


class _Sales:
    """The documents that move money at once, with those that undo them."""

    def __init__(self, side: StripeSide, policy: Policy) -> None:
        self._side, self._policy = side, policy
        self._pay_invoices = {part.source_id for part in side.parts}
        self._notes: defaultdict[str, list[CreditNote]] = defaultdict(list)
        for note in side.credit_notes:
            for part in note.refunds:
                if note.status is CreditNoteStatus.ISSUED and note not in self._notes[part.refund]:
                    self._notes[part.refund].append(note)

    def all(self) -> Iterator[_Sale]:
        for charge in self._side.charges:
            yield from self._charge(charge)
        for refund in self._side.refunds:
            yield from self._refund(refund)
        known = {invoice.id for invoice in self._side.invoices}
        for note in self._side.credit_notes:
            if note.invoice in known:
                yield from self._outside(note)

    def _charge(self, charge: Charge) -> Iterator[_Sale]:
        """A charge that pays no invoice is a sale of all that it captured."""
        row, failure = charge.balance_transaction, charge.failure_balance_transaction
        if row is None or {charge.id, charge.payment_intent} & self._pay_invoices:
            return
        amount = charge.amount_captured or (charge.amount if failure else 0)
        if failure is None and not (charge.status is ChargeStatus.SUCCEEDED and charge.captured):
            return
        sale = _Sale(
            key=f"{charge.id}:sales_receipt",
            stripe_id=charge.id,
            currency=charge.currency,
            at=row.created,
            pieces=without_zeros(((Kind.REVENUE, amount),)),
        )
        yield from self._with_reversal(sale, failure, amount)

    def _refund(self, refund: ListedRefund) -> Iterator[_Sale]:
        """A refund takes back what credit notes say of it; the rest is on the refunds item."""
        row = refund.balance_transaction
        if row is None or row.reporting_category == _PARTIAL_CAPTURE:
            return
        pieces: list[tuple[Kind, int]] = []
        rest = refund.amount
        for note in self._notes[refund.id]:
            named = sum(part.amount for part in note.refunds if part.refund == refund.id)
            earlier = sum(part.amount for part in note.refunds if part.refund < refund.id)
            pieces += negated(Shares.of(note).part(named, before=note.pre_payment_amount + earlier))
            rest -= named
        sale = _Sale(
            key=f"{refund.id}:refund_receipt",
            stripe_id=refund.id,
            currency=refund.currency,
            at=row.created,
            pieces=without_zeros((*pieces, (Kind.REFUNDS, -rest))),
            about=tuple(one for one in (refund.charge, *(note.id for note in self._notes[refund.id])) if one),
        )
        yield from self._with_reversal(sale, refund.failure_balance_transaction, refund.amount)

    def _outside(self, note: CreditNote) -> Iterator[_Sale]:
        """What a credit note gave back outside of Stripe, unless the note is older than the books."""
        noted = local_date(note.effective_at or note.created, self._policy.timezone)
        if not note.out_of_band_amount or _is_before_start(noted, self._policy):
            return
        before = note.total - note.out_of_band_amount
        sale = _Sale(
            key=f"{note.id}:out_of_band_refund",
            stripe_id=note.id,
            currency=note.currency,
            at=note.created,
            pieces=negated(Shares.of(note).part(note.out_of_band_amount, before=before)),
            about=(note.invoice,),
        )
        gone = (note.voided_at or note.created) if note.status is CreditNoteStatus.VOID else None
        if gone and self._is_undone(sale.at, gone):
            return
        yield sale
        if gone:
            yield _reversal(sale, f"{note.id}:out_of_band_reversal", gone, sale.pieces)

    def _with_reversal(self, sale: _Sale, failure: BalanceTransaction | None, amount: int) -> Iterator[_Sale]:
        """A sale of an amount with what undoes it: nothing of both, if all of it was undone soon enough."""
        if failure is None:
            yield sale
            return
        back = abs(failure.amount) if failure.currency == sale.currency else amount
        if back == amount and self._is_undone(sale.at, failure.created):
            return
        yield sale
        pieces = sale.pieces if back == amount else _scaled(sale.pieces, back)
        yield _reversal(sale, f"{sale.stripe_id}:reversal", failure.created, pieces)

    def _is_undone(self, posted: datetime, undone: datetime) -> bool:
        day = local_date(posted, self._policy.timezone)
        gone = local_date(undone, self._policy.timezone)
        return not _is_before_start(day, self._policy) and is_taken_back(day, gone, self._policy)


def _reversal(sale: _Sale, key: str, at: datetime, pieces: Pieces) -> _Sale:
    return _Sale(
        key=key,
        stripe_id=sale.stripe_id,
        currency=sale.currency,
        at=at,
        pieces=negated(pieces),
        about=sale.about,
    )


def _scaled(pieces: Pieces, amount: int) -> Pieces:
    """Pieces in proportion to another amount; the first has what rounding leaves."""
    whole = abs(sum(part for _, part in pieces)) or 1
    scaled = [(kind, part * amount // whole) for kind, part in pieces]
    sign = -1 if sum(part for _, part in pieces) < 0 else 1
    rest = sign * amount - sum(part for _, part in scaled)
    return tuple((kind, part + (rest if index == 0 else 0)) for index, (kind, part) in enumerate(scaled))
