"""Revert: takes a repair back, so that QBO has again what a person had made of it; from then on that is accepted."""

from typing import Any

from wescope.books.documents import Entity
from wescope.books.subjects import DocumentKey
from wescope.engine.comparison import NOTHING_THERE
from wescope.engine.drift_kinds import DriftKind, DriftState
from wescope.engine.locks import ClusterLocks, Lease
from wescope.engine.reverting import is_revertible, reverted
from wescope.engine.sending import Sending
from wescope.errors import QboRefused
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import transaction
from wescope.links.drift import DriftRow, accept, decide
from wescope.links.store import Link, LinkState
from wescope.links.verification import by_keys, mark
from wescope.qbo.content import content_digest, same_content
from wescope.qbo.records import TAKEN_BACK_BY, Record
from wescope.qbo.verify import is_void

_CUSTOMER = Entity.CUSTOMER.value


class Revert:
    """Takes repairs back, one finding at a time."""

    def __init__(self, sending: Sending, locks: ClusterLocks) -> None:
        """Take the way to QBO, and what keeps others off a record meanwhile."""
        self._sending, self._locks = sending, locks

    async def __call__(self, row: DriftRow, *, actor: str) -> bool:
        """Take the repair of one finding back.

        Returns:
            False if it cannot be: it kept too little, somebody has changed the document since, or QBO refuses.

        Raises:
            QboError: QBO does not answer; it may be tried again.
        """
        kind = DriftKind(row.kind)
        if row.state != DriftState.REPAIRED.value or not is_revertible(kind, str(row.details.get("fields", ""))):
            return False
        async with self._locks.hold(f"repair:{row.entity}:{row.qbo_id}") as lease:
            link = await self._link(row)
            if link is None or link.state is not LinkState.POSTED:
                return False
            content = await self._undo(kind, row, link, lease)
            if content is None:
                return False
            await self._remember(row, link, content, actor)
        return True

    async def _link(self, row: DriftRow) -> Link | None:
        async with transaction(self._sending.engine) as connection:
            key = row.document_key or ""
            return (await by_keys(connection, self._sending.store.realm_id, [key])).get(key)

    async def _undo(self, kind: DriftKind, row: DriftRow, link: Link, lease: Lease) -> str | None:
        """Do it; the digest of what the record holds then, or null if it cannot be done."""
        if kind is DriftKind.MERGED:
            return row.content if await self._tied_to(link, row.qbo_id) else None
        record = await self._sending.client.read(link.entity, link.qbo_id or "")
        if record is None:
            return None
        if link.entity == _CUSTOMER:
            after = await self._update(link, record, {"Active": False}, lease)
            return content_digest(_CUSTOMER, after) if after is not None else None
        if link.content is not None and not same_content(link.entity, link.content, record):
            return None  # somebody has changed it since
        if kind in {DriftKind.VOIDED, DriftKind.DELETED}:
            return await self._take_back(kind, link, record, lease)
        try:
            change = reverted(link.entity, record, str(row.details["fields"]))
        except ValueError:
            return None
        after = await self._update(link, record, change, lease)
        return content_digest(link.entity, after) if after is not None else None

    async def _tied_to(self, link: Link, qbo_id: str) -> bool:
        async with transaction(self._sending.engine) as connection:
            return await mark(connection, link, qbo_id=qbo_id, content=None)

    async def _update(self, link: Link, record: Record, change: dict[str, Any], lease: Lease) -> Record | None:
        sending, key = self._sending, DocumentKey(link.document_key)
        body = {**change, "Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True}
        request = sending.side_request_id("revert", link.entity, str(record["Id"]))
        await lease.check()
        try:
            with sending.in_time():
                return (await sending.client.update(link.entity, body, request_id=request, document_key=key)).record
        except QboRefused:
            return None

    async def _take_back(self, kind: DriftKind, link: Link, record: Record, lease: Lease) -> str | None:
        """Void or delete the document that the repair has made again, as it was found then."""
        sending, key = self._sending, DocumentKey(link.document_key)
        token, qbo_id = str(record["SyncToken"]), str(record["Id"])
        if kind is DriftKind.DELETED:
            return NOTHING_THERE if await sending.remove(lease, link.entity, qbo_id, token, key) else None
        if TAKEN_BACK_BY.get(Entity(link.entity)) != "void":
            return None
        await lease.check()
        request = sending.side_request_id("revert", link.entity, qbo_id)
        try:
            with sending.in_time():
                written = await sending.client.void(link.entity, qbo_id, token, request_id=request, document_key=key)
        except QboRefused:
            return None
        return content_digest(link.entity, written.record) if is_void(written.record) else None

    async def _remember(self, row: DriftRow, link: Link, content: str, actor: str) -> None:
        """What is so again stays so: it is accepted with what the record holds now."""
        async with transaction(self._sending.engine) as connection:
            realm_id = self._sending.store.realm_id
            key = row.document_key or ""
            await accept(connection, realm_id, row, accepted_as=key, fingerprint=link.fingerprint, content=content)
            await decide(connection, [row.id], DriftState.ACCEPTED.value)
            entry = AuditEntry(
                action="revert", actor=actor, target=key, details={"kind": row.kind, "drift": str(row.id)}
            )
            await record_audit(connection, [entry])
