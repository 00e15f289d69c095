"""Payouts: whether a deposit may be written now, which deposit of somebody else's is it, and the stored result.

The check itself is pure (`wescope.books.payout_check`); here is what it needs to know, and what becomes of it.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.balance_day import days_until, fee_days
from wescope.books.desired import desired_books
from wescope.books.documents import Desired, Existence, Follow, Skipped
from wescope.books.parking import ParkCode, Parked
from wescope.books.payout import payout_books
from wescope.books.payout_check import (
    PayoutCheck,
    PayoutState,
    Posted,
    PostedState,
    RowState,
    check_payout,
    keys_of,
    row_document,
)
from wescope.books.policy import PayoutMode, Policy
from wescope.books.subjects import DocumentKey, Subject, SubjectKind, deposit_key
from wescope.books.values import Payout, StripeObject
from wescope.engine.payout_match import BankMatcher, Found
from wescope.engine.plan import adopted_entity
from wescope.engine.writer import Applied
from wescope.errors import AccountMissing, ObjectUnreadable, StripeRefused
from wescope.links.database import transaction
from wescope.links.payouts import StoredPayout, StoredRow, store_check
from wescope.links.schema import parked as parked_table
from wescope.links.schema import subjects as subjects_table
from wescope.links.store import LinkState, LinkStore
from wescope.links.undo import marked
from wescope.stripe.reader import StripeReader

T = TypeVar("T")

NAMED = 20
"""How many documents a waiting payout names."""

_CHUNK = 1000
_LOOKED_AT = 20
_NOT_FINAL = (ParkCode.CHARGE_PENDING, ParkCode.REFUND_PENDING, ParkCode.BALANCE_TRANSACTION_MISSING)
_STATE_OF_CODE = {
    ParkCode.PAYOUT_WAITING: "waiting",
    ParkCode.PAYOUT_NOT_RECONCILED: "waiting",
    ParkCode.PAYOUT_DOES_NOT_FOOT: "differs",
    ParkCode.PAYOUT_UNMATCHED: "unmatched",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What was found out about a payout before its documents are planned."""

    check: PayoutCheck
    found: Found = field(default_factory=Found)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutDesk:
    """Decides about payouts (`wescope.engine.payout_port`). Two payouts are never decided at the same time."""

    engine: AsyncEngine
    store: LinkStore
    reader: StripeReader
    matcher: BankMatcher
    policy: Policy
    _outcomes: dict[str, _Outcome] = field(default_factory=dict)

    async def gate(self, payout: Payout, desired: Desired, soon: Collection[DocumentKey] = ()) -> Desired:
        """What may be written for a payout now; see `PayoutPort.gate`.

        Returns:
            As the books want it; or without its deposit, which waits for documents of its rows, or which somebody
            else has made already.
        """
        key = deposit_key(payout.id)
        posted = await self._posted(payout)
        check = await self._check(payout, posted)
        self._outcomes[payout.id] = _Outcome(check=check)
        wanted = any(one.key == key and one.existence is Existence.PRESENT for one in desired.documents)
        stands = key in posted and posted[key].state is not PostedState.VOIDED
        by_bank = any(one.key == key and one.reason == "made_by_bank_feed" for one in desired.skipped)
        if stands or not (wanted or by_bank):
            return desired
        if check.waiting_on and not self._all_soon(payout, check, soon):
            return self._waiting(payout, desired, check)
        try:
            found = await self.matcher.find(payout, creates=self.policy.payouts is PayoutMode.CREATE)
        except AccountMissing as error:
            # The writer says the same of a deposit; one that the bank feed is to bring has nobody else to say it.
            item = _item(payout, ParkCode.ACCOUNT_MISSING, **dict(error.details))
            return replace(desired, parked=(*desired.parked, item)) if by_bank else desired
        self._outcomes[payout.id] = _Outcome(check=check, found=found)
        return self._found(payout, desired, found)

    def _all_soon(self, payout: Payout, check: PayoutCheck, soon: Collection[DocumentKey]) -> bool:
        """Whether each row that waits has a document among those that will be posted soon."""
        missing = (row for row, one in zip(payout.rows, check.rows, strict=True) if one.state is RowState.MISSING)
        waits = any(one.state is RowState.DIFFERS for one in check.rows)
        return not waits and all(set(row_document(row, self.policy).keys) & set(soon) for row in missing)

    async def days(self, found: StripeObject) -> tuple[Follow, ...]:
        """The days whose fees an object has changed; see `PayoutPort.days`.

        A payout has all days looked at since the payout of its currency before it; the very first one since the start
        date, or since the first row of all. A key that may not read the account is refused for payouts only.
        """
        try:
            if not await self.reader.manual_payouts():
                return ()
        except StripeRefused:
            if isinstance(found, Payout):
                raise
            return ()
        follows = fee_days(found, self.policy)
        if not isinstance(found, Payout):
            return follows
        return (*follows, *days_until(found, await self._payout_before(found), self.policy))

    async def _payout_before(self, payout: Payout) -> datetime:
        listing = self.matcher.listing
        async for one in listing.payouts(created_until=payout.created):
            if one.id != payout.id and one.currency == payout.currency:
                return one.created
        if self.policy.start_date is not None:
            return datetime.combine(self.policy.start_date, time.min, self.policy.timezone)
        rows = listing.balance_transactions(created_until=payout.created)
        moments = [row.transaction.created async for row in rows if row.transaction.currency == payout.currency]
        return min(moments, default=payout.created)

    # --- what the books need to know --------------------------------------------------------------------------------

    async def _posted(self, payout: Payout) -> dict[DocumentKey, Posted]:
        """The documents of all rows, and the deposit itself, as far as they are known."""
        found: dict[DocumentKey, Posted] = {}
        async with transaction(self.engine) as connection:
            for keys in _chunks(keys_of(payout, self.policy)):
                undone = await marked(connection, keys)  # whoever wants it in the books has it written again first
                for key, link in (await self.store.settled(connection, keys)).items():
                    if link.state in {LinkState.POSTED, LinkState.VOIDED} and key not in undone:
                        found[key] = Posted(
                            amount=link.settled_amount,
                            currency=link.settled_currency or payout.currency,
                            state=PostedState.POSTED if link.state is LinkState.POSTED else PostedState.VOIDED,
                            qbo_id=link.qbo_id,
                        )
        return found

    async def _check(self, payout: Payout, posted: dict[DocumentKey, Posted]) -> PayoutCheck:
        async with transaction(self.engine) as connection:
            pending = await _not_final(connection, keys_of(payout, self.policy))
            check = check_payout(payout, self.policy, posted, pending)
            looked_at = await self._looked_at(connection, payout, check)
        undone = await self._undone(looked_at)
        if not undone:
            return check
        never = Posted(amount=None, currency=payout.currency, state=PostedState.VOIDED)
        return check_payout(payout, self.policy, posted | dict.fromkeys(undone - posted.keys(), never), pending)

    async def _looked_at(self, connection: AsyncConnection, payout: Payout, check: PayoutCheck) -> list[Subject]:
        """Objects whose document is missing although they were looked at since: it was undone before it was posted."""
        created = {row.transaction.id: row.transaction.created for row in payout.rows}
        missing = {row.subject: created[row.transaction] for row in check.rows if row.state is RowState.MISSING}
        runs = await _runs(connection, missing)
        return [one for one, since in missing.items() if one in runs and runs[one] >= since][:_LOOKED_AT]

    async def _undone(self, candidates: Iterable[Subject]) -> set[DocumentKey]:
        keys: set[DocumentKey] = set()
        for subject in candidates:
            try:
                reading = await self.reader.read(subject)
                readings = [reading, *[await self.reader.read(owner) for owner in reading.owners]]
                found = [desired_books(one.found, self.policy) for one in readings if one.found is not None]
            except ObjectUnreadable:
                continue  # its own run says so
            keys |= {one.key for each in found for one in each.documents if one.existence is Existence.VOID}
        return keys

    # --- what becomes of the deposit --------------------------------------------------------------------------------

    def _waiting(self, payout: Payout, desired: Desired, check: PayoutCheck) -> Desired:
        """Hold the deposit back; the first key that is named wakes it.

        Which one that is has nothing to do with the order in which documents are posted: so a payout of n missing
        documents is woken about ln n times, and not n times.
        """
        first = min(check.waiting_on, key=lambda key: hashlib.sha256(key.encode()).digest())
        named = [first, *(key for key in check.waiting_on if key != first)][:NAMED]
        item = _item(payout, ParkCode.PAYOUT_WAITING, waiting_on=" ".join(named), missing=len(check.waiting_on))
        created = {row.transaction.id: row.transaction.created for row in payout.rows}
        follows = {
            row.subject: Follow(subject=row.subject, since=created[row.transaction])
            for row in check.rows
            if row.state is RowState.MISSING
        }
        return _without_deposit(payout, desired, parked=(item,), follows=tuple(follows.values()))

    def _found(self, payout: Payout, desired: Desired, found: Found) -> Desired:
        if self.policy.payouts is PayoutMode.MATCH:
            if found.entries:
                return replace(desired, follows=(*desired.follows, *_partners(found)))
            details = {"candidates": " ".join(found.candidates[:NAMED])} if found.candidates else {}
            item = _item(payout, ParkCode.PAYOUT_UNMATCHED, arrival=payout.arrival_date.isoformat(), **details)
            return replace(desired, parked=(*desired.parked, item))
        if found.entries:
            # Somebody else's deposit is net: the fees, which ours would have had as lines, are booked beside it.
            fees = payout_books(payout, replace(self.policy, payouts=PayoutMode.MATCH)).documents
            adopted = Skipped(key=deposit_key(payout.id), reason="adopted")
            rest = _without_deposit(payout, desired, follows=_partners(found))
            return replace(rest, documents=(*fees, *rest.documents), skipped=(*rest.skipped, adopted))
        if len(found.candidates) > 1:
            item = _item(payout, ParkCode.LOOKS_LIKE, candidates=" ".join(found.candidates[:NAMED]))
            return _without_deposit(payout, desired, parked=(item,))
        return desired

    # --- the result -------------------------------------------------------------------------------------------------

    async def settle(self, payout: Payout, applied: Sequence[Applied], parked: Sequence[Parked]) -> None:
        """Store the payout's result; see `PayoutPort.settle`."""
        outcome = self._outcomes.pop(payout.id, None)
        if outcome is None:
            outcome = _Outcome(check=await self._check(payout, await self._posted(payout)))
        if self.policy.start_date is not None and payout.arrival_date < self.policy.start_date:
            return
        key = deposit_key(payout.id)
        item = next((one for one in parked if one.key == key), None)
        written = next((one for one in applied if one.step.document.key == key and one.qbo_id), None)
        async with transaction(self.engine) as connection:
            result = _stored(outcome, item)
            if written is not None:
                link = (await self.store.load(connection, [key])).get(key)
                entity = adopted_entity(link)
                result = replace(
                    result,
                    deposits=(f"{entity or written.step.document.entity.value}/{written.qbo_id}",),
                    deposit_date=link.txn_date if link else written.step.document.dates.txn,
                    state="adopted" if entity and result.state == "matched" else result.state,
                )
            elif outcome.found.entries:
                state = "matched" if self.policy.payouts is PayoutMode.MATCH else "adopted"
                result = replace(result, state=state if result.state == "matched" else result.state)
            await store_check(connection, self.store.realm_id, result, _rows(outcome.check))


