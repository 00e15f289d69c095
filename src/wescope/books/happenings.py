"""Happenings: the steps of an invoice's story, and what comes first of one second."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, auto


class Rank(IntEnum):
    """What comes first of one second."""

    BALANCE = auto()
    ISSUE = auto()
    NOTE = auto()
    MARK = auto()
    PAYMENT = auto()
    VOID = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One step of the story: when (UTC), its rank within a second, and what it does."""

    at: datetime
    rank: Rank
    key: str
    tell: Callable[[], None]
