"""Undone: how a link remembers that QBO stores a content otherwise than it is sent, and when it is tried again. Pure.

Without it every hint would write the document and take it back again (facts/qbo.md 2.2, silent drops).
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from wescope.links.store import Link
from wescope.qbo import wire

_PREFIX = "undone"
_FIRST, _LAST = timedelta(minutes=5), timedelta(hours=6)
_MOST_DOUBLINGS = 10


def tried(payload: Mapping[str, Any], before: Link | None) -> str:
    """What a link has for the fingerprint of what was last sent, once QBO has stored that otherwise.

    Args:
        payload: what was sent.
        before: the link from which it was decided; it counts how often this happened in a row.
    """
    return f"{_PREFIX}:{_times(before) + 1}:{_digest(payload)}"


def is_tried(link: Link | None, payload: Mapping[str, Any]) -> bool:
    """Whether QBO has stored this very content otherwise when it was last sent."""
    return link is not None and link.intent_fingerprint == f"{_PREFIX}:{_times(link)}:{_digest(payload)}"


def was_undone(link: Link | None) -> bool:
    """Whether QBO has stored what was last sent otherwise."""
    return _times(link) > 0


def wait(mark: str) -> timedelta:
    """How long until the same content is sent again: doubling from five minutes to six hours."""
    doublings = max(0, min(_times_in(mark) - 1, _MOST_DOUBLINGS))
    return min(_LAST, _FIRST * (1 << doublings))


def _times(link: Link | None) -> int:
    return _times_in(link.intent_fingerprint) if link else 0


def _times_in(mark: str) -> int:
    prefix, _, rest = mark.partition(":")
    return int(rest.partition(":")[0]) if prefix == _PREFIX else 0


def _digest(payload: Mapping[str, Any]) -> str:
    return hashlib.sha256(wire.dumps(payload).encode()).hexdigest()[:32]
