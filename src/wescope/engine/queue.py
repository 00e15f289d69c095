"""The hint queue on procrastinate: accept hints, run jobs, reap what dead workers left, wake what is due.

Facts/engine.md, "procrastinate traps": no queueing lock (3, 4), the end of a job is told and polls come every half
second (2), a retry strategy on the task (6, 9), our own reaper (7), history pruned as it is made (10), and the planner
is told of a queue that has grown (1).
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import procrastinate
import psycopg
import sqlalchemy as sa
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.jobs import DeleteJobCondition, Job, Status
from procrastinate.manager import JobManager, get_channel_for_queues
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.subjects import Subject, SubjectKind
from wescope.engine import group_commit
from wescope.engine.group_commit import GroupCommit
from wescope.engine.jobs import BACKLOG_QUEUE, QUEUE, TASK, put, put_with_hints
from wescope.engine.lanes import lane_of
from wescope.errors import DatabaseUnavailable
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import database_errors, transaction
from wescope.links.sessions import end_silent
from wescope.links.subjects import Hint, Waiting, record_all, wake_due, wake_orphans

_log = structlog.get_logger(__name__)

_JOBS_POOL = 4
CONNECTIONS = _JOBS_POOL + 1 + group_commit.AT_ONCE
"""To the database, at most: procrastinate's pool, one that listens, and those that store groups of hints."""

WORKERS_PER_PROCESS = 2
"""One takes live jobs only: all places of the other may be taken by a backlog that waits for QBO."""
_LIVE_SHARE = 8
"""One place in so many is for live jobs only."""

_POLL_S = 0.5
_CANCEL_AGAIN_AFTER_S = 1.0
_HEARTBEAT_S = 3.0
_STALLED_AFTER_S = 12.0
_REAP_EVERY_S = 3.0
_STRAYED_AFTER_S = 5.0
"""A job whose run has ended is stored as ended at once; if it still counts as running later, that has failed."""
_WAKE_EVERY_S = 0.5
_ORPHANS_EVERY_S, _ORPHAN_AFTER_S = 60.0, 120
_ANALYZE_EVERY_S, _ANALYZE_FROM = 2.0, 500
_RESTART_AFTER_S = 1.0
_LONGEST_RETRY_S = 60
_IDLE_S = 30

RunSubject = Callable[[Subject], Awaitable[object]]


class PatientRetry(BaseRetryStrategy):
    """Runs a job again for ever. Only a database that is away or a shutdown gets here: see `Reconciler.run`."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """Wait longer each time, spread out, a minute at most; a shutdown puts the job back at once."""
        if not isinstance(exception, Exception):
            return RetryDecision(retry_in={"seconds": 0})
        wait_s = min(_LONGEST_RETRY_S, 2 ** min(job.attempts, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        return RetryDecision(retry_in={"milliseconds": int(wait_s * 1000)})


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How the worker runs: jobs at once, and how long a stop waits for running ones."""

    concurrency: int = 64
    graceful_s: float = 5.0


_NEXT_IS_FREE = """
    SELECT pg_notify(%(channel)s, json_build_object('type', 'job_inserted', 'job_id', %(job_id)s::bigint)::text)
    WHERE EXISTS (
        SELECT FROM procrastinate_jobs WHERE lock = %(lock)s AND status = 'todo' AND queue_name = %(queue)s
    )
"""


_HAS_GROWN = sa.text(
    """
    SELECT n_live_tup > :least + 2 * greatest(reltuples, 0)
    FROM pg_stat_user_tables JOIN pg_class ON pg_class.oid = relid
    WHERE relid = 'procrastinate_jobs'::regclass
    """
)


class _Jobs(JobManager):
    """Tells the workers also when a job has ended and a live one of the same lock waited for that.

    Procrastinate tells them only of new jobs: the next one of a customer would wait for a poll.
    """

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        await super().finish_job(job=job, status=status, delete_job=delete_job)
        (channel,) = get_channel_for_queues([QUEUE])
        # The end is stored; without a word the next one is found by a poll.
        with contextlib.suppress(ConnectorException):
            await self.connector.execute_query_async(
                _NEXT_IS_FREE, channel=channel, job_id=job.id, lock=job.lock, queue=QUEUE
            )


async def _ended(workers: Sequence[asyncio.Task[None]], again_after_s: float) -> None:
    """Cancel workers and wait for their end, however long running jobs may take (`graceful_s`) and a little more.

    A cancellation may be lost while a worker registers itself (it stopped right after its start once, and stayed for
    ever): who has not ended by then is cancelled again.
    """
    left: set[asyncio.Task[None]] = set(workers)
    while left:
        for worker in left:
            worker.cancel()
        _, left = await asyncio.wait(left, timeout=again_after_s)


