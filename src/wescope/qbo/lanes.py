"""Lanes: whether work is about what just happened or about a backlog, and until when it may send."""

from contextvars import ContextVar
from enum import StrEnum


class Lane(StrEnum):
    """`live` goes first and as single requests if need be; `backlog` goes in batches."""

    LIVE = "live"
    BACKLOG = "backlog"


LANE: ContextVar[Lane] = ContextVar("wescope_lane", default=Lane.LIVE)
"""The lane of the work that the current task does; the engine sets it for each run."""

SEND_BY: ContextVar[float | None] = ContextVar("wescope_send_by", default=None)
"""Until when (the event loop's time, in seconds) a write of the current task may leave; null if at any time.

Who stops between a write's intent and its sending, and wakes up late, must not send: another may have taken over.
"""
