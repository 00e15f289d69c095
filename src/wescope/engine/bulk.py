"""Bulk actions: one thing done to many parked items by a run - what is planned, what does it, and what came of each.

What was planned is kept with the run, item by item as it was then. A batch is done in the transaction that stores how
far the run has come, so a worker that is killed leaves nothing half done, and nothing is done twice. An item that has
changed or gone since the plan is left alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.subjects import Subject
from wescope.engine.cursors import cursor_of
from wescope.engine.parked_items import ParkedSum
from wescope.engine.results import MONEY, ParkedRow
from wescope.engine.runs import Execution
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import transaction
from wescope.links.ignored import ignore_parked, now_of, parked_with_keys, unignore_parked
from wescope.links.parked_page import (
    Planned,
    history_of_run,
    lock_parked,
    looks_at,
    planned_items,
    unseen_of_run,
)
from wescope.links.reports import ParkedItem
from wescope.links.runs import Run, RunState
from wescope.links.subjects import BACKLOG, Defer, Hint, record_all

SOURCE = "retry"
BATCH = 20
"""Items that are done in one transaction."""

MOST_QUEUED = 60
"""Subjects of a retry that may wait at once: who cancels it leaves no more than these to be taken back."""


class BulkAction(StrEnum):
    """What is done to each item."""

    RETRY = "retry"
    IGNORE = "ignore"
    UNIGNORE = "unignore"

    @property
    def has_reason(self) -> bool:
        """True if somebody must say why."""
        return self is BulkAction.IGNORE


class ItemOutcome(StrEnum):
    """What became of one item of a bulk action."""

    WAITING = "waiting"
    """Its turn has not come."""
    DONE = "done"
    """Ignored, or counted again; of a retry: looked at."""
    QUEUED = "queued"
    """A look at it is asked for."""
    WITHDRAWN = "withdrawn"
    """A look was asked for and taken back, since the action was canceled."""
    FAILED = "failed"
    """A look was asked for and could not be made; it is tried again by itself."""
    CHANGED = "changed"
    """Its code or amount is not what was planned for: it was left alone."""
    GONE = "gone"
    """It was parked no longer: it was left alone."""
    LEFT = "left"
    """The action was canceled before its turn came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkChoice:
    """What is to be done to what is chosen, and why (kept and shown with ignored items)."""

    action: BulkAction
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkPlan:
    """What a bulk action would do: how many items, how much by code and currency, and the first ones.

    `at` is the moment of the plan: what is parked later is none of it. `left_out` are items beyond the most that one
    action takes. `digest` stands for exactly these items as they are; who starts the action may say it again.
    """

    action: str
    at: datetime
    count: int
    left_out: int
    sums: tuple[ParkedSum, ...]
    items: tuple[ParkedRow, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkItem:
    """One item of a bulk action as it was planned for, what became of it, and its code now (null: parked no longer)."""

    position: int
    key: str
    subject: str
    code: str
    amount: int = field(metadata=MONEY)
    currency: str
    outcome: str
    now: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOutcome:
    """How far a bulk action is, and some of its items; `next` names those that follow, null if there are none.

    `done` were done, `changed` and `gone` were left alone; `failed` are Stripe objects that could not be looked at;
    `left` are items whose turn has not come.
    """

    run_id: int
    action: str
    actor: str
    reason: str | None
    state: str
    request: str | None
    started_at: datetime
    finished_at: datetime | None
    count: int
    done: int
    changed: int
    gone: int
    failed: int
    left: int
    items: tuple[BulkItem, ...]
    next: str | None

    @property
    def is_over(self) -> bool:
        """True if nobody works on it any more."""
        return self.state != RunState.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """Executes bulk actions."""

    engine: AsyncEngine
    defer: Defer

    async def __call__(self, execution: Execution) -> Mapping[str, Any]:
        """Do it to batch after batch, from the checkpoint on; of a retry, wait until all is looked at.

        Returns:
            How many were done, had changed, were gone, or could not be looked at.

        Raises:
            Stopped: somebody wants the run paused or ended.
        """
        action = BulkAction(execution.run.options["action"])
        count = int(execution.run.options["count"])
        execution.counts["steps"] = count
        while int(execution.checkpoint.get("done", 0)) < count:
            if action is BulkAction.RETRY:
                await execution.room(MOST_QUEUED)
            await execution.proceed()
            await self._batch(execution, action)
        if action is BulkAction.RETRY:
            await execution.drain()
            async with transaction(self.engine) as connection:
                execution.counts["failed"] = await unseen_of_run(connection, execution.run.id)
                await execution.save(connection)
        return {name: execution.counts.get(name, 0) for name in ("done", "changed", "gone", "failed")}

    async def _batch(self, execution: Execution, action: BulkAction) -> None:
        run, start = execution.run, int(execution.checkpoint.get("done", 0))
        async with transaction(self.engine) as connection:
            numbered = await planned_items(connection, run.id, start=start, limit=BATCH)
            keys = [item.key for _, item in numbered]
            # What is only looked at again needs no hold on its row; a look takes its locks in another order.
            read = parked_with_keys if action is BulkAction.RETRY else lock_parked
            now = {item.document_key: item for item in await read(connection, keys)}
            left_alone = dict(execution.checkpoint.get("left_alone", {}))
            chosen = []
            for position, item in numbered:
                found = now.get(item.key)
                if found is not None and _is_same(item, found):
                    chosen.append(item)
                else:
                    left_alone[str(position)] = (ItemOutcome.CHANGED if found else ItemOutcome.GONE).value
            # The checkpoint first: who has lost the run must not do anything more.
            execution.checkpoint |= {"done": start + len(numbered), "left_alone": left_alone}
            execution.counts |= _counted(start + len(numbered), left_alone)
            await execution.save(connection)
            await self._do(connection, run, action, chosen)

    async def _do(self, connection: AsyncConnection, run: Run, action: BulkAction, chosen: Sequence[Planned]) -> None:
        reason, keys = str(run.options.get("reason", "")), [item.key for item in chosen]
        told = {"reason": reason} if action.has_reason else {}
        entries = [
            AuditEntry(
                action=action.value,
                actor=str(run.options["actor"]),
                target=item.key,
                details={"code": item.code, "amount": item.amount, "currency": item.currency, **told},
                run_id=run.id,
            )
            for item in chosen
        ]
        await record_audit(connection, entries)
        match action:
            case BulkAction.RETRY:
                subjects = {Subject.parse(item.subject) for item in chosen}
                hints = [Hint(subject=one, source=SOURCE, lane=BACKLOG, run_id=run.id) for one in subjects]
                await record_all(connection, hints, self.defer)
            case BulkAction.IGNORE:
                await ignore_parked(connection, keys, reason=reason, at=await now_of(connection))
            case BulkAction.UNIGNORE:
                await unignore_parked(connection, keys)


async def outcome_of(connection: AsyncConnection, run: Run, *, start: int, limit: int) -> BulkOutcome:
    """What a bulk action has come to, and what became of its items from a position on."""
    numbered = await planned_items(connection, run.id, start=start, limit=limit)
    keys = [item.key for _, item in numbered]
    touched = await history_of_run(connection, run.id, keys)
    codes = {item.document_key: item.code for item in await parked_with_keys(connection, keys)}
    looks = await looks_at(connection, [item.subject for _, item in numbered])
    items = tuple(
        BulkItem(
            position=position,
            key=item.key,
            subject=item.subject,
            code=item.code,
            amount=item.amount,
            currency=item.currency,
            outcome=_outcome(run, position, touched.get(item.key), looks.get(item.subject)).value,
            now=codes.get(item.key),
        )
        for position, item in numbered
    )
    count, through = int(run.options["count"]), int(run.checkpoint.get("done", 0))
    return BulkOutcome(
        run_id=run.id,
        action=str(run.options["action"]),
        actor=str(run.options["actor"]),
        reason=run.options.get("reason"),
        state=run.state,
        request=run.request,
        started_at=run.started_at,
        finished_at=run.finished_at,
        count=count,
        done=run.counts.get("done", 0),
        changed=run.counts.get("changed", 0),
        gone=run.counts.get("gone", 0),
        failed=run.counts.get("failed", 0),
        left=count - through,
        items=items,
        next=cursor_of(start + limit) if start + limit < count else None,
    )


def _outcome(
    run: Run, position: int, touched_at: datetime | None, look: tuple[bool, datetime | None] | None
) -> ItemOutcome:
    left_alone = run.checkpoint.get("left_alone", {}).get(str(position))
    if left_alone is not None:
        return ItemOutcome(left_alone)
    if touched_at is None:
        return ItemOutcome.LEFT if run.state == RunState.CANCELED else ItemOutcome.WAITING
    if run.options["action"] != BulkAction.RETRY:
        return ItemOutcome.DONE
    waits, looked_at = look or (False, None)
    if waits:
        return ItemOutcome.FAILED if run.state == RunState.DONE else ItemOutcome.QUEUED
    return ItemOutcome.DONE if looked_at is not None and looked_at >= touched_at else ItemOutcome.WITHDRAWN


def _is_same(item: Planned, found: ParkedItem) -> bool:
    return (item.code, item.amount, item.currency) == (found.code, found.amount, found.currency)


def _counted(through: int, left_alone: Mapping[str, str]) -> dict[str, int]:
    changed = sum(word == ItemOutcome.CHANGED for word in left_alone.values())
    gone = len(left_alone) - changed
    return {"step": through, "done": through - changed - gone, "changed": changed, "gone": gone}
