"""The seeded business of the Stripe sandbox: what is in it, that it adds up, that it repeats."""

import json
import re
from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.seeding import Parameters, build_business
from wescope.sandbox.stripe.summary import summarize

AS_OF = date(2026, 11, 22)
LOS_ANGELES = ZoneInfo("America/Los_Angeles")


@cache
def business() -> Business:
    return build_business(Parameters(as_of=AS_OF))


def objects(kind: str) -> list[dict[str, Any]]:
    return business().account.store.all(kind)


def finalized() -> list[dict[str, Any]]:
    return [one for one in objects("invoice") if one["status"] != "draft"]


def lines(invoice: dict[str, Any]) -> list[dict[str, Any]]:
    return business().account.store.lines[invoice["id"]]


def test_its_size_leaves_room_for_qbo_writes() -> None:
    summary = summarize(business().account.store)
    assert summary["customers"] == 50
    assert 135 <= summary["finalized"] <= 145
    assert 110 <= summary["payments"] <= 120
    assert summary["customers"] + summary["finalized"] + summary["payments"] < 330


def test_situations_are_there() -> None:
    invoices = finalized()
    counts = Counter(len(lines(one)) for one in invoices)
    assert counts[35] == 1
    assert counts[12] >= 5
    every = [line for one in invoices for line in lines(one)]
    assert any(line["amount"] < 0 and line["parent"]["subscription_item_details"]["proration"] for line in every)
    assert any(line["pricing"]["unit_amount_decimal"] == "0.000381" and line["amount"] == 9184 for line in every)
    assert any(line["quantity_decimal"] == "0.75" and line["quantity"] == 0 for line in every)
    assert {tax["tax_behavior"] for line in every for tax in line["taxes"]} == {"inclusive", "exclusive"}
    assert any(len(line["taxes"]) == 2 for line in every)
    assert any(line["discounts"] for line in every)
    assert any(one["discounts"] for one in invoices)
    assert any(one["shipping_cost"] and one["shipping_cost"]["amount_tax"] for one in invoices)
    assert summarize(business().account.store)["all_lines_zero"] == 2
    assert sum(one["total"] == 0 for one in invoices) > 2
    assert any(
        one["due_date"] and one["status_transitions"]["paid_at"] > one["due_date"]
        for one in invoices
        if one["status"] == "paid"
    )
    assert any(0 < one["amount_paid"] < one["amount_due"] for one in invoices if one["status"] == "open")
    assert {one["payment"]["type"] for one in objects("invoice_payment")} == {"payment_intent", "payment_record"}
    assert Counter(one["status"] for one in objects("charge"))["failed"] >= 4
    assert sum(one["status"] == "draft" for one in objects("invoice")) == 2


def test_nothing_belongs_to_a_later_issue() -> None:
    assert not objects("refund")
    assert not objects("payout")
    assert not any(one["starting_balance"] or one["ending_balance"] for one in finalized())
    assert {one["currency"] for one in objects("invoice")} == {"usd"}
    for one in finalized():
        voided = one["status_transitions"]["voided_at"]
        if voided:
            months = {
                datetime.fromtimestamp(at, tz=LOS_ANGELES).strftime("%Y-%m") for at in (voided, one["effective_at"])
            }
            assert len(months) == 1


def test_some_invoices_stand_at_the_edge_of_a_local_month() -> None:
    local = [datetime.fromtimestamp(one["effective_at"], tz=LOS_ANGELES) for one in finalized()]
    assert any(moment.hour == 23 and moment.minute >= 58 for moment in local)
    assert any(moment.day == 1 and moment.hour == 0 and moment.minute == 0 for moment in local)


def test_every_invoice_adds_up() -> None:
    store = business().account.store
    for one in objects("invoice"):
        own = lines(one)
        discounts = sum(amount["amount"] for line in own for amount in line["discount_amounts"])
        exclusive = sum(t["amount"] for line in own for t in line["taxes"] if t["tax_behavior"] == "exclusive")
        shipping = (one["shipping_cost"] or {"amount_total": 0})["amount_total"]
        assert one["total"] == sum(line["amount"] for line in own) - discounts + exclusive + shipping
        assert sum(amount["amount"] for amount in one["total_discount_amounts"]) == discounts
        assert sum(tax["amount"] for tax in one["total_taxes"]) == sum(
            t["amount"] for line in own for t in line["taxes"]
        )
        assert one["amount_due"] == one["total"]
        assert one["amount_remaining"] == one["amount_due"] - one["amount_paid"]
        assert (one["status"] == "paid") == (one["amount_remaining"] == 0)
        paid = sum(payment["amount_paid"] or 0 for payment in store.payments_of(one["id"]))
        assert one["amount_paid"] in {paid, paid + one["amount_paid_off_stripe"]}


