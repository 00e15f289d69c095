"""Plays one world from its seed: troubled history, then peace until the product has caught up, then the proof."""

import asyncio
import contextlib
import logging
import random
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
import psycopg_pool
import structlog
from procrastinate import PsycopgConnector

from tests.simulation.engine import clocks, plants, proof
from tests.simulation.engine.chance import Chance
from tests.simulation.engine.clocks import REAL, replace_everywhere
from tests.simulation.engine.loop import PROCESS, VirtualLoop
from tests.simulation.engine.profile import changed, draw_profile
from tests.simulation.engine.world import Node, Violation, World
from tests.simulation.history import Step
from wescope.books.subjects import Subject
from wescope.engine import attempts, connection, jobs, queue, read_budget
from wescope.links import sessions
from wescope.links.sessions import LOCK_SESSIONS

_LONGEST_S = 900.0
_LOOK_EVERY_S = 2.0
_REPLANS = 4
_DIRTY = "SELECT count(*) FROM subjects WHERE dirty > clean OR queued"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be played: the seed, what is left out of it, what is changed in its profile, and the planted bug."""

    seed: int
    left_out: frozenset[str] = frozenset()
    changes: Mapping[str, Any] = field(default_factory=dict)
    plant: str = ""
    keeps_trace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How a world ended. `problem` is empty if all holds; `taken` are the decisions that could be left out."""

    seed: int
    steps: int
    problem: str
    trace_hash: str
    virtual_s: float
    real_s: float
    plant: str = ""
    taken: tuple[str, ...] = ()
    trace: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)


def play(order: Order, url: str) -> Played:
    """Plays a world on an empty database. Only in a forked process: clocks, psycopg and HTTP are changed for good."""
    began = REAL["monotonic"]()
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    clock = clocks.install(loop)
    random.seed(order.seed)
    chance = Chance(order.seed, order.left_out)
    world = World(changed(draw_profile(chance, order.seed), order.changes), url, loop, clock, chance)
    world.keeps_trace = order.keeps_trace
    _listen_to_logs(world)
    _install(world)
    plants.install(order.plant, world)
    problem = ""
    try:
        loop.run_until_complete(_whole(world))
    except Violation as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001 - whatever breaks is a finding
        problem = f"{type(error).__name__}: {error}\n" + "".join(traceback.format_exception(error)[-8:])
    wires = world.wires.counts
    return Played(
        seed=order.seed,
        plant=order.plant,
        steps=world.steps,
        problem=problem,
        trace_hash=world.trace_hash(),
        virtual_s=round(loop.time() - 1000.0, 1),
        real_s=round(REAL["monotonic"]() - began, 3),
        taken=tuple(chance.taken),
        trace=tuple(world.trace),
        counts={
            **world.counts,
            **{f"fault {kind}": count for kind, count in wires.mishaps.items()},
            "qbo": wires.qbo,
            "stripe": wires.stripe,
            "statements": world.sessions.statements,
        },
    )


# --- the history ------------------------------------------------------------------------------------------------------


async def _whole(world: World) -> None:
    for _ in range(world.profile.processes):
        world.start_node()
    wires, profile = world.wires, world.profile
    wires.qbo_shares, wires.stripe_shares, wires.token_shares = profile.qbo, profile.stripe, profile.token
    for index, step in enumerate(_steps(world)):
        await asyncio.sleep(world.chance.between(f"gap {index}", 0, 2 * profile.gap_s))
        if world.chance.happens(f"act {index}", 1.0):
            world.play(step)
        world.meddle(index)
    await _trouble(world)
    await _peace(world)
    await _proofs(world)


def _steps(world: World) -> Iterator[Step]:
    """What happens at Stripe: a customer first, then anything."""
    chance = random.Random(f"steps {world.profile.settings.seed}")  # noqa: S311 - repeatable, no secret
    kinds = world.profile.kinds
    for index in range(world.profile.actions):
        kind = "customer" if index == 0 else "invoice" if index in {1, 2} else ""
        yield Step(kind=kind or chance.choices(list(kinds), list(kinds.values()))[0], seed=chance.randrange(1 << 30))


