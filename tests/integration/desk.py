"""The desk of an integration test: both services in this process, the product on them, and what a test asks of all."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from tests.unit.qbo.doubles import UnlimitedLimits
from wescope.books.policy import Policy
from wescope.books.subjects import DocumentKey, Subject, SubjectKind
from wescope.config import PolicyFile, Settings
from wescope.engine.results import ParkedRow
from wescope.engine.runtime import Runtime
from wescope.links.database import transaction
from wescope.links.schema import links, parked, subjects
from wescope.links.store import Link
from wescope.links.subjects import wake_due
from wescope.qbo.payloads import marker
from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo import Running as RunningQbo
from wescope.sandbox.qbo.control import ledger
from wescope.sandbox.stripe import Running as RunningStripe
from wescope.sandbox.stripe import StripeSandbox
from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.commands import COMMANDS
from wescope.sandbox.stripe.knobs import Knobs as StripeKnobs
from wescope.stripe.identity import identify
from wescope.stripe.limits import Rates
from wescope.wiring import assemble

SETTLE_S = 0.05
TODAY = date(2026, 11, 20)
_MOST_ROUNDS = 200
_TRANSACTIONS = ("Invoice", "Payment", "CreditMemo", "RefundReceipt", "SalesReceipt")


@dataclass(frozen=True)
class Shop:
    """The merchant: makes customers, invoices and payments in the local Stripe."""

    business: Business

    def do(self, command: str, **values: Any) -> dict[str, Any]:
        return COMMANDS[command](self.business, values, self.business.account.clock.tick())

    def customer(self, name: str | None = "Ada Lovelace", email: str | None = None) -> str:
        return str(self.do("create_customer", name=name, email=email)["id"])

    def invoice(self, customer: str, *amounts: int, **options: Any) -> str:
        lines = [
            {"amount": amount, "description": f"Line {index}"} for index, amount in enumerate(amounts or (10_000,))
        ]
        return str(self.do("create_invoice", customer=customer, lines=lines, **options)["id"])

    def pay(self, invoice: str, **options: Any) -> None:
        self.do("pay_invoice", id=invoice, **options)

    def paid_invoice(self, customer: str, *amounts: int) -> str:
        invoice = self.invoice(customer, *amounts)
        self.pay(invoice)
        return invoice

    def pay_shared(self, shares: dict[str, int], amount: int | None = None) -> str:
        """Pays several invoices by one charge; returns the charge's id."""
        values = {"shares": shares} | ({} if amount is None else {"amount": amount})
        self.do("pay_shared", **values)
        return self.charges()[-1]

    def apply_more(self, charge: str, invoice: str, amount: int) -> None:
        """Applies money that is left on a charge to one more invoice."""
        payments, at = self.business.payments, self.business.account.clock.tick()
        store = self.business.account.store
        found = store.get("charge", charge)
        intent = store.get("payment_intent", found["payment_intent"]) if found else None
        assert intent is not None
        payments._link(self.business.invoices.find(invoice), intent, amount, at, is_default=False)
        payments.credit(intent, at)

    def take_back(self, charge: str) -> None:
        """As a debit that failed after success may be shown: the invoice is open again and nothing pays it."""
        store = self.business.account.store
        found = store.get("charge", charge)
        assert found is not None
        for part in store.all("invoice_payment"):
            if part["payment"].get("payment_intent") == found["payment_intent"]:
                part["status"] = "canceled"
                amount = part["amount_paid"]
                part["amount_paid"] = None
                self.edit(part["invoice"], status="open", amount_paid=0, amount_remaining=amount)

    def void(self, invoice: str) -> None:
        self.do("void_invoice", id=invoice)

    def edit(self, invoice: str, **fields: Any) -> None:
        """Changes fields of an invoice as they are served."""
        self.business.invoices.find(invoice).update(fields)

    def charges(self) -> list[str]:
        return [str(charge["id"]) for charge in self.business.account.store.all("charge")]

    def advance(self, **values: int) -> None:
        self.do("advance", **values)


