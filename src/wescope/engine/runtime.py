"""The runtime: what people and programs ask of the engine, over parts that `wescope.wiring` has put together."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope import __version__
from wescope.books.policy import Policy
from wescope.books.subjects import Subject
from wescope.config import SecretSource
from wescope.engine.acting import acting
from wescope.engine.attempts import AttemptLog
from wescope.engine.backfill import Backfill
from wescope.engine.backfill_checks import BackfillChecks
from wescope.engine.backfill_plan import BackfillPlan
from wescope.engine.bulk import Bulk
from wescope.engine.connect_desk import ConnectDesk
from wescope.engine.connection import Connection
from wescope.engine.console_desks import ConsoleDesks
from wescope.engine.dashboards import Dashboards
from wescope.engine.doctor import Patient, examine
from wescope.engine.drift_desk import DriftDesk
from wescope.engine.dry_run import DryRunDesk
from wescope.engine.explain import Explainer
from wescope.engine.export import Exporter
from wescope.engine.figures import Figures
from wescope.engine.forecasting import Forecasting
from wescope.engine.history import History
from wescope.engine.mirror import Mirror
from wescope.engine.mirror_desk import MirrorDesk
from wescope.engine.parked_items import ParkedItems, parked_row
from wescope.engine.payout_results import payout_detail, payout_results
from wescope.engine.qbo_webhooks import QboWebhookOutcome
from wescope.engine.queue import HintQueue, WorkerSettings
from wescope.engine.read_budget import ReadBudget
from wescope.engine.receiver import Receiver, WebhookOutcome
from wescope.engine.reconcile import Reconciler
from wescope.engine.replay import Replay
from wescope.engine.results import (
    Check,
    ParkedRow,
    PayoutDetail,
    PayoutResult,
    Status,
    SyncResult,
)
from wescope.engine.revert import Revert
from wescope.engine.runs import RunDesk
from wescope.engine.schedule import Scheduler, schedules_of
from wescope.engine.setting_up import SettingUp
from wescope.engine.setup import Setup
from wescope.engine.support import Support
from wescope.engine.sweep import Sweep
from wescope.engine.tieout_results import OpenedRow, TieOut
from wescope.engine.tieouts import Remembered, TieOuts
from wescope.engine.undo import Undo
from wescope.engine.verify import Verify
from wescope.engine.warehouse import Warehouse
from wescope.engine.watching import Watching
from wescope.engine.write_gate import WriteGate
from wescope.errors import DatabaseUnavailable, MalformedId
from wescope.links.audit import AuditEntry
from wescope.links.database import transaction
from wescope.links.reports import (
    parked_items,
    parked_subjects,
    prune,
    swap_checkpoint,
)
from wescope.links.runs import RunKind
from wescope.links.store import LinkStore
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.qbo.tokens import TokenSource
from wescope.stripe.identity import identify
from wescope.stripe.listing import StripeListing
from wescope.stripe.reader import StripeReader
from wescope.stripe.windows import WindowLister

_log = structlog.get_logger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is (0: unknown)."""

