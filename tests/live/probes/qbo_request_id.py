"""Probes of `requestid`: what QBO does with one that it has seen (facts/qbo.md 2.1). Its lifetime is not tried."""

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.live.bench import Bench
from tests.live.model import NotTried, Seen
from tests.live.probes.shelf import ON_QBO, Shelf
from tests.live.qbo_wire import Answer

SHELF = Shelf(ON_QBO)

_TOO_LONG = 51
_AGAIN = {"600": True, "second object": True}


def _again(first: Answer, second: Answer, entity: str = "Invoice") -> str:
    """What the second answer is beside the first, of two requests to create."""
    if not second.ok:
        return second.outcome
    return "replay" if second.record(entity).get("Id") == first.record(entity).get("Id") else "second object"


async def _first(bench: Bench, request_id: str, body: Mapping[str, Any]) -> Answer:
    answer = await bench.qbo.make("Invoice", body, requestid=request_id)
    if not answer.ok:
        raise NotTried(f"the first request was refused: {answer.outcome}")
    return answer


@SHELF.probe(
    "request_id.same_body",
    asks="The same request id with the same body again: the first answer, and no second object?",
    expected="replay",
    others=_AGAIN,
)
async def same_body(bench: Bench) -> Seen:
    """Create an invoice twice under one id."""
    request_id, body = bench.run.request_id(), bench.qbo.invoice(number=bench.run.number())
    first = await _first(bench, request_id, body)
    return Seen(outcome=_again(first, await bench.qbo.make("Invoice", body, requestid=request_id)))


@SHELF.probe(
    "request_id.other_body",
    asks="The same request id with another body: the first answer, a refusal, or another object?",
    expected="replay",
    others=_AGAIN,
)
async def other_body(bench: Bench) -> Seen:
    """Create an invoice of 10, then one of 20 under the same id."""
    request_id = bench.run.request_id()
    first = await _first(bench, request_id, bench.qbo.invoice("10.00"))
    second = await bench.qbo.make("Invoice", bench.qbo.invoice("20.00"), requestid=request_id)
    return Seen(outcome=_again(first, second))


@SHELF.probe(
    "request_id.after_refusal",
    asks="The same request after it was refused and its cause is gone: done now, or refused from memory?",
    expected="executed",
    others={"refusal replayed": True, "600": True},
)
async def after_refusal(bench: Bench) -> Seen:
    """Create a customer whose name is taken, free the name, and send the same again."""
    wire, name, request_id = bench.qbo.wire, bench.run.name("taken"), bench.run.request_id()
    body = {"DisplayName": name, **bench.qbo.currency()}
    holder = (await wire.post("customer", body)).record("Customer")
    refused = await wire.post("customer", body, requestid=request_id)
    if not holder or refused.ok:
        raise NotTried(f"a taken name was not refused: {refused.outcome}")
    key = {"Id": holder["Id"], "SyncToken": holder["SyncToken"], "sparse": True}
    renamed = await wire.post("customer", {**key, "DisplayName": bench.run.name("renamed")})
    if not renamed.ok:
        raise NotTried(f"the name could not be freed: {renamed.outcome}")
    again = await wire.post("customer", body, requestid=request_id)
    if again.ok:
        return Seen(outcome="executed")
    return Seen(outcome="refusal replayed" if again.code == refused.code else again.outcome)


@SHELF.probe(
    "request_id.update",
    asks="The same update under the same id again: the first answer, or 5010 for its old SyncToken?",
    expected="replay",
    others={"5010": True, "600": True},
)
async def update(bench: Bench) -> Seen:
    """Change an invoice twice under one id."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    request_id = bench.run.request_id()
    body = {
        "Id": invoice["Id"], "SyncToken": invoice["SyncToken"], "sparse": True, "CustomerRef": invoice["CustomerRef"],
        "PrivateNote": f"changed {bench.run.note}",
    }  # fmt: skip
    first = await bench.qbo.wire.post("invoice", body, requestid=request_id)
    second = await bench.qbo.wire.post("invoice", body, requestid=request_id)
    if not first.ok:
        raise NotTried(f"the update was refused: {first.outcome}")
    return Seen(outcome="replay" if second.ok else second.outcome)


@SHELF.probe(
    "request_id.delete",
    asks="The same delete under the same id again: the first answer, or 610?",
    expected="replay",
    others={"610": True, "600": True},
)
async def delete(bench: Bench) -> Seen:
    """Delete an invoice twice under one id."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    request_id = bench.run.request_id()
    key = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"]}
    parameters = {"operation": "delete", "requestid": request_id}
    first = await bench.qbo.wire.post("invoice", key, **parameters)
    second = await bench.qbo.wire.post("invoice", key, **parameters)
    if not first.ok:
        raise NotTried(f"the delete was refused: {first.outcome}")
    return Seen(outcome="replay" if second.ok else second.outcome)


