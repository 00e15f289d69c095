"""Strangers: records in QBO that no link stands for, and that concern our documents all the same."""

import re
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.policy import AccountRole
from wescope.engine.comparison import held_objects
from wescope.engine.drift_kinds import DriftKind
from wescope.engine.plan import ADOPTED, adopted_entity
from wescope.errors import AccountMissing
from wescope.links.database import transaction
from wescope.links.drift import Finding
from wescope.links.store import Link, LinkState, LinkStore
from wescope.links.verification import (
    Look,
    Object,
    by_keys,
    by_objects,
    settled_currencies,
    settled_elsewhere,
    twins_of,
)
from wescope.qbo import wire
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.qbo.content import content_digest
from wescope.qbo.foreign import Foreign, foreign_of
from wescope.qbo.lines import sum_of_debits
from wescope.qbo.payloads import marked_keys
from wescope.qbo.records import Record
from wescope.qbo.verify import is_void

_WITH_CUSTOMER = frozenset({"Invoice", "Payment", "CreditMemo"})
_COMPARED = _WITH_CUSTOMER | {"SalesReceipt", "RefundReceipt", "Deposit"}
_KEY = re.compile(r"[A-Za-z0-9_.]+:[a-z_]+(:[a-z]{3})?")


class Strangers:
    """Tells which of other people's records are doubles of ours, stand in clearing, or look like ours."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        store: LinkStore,
        client: QboClient,
        company: Company,
        start_date: date | None,
    ) -> None:
        """Take the database, the links, QBO, its reference data, and the first day of the books."""
        self._engine, self._store, self._client, self._company = engine, store, client, company
        self._start_date = start_date
        self._clearing: frozenset[str] | None = None

    def forget(self) -> None:
        """Accounts may have been changed."""
        self._clearing = None

    async def among(self, entity: str, records: Sequence[Record]) -> list[Finding]:
        """What of these records, for which no link stands, is worth telling.

        Raises:
            QboError: the company's accounts cannot be read.
            DatabaseUnavailable: the links cannot be read.
        """
        if entity == "Customer" or not records:
            return []
        marked = [(record, keys) for record in records if (keys := _keys(record)) and not is_void(record)]
        found = [one for record, keys in marked for one in await self._marked(entity, record, keys)]
        foreign = [(one, record) for record in records if (one := foreign_of(entity, record)) is not None]
        recent = [(one, record) for one, record in foreign if not self._start_date or one.day >= self._start_date]
        return found + await self._foreign(entity, recent)

    async def _marked(self, entity: str, record: Record, keys: Sequence[str]) -> list[Finding]:
        """A record with our marker: a copy that somebody has made, or a document that nobody here knows."""
        qbo_id = str(record.get("Id"))
        async with transaction(self._engine) as connection:
            links = await by_keys(connection, self._store.realm_id, keys)
        if not links:
            return [_finding(DriftKind.ORPHANED, entity, record, None, keys[0])]
        link = next(iter(links.values()))
        in_motion = any(one.unsettled or one.recheck_at is not None for one in links.values())
        if in_motion or any(one.qbo_id == qbo_id and one.entity == entity for one in links.values()):
            return []  # its own run knows, or is about to
        if await self._client.read(entity, qbo_id) is None:
            return []
        return [_finding(DriftKind.DOUBLED, entity, record, link, link.document_key)]

    async def _foreign(self, entity: str, records: Sequence[tuple[Foreign, Record]]) -> list[Finding]:
        known = await self._known({(entity, one.id) for one, _ in records})
        rest = [(one, record) for one, record in records if (entity, one.id) not in known]
        found = await self._linking(entity, rest)
        clearing = await self._clearing_ids()
        in_clearing = [(one, record) for one, record in rest if _accounts(one) & clearing]
        found += [_finding(DriftKind.IN_CLEARING, entity, record, None, None) for _, record in in_clearing]
        ids = {one.id for one, _ in in_clearing} | {one.qbo_id for one in found}
        home = (await self._company.preferences()).home_currency
        looks = {one.id: (look, record) for one, record in rest if one.id not in ids and (look := _look(one, home))}
        async with transaction(self._engine) as connection:
            twins = await twins_of(connection, self._store.realm_id, [look for look, _ in looks.values()])
        for (_, qbo_id), key in sorted(twins.items()):
            look, record = looks[qbo_id]
            found.append(_finding(DriftKind.LOOKS_LIKE, entity, record, None, key))
        return found

    async def _linking(self, entity: str, records: Sequence[tuple[Foreign, Record]]) -> list[Finding]:
        """Records whose lines are applied to documents of ours, or hold them."""
        held = {one.id: held_objects(record) for one, record in records}
        async with transaction(self._engine) as connection:
            links = await by_objects(connection, self._store.realm_id, {one for some in held.values() for one in some})
        kind = DriftKind.DEPOSITED if entity == "Deposit" else DriftKind.APPLIED
        found = []
        for one, record in records:
            ours = [links[some] for some in sorted(held[one.id]) if some in links]
            if ours:
                found.append(_finding(kind, entity, record, ours[0], ours[0].document_key))
        return found

    async def _known(self, objects: Iterable[Object]) -> set[Object]:
        """Records of others that stand for documents of ours, or cover payouts."""
        wanted = set(objects)
        async with transaction(self._engine) as connection:
            adopted = await self._store.posted_as(connection, ADOPTED)
            covering = await settled_elsewhere(connection, self._store.realm_id, wanted)
        taken = {(adopted_entity(link) or "", link.qbo_id or "") for link in adopted.values()}
        return covering | (wanted & taken)

    async def _clearing_ids(self) -> frozenset[str]:
        if self._clearing is None:
            async with transaction(self._engine) as connection:
                currencies = await settled_currencies(connection, self._store.realm_id)
            found = set()
            for currency in {*currencies, (await self._company.preferences()).home_currency}:
                try:
                    found.add(await self._company.account(AccountRole.CLEARING, currency))
                except AccountMissing:
                    continue  # then nothing can stand in it
            self._clearing = frozenset(found)
        return self._clearing


def _keys(record: Record) -> list[str]:
    """The document keys that a record's memo names; whatever has not the form of one is none."""
    return [key for key in marked_keys(record) if _KEY.fullmatch(key)]


