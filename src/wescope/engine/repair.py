"""Repair: has what people changed in QBO put right, as the policy or a person decides; or lets it stay.

A repair only says so to the link; the ordinary loop then writes the document over, or creates it again, with all that
protects its writes. What the loop does not do is done here: copies are deleted, customers woken or tied anew.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.documents import Entity
from wescope.books.subjects import DocumentKey, Subject
from wescope.engine.drift_kinds import DRIFT, DriftClass, DriftKind, DriftState
from wescope.engine.findings import Findings, hints
from wescope.engine.locks import ClusterLocks
from wescope.engine.plan import RESTORED
from wescope.engine.runs import Execution
from wescope.engine.sending import Sending
from wescope.engine.write_gate import WriteGate
from wescope.errors import QboRefused
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import transaction
from wescope.links.drift import DriftRow, accept, decide, drift_rows, forget_accepted
from wescope.links.store import Link, LinkState
from wescope.links.subjects import Defer, record_all
from wescope.links.verification import by_keys, mark, of_subject
from wescope.qbo.content import content_digest
from wescope.qbo.directory import INACTIVE_SUFFIX
from wescope.qbo.payloads import has_marker, marker
from wescope.qbo.verify import is_void

_WRITTEN_OVER = frozenset({DriftKind.EDITED, DriftKind.MOVED, DriftKind.UNMARKED, DriftKind.UNAPPLIED})
_MADE_AGAIN = frozenset({DriftKind.VOIDED, DriftKind.DELETED})
_CUSTOMER = Entity.CUSTOMER.value

ROUNDS = 3
"""A document that is made again may show that another one must be applied to it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Executes repairs. `restores` are the classes that the policy has put right without being asked."""

    engine: AsyncEngine
    sending: Sending
    locks: ClusterLocks
    defer: Defer
    findings: Findings
    restores: frozenset[DriftClass]
    gate: WriteGate

    @property
    def realm_id(self) -> str:
        """The company's."""
        return self.sending.store.realm_id

    async def __call__(self, execution: Execution) -> Mapping[str, Any]:
        """Repair the findings that the options name.

        Returns:
            How many were repaired, by kind, and how many are left.

        Raises:
            Stopped: somebody wants the run paused or ended.
            QboError: QBO does not answer.
        """
        ids = [int(one) for one in execution.run.options["ids"]]
        actor = str(execution.run.options.get("actor", "cli"))
        execution.counts["steps"] = len(ids)
        while (index := int(execution.checkpoint.get("done", 0))) < len(ids):
            await execution.proceed()
            async with transaction(self.engine) as connection:
                rows = await drift_rows(connection, self.realm_id, ids=ids[index : index + 1])
            for row in rows:
                await self.apply(row, execution.run.id, actor)
            execution.checkpoint["done"] = execution.counts["step"] = index + 1
            async with transaction(self.engine) as connection:
                await execution.save(connection)
        return await self._conclude(execution, ids)

    async def by_policy(self, execution: Execution) -> None:
        """Repair what is open and of a class that the policy restores, until nothing more follows from it.

        Raises:
            Stopped: somebody wants the run paused or ended.
            QboError: QBO does not answer.
        """
        kinds = [kind.value for kind, meaning in DRIFT.items() if meaning.policy in self.restores]
        for _ in range(ROUNDS):
            async with transaction(self.engine) as connection:
                rows = await drift_rows(connection, self.realm_id, kinds=kinds) if kinds else []
            tried = set(execution.checkpoint.get("repaired", ()))
            chosen = [row for row in rows if _name(row) not in tried]
            if not chosen or await self.gate.is_held():
                return
            for row in chosen:
                await execution.proceed()
                await self.apply(row, execution.run.id, "policy")
            execution.checkpoint["repaired"] = sorted(tried | {_name(row) for row in chosen})
            await self._conclude(execution, [row.id for row in chosen])

    async def _conclude(self, execution: Execution, ids: Collection[int]) -> Mapping[str, Any]:
        """Wait for the loop, look again, and say of each whether it was put right."""
        left = await execution.drain()
        async with transaction(self.engine) as connection:
            rows = await drift_rows(connection, self.realm_id, ids=ids, states=(DriftState.REPAIRING.value,))
            links = await by_keys(connection, self.realm_id, [row.document_key or "" for row in rows])
        unmade = [row for row in rows if DRIFT[DriftKind(row.kind)].of_ours and not _stands(row, links)]
        async with transaction(self.engine) as connection:
            await decide(connection, [row.id for row in unmade], DriftState.OPEN.value)
        objects = {(row.entity, row.qbo_id) for row in rows if row not in unmade}
        objects |= {(link.entity, link.qbo_id) for link in links.values() if link.qbo_id and not link.unsettled}
        await self.findings.look(execution, objects)
        async with transaction(self.engine) as connection:
            after = await drift_rows(connection, self.realm_id, ids=ids, states=tuple(DriftState))
        return {"states": _counted(row.state for row in after), "left": left}

    # --- one finding ------------------------------------------------------------------------------------------------

    async def apply(self, row: DriftRow, run_id: int, actor: str) -> bool:
        """Have one finding put right. False if it cannot be now: its document is being written, or a person must.

        Raises:
            QboError: QBO does not answer.
        """
        kind = DriftKind(row.kind)
        if row.state != DriftState.OPEN.value or DRIFT[kind].repair is None or await self.gate.is_held():
            return False
        entry = AuditEntry(action="repair", actor=actor, target=_name(row), details=_told(row), run_id=run_id)
        if kind is DriftKind.DOUBLED:
            return await self._remove_copy(row, entry)
        if row.entity == _CUSTOMER and kind is not DriftKind.MERGED and kind is not DriftKind.DELETED:
            return await self._mend_customer(row, entry)
        async with transaction(self.engine) as connection:
            link = (await by_keys(connection, self.realm_id, [row.document_key or ""])).get(row.document_key or "")
        if link is None or link.state is not LinkState.POSTED:
            return False
        if kind in _MADE_AGAIN and not await self._is_gone(row):
            return False
        values = await self._tied(row) if kind is DriftKind.MERGED else _values(kind, link)
        async with transaction(self.engine) as connection:
            if not values or not await mark(connection, link, **values):
                return False
            if kind in _MADE_AGAIN:
                await self._apply_again(connection, link)
            await self._decided(connection, row, entry)
            await forget_accepted(connection, self.realm_id, link.document_key)
            await record_all(connection, hints([Subject.parse(link.subject)], run_id), self.defer)
        return True

    async def _tied(self, row: DriftRow) -> dict[str, Any]:
        """What the link says once it stands for the customer that another one was merged into; nothing if it is gone.

        That customer keeps its notes, so it never carries the marker of the other one.
        """
        into = str(row.details["into"])
        record = await self.sending.client.read(_CUSTOMER, into)
        if record is None or not record.get("Active", True):
            return {}
        token = str(record["SyncToken"])
        return {"qbo_id": into, "sync_token": token, "content": content_digest(_CUSTOMER, record)}

    async def _is_gone(self, row: DriftRow) -> bool:
        """Whether it still is: the repair of what it belongs to may have brought it back."""
        record = await self.sending.client.read(row.entity, row.qbo_id)
        return record is None or is_void(record)

    async def _apply_again(self, connection: AsyncConnection, link: Link) -> None:
        """What pays a document that is made again is applied to the new one."""
        for other in await of_subject(connection, self.realm_id, link.subject, Entity.PAYMENT.value):
            if other.document_key != link.document_key:
                await mark(connection, other, fingerprint=RESTORED)

    async def _decided(self, connection: AsyncConnection, row: DriftRow, entry: AuditEntry) -> None:
        await decide(connection, [row.id], DriftState.REPAIRING.value)
        await record_audit(connection, [entry])

    async def _remove_copy(self, row: DriftRow, entry: AuditEntry) -> bool:
        key = DocumentKey(row.document_key or "")
        async with self.locks.hold(f"repair:{row.entity}:{row.qbo_id}") as lease:
            record = await self.sending.client.read(row.entity, row.qbo_id)
            async with transaction(self.engine) as connection:
                link = (await by_keys(connection, self.realm_id, [key])).get(key)
            if link is None or (link.entity, link.qbo_id) == (row.entity, row.qbo_id) or link.unsettled:
                return False
            if record is not None:
                if not has_marker(record, key):
                    return False
                token = str(record["SyncToken"])
                if not await self.sending.remove(lease, row.entity, row.qbo_id, token, key):
                    return False
        async with transaction(self.engine) as connection:
            await self._decided(connection, row, entry)
        return True

    async def _mend_customer(self, row: DriftRow, entry: AuditEntry) -> bool:
        """Wake a customer, and give it back the marker in its notes; nothing else of it is ours."""
        client, key = self.sending.client, DocumentKey(row.document_key or "")
        async with self.locks.hold(f"repair:{row.entity}:{row.qbo_id}") as lease:
            record = await client.read(row.entity, row.qbo_id)
            if record is None:
                return False
            change: dict[str, Any] = {"Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True}
            change |= {"Active": True, "DisplayName": str(record["DisplayName"]).removesuffix(INACTIVE_SUFFIX)}
            if not has_marker(record, key):
                change["Notes"] = f"{record.get('Notes') or ''}\n{marker(key)}".strip()
            await lease.check()
            request = self.sending.side_request_id("mend", row.entity, row.qbo_id)
            try:
                with self.sending.in_time():
                    await client.update(row.entity, change, request_id=request, document_key=key)
            except QboRefused:
                return False
        async with transaction(self.engine) as connection:
            await self._decided(connection, row, entry)
        return True

    # --- what may stay ----------------------------------------------------------------------------------------------

    async def accept(self, rows: Sequence[DriftRow], *, actor: str) -> tuple[DriftRow, ...]:
        """Let these findings stay as they are until their record changes again; remembered, and in the audit log.

        A document that Stripe has changed since keeps what QBO has, too: it is written again at Stripe's next change,
        and parked then if the record still is not as we posted it.

        Raises:
            StripeError: it cannot be told what Stripe wants.
        """
        for row in rows:
            meaning = DRIFT[DriftKind(row.kind)]
            async with transaction(self.engine) as connection:
                link = (await by_keys(connection, self.realm_id, [row.document_key or ""])).get(row.document_key or "")
            wanted = None
            if link is not None and meaning.of_ours and link.state is LinkState.POSTED:
                steps = await self.findings.examiner.steps(Subject.parse(link.subject))
                step = steps.get(link.document_key)
                wanted = step.fingerprint if step else link.fingerprint
            async with transaction(self.engine) as connection:
                key = row.document_key if meaning.of_ours and row.document_key else f"{row.entity}/{row.qbo_id}"
                await accept(connection, self.realm_id, row, accepted_as=key, fingerprint=wanted)
                if link is not None and wanted is not None and wanted != link.fingerprint:
                    await mark(connection, link, fingerprint=wanted)
                    await record_all(connection, hints([Subject.parse(link.subject)], None), self.defer)
                await decide(connection, [row.id], DriftState.ACCEPTED.value)
                entry = AuditEntry(action="accept", actor=actor, target=_name(row), details=_told(row))
                await record_audit(connection, [entry])
        return tuple(replace(row, state=DriftState.ACCEPTED.value) for row in rows)


def _values(kind: DriftKind, link: Link) -> dict[str, Any]:
    """What the link says from now on, so that the loop does the rest."""
    if kind in _WRITTEN_OVER:
        return {"fingerprint": RESTORED}
    following = {"generation": link.generation + 1, "content": None}
    if kind is DriftKind.VOIDED:
        return {"state": LinkState.VOIDED.value, **following}
    gone = {"qbo_id": None, "sync_token": None, "fingerprint": None}
    return {"state": LinkState.ABSENT.value, **gone, **following}


def _stands(row: DriftRow, links: Mapping[str, Link]) -> bool:
    link = links.get(row.document_key or "")
    return link is not None and link.state is LinkState.POSTED and link.fingerprint != RESTORED


def _told(row: DriftRow) -> dict[str, str]:
    told = {name: str(value) for name, value in row.details.items() if name != "content"}
    return {"kind": row.kind, "drift": str(row.id), **told}


def _name(row: DriftRow) -> str:
    return row.document_key or f"{row.entity}/{row.qbo_id}"


def _counted(states: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in states:
        found[state] = found.get(state, 0) + 1
    return found
