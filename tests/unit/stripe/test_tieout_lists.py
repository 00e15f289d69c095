"""What only the tie-out lists: all lines of what has more than a page of them, and refunds by what they moved."""

from tests.unit.stripe.fake_api import FakeApi
from tests.unit.stripe.payloads import credit_note, credit_note_line, invoice, line, refund, row
from wescope.stripe.listing import StripeListing

FIRST = {"object": "list", "has_more": True}


async def test_documents_with_more_lines_than_a_page_are_whole_if_asked_for() -> None:
    lines, credited = [line(id="il_1"), line(id="il_2")], [credit_note_line(id="cnli_1"), credit_note_line(id="cnli_2")]
    stripe = FakeApi(
        lists={
            "/v1/invoices": [invoice(lines={**FIRST, "data": lines[:1]}), invoice(id="in_2")],
            "/v1/invoices/in_1/lines": lines,
            "/v1/credit_notes": [credit_note(lines={**FIRST, "data": credited[:1]})],
            "/v1/credit_notes/cn_1/lines": credited,
        }
    )
    listing = StripeListing(stripe)
    assert [len(one.lines) async for one in listing.invoices()] == [1, 1]
    assert [len(one.lines) async for one in listing.invoices(whole=True)] == [2, 1]
    assert [len(one.lines) async for one in listing.credit_notes()] == [1]
    assert [len(one.lines) async for one in listing.credit_notes(whole=True)] == [2]
    assert stripe.calls.count("/v1/invoices/in_1/lines") == 1
    assert stripe.calls.count("/v1/credit_notes/cn_1/lines") == 1


async def test_refunds_are_told_by_what_moved_whatever_their_status() -> None:
    moved = refund(status="on_the_moon", balance_transaction=row("txn_2", -1_000, "refund"))
    waiting = refund(id="re_2", balance_transaction=None, charge=None)
    listing = StripeListing(FakeApi(lists={"/v1/refunds": [moved, waiting]}))
    found = [one async for one in listing.refund_moves()]
    assert [(one.id, one.charge is None, one.balance_transaction is None) for one in found] == [
        ("re_1", False, False),
        ("re_2", True, True),
    ]
    assert found[0].balance_transaction is not None
    assert found[0].balance_transaction.amount == -1_000
