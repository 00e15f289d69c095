"""The money side of the Stripe sandbox over HTTP: what the control API orders and what the read API then says."""

import contextlib
import os
import re
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest

from wescope.sandbox.stripe import Knobs, Running, StripeSandbox

SHARED = Path(os.environ.get("WESCOPE_SHARED", Path(__file__).parents[2].parent / "shared"))
FIELDS = SHARED / "data/stripe/schema_fields.md"
UNLIMITED = Knobs(requests_per_second=0)
EXPECTED_BEYOND = {"charge": {"destination", "dispute", "order", "source"}}  # recorded, though not in the specification


class Merchant:
    """Calls of one sandbox."""

    def __init__(self, running: Running, client: httpx2.AsyncClient) -> None:
        self.running = running
        self.client = client

    async def do(self, path: str, *, status: int = 200, **values: Any) -> dict[str, Any]:
        response = await self.client.post(f"/_sandbox/{path}", json=values)
        assert response.status_code == status, response.text
        return dict(response.json())

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        response = await self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def refused(self, path: str, **values: Any) -> dict[str, Any]:
        return dict((await self.do(path, status=400, **values))["error"])

    async def charge(self, amount: int = 10_000, **values: Any) -> dict[str, Any]:
        return await self.do("charges", amount=amount, **values)

    async def invoice(self, amount: int, **values: Any) -> dict[str, Any]:
        customer = await self.do("customers", name="Walk-in")
        return await self.do("invoices", customer=customer["id"], lines=[{"amount": amount}], **values)

    async def row(self, identifier: str) -> dict[str, Any]:
        return await self.get(f"/v1/balance_transactions/{identifier}")

    def kinds(self, since: int) -> list[str]:
        return [one.kind for one in self.running.business.account.log.all()[since:]]

    @property
    def events(self) -> int:
        return len(self.running.business.account.log.all())


@contextlib.asynccontextmanager
async def merchant(state: Path | None = None, *, payouts: str = "none") -> AsyncIterator[Merchant]:
    sandbox = StripeSandbox(
        as_of=date(2026, 11, 22), customers=0, months=1, state=state, payouts=payouts, knobs=UNLIMITED
    )
    async with sandbox.serve() as running:
        headers = {"Authorization": f"Bearer {running.api_key}"}
        async with httpx2.AsyncClient(base_url=running.url, headers=headers) as client:
            yield Merchant(running, client)


async def test_an_invoice_in_another_currency_is_settled_in_dollars() -> None:
    async with merchant() as shop:
        await shop.do("account", rates={"eur": "1.0825"}, rate_drift="0")
        invoice = await shop.invoice(10_000, currency="eur")
        await shop.do(f"invoices/{invoice['id']}/pay")
        (charge,) = (await shop.get("/v1/charges"))["data"]
        lines = (await shop.get(f"/v1/invoices/{invoice['id']}/lines"))["data"]
        assert {invoice["currency"], charge["currency"], lines[0]["currency"]} == {"eur"}
        row = await shop.row(charge["balance_transaction"])
        assert (row["amount"], row["currency"], row["exchange_rate"], row["fee"]) == (10_825, "usd", 1.0825, 344)
        await shop.do("account", settlement_currencies=["usd", "eur"])
        row = await shop.row((await shop.charge(10_000, currency="eur"))["balance_transaction"])
        assert (row["amount"], row["currency"], row["exchange_rate"], row["fee"]) == (10_000, "eur", None, 315)
        balance = await shop.get("/v1/balance")
        assert {one["currency"] for one in balance["pending"]} == {"usd", "eur"}


async def test_prices_and_coupons_of_another_currency_are_refused() -> None:
    async with merchant() as shop:
        coupon = await shop.do("coupons", amount_off=100, currency="usd")
        customer = await shop.do("customers", name="A")
        lines = [{"amount": 5_000, "coupons": [coupon["id"]]}]
        assert (await shop.refused("invoices", customer=customer["id"], lines=lines, currency="eur"))[
            "param"
        ] == "coupon"
        price = (await shop.get("/v1/prices"))["data"][0]["id"]
        error = await shop.refused("invoices", customer=customer["id"], lines=[{"price": price}], currency="gbp")
        assert "only supports" in error["message"]
        assert (await shop.refused("invoices", customer=customer["id"], lines=[], currency="doge"))[
            "param"
        ] == "currency"


