"""Accepting: what QBO answered or holds against what was meant - posted if it is equal, else taken back and named."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wescope.books.documents import Document, Entity
from wescope.books.parking import ParkCode
from wescope.books.subjects import Subject
from wescope.engine.intents import side_request_id
from wescope.engine.locks import Lease
from wescope.engine.parks import Park, parked
from wescope.engine.plan import Step
from wescope.engine.sending import Sending
from wescope.links.store import LinkState, Operation
from wescope.qbo.lookup import Found
from wescope.qbo.records import Record, Written
from wescope.qbo.verify import differences, is_void

NOT_AS_MEANT = "differs"
"""The fingerprint of what stands in QBO and is no document of ours as we meant it."""

# The SyncToken of what nobody has changed since it was created (facts/qbo.md 2.2).
_UNTOUCHED = "0"


class Accepting:
    """Compares and posts; a wrong document never stays."""

    def __init__(self, sending: Sending) -> None:
        """Take the way to links and QBO."""
        self._sending = sending

    async def accept(
        self, step: Step, subject: Subject, lease: Lease, payload: Mapping[str, Any], record: Record
    ) -> None:
        """Compare QBO's answer with the intent: equal is posted, different is taken back.

        Raises:
            Park: it differs.
        """
        document = step.document
        differing = differences(document, payload, record)
        if not differing:
            await self._sending.post(step, record, document)
            return
        details: dict[str, str | int] = {"differences": " ".join(differing)}
        if document.entity is not Entity.CUSTOMER:  # names cannot be deleted, and carry no amount
            details |= await self.undo(step, subject, lease, record)
        raise Park(parked(document, ParkCode.ANSWER_DIFFERS, **details))

    async def accept_found(
        self, step: Step, subject: Subject, lease: Lease, payload: Mapping[str, Any], found: Found
    ) -> None:
        """As `accept`, for what a look-up found: meanwhile somebody may have edited it, and that is not taken back.

        Raises:
            Park: it differs, or there are several of it.
        """
        document, record = step.document, found.record
        await self.remove_duplicates(document, lease, found)
        differing = differences(document, payload, record)
        if differing and record["SyncToken"] != _UNTOUCHED:
            await self._sending.post(step, record, None, NOT_AS_MEANT)
            fields = " ".join(differing)
            raise Park(parked(document, ParkCode.EDITED_IN_QBO, qbo_id=str(record["Id"]), fields=fields))
        await self.accept(step, subject, lease, payload, record)

    async def remove_duplicates(self, document: Document, lease: Lease, found: Found) -> None:
        """Take back what two lost attempts have both left, unless somebody has used it since.

        Raises:
            Park: a duplicate was used.
        """
        used = []
        client, entity = self._sending.client, document.entity
        for qbo_id in found.others:
            record = await client.read(entity.value, qbo_id)
            if record is None or is_void(record):
                continue
            if entity is Entity.CUSTOMER or record["SyncToken"] != _UNTOUCHED:
                used.append(qbo_id)
                continue
            await lease.check()
            request = side_request_id("duplicate", self._sending.store.realm_id, entity.value, qbo_id)
            await client.delete(entity.value, qbo_id, _UNTOUCHED, request_id=request, document_key=document.key)
        if used:
            raise Park(parked(document, ParkCode.ANSWER_DIFFERS, duplicates=" ".join(used)))

    async def undo(self, step: Step, subject: Subject, lease: Lease, record: Record) -> dict[str, str | int]:
        """Take back what QBO stored otherwise than it was sent; the intent to do so outlives this process.

        Returns:
            Nothing if it is taken back; else what still stands, and the fault with which QBO refused.
        """
        sending, document = self._sending, step.document
        link = await sending.link(document.key)
        qbo_id, sync_token = str(record["Id"]), str(record["SyncToken"])
        seen = replace(step, link=link)
        intent = replace(
            sending.intent(seen, subject, Operation.DELETE, link.variant if link else 0),
            qbo_id=qbo_id,
            sync_token=sync_token,
        )

        async def call() -> Written:
            return await sending.client.delete(
                document.entity.value, qbo_id, sync_token, request_id=intent.request_id, document_key=document.key
            )

        try:
            await sending.send(intent, lease, call, unwritten=LinkState.INTENDED)
        except Park as park:
            return {"qbo_id": qbo_id, "fault_code": park.item.details.get("fault_code", "")}
        await sending.end(document.key, LinkState.ABSENT, spent=True)
        return {}
