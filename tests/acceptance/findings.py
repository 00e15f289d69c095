"""Comparisons that several lines of the source of truth ask for: each fails where something is not equal."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from tests.acceptance.books_side import Json, cents, linked, on, sales_lines
from tests.acceptance.stripe_side import day, utc_day
from tests.acceptance.world import World


def check_invoice(world: World, invoice: Json) -> None:
    """One QBO invoice says what the Stripe invoice says: number, total, every line, discount, tax and shipping."""
    record = world.books.one("Invoice", invoice["id"])
    assert record["DocNumber"] == invoice["number"]
    assert cents(record["TotalAmt"]) == invoice["total"]
    written = Counter(cents(line["Amount"]) for line in sales_lines(record))
    wanted = Counter(line["amount"] for line in world.stripe.lines[invoice["id"]])
    assert wanted <= written, f"a line is missing: {wanted - written}"
    others = sum(amount * count for amount, count in (written - wanted).items())
    assert others == invoice["total"] - sum(amount * count for amount, count in wanted.items())


def check_service_periods(world: World, invoice: Json) -> int:
    """Every line says from when to when the service was; returns how many lines."""
    texts = [line["Description"] for line in sales_lines(world.books.one("Invoice", invoice["id"]))]
    starts = Counter(
        line["SalesItemLineDetail"].get("ServiceDate")
        for line in sales_lines(world.books.one("Invoice", invoice["id"]))
    )
    lines = world.stripe.lines[invoice["id"]]
    for line in lines:
        first, last = day(line["period"]["start"]), day(line["period"]["end"])
        said = f"Service {first}" if first == last else f"Service {first} to {last}"
        assert any(line["description"] in text and said in text for text in texts), (said, texts)
    wanted = Counter(day(line["period"]["start"]).isoformat() for line in lines)
    assert wanted <= starts
    return len(lines)


def check_payment(world: World, charge_id: str, parts: Iterable[tuple[str, int]]) -> None:
    """The payment of a charge: gross, on the day the money came, applied to each invoice with its part."""
    record = world.books.one("Payment", charge_id)
    assert cents(record["TotalAmt"]) == world.stripe.one(charge_id)["amount_captured"]
    assert on(record) == world.stripe.received_on(charge_id)
    applied = linked(record, "Invoice")
    for invoice, amount in parts:
        assert applied[world.books.one("Invoice", invoice)["Id"]] == amount


def deposit_of(world: World, payout: Json) -> Json:
    """The document of a payout: a deposit, or a journal entry for one below zero."""
    return world.books.one("Deposit" if payout["amount"] > 0 else "JournalEntry", payout["id"])


def account_ids(world: World) -> dict[str, str]:
    """The ids of QBO's accounts by name."""
    return {one["Name"]: one["Id"] for one in world.books.objects["Account"]}


def into_bank(world: World, record: Json) -> int:
    """What a document of a payout brings to the bank, in minor units; below zero if it takes."""
    bank = account_ids(world)["Checking"]
    if "DepositToAccountRef" in record:
        assert record["DepositToAccountRef"]["value"] == bank
        return cents(record["TotalAmt"])
    signs = {"Debit": 1, "Credit": -1}
    return sum(
        signs[detail["PostingType"]] * cents(line["Amount"])
        for line in record["Line"]
        if (detail := line["JournalEntryLineDetail"])["AccountRef"]["value"] == bank
    )


def exported_links(world: World) -> list[dict[str, str]]:
    """The link table after September as `wescope export` gives it: one row per document."""
    return list(csv.DictReader(io.StringIO(world.links)))


def exported(world: World) -> dict[tuple[str, str], dict[str, str]]:
    """The same by entity and by the first Stripe object of its key."""
    return {(row["entity"], row["document_key"].partition(":")[0]): row for row in exported_links(world)}


def payout_dates(payout: Json) -> tuple[date, date]:
    """When Stripe made a payout (books' calendar), and when its cash is at the bank (Stripe's calendar)."""
    return day(payout["created"]), utc_day(payout["arrival_date"])


def share(count: int, whole: int, what: str) -> str:
    """`23 of 23 invoices`."""
    return f"{count} of {whole} {what}"


def rows_by_mark(world: World, entity: str) -> dict[str, Any]:
    """The exported rows of an entity by the Stripe object that their key names."""
    return {key[1]: row for key, row in exported(world).items() if key[0] == entity}
