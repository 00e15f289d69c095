"""What must hold when the product has caught up. Stated from Stripe's objects and QBO's books, not from the engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from tests.simulation.engine.world import Violation, World, doubled_keys
from tests.simulation.invariants import Scene, check
from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import DocumentKey
from wescope.links.database import open_engine, transaction
from wescope.links.reports import parked_items
from wescope.links.schema import links
from wescope.links.store import Link, LinkState, LinkStore
from wescope.sandbox.qbo.statements import ledger

_UNSETTLED = frozenset({LinkState.INTENDED, LinkState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the product's tables say of documents at one moment."""

    links: Mapping[DocumentKey, Link]
    items: Mapping[DocumentKey, Parked]

    def is_posted(self, key: DocumentKey) -> bool:
        link = self.links.get(key)
        return link is not None and link.state is LinkState.POSTED

    def parked(self) -> Mapping[DocumentKey, Parked]:
        return self.items


async def prove(world: World) -> None:
    """Proves all.

    Raises:
        Violation: something does not hold; says what.
    """
    _limits(world)
    _single(world)
    trial_balance = ledger(world.qbo.company)["trial_balance"]
    if Decimal(trial_balance):
        raise Violation(f"trial balance: {trial_balance}")
    _edits_stand(world)
    if world.errors:
        raise Violation(f"processes: {world.errors}")
    stored = await _stored(world)
    open_links = [key for key, link in stored.links.items() if link.state in _UNSETTLED]
    if open_links and not world.edits:
        raise Violation(f"links that nobody settles: {open_links}")
    if not world.edits:
        _books(world, stored)
        _balances(world, stored)


def _books(world: World, stored: Stored) -> None:
    """The books equal Stripe, or are parked with a true reason."""
    scene = Scene(
        settings=world.profile.settings,
        store=world.business.account.store,
        company=world.qbo.company,
        known=stored,
        opening=world.merchant.opening,
    )
    try:
        check(scene)
    except AssertionError as error:
        raise Violation(f"books: {error}") from error


def _balances(world: World, stored: Stored) -> None:
    """What is open of each invoice is what Stripe says, not only in sum: where nothing is parked.

    A debt that Stripe carries from an invoice that is too small to the next one stays on its own invoice in QBO.
    """
    if stored.items:
        return
    wrong = []
    for invoice in world.business.account.store.all("invoice"):
        link = stored.links.get(DocumentKey(f"{invoice['id']}:invoice"))
        if link is None or link.state is not LinkState.POSTED or invoice["status"] not in {"open", "paid"}:
            continue
        if invoice["starting_balance"] > 0 or (invoice["ending_balance"] or 0) > 0:
            continue
        record = world.qbo.company.object("Invoice", link.qbo_id or "") or {}
        meant = invoice["amount_remaining"] if invoice["status"] == "open" else 0
        if record.get("Balance", -1) * 100 != meant:
            wrong.append((invoice["id"], invoice["status"], meant, str(record.get("Balance"))))
    if wrong:
        raise Violation(f"open of invoices: {wrong}")


def _limits(world: World) -> None:
    violations = dict(world.qbo.gateway.limits.violations)
    if violations:
        raise Violation(f"limits: {violations}")


def _single(world: World) -> None:
    """One record per key."""
    doubled = doubled_keys(world.qbo.company)
    if doubled:
        raise Violation(f"documents per key: {doubled}")


def _edits_stand(world: World) -> None:
    """What a person has changed is reported, never overwritten, and never taken away."""
    for (entity, record_id), total in world.edits.items():
        record = world.qbo.company.object(entity, record_id)
        stands = record is None if total is None else record is not None and str(record["TotalAmt"]) == total
        if not stands:
            shown = record and record["TotalAmt"]
            raise Violation(f"a person's change: {entity} {record_id} was left with {total} and is {shown}")


async def _stored(world: World) -> Stored:
    engine = open_engine(world.url)
    store = LinkStore(world.qbo.company.realm_id)
    async with transaction(engine) as connection:
        keys = (await connection.execute(sa.select(links.c.document_key))).scalars()
        known = await store.load(connection, [DocumentKey(key) for key in keys])
        rows = await parked_items(connection)
    items = {
        DocumentKey(row.document_key): Parked(
            key=DocumentKey(row.document_key),
            code=ParkCode(row.code),
            amount=row.amount,
            currency=row.currency,
            details=row.details,
        )
        for row in rows
    }
    return Stored(links=known, items=items)
