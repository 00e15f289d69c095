"""Setup: makes the accounts and items in QBO that the policy names and QBO lacks, each exactly once.

Names are the first line of defence: a name is looked up before it is made and again whenever an answer is lost. The
request id is the second: it depends on nothing but what is made, so that a run that was killed and the next one send
the same. QBO's answer is never believed by itself, since it may be the replay of an old one: the object is read back.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from wescope.config import PolicyFile
from wescope.engine.doctor_company import read_lists
from wescope.engine.intents import side_request_id
from wescope.engine.locks import ClusterLocks, Lease
from wescope.engine.policy_references import Lists
from wescope.engine.sending import Sending
from wescope.engine.setup_plan import (
    Incomes,
    SetupAction,
    SetupPlan,
    SetupRow,
    identity,
    incomes_of,
    is_made,
    known_ids,
    payload,
    setup_plan,
)
from wescope.engine.write_gate import WriteGate
from wescope.errors import (
    DuplicateName,
    DuplicateRequestId,
    QboError,
    QboOutcomeUnknown,
    QboRefused,
    TransientRefusal,
)
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import transaction
from wescope.qbo import queries
from wescope.qbo.records import Record

Progress = Callable[[str, int, int], None]

_TRIES = 5
_WAIT_FIRST_S = 0.25
_NOT_KNOWN = "Nobody knows whether QBO has made it."
_NAME_ANOTHER = "Run `wescope setup` again if somebody has just made it, or name another one ({})."
_RUN_AGAIN = "Run `wescope setup` again in two minutes: it looks first, and makes nothing twice."


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The verb `setup`. While the gate is held nothing is written."""

    sending: Sending
    locks: ClusterLocks
    policy_file: PolicyFile
    gate: WriteGate
    wait_first_s: float = _WAIT_FIRST_S

    async def plan(self, chosen: Mapping[str, str] | None = None) -> SetupPlan:
        """What would be made, and what a person must do first.

        Args:
            chosen: income accounts of items that are missing: item's role to QBO name, full name or id.

        Raises:
            WrongUse: there is no such item.
            QboError: QBO does not answer.
        """
        return setup_plan(await self.lists(), self.policy_file, incomes_of(chosen or {}))

    async def apply(
        self, chosen: Mapping[str, str] | None = None, *, actor: str, progress: Progress | None = None
    ) -> SetupPlan:
        """Make what is missing, as things stand now; rows say what became of each.

        Args:
            chosen: as for `plan`.
            actor: who wants it, for the audit log.
            progress: told of every row.

        Raises:
            WrongUse: there is no such item, or nothing may be written now.
            LocksLost: another setup is at work.
            QboError: QBO does not answer; what was made stays, and the next run goes on from there.
        """
        incomes = incomes_of(chosen or {})
        await self.gate.require_writing()
        async with self.locks.hold(f"setup:{self.sending.store.realm_id}") as lease:
            try:
                return await self._apply(incomes, lease, actor, progress)
            finally:
                self.sending.company.forget()

    async def _apply(self, incomes: Incomes, lease: Lease, actor: str, progress: Progress | None) -> SetupPlan:
        lists = await self.lists()
        plan = setup_plan(lists, self.policy_file, incomes)
        making = _Making(self.sending, lease, lists, known_ids(lists), self.wait_first_s)
        rows: list[SetupRow] = []
        for row in plan.rows:
            if row.action is SetupAction.CREATE:
                if progress:
                    progress(f"making {row.name}", len(rows), len(plan.rows))
                row = await making(row)  # noqa: PLW2901 - from here on it is what became of it
                if row.action is SetupAction.CREATED:
                    await self._remember(row, actor)
            rows.append(row)
        return SetupPlan(rows=tuple(rows))

    async def lists(self) -> Lists:
        """The company's lists, read now.

        Raises:
            QboError: QBO does not answer.
        """
        client = self.sending.client
        return await read_lists(client, await client.company_info(), self.policy_file)

    async def _remember(self, row: SetupRow, actor: str) -> None:
        details = {"keys": ", ".join(row.keys), "type": row.type, "currency": row.currency or ""}
        entry = AuditEntry(action="setup", actor=actor, target=f"{row.entity}/{row.qbo_id}", details=details)
        async with transaction(self.sending.engine) as connection:
            await record_audit(connection, [entry])


class _Making:
    """Makes rows, one after the other; knows the ids of what exists and of what it has made."""

    def __init__(
        self, sending: Sending, lease: Lease, lists: Lists, ids: dict[tuple[str, str], str], wait_first_s: float
    ) -> None:
        self._sending, self._lease, self._ids, self._wait_first_s = sending, lease, ids, wait_first_s
        self._multicurrency = lists.preferences.multicurrency

    async def __call__(self, row: SetupRow) -> SetupRow:
        """The row with what became of it."""
        try:
            body = payload(row, self._ids, multicurrency=self._multicurrency)
        except KeyError:
            return _failed(row, "Its parent or income account was not made.", "Mend that one, then run setup again.")
        try:
            record = await self._made(row, body)
        except QboOutcomeUnknown as error:
            return _failed(row, f"{_NOT_KNOWN} [{error.code}]", _RUN_AGAIN)
        except DuplicateName as error:
            return _failed(row, f"QBO has something else of this name [{error.code}].", _NAME_ANOTHER.format(row.place))
        except QboRefused as error:
            code = f"{error.code} {error.fault_code}".strip()
            return _failed(row, f"QBO refuses it [{code}].", f"Create it in QBO: {row.entity} {row.name}, {row.type}.")
        self._ids[identity(row.entity, row.name)] = str(record["Id"])
        return replace(row, action=SetupAction.CREATED, qbo_id=str(record["Id"]))

    async def _made(self, row: SetupRow, body: Mapping[str, object]) -> Record:
        """QBO's record of the row, made now or, if an answer was lost, before.

        Raises:
            QboOutcomeUnknown: it is not to be seen after all tries.
            DuplicateName: nor is it, but its name is taken.
            QboRefused: QBO does not take it.
        """
        generation, wait_s = "", self._wait_first_s
        last: QboError = QboOutcomeUnknown()
        for _ in range(_TRIES):
            found: Record | None
            try:
                found = await self._created(row, body, generation)
            except (QboOutcomeUnknown, DuplicateRequestId, DuplicateName, TransientRefusal) as error:
                found, last = await self._look_up(row), error  # QBO may show a little late what it has
            else:
                if not is_made(row, found):
                    generation = str(found.get("Id"))  # the replay of an answer to what somebody has renamed since
                    continue
            if found is not None:
                return found
            await asyncio.sleep(wait_s)
            wait_s *= 2
        raise last

    async def _created(self, row: SetupRow, body: Mapping[str, object], generation: str) -> Record:
        """The object as QBO holds it after its creation, whatever the answer said."""
        realm_id = self._sending.store.realm_id
        request = side_request_id("setup", realm_id, row.entity, json.dumps(body, sort_keys=True), generation)
        await self._lease.check()
        with self._sending.in_time():
            written = await self._sending.client.create(row.entity, body, request_id=request, alone=True)
        return await self._sending.client.read(row.entity, str(written.record["Id"])) or {"Id": written.record["Id"]}

    async def _look_up(self, row: SetupRow) -> Record | None:
        name = row.name.rpartition(":")[2].strip()
        records = await self._sending.client.query(queries.select(row.entity, queries.where_equals("Name", name)))
        return next((record for record in records if is_made(row, record)), None)


def _failed(row: SetupRow, reason: str, remedy: str) -> SetupRow:
    return replace(row, action=SetupAction.FAILED, reason=reason, remedy=remedy)
