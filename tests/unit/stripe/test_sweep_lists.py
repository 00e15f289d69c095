"""Lists of a sweep: which filters Stripe is asked with, and what of an object makes its mark."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.stripe.payloads import customer, dispute, event, invoice, payout, refund, thin_event
from wescope.books.policy import Policy
from wescope.errors import ObjectNotFound, ObjectUnreadable
from wescope.stripe.client import StripeApi
from wescope.stripe.open_objects import OpenKind, OpenLister, OpenObject
from wescope.stripe.undelivered import EventLister
from wescope.stripe.windows import Listed, Window, WindowLister

SINCE = datetime(2026, 11, 1, tzinfo=UTC)


class Lists(StripeApi):
    """Answers every list with the same rows, and remembers what it was asked."""

    def __init__(self, *rows: dict[str, Any], more: bool = False, **others: list[dict[str, Any]]) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._rows, self._more, self._others = list(rows), more, others

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        self.asked.append((path, parameters))
        name = path.split("/")[3] if path.count("/") > 2 else ""
        if name and name not in self._others:
            raise ObjectNotFound(path=path)
        return {"data": self._others[name] if name else self._rows, "has_more": self._more}


async def opened(kind: OpenKind, payload: dict[str, Any]) -> OpenObject | None:
    page = await OpenLister(Lists(payload)).page(kind, SINCE, None)
    return page.objects[0] if page.objects else None


async def test_events_that_matter_are_told_and_all_are_counted() -> None:
    unreadable = event(id="evt_2") | {"created": "yesterday"}
    api = Lists(
        event(id="evt_3", type="charge.pending", created=1_800_000_000), unreadable, event(id="evt_1"), more=True
    )
    page = await EventLister(api).page(SINCE, "evt_9", undelivered=True)
    assert [one.event_id for one in page.events] == ["evt_1"]
    assert (page.count, page.cursor) == (3, "evt_1")
    assert page.newest == datetime.fromtimestamp(1_800_000_000, UTC)
    filters = {"limit": 100, "created": {"gte": int(SINCE.timestamp())}, "starting_after": "evt_9"}
    assert api.asked == [("/v1/events", filters | {"delivery_success": False})]
    api = Lists()
    empty = await EventLister(api).page(SINCE, None)
    assert (empty.events, empty.cursor, empty.newest) == ((), None, None)
    assert "delivery_success" not in api.asked[0][1]


async def test_a_thin_event_is_one_too() -> None:
    (found,) = (await EventLister(Lists(thin_event())).page(SINCE, None)).events
    assert found.thin


@pytest.mark.parametrize(
    ("kind", "path", "filters"),
    [
        (OpenKind.OPEN_INVOICES, "/v1/invoices", {"status": "open"}),
        (OpenKind.UNCOLLECTIBLE_INVOICES, "/v1/invoices", {"status": "uncollectible"}),
        (OpenKind.REFUNDS, "/v1/refunds", {"created": {"gte": int((SINCE - timedelta(days=50)).timestamp())}}),
        (OpenKind.DISPUTES, "/v1/disputes", {"created": {"gte": int((SINCE - timedelta(days=180)).timestamp())}}),
        (OpenKind.PAYOUTS, "/v1/payouts", {"arrival_date": {"gte": int((SINCE - timedelta(days=35)).timestamp())}}),
        (OpenKind.CUSTOMERS, "/v1/customers", {}),
    ],
)
async def test_stripe_is_asked_with_the_filters_that_it_has(kind: OpenKind, path: str, filters: dict[str, Any]) -> None:
    api = Lists()
    await OpenLister(api).page(kind, SINCE, None)
    assert api.asked == [(path, {"limit": 100} | filters)]


@pytest.mark.parametrize(
    ("kind", "payload", "changes"),
    [
        (OpenKind.OPEN_INVOICES, invoice(status="open"), {"amount_paid": 100}),
        (OpenKind.OPEN_INVOICES, invoice(status="open"), {"status": "uncollectible"}),
        (OpenKind.OPEN_INVOICES, invoice(status="open"), {"pre_payment_credit_notes_amount": 100}),
        (OpenKind.OPEN_INVOICES, invoice(status="open"), {"due_date": 1_900_000_000}),
        (OpenKind.REFUNDS, refund(status="pending"), {"status": "failed"}),
        (OpenKind.DISPUTES, dispute(), {"status": "won"}),
        (OpenKind.DISPUTES, dispute(), {"balance_transactions": [{"id": "txn_another"}]}),
        (OpenKind.PAYOUTS, payout(), {"failure_balance_transaction": "txn_back"}),
        (OpenKind.PAYOUTS, payout(), {"reconciliation_status": "in_progress"}),
        (OpenKind.CUSTOMERS, customer(balance=-100), {"balance": 100}),
    ],
)
async def test_what_changes_has_another_mark(kind: OpenKind, payload: dict[str, Any], changes: dict[str, Any]) -> None:
    before, same, after = [await opened(kind, one) for one in (payload, dict(payload), payload | changes)]
    assert before is not None
    assert before.mark is not None
    assert same == before
    assert after is not None
    assert after.mark != before.mark


async def test_what_is_settled_is_not_expected_to_be_listed_again() -> None:
    succeeded = await opened(OpenKind.REFUNDS, refund(status="succeeded"))
    assert succeeded is not None
    assert (succeeded.mark, succeeded.settled) == (None, True)
    assert await opened(OpenKind.CUSTOMERS, customer(balance=0)) is None
    for kind, payload, settled in (
        (OpenKind.PAYOUTS, payout(status="paid"), True),
        (OpenKind.PAYOUTS, payout(status="in_transit"), False),
        (OpenKind.DISPUTES, dispute(status="lost"), True),
        (OpenKind.DISPUTES, dispute(status="under_review"), False),
        (OpenKind.REFUNDS, refund(status="requires_action"), False),
    ):
        found = await opened(kind, payload)
        assert found is not None
        assert found.settled is settled


async def test_when_a_part_was_paid_the_list_does_not_say() -> None:
    whole, part = [await opened(OpenKind.OPEN_INVOICES, invoice(status="open", amount_paid=paid)) for paid in (0, 5)]
    assert whole is not None
    assert part is not None
    assert whole.listed.changed_at is not None
    assert part.listed.changed_at is None


async def test_another_object_is_refused() -> None:
    with pytest.raises(ObjectUnreadable):
        await opened(OpenKind.PAYOUTS, invoice())


async def test_customers_whose_balance_moved_are_told_whatever_it_is_now() -> None:
    window = Window(first=SINCE, after=SINCE + timedelta(days=40))
    rows = (customer(id="cus_1", balance=0), customer(id="cus_2", balance=0), customer(id="cus_gone", balance=0))
    api = Lists(*rows, cus_1=[{"id": "cbtxn_1"}], cus_2=[])
    page = await WindowLister(api, Policy()).page(Listed.BALANCE_MOVES, window, None)
    assert [one.stripe_id for one in page.objects] == ["cus_1"]
    assert (page.count, page.cursor) == (3, None)
    assert api.asked[0] == ("/v1/customers", {"limit": 100, "created": {"lt": window.filter["lt"]}})
    assert ("/v1/customers/cus_2/balance_transactions", {"limit": 1, "created": window.filter}) in api.asked