async def test_fees_of_the_old_world_have_tax_on_them() -> None:
    async with merchant() as shop:
        await shop.do("account", fee_tax_percent="23", country="IE", default_currency="eur")
        account = await shop.get("/v1/account")
        assert (account["country"], account["default_currency"]) == ("IE", "eur")
        row = await shop.row((await shop.charge(10_000, currency="eur"))["balance_transaction"])
        assert [(one["type"], one["amount"], one["description"]) for one in row["fee_details"]] == [
            ("stripe_fee", 315, "Stripe processing fees"),
            ("tax", 72, "VAT"),
        ]
        assert (row["fee"], row["net"]) == (387, 9_613)


async def test_refunds_in_parts() -> None:
    async with merchant() as shop:
        charge = await shop.charge()
        before = shop.events
        first = await shop.do("refunds", charge=charge["id"], amount=2_500, reason="requested_by_customer")
        assert shop.kinds(before) == ["refund.created", "charge.refunded"]
        row = await shop.row(first["balance_transaction"])
        assert (row["type"], row["reporting_category"], row["amount"], row["fee"]) == ("refund", "refund", -2_500, 0)
        await shop.do("refunds", payment_intent=charge["payment_intent"])
        charge = await shop.get(f"/v1/charges/{charge['id']}", **{"expand[]": "refunds"})
        assert (charge["amount_refunded"], charge["refunded"], len(charge["refunds"]["data"])) == (10_000, True, 2)
        assert (await shop.refused("refunds", charge=charge["id"]))["code"] == "charge_already_refunded"
        listed = await shop.get("/v1/refunds", charge=charge["id"], **{"expand[]": "data.charge.customer"})
        assert [one["amount"] for one in listed["data"]] == [7_500, 2_500]
        assert listed["data"][0]["charge"]["id"] == charge["id"]
        assert not (await shop.get("/v1/refunds", **{"created[gt]": first["created"] + 99}))["data"]


async def test_a_refund_of_a_bank_debit_is_a_payment_refund() -> None:
    async with merchant() as shop:
        invoice = await shop.invoice(5_000)
        await shop.do(f"invoices/{invoice['id']}/pay", method="debit")
        assert (await shop.refused("refunds", invoice=invoice["id"]))["param"] == "invoice"
        await shop.do("advance", days=5)
        refund = await shop.do("refunds", invoice=invoice["id"])
        assert (await shop.row(refund["balance_transaction"]))["type"] == "payment_refund"
        assert (await shop.get(f"/v1/invoices/{invoice['id']}"))["status"] == "paid"


async def test_a_refund_that_fails_brings_its_money_back() -> None:
    async with merchant() as shop:
        charge = await shop.charge()
        refund = await shop.do("refunds", charge=charge["id"], amount=4_000)
        before = shop.events
        failed = await shop.do(f"refunds/{refund['id']}/fail", reason="expired_or_canceled_card")
        assert (failed["status"], failed["failure_reason"]) == ("failed", "expired_or_canceled_card")
        assert shop.kinds(before) == ["refund.updated", "charge.refund.updated", "refund.failed"]
        params = {"expand[]": ["balance_transaction", "failure_balance_transaction"]}
        read = await shop.get(f"/v1/refunds/{refund['id']}", **params)
        assert read["failure_balance_transaction"]["amount"] == -read["balance_transaction"]["amount"] == 4_000
        assert (await shop.get(f"/v1/charges/{charge['id']}"))["amount_refunded"] == 0
        await shop.do(f"refunds/{refund['id']}/fail", status=400)


async def test_a_pending_refund_has_no_row_before_time_passes() -> None:
    async with merchant() as shop:
        charge = await shop.charge()
        refund = await shop.do("refunds", charge=charge["id"], outcome="pending")
        assert (refund["status"], refund["balance_transaction"], refund["pending_reason"]) == (
            "pending",
            None,
            "processing",
        )
        await shop.do("advance", days=3)
        refund = await shop.get(f"/v1/refunds/{refund['id']}")
        assert refund["status"] == "succeeded"
        assert "pending_reason" not in refund
        assert (await shop.row(refund["balance_transaction"]))["amount"] == -10_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 10_001},
        {"amount": 0},
        {"amount": -5},
        {"amount": "5"},
        {"reason": "because"},
        {"outcome": "lost"},
        {"charge": "ch_none"},
        {"payment_intent": "pi_none"},
        {"metadata": {}},
    ],
)
async def test_refunds_that_stripe_refuses(wrong: dict[str, Any]) -> None:
    async with merchant() as shop:
        charge = await shop.charge()
        await shop.refused("refunds", **({"charge": charge["id"]} | wrong))


