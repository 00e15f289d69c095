"""Webhooks: tells an address what was changed, signed, in either of Intuit's shapes, with its retries made short.

Facts/qbo.md 3.2. Off unless the knob `webhooks` says otherwise. Changes are gathered for a moment and go together, as
Intuit does it; whoever made a change, the product or a person, is not told.
"""

import asyncio
import base64
import contextlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import httpx2

from wescope.sandbox.qbo.knobs import Knobs

RETRY_S = (10, 20, 30, 300, 1200, 7200, 14_400, 21_600)
"""Seconds between attempts; the last one repeats at Intuit, and ends it here."""

SIGNATURE = "intuit-signature"
PATIENCE_S = 3.0
_GOOD = 200
_LEGACY: Mapping[str, str] = MappingProxyType(
    {"created": "Create", "updated": "Update", "deleted": "Delete", "voided": "Void", "merged": "Merge"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object that was changed: `operation` is created, updated, deleted, voided or merged."""

    operation: str
    entity: str
    id: str
    deleted_id: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def body_of(changes: Sequence[Change], realm_id: str, *, legacy: bool, number: int) -> str:
    """Writes the body of a delivery.

    Args:
        changes: what it tells.
        realm_id: the company.
        legacy: as `eventNotifications`, otherwise as CloudEvents.
        number: of the delivery; its events' ids are made of it.

    Returns:
        The JSON text.
    """
    if legacy:
        entities = [
            {
                "name": one.entity,
                "id": one.id,
                "operation": _LEGACY[one.operation],
                "lastUpdated": one.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                **({"deletedId": one.deleted_id} if one.deleted_id else {}),
            }
            for one in changes
        ]
        notification = {"realmId": realm_id, "dataChangeEvent": {"entities": entities}}
        return json.dumps({"eventNotifications": [notification]})
    events: list[dict[str, Any]] = [
        {
            "specversion": "1.0",
            "id": f"sandbox-{realm_id}-{number}-{index}",
            "source": "intuit.sandbox",
            "type": f"qbo.{one.entity.lower()}.{one.operation}.v1",
            "datacontenttype": "application/json",
            "time": one.at.isoformat().replace("+00:00", "Z"),
            "intuitentityid": one.id,
            "intuitaccountid": realm_id,
            "data": {"deletedid": one.deleted_id} if one.deleted_id else {},
        }
        for index, one in enumerate(changes)
    ]
    return json.dumps(events)


def sign(body: bytes, verifier: str) -> str:
    """Returns the header `intuit-signature` of a body."""
    return base64.b64encode(hmac.digest(verifier.encode(), body, "sha256")).decode()


class Notifier:
    """Gathers changes and delivers them, while `run` runs.

    Args:
        realm_id: the company.
        knobs: the switches as they stand.
    """

    def __init__(self, realm_id: str, knobs: Callable[[], Knobs]) -> None:
        self._realm_id = realm_id
        self._knobs = knobs
        self._waiting: list[Change] = []
        self._woken = asyncio.Event()
        self._number = 0
        self.statuses: list[int | None] = []
        """What every attempt was answered; null for no answer."""

    def note(self, change: Change) -> None:
        """Remembers a change if webhooks are on, and it is one."""
        if self._knobs().webhooks != "off" and self._knobs().webhook_url and change.operation in _LEGACY:
            self._waiting.append(change)
            self._woken.set()

    async def run(self) -> None:
        """Delivers what is changed, one delivery after another as Intuit does it, until it is canceled."""
        async with httpx2.AsyncClient(timeout=PATIENCE_S) as client:
            while True:
                await self._woken.wait()
                await asyncio.sleep(self._knobs().webhook_gather_ms / 1000)
                self._woken.clear()
                told, self._waiting = self._waiting, []
                if told:
                    await self._deliver(client, told)

    async def _deliver(self, client: httpx2.AsyncClient, told: Sequence[Change]) -> None:
        knobs = self._knobs()
        self._number += 1
        text = body_of(told, self._realm_id, legacy=knobs.webhooks == "legacy", number=self._number)
        for pause_s in (0, *RETRY_S):
            await asyncio.sleep(pause_s * knobs.webhook_hour_ms / 3_600_000)
            status = await self._attempt(client, text.encode())
            self.statuses.append(status)
            if status == _GOOD:
                return

    async def _attempt(self, client: httpx2.AsyncClient, body: bytes) -> int | None:
        knobs = self._knobs()
        headers = {"Content-Type": "application/json", SIGNATURE: sign(body, knobs.webhook_verifier)}
        with contextlib.suppress(httpx2.HTTPError):
            return (await client.post(knobs.webhook_url, content=body, headers=headers)).status_code
        return None
