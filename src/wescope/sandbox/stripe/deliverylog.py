"""Remembers which webhooks were delivered, also over restarts."""

from dataclasses import dataclass
from pathlib import Path

from wescope.sandbox.stripe.jsonlines import JsonLines


@dataclass(slots=True, kw_only=True)
class EventDelivery:
    """What happened to the webhook of one event so far."""

    event_id: str
    attempts: int = 0
    last_status: int | None = None
    delivered: bool = False


class DeliveryLog:
    """Attempts by event.

    Args:
        path: File to which every attempt is appended as a JSON line; None keeps them in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = JsonLines(path)
        self._events: dict[str, EventDelivery] = {}
        for attempt in self._file.read():
            self._record(**attempt)

    def record(self, event_id: str, *, status: int | None) -> None:
        """Note an attempt to deliver an event: the HTTP status, or None when there was no answer."""
        self._record(event_id=event_id, status=status)
        self._file.append({"event_id": event_id, "status": status})

    def delivered(self, event_id: str) -> bool:
        """Say whether an attempt succeeded."""
        return event_id in self._events and self._events[event_id].delivered

    def pending(self, event_id: str) -> int:
        """Return how many endpoints still wait for an event: one endpoint, until it answered 2xx."""
        return 0 if self.delivered(event_id) else 1

    def all(self) -> list[EventDelivery]:
        """Return every event that was tried, in order of its first attempt."""
        return list(self._events.values())

    def _record(self, *, event_id: str, status: int | None) -> None:
        event = self._events.setdefault(event_id, EventDelivery(event_id=event_id))
        event.attempts += 1
        event.last_status = status
        event.delivered = event.delivered or is_success(status)


def is_success(status: int | None) -> bool:
    """Say whether Stripe takes an HTTP status for a success; redirects are failures."""
    return status is not None and 200 <= status < 300  # noqa: PLR2004 # the 2xx class