async def test_a_charge_without_customer_or_invoice() -> None:
    async with merchant() as shop:
        charge = await shop.charge(name="Jo Guest", email="jo@example.com", metadata={"order": "7"}, description="Shop")
        assert (charge["customer"], charge["metadata"], charge["description"]) == (None, {"order": "7"}, "Shop")
        assert charge["billing_details"]["email"] == "jo@example.com"
        payments = await shop.get(
            "/v1/invoice_payments",
            **{"payment[type]": "payment_intent", "payment[payment_intent]": charge["payment_intent"]},
        )
        assert payments["data"] == []
        later = await shop.charge(method="debit")
        assert (later["status"], later["balance_transaction"]) == ("pending", None)
        await shop.do("advance", days=5)
        assert (await shop.get(f"/v1/charges/{later['id']}"))["status"] == "succeeded"
        for wrong in ({"amount": 10}, {"customer": "cus_none"}, {"method": "cash"}, {"capture_amount": 5}):
            await shop.refused("charges", **({"amount": 900} | wrong))


async def test_an_authorized_charge_is_captured_in_part() -> None:
    async with merchant() as shop:
        held = await shop.charge(capture_method="manual")
        assert (held["captured"], held["balance_transaction"]) == (False, None)
        await shop.refused("refunds", charge=held["id"])
        await shop.do(f"charges/{held['id']}/capture", status=400, amount=10_001)
        taken = await shop.do(f"charges/{held['id']}/capture", amount=6_000)
        assert (taken["amount_captured"], taken["amount_refunded"]) == (6_000, 4_000)
        rows = (await shop.get("/v1/balance_transactions", **{"expand[]": "data.source.charge"}))["data"]
        assert [(row["reporting_category"], row["amount"]) for row in rows] == [
            ("partial_capture_reversal", -4_000),
            ("charge", 10_000),
        ]
        assert rows[0]["source"]["charge"]["id"] == held["id"]
        await shop.do(f"charges/{held['id']}/capture", status=400)


async def test_a_dispute_takes_its_way() -> None:
    async with merchant() as shop:
        charge = await shop.charge()
        before = shop.events
        dispute = await shop.do("disputes", charge=charge["id"], reason="product_not_received")
        assert re.fullmatch(r"du_1[0-9A-Za-z]{23}", dispute["id"])
        assert shop.kinds(before) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
        (taken,) = dispute["balance_transactions"]
        assert (taken["type"], taken["amount"], taken["fee"], taken["net"]) == ("adjustment", -10_000, 1_500, -11_500)
        assert taken["fee_details"][0]["description"] == "Dispute fee"
        read = await shop.get(f"/v1/charges/{charge['id']}")
        assert (read["disputed"], read["dispute"]) == (True, dispute["id"])
        assert (await shop.refused("refunds", charge=charge["id"]))["code"] == "charge_disputed"
        await shop.do(f"disputes/{dispute['id']}/close", status=400)
        before = shop.events
        won = await shop.do(f"disputes/{dispute['id']}/win", fee_returned=True)
        assert shop.kinds(before) == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]
        assert [one["net"] for one in won["balance_transactions"]] == [-11_500, 11_500]
        await shop.do(f"disputes/{dispute['id']}/lose", status=400)
        listed = await shop.get("/v1/disputes", charge=charge["id"], **{"expand[]": "data.charge"})
        assert listed["data"][0]["charge"]["id"] == charge["id"]


async def test_an_inquiry_is_closed_or_escalated() -> None:
    async with merchant() as shop:
        inquiry = await shop.do("disputes", charge=(await shop.charge())["id"], inquiry=True)
        assert (inquiry["status"], inquiry["balance_transactions"]) == ("warning_needs_response", [])
        closed = await shop.do(f"disputes/{inquiry['id']}/close")
        assert closed["status"] == "warning_closed"
        inquiry = await shop.do("disputes", charge=(await shop.charge())["id"], inquiry=True, amount=2_000)
        await shop.do(f"disputes/{inquiry['id']}/respond")
        raised = await shop.do(f"disputes/{inquiry['id']}/escalate")
        assert (raised["status"], raised["balance_transactions"][0]["amount"]) == ("needs_response", -2_000)
        assert (await shop.do(f"disputes/{inquiry['id']}/lose"))["status"] == "lost"