@dataclass
class Desk:
    """Both services and a runtime. `another` opens further runtimes on the same database, as other processes would."""

    stripe: RunningStripe
    qbo: RunningQbo
    runtime: Runtime
    shop: Shop
    another: Callable[..., contextlib.AbstractAsyncContextManager[Runtime]]

    # --- work -------------------------------------------------------------------------------------------------------

    async def hint(self, *stripe_ids: str) -> None:
        await self.runtime.queue.hint([subject_of(one) for one in stripe_ids], source="test")

    async def sync(self, *stripe_ids: str, runtime: Runtime | None = None) -> None:
        """Hints, and works until nothing is left to do now."""
        await self.hint(*stripe_ids)
        await self.work(runtime)

    async def work(self, runtime: Runtime | None = None) -> None:
        """Runs what is dirty until all is clean; what waits for a while is tried again after the time to settle."""
        for _ in range(_MOST_ROUNDS):
            dirty = await self.dirty()
            if not dirty:
                return
            for subject in dirty:
                await (runtime or self.runtime).reconciler.run(subject)
            if await self.dirty():
                await asyncio.sleep(SETTLE_S / 4)
        raise AssertionError(f"never settles: {await self.dirty()} {await self.codes()}")

    async def once(self, *stripe_ids: str, runtime: Runtime | None = None) -> None:
        """Hints, and runs each subject once, whatever becomes of it."""
        await self.hint(*stripe_ids)
        for one in stripe_ids:
            await (runtime or self.runtime).reconciler.run(subject_of(one))

    async def wake(self, runtime: Runtime | None = None) -> None:
        """Lets the time pass after which parked things are looked at again, and works."""
        used = runtime or self.runtime
        for cached in (used.company._basics, used.company._classes, used.company._tax_lists):
            cached._read_at_s -= 60
        async with transaction(used.engine) as connection:
            pending = links.c.recheck_at.is_not(None)
            await connection.execute(sa.update(links).where(pending).values(recheck_at=sa.func.now()))
            due = sa.update(subjects).where(subjects.c.retry_at.is_not(None)).values(retry_at=sa.func.now())
            await connection.execute(due)
            await wake_due(connection, used.queue.defer)
        await self.work(used)

    async def dirty(self) -> list[Subject]:
        async with transaction(self.runtime.engine) as connection:
            query = sa.select(subjects.c.kind, subjects.c.id).where(subjects.c.dirty > subjects.c.clean)
            rows = (await connection.execute(query.order_by(subjects.c.kind, subjects.c.id))).all()
        return [Subject(kind=SubjectKind(kind), id=one) for kind, one in rows]

    async def all_subjects(self) -> list[str]:
        async with transaction(self.runtime.engine) as connection:
            return list((await connection.execute(sa.select(subjects.c.id).order_by(subjects.c.id))).scalars())

    # --- what is known ----------------------------------------------------------------------------------------------

    async def codes(self) -> dict[str, str]:
        """What is parked: code by document key."""
        async with transaction(self.runtime.engine) as connection:
            rows = (await connection.execute(sa.select(parked.c.document_key, parked.c.code))).all()
        return {str(key): str(code) for key, code in rows}

    async def parked(self, key: str) -> ParkedRow:
        return next(row for row in await self.runtime.parked() if row.key == key)

    async def link(self, key: str) -> Link | None:
        async with transaction(self.runtime.engine) as connection:
            return (await self.runtime.store.load(connection, [DocumentKey(key)])).get(DocumentKey(key))

    async def last_code(self, stripe_id: str) -> str | None:
        async with transaction(self.runtime.engine) as connection:
            query = sa.select(subjects.c.last_code).where(subjects.c.id == stripe_id)
            found: str | None = (await connection.execute(query)).scalar_one()
            return found

    # --- the books in QBO -------------------------------------------------------------------------------------------

    def records(self, entity: str, key: str | None = None) -> list[dict[str, Any]]:
        """QBO's objects, all or those with the marker of a document."""
        found = self.qbo.company.objects(entity)
        if key is None:
            return found
        return [
            one for one in found if marker(DocumentKey(key)) in f"{one.get('PrivateNote')} {one.get('Notes')}".split()
        ]

    def record(self, entity: str, key: str) -> dict[str, Any]:
        (found,) = self.records(entity, key)
        return found

    def balance(self, account: str) -> Decimal:
        return next(Decimal(one["balance"]) for one in self.ledger()["accounts"] if one["name"] == account)

    def receivable(self) -> Decimal:
        return Decimal(self.ledger()["receivable_total"])

    def ledger(self) -> dict[str, Any]:
        return ledger(self.qbo.company)

    def check_books(self) -> None:
        """Balanced, and never two objects for one document."""
        assert Decimal(self.ledger()["trial_balance"]) == 0
        for entity in (*_TRANSACTIONS, "Customer"):
            words = [
                word for one in self.qbo.company.objects(entity) for word in _words(one) if word.startswith("wescope:")
            ]
            assert [word for word, count in Counter(words).items() if count > 1] == []

    def check_invoice(self, invoice: str, *, balance: str) -> dict[str, Any]:
        """The one QBO invoice of a Stripe invoice equals it, with this open balance."""
        record = self.record("Invoice", f"{invoice}:invoice")
        stripe = self.shop.business.invoices.find(invoice)
        assert Decimal(record["TotalAmt"]) * 100 == stripe["total"]
        assert Decimal(record["Balance"]) == Decimal(balance)
        assert record["DocNumber"] == stripe["number"]
        return record

    async def check_settled(self) -> None:
        """The books are sound, nothing is parked, and to run everything again asks QBO nothing at all."""
        self.check_books()
        assert await self.codes() == {}
        await self.check_silent()

    async def check_silent(self) -> None:
        """To run everything again asks QBO nothing at all, not even a read."""
        before = self.qbo.requests.total
        await self.sync(*await self.all_subjects())
        assert self.qbo.requests.total == before, list(self.qbo.requests.entries)[before - self.qbo.requests.total :]

    def asked(self, operation: str, entity: str = "") -> int:
        """How many such requests reached QBO."""
        return sum(one.operation == operation and entity in {"", one.entity} for one in self.qbo.requests.entries)


