"""The parked desk: parked items a page at a time, one with all that is known of it, and what is done to many."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.parking import REASONS, Owner, ParkCode
from wescope.engine.bulk import BulkChoice, BulkOutcome, BulkPlan, outcome_of
from wescope.engine.cursors import cursor_of, place_of
from wescope.engine.drift_desk import DriftItem, item_of
from wescope.engine.explanation import AuditResult
from wescope.engine.parked_items import NotParked, ParkedSum, checked_reason, parked_row
from wescope.engine.results import ParkedRow
from wescope.engine.runs import RunDesk, RunNotFound
from wescope.errors import Retry, WescopeError, WrongUse
from wescope.links.database import transaction
from wescope.links.drift import drift_rows
from wescope.links.ignored import now_of, parked_with_keys
from wescope.links.parked_page import (
    Around,
    Choice,
    CodeSum,
    around,
    as_stored,
    chosen_of_parked,
    digest_of,
    page_of_parked,
    sums_of_parked,
)
from wescope.links.runs import Run, RunKind

MOST_AT_ONCE = 10_000
"""Items that one bulk action takes; the oldest ones, if there are more."""

_SHOWN = 20
_DIGEST = 16


class PlanChanged(WescopeError):
    """What was chosen is not what the plan has shown: items have come, gone or changed since."""

    code = "plan_changed"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "Look at the plan again, then start it."


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedQuery:
    """Which parked items: all conditions hold; what is null or empty asks nothing.

    `min_amount` is in major units of each item's own currency, compared without sign; `contains` is a part of the
    document key or of the subject; `ignored` null takes both.
    """

    codes: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    currency: str = ""
    min_amount: Decimal | None = None
    older_than: timedelta | None = None
    ignored: bool | None = False
    contains: str = ""

    def choice(self, at: datetime) -> Choice:
        """The same for the tables, at a moment of the database's clock.

        Raises:
            WrongUse: the moment is too early to subtract the age from it.
        """
        try:
            before = at - (self.older_than or timedelta())
        except OverflowError as error:
            raise WrongUse("That age at that moment is before all calendars.") from error
        return Choice(
            codes=self._codes(),
            currency=self.currency,
            before=before,
            min_amount=self.min_amount,
            ignored=self.ignored,
            contains=self.contains,
        )

    def _codes(self) -> tuple[str, ...] | None:
        if not self.codes and not self.owners:
            return None
        owned = [code.value for code, reason in REASONS.items() if not self.owners or reason.owner in self.owners]
        return tuple(code for code in owned if not self.codes or code in self.codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedPage:
    """Some of the parked items that a filter takes, the oldest first, and sums of all that it takes.

    `next` names the page that follows; null if there is none.
    """

    items: tuple[ParkedRow, ...]
    next: str | None
    sums: tuple[ParkedSum, ...]

    @property
    def count(self) -> int:
        """How many the filter takes."""
        return sum(one.count for one in self.sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedDetail:
    """All that is known of one document that is, or was, parked; `item` is null if it is parked no longer.

    `entity`, `qbo_id` and `link_state` are of its QBO document, if it has one. `waits` says that a look at its subject
    is due or going on; `looked_at` is when the last one began, `retry_at` when the next one is made by itself. `drift`
    are changes by people in QBO that nobody has decided about; `history` is the audit log, the newest first.
    """

    key: str
    item: ParkedRow | None
    subject: str | None
    entity: str | None
    qbo_id: str | None
    link_state: str | None
    waits: bool
    looked_at: datetime | None
    retry_at: datetime | None
    failures: int
    last_code: str | None
    waits_on: tuple[str, ...]
    awaited_by: tuple[str, ...]
    drift: tuple[DriftItem, ...]
    history: tuple[AuditResult, ...]

    @property
    def retried_at(self) -> datetime | None:
        """When somebody last asked for a look at it."""
        return next((entry.at for entry in self.history if entry.action == "retry"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedDesk:
    """What pages ask about parked items; what is decided about single ones is in `ParkedItems`."""

    engine: AsyncEngine
    realm_id: str
    runs: RunDesk

    async def page(self, query: ParkedQuery, *, after: str | None = None, limit: int = 50) -> ParkedPage:
        """A page of what a filter takes, after the one that named `after`.

        Raises:
            WrongUse: `after` names no place.
            DatabaseUnavailable: the tables cannot be read.
        """
        place = None
        if after is not None:
            since, key = place_of(after, str, str)
            place = (_moment(str(since)), str(key))
        async with transaction(self.engine) as connection:
            now = await now_of(connection)
            choice = query.choice(now)
            items = await page_of_parked(connection, choice, after=place, limit=limit + 1)
            sums = await sums_of_parked(connection, choice)
        shown = items[:limit]
        following = cursor_of(shown[-1].since.isoformat(), shown[-1].document_key) if len(items) > limit else None
        return ParkedPage(items=tuple(parked_row(item, now) for item in shown), next=following, sums=_sums(sums))

    async def item(self, key: str) -> ParkedDetail:
        """One document.

        Raises:
            NotParked: nothing is parked under this key, nothing was, and there is no such document.
            DatabaseUnavailable: the tables cannot be read.
        """
        async with transaction(self.engine) as connection:
            now = await now_of(connection)
            items = await parked_with_keys(connection, [key])
            known = await around(connection, self.realm_id, key)
            rows = await drift_rows(connection, self.realm_id, ids=known.drift_ids) if known.drift_ids else []
        if not items and known.entity is None and not known.history:
            raise NotParked
        row = parked_row(items[0], now) if items else None
        return _detail(key, row, known, tuple(map(item_of, rows)))

    # --- many at once -----------------------------------------------------------------------------------------------

    async def plan(self, choice: BulkChoice, query: ParkedQuery, *, at: datetime | None = None) -> BulkPlan:
        """What a bulk action would do; items that were parked after `at` (null: now) are none of it.

        Raises:
            WrongUse: the reason cannot be kept.
            DatabaseUnavailable: the tables cannot be read.
        """
        _check_reason(choice)
        async with transaction(self.engine) as connection:
            now = at or await now_of(connection)
            selected = query.choice(now)
            digest, sums, left_out = await chosen_of_parked(connection, selected, most=MOST_AT_ONCE)
            items = await page_of_parked(connection, selected, after=None, limit=_SHOWN)
        return BulkPlan(
            action=choice.action.value,
            at=now,
            count=sum(one.count for one in sums),
            left_out=left_out,
            sums=_sums(sums),
            items=tuple(parked_row(item, now) for item in items),
            digest=digest[:_DIGEST],
        )

    async def start(
        self, choice: BulkChoice, query: ParkedQuery, *, at: datetime, digest: str | None, actor: str
    ) -> Run:
        """A new run that does what the plan of `at` says, which any worker takes up; or the one that does it already.

        Raises:
            WrongUse: nothing is chosen, or the reason cannot be kept.
            PlanChanged: the plan with this digest is another one by now.
            RunUnfinished: another bulk action is unfinished.
            DatabaseUnavailable: nothing was stored.
        """
        reason = _check_reason(choice, needed=True)
        before = await self.runs.unfinished(RunKind.BULK)
        if before and digest and _asked(before) == (choice.action.value, digest, at.isoformat()):
            return before
        async with transaction(self.engine) as connection:
            items = await page_of_parked(connection, query.choice(at), after=None, limit=MOST_AT_ONCE)
        if not items:
            raise WrongUse("Nothing that is parked is chosen.")
        found = digest_of(items)[:_DIGEST]
        if digest is not None and digest != found:
            raise PlanChanged
        options = {
            "action": choice.action.value,
            "actor": actor,
            "at": at.isoformat(),
            "count": len(items),
            "digest": found,
            "items": [as_stored(item) for item in items],
        }
        return await self.runs.start(RunKind.BULK, options | ({"reason": reason} if reason else {}), actor=actor)

    async def outcome(self, run_id: int, *, after: str | None = None, limit: int = 50) -> BulkOutcome:
        """What a bulk action has come to, and a page of what it does to each item.

        Raises:
            RunNotFound: there is no bulk action with this id.
            WrongUse: `after` names no place.
        """
        start = 0 if after is None else int(place_of(after, int)[0])
        run = await self.runs.find(run_id)
        if run.kind != RunKind.BULK:
            raise RunNotFound(run=run_id)
        async with transaction(self.engine) as connection:
            return await outcome_of(connection, run, start=max(0, start), limit=limit)


def _asked(run: Run) -> tuple[str, ...]:
    return tuple(str(run.options.get(name)) for name in ("action", "digest", "at"))


def _check_reason(choice: BulkChoice, *, needed: bool = False) -> str:
    """The reason as it is kept; empty where none is needed."""
    if not choice.action.has_reason or (not choice.reason and not needed):
        return ""
    return checked_reason(choice.reason)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongUse("This is no place in the list.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _sums(found: tuple[CodeSum, ...]) -> tuple[ParkedSum, ...]:
    return tuple(
        ParkedSum(
            code=one.code,
            owner=REASONS[ParkCode(one.code)].owner.value,
            count=one.count,
            amount=one.amount,
            currency=one.currency,
        )
        for one in found
    )


def _detail(key: str, row: ParkedRow | None, known: Around, found: tuple[DriftItem, ...]) -> ParkedDetail:
    details: Mapping[str, str | int] = row.details if row else {}
    return ParkedDetail(
        key=key,
        item=row,
        subject=known.subject,
        entity=known.entity,
        qbo_id=known.qbo_id,
        link_state=known.link_state,
        waits=known.waits,
        looked_at=known.last_run_at,
        retry_at=known.retry_at,
        failures=known.failures,
        last_code=known.last_code,
        waits_on=tuple(str(details.get("waiting_on", "")).split()),
        awaited_by=known.awaited_by,
        drift=found,
        history=tuple(
            AuditResult(
                at=entry.at,
                action=entry.action,
                actor=entry.actor,
                target=entry.target,
                details={name: str(value) for name, value in entry.details.items()},
                run_id=entry.run_id,
            )
            for entry in known.history
        ),
    )
