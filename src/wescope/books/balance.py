"""Balance: which credit of a customer settled which debt, first in, first out, from the moves of its Stripe balance.

Stripe keeps one number per customer and currency (facts/stripe.md 2.4); accounting needs to know what was applied to
what. Every move that meets the other side's open items settles the oldest of them.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from wescope.books.calendar import local_date
from wescope.books.policy import Policy
from wescope.books.reversal import is_taken_back
from wescope.books.subjects import DocumentKey, application_key, credit_memo_key, invoice_key, reversal_key
from wescope.books.values import CustomerBalanceTransaction, Invoice

ENTERED = frozenset({"adjustment", "initial", "migration"})
"""Moves that somebody made by hand: they have documents of their own."""

ON_INVOICE = frozenset({"applied_to_invoice", "unapplied_from_invoice"})
ROLLED_OVER = frozenset({"invoice_too_small", "invoice_too_large"})
OVERPAID = "invoice_overpaid"
CREDIT_NOTE = "credit_note"
KNOWN = ENTERED | ON_INVOICE | ROLLED_OVER | {OVERPAID, CREDIT_NOTE}


class Kind(StrEnum):
    """What an open item is in the books."""

    CREDIT_MEMO = "credit_memo"
    INVOICE = "invoice"
    OVERPAYMENT = "overpayment"
    """The unapplied rest of the payments of an invoice; its key is that of the invoice."""
    UNKNOWN = "unknown"
    """Older than the books, or moved in a way that has no posting rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An open item: a credit of the customer or a debt, and the move that made it."""

    kind: Kind
    key: DocumentKey
    move: CustomerBalanceTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A credit that settled a debt because of a move. `amount` is positive."""

    move: CustomerBalanceTransaction
    credit: Item
    debt: Item
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """An older debt that an invoice collects with its own amount: whatever pays `invoice` pays it, too."""

    move: CustomerBalanceTransaction
    invoice: str
    debt: Item
    amount: int


@dataclass(slots=True)
class Settlement:
    """What the moves of one balance settled.

    `undone` are uses that were taken back together with their invoice; `uses` and `collections` stand.
    """

    uses: list[Use] = field(default_factory=list)
    undone: list[Use] = field(default_factory=list)
    collections: list[Collection] = field(default_factory=list)

    def uses_of(self, credit: DocumentKey) -> tuple[Use, ...]:
        """Where a credit went, in the order of time."""
        return tuple(use for use in self.uses if use.credit.key == credit)


@dataclass(slots=True)
class _Open:
    item: Item
    rest: int


def settle(moves: Iterable[CustomerBalanceTransaction], policy: Policy) -> Settlement:
    """Settle the moves of one customer and currency, oldest first, in integer minor units.

    Args:
        moves: all moves of one balance in one currency, in the order of time.
        policy: dates are in its time zone; what is older than its start date is of kind unknown.

    Returns:
        Every use of a credit and every collection of a debt, each by the move that caused it.
    """
    return _Settling(policy).all(moves)


