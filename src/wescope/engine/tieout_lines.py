"""Tie-out lines: the entries of both sides of a row, document by document. Pure.

What Stripe says and what QBO has meet by the document's key. Where Stripe's objects alone cannot tell which of several
documents of one object books something, the documents of that object count together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from wescope.engine.tieout_entries import QboDocument, QboEntry, StripeEntry
from wescope.links.payouts import StoredPayout

OPENING = "opening"
"""The key under which all that is older than the books counts."""

BEYOND = "beyond"
"""The key of what an account holds beyond the documents that were read."""


@dataclass(slots=True, kw_only=True)
class Pair:
    """One document of a row with what each side says of it; `settled` if both say the same in sum."""

    key: str
    stripe: list[StripeEntry] = field(default_factory=list)
    qbo: list[QboEntry] = field(default_factory=list)
    settled: bool = False

    @property
    def stripe_amount(self) -> int:
        """Stripe's side, in minor units of the row's currency."""
        return sum(entry.amount for entry in self.stripe)

    @property
    def qbo_amount(self) -> int:
        """QBO's side, in minor units of the row's currency."""
        return sum(entry.amount for entry in self.qbo)

    @property
    def difference(self) -> int:
        """Stripe less QBO."""
        return self.stripe_amount - self.qbo_amount

    @property
    def documents(self) -> tuple[QboDocument, ...]:
        """QBO's documents, each once."""
        return tuple(dict.fromkeys(entry.document for entry in self.qbo if entry.document))

    @property
    def object(self) -> str:
        """The Stripe object by which its document is named."""
        return self.key.partition(":")[0]

    @property
    def row(self) -> str:
        """The row of which it is a part."""
        return (*(entry.row for entry in self.stripe), *(entry.row for entry in self.qbo))[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """The Stripe objects that it is about, the cause first."""
        of_key = (self.object,) if ":" in self.key else ()
        found = (*(entry.stripe_id for entry in self.stripe), *of_key)
        about = (one for entry in self.stripe for one in entry.about)
        return tuple(dict.fromkeys((*found, *about)))

    @property
    def day(self) -> date | None:
        """Stripe's day, or QBO's if Stripe has none; null for what has many."""
        if self.key in {OPENING, BEYOND}:
            return None
        days = (*(entry.day for entry in self.stripe), *(entry.day for entry in self.qbo))
        return days[0] if days else None


def pairs_of(
    stripe: Iterable[StripeEntry], qbo: Iterable[QboEntry], joined: Mapping[str, str], start: date | None
) -> tuple[Pair, ...]:
    """The documents of one row in the order of their days.

    Args:
        stripe: Stripe's entries of the row.
        qbo: QBO's entries of the row.
        joined: keys (of documents, or names of QBO's) that stand for another key.
        start: the first day of the books; what is older is one pair.
    """
    pairs: dict[str, Pair] = {}

    def pair(key: str) -> Pair:
        wanted = joined.get(key, key)
        return pairs.setdefault(wanted, Pair(key=wanted))

    for entry in stripe:
        pair(OPENING if start and entry.day < start else entry.key).stripe.append(entry)
    for found in qbo:
        beyond = OPENING if start else BEYOND
        pair(beyond if found.document is None else found.document.key or found.document.name).qbo.append(found)
    _settle(pairs.values())
    return tuple(sorted(pairs.values(), key=lambda one: (one.day or date.min, one.key)))


def _settle(pairs: Iterable[Pair]) -> None:
    """Say of each pair whether it agrees: by itself, or together with the other documents of its object."""
    by_object: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_object[pair.object].append(pair)
    for together in by_object.values():
        agree = not sum(pair.difference for pair in together)
        for pair in together:
            pair.settled = agree or not pair.difference


def joined_payouts(checks: Iterable[StoredPayout]) -> dict[str, str]:
    """Keys that count together because payouts and deposits are not one to one.

    Args:
        checks: the results of payouts, with the deposits (`Deposit/145`) that are they.

    Returns:
        For each deposit of somebody else's, and each payout that shares it, the key of one of these payouts' deposit.
    """
    joined: dict[str, str] = {}
    for check in checks:
        together = sorted({check.payout_id, *check.shared_with})
        first = f"{together[0]}:deposit"
        for name in check.deposits:
            joined[name] = first
        for payout_id in together[1:]:
            joined[f"{payout_id}:deposit"] = first
    return joined


def by_payout(
    bank: Sequence[QboEntry], amounts: Mapping[str, int], of_key: Mapping[str, Sequence[str]]
) -> dict[str, list[tuple[QboEntry, int]]]:
    """What QBO's entries in bank accounts are of each payout.

    Args:
        bank: QBO's entries of the bank rows.
        amounts: what Stripe says of each payout, in minor units.
        of_key: by document key or name, the payouts that it covers, in the order in which it is divided among them.

    Returns:
        By payout its entries with their share. One over several gives each its amount, and the last one the rest.
    """
    found: defaultdict[str, list[tuple[QboEntry, int]]] = defaultdict(list)
    given: defaultdict[str, int] = defaultdict(int)
    for entry in bank:
        if entry.document is None:
            continue
        payouts = of_key.get(entry.document.key or "") or of_key.get(entry.document.name) or ()
        left = entry.amount
        for index, payout_id in enumerate(payouts):
            wanted = amounts.get(payout_id, 0) - given[payout_id]
            share = left if index == len(payouts) - 1 else max(min(left, wanted), 0)
            if share:
                found[payout_id].append((entry, share))
            given[payout_id] += share
            left -= share
    return found
