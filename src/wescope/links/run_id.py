"""The run that the current task works for: what it creates in QBO is stored with the run's id."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

RUN_ID: ContextVar[int | None] = ContextVar("wescope_run_id", default=None)
"""The backfill, replay or other run (table `runs`) that asked for the current work; null if nobody's did."""


@contextlib.contextmanager
def in_run(run_id: int | None) -> Iterator[None]:
    """Have what is created within the block stored as that of this run."""
    token = RUN_ID.set(run_id)
    try:
        yield
    finally:
        RUN_ID.reset(token)
