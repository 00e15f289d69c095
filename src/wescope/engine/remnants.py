"""Remnants: void records of ours, which keep their number, make way for the document when it is wanted again."""

from wescope.books.parking import ParkCode
from wescope.engine.locks import Lease
from wescope.engine.parks import Park, parked
from wescope.engine.plan import Step
from wescope.engine.sending import Sending
from wescope.links.store import Link, LinkState
from wescope.qbo.lookup import Found
from wescope.qbo.payloads import has_marker
from wescope.qbo.records import TAKEN_BACK_BY
from wescope.qbo.verify import is_void


class Remnants:
    """Removes them."""

    def __init__(self, sending: Sending) -> None:
        """Take the way to links and QBO."""
        self._sending = sending

    async def clear(self, step: Step, lease: Lease) -> None:
        """Delete what is left of the document from before it was voided; QBO's audit log keeps it.

        A void document cannot be changed (facts/qbo.md 2.3), and QBO may refuse a second one of its number. If QBO
        refuses the deletion, the document is created all the same.

        Raises:
            Park: the period is closed, or somebody has given the void record amounts again.
            QboError: QBO does not answer.
        """
        link, document = step.link, step.document
        if link is None or link.state is not LinkState.VOIDED or not link.qbo_id:
            return
        if TAKEN_BACK_BY.get(document.entity) != "void":
            return
        record = await self._sending.client.read(document.entity.value, link.qbo_id)
        if record is None or not has_marker(record, document.key):
            return
        if not is_void(record):
            raise Park(parked(document, ParkCode.EDITED_IN_QBO, qbo_id=link.qbo_id, fields="voided"))
        await self._sending.check_open(document, link.txn_date)
        sync_token = str(record["SyncToken"])
        await self._sending.remove(lease, document.entity.value, link.qbo_id, sync_token, document.key)


def without_remnant(link: Link | None, found: Found | None) -> Found | None:
    """What a look-up found, unless it is only the void remnant that the link has stood for."""
    if found is None or link is None or str(found.record.get("Id")) != link.qbo_id:
        return found
    return None if is_void(found.record) else found
