"""Verify: compares QBO with the links and with what Stripe says, and names what people have done to our documents.

In full every record since our first document is read, a thousand at a time; afterwards only what QBO says has changed
(one read), and what is open still. A digest of each record's content, kept with its link, tells what nobody has
touched, so Stripe is asked about the rest only. What the policy restores is put right at the end.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.documents import Entity
from wescope.config import PolicyFile
from wescope.engine.drift_kinds import DriftClass, DriftState
from wescope.engine.examine import Examiner
from wescope.engine.findings import Findings
from wescope.engine.plan import ADOPTED
from wescope.engine.rebuild import Rebuild
from wescope.engine.reconcile import Reconciler
from wescope.engine.repair import Repair
from wescope.engine.runs import Execution
from wescope.engine.strangers import Strangers
from wescope.errors import QboRefused
from wescope.links.database import transaction
from wescope.links.drift import drift_rows
from wescope.links.qbo_hints import any_unlooked, looked, unlooked
from wescope.links.reports import swap_checkpoint
from wescope.links.store import LinkStore
from wescope.links.sweeps import database_now, moment_of, read_checkpoint
from wescope.links.verification import first_day, posted_page
from wescope.qbo import queries
from wescope.qbo.changes import WINDOW
from wescope.qbo.client import QboClient
from wescope.qbo.records import Record

CHECKPOINT = "verify:last"

ENTITIES = (
    Entity.CUSTOMER.value,  # first: it tells which documents have another customer since theirs was merged
    Entity.INVOICE.value,
    Entity.CREDIT_MEMO.value,
    Entity.PAYMENT.value,
    Entity.SALES_RECEIPT.value,
    Entity.REFUND_RECEIPT.value,
    Entity.JOURNAL_ENTRY.value,
    Entity.DEPOSIT.value,
    "Transfer",  # none of ours, but it may move money out of clearing
)

_PAGE = 1000
_LINKS_AT_ONCE = 500
_FULL_EVERY = timedelta(days=7)
_OVERLAP = timedelta(minutes=15)
"""QBO's clock and ours may differ, and what it shows may lag."""