def _without_deposit(
    payout: Payout, desired: Desired, parked: tuple[Parked, ...] = (), follows: tuple[Follow, ...] = ()
) -> Desired:
    key = deposit_key(payout.id)
    return replace(
        desired,
        documents=tuple(one for one in desired.documents if one.key != key),
        parked=(*desired.parked, *parked),
        follows=(*desired.follows, *follows),
    )


def _partners(found: Found) -> tuple[Follow, ...]:
    """The other payouts of a deposit that was found just now: they are settled by it, too."""
    if not found.is_new:
        return ()
    now = datetime.now(UTC)
    return tuple(
        Follow(subject=Subject(kind=SubjectKind.PAYOUT, id=payout_id), since=now) for payout_id in found.shared_with
    )


def _item(payout: Payout, code: ParkCode, **details: str | int) -> Parked:
    return Parked(
        key=deposit_key(payout.id),
        code=code,
        amount=abs(payout.amount),
        currency=payout.currency,
        details=details,
        day=payout.arrival_date,
    )


def _stored(outcome: _Outcome, item: Parked | None) -> StoredPayout:
    check, found = outcome.check, outcome.found
    state = check.state.value
    if item is not None:
        state = _STATE_OF_CODE.get(item.code, "parked")
    elif check.state is PayoutState.WAITING and not check.waiting_on:
        state = "waiting"
    return StoredPayout(
        payout_id=check.payout,
        currency=check.currency,
        amount=check.amount,
        gross=check.gross,
        fee=check.fee,
        net=check.net,
        foots=check.foots,
        state=state,
        differs_by=check.differs_by,
        waiting_on=check.waiting_on[:NAMED],
        deposits=found.entries,
        shared_with=found.shared_with,
        payout_date=check.payout_date,
        arrival_date=check.arrival_date,
        deposit_date=found.day,
        available_date=check.available_date,
    )


