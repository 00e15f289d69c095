"""Receiving: a verified event of Stripe's becomes a durable hint, and its line in the log."""

import asyncio
from datetime import datetime

import structlog

from wescope.engine.lanes import lane_of_event
from wescope.engine.queue import HintQueue
from wescope.errors import DatabaseUnavailable
from wescope.links.subjects import Hint
from wescope.observe.logs import bound
from wescope.observe.traces import span
from wescope.stripe.hints import EventHint

_log = structlog.get_logger(__name__)


async def take_in(queue: HintQueue, event: EventHint, now: datetime) -> str:
    """Store the hint that an event is: `stored`, `duplicate`, `ignored` or `unknown`.

    Raises:
        DatabaseUnavailable: nothing is stored; Stripe must send it again.
    """
    subject = str(event.subject) if event.subject else None
    with bound(event_id=event.event_id, event_type=event.event_type, subject=subject):
        outcome = await _stored(queue, event, now)
        _log.info("webhook", outcome=outcome)
    return outcome


async def _stored(queue: HintQueue, event: EventHint, now: datetime) -> str:
    if event.subject is None:
        return "ignored" if event.known else "unknown"
    lane = lane_of_event(event.created, now).value
    try:
        with span("store hint", event_id=event.event_id, event_type=event.event_type, subject=str(event.subject)):
            hint = Hint(
                subject=event.subject,
                source="webhook",
                customer_id=event.customer_id,
                event_id=event.event_id,
                event_type=event.event_type,
                event_created_at=event.created,
                lane=lane,
            )
            return "stored" if await queue.accept(hint) else "duplicate"
    except (DatabaseUnavailable, asyncio.CancelledError):
        # The refusal's own line does not know the event: nobody waits for a database that hangs.
        _log.warning("webhook not stored", code=DatabaseUnavailable.code)
        raise