def test_money_in_equals_money_applied() -> None:
    store = business().account.store
    summary = summarize(store)
    applied = sum(one["amount_paid"] or 0 for one in objects("invoice_payment") if "payment_intent" in one["payment"])
    rest = sum(amounts["usd"] for amounts in summary["unapplied"].values())
    assert summary["clearing"]["usd"]["gross"] == applied + rest
    assert rest == 10_000
    for one in objects("balance_transaction"):
        assert (
            one["net"] == one["amount"] - one["fee"] == one["amount"] - sum(fee["amount"] for fee in one["fee_details"])
        )
        assert one["available_on"] % 86_400 == 0
        assert store.get("charge", one["source"])["balance_transaction"] == one["id"]  # type: ignore[index] # it exists


def test_a_shared_intent_pays_less_than_its_charge_by_invoice() -> None:
    store = business().account.store
    shared = [store.payments_by("payment_intent", one["id"]) for one in objects("payment_intent")]
    assert Counter(len(payments) for payments in shared)[2] == 4
    assert Counter(len(payments) for payments in shared)[3] == 2


def test_an_asynchronous_capture_first_has_no_balance_transaction() -> None:
    events = business().account.log.all()
    first = [e for e in events if e.kind == "charge.succeeded" and e.snapshot["balance_transaction"] is None]
    later = {e.snapshot["id"] for e in events if e.kind == "charge.updated" and e.snapshot["balance_transaction"]}
    assert later
    assert later <= {e.snapshot["id"] for e in first}


def test_ids_and_numbers_look_like_stripes() -> None:
    patterns = {
        "invoice": r"in_1[0-9A-Za-z]{23}", "customer": r"cus_[0-9A-Za-z]{14}", "charge": r"(ch|py)_3[0-9A-Za-z]{23}",
        "payment_intent": r"pi_3[0-9A-Za-z]{23}", "balance_transaction": r"txn_3[0-9A-Za-z]{23}",
        "invoice_payment": r"inpay_1[0-9A-Za-z]{23}",
    }  # fmt: skip
    for kind, pattern in patterns.items():
        ids = [one["id"] for one in objects(kind)]
        assert all(re.fullmatch(pattern, identifier) for identifier in ids)
        assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[0-9A-Z]{8}-\d{4}", one["number"]) for one in finalized())
    assert all(one["number"] is None for one in objects("invoice") if one["status"] == "draft")
    first = min(objects("invoice"), key=lambda one: one["created"])
    assert len(first["id"]) == 27


def test_names_are_awkward() -> None:
    names = [one["name"] for one in objects("customer")]
    assert {"Amy's Bird Sanctuary", "Brosnahan Insurance Agency"} <= set(names)
    assert Counter(names)["Acme Corporation"] == 2
    assert any(name and len(name) > 100 for name in names)
    assert any(one["name"] is None and one["email"] for one in objects("customer"))


def test_time_runs_forward_and_stays_in_the_history() -> None:
    created = [one["created"] for one in objects("charge")]
    end = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
    assert all(event.created < end for event in business().account.log.all())
    assert created == sorted(created)
    for one in objects("invoice"):
        customer = business().account.store.get("customer", one["customer"])
        assert customer is not None
        assert customer["created"] <= one["created"]


def dump(one: Business) -> str:
    events = [one.account.log.snapshot_body(event, pending_webhooks=0) for event in one.account.log.all()]
    return json.dumps([events, one.account.api_key, one.account.store.lines], sort_keys=True)


@pytest.mark.parametrize("size", [(5, 1), (30, 2)])
def test_the_same_parameters_give_the_same_business(size: tuple[int, int]) -> None:
    parameters = Parameters(as_of=AS_OF, customers=size[0], months=size[1])
    assert dump(build_business(parameters)) == dump(build_business(parameters))


def test_another_seed_gives_another_business() -> None:
    assert dump(build_business(Parameters(as_of=AS_OF, customers=2, seed=8))) != dump(
        build_business(Parameters(as_of=AS_OF, customers=2))
    )


@pytest.mark.parametrize("as_of", [date(2026, 3, 1), date(2026, 3, 31), date(2024, 2, 29), date(2027, 1, 1)])
def test_any_day_will_do(as_of: date) -> None:
    summary = summarize(build_business(Parameters(as_of=as_of)).account.store)
    assert 130 <= summary["finalized"] <= 145
    assert summary["customers"] + summary["finalized"] + summary["payments"] < 330
