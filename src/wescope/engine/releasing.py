"""Releasing: take off a new document what QBO has applied to it by itself (AutoApplyCredit, AutoApplyPayments).

Both preferences are on in many companies (facts/qbo.md 4.2). What pays an invoice is decided in Stripe, so a credit
that QBO links unasked goes back to being open. What a person has applied is never touched.
"""

from datetime import datetime, timedelta
from typing import Any

from wescope.books.documents import Document
from wescope.engine.intents import lines_of
from wescope.engine.locks import Lease
from wescope.engine.sending import UNTOUCHED, Sending
from wescope.errors import QboRefused
from wescope.qbo import wire
from wescope.qbo.payloads import has_any_marker
from wescope.qbo.records import Record, parts, reference
from wescope.qbo.verify import leftovers

_PAYMENT = "Payment"
# QBO makes the payment of zero that applies a credit within the request that made the document.
_TOGETHER = timedelta(seconds=5)


class Releasing:
    """Finds what QBO has applied by itself, and takes it off."""

    def __init__(self, sending: Sending) -> None:
        """Take the way to links and QBO."""
        self._sending = sending

    async def release(self, document: Document, record: Record, lease: Lease, *, fresh: bool) -> Record:
        """The document's record without what QBO applied to it; the same one if there was nothing.

        Args:
            document: just created.
            record: as QBO answered or as it was found.
            lease: checked before anything is done.
            fresh: it is the answer to the creation, so that nobody else can have applied anything yet.

        Raises:
            QboError: QBO does not answer.
        """
        if not leftovers(document, record):
            return record
        linked = [str(one.get("TxnId")) for one in parts(record, "LinkedTxn") if one.get("TxnType") == _PAYMENT]
        released = [await self._let_go(document, record, payment, lease, fresh=fresh) for payment in linked]
        if not any(released):
            return record
        return await self._sending.client.read(document.entity.value, str(record["Id"])) or record

    async def _let_go(self, document: Document, record: Record, payment_id: str, lease: Lease, *, fresh: bool) -> bool:
        payment = await self._sending.client.read(_PAYMENT, payment_id)
        if payment is None:
            return False
        if fresh and has_any_marker(payment):
            return await self._unlink(document, record, payment, lease)
        made_by_qbo = wire.decimal(payment.get("TotalAmt")) == 0 and payment["SyncToken"] == UNTOUCHED
        if has_any_marker(payment) or not made_by_qbo or not _together(record, payment):
            return False
        return await self._sending.remove(lease, _PAYMENT, payment_id, UNTOUCHED, document.key)

    async def _unlink(self, document: Document, record: Record, payment: Record, lease: Lease) -> bool:
        """A payment of ours with money left is as it was before."""
        lines = [line for line in lines_of(payment) if not _is_linked(line, document.entity.value, str(record["Id"]))]
        change: dict[str, Any] = {
            "Id": payment["Id"],
            "SyncToken": payment["SyncToken"],
            "sparse": True,
            "CustomerRef": {"value": reference(payment, "CustomerRef")},
            "TotalAmt": payment["TotalAmt"],
            "Line": lines,
        }
        sending = self._sending
        await lease.check()
        try:
            with sending.in_time():
                request = sending.side_request_id("unlink", _PAYMENT, str(payment["Id"]))
                await sending.client.update(_PAYMENT, change, request_id=request, document_key=document.key)
        except QboRefused:
            return False
        return True


def _is_linked(line: Record, entity: str, qbo_id: str) -> bool:
    return any((one.get("TxnType"), one.get("TxnId")) == (entity, qbo_id) for one in parts(line, "LinkedTxn"))


def _together(record: Record, payment: Record) -> bool:
    created, applied = _created(record), _created(payment)
    return created is not None and applied is not None and abs(applied - created) <= _TOGETHER


def _created(record: Record) -> datetime | None:
    meta = record.get("MetaData")
    try:
        return datetime.fromisoformat(str(meta["CreateTime"])) if meta else None
    except (KeyError, ValueError):
        return None