class HintQueue:
    """Durable hints in, jobs out. One job waits per subject at most; jobs of one customer run one after another."""

    def __init__(self, engine: AsyncEngine, conninfo: str) -> None:
        """Take the database twice: for our rows, and for procrastinate's own connections."""
        self._engine = engine
        connector = procrastinate.PsycopgConnector(
            conninfo=conninfo,
            min_size=1,
            max_size=_JOBS_POOL,
            max_idle=_IDLE_S,
            kwargs={"application_name": "wescope queue"},
        )
        self._app = procrastinate.App(connector=connector)
        self._app.job_manager = _Jobs(connector)
        self._running: set[asyncio.Task[object]] = set()
        self._ended_at: dict[int, float] = {}
        self._pool = AsyncConnectionPool(
            conninfo,
            min_size=0,
            max_size=group_commit.AT_ONCE,
            max_idle=_IDLE_S,
            kwargs={"application_name": "wescope hints"},
            open=False,
        )
        self._groups = GroupCommit(self._store_group, self._store)

    async def open(self) -> None:
        """Open procrastinate's connections.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        try:
            with database_errors():
                await self._app.open_async()
                await self._pool.open()
        except (ConnectorException, psycopg.OperationalError) as error:
            await self.aclose()
            raise DatabaseUnavailable(reason=type(error).__name__) from error

    async def aclose(self) -> None:
        """End what is being stored, and close procrastinate's connections."""
        await self._groups.aclose()
        await self._pool.close()
        await self._app.close_async()

    async def defer(self, connection: AsyncConnection, jobs: Sequence[Waiting]) -> None:
        """Put jobs for subjects into the queue, on the caller's transaction.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        with database_errors():
            await put(connection, jobs)

    async def accept(self, hint: Hint) -> bool:
        """Store a hint durably and see to its job, in one transaction. False: this event was stored before.

        Hints that come at the same time share the transaction.

        Raises:
            DatabaseUnavailable: nothing was stored.
        """
        return await self._groups.store(hint)

    async def _store(self, hint: Hint) -> bool:
        async with transaction(self._engine) as connection:
            return (await record_all(connection, [hint], self.defer))[0]

    async def _store_group(self, hints: Sequence[Hint]) -> Sequence[bool]:
        return await put_with_hints(self._pool, hints)

    async def hint(self, subjects: Sequence[Subject], *, source: str, entries: Sequence[AuditEntry] = ()) -> None:
        """Have these subjects looked at again, in the lane of the source (see `lane_of`); `entries` say for whom.

        Raises:
            DatabaseUnavailable: nothing was stored.
        """
        lane = lane_of(source).value
        hints = [Hint(subject=subject, source=source, lane=lane) for subject in subjects]
        async with transaction(self._engine) as connection:
            await record_audit(connection, entries)
            await record_all(connection, hints, self.defer)

    async def work(self, run: RunSubject, stop: asyncio.Event, settings: WorkerSettings) -> None:
        """Run jobs until `stop` is set; a database that goes away and comes back is survived.

        Running jobs may then end within `settings.graceful_s`; later ones, or all after `hurry`, are put back.
        """
        self._register(run)
        chores = [
            asyncio.create_task(self._repeat(self._reap, _REAP_EVERY_S)),
            asyncio.create_task(self._repeat(self._wake, _WAKE_EVERY_S)),
            asyncio.create_task(self._repeat(self._wake_orphans, _ORPHANS_EVERY_S)),
            asyncio.create_task(self._repeat(self._analyze, _ANALYZE_EVERY_S)),
        ]
        try:
            while not stop.is_set():
                await self._work_once(stop, settings)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _RESTART_AFTER_S)
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)

    def hurry(self) -> None:
        """Cut off the jobs that run now: they go back to the queue, as if the process had died."""
        for job in self._running:
            job.cancel()

    def _register(self, run: RunSubject) -> None:
        async def reconcile(context: JobContext, *, kind: str, subject_id: str) -> None:
            subject = Subject(kind=SubjectKind(kind), id=subject_id)
            self._ended_at.pop(context.job.id or 0, None)  # it runs again
            try:
                await self._run_one(run, subject)
            except DatabaseUnavailable as error:
                _log.warning("job put back", subject=str(subject), code=error.code)
                raise
            except Exception:
                _log.exception("job put back", subject=str(subject), code="internal")
                raise
            finally:
                self._ended_at[context.job.id or 0] = time.monotonic()

        self._app.tasks.pop(TASK, None)  # a queue may work more than once
        self._app.task(name=TASK, queue=QUEUE, retry=PatientRetry(), pass_context=True)(reconcile)

    async def _run_one(self, run: RunSubject, subject: Subject) -> None:
        job = asyncio.ensure_future(run(subject))
        self._running.add(job)
        job.add_done_callback(self._running.discard)
        await job

    async def _work_once(self, stop: asyncio.Event, settings: WorkerSettings) -> None:
        live_only = max(1, settings.concurrency // _LIVE_SHARE) if settings.concurrency > 1 else 0
        # Only one of them listens: what is live is heard of at once, and the backlog is not in a hurry.
        workers = [
            self._start([QUEUE, BACKLOG_QUEUE], settings.concurrency - live_only, settings, listen=not live_only)
        ]
        if live_only:
            workers.append(self._start([QUEUE], live_only, settings, listen=True))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({*workers, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await _ended(workers, settings.graceful_s + _CANCEL_AGAIN_AFTER_S)
        for worker in workers:
            if not worker.cancelled() and worker.exception():
                _log.warning("worker stopped", code=type(worker.exception()).__name__)

    def _start(
        self, queues: list[str], concurrency: int, settings: WorkerSettings, *, listen: bool
    ) -> asyncio.Task[None]:
        return asyncio.create_task(
            self._app.run_worker_async(
                queues=queues,
                concurrency=concurrency,
                fetch_job_polling_interval=_POLL_S,
                listen_notify=listen,
                delete_jobs=DeleteJobCondition.SUCCESSFUL,
                install_signal_handlers=False,
                shutdown_graceful_timeout=settings.graceful_s,
                update_heartbeat_interval=_HEARTBEAT_S,
                stalled_worker_timeout=_STALLED_AFTER_S,
            )
        )

    async def _repeat(self, chore: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            try:
                await chore()
            except (DatabaseUnavailable, ConnectorException) as error:
                _log.warning("chore failed", operation=chore.__name__.strip("_"), code=type(error).__name__)
            except Exception:  # noqa: BLE001 - see the next line
                # Whatever it is: without its chores the worker would look alive and leave work lying.
                _log.exception("chore failed", operation=chore.__name__.strip("_"), code="internal")
            await asyncio.sleep(every_s * random.uniform(0.9, 1.1))  # noqa: S311 - no secret

    async def _reap(self) -> None:
        """Give back to the queue the jobs of workers that died, and our own whose end could not be stored.

        A worker that is only paused loses its locks, too: what it was at would wait for it otherwise.
        """
        async with transaction(self._engine) as connection:
            if ended := await end_silent(connection):
                _log.warning("sessions of paused processes ended", count=ended)
        stalled = await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_AFTER_S)
        await self._put_back(stalled, "job of a dead worker queued again")
        await self._put_back(await self._strayed(), "job whose end was not stored queued again")

    async def _analyze(self) -> None:
        """Tell the planner of a queue that has grown: it takes it for empty, and reads all of it for each job.

        Autovacuum does so, too, but only within a minute; by then ten thousand jobs may wait.
        """
        async with transaction(self._engine) as connection:
            if (await connection.execute(_HAS_GROWN, {"least": _ANALYZE_FROM})).scalar_one_or_none():
                await connection.execute(sa.text("ANALYZE procrastinate_jobs"))

    async def _put_back(self, jobs: Iterable[Job], message: str) -> None:
        for job in jobs:
            # Another worker's reaper may have been faster.
            with contextlib.suppress(ConnectorException):
                await self._app.job_manager.retry_job(job)
                _log.warning(message, subject=str(job.task_kwargs.get("subject_id")))

    async def _strayed(self) -> list[Job]:
        """Jobs that this process has run to their end and that still count as running.

        Procrastinate stores a job's end once. If the connection breaks at that moment the job stays `doing` under a
        worker that lives: nobody takes it for stalled, and it blocks every later job of its customer.
        """
        ended_before = time.monotonic() - _STRAYED_AFTER_S
        ended = {job_id for job_id, ended_at in self._ended_at.items() if ended_at < ended_before}
        if not ended:
            return []
        doing = [job for job in await self._app.job_manager.list_jobs_async(status="doing") if job.id in ended]
        for job_id in ended:
            del self._ended_at[job_id]
        return doing

    async def _wake(self) -> None:
        async with transaction(self._engine) as connection:
            await wake_due(connection, self.defer)

    async def _wake_orphans(self) -> None:
        async with transaction(self._engine) as connection:
            await wake_orphans(connection, self.defer, older_than_s=_ORPHAN_AFTER_S)
