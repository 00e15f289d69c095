"""Runs worlds, each in a forked process of its own, on a PostgreSQL server that they share; shrinks what fails."""

import contextlib
import itertools
import multiprocessing
import os
import pickle
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.simulation.engine import postgres
from tests.simulation.engine.play import Order, Played, play

LONGEST_WORLD_S = 600.0
_PART = 1 << 20
_numbers = itertools.count(1)


@contextlib.contextmanager
def ground() -> Iterator[str]:
    """A server for worlds; yields its address."""
    with tempfile.TemporaryDirectory(prefix="wescope-simulation-") as folder:
        Path(folder).chmod(0o755)  # the server may run as another user
        with postgres.server(Path(folder) / "home") as url:
            yield url


def played(order: Order, server_url: str, *, longest_s: float = LONGEST_WORLD_S) -> Played:
    """Plays one world in a forked process: whatever it changes in this one is gone afterwards."""
    name = f"world_{os.getpid()}_{next(_numbers)}"
    url = postgres.create(server_url, name)
    try:
        return _forked(lambda: play(order, url), order, longest_s)
    finally:
        postgres.drop(server_url, name)


def _forked(work: Callable[[], Played], order: Order, longest_s: float) -> Played:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _tell(work, order, writing)
    os.close(writing)
    until = time.monotonic() + longest_s
    parts = []
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, until - time.monotonic()))
        part = os.read(reading, _PART) if ready else b""
        if not part:
            break
        parts.append(part)
    os.close(reading)
    if not parts:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if not parts:
        return _broken(order, "hangs: the world did not end in real time")
    found: Played = pickle.loads(b"".join(parts))  # noqa: S301 - from our own fork
    return found


def _tell(work: Callable[[], Played], order: Order, writing: int) -> None:
    """In the forked process: plays, tells, and ends without running anything else."""
    try:
        try:
            found = work()
        except BaseException as error:  # noqa: BLE001 - told, whatever it is
            found = _broken(order, "".join(traceback.format_exception(error)[-8:]))
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(found, pipe)
    finally:
        os._exit(0)


def _broken(order: Order, problem: str) -> Played:
    return Played(seed=order.seed, steps=0, problem=problem, trace_hash="", virtual_s=0, real_s=0)


# --- many -------------------------------------------------------------------------------------------------------------


def many(orders: Iterator[Order], *, processes: int) -> Iterator[Played]:
    """Plays orders on several processes with a server each, and yields how they ended as they do."""
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(ground()) for _ in range(processes)]
        context = multiprocessing.get_context("spawn")
        waiting: Any = context.SimpleQueue()
        for url in urls:
            waiting.put(url)
        pool = stack.enter_context(context.Pool(processes, initializer=_take_ground, initargs=(waiting,)))
        running = [pool.apply_async(_play_here, (order,)) for order in itertools.islice(orders, processes * 2)]
        while running:
            running[0].wait(0.05)
            for done in [one for one in running if one.ready()]:
                running.remove(done)
                running += [pool.apply_async(_play_here, (order,)) for order in itertools.islice(orders, 1)]
                yield done.get()


_here: list[str] = []


def _take_ground(waiting: Any) -> None:
    _here.append(waiting.get())


def _play_here(order: Order) -> Played:
    return played(order, _here[0])


# --- shrinking --------------------------------------------------------------------------------------------------------


def shrunk(order: Order, failure: Played, server_url: str, *, seconds: float) -> tuple[Order, Played]:
    """The same kind of failure with fewer decisions, as far as the time allows."""
    until = time.monotonic() + seconds
    size = max(1, len(failure.taken) // 2)
    while size and time.monotonic() < until:
        start, progress = 0, False
        while start < len(failure.taken) and time.monotonic() < until:
            fewer = replace(order, left_out=order.left_out | set(failure.taken[start : start + size]))
            found = played(fewer, server_url, longest_s=60)
            sys.stderr.write(f"shrinking: {len(found.taken)} decisions, {found.problem[:60]!r}\n")
            if found.problem and kind(found) == kind(failure):
                order, failure, progress = fewer, found, True
            else:
                start += size
        size = size // 2 if size > 1 or not progress else 1
    return order, failure


def kind(failure: Played) -> str:
    """What sort of problem: its first words, without ids and amounts."""
    return failure.problem.partition(":")[0]


def seeds(first: int, plant: str) -> Iterator[Order]:
    """Orders of one seed after the other, for ever."""
    return (Order(seed=seed, plant=plant) for seed in itertools.count(first))