async def _trouble(world: World) -> None:
    """The product tries to catch up while everything still goes wrong, for a while."""
    until = world.loop.time() + world.chance.between("trouble for", 60, 400)
    while world.loop.time() < until:
        await asyncio.sleep(_LOOK_EVERY_S)
        if not world.sessions.ask(_DIRTY)[0][0]:
            return


async def _peace(world: World) -> None:
    """Nothing goes wrong any more; what was stopped wakes up, what died is started again."""
    world.chance.is_on = False
    world.note("-", "peace")
    for node in world.nodes:
        if node.process.is_stopped and not node.process.is_dead:
            world._wake(node.process)
    world.open_the_books()
    # What the network still holds lands; what Stripe still tries to deliver comes.
    await _calm(world)
    world.merchant.advance(20 * 86_400 + max(0, world.clock.true_s() - world.business.account.clock.now()))
    ahead = world.business.account.clock.now() - world.clock.true_s()
    world.loop.warp(max(0, ahead))
    world.deliver_new()
    await _calm(world)


async def _calm(world: World) -> None:
    """Waits until nothing is on the wires. Virtual time costs nothing, so it looks now and then."""
    while world.wires.counts.in_flight or world._deliveries:  # noqa: ASYNC110 - two conditions of the world outside
        await asyncio.sleep(1.0)
    await asyncio.sleep(1.0)


async def _proofs(world: World) -> None:
    """Proves the books after what events and rows have told, if no event was lost; then after a look at everything.

    Raises:
        Violation: something does not hold; also if looking at everything again has anything to do.
    """
    silent = not world.lost_events and not world.edits
    if silent:
        await catch_up(world, list(world.hinting._of_rows()))
        await proof.prove(world)
    before = world.wires.counts.documents
    await catch_up(world, world.hinting.everything())
    await proof.prove(world)
    again = world.wires.counts.documents - before
    if silent and again and not world.sessions.ask("SELECT 1 FROM parked LIMIT 1"):
        raise Violation(f"replay: to look at everything again made {again} calls to QBO")


async def catch_up(world: World, subjects: list[Subject]) -> None:
    """Has subjects looked at; what is parked is looked at again some times."""
    await world.hint(subjects)
    await settled(world)
    for _ in range(_REPLANS):
        world.loop.warp(20 * 60)
        found = world.sessions.ask(
            "UPDATE subjects SET retry_at = now() WHERE retry_at IS NOT NULL AND NOT queued RETURNING id"
        )
        if not found:
            return
        await settled(world)


async def settled(world: World) -> None:
    """Waits until no subject is dirty and no job is left.

    Raises:
        Violation: it never happens.
    """
    until = world.loop.time() + _LONGEST_S
    while world.loop.time() < until:
        await asyncio.sleep(_LOOK_EVERY_S)
        if world.errors:
            raise Violation(f"not expected: {world.errors[:3]}")
        if world.sessions.ask("SELECT 1 FROM qbo_connections WHERE lost_at IS NOT NULL"):
            raise Violation("disconnected: the product has lost a pair of tokens that reached it")
        dirty = world.sessions.ask(_DIRTY)[0][0]
        jobs = world.sessions.ask("SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')")[0][0]
        if not dirty and not jobs:
            return
    rows = world.sessions.ask(
        "SELECT kind, id, dirty, clean, queued, retry_at, failures, last_code FROM subjects"
        " WHERE dirty > clean OR queued ORDER BY id LIMIT 8"
    )
    jobs_left = world.sessions.ask(
        "SELECT id, status::text, lock, args::text, worker_id FROM procrastinate_jobs"
        " WHERE status IN ('todo', 'doing') ORDER BY id LIMIT 8"
    )
    raise Violation(f"never settles: {rows} {jobs_left} {world.errors[:3]}")


# --- what is changed in this process ----------------------------------------------------------------------------------


def _install(world: World) -> None:
    world.sessions.install()
    world.wires.install()
    chance = random.Random(f"ids {world.profile.settings.seed}")  # noqa: S311 - no secret
    replace_everywhere(uuid.uuid4, lambda: uuid.UUID(int=chance.getrandbits(128), version=4))
    uuid.uuid4 = lambda: uuid.UUID(int=chance.getrandbits(128), version=4)
    replace_everywhere(psycopg_pool.ConnectionPool, _OneConnection)
    _end_silent_sessions(world)
    _notify(world)
    for name, value in (("_POLL_S", 20.0), ("_WAKE_EVERY_S", world.profile.polling_s), ("_REAP_EVERY_S", 5.0)):
        assert hasattr(queue, name)
        setattr(queue, name, value)
    attempts._FLUSH_S = 1.0
    connection._WATCH_EVERY_S = 10.0
    read_budget._WATCH_EVERY_S = 30.0


