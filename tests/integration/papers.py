"""Hand-made documents of every entity, and a hand that puts them through the writer until they are settled."""

import asyncio
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from tests.integration.desk import SETTLE_S, Desk
from wescope.books.documents import (
    Application,
    Body,
    CreditMemoBody,
    CustomerBody,
    DepositBody,
    DepositLine,
    Document,
    Entity,
    Existence,
    InvoiceBody,
    JournalEntryBody,
    JournalLine,
    KeyDates,
    PaymentBody,
    ReceiptBody,
    SalesLine,
    Settled,
)
from wescope.books.parking import Parked
from wescope.books.policy import AccountRole, ItemRole, RoleAccount
from wescope.books.subjects import DocumentKey, Subject, SubjectKind, customer_key
from wescope.engine.parks import Park
from wescope.engine.plan import Action, plan_document
from wescope.engine.runtime import Runtime
from wescope.engine.sending import NotSettled
from wescope.engine.writer import Writer
from wescope.links.database import transaction

SUBJECT = Subject(kind=SubjectKind.PAYOUT, id="po_1")
DAY = date(2026, 11, 12)
CLEARING, BANK, FEES, DISPUTES, RECEIVABLE = (
    RoleAccount(role=role, currency="usd")
    for role in (
        AccountRole.CLEARING,
        AccountRole.BANK,
        AccountRole.FEES,
        AccountRole.DISPUTES,
        AccountRole.RECEIVABLE,
    )
)
CUSTOMER = Document(
    key=customer_key("cus_1", "usd"),
    entity=Entity.CUSTOMER,
    currency="usd",
    amount=0,
    body=CustomerBody(display_names=("Ada Lovelace", "Ada Lovelace (cus_1)")),
)


def lines(amount: int) -> tuple[SalesLine, ...]:
    """Two sales lines that add up."""
    first = SalesLine(item=ItemRole.SALES, amount=amount - 100, description="Maps", service_date=DAY)
    return (first, SalesLine(item=ItemRole.REFUNDS, amount=100, description="Ink"))


def document(entity: Entity, amount: int = 1_000, *, settled: int | None = None, day: date = DAY) -> Document:
    """A document of 10.00 that refers to the customer at most."""
    name = entity.value
    reference = f"{name[:6]}-1"
    line, memo = lines(amount), f"memo {amount}"
    bodies: dict[Entity, Body] = {
        Entity.INVOICE: InvoiceBody(customer=CUSTOMER.key, lines=line, doc_number=reference),
        Entity.CREDIT_MEMO: CreditMemoBody(customer=CUSTOMER.key, lines=line, doc_number=reference),
        Entity.SALES_RECEIPT: ReceiptBody(
            customer=CUSTOMER.key, lines=line, account=CLEARING, doc_number=reference, reference=reference
        ),
        Entity.REFUND_RECEIPT: ReceiptBody(
            customer=CUSTOMER.key, lines=line, account=CLEARING, doc_number=reference, reference=reference
        ),
        Entity.PAYMENT: PaymentBody(customer=CUSTOMER.key, deposit_to=CLEARING, reference=reference, applications=()),
        Entity.JOURNAL_ENTRY: JournalEntryBody(
            lines=(
                JournalLine(account=DISPUTES, amount=amount - 300, description=memo),
                JournalLine(account=RECEIVABLE, amount=300, description=memo, customer=CUSTOMER.key),
                JournalLine(account=CLEARING, amount=-amount, description=memo),
            ),
            doc_number=reference,
        ),
        Entity.DEPOSIT: DepositBody(
            bank=BANK,
            lines=(
                DepositLine(account=CLEARING, amount=amount + 59, description="charge"),
                DepositLine(account=FEES, amount=-59, description="Processing fees"),
            ),
        ),
    }
    return Document(
        key=DocumentKey(f"x_1:{name.lower()}"),
        entity=entity,
        currency="usd",
        amount=amount,
        body=bodies[entity],
        dates=KeyDates(txn=day),
        note=f"Stripe {name}",
        settled=None if settled is None else Settled(amount=settled, currency="usd"),
    )


def applied_to(key: DocumentKey, amount: int, *, entity: Entity = Entity.INVOICE) -> Document:
    """A payment of 10.00 that pays part of a document."""
    paid = document(Entity.PAYMENT)
    assert isinstance(paid.body, PaymentBody)
    application = Application(document=key, amount=amount, entity=entity)
    return replace(paid, body=replace(paid.body, applications=(application,)))


def void(stated: Document) -> Document:
    """The same, to be taken back."""
    return replace(stated, existence=Existence.VOID)


def writer_on(runtime: Runtime, **options: Any) -> Writer:
    """A writer of its own on a runtime's database and QBO; takes what `Writer` takes beyond them."""
    writer = Writer(
        engine=runtime.engine,
        store=runtime.store,
        client=runtime.client,
        company=runtime.company,
        settle_s=20,
        server_timeout_s=120,
        **options,
    )
    writer._settle = writer._lands_within = timedelta(seconds=SETTLE_S)
    return writer


@dataclass
class Hand:
    """Puts documents through a writer, one after another, as a run would."""

    desk: Desk
    writer: Writer

    async def put(self, *documents: Document) -> list[tuple[Action, str | None] | Parked]:
        """What was done for each (action and QBO id), or why nothing was; waits for what is not settled."""
        return [one for each in documents for one in await self._put_one(each)]

    async def _put_one(self, stated: Document) -> list[tuple[Action, str | None] | Parked]:
        store = self.desk.runtime.store
        async with transaction(self.desk.runtime.engine) as connection:
            links = await store.load(connection, [stated.key, *(one.key for one in stated.counters)])
        link = links.get(stated.key)
        closed_until = await self.writer.closed_until(link.txn_date) if link else None
        told: list[tuple[Action, str | None] | Parked] = []
        async with self.desk.runtime.reconciler.locks.hold("test") as lease:
            for step in plan_document(stated, links, closed_until):
                try:
                    done = await self.writer.apply(step, SUBJECT, lease)
                except Park as park:
                    told.append(park.item)
                except NotSettled:
                    await asyncio.sleep(SETTLE_S / 2)
                    break
                else:
                    told.append((done.action, done.qbo_id))
            else:
                return told
        return await self._put_one(stated)

    async def parked(self, stated: Document) -> Parked:
        """Why a document was not put."""
        (found,) = await self.put(stated)
        assert isinstance(found, Parked)
        return found

    async def done(self, *documents: Document) -> list[Action]:
        """What was done for each; all are done."""
        told = await self.put(*documents)
        assert not [one for one in told if isinstance(one, Parked)], told
        return [one[0] for one in told if not isinstance(one, Parked)]
