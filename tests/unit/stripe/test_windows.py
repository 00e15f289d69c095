"""Windows of creation time, and what of Stripe's lists is to be looked at."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from wescope.books.policy import Policy
from wescope.books.subjects import SubjectKind
from wescope.stripe.client import StripeApi
from wescope.stripe.windows import Listed, Period, Window, WindowLister

NEW_YORK = ZoneInfo("America/New_York")
WINDOW = Window(first=datetime(2026, 10, 1, tzinfo=UTC), after=datetime(2026, 10, 8, tzinfo=UTC))
AT = int(WINDOW.first.timestamp())


class Api(StripeApi):
    """Answers one page, and remembers what was asked."""

    def __init__(self, *rows: dict[str, Any], has_more: bool = False) -> None:
        self.page, self.asked = {"data": list(rows), "has_more": has_more}, list[tuple[str, dict[str, Any]]]()

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        self.asked.append((path, parameters))
        return self.page


async def listed(kind: Listed, *rows: dict[str, Any], policy: Policy | None = None) -> list[tuple[str, bool]]:
    page = await WindowLister(Api(*rows), policy or Policy()).page(kind, WINDOW, None)
    return [(str(one.subject), one.changed_at is not None) for one in page.objects]


def row(**fields: Any) -> dict[str, Any]:
    given = {"object": "balance_transaction", "id": "txn_1", "created": AT, "available_on": AT, "status": "available"}
    money = {"amount": 100, "fee": 0, "net": 100, "currency": "usd", "fee_details": [], "type": "adjustment"}
    return {**given, **money, **fields}


def test_windows_are_whole_weeks_of_the_calendar_and_cover_the_period_once() -> None:
    period = Period(since=date(2026, 10, 20), until=date(2026, 11, 10), timezone=NEW_YORK)
    windows = [period.window(index) for index in range(period.windows)]
    assert len(windows) == 4
    assert windows[0].first == datetime(2026, 10, 20, 4, tzinfo=UTC)
    assert windows[-1].after == datetime(2026, 11, 11, 5, tzinfo=UTC), "clocks were put back on 1 November"
    assert [one.after for one in windows[:-1]] == [one.first for one in windows[1:]]


def test_a_period_of_one_day_has_one_window() -> None:
    period = Period(since=date(2026, 10, 20), until=date(2026, 10, 20), timezone=NEW_YORK)
    assert period.windows == 1
    assert (period.window(0).after - period.window(0).first).days == 1


async def test_a_page_says_where_the_next_one_begins() -> None:
    api = Api({"object": "dispute", "id": "du_1", "created": AT}, has_more=True)
    lister = WindowLister(api, Policy())
    page = await lister.page(Listed.DISPUTES, WINDOW, None)
    assert (page.count, page.cursor) == (1, "du_1")
    await lister.page(Listed.DISPUTES, WINDOW, page.cursor)
    created = {"gte": AT, "lt": AT + 7 * 86_400}
    assert api.asked == [
        ("/v1/disputes", {"limit": 100, "created": created}),
        ("/v1/disputes", {"limit": 100, "created": created, "starting_after": "du_1"}),
    ]
    api.page = {"data": [], "has_more": False}
    assert (await lister.page(Listed.DISPUTES, WINDOW, None)).cursor is None


async def test_invoices() -> None:
    draft = {"object": "invoice", "id": "in_1", "status": "draft", "created": AT}
    paid = {"object": "invoice", "id": "in_2", "status": "paid", "created": AT, "customer": "cus_1"}
    with_balance = paid | {"id": "in_3", "starting_balance": -100}
    assert await listed(Listed.INVOICES, draft, paid, with_balance) == [
        ("invoice/in_2", True),
        ("invoice/in_3", True),
        ("customer/cus_1", False),
    ]


async def test_of_older_invoices_only_those_that_something_happened_to() -> None:
    before = {"object": "invoice", "id": "in_1", "status": "paid", "created": AT - 90, "customer": "cus_1"}
    after = before | {"id": "in_2", "status_transitions": {"finalized_at": AT + 60}}
    api = Api(before, after)
    page = await WindowLister(api, Policy()).page(Listed.OLDER_INVOICES, WINDOW, None)
    assert [one.subject.id for one in page.objects] == ["in_2"]
    assert api.asked[0][1]["created"] == {"lt": AT}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "succeeded"}, [("charge/ch_1", True)]),
        ({"status": "pending"}, [("charge/ch_1", True)]),
        ({"status": "failed"}, []),
        ({"status": "failed", "failure_balance_transaction": "txn_2"}, [("charge/ch_1", False)]),
    ],
)
async def test_charges(fields: dict[str, Any], expected: list[tuple[str, bool]]) -> None:
    charge = {"object": "charge", "id": "ch_1", "created": AT}
    assert await listed(Listed.CHARGES, charge | fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reporting_category": "charge", "source": "ch_1"}, ["charge/ch_1"]),
        ({"reporting_category": "charge_failure", "source": "py_1"}, ["charge/py_1"]),
        ({"reporting_category": "refund", "source": "re_1"}, ["refund/re_1"]),
        ({"reporting_category": "dispute", "source": "du_1"}, ["dispute/du_1"]),
        ({"reporting_category": "payout", "source": "po_1"}, []),
        ({"reporting_category": "payout_reversal", "source": "po_1"}, ["payout/po_1"]),
        ({"reporting_category": "fee"}, []),
        ({"reporting_category": "partial_capture_reversal", "source": "re_1"}, []),
        ({"reporting_category": "topup", "source": "tu_1"}, ["balance_transaction/txn_1"]),
        ({"reporting_category": "risk_reserved_funds"}, []),
        ({"reporting_category": "other_adjustment"}, ["balance_transaction/txn_1"]),
    ],
)
async def test_rows_of_the_balance(fields: dict[str, Any], expected: list[str]) -> None:
    assert [one for one, _ in await listed(Listed.BALANCE_TRANSACTIONS, row(**fields))] == expected


async def test_a_reserve_that_the_policy_maps_is_looked_at() -> None:
    policy = Policy(categories={"risk_reserved_funds": "Reserve"})
    found = await listed(Listed.BALANCE_TRANSACTIONS, row(reporting_category="risk_reserved_funds"), policy=policy)
    assert found == [("balance_transaction/txn_1", True)]


async def test_customers_with_a_balance() -> None:
    rows = [{"object": "customer", "id": f"cus_{balance}", "balance": balance} for balance in (0, 5)]
    old = {"object": "customer", "id": "cus_old", "account_balance": -3}
    assert await listed(Listed.CUSTOMERS, *rows, old) == [("customer/cus_5", False), ("customer/cus_old", False)]


async def test_what_may_still_change_is_always_looked_at() -> None:
    payout = {"object": "payout", "id": "po_1", "created": AT}
    assert await listed(Listed.PAYOUTS, payout | {"status": "paid"}) == [("payout/po_1", True)]
    assert await listed(Listed.PAYOUTS, payout | {"status": "in_transit"}) == [("payout/po_1", False)]
    refund = {"object": "refund", "id": "re_1", "created": AT}
    assert await listed(Listed.REFUNDS, refund | {"status": "failed"}) == [("refund/re_1", False)]


async def test_a_charges_row_is_known_by_the_rows_id() -> None:
    page = await WindowLister(Api(row(reporting_category="charge", source="ch_1")), Policy()).page(
        Listed.BALANCE_TRANSACTIONS, WINDOW, None
    )
    (one,) = page.objects
    assert (one.subject.kind, one.stripe_id) == (SubjectKind.CHARGE, "txn_1")
