"""Changing: update, and take back, what stands in QBO; what a person has edited since is named, not overwritten."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wescope.books.documents import Document
from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import Subject
from wescope.engine.comparison import holds
from wescope.engine.intents import content_of, side_request_id
from wescope.engine.locks import Lease
from wescope.engine.parks import Park, parked
from wescope.engine.plan import REBUILT, Step, adopted_entity, is_to_restore
from wescope.engine.sending import UNTOUCHED, Again, Sending
from wescope.engine.undone import tried
from wescope.errors import ObjectGone
from wescope.links.database import transaction
from wescope.links.store import Link, LinkState, Operation
from wescope.qbo.content import same_content, same_lines
from wescope.qbo.payloads import to_payload
from wescope.qbo.records import TAKEN_BACK_BY, Record, Written, parts
from wescope.qbo.verify import differences, edits, is_void

_DELETED = "Deleted"

UNTIL_TAKEN_BACK = "taken_back"
"""The detail `until` of an item that waits for a document to leave QBO, not to be posted."""


class Changing:
    """Updates and takes back."""

    def __init__(self, sending: Sending) -> None:
        """Take the way to links and QBO."""
        self._sending = sending

    async def update(self, step: Step, link: Link, subject: Subject, lease: Lease) -> None:
        """Make what stands equal to the document.

        Raises:
            Park: it was edited, its period is closed, QBO refused or stored something else.
        """
        sending, document = self._sending, step.document
        if entity := adopted_entity(link):
            await self._leave_adopted(step, link, entity, LinkState.ABSENT)
            return
        record = await self._standing(step, link)
        payload = to_payload(document, await sending.references(document, link.variant))
        if not is_to_restore(link) and holds(document, payload, record):
            # Whoever made it so: an older database that was restored does not know of its own last updates.
            await sending.post(step, link, record, document)
            return
        _check_unedited(document, link, record)
        _check_vouched(document, link, record, payload)
        await sending.check_open(document, link.txn_date, document.dates.txn)
        if not is_to_restore(link) and not differences(document, payload, record):
            await sending.post(step, link, record, document)
            return
        await sending.check_untried(step, payload)
        change = {**payload, "Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True}
        intent = sending.intent(step, subject, Operation.UPDATE, link.variant)

        async def call(again: Again) -> Written:
            return await sending.client.update(
                document.entity.value,
                change,
                request_id=intent.request_id,
                document_key=document.key,
                batch=again.batch,
                alone=again.alone,
            )

        sent = await sending.send(intent, lease, call, unwritten=LinkState.POSTED)
        if differing := differences(document, payload, sent.record):
            mark = tried(payload, link)
            held = await sending.end(
                sent.link,
                LinkState.POSTED,
                sync_token=str(sent.record["SyncToken"]),
                spent=True,
                recheck_at=sending.try_again_at(link, mark),
                tried=mark,
            )
            await self._restore(held, document, lease, content_of(record, payload), sent.record)
            raise Park(parked(document, ParkCode.ANSWER_DIFFERS, differences=" ".join(differing)))
        await sending.post(step, sent.link, sent.record, document)

    async def _leave_adopted(self, step: Step, link: Link, entity: str, gone: LinkState) -> None:
        """What somebody else made is theirs: it is named, or forgotten if they have removed it."""
        record = await self._sending.client.read(entity, link.qbo_id or "")
        if record is not None and not is_void(record):
            details = {"qbo_id": link.qbo_id or "", "adopted": entity, "wanted": step.document.existence.value}
            raise Park(parked(step.document, ParkCode.LOOKS_LIKE, **details))
        await self._sending.end(link, gone, spent=True)

    async def _standing(self, step: Step, link: Link) -> Record:
        record = await self._sending.client.read(step.document.entity.value, link.qbo_id or "")
        if record is None:
            raise Park(parked(step.document, ParkCode.MISSING_IN_QBO, qbo_id=link.qbo_id or ""))
        if is_void(record) and link.amount:
            raise Park(parked(step.document, ParkCode.EDITED_IN_QBO, qbo_id=link.qbo_id or "", fields="voided"))
        return record

    async def _restore(
        self, held: Link, document: Document, lease: Lease, content: Mapping[str, Any], after: Record
    ) -> None:
        """Give a document that an update left wrong the content that it had before."""
        sending, qbo_id, sync_token = self._sending, str(after["Id"]), str(after["SyncToken"])
        await lease.check()
        with sending.in_time():
            restored = await sending.client.update(
                document.entity.value,
                {**content, "Id": qbo_id, "SyncToken": sync_token, "sparse": True},
                request_id=side_request_id("restore", sending.store.realm_id, document.key, qbo_id, sync_token),
                document_key=document.key,
            )
        await sending.end(held, LinkState.POSTED, sync_token=str(restored.record["SyncToken"]))

    # --- taking back ------------------------------------------------------------------------------------------------

    async def take_back(
        self, step: Step, link: Link, subject: Subject, lease: Lease, record: Record | None = None
    ) -> None:
        """Void what stands, or delete it where QBO has no void (facts/qbo.md 2.3).

        `record` is what QBO holds, if it was read just now: should it be older after all, QBO refuses its SyncToken.

        Raises:
            Park: it was edited, its period is closed, something must be taken back before it, or QBO refused.
        """
        sending, document = self._sending, step.document
        if entity := adopted_entity(link):
            await self._leave_adopted(step, link, entity, LinkState.VOIDED)
            return
        record = record or await sending.client.read(document.entity.value, link.qbo_id or "")
        if record is None or is_void(record):
            await sending.end(link, LinkState.VOIDED, spent=True)
            return
        _check_unedited(document, link, record)
        await sending.check_open(document, link.txn_date)
        await self._check_unblocked(document)
        intent = sending.intent(step, subject, Operation.VOID, link.variant)

        async def call(again: Again) -> Written:
            return await self._remove(document, record, intent.request_id, again)

        try:
            sent = await sending.send(intent, lease, call, unwritten=LinkState.POSTED)
        except Park as park:
            raise Park(_with_links(park.item, record)) from park
        sync_token = sent.record.get("SyncToken")
        if not is_gone(sent.record):
            await sending.end(sent.link, LinkState.POSTED, sync_token=sync_token, spent=True)
            raise Park(parked(document, ParkCode.ANSWER_DIFFERS, differences="not_void"))
        await sending.end(sent.link, LinkState.VOIDED, sync_token=sync_token, spent=True)

    async def _remove(self, document: Document, record: Record, request_id: str, again: Again) -> Written:
        client, entity, qbo_id = self._sending.client, document.entity.value, str(record["Id"])
        remove = client.delete if TAKEN_BACK_BY[document.entity] == "delete" else client.void
        sync_token = str(record["SyncToken"])
        try:
            return await remove(
                entity,
                qbo_id,
                sync_token,
                request_id=request_id,
                document_key=document.key,
                batch=again.batch,
                alone=again.alone,
            )
        except ObjectGone:
            # The object itself, or something that it names.
            if await client.read(entity, qbo_id) is not None:
                raise
            return Written(record={"Id": qbo_id, "status": _DELETED}, intuit_tid="")

    async def _check_unblocked(self, document: Document) -> None:
        async with transaction(self._sending.engine) as connection:
            found = await self._sending.store.load(connection, document.blockers)
        for key in document.blockers:
            link = found.get(key)
            if link is not None and (link.unsettled or link.state is LinkState.POSTED):
                raise Park(parked(document, ParkCode.WAITING, waiting_on=key, until=UNTIL_TAKEN_BACK))


def is_gone(record: Record) -> bool:
    """Whether the answer to a void or a delete says that it was done."""
    return record.get("status") == _DELETED or is_void(record)


def edited_fields(document: Document, link: Link, record: Record) -> tuple[str, ...]:
    """What somebody has changed since the document was posted: names of fields. Its SyncToken does not count."""
    if is_to_restore(link):
        return ()
    return edits(document, record, amount=link.amount, txn_date=link.txn_date) or _content_edits(link, record)


def _check_unedited(document: Document, link: Link, record: Record) -> None:
    if changed := edited_fields(document, link, record):
        raise Park(parked(document, ParkCode.EDITED_IN_QBO, qbo_id=link.qbo_id or "", fields=" ".join(changed)))


def _check_vouched(document: Document, link: Link, record: Record, payload: Mapping[str, Any]) -> None:
    """Of what was found after the database was lost, only what nobody has touched since it was made is written over."""
    if link.fingerprint != REBUILT or record.get("SyncToken") == UNTOUCHED:
        return
    if codes := differences(document, payload, record):
        fields = " ".join(dict.fromkeys(code.partition(":")[0] for code in codes))
        raise Park(parked(document, ParkCode.EDITED_IN_QBO, qbo_id=link.qbo_id or "", fields=fields))


def _content_edits(link: Link, record: Record) -> tuple[str, ...]:
    """What amount and date do not show. The lines of a payment also change when what it pays is taken back."""
    if link.content is None:
        return ()
    found = [] if same_content(link.entity, link.content, record, lines=False) else ["content"]
    if link.entity != "Payment" and not same_lines(link.entity, link.content, record):
        found.append("Line")
    return tuple(found)


def _with_links(item: Parked, record: Record) -> Parked:
    """A refusal with what the record is linked to, which is mostly why QBO refuses."""
    linked = [f"{one.get('TxnType')}.{one.get('TxnId')}" for one in _linked(record)]
    return replace(item, details={**item.details, "linked": " ".join(linked)}) if linked else item


def _linked(record: Record) -> list[Mapping[str, Any]]:
    own = parts(record, "LinkedTxn")
    return own or [one for line in parts(record, "Line") for one in parts(line, "LinkedTxn")]
