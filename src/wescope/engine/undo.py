"""Undo: takes back what a run posted, newest first, and never what a person or a closed period owns.

An undo says that the run should not have happened. So all that it created is voided (or deleted where QBO has no
void), whatever its month is, as long as the books are open: the closing date is how accountants say which months may
not change any more. Dated counter-documents, which mirror what happened in Stripe later, would be wrong here: nothing
has happened in Stripe, the mistake would stay in every month that it is in, and writing the documents again would post
them a second time beside their counters. What lies in a closed period is named and left.

Every write goes through the write protocol, so killed processes and lost answers take nothing back twice. What is taken
back is marked before (`wescope.links.undo`), so that no hint has it written again at once.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Self

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import DocumentKey, Subject, deposit_key
from wescope.engine.locks import ClusterLocks, Lease
from wescope.engine.parks import Park
from wescope.engine.plan import plan_step
from wescope.engine.reconcile import Reconciler
from wescope.engine.runs import Execution, RunNotFound, Stopped
from wescope.engine.sending import NotSettled
from wescope.engine.undo_plan import (
    PAGE,
    RELEASE,
    SHOWN,
    Judged,
    KeptReason,
    Progress,
    UndoPlan,
    UndoPlanner,
    document_of,
    settle,
)
from wescope.engine.write_gate import WriteGate
from wescope.engine.writer import Writer
from wescope.errors import LocksLost, StaleObject, TransientRefusal, WescopeError, WrongUse
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import transaction
from wescope.links.runs import Run, RunKind, RunState, find_run, queued_of
from wescope.links.store import Link, LinkState, LinkStore
from wescope.links.undo import (
    Place,
    UndoneSum,
    count_created,
    forget_payouts,
    guard,
    mark,
    release,
    still_of,
    undone_by,
    unmark,
)
from wescope.qbo.client import QboClient

_log = structlog.get_logger(__name__)

CHUNK = 100
"""So many documents are taken back at a time, under the locks of all their customers."""

_LOCK_WAIT_S = 5.0
_LOOK_EVERY_S = 0.25

_REASONS = {
    ParkCode.EDITED_IN_QBO: KeptReason.EDITED,
    ParkCode.PERIOD_CLOSED: KeptReason.PERIOD_CLOSED,
}
# What another pass may find gone, or free.
_PASSING = frozenset({KeptReason.DEPENDED_ON, KeptReason.BUSY})


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOutcome:
    """What an undo has taken back, and what stays."""

    run_id: int
    undone: tuple[UndoneSum, ...]
    left: UndoPlan


@dataclass(slots=True)
class _Tally:
    """What became of some documents: taken back, or to be tried again, or left with a reason."""

    done: list[Link] = field(default_factory=list)
    kept: list[Judged] = field(default_factory=list)
    later: dict[DocumentKey, datetime] = field(default_factory=dict)
    errors: list[WescopeError] = field(default_factory=list)
    skipped: int = 0

    def add(self, other: "_Tally") -> None:
        self.done += other.done
        self.kept += other.kept
        self.later |= other.later
        self.errors += other.errors
        self.skipped += other.skipped

    @property
    def is_worth_another(self) -> bool:
        return bool(self.skipped) or (bool(self.done) and any(one.reason in _PASSING for one in self.kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """Plans and executes undos."""

    engine: AsyncEngine
    store: LinkStore
    planner: UndoPlanner
    writer: Writer
    locks: ClusterLocks
    gate: WriteGate

    @classmethod
    def of(cls, loop: Reconciler, client: QboClient) -> Self:
        """What undoes what the loop has written."""
        return cls(
            engine=loop.engine,
            store=loop.store,
            planner=UndoPlanner(engine=loop.engine, store=loop.store, client=client),
            writer=loop.writer,
            locks=loop.locks,
            gate=loop.gate,
        )

    # --- for people -------------------------------------------------------------------------------------------------

    async def plan(self, run_id: int, progress: Progress | None = None) -> UndoPlan:
        """What undoing a run would do now; nothing is written.

        Raises:
            RunNotFound: there is no such run.
            WrongUse: it cannot be undone, or not yet.
            QboError: QBO cannot be read.
        """
        return await self.planner.plan(await self.checked(run_id), progress)

    async def options_of(self, run_id: int, *, actor: str) -> dict[str, Any]:
        """The options of a run that undoes another one.

        Raises:
            RunNotFound: there is no such run.
            WrongUse: it cannot be undone, or not yet, or nothing may be written.
        """
        await self.checked(run_id)
        await self.gate.require_writing()
        return {"undone_run": run_id, "actor": actor}

    async def outcome(self, undo_id: int) -> UndoOutcome:
        """What an undo has come to, as things stand now.

        Raises:
            RunNotFound: there is no such run.
            WrongUse: it is no undo.
            QboError: QBO cannot be read.
        """
        run = await self._found(undo_id)
        if run.kind != RunKind.UNDO:
            raise WrongUse(f"Run {undo_id} is no undo.")
        target = await self._found(int(run.options["undone_run"]))
        async with transaction(self.engine) as connection:
            undone = await undone_by(connection, self.store.realm_id, undo_id)
        left = await self.planner.plan(target, tried=run.checkpoint.get("refused", {}))
        return UndoOutcome(run_id=target.id, undone=tuple(undone), left=left)

    async def checked(self, run_id: int) -> Run:
        """The run, if it can be undone now.

        Raises:
            RunNotFound: there is no such run.
            WrongUse: it cannot be undone, or not yet.
        """
        run = await self._found(run_id)
        if run.kind == RunKind.UNDO:
            raise WrongUse(
                f"Run {run_id} is an undo: it cannot be undone. `wescope sync`, `replay` or `backfill` write again"
                " what it took back."
            )
        if run.state == RunState.RUNNING:
            raise WrongUse(f"Run {run_id} is running: `wescope runs pause {run_id}` or `cancel {run_id}` first.")
        async with transaction(self.engine) as connection:
            queued = await queued_of(connection, run_id)
        if queued.ready:
            raise WrongUse(
                f"Run {run_id} still has {queued.ready} objects in the queue: let a worker work them off, or"
                f" `wescope runs cancel {run_id}`."
            )
        return run

    async def _found(self, run_id: int) -> Run:
        async with transaction(self.engine) as connection:
            run = await find_run(connection, run_id)
        if run is None:
            raise RunNotFound(run=run_id)
        return run

    # --- for workers ------------------------------------------------------------------------------------------------

    async def __call__(self, execution: Execution) -> Mapping[str, Any]:
        """Take back what can be, in as many passes as documents hang on each other.

        Returns:
            How many were taken back, how many stay by reason.

        Raises:
            Stopped: somebody wants the run paused or ended.
            QboError: QBO does not answer.
        """
        target = await self._found(int(execution.run.options["undone_run"]))
        await self._begin(execution, target)
        try:
            while (await self._pass(execution, target)).is_worth_another:
                execution.counts["passes"] = execution.counts.get("passes", 0) + 1
        except Stopped as stopped:
            await self._tell(execution, target, {"stopped": stopped.request.value})
            raise
        left = await self.planner.plan(target, tried=execution.checkpoint.get("refused", {}))
        reasons: dict[str, int] = {}
        for row in left.kept:
            reasons[row.reason] = reasons.get(row.reason, 0) + row.count
        async with transaction(self.engine) as connection:
            undone = await undone_by(connection, self.store.realm_id, execution.run.id)
        execution.counts["undone"] = sum(one.count for one in undone)
        execution.counts["kept"] = sum(count for reason, count in reasons.items() if reason != KeptReason.CUSTOMER)
        execution.counts["step"] = execution.counts["steps"]
        await self._tell(execution, target, {"kept": reasons})
        return {"undone": execution.counts["undone"], "kept": reasons}

    async def _begin(self, execution: Execution, target: Run) -> None:
        async with transaction(self.engine) as connection:
            before = await undone_by(connection, self.store.realm_id, execution.run.id)
            left = await count_created(connection, self.store.realm_id, target.id)
            execution.counts["undone"] = sum(one.count for one in before)
            execution.counts["steps"] = max(execution.counts.get("steps", 0), execution.counts["undone"] + left)
            await execution.save(connection)

    async def _tell(self, execution: Execution, target: Run, details: Mapping[str, Any]) -> None:
        """One row in the audit log for the whole, beside those of the documents."""
        told = {"undone": execution.counts["undone"], **details}
        async with transaction(self.engine) as connection:
            await execution.save(connection)
            await record_audit(connection, [self._entry(execution, f"run/{target.id}", told)])

    def _entry(self, execution: Execution, target: str, details: Mapping[str, Any]) -> AuditEntry:
        actor = str(execution.run.options.get("actor", "cli"))
        return AuditEntry(action="undo", actor=actor, target=target, details=details, run_id=execution.run.id)

    async def _pass(self, execution: Execution, target: Run) -> _Tally:
        """Go once through all that is left of the run."""
        tally, after = _Tally(), None
        closed_until = await self.planner.closed_until()
        while page := await self.planner.page(target.id, after, PAGE):
            await execution.proceed()
            judged, _ = await self.planner.judged([place.key for place in page], closed_until)
            settled = settle(judged)
            tally.kept += [one for one in settled if one.reason is not None]
            going = {one.link.document_key for one in settled if one.reason is None}
            chosen = [place for place in page if place.key in going]
            for start in range(0, len(chosen), CHUNK):
                await execution.proceed()
                tally.add(await self._chunk(execution, target, chosen[start : start + CHUNK], closed_until))
                await self._save(execution, tally)
            after = page[-1]
        await self._settle_rest(execution, target, tally, closed_until)
        return tally

    async def _save(self, execution: Execution, tally: _Tally) -> None:
        """Store how far it is; then let out what stopped a document, if it is nothing that passes."""
        execution.counts["step"] = min(execution.counts["steps"], execution.counts["undone"] + len(tally.kept))
        async with transaction(self.engine) as connection:
            await execution.save(connection)
        if tally.errors:
            raise tally.errors[0]

    async def _settle_rest(self, execution: Execution, target: Run, tally: _Tally, closed_until: date | None) -> None:
        """Find out what became of writes whose answers were lost, each when its time has come."""
        while tally.later:
            await execution.proceed()
            now = datetime.now(UTC)
            due = [key for key, moment in tally.later.items() if moment <= now][:CHUNK]
            if not due:
                await asyncio.sleep(_LOOK_EVERY_S)
                continue
            for key in due:
                del tally.later[key]
            places = [one for one in await self._places(target.id) if one.key in set(due)]
            tally.add(await self._chunk(execution, target, places, closed_until))
            await self._save(execution, tally)

    async def _places(self, run_id: int) -> list[Place]:
        found: list[Place] = []
        while page := await self.planner.page(run_id, found[-1] if found else None, PAGE):
            found += page
        return found

    async def _chunk(
        self, execution: Execution, target: Run, places: Sequence[Place], closed_until: date | None
    ) -> _Tally:
        """Take some documents back: what is read under the locks of their customers stays true until it is done."""
        tally = _Tally()
        async with self._locked({place.owner for place in places}) as leases:
            owners = {place.key: place.owner for place in places if place.owner in leases}
            tally.skipped = len(places) - len(owners)
            async with transaction(self.engine) as connection:
                mine = await still_of(connection, self.store.realm_id, target.id, owners)
            keys = [key for key in owners if key in mine]
            judged, _ = await self.planner.judged(keys, closed_until)
            # Whatever hangs on one of them must be gone before, not together with it.
            blocked = [one.kept(KeptReason.DEPENDED_ON) for one in judged if one.reason is None and one.dependents]
            tally.kept += [*blocked, *(one for one in judged if one.reason is not None)]
            going = [one for one in judged if one.reason is None and not one.dependents]
            if not going:
                return tally
            until = await self._mark(execution, target, going)
            works = [self._one(execution, one, leases[owners[one.link.document_key]]) for one in going]
            for ended in await asyncio.gather(*works):
                tally.add(ended)
            await self._close(execution, tally, until)
        return tally

    @contextlib.asynccontextmanager
    async def _locked(self, owners: Collection[str]) -> AsyncIterator[dict[str, Lease]]:
        """Hold the locks of these customers; those that are busy for long are left out, and tried in the next pass."""
        async with contextlib.AsyncExitStack() as stack:
            leases: dict[str, Lease] = {}
            for owner in sorted(owners):
                with contextlib.suppress(LocksLost):
                    hold = self.locks.hold(f"customer:{owner}", timeout_s=_LOCK_WAIT_S)
                    leases[owner] = await stack.enter_async_context(hold)
            yield leases

    async def _mark(self, execution: Execution, target: Run, going: Iterable[Judged]) -> datetime:
        items: dict[DocumentKey, tuple[str, Parked]] = {}
        for one in going:
            link = one.link
            details: dict[str, str | int] = {"run": target.id, "undo": execution.run.id, "entity": link.entity}
            details |= {"qbo_id": link.qbo_id} if link.qbo_id else {}
            items[link.document_key] = (
                link.subject,
                Parked(
                    key=link.document_key,
                    code=ParkCode.UNDONE,
                    amount=link.amount,
                    currency=link.currency,
                    details=details,
                ),
            )
        async with transaction(self.engine) as connection:
            await mark(connection, items)
            payouts = [payout_id for key in items if (payout_id := _payout_of(key))]
            await forget_payouts(connection, self.store.realm_id, payouts)
            return await guard(connection, [subject for subject, _ in items.values()])

    async def _one(self, execution: Execution, one: Judged, lease: Lease) -> _Tally:
        link, tally = one.link, _Tally()
        try:
            if one.action == RELEASE:
                await self._let_go(link, lease)
            else:
                step = plan_step(document_of(link), link)
                await self.writer.take_back(step, Subject.parse(link.subject), lease, one.record)
        except Park as park:
            reason = _REASONS.get(park.item.code, KeptReason.REFUSED)
            details = {name: str(value) for name, value in park.item.details.items()}
            tally.kept.append(one.kept(reason, **details))
            self._remember(execution, link, reason, details)
        except NotSettled as error:
            tally.later[link.document_key] = error.retry_at
        except (StaleObject, TransientRefusal, LocksLost):
            tally.kept.append(one.kept(KeptReason.BUSY))
        except WescopeError as error:
            tally.errors.append(error)
        else:
            tally.done.append(link)
            _log.info(
                "document taken back",
                subject=link.subject,
                document_key=link.document_key,
                operation=one.action,
                entity=link.entity,
                qbo_id=link.qbo_id,
                amount=link.amount,
                currency=link.currency,
                run_id=execution.run.id,
            )
        return tally

    async def _let_go(self, link: Link, lease: Lease) -> None:
        """What somebody else made stays theirs: only the link is given up."""
        await lease.check()
        async with transaction(self.engine) as connection:
            await self.store.settle(connection, link, LinkState.ABSENT, spent=True)

    @staticmethod
    def _remember(execution: Execution, link: Link, reason: KeptReason, details: Mapping[str, str]) -> None:
        refused = execution.checkpoint.setdefault("refused", {})
        if reason is KeptReason.REFUSED and len(refused) < SHOWN:
            refused[link.document_key] = dict(details)

    async def _close(self, execution: Execution, tally: _Tally, until: datetime) -> None:
        """Store what became of a chunk. Who is left with an open write is looked at again if this undo never is."""
        entries = [
            self._entry(
                execution,
                link.document_key,
                {"entity": link.entity, "qbo_id": link.qbo_id, "amount": link.amount, "currency": link.currency},
            )
            for link in tally.done
        ]
        execution.counts["undone"] += len(tally.done)
        async with transaction(self.engine) as connection:
            await unmark(connection, [one.link.document_key for one in tally.kept])
            await record_audit(connection, entries)
            if not (tally.kept or tally.later or tally.errors):
                await release(connection, [link.subject for link in tally.done], until)


def _payout_of(key: DocumentKey) -> str | None:
    """The payout whose deposit a document is."""
    payout_id = key.partition(":")[0]
    return payout_id if key == deposit_key(payout_id) else None