async def test_rows_of_any_kind_and_topups() -> None:
    async with merchant() as shop:
        fee = await shop.do("balance_rows", type="stripe_fee", amount=-1_250, description="Billing")
        assert (fee["reporting_category"], fee["net"], fee["source"]) == ("fee", -1_250, None)
        odd = await shop.do("balance_rows", type="new_thing", reporting_category="new_category", amount=7, fee=2)
        assert (odd["type"], odd["reporting_category"], odd["net"]) == ("new_thing", "new_category", 5)
        await shop.refused("balance_rows", type="stripe_fee", amount=-1, currency="eur")
        before = shop.events
        topup = await shop.do("topups", amount=5_000)
        assert shop.kinds(before) == ["topup.created", "topup.succeeded"]
        assert (await shop.row(topup["balance_transaction"]))["reporting_category"] == "topup"
        pending = await shop.do("topups", amount=6_000, outcome="pending")
        back = await shop.do("topups", amount=7_000, outcome="reversed")
        failed = await shop.do("topups", amount=8_000, outcome="failed")
        await shop.do("advance", days=6)
        states = [(await shop.get(f"/v1/topups/{one['id']}"))["status"] for one in (pending, back, failed)]
        assert states == ["succeeded", "reversed", "failed"]
        assert [one["status"] for one in (await shop.get("/v1/topups", status="pending"))["data"]] == []


@pytest.mark.parametrize("when", ["pending", "in_transit", "paid"])
async def test_a_payout_lists_its_rows_and_may_fail(when: str) -> None:
    async with merchant(payouts="daily") as shop:
        charge = await shop.charge()
        await shop.do("disputes", charge=charge["id"], amount=1_000)
        await shop.do("balance_rows", type="stripe_fee", amount=-100)
        await shop.do("advance", days={"pending": 7.2, "in_transit": 8, "paid": 11}[when])
        payouts = (await shop.get("/v1/payouts"))["data"]
        payout = payouts[0]
        assert payout["status"] == when
        assert payout["reconciliation_status"] == "completed"
        rows = (await shop.get("/v1/balance_transactions", payout=payout["id"], **{"expand[]": "data.source"}))["data"]
        assert sum(one["net"] for one in rows) == 0
        assert {one["type"] for one in rows} == {"payout", "charge", "adjustment"}
        read = await shop.get(f"/v1/payouts/{payout['id']}", **{"expand[]": "balance_transaction"})
        assert read["balance_transaction"]["amount"] == -payout["amount"]
        failed = await shop.do(f"payouts/{payout['id']}/fail", failure_code="no_account")
        row = await shop.row(failed["failure_balance_transaction"])
        assert (row["type"], row["reporting_category"], row["amount"]) == (
            "payout_failure",
            "payout_reversal",
            payout["amount"],
        )
        await shop.do("advance", days=2)
        later = (await shop.get("/v1/payouts"))["data"][0]
        again = (await shop.get("/v1/balance_transactions", payout=later["id"]))["data"]
        assert row["id"] in {one["id"] for one in again}
        assert (await shop.get("/v1/payouts", status="failed"))["data"][0]["id"] == payout["id"]
        assert (await shop.get("/v1/payouts", **{"arrival_date[gte]": later["arrival_date"]}))["data"] == [later]


async def test_a_payout_is_reconciled_minutes_after_it_was_made() -> None:
    async with merchant(payouts="daily") as shop:
        await shop.do("topups", amount=5_000)
        await shop.do("advance", seconds=2 * 3_600 + 60)
        (payout,) = (await shop.get("/v1/payouts"))["data"]
        assert (payout["status"], payout["reconciliation_status"]) == ("pending", "in_progress")
        assert (await shop.get("/v1/balance_transactions", payout=payout["id"]))["data"] == []
        await shop.do("advance", seconds=600)
        assert len((await shop.get("/v1/balance_transactions", payout=payout["id"]))["data"]) == 2
        canceled = await shop.do(f"payouts/{payout['id']}/cancel")
        assert canceled["status"] == "canceled"
        assert (await shop.row(canceled["failure_balance_transaction"]))["type"] == "payout_cancel"
        await shop.do(f"payouts/{payout['id']}/fail", status=400)