_SYNC_WAIT_S = 120
_KEPT_DAYS = 90
_MAINTENANCE_EVERY_S = 3600
_START_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """All verbs of the engine. Amounts in minor units; dates in the books' calendar."""

    engine: AsyncEngine
    queue: HintQueue
    store: LinkStore
    reader: StripeReader
    listing: StripeListing
    client: QboClient
    company: Company
    tokens: TokenSource
    reconciler: Reconciler
    attempts: AttemptLog
    policy: Policy
    gate: WriteGate
    secrets: SecretSource
    workers: WorkerSettings
    patient: Patient
    connection: Connection
    connecting: ConnectDesk
    reads: ReadBudget
    watching: Watching
    remembered: Remembered = field(default_factory=Remembered)

    # --- webhooks ---------------------------------------------------------------------------------------------------

    async def accept(self, body: bytes, signature: str | None) -> WebhookOutcome:
        """Verify a webhook and store its hint durably.

        Raises:
            WebhookRejected: it is refused, and nothing is stored.
            DatabaseUnavailable: nothing is stored; Stripe must send it again.
        """
        return await self.receiver.accept(body, signature)

    async def accept_qbo(self, body: bytes, signature: str | None) -> QboWebhookOutcome:
        """Verify a webhook of QBO's and store durably what it says was changed; see `qbo_webhooks.accept`."""
        return await self.receiver.accept_qbo(body, signature)

    @property
    def receiver(self) -> Receiver:
        """What takes webhooks."""
        return Receiver(engine=self.engine, queue=self.queue, realm_id=self.store.realm_id, secrets=self.secrets)

    # --- work -------------------------------------------------------------------------------------------------------

    async def work(self, stop: asyncio.Event, *, scheduled: bool = False) -> None:
        """Run jobs, and keep the tables in order, until `stop` is set; `scheduled`: begin what is due, too."""
        while not stop.is_set() and not await self._replan_after_change():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _START_AGAIN_S)
        watches = [
            self._maintain(),
            self.connection.watch(),
            self.reads.watch(),
            self.runs.watch(),
            self.dry_runs.watch(),
            self.figures.watch(),
        ]
        chores = [asyncio.create_task(chore) for chore in (*watches, *([self.scheduler.watch()] if scheduled else ()))]
        try:
            await self.queue.work(self.reconciler.run, stop, self.workers)
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            await self.attempts.flush()

    async def _replan_after_change(self) -> bool:
        """Another version or policy may post what was parked: have it looked at again, once. False: not now."""
        rules = f"{__version__} {self.gate.policy} {self.gate.review_first}"
        try:
            async with transaction(self.engine) as connection:
                before = await swap_checkpoint(connection, "rules", rules)
                waiting = await parked_subjects(connection) if before not in {None, rules} else ()
                await self.queue.hint([Subject.parse(text) for text in waiting], source="rules")
        except DatabaseUnavailable as error:
            _log.warning("waiting for the database", code=error.code)
            return False
        return True

    async def _maintain(self) -> None:
        while True:
            try:
                async with transaction(self.engine) as connection:
                    await prune(connection, older_than_days=_KEPT_DAYS)
            except DatabaseUnavailable as error:
                _log.warning("pruning failed", code=error.code)
            await asyncio.sleep(_MAINTENANCE_EVERY_S)

    async def sync(
        self, ids: Sequence[str], *, dry_run: bool, progress: Progress | None = None
    ) -> tuple[SyncResult, ...]:
        """Reconcile these Stripe objects now, or with `dry_run` only say what would be done.

        Raises:
            MalformedId: an id is not one of Stripe's; nothing was done for any.
            StripeError: Stripe cannot be read.
        """
        subjects = dict.fromkeys([await self._identify(one) for one in dict.fromkeys(ids)])  # each is read once
        results: list[SyncResult] = []
        for index, subject in enumerate(subjects):
            if progress:
                progress("sync", index, len(subjects))
            owners = await self.reconciler.owners(subject)
            results += [await self._sync_one(owner, dry_run=dry_run) for owner in owners]
        await self.attempts.flush()
        return await self.support.items.mark(results)

    async def _identify(self, one: str) -> Subject:
        if one.startswith("evt_"):
            event = await self.reader.event(one)
            if event.subject is None:
                raise MalformedId("This event changes no document.", event_id=one)
            return event.subject
        return identify(one)

    async def _sync_one(self, subject: Subject, *, dry_run: bool) -> SyncResult:
        if dry_run or (await self.gate.state()).is_held:
            return await self.reconciler.preview(subject)
        entry = AuditEntry(action="sync", actor=acting(), target=str(subject))
        await self.queue.hint([subject], source="sync", entries=[entry])
        # A running worker may be faster; either way the subject is clean afterwards, or says why not.
        result = await self.reconciler.run(subject)
        return result or await self.reconciler.preview(subject)

    # --- reports ----------------------------------------------------------------------------------------------------

    async def status(self) -> Status:
        """What the service is doing.

        Raises:
            DatabaseUnavailable: the tables cannot be read.
        """
        return await self.console.overview.status()

    async def parked(self) -> tuple[ParkedRow, ...]:
        """Everything that is parked, the oldest first."""
        async with transaction(self.engine) as connection:
            return tuple(parked_row(item, datetime.now(UTC)) for item in await parked_items(connection))

    async def payouts(self) -> tuple[PayoutResult, ...]:
        """The result of every payout that was looked at, the latest arrival first.

        Raises:
            DatabaseUnavailable: the tables cannot be read.
        """
        async with transaction(self.engine) as connection:
            return await payout_results(connection, self.store.realm_id)

    async def payout(self, payout_id: str) -> PayoutDetail:
        """One payout with every row that it pays out.

        Raises:
            ObjectNotFound: it was not looked at yet.
            DatabaseUnavailable: the tables cannot be read.
        """
        async with transaction(self.engine) as connection:
            return await payout_detail(connection, self.store.realm_id, payout_id)

    async def tieout(self, as_of: date | None, progress: Progress | None = None) -> TieOut:
        """Compare Stripe and QBO at the end of `as_of` (null: today); the result is kept.

        Raises:
            StripeError: Stripe cannot be read.
            QboError: QBO cannot be read.
        """
        return await self.tieouts.make(as_of, progress)

    async def open_rows(
        self, row_ids: Sequence[str], as_of: date | None, progress: Progress | None = None
    ) -> tuple[OpenedRow, ...]:
        """Rows of the tie-out of a day (null: today) with everything that makes them up; see `TieOuts.open`."""
        return await self.tieouts.open(row_ids, as_of, progress)

    @property
    def tieouts(self) -> TieOuts:
        """What compares Stripe with QBO."""
        return TieOuts(
            engine=self.engine,
            realm_id=self.store.realm_id,
            listing=self.listing,
            client=self.client,
            company=self.company,
            attempts=self.attempts,
            policy=self.policy,
            last=self.remembered,
        )

    @property
    def console(self) -> ConsoleDesks:
        """What pages ask of the tables."""
        return ConsoleDesks(
            engine=self.engine,
            realm_id=self.store.realm_id,
            policy=self.policy,
            runs=self.runs,
            verify=self.verify,
            watching=self.watching,
            gate=self.gate,
        )

    @property
    def figures(self) -> Figures:
        """What the worker counts in the background."""
        return Figures(engine=self.engine, realm_id=self.store.realm_id, timezone=self.policy.timezone)

    @property
    def support(self) -> Support:
        """What people ask about single documents: explain, parked items, export."""
        return Support(
            explainer=Explainer(
                engine=self.engine,
                realm_id=self.store.realm_id,
                reader=self.reader,
                reconciler=self.reconciler,
                client=self.client,
                attempts=self.attempts,
                dashboards=Dashboards.of(self.patient.settings),
            ),
            items=ParkedItems(engine=self.engine, queue=self.queue, run=self.reconciler.run, workers=self.workers),
            exporter=Exporter(engine=self.engine, realm_id=self.store.realm_id),
            policy=self.policy,
        )

    @property
    def runs(self) -> RunDesk:
        """Backfills, replays and others: started, worked on, paused, canceled."""
        return RunDesk(
            engine=self.engine,
            locks=self.reconciler.locks,
            executors={
                RunKind.BACKFILL: self.backfill,
                RunKind.REPLAY: self.replay,
                RunKind.SWEEP: self.sweep,
                RunKind.UNDO: self.undo,
                RunKind.VERIFY: self.verify,
                RunKind.REPAIR: self.verify.repair,
                RunKind.EXPORT: self.mirror,
                RunKind.TIEOUT: self.tieouts,
                RunKind.BULK: Bulk(engine=self.engine, defer=self.queue.defer),
                RunKind.FORECAST: Forecasting(plan=self.backfill_plan),
            },
        )

    @property
    def history(self) -> History:
        """What people ask about the past as a whole: backfills, replays, runs."""
        policy_file = self.patient.policy_file
        return History(
            engine=self.engine,
            desk=self.runs,
            checks=BackfillChecks(
                patient=self.patient, client=self.client, company=self.company, policy_file=policy_file
            ),
            plan=self.backfill_plan,
            replays=self.replay,
            sweeps=self.sweep,
            undos=self.undo,
            listing=self.listing,
            policy_file=policy_file,
            work=self.work,
        )

    @property
    def backfill(self) -> Backfill:
        """What executes backfills."""
        return Backfill(
            engine=self.engine,
            realm_id=self.store.realm_id,
            lister=WindowLister(self.listing.api, self.policy),
            defer=self.queue.defer,
            policy=self.policy,
        )

    @property
    def backfill_plan(self) -> BackfillPlan:
        """What foresees backfills."""
        return BackfillPlan(
            engine=self.engine,
            store=self.store,
            api=self.listing.api,
            reader=self.reader,
            lister=WindowLister(self.listing.api, self.policy),
            planner=self.reconciler,
            foresight=self.reconciler.writer.foresight,
            policy=self.policy,
        )

    @property
    def replay(self) -> Replay:
        """What plans and executes replays."""
        return Replay(engine=self.engine, reader=self.reader, defer=self.queue.defer)

    @property
    def sweep(self) -> Sweep:
        """What plans and executes sweeps."""
        return Sweep.of(
            engine=self.engine,
            realm_id=self.store.realm_id,
            api=self.listing.api,
            defer=self.queue.defer,
            policy=self.policy,
        )

    @property
    def verify(self) -> Verify:
        """What compares QBO with what was posted, and puts it right."""
        return Verify.of(self.reconciler, self.patient.policy_file)

    @property
    def drift(self) -> DriftDesk:
        """What people ask about edits in QBO."""
        return DriftDesk(
            engine=self.engine,
            realm_id=self.store.realm_id,
            runs=self.runs,
            repairing=self.verify.repair,
            reverting=Revert(self.reconciler.writer.sending, self.reconciler.locks),
        )

    @property
    def setup(self) -> Setup:
        """What makes accounts and items that are missing in QBO."""
        return Setup(
            sending=self.reconciler.writer.sending,
            locks=self.reconciler.locks,
            policy_file=self.patient.policy_file,
            gate=self.gate,
        )

    @property
    def dry_runs(self) -> DryRunDesk:
        """What waits to be written, released and held."""
        return DryRunDesk(
            engine=self.engine,
            realm_id=self.store.realm_id,
            gate=self.gate,
            defer=self.queue.defer,
            preview=self.reconciler.preview,
        )

    @property
    def setting_up(self) -> SettingUp:
        """What the setup pages ask."""
        return SettingUp(
            engine=self.engine,
            realm_id=self.store.realm_id,
            settings=self.patient.settings,
            policy_file=self.patient.policy_file,
            gate=self.gate,
            connecting=self.connecting,
            connection=self.connection.state,
            examine=self.doctor,
            setup=self.setup,
            dry_run=self.dry_runs,
        )

    @property
    def mirror(self) -> Mirror:
        """What keeps BigQuery up to date."""
        return Mirror(
            engine=self.engine, open_warehouse=lambda: Warehouse.opened(self.patient.settings.require_bigquery())
        )

    @property
    def mirror_desk(self) -> MirrorDesk:
        """What people ask about the mirror in BigQuery."""
        return MirrorDesk(mirror=self.mirror, runs=self.runs)

    @property
    def scheduler(self) -> Scheduler:
        """What begins runs by itself."""
        table = schedules_of(self.patient.policy_file, mirrors=self.patient.settings.bigquery_dataset is not None)
        return Scheduler(engine=self.engine, locks=self.reconciler.locks, table=table)

    @property
    def undo(self) -> Undo:
        """What plans and executes undos."""
        return Undo.of(self.reconciler, self.client)

    async def doctor(self) -> tuple[Check, ...]:
        """Look at everything that the work needs; a service that does not answer is a failing check."""
        checks = await examine(self.patient)
        await self.attempts.flush()
        return (*checks, *await self.mirror_desk.examine()) if self.patient.settings.bigquery_dataset else checks

    async def database_ready(self) -> bool:
        """Whether the database answers with the schema of this version.

        Raises:
            DatabaseUnavailable: it does not answer.
        """
        return await self.receiver.database_ready()
