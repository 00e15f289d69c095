"""The client against the local QBO: what it sends is taken, what comes back is classified, what is lost is found."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.qbo.doubles import MemoryTokenStore, UnlimitedLimits
from tests.unit.qbo.test_payloads import CUSTOMER, CUSTOMER_KEY, INVOICE, INVOICE_KEY, PAYMENT
from wescope.books.documents import CustomerBody, Document, Existence, InvoiceBody, SalesLine
from wescope.books.policy import AccountRole, ItemRole
from wescope.books.subjects import DocumentKey
from wescope.errors import (
    DuplicateDocNumber,
    DuplicateName,
    DuplicateRequestId,
    InvalidReference,
    PeriodClosed,
    QboDisconnected,
    QboNotSent,
    QboOutcomeUnknown,
    QboRefused,
    QboThrottled,
    StaleObject,
    TransientRefusal,
)
from wescope.qbo import queries
from wescope.qbo.attempts import Attempt
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.qbo.lookup import find
from wescope.qbo.payloads import to_payload
from wescope.qbo.records import Written
from wescope.qbo.tokens import TokenSource
from wescope.qbo.verify import differences, edits, is_void
from wescope.sandbox.qbo import QboSandbox, Running

ACCOUNTS = {
    AccountRole.CLEARING: "Stripe Clearing",
    AccountRole.BANK: "Checking",
    AccountRole.FEES: "Stripe Fees",
    AccountRole.DISPUTES: "Stripe Disputes",
}
ITEMS = {ItemRole.SALES: "Stripe Sales", ItemRole.DISCOUNT: "Stripe Discount", ItemRole.TAX: "Stripe Tax"}
IN_HOME_CURRENCY = {None, "usd"}
OF_ALL_CURRENCIES = {AccountRole.FEES, AccountRole.DISPUTES}


def account_name(role: AccountRole, currency: str | None = None) -> str | None:
    """As the sandbox names them: `Stripe Clearing EUR` beside `Stripe Clearing`."""
    name = ACCOUNTS.get(role)
    return name if name is None or currency in IN_HOME_CURRENCY or role in OF_ALL_CURRENCIES else f"{name} {currency}"


@dataclass
class Desk:
    """A client at a running sandbox, and what has been posted through it."""

    running: Running
    client: QboClient
    company: Company
    tokens: TokenSource
    store: MemoryTokenStore
    limits: UnlimitedLimits
    attempts: list[Attempt]
    posted: dict[DocumentKey, str]
    count: int = 0

    def request_id(self) -> str:
        self.count += 1
        return f"ws{self.count}"

    async def payload(self, document: Document, name: str | None = None) -> dict[str, Any]:
        return to_payload(document, await self.company.references(document, self.posted, name))

    async def post(self, document: Document, request_id: str = "") -> Written:
        written = await self.client.create(
            document.entity.value,
            await self.payload(document),
            request_id=request_id or self.request_id(),
            document_key=document.key,
        )
        self.posted[document.key] = written.record["Id"]
        return written

    async def lookup(self, document: Document, **options: Any) -> Any:
        return await find(self.client, document, await self.company.references(document, self.posted), **options)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as made:
        yield made


@contextlib.asynccontextmanager
async def open_desk(**knobs: Any) -> AsyncIterator[Desk]:
    sandbox = QboSandbox(knobs={"enforce_limits": False, **knobs})
    async with sandbox.serve() as running:
        store, limits, attempts = MemoryTokenStore(), UnlimitedLimits(), list[Attempt]()
        tokens = TokenSource(
            realm_id=running.realm_id,
            store=store,
            client_id=running.tokens.client_id,
            client_secret=running.tokens.client_secret,
            token_url=f"{running.url}/oauth2/v1/tokens/bearer",
            seed_refresh_token=running.tokens.refresh_token,
        )
        client = QboClient(
            api_base=running.url,
            realm_id=running.realm_id,
            tokens=tokens,
            limits=limits,
            hooks=(attempts.append,),
            read_timeout_s=2,
        )
        company = Company(client, account_name, ITEMS)
        yield Desk(running, client, company, tokens, store, limits, attempts, {})
        await client.aclose()
        await tokens.aclose()
    sandbox.close()


async def test_customer_invoice_and_payment_are_stored_as_sent(desk: Desk) -> None:
    for document in (CUSTOMER, INVOICE, PAYMENT):
        written = await desk.post(document)
        assert differences(document, await desk.payload(document), written.record) == ()
        read = await desk.client.read(document.entity.value, desk.posted[document.key])
        assert read is not None
        assert differences(document, await desk.payload(document), read) == ()
        assert written.intuit_tid
    invoice = await desk.client.read("Invoice", desk.posted[INVOICE_KEY])
    assert invoice is not None
    assert invoice["Balance"] == 0
    assert {attempt.outcome for attempt in desk.attempts} == {"ok"}


async def test_a_company_with_own_numbers_and_currencies() -> None:
    async with open_desk(custom_txn_numbers=False, multicurrency=True) as desk:
        for document in (CUSTOMER, INVOICE, PAYMENT):
            written = await desk.post(document)
            assert differences(document, await desk.payload(document), written.record) == ()


async def test_the_same_request_id_makes_one_object(desk: Desk) -> None:
    await desk.post(CUSTOMER)
    first = await desk.post(INVOICE, "ws-same")
    again = await desk.post(INVOICE, "ws-same")
    assert first.record["Id"] == again.record["Id"]
    assert len(await desk.client.query_all("Invoice", queries.where_equals("DocNumber", "ACME-0001"))) == 1


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "cut_body", "wrong_format"])
async def test_a_write_whose_answer_is_lost_is_unknown_and_found(desk: Desk, kind: str) -> None:
    for document in (CUSTOMER, INVOICE, PAYMENT):
        before = datetime.now(UTC)
        desk.running.faults.arm(kind, method="POST", entity=document.entity.value, operation="create")
        with pytest.raises(QboOutcomeUnknown):
            await desk.post(document)
        found = await desk.lookup(document, since=before)
        assert found is not None
        assert found.others == ()
        assert differences(document, await desk.payload(document), found.record) == ()
        desk.posted[document.key] = found.record["Id"]


@pytest.mark.parametrize("kind", ["drop_before", "error_before"])
async def test_a_write_that_did_not_land_is_unknown_and_not_found(desk: Desk, kind: str) -> None:
    await desk.post(CUSTOMER)
    desk.running.faults.arm(kind, entity="Invoice", operation="create")
    with pytest.raises(QboOutcomeUnknown):
        await desk.post(INVOICE)
    assert await desk.lookup(INVOICE, since=datetime.now(UTC)) is None


async def test_duplicates_are_all_reported(desk: Desk) -> None:
    await desk.post(CUSTOMER)
    first, second = await desk.post(INVOICE), await desk.post(INVOICE)
    found = await desk.lookup(INVOICE)
    assert (found.record["Id"], found.others) == (second.record["Id"], (first.record["Id"],))


async def test_documents_are_voided_and_stay_known_as_ours(desk: Desk) -> None:
    for document in (CUSTOMER, INVOICE, PAYMENT):
        await desk.post(document)
    for document in (PAYMENT, INVOICE):
        entity, qbo_id = document.entity.value, desk.posted[document.key]
        record = await desk.client.read(entity, qbo_id)
        assert record is not None
        assert not is_void(record)
        voided = await desk.client.void(
            entity, qbo_id, record["SyncToken"], request_id=desk.request_id(), document_key=document.key
        )
        assert is_void(voided.record)
        assert differences(replace(document, existence=Existence.VOID), {}, voided.record) == ()
        assert edits(document, voided.record, amount=0, txn_date=document.dates.txn) == ()
        assert (await desk.lookup(document)).record["Id"] == qbo_id


async def test_deleted_documents_are_gone(desk: Desk) -> None:
    await desk.post(CUSTOMER)
    written = await desk.post(INVOICE)
    qbo_id = written.record["Id"]
    await desk.client.delete("Invoice", qbo_id, "0", request_id="ws-delete", document_key=INVOICE_KEY)
    assert await desk.client.read("Invoice", qbo_id) is None
    assert await desk.lookup(INVOICE, since=datetime.now(UTC)) is None


async def test_a_sparse_update_leaves_the_intended_lines_only(desk: Desk) -> None:
    await desk.post(CUSTOMER)
    written = await desk.post(INVOICE)
    assert isinstance(INVOICE.body, InvoiceBody)
    line = SalesLine(item=ItemRole.SALES, amount=1234, description="Corrected")
    document = replace(INVOICE, amount=1234, body=replace(INVOICE.body, lines=(line,)))
    payload = await desk.payload(document)
    change = {**payload, "Id": written.record["Id"], "SyncToken": "0", "sparse": True}
    updated = await desk.client.update("Invoice", change, request_id="ws-u", document_key=INVOICE_KEY)
    assert differences(document, payload, updated.record) == ()
    assert differences(INVOICE, await desk.payload(INVOICE), updated.record)[0] == "TotalAmt:30.00/12.34"
    with pytest.raises(StaleObject):
        await desk.client.update("Invoice", change, request_id="ws-v", document_key=INVOICE_KEY)


async def test_links_that_are_silently_dropped_are_noticed(desk: Desk) -> None:
    await desk.post(CUSTOMER)
    await desk.post(INVOICE)
    desk.running.faults.arm("drop_links", entity="Payment")
    written = await desk.post(PAYMENT)
    found = differences(PAYMENT, await desk.payload(PAYMENT), written.record)
    assert found[0].startswith("LinkedTxn.Invoice.")
    assert found[-1] == "UnappliedAmt:0.05/30.05"


async def test_an_expired_token_is_refreshed_and_stored(desk: Desk) -> None:
    await desk.post(CUSTOMER)
    desk.running.faults.arm("unauthorized")
    await desk.post(INVOICE)
    assert desk.store.stored is not None
    assert desk.store.stored.generation == 2
    assert [attempt.status for attempt in desk.attempts][-2:] == [401, 200]


async def test_many_calls_at_once_refresh_once(desk: Desk) -> None:
    await desk.client.preferences()
    desk.running.company.turn(refresh_ms=50)
    assert desk.store.stored is not None
    old = desk.store.stored.access_token
    await asyncio.gather(*(desk.tokens.refresh(old) for _ in range(30)))
    assert desk.store.stored.generation == 2


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_throttled_pauses_in_both_formats(form: str) -> None:
    async with open_desk(throttle_format=form) as desk:
        await desk.post(CUSTOMER)
        desk.running.faults.arm("throttle", entity="Invoice")
        with pytest.raises(QboThrottled):
            await desk.post(INVOICE)
        assert desk.limits.pauses == [60]
        assert await desk.lookup(INVOICE) is None


@pytest.mark.parametrize("text", ["save", "names"])
async def test_transient_refusals_are_known_by_their_texts(desk: Desk, text: str) -> None:
    desk.running.faults.arm("transient", text=text, entity="Customer", operation="create")
    with pytest.raises(TransientRefusal):
        await desk.post(CUSTOMER)
    await desk.post(CUSTOMER)


@pytest.mark.parametrize(
    ("code", "kind"), [("600", DuplicateRequestId), ("6190", QboDisconnected), ("6540", QboRefused)]
)
async def test_injected_faults(desk: Desk, code: str, kind: type[Exception]) -> None:
    desk.running.faults.arm("fault", code=code, status=400, entity="Customer", operation="create")
    with pytest.raises(kind):
        await desk.post(CUSTOMER)


async def test_names_numbers_references_and_closed_books_are_refused_by_their_kinds() -> None:
    async with open_desk(warn_duplicate_doc_number=True) as desk:
        await desk.post(CUSTOMER)
        with pytest.raises(DuplicateName):
            await desk.post(CUSTOMER)
        written = await desk.post(INVOICE)
        with pytest.raises(DuplicateDocNumber) as caught:
            await desk.post(INVOICE)
        assert caught.value.details["txn_id"] == written.record["Id"]
        desk.posted[CUSTOMER_KEY] = "99999"
        with pytest.raises(InvalidReference):
            await desk.post(PAYMENT)
        desk.running.company.turn(book_close_date="2026-03-31")
        desk.posted[CUSTOMER_KEY] = written.record["CustomerRef"]["value"]
        with pytest.raises(PeriodClosed):
            await desk.post(PAYMENT)
        await desk.company.refresh()
        assert str((await desk.company.preferences()).book_close_date) == "2026-03-31"


async def test_a_customer_that_was_made_inactive_is_found(desk: Desk) -> None:
    qbo_id = (await desk.post(CUSTOMER)).record["Id"]
    change = {"Id": qbo_id, "SyncToken": "0", "sparse": True, "Active": False}
    await desk.client.update("Customer", change, request_id="ws-i")
    found = await desk.lookup(CUSTOMER)
    assert found.record["Id"] == qbo_id
    assert "Active" in differences(CUSTOMER, await desk.payload(CUSTOMER), found.record)


async def test_names_with_quotes_and_other_scripts_are_found(desk: Desk) -> None:
    document = replace(CUSTOMER, body=CustomerBody(display_names=("Amy's \\ & 日本 100% 'Ltd'",)))
    written = await desk.post(document)
    assert (await desk.lookup(document)).record["Id"] == written.record["Id"]


async def test_pages_are_complete(desk: Desk) -> None:
    everything = await desk.client.query_all("Account", queries.including_inactive())
    paged = await desk.client.query_all("Account", queries.including_inactive(), page=7)
    assert [record["Id"] for record in paged] == [record["Id"] for record in everything]
    assert len(everything) > 14


async def test_company_info_can_be_read(desk: Desk) -> None:
    assert (await desk.client.company_info())["CompanyName"]


async def test_wrong_app_credentials_are_the_operators_to_mend(desk: Desk) -> None:
    wrong = TokenSource(
        realm_id=desk.running.realm_id,
        store=MemoryTokenStore(),
        client_id="wrong",
        client_secret="wrong",
        token_url=f"{desk.running.url}/oauth2/v1/tokens/bearer",
        seed_refresh_token="x",
    )
    with pytest.raises(QboDisconnected):
        await wrong.access_token()
    await wrong.aclose()


async def test_a_server_that_is_away_is_not_sent() -> None:
    async with open_desk() as desk:
        await desk.client.preferences()
        client = QboClient(
            api_base="http://127.0.0.1:1",
            realm_id=desk.running.realm_id,
            tokens=desk.tokens,
            limits=desk.limits,
            attempts=1,
        )
        with pytest.raises(QboNotSent):
            await client.create("Customer", {"DisplayName": "x"}, request_id="ws1")
        await client.aclose()
