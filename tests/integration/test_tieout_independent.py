"""The tie-out against a computation of this test's own, from the raw objects of the local Stripe alone.

Nothing of the engine, the mapping or the readers is used for it: only Stripe's objects and docs/posting-rules.md.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_backfill import mixed
from tests.integration.test_tieout import sync_everything
from wescope.engine.tieout_results import TieOut
from wescope.sandbox.stripe.store import Store

DATES = (date(2026, 10, 31), date(2026, 11, 10), date(2026, 11, 19), date(2026, 11, 30), date(2026, 12, 3))
ZONE = ZoneInfo("America/Los_Angeles")
FEES = ("fee", "tax", "network_cost")
HELD = ("risk_reserved_funds", "payout_minimum_balance_hold", "payout_minimum_balance_release", "reserve_hold")

pytestmark = pytest.mark.timeout(360)


def day(moment: int) -> date:
    return datetime.fromtimestamp(moment, ZONE).date()


def month(on: date) -> tuple[int, int]:
    return on.year, on.month


@dataclass
class OwnBooks:
    """What each row of a tie-out must be on a day, computed from Stripe's raw objects in minor units."""

    store: Store
    rows: Counter[str] = field(default_factory=Counter)
    until: date = date.max

    def at(self, until: date) -> dict[str, int]:
        self.until, self.rows = until, Counter()
        for step in (self.invoices, self.charges, self.notes, self.refunds, self.balances, self.ledger, self.payouts):
            step()
        return {row: amount for row, amount in self.rows.items() if amount}

    def add(self, row: str, on: date, amount: int) -> None:
        if on <= self.until:
            self.rows[row] += amount

    def post(self, on: date, currency: str, **kinds: int) -> None:
        """What a document of a day posts by kind."""
        for kind, amount in kinds.items():
            self.add(f"{kind}:{on:%Y-%m}:{currency}", on, amount)

    def owed(self, one: Mapping[str, Any], on: date, amount: int) -> None:
        self.add(f"receivable:{one['customer']}:{one['currency']}", on, amount)

    # --- what customers owe, and income -----------------------------------------------------------------------------

    def issued(self, invoice: Mapping[str, Any]) -> date | None:
        """The day of an invoice; null for a draft, and for one that was voided in the month of its issue."""
        moments = invoice["status_transitions"]
        moment = invoice.get("effective_at") or moments["finalized_at"]
        if invoice["status"] == "draft" or moment is None:
            return None
        voided = moments["voided_at"]
        return None if voided and month(day(voided)) == month(day(moment)) else day(moment)

    def invoices(self) -> None:
        for invoice in self.store.all("invoice"):
            on = self.issued(invoice)
            for paid_on, amount in self.outside(invoice):
                self.owed(invoice, paid_on, -amount)
            if on is None:
                continue
            net, total = invoice["total_excluding_tax"], invoice["total"]
            self.owed(invoice, on, total)
            self.post(on, invoice["currency"], revenue=net, tax=total - net)
            self.give_up(invoice)
            if voided := invoice["status_transitions"]["voided_at"]:
                rest = total - sum(amount for _, amount in self.settled(invoice))
                assert rest == total == net, "a part of taxed lines would have to be rounded"
                self.owed(invoice, day(voided), -rest)
                self.post(day(voided), invoice["currency"], revenue=-rest)

    def outside(self, invoice: Mapping[str, Any]) -> Iterator[tuple[date, int]]:
        """What was paid outside of Stripe."""
        rest = invoice["amount_paid_off_stripe"]
        for part in self.store.payments_of(invoice["id"]):
            if part["payment"]["type"] == "payment_record":
                yield day(part["status_transitions"]["paid_at"]), part["amount_paid"]
                rest -= part["amount_paid"]
        if rest:
            yield day(invoice["status_transitions"]["paid_at"]), rest

    def settled(self, invoice: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
        """When an invoice was settled by money or credit notes, and by how much; only what still stands."""
        for part in self.store.payments_of(invoice["id"]):
            if part["status"] == "paid":
                intent = part["payment"].get("payment_intent")
                charges = [one for one in self.store.all("charge") if one["payment_intent"] == intent and one["paid"]]
                rows = [self.row(one["balance_transaction"]) for one in charges if intent]
                yield (rows[0]["created"] if rows else part["status_transitions"]["paid_at"]), part["amount_paid"]
        for note in self.store.credit_notes_of(invoice["id"]):
            if note["status"] == "issued" and note["pre_payment_amount"]:
                yield note["effective_at"] or note["created"], note["pre_payment_amount"]

    def give_up(self, invoice: Mapping[str, Any]) -> None:
        """What was open becomes bad debt; what is paid of it later, in another month, comes back by that payment."""
        marked = invoice["status_transitions"]["marked_uncollectible_at"]
        if not marked:
            return
        settled = sorted(self.settled(invoice))
        rest = invoice["total"] - sum(amount for at, amount in settled if at <= marked)
        later = [(day(at), amount) for at, amount in settled if at > marked]
        if later and later[0][1] >= rest and month(later[0][0]) == month(day(marked)):
            return
        changes = [(day(marked), rest)]
        for on, amount in later:
            changes.append((on, -min(amount, rest)))
            rest -= min(amount, rest)
        for on, amount in changes:
            self.owed(invoice, on, -amount)
            self.post(on, invoice["currency"], bad_debt=amount)

    def charges(self) -> None:
        paying = {part["payment"].get("payment_intent"): part["invoice"] for part in self.store.all("invoice_payment")}
        for charge in self.store.all("charge"):
            if not charge["balance_transaction"] or not charge["captured"]:
                continue
            amount = charge["amount_captured"] or charge["amount"]
            moves = [(day(self.row(charge["balance_transaction"])["created"]), amount)]
            if failed := charge.get("failure_balance_transaction"):
                moves.append((day(self.row(failed)["created"]), -amount))
                moves = moves if month(moves[0][0]) != month(moves[1][0]) else []
            invoice = self.store.get("invoice", paying.get(charge["payment_intent"]) or "")
            for on, moved in moves:
                if invoice:
                    self.owed(invoice, on, -moved)
                else:
                    self.post(on, charge["currency"], revenue=moved)

    def notes(self) -> None:
        for note in self.store.all("credit_note"):
            invoice = self.store.get("invoice", note["invoice"])
            refunded = sum(part["amount_refunded"] for part in note["refunds"] if part["refund"])
            outside = note["out_of_band_amount"] or 0
            balance = note["post_payment_amount"] - refunded - outside
            noted, created = day(note["effective_at"] or note["created"]), day(note["created"])
            assert invoice
            lowers = note["pre_payment_amount"] if self.issued(invoice) else 0
            for on, amount, is_owed in ((noted, lowers, True), (created, balance, True), (created, outside, False)):
                net, tax = self.split(note, amount)
                moves = [(on, -1)]
                if note["status"] == "void":
                    gone = day(note["voided_at"])
                    moves = [(on, -1), (gone, 1)] if month(gone) != month(on) else []
                for moved_on, sign in moves:
                    self.post(moved_on, note["currency"], revenue=sign * net, tax=sign * tax)
                    if is_owed:
                        self.owed(invoice, moved_on, sign * amount)

    @staticmethod
    def split(note: Mapping[str, Any], amount: int) -> tuple[int, int]:
        """Net and tax of a part of a credit note."""
        tax = note["total"] - note["total_excluding_tax"]
        assert not tax or amount in {0, note["total"]}, "a part of taxed lines would have to be rounded"
        return (amount - tax, tax) if amount else (0, 0)

    def refunds(self) -> None:
        for refund in self.store.all("refund"):
            row = self.row(refund["balance_transaction"]) if refund["balance_transaction"] else None
            if row is None or row["reporting_category"] == "partial_capture_reversal":
                continue
            moves = [(day(row["created"]), -1)]
            if failed := refund.get("failure_balance_transaction"):
                moves.append((day(self.row(failed)["created"]), 1))
                moves = moves if month(moves[0][0]) != month(moves[1][0]) else []
            explained = [
                (note, part["amount_refunded"])
                for note in self.store.all("credit_note")
                for part in note["refunds"]
                if part["refund"] == refund["id"] and note["status"] == "issued"
            ]
            rest = refund["amount"] - sum(amount for _, amount in explained)
            for on, sign in moves:
                self.post(on, refund["currency"], refunds=sign * rest)
                for note, amount in explained:
                    net, tax = self.split(note, amount)
                    self.post(on, refund["currency"], revenue=sign * net, tax=sign * tax)

    def balances(self) -> None:
        for move in self.store.all("customer_balance_transaction"):
            if move["type"] == "adjustment":
                self.owed(move, day(move["created"]), move["amount"])
                self.post(day(move["created"]), move["currency"], customer_balance=move["amount"])

    # --- money in Stripe --------------------------------------------------------------------------------------------

    def row(self, identifier: str) -> Mapping[str, Any]:
        found = self.store.get("balance_transaction", identifier)
        assert found, identifier
        return found

    def ledger(self) -> None:
        """Each row's gross on its day; what undoes another row in its month, on that row's day."""
        first = {
            (row["reporting_category"], row["source"]): day(row["created"])
            for row in self.store.all("balance_transaction")
        }
        for row in self.store.all("balance_transaction"):
            category, on, currency = row["reporting_category"], day(row["created"]), row["currency"]
            if category in (*FEES, *HELD, "payout") or not self.was_paid_by(row):
                continue
            before = None
            if category in {"charge_failure", "refund_failure"}:
                before = first.get((category.partition("_")[0], row["source"]))
            if category == "partial_capture_reversal":
                refund = self.store.get("refund", row["source"])
                assert refund
                on = first["charge", refund["charge"]]
            self.add(f"clearing:{currency}", before if before and month(before) == month(on) else on, row["amount"])
            if category.startswith("dispute"):
                self.post(on, currency, disputes=-row["amount"])
            if category.startswith("topup"):
                self.add(f"bank:{currency}", on, -row["amount"])

    def was_paid_by(self, row: Mapping[str, Any]) -> bool:
        """False for the return of a payout that never was at the bank."""
        payout = self.store.get("payout", row["source"] or "")
        return row["reporting_category"] != "payout_reversal" or (payout is not None and self.arrived(payout))

    def arrived(self, payout: Mapping[str, Any]) -> bool:
        if payout["status"] == "paid":
            return True
        failed = payout["failure_balance_transaction"]
        return bool(failed) and self.utc(self.row(failed)["created"]) >= self.utc(payout["arrival_date"])

    @staticmethod
    def utc(moment: int) -> date:
        return datetime.fromtimestamp(moment, UTC).date()

    def payouts(self) -> None:
        paid_out: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for identifier, payout_id in self.store.paid_out.items():
            if self.row(identifier)["source"] != payout_id:
                paid_out[payout_id].append(self.row(identifier))
        for payout in self.store.all("payout"):
            currency, failed = payout["currency"], payout["failure_balance_transaction"]
            own = self.row(payout["balance_transaction"])
            rows = [*paid_out[payout["id"]], *([own] if own["fee"] else [])]
            fees = [one for row in rows if row is own or row["reporting_category"] != "payout" for one in kept(row)]
            if self.arrived(payout):
                on = self.utc(payout["arrival_date"])
                places = (f"bank:{currency}", f"payout:{payout['id']}")
                for place in places:
                    self.add(place, on, payout["amount"])
                    if failed:
                        self.add(place, day(self.row(failed)["created"]), -payout["amount"])
                self.add(f"clearing:{currency}", on, -payout["amount"])
            elif failed:
                on = day(self.row(failed)["created"])
            else:
                continue
            for kind, amount in fees:
                self.add(f"clearing:{currency}", on, -amount)
                self.post(on, currency, **{kind: amount})


def kept(row: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """What Stripe kept of a row, as fees and as tax on them."""
    if row["reporting_category"] in FEES:
        yield ("fee_tax" if row["reporting_category"] == "tax" else "fees"), -row["amount"]
    for part in row["fee_details"]:
        yield ("fee_tax" if part["type"] == "tax" else "fees"), part["amount"]


def sides(result: TieOut) -> tuple[dict[str, int], dict[str, int]]:
    """Both sides of a tie-out by row, without what is zero."""
    return (
        {row.id: row.stripe for row in result.rows if row.stripe},
        {row.id: row.qbo for row in result.rows if row.qbo},
    )


def more_history(desk: Desk) -> None:
    """What the generated history lacks: debts that are given up, voids and failures, some of them in the next month."""
    shop = desk.shop
    ada, bob = shop.customer("Ada"), shop.customer("Bob")
    lost, recovered, paid_soon = shop.invoice(ada, 4_000), shop.invoice(ada, 4_100), shop.invoice(ada, 4_200)
    voided_soon, voided_late = shop.invoice(bob, 3_000), shop.invoice(bob, 3_100)
    for invoice in (lost, recovered, paid_soon):
        shop.do("mark_uncollectible", id=invoice)
    shop.pay(paid_soon)
    shop.void(voided_soon)
    debit = shop.invoice(bob, 6_000)
    shop.pay(debit, method="debit")
    charge = shop.charges()[-1]
    shop.pay(shop.invoice(bob, 2_500), method="out_of_band")
    shop.pay(shop.invoice(bob, 2_600), method="record", amount=1_000)
    rate = shop.do("create_tax_rate", percentage="8.25")["id"]
    many = [{"amount": 101 + number, "description": f"Line {number}", "tax_rates": [rate]} for number in range(14)]
    shop.pay(str(shop.do("create_invoice", customer=bob, lines=many)["id"]))  # more lines than a list shows
    note = shop.do("create_credit_note", invoice=shop.invoice(ada, 1_700), amount=700)
    shop.do("adjust_balance", id=ada, amount=-300)
    shop.advance(days=12)
    shop.pay(recovered)
    shop.void(voided_late)
    shop.do("fail_charge_later", id=charge)
    shop.do("void_credit_note", id=note["id"])
    shop.paid_invoice(bob, 7_777)
    fail_payouts(desk)
    shop.advance(days=2)


def fail_payouts(desk: Desk) -> None:
    """The bank returns one payout that had arrived, and one that was on its way."""
    payouts = desk.shop.business.account.store.all("payout")
    for status in ("paid", "in_transit"):
        chosen = [one["id"] for one in payouts if one["status"] == status and one["amount"] > 0]
        desk.shop.do("fail_payout", id=chosen[-1])


async def test_both_sides_equal_an_own_computation_on_five_days_and_every_row_opens(make_desk: OpenDesk) -> None:
    async with mixed(make_desk) as desk:
        more_history(desk)
        await sync_everything(desk)
        assert set((await desk.codes()).values()) <= {"on_review_account"}
        own = OwnBooks(desk.shop.business.account.store)
        kinds: set[str] = set()
        for as_of in DATES:
            result = await desk.runtime.tieout(as_of)
            expected = own.at(as_of)
            stripe, qbo = sides(result)
            assert stripe == expected, as_of
            assert qbo == expected, as_of
            assert (result.total_difference, result.explained, result.unexplained) == ("0.00", (), "0.00")
            await every_row_foots(desk, result)
            kinds |= {row.partition(":")[0] for row in expected}
        assert kinds == {
            *("receivable", "clearing", "bank", "payout", "revenue", "refunds", "bad_debt", "customer_balance"),
            *("tax", "fees", "fee_tax", "disputes"),
        }
        came_back = [row for row in result.deposits if row.status == "failed"]
        assert {(row.stripe, row.qbo, bool(row.returned_date)) for row in came_back} == {(0, 0, False), (0, 0, True)}
        assert {row.currency for row in result.rows} > {"usd", "jpy"}


async def every_row_foots(desk: Desk, result: TieOut) -> None:
    """Each row opens into lines that add up to it on both sides, all of them with a document and what it is of."""
    rows = await desk.runtime.open_rows([row.id for row in result.rows], result.as_of)
    for row, opened in zip(result.rows, rows, strict=True):
        assert (opened.id, opened.stripe, opened.qbo) == (row.id, row.stripe, row.qbo)
        assert sum(line.stripe for line in opened.lines) == row.stripe, row
        assert sum(line.qbo for line in opened.lines) == row.qbo, row
        for line in opened.lines:
            assert line.stripe == line.qbo, line
            assert line.date is not None
            assert all((line.stripe_id, line.document_key, line.entity, line.qbo_id)), line