def _end_silent_sessions(world: World) -> None:
    """PostgreSQL's view of its sessions tells the true time, so the world's own notes are asked instead."""

    async def end_silent(_: Any, *, silent_s: float = sessions.SILENT_AFTER_S) -> int:
        before_us = world.clock.true_ns() // 1000 - int(silent_s * 1e6)
        silent = [pid for pid, at_us in world.sessions.used_at_us.items() if at_us < before_us]
        rows = world.sessions.ask(
            "SELECT pid FROM pg_stat_activity AS activity WHERE pid = ANY(%s) AND application_name = ANY(%s)"
            " AND state = 'idle' AND EXISTS (SELECT FROM pg_locks WHERE pg_locks.pid = activity.pid"
            " AND locktype = 'advisory' AND granted) ORDER BY pid",
            silent,
            list(LOCK_SESSIONS),
        )
        world.sessions.end([pid for (pid,) in rows])
        return len(rows)

    assert replace_everywhere(sessions.end_silent, end_silent)


def _notify(world: World) -> None:
    """LISTEN and NOTIFY without a connection that is always read: who defers a job pokes the workers a little later."""

    async def listen(_: Any, on_notification: Callable[..., Any], channels: Any) -> None:
        event = asyncio.Event()
        mine = PROCESS.get()
        node: Node = next(one for one in world.nodes if one.process is mine)
        node.pokes.append(event)
        while True:
            await event.wait()
            event.clear()
            await on_notification(channel="simulated", payload='{"type": "job_inserted", "job_id": 0}')

    PsycopgConnector.listen_notify = listen  # type: ignore[method-assign]
    put, put_with_hints = jobs.put, jobs.put_with_hints

    async def then_poked(*arguments: Any) -> None:
        await put(*arguments)
        world.poke()

    async def with_hints_then_poked(*arguments: Any) -> Sequence[bool]:
        stored = await put_with_hints(*arguments)
        world.poke()
        return stored

    assert replace_everywhere(put, then_poked)
    assert replace_everywhere(put_with_hints, with_hints_then_poked)


class _OneConnection:
    """What a pool of one connection does, without threads."""

    def __init__(self, conninfo: str, *, kwargs: dict[str, Any] | None = None, check: Any = None, **_: Any) -> None:
        self._conninfo, self._kwargs, self._check = conninfo, kwargs or {}, check
        self._connection: psycopg.Connection[Any] | None = None

    @contextlib.contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[Any]:
        if not self._is_alive():
            self._connection = psycopg.connect(self._conninfo, **self._kwargs)
        assert self._connection is not None
        try:
            yield self._connection
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    def _is_alive(self) -> bool:
        if self._connection is None or self._connection.closed:
            return False
        if self._check is None:
            return True
        try:
            self._check(self._connection)
        except psycopg.Error:
            self._connection.close()
            return False
        return True

    @staticmethod
    def check_connection(connection: psycopg.Connection[Any]) -> None:
        connection.execute("")
        connection.rollback()

    def open(self, **_: Any) -> None:
        """It opens when it is used."""

    def close(self, **_: Any) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _listen_to_logs(world: World) -> None:
    """What the product warns of goes into the trace; what it did not expect is a finding."""

    def hear(_: Any, level: str, event: MutableMapping[str, Any]) -> Any:
        error = event.pop("exc_info", None)
        words = " ".join(f"{name}={value}" for name, value in event.items())
        process = PROCESS.get()
        world.note(process.name if process else "-", f"{level} {words}")
        if event.get("code") == "internal":
            shown = "".join(traceback.format_exception(error)[-4:]) if isinstance(error, Exception) else str(error)
            world.errors.append(f"{words} {shown}")
        raise structlog.DropEvent

    logging.disable(logging.CRITICAL)
    structlog.configure(
        processors=[hear],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        cache_logger_on_first_use=False,
    )


__all__ = ["Order", "Played", "play"]