async def test_manual_payouts_do_not_say_what_is_in_them() -> None:
    async with merchant() as shop:
        await shop.do("account", payout_schedule="manual")
        assert (await shop.get("/v1/account"))["settings"]["payouts"]["schedule"]["interval"] == "manual"
        await shop.do("topups", amount=20_000)
        payout = await shop.do("payouts", amount=10_000)
        answer = await shop.client.get("/v1/balance_transactions", params={"payout": payout["id"]})
        assert (answer.status_code, "automatic" in answer.json()["error"]["message"]) == (400, True)
        instant = await shop.do("payouts", amount=5_000, method="instant")
        assert (await shop.row(instant["balance_transaction"]))["fee"] == 50
        assert (await shop.refused("payouts", amount=5_000))["code"] == "balance_insufficient"
        await shop.refused("payouts", amount=1, method="slow")
        await shop.do("advance", days=5)
        assert {one["status"] for one in (await shop.get("/v1/payouts"))["data"]} == {"paid"}
        summary = await shop.get("/_sandbox/summary")
        assert summary["unpaid"] == {"usd": 20_000 - 10_000 - 5_050}


async def test_the_account_is_set_only_to_what_there_is() -> None:
    async with merchant() as shop:
        wrongs: tuple[dict[str, Any], ...] = (
            {"settlement_currencies": ["doge"]},
            {"rates": {"eur": "0"}},
            {"rates": {"eur": "x"}},
            {"rates": []},
            {"payout_schedule": "hourly"},
            {"rate_drift": "-1"},
            {"colour": "red"},
        )
        for wrong in wrongs:
            await shop.refused("account", **wrong)
        await shop.refused("charges", amount=10_000, currency="vnd")  # has no rate
        await shop.do("account", rates={"vnd": "0.00004"}, rate_drift=0)
        row = await shop.row((await shop.charge(1_000_000, currency="vnd"))["balance_transaction"])
        assert row["amount"] == 4_000


async def test_a_restart_brings_the_same_money(tmp_path: Path) -> None:
    async def everything(shop: Merchant) -> list[Any]:
        paths = ("refunds", "disputes", "payouts", "balance_transactions", "charges", "topups", "events")
        return [await shop.get(f"/v1/{path}", limit=100) for path in paths]

    async with merchant(tmp_path, payouts="daily") as shop:
        await shop.do("account", settlement_currencies=["usd", "eur"], fee_tax_percent="20")
        charge = await shop.charge(currency="gbp")
        await shop.do("refunds", charge=charge["id"], amount=1_000, outcome="failed_later")
        await shop.do("refunds", charge=charge["id"], amount=1_000_000, status=400)
        await shop.do("disputes", charge=(await shop.charge())["id"])
        await shop.do("advance", days=20)
        (payout, *_) = (await shop.get("/v1/payouts"))["data"]
        await shop.do(f"payouts/{payout['id']}/fail")
        await shop.do("advance", days=3)
        before = await everything(shop)
    async with merchant(tmp_path) as shop:
        assert await everything(shop) == before


@pytest.mark.skipif(not FIELDS.exists(), reason="needs the list of fields in the shared folder")
async def test_every_new_object_has_the_fields_of_stripe() -> None:
    text = FIELDS.read_text()
    async with merchant(payouts="daily") as shop:
        charge = await shop.charge()
        refund = await shop.do("refunds", charge=charge["id"], amount=100)
        await shop.do(f"refunds/{refund['id']}/fail")
        await shop.do("topups", amount=5_000)
        await shop.do("disputes", charge=charge["id"])
        await shop.do("advance", days=3)
        for path in ("charges", "refunds", "disputes", "payouts", "topups", "balance_transactions"):
            for one in (await shop.get(f"/v1/{path}"))["data"]:
                section = text.split(f"\n## `{one['object']}`\n")[1].split("\n## ")[0]
                known = set(re.findall(r"^- `(\w+)`", section, flags=re.MULTILINE))
                assert set(one) - EXPECTED_BEYOND.get(one["object"], set()) <= known