class VerifyMode(StrEnum):
    """What is looked at."""

    AUTO = "auto"
    """Changes; once a week everything, since not all that people do is told as a change."""
    FULL = "full"
    CHANGES = "changes"
    HINTED = "hinted"
    """What QBO's webhooks have named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Executes verifications."""

    engine: AsyncEngine
    store: LinkStore
    client: QboClient
    examiner: Examiner
    findings: Findings
    repair: Repair
    rebuild: Rebuild

    @classmethod
    def of(cls, reconciler: Reconciler, policy_file: PolicyFile) -> Self:
        """Everything that verifies and repairs, over the parts of the loop."""
        engine, sending = reconciler.engine, reconciler.writer.sending
        store, client, policy = sending.store, sending.client, policy_file.policy
        strangers = Strangers(
            engine=engine, store=store, client=client, company=sending.company, start_date=policy.start_date
        )
        examiner = Examiner(engine, reconciler, sending, strangers)
        findings = Findings(engine=engine, realm_id=store.realm_id, examiner=examiner, defer=reconciler.defer)
        repair = Repair(
            engine=engine,
            sending=sending,
            locks=reconciler.locks,
            defer=reconciler.defer,
            findings=findings,
            restores=frozenset(map(DriftClass, policy_file.restores)),
            gate=reconciler.gate,
        )
        return cls(
            engine=engine,
            store=store,
            client=client,
            examiner=examiner,
            findings=findings,
            repair=repair,
            rebuild=Rebuild.of(reconciler, examiner),
        )

    async def __call__(self, execution: Execution) -> Mapping[str, Any]:
        """Look at what the mode says, keep what is found, and put right what the policy restores.

        Returns:
            How much is open by kind, and what was repaired.

        Raises:
            Stopped: somebody wants the run paused or ended.
            QboError, StripeError: they cannot be read.
        """
        self.examiner.forget()
        if "mode" not in execution.checkpoint:
            await self._begin(execution)
        if execution.run.options.get("rebuild"):
            await self.rebuild(execution)
        mode = VerifyMode(execution.checkpoint["mode"])
        if mode is VerifyMode.FULL:
            await self._everything(execution)
        elif mode is VerifyMode.CHANGES:
            await self._changes(execution)
        await self._hinted(execution)
        await self._still_open(execution)
        if execution.run.options.get("stripe"):
            await self.findings.look_at_stripe(execution)
        if mode is not VerifyMode.HINTED:
            async with transaction(self.engine) as connection:
                done = {"until": execution.checkpoint["begun"], "full_at": execution.checkpoint["full_at"]}
                await swap_checkpoint(connection, CHECKPOINT, done)
        await self.repair.by_policy(execution)
        await execution.drain()
        async with transaction(self.engine) as connection:
            rows = await drift_rows(connection, self.store.realm_id)
        return {"open": dict(Counter(row.kind for row in rows)), "mode": execution.checkpoint["mode"]}

    async def _begin(self, execution: Execution) -> None:
        """Choose what is looked at."""
        mode = VerifyMode(execution.run.options.get("mode", VerifyMode.AUTO.value))
        async with transaction(self.engine) as connection:
            now = await database_now(connection)
            last = await read_checkpoint(connection, CHECKPOINT)
            until, full_at = moment_of(last, "until"), moment_of(last, "full_at")
            if mode is VerifyMode.AUTO:
                recent = full_at is not None and now - full_at < _FULL_EVERY
                mode = VerifyMode.CHANGES if recent else VerifyMode.FULL
            if mode is VerifyMode.CHANGES and (until is None or now - until > WINDOW):
                mode = VerifyMode.FULL
            execution.checkpoint |= {
                "mode": mode.value,
                "begun": now.isoformat(),
                "since": (until or now).isoformat(),
                "full_at": (now if mode is VerifyMode.FULL else full_at or now).isoformat(),
                "entity": 0,
            }
            await execution.save(connection)

    # --- everything -------------------------------------------------------------------------------------------------

    async def _everything(self, execution: Execution) -> None:
        execution.counts["steps"] = len(ENTITIES)
        while (index := int(execution.checkpoint["entity"])) < len(ENTITIES):
            await self._entity(execution, ENTITIES[index])
            execution.checkpoint["entity"] = execution.counts["step"] = index + 1
            async with transaction(self.engine) as connection:
                await execution.save(connection)
        await self.findings.fade(execution, ENTITIES)

    async def _entity(self, execution: Execution, entity: str) -> None:
        """All records of an entity, and our documents that are not among them."""
        seen: set[str] = set()
        start, where = 1, await self._where(entity)
        while True:
            await execution.proceed()
            records = await self.client.query(queries.select(entity, where, start=start, page=_PAGE))
            seen.update(str(record.get("Id")) for record in records)
            await self.findings.keep(execution, await self.examiner.page(entity, records), len(records))
            if len(records) < _PAGE:
                break
            start += _PAGE
        await self._unseen(execution, entity, seen)

    async def _where(self, entity: str) -> str:
        """All customers; of transactions those since the day of our first one: what is older is none of ours."""
        if entity == Entity.CUSTOMER.value:
            return queries.including_inactive()
        async with transaction(self.engine) as connection:
            days = [await first_day(connection, self.store.realm_id, one) for one in (entity, Entity.INVOICE.value)]
        known = [day for day in days if day is not None]
        return queries.where_from("TxnDate", min(known).isoformat()) if known else ""

    async def _unseen(self, execution: Execution, entity: str, seen: set[str]) -> None:
        after = ""
        while True:
            await execution.proceed()
            async with transaction(self.engine) as connection:
                page = await posted_page(connection, self.store.realm_id, entity, after=after, limit=_LINKS_AT_ONCE)
            adopted = [link for link in page if (link.fingerprint or "").startswith(f"{ADOPTED}:")]
            missing = [link for link in page if link.qbo_id not in seen and link not in adopted]
            examined = await self.examiner.confirm(entity, missing)
            examined.extend(await self.examiner.adopted(adopted))
            await self.findings.keep(execution, examined, 0)
            if len(page) < _LINKS_AT_ONCE:
                return
            after = page[-1].document_key

    # --- changes ----------------------------------------------------------------------------------------------------

    async def _changes(self, execution: Execution) -> None:
        """What QBO says has changed. What it cannot say, since it is too much or too long ago, is read in full."""
        execution.counts["steps"] = execution.counts["step"] = 1
        await execution.proceed()
        since = datetime.fromisoformat(execution.checkpoint["since"]) - _OVERLAP
        try:
            changes = await self.client.changes(ENTITIES, since)
        except QboRefused:
            changes = None
        if changes is None or changes.is_full:
            execution.checkpoint["mode"] = VerifyMode.FULL.value
            await self._everything(execution)
            return
        for entity in ENTITIES:
            records = changes.records[entity]
            for start in range(0, len(records), _PAGE):
                await execution.proceed()
                await self._page(execution, entity, records[start : start + _PAGE])
            await self.findings.keep(execution, await self.examiner.gone(entity, changes.deleted[entity]), 0)

    async def _page(self, execution: Execution, entity: str, records: Sequence[Record]) -> None:
        await self.findings.keep(execution, await self.examiner.page(entity, records), len(records))
        await self.findings.fade(execution, [entity], {(entity, str(record.get("Id"))) for record in records})

    # --- single records ---------------------------------------------------------------------------------------------

    async def _hinted(self, execution: Execution) -> None:
        """What QBO's webhooks have named since the last look."""
        while True:
            await execution.proceed()
            async with transaction(self.engine) as connection:
                hints = await unlooked(connection, self.store.realm_id, _LINKS_AT_ONCE)
            known = [hint for hint in hints if hint.entity in ENTITIES]
            if known:
                named = {(hint.entity, one) for hint in known for one in (hint.qbo_id, hint.other_id) if one}
                await self.findings.look(execution, named)
            async with transaction(self.engine) as connection:
                await looked(connection, [hint.id for hint in hints])
            if len(hints) < _LINKS_AT_ONCE:
                return

    async def _still_open(self, execution: Execution) -> None:
        """What an earlier look has found, and this one did not pass by."""
        states = (DriftState.OPEN.value, DriftState.REPAIRING.value)
        async with transaction(self.engine) as connection:
            rows = await drift_rows(connection, self.store.realm_id, states=states)
        objects = {(row.entity, row.qbo_id) for row in rows if row.run_id != execution.run.id}
        await self.findings.look(execution, objects)


def options_of(mode: VerifyMode, *, stripe: bool = False, rebuild: bool = False) -> dict[str, Any]:
    """A verification's options as its run keeps them.

    `stripe`: every known object is read from Stripe again, too. `rebuild`: first what QBO holds of ours is linked.
    """
    return {"mode": mode.value, "stripe": stripe} | ({"rebuild": True} if rebuild else {})


async def nightly(_: AsyncConnection) -> Mapping[str, Any]:
    """The options of the verification that a worker begins every night."""
    return options_of(VerifyMode.AUTO)


async def when_hinted(connection: AsyncConnection) -> Mapping[str, Any] | None:
    """The options of a verification of what QBO's webhooks have named; null if they have named nothing."""
    return options_of(VerifyMode.HINTED) if await any_unlooked(connection) else None