def _words(record: dict[str, Any]) -> list[str]:
    return f"{record.get('PrivateNote')} {record.get('Notes')}".split()


def subject_of(stripe_id: str) -> Subject:
    return identify(stripe_id)


@contextlib.asynccontextmanager
async def open_desk(
    database: str,
    home: Path,
    token_key: str,
    *,
    knobs: dict[str, Any] | None = None,
    bare: bool = False,
    policy: Policy | None = None,
    dry_run: bool = False,
    settle_s: float = SETTLE_S,
    read_timeout_s: float = 0.5,
    as_of: date = TODAY,
    payouts: str = "none",
    file: PolicyFile | None = None,
    customers: int = 0,
    months: int = 1,
    situations: str = "classic",
) -> AsyncIterator[Desk]:
    """Serve both services and open a runtime on them.

    Args:
        database: its address; migrated.
        home: a folder of this test.
        token_key: encrypts the stored tokens.
        knobs: of the QBO sandbox.
        bare: a QBO company without the accounts and items for Stripe.
        policy: the company's choices.
        dry_run: as in the policy file.
        settle_s: how long until the absence of a lost write is believed.
        read_timeout_s: of the QBO client.
        as_of: the day on which Stripe's history begins.
        payouts: of the Stripe account: none, daily or manual.
        file: accounts, items and tax of the policy file; its policy and dry run are those given above.
        customers: how many Stripe has, with a history of `months` and these `situations`.
        months: see `customers`.
        situations: see `customers`.
    """
    stripe = StripeSandbox(
        customers=customers,
        months=months,
        as_of=as_of,
        payouts=payouts,
        situations=situations,
        knobs=StripeKnobs(requests_per_second=0, requests_per_second_in_all=0),
    )
    qbo = QboSandbox(knobs={"enforce_limits": False, **(knobs or {})}, bare=bare)
    async with stripe.serve() as running_stripe, qbo.serve() as running_qbo:

        @contextlib.asynccontextmanager
        async def another(
            *,
            dry_run: bool = dry_run,
            policy: Policy | None = policy,
            database: str = database,
            watchful: bool = False,
        ) -> AsyncIterator[Runtime]:
            settings = Settings(
                home=home,
                token_key=SecretStr(token_key),
                stripe_api_key=SecretStr(running_stripe.api_key),
                stripe_api_base=running_stripe.url,
                stripe_webhook_secrets=(SecretStr(running_stripe.webhook_secret),),
                qbo_client_id=running_qbo.tokens.client_id,
                qbo_client_secret=SecretStr(running_qbo.tokens.client_secret),
                qbo_realm_id=running_qbo.realm_id,
                qbo_refresh_token=SecretStr(running_qbo.tokens.refresh_token),
                qbo_api_base=running_qbo.url,
                qbo_token_url=f"{running_qbo.url}/oauth2/v1/tokens/bearer",
            )
            chosen = replace(file or PolicyFile(), policy=policy or Policy(), dry_run=dry_run)
            opened = assemble(settings, chosen, database, limits=UnlimitedLimits(), watchful=watchful)
            async with opened as runtime:
                runtime.reconciler.writer._settle = timedelta(seconds=settle_s)
                runtime.reconciler.writer._lands_within = timedelta(seconds=settle_s)
                runtime.client._http.timeout = read_timeout_s
                # The real Stripe's limit, 20 requests a second, would only make tests wait.
                runtime.reader._api._limits._rates = Rates(endpoint=10_000, total=10_000)
                runtime.reader._api.share(1)
                yield runtime

        async with another() as runtime:
            yield Desk(running_stripe, running_qbo, runtime, Shop(running_stripe.business), another)
    qbo.close()


async def gather_all(desk: Desk, runtimes: Sequence[Runtime], *stripe_ids: str) -> None:
    """Runs the subjects on all runtimes at once, then works off what is left."""
    await desk.hint(*stripe_ids)
    runs = [runtime.reconciler.run(subject_of(one)) for one in stripe_ids for runtime in runtimes]
    await asyncio.gather(*runs)
    await desk.work()