class _Settling:
    """The open items on both sides while the moves are gone through."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._credits: deque[_Open] = deque()
        self._debts: deque[_Open] = deque()
        self._made = Settlement()

    def all(self, moves: Iterable[CustomerBalanceTransaction]) -> Settlement:
        for move in moves:
            self._one(move)
        return self._made

    def _one(self, move: CustomerBalanceTransaction) -> None:
        if move.type == "unapplied_from_invoice":
            self._give_back(move)
        elif move.type == "applied_to_invoice" and move.amount > 0:
            self._use(move, Item(kind=self._kind(move, Kind.INVOICE), key=_invoice(move), move=move), move.amount)
        elif self._collects(move):
            self._collect(move)
        elif move.amount < 0:
            self._add_credit(move, self._credit_of(move), -move.amount)
        elif move.amount > 0:
            collected = self._roll_over(move) if move.type in ROLLED_OVER else 0
            self._use(move, self._debt_of(move), max(0, move.amount - collected))

    def _kind(self, move: CustomerBalanceTransaction, kind: Kind) -> Kind:
        start = self._policy.start_date
        old = start is not None and local_date(move.created, self._policy.timezone) < start
        return Kind.UNKNOWN if old or move.type not in KNOWN else kind

    def _credit_of(self, move: CustomerBalanceTransaction) -> Item:
        if move.type == OVERPAID:
            return Item(kind=self._kind(move, Kind.OVERPAYMENT), key=_invoice(move), move=move)
        if move.type == CREDIT_NOTE:
            key = balance_credit_memo_key(move.credit_note or "")
        elif move.type == "applied_to_invoice":
            key = credit_memo_key(move.invoice or "")
        else:
            key = credit_memo_key(move.id)
        return Item(kind=self._kind(move, Kind.CREDIT_MEMO), key=key, move=move)

    def _debt_of(self, move: CustomerBalanceTransaction) -> Item:
        key = _invoice(move) if move.type in ROLLED_OVER else invoice_key(move.id)
        return Item(kind=self._kind(move, Kind.INVOICE), key=key, move=move)

    def _collects(self, move: CustomerBalanceTransaction) -> bool:
        """An invoice that takes over a debt moves the balance towards zero; a negative one moves it beyond."""
        before = move.ending_balance - move.amount
        return move.type == "applied_to_invoice" and move.amount < 0 and 0 < -move.amount <= before

    def _add_credit(self, move: CustomerBalanceTransaction, item: Item, amount: int) -> None:
        rest = amount
        while rest and self._debts:
            debt = self._debts[0]
            part = min(rest, debt.rest)
            self._made.uses.append(Use(move=move, credit=item, debt=debt.item, amount=part))
            rest -= part
            _take(self._debts, part)
        if rest:
            self._credits.append(_Open(item, rest))

    def _use(self, move: CustomerBalanceTransaction, item: Item, amount: int) -> None:
        rest = amount
        while rest and self._credits:
            credit = self._credits[0]
            part = min(rest, credit.rest)
            self._made.uses.append(Use(move=move, credit=credit.item, debt=item, amount=part))
            rest -= part
            _take(self._credits, part)
        if rest:
            self._debts.append(_Open(item, rest))

    def _collect(self, move: CustomerBalanceTransaction) -> None:
        rest = -move.amount
        while rest and self._debts:
            debt = self._debts[0]
            part = min(rest, debt.rest)
            collection = Collection(move=move, invoice=move.invoice or "", debt=debt.item, amount=part)
            self._made.collections.append(collection)
            rest -= part
            _take(self._debts, part)

    def _give_back(self, move: CustomerBalanceTransaction) -> None:
        """An invoice was voided: what it used is a credit again, and what it collected a debt again."""
        if move.amount > 0:
            self._reopen_debts(move)
            return
        applied = [use for use in self._made.uses if use.move.type in ON_INVOICE and use.debt.key == _invoice(move)]
        if applied and self._leaves_no_trace(applied[0].move, move):
            self._made.uses = [use for use in self._made.uses if use not in applied]
            self._made.undone += applied
            self._credits.extendleft(_Open(use.credit, use.amount) for use in reversed(applied))
            return
        # What older credit than the books' had settled was still open in QBO: the reversal has settled that.
        unknown = [use for use in applied if use.credit.kind is Kind.UNKNOWN]
        for use in unknown:
            self._add_credit(move, use.credit, use.amount)
        reversal = Item(kind=self._kind(move, Kind.CREDIT_MEMO), key=reversal_key(move.invoice or ""), move=move)
        self._add_credit(move, reversal, -move.amount - sum(use.amount for use in unknown))

    def _roll_over(self, move: CustomerBalanceTransaction) -> int:
        """An invoice that is not charged collects nothing: the older debts are open again, before its own amount."""
        collected = [one for one in self._made.collections if one.invoice == move.invoice]
        self._reopen_debts(move)
        return sum(one.amount for one in collected)

    def _reopen_debts(self, move: CustomerBalanceTransaction) -> None:
        collected = [one for one in self._made.collections if one.invoice == move.invoice]
        self._made.collections = [one for one in self._made.collections if one not in collected]
        self._debts.extendleft(_Open(one.debt, one.amount) for one in reversed(collected))

    def _leaves_no_trace(self, applied: CustomerBalanceTransaction, given_back: CustomerBalanceTransaction) -> bool:
        zone = self._policy.timezone
        return is_taken_back(local_date(applied.created, zone), local_date(given_back.created, zone), self._policy)


def undone_applications(invoice: Invoice, policy: Policy) -> tuple[DocumentKey, ...]:
    """Keys of the payments of zero that used the customer's balance for it, and have to go before it can be voided."""
    uses: Iterable[Use] = settle(invoice.balance, policy).undone
    return tuple(dict.fromkeys(application_key(use.move.id) for use in uses if use.debt.key == invoice_key(invoice.id)))


def balance_credit_memo_key(credit_note: str) -> DocumentKey:
    """Key of the credit memo of what a credit note credits to the customer's balance."""
    return DocumentKey(f"{credit_note}:balance_credit_memo")


def _invoice(move: CustomerBalanceTransaction) -> DocumentKey:
    return invoice_key(move.invoice or "")


def _take(items: deque[_Open], part: int) -> None:
    items[0].rest -= part
    if items[0].rest == 0:
        items.popleft()
