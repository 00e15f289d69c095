"""Events as Stripe keeps them: what happened in the last 30 days, and what of it was not delivered, page by page."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from wescope.errors import BodyInvalid
from wescope.stripe.client import PAGE_SIZE, StripeApi
from wescope.stripe.hints import EventHint, hint_of

_log = structlog.get_logger(__name__)

KEPT: Final = timedelta(days=30)
"""So long Stripe keeps events (facts/stripe.md 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """One page, the newest first: events that change a document, how many it had in all, and where the next one begins.

    `newest` is when the newest event of the page happened, whatever its type.
    """

    events: tuple[EventHint, ...]
    count: int
    cursor: str | None
    newest: datetime | None


class EventLister:
    """Reads Stripe's list of events; 100 are one call.

    Args:
        api: Stripe.
    """

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def page(self, since: datetime, cursor: str | None, *, undelivered: bool = False) -> EventPage:
        """A page of the list.

        Args:
            since: when they happened, at the earliest.
            cursor: Where the page begins, as the page before says; null for the first one.
            undelivered: Only those of which a delivery failed or is pending.

        Raises:
            ObjectNotFound: the event at which the page would begin is forgotten by now.
            StripeError: Stripe can't be read.
        """
        parameters: dict[str, Any] = {"created": {"gte": int(since.timestamp())}}
        if undelivered:
            parameters["delivery_success"] = False
        if cursor:
            parameters["starting_after"] = cursor
        page = await self._api.get("/v1/events", limit=PAGE_SIZE, **parameters)
        rows = page["data"]
        found = [hint for row in rows if (hint := _hint(row)) is not None]
        more = bool(page.get("has_more")) and bool(rows)
        return EventPage(
            events=tuple(hint for hint in found if hint.subject is not None),
            count=len(rows),
            cursor=str(rows[-1]["id"]) if more else None,
            newest=max((hint.created for hint in found), default=None),
        )


def _hint(payload: Any) -> EventHint | None:
    """The event's hint; null for one that cannot be read: a webhook with it would have been refused, too."""
    try:
        return hint_of(payload)
    except BodyInvalid as error:
        _log.warning("event cannot be read", code=error.code, field=str(error.details.get("field", "")))
        return None
