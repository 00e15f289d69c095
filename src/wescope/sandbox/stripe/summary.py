"""Totals of a business, counted from its objects and not from what the product makes of them."""

from collections import Counter, defaultdict
from typing import Any

from wescope.sandbox.stripe.store import Resource, Store
from wescope.sandbox.stripe.summary_money import summarize_money


def summarize(store: Store) -> Resource:
    """Return what a tie-out can be compared with; amounts in minor units by currency.

    * ``receivable``: by customer and currency, what is still to be paid on open invoices.
    * ``customer_balance``: by customer and currency, what is not zero; below zero is credit.
    * ``unapplied``: by customer and currency, what succeeded payment intents brought beyond the invoices they pay;
      only intents that pay an invoice count.
    * ``clearing``: gross, fees and net of all balance transactions.
    * ``out_of_band``: paid outside of Stripe.
    * ``payments``: how many payments there are: charges that brought money, and payments outside of Stripe.
    * the names of ``summarize_money``.
    """
    invoices = store.all("invoice")
    finalized = [one for one in invoices if one.get("status") != "draft"]
    outside = [one for one in finalized if one.get("amount_paid_off_stripe")]
    charges = [one for one in store.all("charge") if one.get("balance_transaction")]
    receivable = _by_customer(finalized, "open")
    return {
        "customers": len(store.all("customer")),
        "invoices": dict(Counter(one.get("status") for one in invoices)),
        "finalized": len(finalized),
        "zero_totals": sum(one.get("total") == 0 for one in finalized),
        "all_lines_zero": sum(_all_zero(store, one) for one in finalized),
        "receivable": receivable,
        "receivable_total": _sum(receivable),
        "customer_balance": _balances(store),
        "uncollectible": _by_customer(finalized, "uncollectible"),
        "unapplied": _unapplied(store),
        "clearing": _clearing(store),
        "out_of_band": _out_of_band(outside),
        "payments": len(charges) + len(outside),
        "pending_charges": sum(one.get("status") == "pending" for one in store.all("charge")),
        **summarize_money(store),
    }


def _all_zero(store: Store, invoice: Resource) -> bool:
    return all(line["amount"] == 0 for line in store.lines.get(invoice["id"], []))


def _by_customer(invoices: list[Resource], status: str) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = defaultdict(dict)
    for invoice in invoices:
        if invoice["status"] == status and invoice.get("amount_remaining"):
            owed = totals[invoice["customer"]]
            owed[invoice["currency"]] = owed.get(invoice["currency"], 0) + invoice["amount_remaining"]
    return dict(totals)


def _balances(store: Store) -> dict[str, dict[str, int]]:
    return {one["id"]: {one["currency"]: one["balance"]} for one in store.all("customer") if one.get("balance")}


def _sum(totals: dict[str, dict[str, int]]) -> dict[str, int]:
    whole: dict[str, int] = {}
    for amounts in totals.values():
        for currency, amount in amounts.items():
            whole[currency] = whole.get(currency, 0) + amount
    return whole


def _unapplied(store: Store) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = defaultdict(dict)
    for intent in store.all("payment_intent"):
        payments = store.payments_by("payment_intent", intent["id"])
        if intent["status"] != "succeeded" or not payments:
            continue
        rest = intent.get("amount_received", 0) - sum(payment["amount_paid"] or 0 for payment in payments)
        if rest:
            kept = totals[intent["customer"]]
            kept[intent["currency"]] = kept.get(intent["currency"], 0) + rest
    return dict(totals)


def _clearing(store: Store) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, Any]] = {}
    for transaction in store.all("balance_transaction"):
        whole = totals.setdefault(transaction["currency"], {"count": 0, "gross": 0, "fee": 0, "net": 0})
        whole["count"] += 1
        whole["gross"] += transaction["amount"]
        whole["fee"] += transaction.get("fee", 0)
        whole["net"] += transaction.get("net", transaction["amount"])
    return totals


def _out_of_band(invoices: list[Resource]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for invoice in invoices:
        currency = invoice["currency"]
        totals[currency] = totals.get(currency, 0) + invoice["amount_paid_off_stripe"]
    return totals
