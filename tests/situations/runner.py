"""Runs a case through both stand-ins and the product between them, and keeps what was written."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.situations.case import Case
from tests.situations.scene import Json, Labels, Scene
from wescope.books.desired import desired_books
from wescope.books.documents import Desired, Document
from wescope.books.money import to_decimal
from wescope.books.policy import Policy
from wescope.books.subjects import Subject
from wescope.books.values import StripeObject
from wescope.engine.results import PayoutResult, to_json
from wescope.engine.tieout_results import TieOut
from wescope.links.database import transaction
from wescope.links.schema import links
from wescope.qbo.client import QboClient
from wescope.sandbox.qbo import exchange_rates
from wescope.stripe.hints import hint_of


@dataclass
class Played:
    """What a case ended with, in labels: nothing here depends on chance or on the day of the test."""

    case: Case
    labels: Labels
    stripe: list[Json]
    written: list[tuple[str, str, Json]]
    """Operation, entity and payload of everything that was sent to QBO, in order."""
    balances: dict[str, Decimal]
    open: dict[str, Decimal]
    dates: dict[str, str]
    states: dict[str, str]
    parked: dict[str, str]
    at_stake: dict[str, str]
    tieout: TieOut
    payouts: dict[str, Json] = field(default_factory=dict)
    lines: dict[str, tuple[tuple[str, Decimal], ...]] = field(default_factory=dict)
    documents: tuple[Document, ...] = ()
    """Every document that was ever asked for, also those that were not posted, and the counters of all."""


@contextlib.asynccontextmanager
async def stage(case: Case, make_desk: OpenDesk) -> AsyncIterator[tuple[Desk, Scene]]:
    """Both services and the product, before anything has happened."""
    options: dict[str, Any] = {"knobs": dict(case.knobs), "policy": case.policy, "file": case.file}
    async with make_desk(as_of=date.fromisoformat(case.start), payouts=case.payouts, **options) as desk:
        scene = Scene(desk.stripe.business)
        _set_rates(desk, case)
        if case.stripe:
            scene.do("set_account", **case.stripe)
        yield desk, scene


async def play(case: Case, desk: Desk, scene: Scene) -> Played:
    """Lets everything happen, syncs after each part, and reads both sides."""
    before = _balances(desk)
    written = _recorded(desk.runtime.client)
    with _computed() as documents:
        await _happen(case, desk, scene)
    labels = Labels(desk.stripe.business)
    after = _balances(desk)
    changed = {name: after[name] - before.get(name, Decimal(0)) for name in after}
    rows = await _links(desk)
    return Played(
        case=case,
        labels=labels,
        stripe=[one for kind in _SHOWN for one in desk.stripe.business.account.store.all(kind)],
        written=written,
        balances={name: amount for name, amount in changed.items() if amount},
        open={labels.plain(name): amount for name, amount in _open(desk).items()},
        dates={labels.plain(row.document_key): row.txn_date.isoformat() for row in rows if row.txn_date},
        states={labels.plain(row.document_key): row.state for row in rows},
        parked={labels.plain(key): code for key, code in (await desk.codes()).items()},
        at_stake={
            labels.plain(row.key): f"{to_decimal(row.amount, row.currency)} {row.currency}"
            for row in await desk.runtime.parked()
        },
        tieout=await desk.runtime.tieout(date.fromisoformat("2027-12-31")),
        payouts={labels.label(one.payout_id): await _payout(desk, one.payout_id) for one in await _payouts(desk)},
        lines={labels.plain(key): lines for key, lines in _lines(desk)},
        documents=tuple(documents),
    )


async def _happen(case: Case, desk: Desk, scene: Scene) -> None:
    case.play(scene)
    await sync(desk)
    for part in case.then:
        done = part(desk, scene)
        if done is not None:
            await done
        await sync(desk)


@contextlib.contextmanager
def _computed() -> Iterator[list[Document]]:
    """The documents that the books ask for meanwhile, with their counters."""
    found: list[Document] = []

    def computing(value: StripeObject, policy: Policy) -> Desired:
        desired = desired_books(value, policy)
        for document in desired.documents:
            found.extend((document, *document.counters))
        return desired

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wescope.engine.reconcile.desired_books", computing)
        patch.setattr("wescope.engine.payouts.desired_books", computing)
        yield found


async def _payouts(desk: Desk) -> list[PayoutResult]:
    return sorted(await desk.runtime.payouts(), key=lambda one: (one.payout_date or date.min, one.payout_id))


async def _payout(desk: Desk, payout_id: str) -> Json:
    """The stored check of a payout as people see it, and the states of its rows by category."""
    detail = await desk.runtime.payout(payout_id)
    states: dict[str, set[str]] = {}
    for row in detail.rows:
        states.setdefault(row.category, set()).add(row.state)
    shown: Json = to_json(detail.payout)
    return {**shown, "rows": {category: " ".join(sorted(found)) for category, found in states.items()}}


def _lines(desk: Desk) -> Iterator[tuple[str, tuple[tuple[str, Decimal], ...]]]:
    """Our deposits and journal entries with accounts and amounts; debits of journal entries are positive."""
    names = {one["Id"]: one["Name"] for one in desk.qbo.company.objects("Account")}
    for entity, detail_name in (("Deposit", "DepositLineDetail"), ("JournalEntry", "JournalEntryLineDetail")):
        for one in desk.qbo.company.objects(entity):
            words = [word for word in str(one.get("PrivateNote")).split() if word.startswith("wescope:")]
            lines = []
            for line in one["Line"]:
                detail = line[detail_name]
                sign = -1 if detail.get("PostingType") == "Credit" else 1
                lines.append((names[detail["AccountRef"]["value"]], sign * Decimal(str(line["Amount"]))))
            for word in words:
                yield word.removeprefix("wescope:"), tuple(lines)


def _set_rates(desk: Desk, case: Case) -> None:
    unit = desk.qbo.company.books.begin()
    for since, rates in case.rates.items():
        for code, rate in rates.items():
            exchange_rates.set_rate(unit, code, Decimal(rate), since)
    unit.commit()


_CREDIT_TYPES = frozenset(
    {"Income", "Other Income", "Accounts Payable", "Other Current Liability", "Long Term Liability", "Equity"}
)
_SHOWN = (
    "invoice", "invoice_payment", "charge", "refund", "credit_note", "customer_balance_transaction", "dispute", "topup",
    "payout", "balance_transaction",
)  # fmt: skip


async def sync(desk: Desk) -> None:
    """Hints what every event says, as webhooks would, works, and lets the time pass after which parked things run."""
    subjects: dict[Subject, None] = {}
    log = desk.stripe.business.account.log
    for event in log.all():
        hint = hint_of(log.snapshot_body(event, pending_webhooks=1))
        if hint.subject:
            subjects[hint.subject] = None
    await desk.runtime.queue.hint(list(subjects), source="test")
    await desk.work()
    for _ in range(3):
        _grow_old(desk.runtime.reconciler.payouts)
        await desk.wake()


def _grow_old(payouts: Any) -> None:
    """What was read of others' documents is a minute older."""
    for month in payouts.matcher.entries._records._months.values():
        month._read_at_s -= 60


