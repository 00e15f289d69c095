"""The event log: what happened, with the object as it was at that moment."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wescope.sandbox.stripe.ids import Identifiers
from wescope.sandbox.stripe.rendering import Renderer
from wescope.sandbox.stripe.store import Resource, Store
from wescope.sandbox.stripe.versions import LATEST, legacy_links, render_version

# Stripe gives the events of money movements ids of the third generation.
_THIRD_GENERATION = ("charge.", "payment_intent.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """An event: the newest rendering of its object at that moment, and what older renderings need besides.

    ``payload`` is the event without ``data``, ``pending_webhooks`` and ``api_version``.
    """

    payload: Resource
    snapshot: Resource
    links: Resource
    previous_attributes: Resource | None
    thin_id: str
    as_recorded: str | None = None

    @property
    def event_id(self) -> str:
        """The id of the snapshot event."""
        return str(self.payload["id"])

    @property
    def kind(self) -> str:
        """The event's type, ``invoice.paid``."""
        return str(self.payload["type"])

    @property
    def created(self) -> int:
        """Unix seconds."""
        return int(self.payload["created"])


class EventLog:
    """All events of an account in the order in which they happened.

    Args:
        ids: Makes event ids.
        store: To render older versions.
        renderer: To take snapshots.
    """

    def __init__(self, *, ids: Identifiers, store: Store, renderer: Renderer) -> None:
        self._ids = ids
        self._store = store
        self._renderer = renderer
        self._events: dict[str, LoggedEvent] = {}
        self._thin: dict[str, str] = {}

    def emit(
        self,
        kind: str,
        resource: Resource,
        at: int,
        *,
        previous: Resource | None = None,
        as_recorded: str | None = None,
    ) -> LoggedEvent:
        """Log that ``kind`` happened to ``resource``.

        Args:
            kind: Stripe's event type.
            resource: The stored object, after the change.
            at: Unix seconds.
            previous: Values before, for ``*.updated``.
            as_recorded: API version in which ``resource`` was recorded; it is then never rendered otherwise.
        """
        generation = "evt_3" if kind.startswith(_THIRD_GENERATION) else "evt_1"
        event_id = self._ids.dated(generation, at)
        event = LoggedEvent(
            payload={
                "id": event_id,
                "object": "event",
                "created": at,
                "livemode": False,
                "request": {"id": None, "idempotency_key": None},
                "type": kind,
            },
            snapshot=self._renderer.render(resource),
            links={} if as_recorded else legacy_links(self._store, resource),
            previous_attributes=previous,
            thin_id=self._ids.thin(event_id),
            as_recorded=as_recorded,
        )
        self._events[event_id] = event
        self._thin[event.thin_id] = event_id
        return event

    def add_recorded(self, recorded: Resource) -> LoggedEvent:
        """Log a recorded event with its own id, time and API version; its object is shown as it was recorded."""
        names = ("id", "object", "created", "livemode", "request", "type")
        event = LoggedEvent(
            payload={name: recorded.get(name) for name in names},
            snapshot=recorded["data"]["object"],
            links={},
            previous_attributes=recorded["data"].get("previous_attributes"),
            thin_id=self._ids.thin(recorded["id"]),
            as_recorded=recorded.get("api_version") or LATEST,
        )
        self._events[event.event_id] = event
        self._thin[event.thin_id] = event.event_id
        return event

    def all(self) -> list[LoggedEvent]:
        """Return every event, oldest first."""
        return list(self._events.values())

    def get(self, event_id: str) -> LoggedEvent | None:
        """Return the event with this snapshot id."""
        return self._events.get(event_id)

    def by_thin_id(self, thin_id: str) -> LoggedEvent | None:
        """Return the event whose thin notification has this id."""
        return self._events.get(self._thin.get(thin_id, ""))

    def snapshot_body(self, event: LoggedEvent, *, pending_webhooks: int, version: str = LATEST) -> Resource:
        """Return the snapshot event as Stripe sends and serves it.

        Args:
            event: The event.
            pending_webhooks: Deliveries still to succeed.
            version: API version of the endpoint or account.
        """
        if event.as_recorded is None:
            shown = render_version(self._store, event.snapshot, event.links, version)
        else:
            shown, version = event.snapshot, event.as_recorded
        data: dict[str, Any] = {"object": shown}
        if event.previous_attributes is not None:
            data["previous_attributes"] = event.previous_attributes
        body = {**event.payload, "api_version": version, "data": data, "pending_webhooks": pending_webhooks}
        return dict(sorted(body.items(), key=lambda item: (item[0] != "id", item[0] != "object", item[0])))

    def thin_body(self, event: LoggedEvent, *, full: bool = False) -> Resource:
        """Return the thin notification of an event (facts/stripe.md 3).

        Args:
            event: The event.
            full: As ``/v2/core/events`` serves it, with the id of the snapshot event.
        """
        kind, identifier = str(event.snapshot["object"]), event.snapshot.get("id")
        # A balance or a preview of an invoice has no id, so nothing can be related to it.
        related = {"id": identifier, "type": kind, "url": f"/v1/{kind}s/{identifier}"} if identifier else None
        created = datetime.fromtimestamp(event.created, tz=UTC)
        body: Resource = {
            "id": event.thin_id,
            "object": "v2.core.event",
            "type": f"v1.{event.kind}",
            "livemode": False,
            "created": created.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "related_object": related,
        }
        return body | {"snapshot_event": event.event_id, "changes": None} if full else body
