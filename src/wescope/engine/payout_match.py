"""Payout match: looks for the deposits that a bank feed, or a person, has made for a payout.

Stripe names the payouts of the neighbourhood, QBO the entries of the bank account, and `wescope.books.payout_match`
decides; what was decided before stays decided, so that no deposit ever serves twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.payout import was_paid
from wescope.books.payout_match import AFTER, BEFORE, BankEntry, ExpectedPayout, match_payouts
from wescope.books.policy import AccountRole
from wescope.books.values import Payout
from wescope.links.database import transaction
from wescope.links.payouts import StoredPayout, covered
from wescope.qbo.existing import ForeignDeposit
from wescope.stripe.listing import StripeListing

SETTLED_STATES = ("matched", "adopted", "failed")
"""States of payouts whose deposits are known."""

_REACH = BEFORE + AFTER
"""How far apart the arrivals of two payouts can be that one deposit covers."""
_CREATED_BEFORE = timedelta(days=21)
"""How long before its arrival a payout may have been created, with room to spare."""


class BankEntries(Protocol):
    """Others' deposits and transfers: `wescope.qbo.existing.ExistingDocuments`."""

    async def deposits_like(
        self, bank_account_id: str, clearing_account_id: str, first: date, last: date
    ) -> list[ForeignDeposit]:
        """All that others have booked into a bank account in a window of dates."""
        ...


class Accounts(Protocol):
    """QBO's accounts by role: `wescope.qbo.company.Company`."""

    async def account(self, role: AccountRole, currency: str | None = None) -> str:
        """QBO's id of the account of a role in a currency."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the bank account says about a payout.

    `entries` are the deposits that are it (`Deposit/145`), with the latest of their days; `shared_with` the other
    payouts that they cover. Without entries, `candidates` names what looks like it.
    """

    entries: tuple[str, ...] = ()
    shared_with: tuple[str, ...] = ()
    day: date | None = None
    candidates: tuple[str, ...] = ()
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BankMatcher:
    """Finds the bank's entries of a payout. Nothing is written here."""

    engine: AsyncEngine
    realm_id: str
    listing: StripeListing
    accounts: Accounts
    entries: BankEntries

    async def find(self, payout: Payout, *, creates: bool) -> Found:
        """The entries that are this payout, or what looks like it.

        Args:
            payout: as Stripe shows it, without a deposit of ours that stands.
            creates: whether we make deposits. Then one that is noted as matched was ours, and somebody has deleted it.

        Raises:
            AccountMissing: there is no bank or clearing account in the payout's currency.
            QboError: QBO does not answer.
            StripeError: Stripe does not answer.
        """
        known = await self._known(payout)
        own = known.get(payout.id)
        if creates and own and own.state == "matched":
            return await self._look(payout, {name: one for name, one in known.items() if name != payout.id})
        if own and own.deposits:
            return Found(entries=own.deposits, shared_with=own.shared_with, day=own.deposit_date)
        for other in known.values():
            if payout.id in other.shared_with:
                together = tuple(sorted({other.payout_id, *other.shared_with} - {payout.id}))
                return Found(entries=other.deposits, shared_with=together, day=other.deposit_date)
        return await self._look(payout, known)

    async def _known(self, payout: Payout) -> Mapping[str, StoredPayout]:
        first, last = payout.arrival_date - 2 * _REACH, payout.arrival_date + 2 * _REACH
        async with transaction(self.engine) as connection:
            return await covered(connection, self.realm_id, states=SETTLED_STATES, first=first, last=last)

    async def _look(self, payout: Payout, known: Mapping[str, StoredPayout]) -> Found:
        used = {entry for one in known.values() for entry in one.deposits}
        booked = await self._booked(payout)
        free = {one.entry.id: one for one in booked if one.entry.id not in used}
        usable = [one.entry for one in free.values() if one.is_from_clearing]
        similar = tuple(
            sorted(
                one.entry.id for one in free.values() if one.entry.amount == payout.amount and not one.is_from_clearing
            )
        )
        if not usable:
            return Found(candidates=similar)
        neighbours = [one for one in await self._neighbours(payout) if one.id == payout.id or one.id not in known]
        matching = match_payouts(neighbours, usable)
        match = matching.of(payout.id)
        if match is None:
            return Found(candidates=tuple(sorted({*matching.candidates.get(payout.id, ()), *similar})))
        return Found(
            entries=match.entries,
            shared_with=tuple(one for one in match.payouts if one != payout.id),
            day=max(free[entry].entry.day for entry in match.entries),
            is_new=True,
        )

    async def _booked(self, payout: Payout) -> "list[_Booked]":
        """What others booked between bank and clearing around the arrival, both ways."""
        bank = await self.accounts.account(AccountRole.BANK, payout.currency)
        clearing = await self.accounts.account(AccountRole.CLEARING, payout.currency)
        first, last = payout.arrival_date - _REACH - BEFORE, payout.arrival_date + _REACH + AFTER
        into = await self.entries.deposits_like(bank, clearing, first, last)
        out_of = await self.entries.deposits_like(clearing, bank, first, last)
        found = [_Booked.of(one, 1) for one in into]
        found += [_Booked.of(one, -1) for one in out_of if one.posts_to_clearing]
        return [one for one in found if one.currency == payout.currency]

    async def _neighbours(self, payout: Payout) -> list[ExpectedPayout]:
        """The payouts to the same bank account that arrive near to it, itself among them; newest first."""
        found = {payout.id: payout}
        latest = datetime.combine(payout.arrival_date + _REACH + AFTER, time.max, UTC)
        earliest = datetime.combine(payout.arrival_date - _REACH - _CREATED_BEFORE, time.min, UTC)
        async for one in self.listing.payouts(created_until=latest):
            if one.created < earliest:
                break
            if one.currency == payout.currency and was_paid(one) and one.amount:
                found.setdefault(one.id, one)
        near = [one for one in found.values() if abs(one.arrival_date - payout.arrival_date) <= _REACH]
        return [ExpectedPayout(id=one.id, amount=one.amount, arrival=one.arrival_date) for one in near]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Booked:
    entry: BankEntry
    currency: str
    is_from_clearing: bool

    @classmethod
    def of(cls, deposit: ForeignDeposit, sign: int) -> "_Booked":
        entry = BankEntry(id=f"{deposit.entity}/{deposit.id}", amount=sign * deposit.amount, day=deposit.date)
        return cls(entry=entry, currency=deposit.currency, is_from_clearing=deposit.posts_to_clearing)