def _recorded(client: QboClient) -> list[tuple[str, str, Json]]:
    written: list[tuple[str, str, Json]] = []
    create, update, void, delete = client.create, client.update, client.void, client.delete

    async def creating(entity: str, payload: Mapping[str, Any], **options: Any) -> Any:
        written.append(("create", entity, dict(payload)))
        return await create(entity, payload, **options)

    async def updating(entity: str, payload: Mapping[str, Any], **options: Any) -> Any:
        written.append(("update", entity, dict(payload)))
        return await update(entity, payload, **options)

    async def voiding(entity: str, qbo_id: str, sync_token: str, **options: Any) -> Any:
        written.append(("void", entity, {"Id": qbo_id, "SyncToken": sync_token}))
        return await void(entity, qbo_id, sync_token, **options)

    async def deleting(entity: str, qbo_id: str, sync_token: str, **options: Any) -> Any:
        written.append(("delete", entity, {"Id": qbo_id, "SyncToken": sync_token}))
        return await delete(entity, qbo_id, sync_token, **options)

    for name, replacement in (("create", creating), ("update", updating), ("void", voiding), ("delete", deleting)):
        setattr(client, name, replacement)
    return written


def _balances(desk: Desk) -> dict[str, Decimal]:
    """Balances in home currency, debits positive, whatever the class of the account."""
    accounts = desk.ledger()["accounts"]
    return {one["name"]: Decimal(one["balance"]) * (-1 if one["type"] in _CREDIT_TYPES else 1) for one in accounts}


def _open(desk: Desk) -> dict[str, Decimal]:
    """What customers owe, by QBO name and in their own currency: all that stands on A/R in their names."""
    owed = {one["name"]: Decimal(one["own_balance"]) for one in desk.ledger()["receivable"]}
    return {name: amount for name, amount in owed.items() if amount}


async def _links(desk: Desk) -> list[Any]:
    async with transaction(desk.runtime.engine) as connection:
        query = sa.select(links.c.document_key, links.c.txn_date, links.c.state).where(links.c.entity != "Customer")
        return list((await connection.execute(query)).all())
