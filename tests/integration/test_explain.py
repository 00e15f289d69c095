"""Explain through both services: every form of an id leads to the same story, and nothing in it is personal."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_payouts import START, look, paid_out
from wescope.books.subjects import Subject, SubjectKind
from wescope.engine.explain import NothingKnown
from wescope.engine.explanation import Explanation
from wescope.engine.results import to_json
from wescope.errors import StripeUnavailable, WrongUse
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import transaction
from wescope.links.schema import drift
from wescope.links.subjects import Hint

EVENT_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


async def explain(desk: Desk, identifier: str, *, plan: bool = False) -> Explanation:
    return await desk.runtime.support.explain(identifier, plan=plan)


def kinds(told: Explanation) -> set[tuple[str, str]]:
    return {(meaning.kind, meaning.id) for meaning in told.meanings}


async def told_by_event(desk: Desk, invoice: str, event: str = "evt_1") -> None:
    """What a webhook stores."""
    hint = Hint(
        subject=Subject(kind=SubjectKind.INVOICE, id=invoice),
        source="webhook",
        event_id=event,
        event_type="invoice.paid",
        event_created_at=EVENT_AT,
    )
    await desk.runtime.queue.accept(hint)
    await desk.work()


async def a_paid_invoice(desk: Desk) -> str:
    invoice = desk.shop.paid_invoice(desk.shop.customer(), 12_345)
    await told_by_event(desk, invoice)
    return invoice


async def test_an_invoice_has_its_whole_story(desk: Desk) -> None:
    invoice = await a_paid_invoice(desk)
    told = await explain(desk, invoice, plan=True)
    assert kinds(told) == {("stripe_object", invoice), ("subject", f"invoice/{invoice}")}
    (charge,) = desk.shop.charges()
    by_key = {link.document_key: link for link in told.links}
    assert {f"{invoice}:invoice", f"{charge}:payment"} <= set(by_key)
    link = by_key[f"{invoice}:invoice"]
    record = desk.record("Invoice", f"{invoice}:invoice")
    assert (link.qbo_id, link.state, link.amount, link.currency) == (record["Id"], "posted", 12_345, "usd")
    assert (str(link.txn_date), link.qbo_url) == (record["TxnDate"], None)
    assert [(hint.event_id, hint.event_type, hint.event_created_at) for hint in told.hints if hint.event_id] == [
        ("evt_1", "invoice.paid", EVENT_AT)
    ]
    (subject,) = [one for one in told.subjects if one.subject == f"invoice/{invoice}"]
    assert (subject.failures, subject.waiting, subject.last_code) == (0, False, None)
    calls = [one for one in told.attempts if one.document_key == f"{invoice}:invoice"]
    assert [(one.operation, one.outcome, one.status, one.request_id) for one in calls] == [
        ("create", "ok", 200, link.request_id)
    ]
    assert calls[0].intuit_tid
    assert told.plan is not None
    assert {action.action for result in told.plan for action in result.actions} == {"nothing"}
    assert (told.needs_somebody, told.problems) == (False, ())


async def test_the_story_is_in_time_order(desk: Desk) -> None:
    invoice = await a_paid_invoice(desk)
    told = await explain(desk, invoice)
    assert [moment.at for moment in told.timeline] == sorted(moment.at for moment in told.timeline)
    assert {"event", "hint", "run", "QBO call", "posted"} <= {moment.what for moment in told.timeline}
    assert told.plan is None


async def test_every_form_of_an_id_leads_there(desk: Desk) -> None:
    invoice = await a_paid_invoice(desk)
    key = f"{invoice}:invoice"
    link = await desk.link(key)
    assert link is not None
    (call,) = [one for one in (await explain(desk, invoice)).attempts if one.document_key == key]
    (charge,) = desk.shop.charges()
    forms: dict[str, tuple[str, str]] = {
        "evt_1": ("event", "evt_1"),
        f"invoice/{invoice}": ("subject", f"invoice/{invoice}"),
        key: ("document", key),
        f"Invoice/{link.qbo_id}": ("qbo_document", f"Invoice/{link.qbo_id}"),
        f"invoice/{link.qbo_id}": ("qbo_document", f"Invoice/{link.qbo_id}"),
        str(link.qbo_id): ("qbo_document", f"Invoice/{link.qbo_id}"),
        link.request_id: ("request", link.request_id),
        str(call.intuit_tid): ("intuit_tid", str(call.intuit_tid)),
        desk.shop.business.invoices.find(invoice)["number"]: ("qbo_document", f"Invoice/{link.qbo_id}"),
        f"  {key}\n": ("document", key),
    }
    for form, meaning in forms.items():
        told = await explain(desk, form)
        assert meaning in kinds(told), form
        assert key in {one.document_key for one in told.links}, form
    told = await explain(desk, charge)
    assert [one.document_key for one in told.links] == [f"{charge}:payment"]


async def test_a_bare_number_may_mean_several(desk: Desk) -> None:
    invoice = await a_paid_invoice(desk)
    link = await desk.link(f"{invoice}:invoice")
    assert link is not None
    (customer,) = [row for row in (await explain(desk, f"invoice/{invoice}")).links if row.entity == "Customer"]
    async with transaction(desk.runtime.engine) as connection:
        await connection.execute(
            sa.text("UPDATE links SET qbo_id = :id WHERE document_key = :key"),
            {"id": link.qbo_id, "key": customer.document_key},
        )
    told = await explain(desk, str(link.qbo_id))
    assert kinds(told) == {("qbo_document", f"Invoice/{link.qbo_id}"), ("qbo_document", f"Customer/{link.qbo_id}")}


async def test_a_document_number_of_somebody_else_is_told(desk: Desk) -> None:
    await a_paid_invoice(desk)
    theirs = {
        **{name: value for name, value in desk.records("Invoice")[0].items() if name in {"CustomerRef", "Line"}},
        "DocNumber": "BY-HAND-1",
    }
    written = await desk.runtime.client.create("Invoice", theirs, request_id="by-hand")
    told = await explain(desk, "BY-HAND-1")
    (meaning,) = told.meanings
    assert meaning.id == f"Invoice/{written.record['Id']}"
    assert meaning.note == "its DocNumber in QBO; it was not made by WeScope"
    assert told.links == ()


async def test_what_is_known_nowhere_says_where_it_was_looked_for(desk: Desk) -> None:
    for unknown in ("in_never", "evt_never", "Invoice/999999", "999999", "NO-SUCH-7", "in_1:nothing"):
        with pytest.raises(NothingKnown, match="intuit_tids, payouts and parked items"):
            await explain(desk, unknown, plan=True)
    for unfit in ("", "   ", "x" * 256, "a\nb"):
        with pytest.raises(WrongUse):
            await explain(desk, unfit)


async def test_what_only_stripe_knows_is_planned(desk: Desk) -> None:
    invoice = desk.shop.invoice(desk.shop.customer(), 5_000)
    told = await explain(desk, invoice, plan=True)
    assert [(meaning.id, meaning.note) for meaning in told.meanings] == [
        (invoice, "Stripe has it; nothing of it is stored here yet")
    ]
    assert told.plan is not None
    assert {(row.document_key, row.action) for row in told.plan[0].actions} >= {(f"{invoice}:invoice", "create")}
    with pytest.raises(NothingKnown):
        await explain(desk, invoice)
    assert desk.records("Invoice") == []


async def test_an_event_that_never_arrived_is_asked_of_stripe(desk: Desk) -> None:
    invoice = desk.shop.paid_invoice(desk.shop.customer(), 5_000)
    await desk.sync(invoice)
    events = desk.shop.business.account.log.all()
    event = next(one.event_id for one in events if one.kind == "invoice.paid")
    told = await explain(desk, event)
    assert ("event", event) in kinds(told)
    assert f"{invoice}:invoice" in {one.document_key for one in told.links}


async def test_a_parked_document_says_what_mends_it(desk: Desk) -> None:
    invoice = desk.shop.paid_invoice(desk.shop.customer(), 5_000)
    desk.shop.edit(invoice, total=4_999)
    await desk.sync(invoice)
    told = await explain(desk, invoice, plan=True)
    (row,) = [row for row in told.parked if row.key == f"{invoice}:invoice"]
    assert (row.code, row.owner) == ("total_mismatch", "us")
    assert row.remedy
    assert told.plan is not None
    assert ("park", "total_mismatch") in {(one.action, one.reason) for one in told.plan[0].actions}
    assert [moment.what for moment in told.timeline].count("parked") == len(told.parked)
    assert not told.needs_somebody


async def test_a_missing_account_needs_somebody(make_desk: OpenDesk) -> None:
    async with make_desk(bare=True) as desk:
        invoice = desk.shop.invoice(desk.shop.customer(), 5_000)
        await desk.sync(invoice)
        told = await explain(desk, f"{invoice}:invoice")
        assert {row.code for row in told.parked} == {"item_missing"}
        assert told.needs_somebody
        keys = [f"{invoice}:invoice"]
        await desk.runtime.support.ignore(keys, "a test", actor="cli")
        told = await explain(desk, invoice, plan=True)
        assert not told.needs_somebody
        decided = [one for one in told.audit if one.action != "sync"]
        assert [(one.action, one.actor, one.target) for one in decided] == [("ignore", "cli", keys[0])]


async def test_what_waits_for_a_document_is_named(desk: Desk) -> None:
    customer = desk.shop.customer()
    first, second = desk.shop.invoice(customer, 5_000), desk.shop.invoice(customer, 7_000)
    charge = desk.shop.pay_shared({first: 5_000, second: 7_000})
    desk.shop.edit(second, total=6_999)
    await desk.once(first)
    told = await explain(desk, f"{second}:invoice")
    assert f"{charge}:payment" in {row.key for row in told.awaited_by}


async def test_a_payout_and_its_rows(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        (invoice,), payout = await paid_out(desk, 10_000)
        await look(desk, payout)
        told = await explain(desk, payout)
        assert [(one.payout_id, one.state) for one in told.payouts] == [(payout, "matched")]
        deposit = told.payouts[0].deposits[0]
        assert ("payout check", payout) in {(moment.what, moment.about) for moment in told.timeline}
        (charge,) = desk.shop.charges()
        place = (await explain(desk, charge)).payout_rows[0]
        assert (place.payout_id, place.document_key, place.gross) == (payout, f"{charge}:payment", 10_000)
        transaction_id = place.transaction_id
        for form in (deposit, transaction_id, f"payout/{payout}", invoice):
            assert [one.payout_id for one in (await explain(desk, form)).payouts] == [payout], form


async def test_drift_and_audit_are_told(desk: Desk) -> None:
    invoice = await a_paid_invoice(desk)
    link = await desk.link(f"{invoice}:invoice")
    assert link is not None
    row = {
        "realm_id": desk.runtime.store.realm_id,
        "document_key": f"{invoice}:invoice",
        "entity": "Invoice",
        "qbo_id": link.qbo_id,
        "kind": "edited",
        "amount": 100,
        "currency": "usd",
        "details": {"TotalAmt": "123.45 124.45"},
    }
    async with transaction(desk.runtime.engine) as connection:
        await connection.execute(sa.insert(drift).values(row))
        target = f"Invoice/{link.qbo_id}"
        await record_audit(connection, [AuditEntry(action="repair", actor="cli", target=target, details={"n": 1})])
    told = await explain(desk, invoice)
    (found,) = told.drift
    assert (found.kind, found.state, found.amount) == ("edited", "open", "1.00")
    assert [one.action for one in told.audit if one.action != "sync"] == ["repair"]
    assert told.needs_somebody


async def test_stripe_that_does_not_answer_is_told_and_not_fatal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = await a_paid_invoice(desk)

    async def away(_subject: Subject) -> None:
        raise StripeUnavailable(reason="timeout")

    monkeypatch.setattr(desk.runtime.reader, "read", away)
    told = await explain(desk, invoice, plan=True)
    assert told.plan is None
    assert [problem.code for problem in told.problems] == ["stripe_unavailable"]
    assert told.links


async def test_a_refusal_is_told_with_its_fault(desk: Desk) -> None:
    invoice = desk.shop.invoice(desk.shop.customer(), 5_000)
    desk.qbo.company.turn(book_close_date=date(2026, 12, 31).isoformat())
    await desk.sync(invoice)
    told = await explain(desk, invoice)
    assert {row.code for row in told.parked} == {"period_closed"}
    assert told.needs_somebody


async def test_nothing_personal_is_told(desk: Desk) -> None:
    customer = desk.shop.customer("Zaphod Beeblebrox", "zaphod@example.com")
    invoice = desk.shop.paid_invoice(customer, 12_345)
    await desk.sync(invoice, customer)
    for form in (invoice, customer, desk.shop.business.invoices.find(invoice)["number"]):
        told: Any = json.dumps(to_json(await explain(desk, form, plan=True)))
        assert "Zaphod" not in told
        assert "example.com" not in told
