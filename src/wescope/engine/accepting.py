"""Accepting: what QBO answered or holds against what was meant - posted if it is equal, else taken back and named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from wescope.books.documents import Document, Entity
from wescope.books.parking import ParkCode
from wescope.books.subjects import Subject
from wescope.engine.locks import Lease
from wescope.engine.parks import Park, parked
from wescope.engine.plan import Step
from wescope.engine.releasing import Releasing
from wescope.engine.sending import UNTOUCHED, Again, Sending, Sent, held_by
from wescope.engine.undone import tried
from wescope.links.store import LinkState, Operation
from wescope.qbo.lookup import Found
from wescope.qbo.records import Record, Written
from wescope.qbo.verify import differences, is_void, leftovers

NOT_AS_MEANT = "differs"
"""The fingerprint of what stands in QBO and is no document of ours as we meant it."""


class Accepting:
    """Compares and posts; a wrong document never stays."""

    def __init__(self, sending: Sending) -> None:
        """Take the way to links and QBO."""
        self._sending = sending
        self._releasing = Releasing(sending)

    async def accept(self, step: Step, sent: Sent, subject: Subject, lease: Lease, payload: Mapping[str, Any]) -> None:
        """Compare QBO's answer with the intent: equal is posted, different is taken back.

        Args:
            step: from which the intent was made.
            sent: the answer, and the link with the intent.
            subject: whose document it is.
            lease: checked before anything is written.
            payload: what was sent.

        Raises:
            Park: it differs.
        """
        document = step.document
        record = await self._releasing.release(document, sent.record, lease, fresh=True)
        differing = (*differences(document, payload, record), *leftovers(document, record))
        mark, step = tried(payload, step.link), replace(step, link=sent.link)
        await self._post_or_undo(step, record, differing, subject, lease, mark)

    async def _post_or_undo(  # noqa: PLR0917 - private
        self, step: Step, record: Record, differing: Sequence[str], subject: Subject, lease: Lease, mark: str
    ) -> None:
        document = step.document
        if not differing:
            await self._sending.post(step, held_by(step), record, document)
            return
        details: dict[str, str | int] = {"differences": " ".join(differing)}
        if document.entity is not Entity.CUSTOMER:  # names cannot be deleted, and carry no amount
            details |= await self.undo(step, subject, lease, record, mark)
        raise Park(parked(document, ParkCode.ANSWER_DIFFERS, **details))

    async def accept_found(
        self, step: Step, subject: Subject, lease: Lease, payload: Mapping[str, Any], found: Found
    ) -> None:
        """As `accept`, for what a look-up found: meanwhile somebody may have edited it, and that is not taken back.

        Raises:
            Park: it differs, or there are several of it.
        """
        document = step.document
        await self.remove_duplicates(document, lease, found.others)
        record = await self._releasing.release(document, found.record, lease, fresh=False)
        differing = differences(document, payload, record)
        if differing and record["SyncToken"] != UNTOUCHED:
            await self._sending.post(step, held_by(step), record, None, NOT_AS_MEANT)
            fields = " ".join(differing)
            raise Park(parked(document, ParkCode.EDITED_IN_QBO, qbo_id=str(record["Id"]), fields=fields))
        await self._post_or_undo(step, record, differing, subject, lease, tried(payload, step.link))

    async def remove_duplicates(self, document: Document, lease: Lease, ids: Iterable[str]) -> None:
        """Take back what two lost attempts have both left, unless somebody has used it since.

        Raises:
            Park: a duplicate was used.
        """
        used = []
        client, entity = self._sending.client, document.entity
        for qbo_id in ids:
            record = await client.read(entity.value, qbo_id)
            if record is None or is_void(record):
                continue
            if entity is Entity.CUSTOMER or record["SyncToken"] != UNTOUCHED:
                used.append(qbo_id)
                continue
            if not await self._sending.remove(lease, entity.value, qbo_id, UNTOUCHED, document.key):
                used.append(qbo_id)
        if used:
            raise Park(parked(document, ParkCode.ANSWER_DIFFERS, duplicates=" ".join(used)))

    async def undo(self, step: Step, subject: Subject, lease: Lease, record: Record, mark: str) -> dict[str, str | int]:
        """Take back what QBO stored otherwise than it was sent; the intent to do so outlives this process.

        Args:
            step: with the link as it is held.
            subject: whose document it is.
            lease: checked before anything is done.
            record: as it stands in QBO.
            mark: what the link remembers of the content (`wescope.engine.undone`).

        Returns:
            Nothing if it is taken back; else what still stands, and the fault with which QBO refused.
        """
        sending, document, held = self._sending, step.document, held_by(step)
        qbo_id, sync_token = str(record["Id"]), str(record["SyncToken"])
        intent = replace(
            sending.intent(step, subject, Operation.DELETE, held.variant),
            qbo_id=qbo_id,
            sync_token=sync_token,
            fingerprint=mark,
            recheck_at=sending.try_again_at(held, mark),
        )

        async def call(again: Again) -> Written:
            return await sending.client.delete(
                document.entity.value,
                qbo_id,
                sync_token,
                request_id=intent.request_id,
                document_key=document.key,
                batch=again.batch,
                alone=again.alone,
            )

        try:
            sent = await sending.send(intent, lease, call, unwritten=LinkState.INTENDED)
        except Park as park:
            return {"qbo_id": qbo_id, "fault_code": park.item.details.get("fault_code", "")}
        await sending.end(sent.link, LinkState.ABSENT, spent=True)
        return {}
