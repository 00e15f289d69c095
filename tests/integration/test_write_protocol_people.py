"""People who come between a read and a write, names that are taken, deposited transactions, credits applied unasked."""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, Shop
from tests.integration.papers import CUSTOMER, Hand, document, void, writer_on
from wescope.books.documents import Document, Entity
from wescope.books.parking import ParkCode, Parked
from wescope.engine.plan import Action
from wescope.errors import StaleObject

ENTITIES = [Entity.INVOICE, Entity.PAYMENT, Entity.SALES_RECEIPT, Entity.JOURNAL_ENTRY, Entity.DEPOSIT]
VOIDED_BY_API = frozenset({Entity.INVOICE, Entity.PAYMENT, Entity.SALES_RECEIPT})


async def _hand(desk: Desk) -> Hand:
    hand = Hand(desk, writer_on(desk.runtime))
    await hand.done(CUSTOMER)
    return hand


def _code(told: object) -> ParkCode | None:
    return told.code if isinstance(told, Parked) else None


# --- between read and write -----------------------------------------------------------------------------------------

# What a person does, whether we change or take back, and what becomes of it in the end.
_MEDDLING = [
    ("delete", "change", ParkCode.MISSING_IN_QBO),
    ("delete", "take back", None),
    ("edit", "change", ParkCode.EDITED_IN_QBO),
    ("edit", "take back", ParkCode.EDITED_IN_QBO),
    ("void", "change", ParkCode.EDITED_IN_QBO),
    ("void", "take back", None),
]


