"""Stripe's side, as Stripe answers it over HTTP: the raw objects, and what the books must say of them.

Nothing of the product is used here. Amounts are integers of minor units (all of this business is in dollars); days are
in the books' calendar (Los Angeles) unless they are Stripe's own calendar dates.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

Json = Mapping[str, Any]

BOOKS = ZoneInfo("America/Los_Angeles")
KINDS = (
    "customers", "invoices", "invoice_payments", "charges", "refunds", "credit_notes", "disputes", "payouts",
    "balance_transactions",
)  # fmt: skip


def day(moment: int) -> date:
    """The day of a moment in the books' calendar."""
    return datetime.fromtimestamp(moment, BOOKS).date()


def utc_day(moment: int) -> date:
    """The day of a moment in UTC, as Stripe writes calendar dates."""
    return datetime.fromtimestamp(moment, UTC).date()


@dataclass(slots=True, kw_only=True)
class Api:
    """Reads Stripe over HTTP; `get` answers the JSON of a path."""

    get: Callable[..., Any]

    def all(self, path: str, **parameters: str) -> list[Json]:
        """Every object of a list."""
        found: list[Json] = []
        more = True
        while more:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = self.get(f"/v1/{path}", limit="100", **parameters, **after)
            found += page["data"]
            more = page["has_more"]
        return found


@dataclass
class StripeSide:
    """All of Stripe's objects at one moment."""

    api: Api
    objects: dict[str, list[Json]] = field(default_factory=dict)

    def read(self) -> "StripeSide":
        """Ask Stripe for everything."""
        self.objects = {kind: self.api.all(kind) for kind in KINDS}
        return self

    def one(self, stripe_id: str) -> Json:
        """An object by its id."""
        return self._by_id[stripe_id]

    @cached_property
    def _by_id(self) -> dict[str, Json]:
        return {one["id"]: one for found in self.objects.values() for one in found}

    @cached_property
    def lines(self) -> dict[str, list[Json]]:
        """The lines of each invoice."""
        return {one["id"]: self.api.all(f"invoices/{one['id']}/lines") for one in self.objects["invoices"]}

    @cached_property
    def rows_of_payouts(self) -> dict[str, list[Json]]:
        """The rows of Stripe's balance that each payout paid out, without the payout's own."""
        return {
            payout["id"]: [
                row
                for row in self.api.all("balance_transactions", payout=payout["id"])
                if row["source"] != payout["id"]
            ]
            for payout in self.objects["payouts"]
        }

    # --- what there is ------------------------------------------------------------------------------------------------

    @property
    def finalized(self) -> list[Json]:
        """Invoices that stand: finalized, not all lines zero, and not voided in the month of their issue."""
        return [
            one
            for one in self.objects["invoices"]
            if one["status"] not in {"draft", "void"} and any(line["amount"] for line in self.lines[one["id"]])
        ]

    @property
    def arrived(self) -> list[Json]:
        """Payouts whose money is at the bank."""
        return [one for one in self.objects["payouts"] if one["status"] == "paid"]

    def paying(self) -> dict[str, list[tuple[str, int]]]:
        """The invoices that each charge pays, with the part of each."""
        charges = {one["payment_intent"]: one["id"] for one in self.objects["charges"] if one["paid"]}
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for part in self.objects["invoice_payments"]:
            intent = part["payment"].get("payment_intent")
            if part["status"] == "paid" and intent in charges:
                found[charges[intent]].append((part["invoice"], part["amount_paid"]))
        return dict(found)

    def sales(self) -> list[Json]:
        """Charges that brought money and pay no invoice."""
        paying = self.paying()
        return [one for one in self.objects["charges"] if one["balance_transaction"] and one["id"] not in paying]

    def row(self, identifier: str) -> Json:
        """A row of Stripe's balance."""
        return self._by_id[identifier]

    def received_on(self, charge_id: str) -> date:
        """The day on which a charge's money came into Stripe's balance."""
        return day(self.row(self.one(charge_id)["balance_transaction"])["created"])

    def available_on(self, payout: Json) -> date:
        """The day on which Stripe's balance had a payout's money, as a date of UTC."""
        return utc_day(self.row(payout["balance_transaction"])["available_on"])

    # --- what must be -------------------------------------------------------------------------------------------------

    def invoice_date(self, invoice: Json) -> date:
        """The day of an invoice: the one stated on it, or that of its finalization."""
        return day(invoice["effective_at"] or invoice["status_transitions"]["finalized_at"])

    def owed(self) -> dict[str, int]:
        """What each customer owes: open invoices less credit that Stripe keeps for the customer; zeros left out."""
        found = Counter({one["id"]: one["balance"] for one in self.objects["customers"]})
        for invoice in self.objects["invoices"]:
            if invoice["status"] == "open":
                found[invoice["customer"]] += invoice["amount_remaining"]
        return {customer: amount for customer, amount in found.items() if amount}

    def at_the_bank(self) -> int:
        """What has arrived at the bank by payouts."""
        return sum(one["amount"] for one in self.arrived)

    def fees_paid_out(self) -> int:
        """What Stripe kept of what has arrived: fees of rows, and rows that are fees."""
        rows = [row for one in self.arrived for row in self.rows_of_payouts[one["id"]]]
        own_rows = [int(row["amount"]) for row in rows if row["type"] == "stripe_fee"]
        return sum(int(row["fee"]) for row in rows) - sum(own_rows)

    def held_gross(self) -> int:
        """What Stripe holds and has not paid out, before fees."""
        gone = {row["id"] for one in self.arrived for row in self.rows_of_payouts[one["id"]]}
        own = {one["balance_transaction"] for one in self.objects["payouts"]}
        rows = [one for one in self.objects["balance_transactions"] if one["id"] not in gone | own]
        return sum(row["amount"] for row in rows if row["type"] != "stripe_fee")

    def documents(self) -> Iterator[tuple[str, str]]:
        """Every document that the posting rules want, by entity and the Stripe object that it is of."""
        for invoice in self.finalized:
            yield "Invoice", invoice["id"]
            if invoice["status"] == "uncollectible":
                yield "CreditMemo", invoice["id"]
            if invoice["amount_paid_off_stripe"]:
                yield "Payment", invoice["id"]
        yield from self._documents_of_money()

    def _documents_of_money(self) -> Iterator[tuple[str, str]]:
        for charge in self.paying():
            yield "Payment", charge
        for sale in self.sales():
            yield "SalesReceipt", sale["id"]
        for refund in self.objects["refunds"]:
            if refund["status"] == "succeeded":
                yield "RefundReceipt", refund["id"]
        for payout in self.arrived:
            yield ("Deposit" if payout["amount"] > 0 else "JournalEntry"), payout["id"]
        for dispute in self.objects["disputes"]:
            for row in dispute["balance_transactions"]:
                yield "JournalEntry", row["id"]
