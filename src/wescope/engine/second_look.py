"""The second look: whether an attempt that was given up has landed after all, beside or in place of another one.

A write that is not seen is sent again under the same request id long before QBO itself has given it up. If QBO
remembers request ids, nothing can be doubled; if it does not, both may land. So the link says until when the first one
may (`recheck_at`): then the document is looked up by its marker, and what is doubled is removed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from wescope.books.documents import Document
from wescope.engine.accepting import NOT_AS_MEANT, Accepting
from wescope.engine.locks import Lease
from wescope.engine.plan import Step, adopted_entity, plan_step
from wescope.engine.sending import Sending, held_by
from wescope.links.database import transaction
from wescope.links.store import Link, LinkState, Operation
from wescope.qbo.lookup import created_since, owner_of
from wescope.qbo.records import Record
from wescope.qbo.verify import is_void

# An attempt and all its repetitions under one request id lie within this time before the last of them is given up.
_ATTEMPTED_WITHIN = timedelta(minutes=15)


def is_due(link: Link | None, now: datetime) -> bool:
    """Whether a settled document is to be looked up again now."""
    return link is not None and link.recheck_at is not None and link.recheck_at <= now and not link.unsettled


class SecondLook:
    """Looks again, and makes the link say what stands."""

    def __init__(self, sending: Sending, accepting: Accepting) -> None:
        """Take the way to links and QBO, and what removes duplicates."""
        self._sending, self._accepting = sending, accepting

    async def look(self, step: Step, lease: Lease) -> Step:
        """Look the document up, remove what is doubled, and let the link say what stands.

        Returns:
            The same step, or what is to be done if something else stands than the link said.

        Raises:
            Park: somebody has used a duplicate.
            QboError: QBO does not answer.
            LocksLost: another run is at it.
        """
        held, document = held_by(step), step.document
        await lease.check()
        found = await self._ours(document, held)
        keep = await self._to_keep(step, held, found)
        doubled = [one for one in found if one is not keep and str(one["Id"]) != held.qbo_id]
        await self._accepting.remove_duplicates(document, lease, [str(one["Id"]) for one in doubled])
        if keep is not None:
            found_now = await self._sending.post(step, held, keep, None, NOT_AS_MEANT)
        else:
            found_now = await self._see_change(step, held)
        async with transaction(self._sending.engine) as connection:
            looked = await self._sending.store.rechecked(connection, found_now)
        return replace(step, link=looked) if found_now is held else plan_step(document, looked)

    async def _ours(self, document: Document, held: Link) -> Sequence[Record]:
        """The records that stand for the document, newest first."""
        customer = owner_of(document)
        owner = await self._sending.link(customer) if customer else None
        since = min(held.attempted_at or self._sending.clock(), held.recheck_at or self._sending.clock())
        found = await created_since(
            self._sending.client,
            document,
            since - _ATTEMPTED_WITHIN,
            customer_id=owner.qbo_id if owner else None,
            day=held.txn_date,
        )
        return [record for record in found if not is_void(record)]

    async def _to_keep(self, step: Step, held: Link, found: Sequence[Record]) -> Record | None:
        """The record that the link must stand for from now on; null if the one that it has, or none, is right."""
        if not found or adopted_entity(held) or held.state is LinkState.VOIDED:
            return None
        if held.state is LinkState.POSTED:
            standing = await self._sending.client.read(step.document.entity.value, held.qbo_id or "")
            if standing is not None and not is_void(standing):
                return None
        return found[0]

    async def _see_change(self, step: Step, held: Link) -> Link:
        """Whether a change that was given up has landed: then the document is compared with what it should be."""
        if held.state is not LinkState.POSTED or held.operation not in {Operation.UPDATE, Operation.VOID}:
            return held
        if adopted_entity(held):
            return held
        record = await self._sending.client.read(step.document.entity.value, held.qbo_id or "")
        if record is None or record["SyncToken"] == held.sync_token:
            return held
        if held.operation is Operation.VOID and is_void(record):
            return await self._sending.end(held, LinkState.VOIDED, sync_token=str(record["SyncToken"]), spent=True)
        return await self._sending.post(step, held, record, None, NOT_AS_MEANT)
