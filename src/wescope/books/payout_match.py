"""Payout match: which deposits of the bank account are which payouts, by amount and date alone. Pure.

One to one first, then one deposit over several payouts, then several deposits for one payout. Nothing is guessed: what
has two answers stays unmatched, and its candidates are named.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations
from typing import TypeVar

BEFORE, AFTER = timedelta(days=2), timedelta(days=7)
"""A bank books a payout from two days before Stripe's arrival date (calendars differ) to seven after (holidays)."""

NEIGHBOURS = 6
"""How many nearest ones a sum may be made of: 57 subsets at most, and a seventh would be found by chance anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPayout:
    """A payout that must arrive: minor units of the bank account's currency; `arrival` is Stripe's date, of UTC."""

    id: str
    amount: int
    arrival: date


@dataclass(frozen=True, slots=True, kw_only=True)
class BankEntry:
    """Money that somebody else booked into the bank account (below zero: out of it), dated in the books' calendar.

    `id` is entity and QBO id (`Deposit/145`).
    """

    id: str
    amount: int
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutMatch:
    """These payouts are these entries: one and one, several and one, or one and several. The sums are equal."""

    payouts: tuple[str, ...]
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """What was found. `candidates` names, for payouts that have more than one answer, the entries in question."""

    matches: tuple[PayoutMatch, ...] = ()
    candidates: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, payout_id: str) -> PayoutMatch | None:
        """The match of a payout, or null."""
        return next((match for match in self.matches if payout_id in match.payouts), None)


def match_payouts(payouts: Iterable[ExpectedPayout], entries: Iterable[BankEntry]) -> Matching:
    """The payouts of one bank account against the entries in it that belong to no payout yet.

    The answer depends on what is given, not on its order, and uses no payout and no entry twice.
    """
    work = _Work(
        payouts=sorted(payouts, key=lambda one: (one.arrival, one.id)),
        entries=sorted(entries, key=lambda one: (one.day, one.id)),
    )
    work.one_to_one()
    work.one_for_several()
    work.several_for_one()
    return Matching(matches=tuple(work.matches), candidates=work.candidates)


def distance(payout: ExpectedPayout, entry: BankEntry) -> int | None:
    """Days between arrival and booking, or null if the entry lies outside of the payout's window."""
    shift = entry.day - payout.arrival
    return abs(shift.days) if -BEFORE <= shift <= AFTER else None


_Pair = tuple[ExpectedPayout, BankEntry]
_One = TypeVar("_One", ExpectedPayout, BankEntry)


@dataclass(slots=True)
class _Work:
    """What is still unmatched, in the order of dates and ids; steps take out what they settle."""

    payouts: list[ExpectedPayout]
    entries: list[BankEntry]
    matches: list[PayoutMatch] = field(default_factory=list)
    candidates: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def one_to_one(self) -> None:
        """Equal amounts, the nearest first; a day on which they cannot be told apart ends it for these."""
        for days in range(AFTER.days + 1):
            pairs = [
                (payout, entry)
                for payout in self.payouts
                for entry in self.entries
                if payout.amount == entry.amount and distance(payout, entry) == days
            ]
            for group in _groups(pairs):
                self._settle(group)

    def _settle(self, pairs: Sequence[_Pair]) -> None:
        payouts = list(dict.fromkeys(payout for payout, _ in pairs))
        entries = list(dict.fromkeys(entry for _, entry in pairs))
        too_few = len(payouts) > len(entries) and len({one.arrival for one in payouts}) > 1
        if too_few or len(entries) > len(payouts):
            self._leave(payouts, entries)
            return
        # As many entries as payouts, or payouts that do not differ: any way to pair them gives the same books.
        for payout, entry in zip(payouts, entries, strict=False):
            self._take([payout], [entry])

    def one_for_several(self) -> None:
        """An entry that is the sum of payouts near to it."""
        for entry in tuple(self.entries):
            near = _nearest(self.payouts, lambda payout, entry=entry: distance(payout, entry))  # type: ignore[misc]
            found = _sums(near, entry.amount, lambda payout: (payout.amount, payout.arrival))
            if len(found) == 1:
                self._take(found[0], [entry])
            for payout in {payout for subset in found[1:] for payout in (*subset, *found[0])}:
                self.candidates[payout.id] = _named(self.candidates.get(payout.id, ()), [entry])

    def several_for_one(self) -> None:
        """Entries that add up to a payout near to them."""
        for payout in tuple(self.payouts):
            near = _nearest(self.entries, lambda entry, payout=payout: distance(payout, entry))  # type: ignore[misc]
            found = _sums(near, payout.amount, lambda entry: entry.id)
            if len(found) == 1:
                self._take([payout], found[0])
            elif found:
                entries = [entry for subset in found for entry in subset]
                self.candidates[payout.id] = _named(self.candidates.get(payout.id, ()), entries)

    def _take(self, payouts: Sequence[ExpectedPayout], entries: Sequence[BankEntry]) -> None:
        self.matches.append(
            PayoutMatch(payouts=tuple(one.id for one in payouts), entries=tuple(one.id for one in entries))
        )
        for payout in payouts:
            self.payouts.remove(payout)
            self.candidates.pop(payout.id, None)
        for entry in entries:
            self.entries.remove(entry)

    def _leave(self, payouts: Sequence[ExpectedPayout], entries: Sequence[BankEntry]) -> None:
        """Two answers: a person decides. Neither side may serve in a sum, which would be less likely still."""
        for payout in payouts:
            self.candidates[payout.id] = _named((), entries)
            self.payouts.remove(payout)
        for entry in entries:
            self.entries.remove(entry)


def _groups(pairs: Iterable[_Pair]) -> list[list[_Pair]]:
    """Pairs that share a payout or an entry, directly or through others, together."""
    groups: list[list[_Pair]] = []
    for pair in pairs:
        touched = [group for group in groups if any(pair[0] == other[0] or pair[1] == other[1] for other in group)]
        groups = [group for group in groups if group not in touched]
        groups.append([*(one for group in touched for one in group), pair])
    return groups


def _nearest(ones: Iterable[_One], away: Callable[[_One], int | None]) -> list[_One]:
    """The nearest few of those inside the window, the earlier first among equals."""
    inside = [(days, one) for one in ones if (days := away(one)) is not None]
    return [one for _, one in sorted(inside, key=lambda pair: pair[0])][:NEIGHBOURS]


def _sums(ones: Sequence[_One], amount: int, kind: Callable[[_One], object]) -> list[tuple[_One, ...]]:
    """The subsets of two or more that add up to `amount`; of those that differ only in what is alike, the first."""
    found: dict[tuple[str, ...], tuple[_One, ...]] = {}
    for size in range(2, len(ones) + 1):
        for subset in combinations(ones, size):
            if sum(one.amount for one in subset) == amount:
                found.setdefault(tuple(sorted(repr(kind(one)) for one in subset)), subset)
    return list(found.values())


def _named(before: Iterable[str], entries: Iterable[BankEntry]) -> tuple[str, ...]:
    return tuple(sorted({*before, *(entry.id for entry in entries)}))
