"""Backfill checks: what must be mended in QBO before a backfill, and what somebody else has entered in its period."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from wescope.books.policy import AccountRole, ClosedPeriod
from wescope.config import PolicyFile
from wescope.engine.doctor import Patient, examine
from wescope.engine.doctor_checks import checked
from wescope.engine.results import Check, Severity
from wescope.errors import AccountMissing
from wescope.qbo import queries
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.qbo.foreign import Foreign, foreign_of

_ENTITIES = ("Invoice", "Payment", "SalesReceipt", "CreditMemo", "RefundReceipt", "JournalEntry", "Deposit", "Transfer")
_STRIPE_ID = re.compile(r"\b(in|ch|py|pi|re|pyr|po|txn|cn|du|dp)_[A-Za-z0-9]{8,}")
_STEP = timedelta(days=30)
_OF_NO_MATTER = frozenset({"alerts", "stripe_webhook", "closed_books"})
"""Who is told of alerts, and what webhooks will tell, makes no difference; closed books are checked for the period."""

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillChecks:
    """Looks at everything that a backfill needs."""

    patient: Patient
    client: QboClient
    company: Company
    policy_file: PolicyFile

    async def all(self, since: date, until: date, *, others: bool = True) -> tuple[Check, ...]:
        """The checks that are not good: errors stop a backfill, warnings are to be known.

        Args:
            since: the first day of the period, in the books' calendar.
            until: the last day.
            others: whether to look for documents of others, which reads all of QBO's documents of the period.
        """
        found = [check for check in await examine(self.patient) if not check.ok and check.code not in _OF_NO_MATTER]
        if any(check.severity is Severity.ERROR for check in found):
            return tuple(found)
        policy = self.policy_file.policy
        first = max(since, policy.start_date or since)
        found.append(self._start_date(since))
        found.append(await self._closed(first))
        if others:
            found.append(await self._others(first, until))
        return tuple(check for check in found if not check.ok)

    async def within(self, since: date, until: date, patience_s: float) -> tuple[Check, ...]:
        """The same; a warning says so if others' documents could not be looked through in time.

        Args:
            since: the first day of the period, in the books' calendar.
            until: the last day.
            patience_s: how long others' documents are looked for.
        """
        found = await self.all(since, until, others=False)
        if refuses(found):
            return found
        first = max(since, self.policy_file.policy.start_date or since)
        try:
            async with asyncio.timeout(patience_s):
                others = await self._others(first, until)
        except TimeoutError:
            others = checked(
                "documents of others",
                code="others",
                seen="",
                fault=f"not all of the period was looked through in {patience_s:g} s",
                remedy="Have a dry run made: it lists what would be adopted, and what looks like a document of others.",
                severity=Severity.WARNING,
            )
        return (*found, *(() if others.ok else (others,)))

    def _start_date(self, since: date) -> Check:
        start = self.policy_file.policy.start_date
        if start is None:
            fault, remedy = "none: what happens to older objects is posted, too", "Set start_date under [books]."
        elif since < start:
            fault = f"{start}: what is older is not posted, and stands in the clearing account's opening balance"
            remedy = f"Begin with --since {start}, or set an earlier start_date under [books] in wescope.toml."
        else:
            fault = remedy = ""
        return checked(
            "start date", code="start_date", seen=str(start), fault=fault, remedy=remedy, severity=Severity.WARNING
        )

    async def _closed(self, first: date) -> Check:
        closed = (await self.company.refresh()).preferences.book_close_date
        parks = self.policy_file.policy.closed_period is ClosedPeriod.PARK
        return checked(
            "closed books",
            code="closed_books",
            seen="open",
            fault=f"closed up to {closed}: documents of these days would be parked"
            if parks and closed and closed >= first
            else "",
            remedy="Begin after it (--since, and start_date under [books]), reopen the books in QBO, or set"
            ' closed_period = "next_open_day" under [books] in wescope.toml.',
        )

    async def _others(self, first: date, until: date) -> Check:
        clearing = await self._clearing()
        count: Counter[str] = Counter()
        named: list[str] = []
        async for record in self._foreign(first, until):
            if _is_about_stripe(record, clearing):
                count[record.entity] += 1
                named += [f"{record.entity}/{record.id}"] if len(named) < _NAMED else []
        counts = ", ".join(f"{number} {entity}" for entity, number in sorted(count.items()))
        return checked(
            "documents of others",
            code="others",
            seen="none about Stripe",
            fault=f"{counts} about Stripe or in the clearing account, such as {', '.join(named)}" if count else "",
            remedy="Void them in QBO if another program mirrors Stripe. What is the same is adopted, what only looks so"
            " is parked; --dry-run lists both.",
            severity=Severity.WARNING,
        )

    async def _clearing(self) -> frozenset[str]:
        home = (await self.company.preferences()).home_currency
        tables = self.policy_file.accounts_by_currency
        currencies = {home, *(currency for role, currency in tables if role is AccountRole.CLEARING)}
        found = set()
        for currency in currencies:
            try:
                found.add(await self.company.account(AccountRole.CLEARING, currency))
            except AccountMissing:
                continue
        return frozenset(found)

    async def _foreign(self, first: date, until: date) -> AsyncIterator[Foreign]:
        """What others have entered in the period, a month at a time: never more than a page is held."""
        while first <= until:
            last = min(until, first + _STEP)
            for entity in _ENTITIES:
                async for record in self._page_by_page(entity, queries.where_between("TxnDate", first, last)):
                    yield record
            first = last + timedelta(days=1)

    async def _page_by_page(self, entity: str, where: str) -> AsyncIterator[Foreign]:
        start = 1
        while True:
            records = await self.client.query(queries.select(entity, where, start=start))
            for record in records:
                if found := foreign_of(entity, record):
                    yield found
            if len(records) < queries.PAGE_LIMIT:
                return
            start += queries.PAGE_LIMIT


def _is_about_stripe(record: Foreign, clearing: frozenset[str]) -> bool:
    touches = record.account in clearing or bool(clearing & record.posted.keys())
    return touches or _STRIPE_ID.search(f"{record.number} {record.reference}") is not None


def refuses(checks: Sequence[Check]) -> bool:
    """Whether a backfill must not begin."""
    return any(check.severity is Severity.ERROR for check in checks)