def _rows(check: PayoutCheck) -> list[StoredRow]:
    return [
        StoredRow(
            transaction_id=row.transaction,
            category=row.category,
            source=row.source,
            document_key=row.document,
            gross=row.gross,
            fee=row.fee,
            net=row.net,
            state=row.state.value,
        )
        for row in check.rows
    ]


async def _not_final(connection: AsyncConnection, keys: Sequence[DocumentKey]) -> set[DocumentKey]:
    """Which of these documents are parked only because their money is not final yet."""
    found: set[DocumentKey] = set()
    for chunk in _chunks(keys):
        query = sa.select(parked_table.c.document_key).where(
            parked_table.c.document_key.in_(list(chunk)), parked_table.c.code.in_([code.value for code in _NOT_FINAL])
        )
        found.update(DocumentKey(key) for key in (await connection.execute(query)).scalars())
    return found


async def _runs(connection: AsyncConnection, wanted: Collection[Subject]) -> dict[Subject, datetime]:
    """When each of these subjects was last run; those with a hint that waits are left out."""
    found: dict[Subject, datetime] = {}
    table = subjects_table
    for chunk in _chunks([*wanted]):
        query = sa.select(table.c.kind, table.c.id, table.c.last_run_at).where(
            sa.tuple_(table.c.kind, table.c.id).in_([(one.kind.value, one.id) for one in chunk]),
            table.c.dirty <= table.c.clean,
            table.c.last_run_at.is_not(None),
        )
        for row in await connection.execute(query):
            found[Subject(kind=SubjectKind(row.kind), id=row.id)] = row.last_run_at
    return found


def _chunks(ones: Sequence[T]) -> Iterable[Sequence[T]]:
    return (ones[start : start + _CHUNK] for start in range(0, len(ones), _CHUNK))
