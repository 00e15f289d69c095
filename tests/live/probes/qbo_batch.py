"""Probes of `/batch`: partial failures, answers by bId, size, voids and deletes in it (facts/qbo.md 5.2)."""

from typing import Any

from tests.live.bench import Bench
from tests.live.model import Details, Seen
from tests.live.probes.shelf import ON_QBO, Shelf
from wescope.qbo.verify import is_void

SHELF = Shelf(ON_QBO)

_TOO_MANY = 31


def _create(bench: Bench, b_id: str, **changes: Any) -> dict[str, Any]:
    body = bench.qbo.marked({**bench.qbo.invoice(), **changes})
    return {"bId": b_id, "operation": "create", "Invoice": body}


@SHELF.probe(
    "batch.partial_failure",
    asks="One item of a batch is refused: are the others done, and is each told by its bId?",
    expected="each by itself",
    others={"all or nothing": False},
)
async def partial_failure(bench: Bench) -> Seen:
    """Send good, bad, good."""
    bad = _create(bench, "b", CustomerRef={"value": "99999999"})
    answer = await bench.qbo.wire.batch([_create(bench, "a"), bad, _create(bench, "c")], bench.run.request_id())
    items = answer.items()
    done = [b_id for b_id, one in items.items() if one.ok]
    refused = items["b"].outcome if "b" in items else answer.outcome
    details: Details = {"status": answer.status, "order": " ".join(items), "refused": refused}
    if answer.ok and done == ["a", "c"] and not items["b"].ok:
        return Seen(outcome="each by itself", details=details)
    return Seen(outcome="all or nothing" if not done else "else", details=details)


@SHELF.probe(
    "batch.too_many",
    asks="A batch of 31 items: refused as a whole?",
    expected="1040",
    others={"accepted": True},
)
async def too_many(bench: Bench) -> Seen:
    """Send 31 queries."""
    query = f"SELECT * FROM Customer WHERE Id = '{bench.qbo.customer}'"  # noqa: S608 - QBO's language
    answer = await bench.qbo.wire.batch([{"bId": str(number), "Query": query} for number in range(_TOO_MANY)])
    return Seen(outcome=answer.outcome)


@SHELF.probe(
    "batch.query",
    asks="A query as an item of a batch: the answer's shape as outside of it?",
    expected="QueryResponse",
)
async def query(bench: Bench) -> Seen:
    """Ask for the run's customer in a batch."""
    asked = f"SELECT * FROM Customer WHERE Id = '{bench.qbo.customer}'"  # noqa: S608 - QBO's language
    answer = await bench.qbo.wire.batch([{"bId": "1", "Query": asked}])
    found = answer.items().get("1", answer).found("Customer")
    return Seen(outcome="QueryResponse" if len(found) == 1 else answer.outcome, details={"found": len(found)})


@SHELF.probe(
    "batch.void_invoice",
    asks='An invoice voided in a batch by `"operation": "void"`, as the product does?',
    expected="void",
    others={"500": False, "2010": False, "2020": False, "2030": False},
)
async def void_invoice(bench: Bench) -> Seen:
    """Void an invoice in a batch, and read it."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    key = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"]}
    return await _voided(bench, "Invoice", {"bId": "1", "operation": "void", "Invoice": key})


@SHELF.probe(
    "batch.void_payment",
    asks='A payment voided in a batch by `"operation": "update", "optionsData": "void"`?',
    expected="void",
    others={"500": False, "2010": False, "2020": False, "2030": False},
)
async def void_payment(bench: Bench) -> Seen:
    """Void a payment in a batch, and read it."""
    payment = await bench.qbo.made("Payment", bench.qbo.payment("7.00"))
    key = {"Id": payment["Id"], "SyncToken": payment["SyncToken"], "sparse": True}
    return await _voided(bench, "Payment", {"bId": "1", "operation": "update", "optionsData": "void", "Payment": key})


async def _voided(bench: Bench, entity: str, item: dict[str, Any]) -> Seen:
    answer = await bench.qbo.wire.batch([item], bench.run.request_id())
    one = answer.items().get("1", answer)
    if not one.ok:
        return Seen(outcome=one.outcome)
    return Seen(outcome="void" if is_void(await bench.qbo.now(entity, item[entity])) else "not void")


@SHELF.probe(
    "batch.delete",
    asks="A transaction deleted in a batch: is it gone?",
    expected="gone",
)
async def delete(bench: Bench) -> Seen:
    """Delete an invoice in a batch, and read it."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    key = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"]}
    answer = await bench.qbo.wire.batch([{"bId": "1", "operation": "delete", "Invoice": key}], bench.run.request_id())
    one = answer.items().get("1", answer)
    if not one.ok:
        return Seen(outcome=one.outcome)
    return Seen(outcome="still there" if await bench.qbo.now("Invoice", invoice) else "gone")