def _accounts(record: Foreign) -> set[str]:
    return {*record.posted, *([record.account] if record.account else [])}


def _look(record: Foreign, home: str) -> Look | None:
    """What a record looks like; null if there is too little to compare."""
    currency = record.currency or home
    amount = wire.minor(record.total, currency) if record.total is not None else None
    if record.entity not in _COMPARED or not amount:
        return None
    if record.entity in _WITH_CUSTOMER and record.customer_id is None:
        return None
    customer = record.customer_id if record.entity != "Deposit" else None
    return Look(
        entity=record.entity, qbo_id=record.id, amount=amount, currency=currency, day=record.day, customer_id=customer
    )


def _finding(kind: DriftKind, entity: str, record: Record, link: Link | None, key: str | None) -> Finding:
    currency = record.get("CurrencyRef", {}).get("value")
    code = str(currency).lower() if currency else link.currency if link else None
    total = sum_of_debits(record) or record.get("TotalAmt") or record.get("Amount")
    amount = wire.minor(total, code or "usd") if total is not None else None
    details = {"date": str(record.get("TxnDate") or "")}
    if link is not None and link.state is LinkState.POSTED:
        details |= {"document": f"{link.entity}/{link.qbo_id}", "subject": link.subject}
    return Finding(
        document_key=key,
        entity=entity,
        qbo_id=str(record.get("Id")),
        kind=kind.value,
        amount=abs(amount or 0),
        currency=code,
        content=content_digest(entity, record),
        of_ours=False,
        details=details,
    )