@pytest.mark.parametrize(("meddling", "ours", "code"), _MEDDLING)
@pytest.mark.parametrize("entity", ENTITIES)
async def test_a_person_comes_between_read_and_write(  # noqa: PLR0917 - a table
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    entity: Entity,
    meddling: str,
    ours: str,
    code: ParkCode | None,
) -> None:
    if meddling == "void" and entity not in VOIDED_BY_API:
        pytest.skip("QBO has no void of it")
    hand, stated = await _hand(desk), document(entity)
    await hand.done(stated)
    (record,) = desk.records(entity.value, stated.key)
    method = "update" if ours == "change" else "void" if entity in VOIDED_BY_API else "delete"
    write = getattr(desk.runtime.client, method)

    async def after_a_person(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(desk.runtime.client, method, write)
        body = {"Id": record["Id"]} | ({"TxnDate": "2026-11-01"} if meddling == "edit" else {})
        action = "update" if meddling == "edit" else meddling
        assert desk.qbo.company.human(entity.value, action, body).status == 200
        return await write(*arguments, **options)

    monkeypatch.setattr(desk.runtime.client, method, after_a_person)
    wanted = document(entity, 2_000) if ours == "change" else void(stated)
    await _settle(hand, wanted)
    (told,) = await hand.put(wanted)
    assert _code(told) is code
    left = desk.records(entity.value, stated.key)
    if meddling == "edit":
        assert [one["TxnDate"] for one in left] == ["2026-11-01"], "never overwritten, never taken back"
    else:
        assert not any(Decimal(one["TotalAmt"]) for one in left), "never made again"
    desk.check_books()


async def _settle(hand: Hand, wanted: Document) -> None:
    """A stale object ends a run, and a refusal may not say yet what became of it: the next run finds out."""
    for _ in range(2):
        with contextlib.suppress(StaleObject):
            await hand.put(wanted)


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("ours", ["change", "take back"])
async def test_the_books_are_closed_between_read_and_write(desk: Desk, entity: Entity, ours: str) -> None:
    hand, stated = await _hand(desk), document(entity)
    await hand.done(stated)
    desk.qbo.company.turn(book_close_date="2026-11-30")
    wanted = document(entity, 2_000) if ours == "change" else void(stated)
    item = await hand.parked(wanted)
    assert (item.code, item.details.get("fault_code")) == (ParkCode.PERIOD_CLOSED, "6210")
    desk.qbo.company.turn(book_close_date="")
    await desk.runtime.company.refresh()
    assert await hand.done(wanted) == [Action.UPDATE if ours == "change" else Action.VOID]


# --- refusals with a code of their own ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["6540", "6480", "620", "2300", "unheard_of"])
@pytest.mark.parametrize("ours", ["create", "change", "take back"])
async def test_a_refusal_is_named_and_mended_by_itself(desk: Desk, ours: str, code: str) -> None:
    """6540: it sits in a deposit. Asked once per run, never blindly again, and what stands is as it was."""
    hand, stated = await _hand(desk), document(Entity.PAYMENT)
    if ours != "create":
        await hand.done(stated)
    before = desk.records("Payment")
    operation = {"create": "create", "change": "update", "take back": "void"}[ours]
    desk.qbo.faults.arm("fault", entity="Payment", operation=operation, code=code, status=400)
    wanted = {"create": stated, "change": document(Entity.PAYMENT, 2_000), "take back": void(stated)}[ours]
    item = await hand.parked(wanted)
    expected = code if code.isdigit() else "unknown"
    assert (item.code, item.details["fault_code"]) == (ParkCode.REFUSED_BY_QBO, expected)
    assert desk.asked(operation, "Payment") == 1
    assert desk.records("Payment") == before
    await hand.done(wanted)
    assert desk.asked(operation, "Payment") == 2


@pytest.mark.parametrize("text", ["save", "names"])
@pytest.mark.parametrize("entity", [Entity.CUSTOMER, Entity.INVOICE, Entity.PAYMENT])
async def test_the_transient_refusals_are_tried_again_later(desk: Desk, shop: Shop, entity: Entity, text: str) -> None:
    invoice = shop.paid_invoice(shop.customer())
    rule = desk.qbo.faults.arm("transient", method="POST", entity=entity.value, operation="create", text=text, count=2)
    await desk.sync(invoice)
    assert rule.fired == 2
    desk.check_invoice(invoice, balance="0")
    await desk.check_settled()


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entity", "name", "is_active"),
    [
        ("Customer", "Ada Lovelace", True),
        ("Customer", "ADA  LOVELACE", True),
        ("Vendor", "Ada Lovelace", True),
        ("Employee", "Ada Lovelace", True),
        ("Customer", "Ada Lovelace", False),
        ("Vendor", "Ada Lovelace", False),
    ],
)
@pytest.mark.parametrize("detail", ["text", "null"])
async def test_a_name_that_is_taken(make_desk: OpenDesk, entity: str, name: str, is_active: bool, detail: str) -> None:
    async with make_desk(knobs={"duplicate_name_detail": detail}) as desk:
        given = {"GivenName": "Ada", "FamilyName": "Lovelace"} if entity == "Employee" else {}
        theirs = desk.qbo.company.human(entity, "create", {"DisplayName": name, **given})
        assert theirs.status == 200, theirs.body
        other = theirs.body[entity]
        if not is_active:
            other = desk.qbo.company.human(entity, "update", {"Id": other["Id"], "Active": False}).body[entity]
        customer = desk.shop.customer("Ada Lovelace")
        invoice = desk.shop.invoice(customer)
        await desk.sync(invoice)
        made = desk.record("Customer", f"{customer}:customer:usd")
        distinct = f"Ada Lovelace ({customer})"
        assert made["DisplayName"] == (distinct if is_active else "Ada Lovelace")
        assert desk.qbo.company.object(entity, other["Id"]) == other, "never touched"
        desk.check_invoice(invoice, balance="100")
        await desk.check_settled()


async def test_all_names_are_taken(desk: Desk, shop: Shop) -> None:
    customer = shop.customer("Ada Lovelace")
    taken = {"Vendor": "Ada Lovelace", "Employee": f"Ada Lovelace ({customer})", "Customer": customer}
    made: dict[str, dict[str, Any]] = {}
    for entity, name in taken.items():
        given = {"GivenName": "Ada"} if entity == "Employee" else {}
        made |= desk.qbo.company.human(entity, "create", {"DisplayName": name, **given}).body
    invoice = shop.invoice(customer)
    await desk.sync(invoice)
    assert (await desk.codes())[f"{customer}:customer:usd"] == "name_taken"
    renamed = {"Id": made["Employee"]["Id"], "DisplayName": "Somebody else"}
    assert desk.qbo.company.human("Employee", "update", renamed).status == 200
    await desk.wake()
    desk.check_invoice(invoice, balance="100")
    await desk.check_settled()


# --- applied unasked ------------------------------------------------------------------------------------------------


