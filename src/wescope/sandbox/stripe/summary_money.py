"""Totals of the money's way: what is not paid out yet, fees, refunds, disputes, payouts; counted from the objects."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from wescope.sandbox.stripe.store import Resource, Store

FEE_CATEGORIES = ("fee", "tax", "network_cost")
RESERVE_CATEGORIES = (
    "connect_reserved_funds", "payment_network_reserve_hold", "payment_network_reserve_release",
    "payout_minimum_balance_hold", "payout_minimum_balance_release", "reserve_hold", "reserve_release",
    "risk_reserved_funds",
)  # fmt: skip
_SETTLED = ("paid", "failed", "canceled")

Totals = dict[str, int]


def summarize_money(store: Store) -> Resource:
    """Return what a tie-out of clearing and bank can be compared with; amounts in minor units.

    * ``categories``: by currency and reporting category the count, gross and fee of all balance transactions.
    * ``fees``: by currency all that Stripe kept: fees of rows, and rows that are fees.
    * ``unpaid``: by currency the gross of what has not been paid out: rows that are neither fees, nor reserves, nor
      payouts, and that are in no automatic payout which was paid or came back; less what manual payouts took.
    * ``unpaid_fees``: by currency the fees of the same rows and of the rows that are fees.
    * ``reserved``: by currency what payouts that were paid or came back left behind for reserves.
    * ``refunds``, ``disputes``: by status and presentment currency, count and amount.
    * ``payouts``: by status and currency, count and amount.
    """
    rows = store.all("balance_transaction")
    return {
        "categories": _categories(rows),
        "fees": _total(rows, _kept),
        "unpaid": _unpaid(store, rows),
        "unpaid_fees": _total((row for row in rows if not _is_settled(store, row)), _kept),
        "reserved": _total(
            (row for row in rows if row.get("reporting_category") in RESERVE_CATEGORIES and _is_settled(store, row)),
            lambda row: -int(row["amount"]),
        ),
        "refunds": _by_status(store.all("refund")),
        "disputes": _by_status(store.all("dispute")),
        "payouts": _by_status(store.all("payout")),
    }


def _unpaid(store: Store, rows: list[Resource]) -> Totals:
    skipped = (*FEE_CATEGORIES, *RESERVE_CATEGORIES, "payout")
    waiting = (
        row for row in rows if row.get("reporting_category") not in skipped and not _is_settled(store, row)
    )  # fmt: skip
    totals = _total(waiting, lambda row: int(row["amount"]))
    for payout in store.all("payout"):
        own = store.get("balance_transaction", str(payout["balance_transaction"])) or {}
        # What a manual payout took, until an automatic one has its row, and leaves that much less behind.
        if not payout["automatic"] and payout["status"] in _SETTLED and not _is_settled(store, own):
            taken = payout["amount"] + own.get("fee", 0)
            totals[payout["currency"]] = totals.get(payout["currency"], 0) - taken
    return totals


def _is_settled(store: Store, row: Resource) -> bool:
    """Say whether a row is in an automatic payout that was paid or came back."""
    payout = store.get("payout", store.paid_out.get(row.get("id", ""), ""))
    return payout is not None and payout["status"] in _SETTLED


def _kept(row: Resource) -> int:
    own = -row["amount"] if row.get("reporting_category") in FEE_CATEGORIES else 0
    return int(own + row.get("fee", 0))


def _total(rows: Iterable[Resource], amount: Callable[[Resource], int]) -> Totals:
    totals: Totals = defaultdict(int)
    for row in rows:
        totals[row["currency"]] += amount(row)
    return dict(totals)


def _categories(rows: list[Resource]) -> dict[str, dict[str, Totals]]:
    totals: dict[str, dict[str, Totals]] = {}
    for row in rows:
        category = str(row.get("reporting_category"))
        whole = totals.setdefault(row["currency"], {}).setdefault(category, {"count": 0, "gross": 0, "fee": 0})
        whole["count"] += 1
        whole["gross"] += row["amount"]
        whole["fee"] += row.get("fee", 0)
    return totals


def _by_status(objects: list[Resource]) -> dict[str, dict[str, Totals]]:
    totals: dict[str, dict[str, Totals]] = {}
    for one in objects:
        whole = totals.setdefault(str(one.get("status")), {}).setdefault(one["currency"], {"count": 0, "amount": 0})
        whole["count"] += 1
        whole["amount"] += one["amount"]
    return totals