@SHELF.probe(
    "request_id.at_once",
    asks="The same request twice at the same moment: one object?",
    expected="one object",
    others={"two objects": True},
)
async def at_once(bench: Bench) -> Seen:
    """Create an invoice twice at once under one id, and count."""
    request_id, number = bench.run.request_id(), bench.run.number()
    body = bench.qbo.invoice(number=number)
    answers = await asyncio.gather(*(bench.qbo.make("Invoice", body, requestid=request_id) for _ in range(2)))
    ids = {str(answer.record("Invoice").get("Id")) for answer in answers if answer.ok}
    codes = " ".join(sorted(answer.outcome for answer in answers))
    return Seen(outcome="one object" if len(ids) == 1 else "two objects" if ids else "none", details={"answers": codes})


@SHELF.probe(
    "request_id.length",
    asks="A request id of 51 characters: refused as malformed?",
    expected="2130",
    others={"accepted": True},
)
async def length(bench: Bench) -> Seen:
    """Create an invoice under an id that is too long by one."""
    request_id = (bench.run.request_id() * 2)[:_TOO_LONG]
    return Seen(outcome=(await bench.qbo.make("Invoice", bench.qbo.invoice(), requestid=request_id)).outcome)


def _item(bench: Bench, b_id: str) -> dict[str, Any]:
    return {"bId": b_id, "operation": "create", "Invoice": bench.qbo.marked(bench.qbo.invoice())}


async def _first_batch(bench: Bench, items: list[dict[str, Any]], request_id: str) -> dict[str, Answer]:
    answers = (await bench.qbo.wire.batch(items, request_id)).items()
    if not answers or not all(answer.ok for answer in answers.values()):
        raise NotTried("the first batch was refused")
    return answers


@SHELF.probe(
    "request_id.batch_again",
    asks="The same batch under the same request id again: the first answers?",
    expected="replay",
    others={"600": True, "second object": True},
)
async def batch_again(bench: Bench) -> Seen:
    """Send a batch of one twice."""
    request_id, items = bench.run.request_id(), [_item(bench, "1")]
    first = await _first_batch(bench, items, request_id)
    again = await bench.qbo.wire.batch(items, request_id)
    return Seen(outcome=_again(first["1"], again.items().get("1", again)))


@SHELF.probe(
    "request_id.batch_part",
    asks="One item of a batch alone, under the batch's request id and its own bId: the first answer?",
    expected="by item",
    others={"whole": True, "600": True, "second object": True},
)
async def batch_part(bench: Bench) -> Seen:
    """Send a batch of two, then its second item as a batch of one: so the product repeats what it lost."""
    request_id, items = bench.run.request_id(), [_item(bench, "1"), _item(bench, "2")]
    first = await _first_batch(bench, items, request_id)
    again = await bench.qbo.wire.batch(items[1:], request_id)
    answers = again.items()
    if "1" in answers:
        return Seen(outcome="whole")
    outcome = _again(first["2"], answers.get("2", again))
    return Seen(outcome="by item" if outcome == "replay" else outcome)


@SHELF.probe(
    "request_id.batch_more",
    asks="A batch under a request id that was used, with one item more: is only the new item done?",
    expected="by item",
    others={"whole": True, "600": True, "second object": True},
)
async def batch_more(bench: Bench) -> Seen:
    """Send a batch of one, then the same with a second item."""
    request_id, item = bench.run.request_id(), _item(bench, "1")
    first = await _first_batch(bench, [item], request_id)
    again = await bench.qbo.wire.batch([item, _item(bench, "2")], request_id)
    answers = again.items()
    if answers and "2" not in answers:
        return Seen(outcome="whole")
    outcome = _again(first["1"], answers.get("1", again))
    return Seen(outcome="by item" if outcome == "replay" else outcome)
