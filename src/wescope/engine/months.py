"""Months at their end: what is open, how the books compare with Stripe, and who has signed them off."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.calendar import local_date
from wescope.books.month import Month
from wescope.books.policy import Policy
from wescope.engine.export import allow_slow_readers
from wescope.engine.month_comparison import kept_closed, start_comparison
from wescope.engine.month_evidence import Evidence
from wescope.engine.month_results import (
    ListedMonth,
    MonthList,
    MonthNotBegun,
    MonthNotCompared,
    MonthNotOver,
    MonthNotSigned,
    MonthSigned,
    MonthView,
    ReasonMissing,
    Signoff,
)
from wescope.engine.month_telling import (
    changes_of,
    comparing_of,
    comparison_of,
    figures_of,
    group_of,
    listed,
    signoff_of,
    state_of,
    stored_figures,
    written_of,
)
from wescope.engine.runs import RunDesk
from wescope.errors import WrongUse
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import transaction
from wescope.links.months import (
    KeptTieOut,
    WrittenRow,
    counted,
    first_month,
    newest_start,
    newest_tieouts,
    open_of,
    open_rows,
    written_since,
)
from wescope.links.runs import Run
from wescope.links.signoffs import StoredSignoff, sign, signoffs_of, standing, withdraw

PAGE = 12
"""Months that are listed at once."""

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """The verbs of the month's end. Months are written as `2026-10`; `actor` is who asks."""

    engine: AsyncEngine
    realm_id: str
    policy: Policy
    runs: RunDesk

    async def page(self, before: str | None = None, limit: int = PAGE) -> MonthList:
        """Months from the present one back to that of the first document, those earlier than `before`.

        Raises:
            WrongUse: `before` is no month.
            DatabaseUnavailable: the tables cannot be read.
        """
        present = self._present()
        newest = present if before is None else min(present, _parsed(before).before)
        async with transaction(self.engine) as connection:
            earliest = await first_month(connection, self.realm_id) or present
            months = [newest]
            while len(months) < limit and months[-1] > earliest:
                months.append(months[-1].before)
            months = [month for month in months if month >= earliest]
            items = await self._listed(connection, months)
        goes_on = bool(months) and months[-1] > earliest
        return MonthList(items=items, next=str(months[-1]) if goes_on else None)

    async def _listed(self, connection: AsyncConnection, months: list[Month]) -> tuple[ListedMonth, ...]:
        compared = await newest_tieouts(connection, months, self.policy.timezone)
        signed = await standing(connection, self.realm_id, months)
        sources = open_rows(self.realm_id)
        counts = {kind: await counted(connection, sources[kind], months) for kind in ("parked", "payout")}
        rows = []
        for month in months:
            found, mine = compared.get(month), signed.get(month)
            since, _ = await self._written(connection, month, mine)
            state = state_of(is_over=self._is_over(month), compared=found, signed=mine, written=since)
            parked, payouts = (counts[kind].get(month, 0) for kind in ("parked", "payout"))
            rows.append(listed(month, state, found, mine, parked=parked, payouts=payouts))
        return tuple(rows)

    async def _written(
        self, connection: AsyncConnection, month: Month, signed: StoredSignoff | None
    ) -> tuple[int, tuple[WrittenRow, ...]]:
        """What was written in a month since it was signed off; nothing if it is not."""
        if signed is None:
            return 0, ()
        return await written_since(connection, self.realm_id, month, signed.signed_at)

    async def view(self, month: str) -> MonthView:
        """One month.

        Raises:
            WrongUse: this is no month.
            MonthNotBegun: it is to come.
            DatabaseUnavailable: the tables cannot be read.
        """
        chosen = self._begun(month)
        async with transaction(self.engine) as connection:
            return await self._view(connection, chosen)

    async def _view(self, connection: AsyncConnection, month: Month) -> MonthView:
        compared = await self._compared(connection, month)
        none: tuple[int, tuple[WrittenRow, ...]] = (0, ())
        since, unseen = await written_since(connection, self.realm_id, month, compared.at) if compared else none
        past = await signoffs_of(connection, self.realm_id, month)
        signed = next((one for one in past if one.withdrawn_at is None), None)
        count, rows = await self._written(connection, month, signed)
        found = await open_of(connection, self.realm_id, month)
        closed = await kept_closed(connection)
        return MonthView(
            month=str(month),
            first=month.first,
            last=month.last,
            is_over=self._is_over(month),
            state=state_of(is_over=self._is_over(month), compared=compared, signed=signed, written=count),
            comparison=comparison_of(compared, since) if compared else None,
            comparing=comparing_of(await newest_start(connection, month.last), compared),
            open=tuple(group_of(kind, *each) for kind, each in found.items()),
            signoff=signoff_of(signed) if signed else None,
            changes=changes_of(signed, compared, count) if signed else (),
            written=tuple(map(written_of, rows if signed else unseen)),
            signoffs=tuple(map(signoff_of, past)),
            closed_until=closed.until if closed else None,
            closed_known_at=closed.at if closed else None,
        )

    async def compare(self, month: str, *, actor: str) -> Run:
        """Start a comparison as of the month's last day, which a worker executes; or the one that is under way.

        Raises:
            WrongUse: this is no month.
            MonthNotOver: it is not over, so that its last day says nothing yet.
            DatabaseUnavailable: nothing was stored.
        """
        chosen = self._over(month)
        return await start_comparison(self.runs, self.engine, chosen.last, actor=actor)

    async def sign(self, month: str, reason: str | None = None, *, actor: str) -> Signoff:
        """Sign a month off upon its newest comparison; the reason is kept, and needed unless it is 0.00 and newest.

        Raises:
            WrongUse: this is no month, or the reason is too long.
            MonthNotOver: it is not over.
            MonthNotCompared: there is no comparison as of its last day.
            ReasonMissing: it differs, or was written to since, and no reason is given.
            MonthSigned: it is signed off.
            DatabaseUnavailable: nothing was stored.
        """
        chosen, said = self._over(month), " ".join((reason or "").split()) or None
        if said is not None and len(said) > _LONGEST_REASON:
            raise WrongUse(f"A reason has {_LONGEST_REASON} characters at most.")
        try:
            async with self._snapshot() as connection:
                return await self._sign(connection, chosen, said, actor)
        except IntegrityError as error:
            raise MonthSigned(month=month) from error  # somebody else was faster

    async def _sign(self, connection: AsyncConnection, month: Month, reason: str | None, actor: str) -> Signoff:
        view, compared = await self._view(connection, month), await self._compared(connection, month)
        if compared is None:
            raise MonthNotCompared(month=str(month))
        if view.signoff is not None:
            raise MonthSigned(month=str(month))
        if view.needs_reason and reason is None:
            raise ReasonMissing(month=str(month), difference=compared.difference)
        evidence = await self._evidence(connection, month, compared, view).digest()
        stored = await sign(
            connection,
            self.realm_id,
            month=month.first,
            as_of=compared.as_of,
            run_id=compared.run_id,
            tieout_digest=compared.digest,
            difference=compared.difference,
            reason=reason,
            figures=stored_figures(figures_of(view)),
            evidence=evidence,
            actor=actor,
        )
        details = {"difference": compared.difference, "evidence": evidence} | ({"reason": reason} if reason else {})
        await self._note(connection, "sign_off", month, actor, details, run_id=compared.run_id)
        return signoff_of(stored)

    async def withdraw(self, month: str, *, actor: str) -> Signoff:
        """Withdraw the sign-off of a month; it is kept.

        Raises:
            WrongUse: this is no month.
            MonthNotBegun: it is to come.
            MonthNotSigned: it is not signed off.
            DatabaseUnavailable: nothing was stored.
        """
        chosen = self._begun(month)
        async with transaction(self.engine) as connection:
            stored = await withdraw(connection, self.realm_id, chosen, actor)
            if stored is None:
                raise MonthNotSigned(month=month)
            await self._note(connection, "withdraw_sign_off", chosen, actor, {"signed_by": stored.actor})
        return signoff_of(stored)

    async def evidence(self, month: str) -> AsyncIterator[bytes]:
        """The evidence of a month as a ZIP archive, piece by piece.

        Raises:
            WrongUse: this is no month.
            MonthNotBegun: it is to come.
            DatabaseUnavailable: the tables cannot be read; what came before is no whole archive.
        """
        chosen = self._begun(month)
        async with self._snapshot() as connection:
            past = await signoffs_of(connection, self.realm_id, chosen)
            compared, view = await self._compared(connection, chosen), await self._view(connection, chosen)
            evidence = self._evidence(connection, chosen, compared, view)
            async for piece in evidence.archive(tuple(map(signoff_of, past))):
                if piece:
                    yield piece

    def _evidence(
        self, connection: AsyncConnection, month: Month, compared: KeptTieOut | None, view: MonthView
    ) -> Evidence:
        return Evidence(
            connection=connection,
            realm_id=self.realm_id,
            month=month,
            timezone=self.policy.timezone.key,
            compared=compared,
            figures=figures_of(view),
        )

    @contextlib.asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one moment, however long it takes."""
        async with transaction(self.engine) as connection:
            await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            await allow_slow_readers(connection)
            yield connection

    async def _compared(self, connection: AsyncConnection, month: Month) -> KeptTieOut | None:
        return (await newest_tieouts(connection, [month], self.policy.timezone)).get(month)

    async def _note(
        self,
        connection: AsyncConnection,
        action: str,
        month: Month,
        actor: str,
        details: Mapping[str, Any],
        *,
        run_id: int | None = None,
    ) -> None:
        entry = AuditEntry(action=action, actor=actor, target=f"month/{month}", details=details, run_id=run_id)
        await record_audit(connection, [entry])

    def _present(self) -> Month:
        return Month.of(self._today())

    def _today(self) -> date:
        return local_date(datetime.now(UTC), self.policy.timezone)

    def _is_over(self, month: Month) -> bool:
        return self._today() > month.last

    def _begun(self, text: str) -> Month:
        month = _parsed(text)
        if month > self._present():
            raise MonthNotBegun(month=text)
        return month

    def _over(self, text: str) -> Month:
        month = self._begun(text)
        if not self._is_over(month):
            raise MonthNotOver(month=text)
        return month


def _parsed(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError as error:
        raise WrongUse("A month is written as 2026-10.") from error