def _memo(desk: Desk, customer: str, amount: int) -> dict[str, Any]:
    owner = desk.record("Customer", f"{customer}:customer:usd")["Id"]
    line = {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    outcome = desk.qbo.company.human("CreditMemo", "create", {"CustomerRef": {"value": owner}, "Line": [line]})
    assert outcome.status == 200
    return dict(outcome.body["CreditMemo"])


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "cut_body"])
async def test_a_credit_that_was_applied_although_the_answer_was_lost_is_released(
    make_desk: OpenDesk, kind: str
) -> None:
    async with make_desk(knobs={"auto_apply_credit": True, "requestid": "absent"}) as desk:
        customer = desk.shop.customer()
        await desk.sync(desk.shop.paid_invoice(customer, 500))
        _memo(desk, customer, 40)
        invoice = desk.shop.paid_invoice(customer, 10_000)
        desk.qbo.faults.arm(kind, entity="Invoice", operation="create")
        await desk.sync(invoice)
        desk.check_invoice(invoice, balance="0")
        assert [one["Balance"] for one in desk.records("CreditMemo")] == [40]
        await desk.check_settled()


async def test_money_of_ours_that_qbo_applies_unasked_is_released(make_desk: OpenDesk) -> None:
    async with make_desk(knobs={"auto_apply_payments": True}) as desk:
        customer = desk.shop.customer()
        first = desk.shop.invoice(customer, 6_000)
        charge = desk.shop.pay_shared({first: 6_000}, 10_000)
        await desk.sync(first)
        assert desk.record("Payment", f"{charge}:payment")["UnappliedAmt"] == 40
        second = desk.shop.invoice(customer, 3_000)
        await desk.sync(second)
        desk.check_invoice(second, balance="30")
        desk.check_invoice(first, balance="0")
        assert desk.record("Payment", f"{charge}:payment")["UnappliedAmt"] == 40
        await desk.check_settled()
        desk.shop.apply_more(charge, second, 3_000)
        await desk.sync(second)
        desk.check_invoice(second, balance="0")
        await desk.check_settled()


async def test_money_of_others_that_qbo_applies_unasked_is_named_and_left_to_people(make_desk: OpenDesk) -> None:
    """What somebody else has entered is never written to: the invoice cannot be taken back either, and is named."""
    async with make_desk(knobs={"auto_apply_payments": True}) as desk:
        customer = desk.shop.customer()
        await desk.sync(desk.shop.paid_invoice(customer, 500))
        owner = desk.record("Customer", f"{customer}:customer:usd")["Id"]
        theirs = desk.qbo.company.human("Payment", "create", {"CustomerRef": {"value": owner}, "TotalAmt": 40})
        invoice = desk.shop.invoice(customer, 10_000)
        await desk.sync(invoice)
        row = await desk.parked(f"{invoice}:invoice")
        assert (row.code, row.details["differences"]) == ("answer_differs", "Balance:100.00/60.0")
        (standing,) = desk.records("Invoice", f"{invoice}:invoice")
        assert row.details["qbo_id"] == standing["Id"]
        desk.qbo.company.human("Payment", "delete", {"Id": theirs.body["Payment"]["Id"]})
        await desk.wake()
        await desk.wake()
        desk.check_invoice(invoice, balance="100")
        await desk.check_settled()


async def test_a_credit_that_a_person_applied_to_a_lost_invoice_stays_applied(make_desk: OpenDesk) -> None:
    async with make_desk(knobs={"requestid": "absent"}) as desk:
        customer = desk.shop.customer()
        await desk.sync(desk.shop.paid_invoice(customer, 500))
        memo = _memo(desk, customer, 40)
        invoice = desk.shop.invoice(customer, 10_000)
        desk.qbo.faults.arm("drop_after", entity="Invoice", operation="create")
        await desk.once(invoice)
        record = desk.record("Invoice", f"{invoice}:invoice")
        desk.qbo.company.books.clock = _later(desk.qbo.company.books.clock)
        links = [
            {"Amount": 40, "LinkedTxn": [{"TxnId": one, "TxnType": kind}]}
            for one, kind in ((record["Id"], "Invoice"), (memo["Id"], "CreditMemo"))
        ]
        body = {"CustomerRef": record["CustomerRef"], "TotalAmt": 0, "Line": links}
        assert desk.qbo.company.human("Payment", "create", body).status == 200
        await desk.work()
        desk.check_invoice(invoice, balance="60")
        await desk.check_settled()


def _later(clock: Callable[[], datetime]) -> Callable[[], datetime]:
    return lambda: clock() + timedelta(minutes=1)
