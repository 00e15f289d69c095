"""A situation as a page that an accountant can review: accounts first, then side by side, then every byte."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from tests.unit.snapshots.situation import RECEIVABLE, ROLE_OF_ITEM, Outcome, Situation
from tests.unit.snapshots.stripe_json import Json
from wescope.books.documents import Document, Entity, Existence

Row = tuple[str, str]

MARK = "@@"
NUMBER = re.compile(f'"{MARK}(.*?){MARK}"')


def page(situation: Situation, outcome: Outcome) -> str:
    """The whole page in Markdown."""
    return "\n".join([f"# {situation.title}", "", situation.story, "", *_body(situation, outcome)])


def _body(situation: Situation, outcome: Outcome) -> Iterator[str]:
    yield from _accounts(outcome)
    yield from _not_posted(outcome)
    yield from _side_by_side(situation, outcome)
    yield "## QuickBooks"
    for key, payload in outcome.payloads.items():
        yield from ("", f"### {_heading(outcome.documents[key])}", "", *_json(payload))
    yield from ("", "## Stripe")
    for one in situation.objects:
        yield from ("", f"### {one['object']} `{one['id']}`", "", *_json(one))
    yield ""


def _accounts(outcome: Outcome) -> Iterator[str]:
    yield from ("## Accounts", "")
    if len(outcome.months) > 1:
        for month, effect in outcome.months.items():
            yield from (f"### {month}", "", *_account_table(effect))
        yield from ("### Altogether", "")
    yield from _account_table(outcome.effect)


def _account_table(effect: Mapping[str, Decimal]) -> Iterator[str]:
    if not effect:
        yield from ("No account moves.", "")
        return
    yield from ("| account | debit | credit |", "|---|---:|---:|")
    for account in sorted(effect, key=lambda name: (effect[name] < 0, name != RECEIVABLE, name)):
        amount = effect[account]
        debit, credit = (f"{amount}", "") if amount > 0 else ("", f"{-amount}")
        yield f"| {account} | {debit} | {credit} |"
    yield ""


def _not_posted(outcome: Outcome) -> Iterator[str]:
    if outcome.parked or outcome.skipped:
        yield from ("## Not posted", "", "| document | reason | cents at stake |", "|---|---|---:|")
        yield from (f"| {key} | parked: {one.code.value} | {one.amount} |" for key, one in outcome.parked.items())
        yield from (f"| {key} | skipped: {reason} | |" for key, reason in outcome.skipped.items())
        yield ""


def _side_by_side(situation: Situation, outcome: Outcome) -> Iterator[str]:
    yield from ("## Side by side", "", "| Stripe | | QuickBooks | |", "|---|---:|---|---:|")
    for one in outcome.payloads.values():
        if "DisplayName" in one:
            stripe_id = one["Notes"].split()[2]
            yield _row(f"customer {stripe_id}: {_name(situation, stripe_id)}", "", f"Customer {one['DisplayName']}", "")
    for invoice in situation.invoices:
        payload = outcome.payloads.get(f"{invoice['id']}:invoice")
        left, right = list(_stripe_rows(invoice)), list(_qbo_rows(payload)) if payload else []
        # Both totals stand in the last row.
        pairs = [*zip_longest(left[:-1], right[:-1], fillvalue=("", "")), (left[-1], right[-1] if right else ("", ""))]
        yield from (_row(*one, *other) for one, other in pairs)
    payments = [one for one in outcome.payloads.values() if "DepositToAccountRef" in one]
    paid = [(f"{one['id']} pays {one['invoice']}", _cents(one["amount_paid"])) for one in situation.payments]
    posted = [(f"Payment {one['PaymentRefNum']}", str(one["TotalAmt"])) for one in payments]
    yield from (_row(*one, *other) for one, other in zip_longest(paid, posted, fillvalue=("", "")))
    yield from (_row("", "", *one) for one in _credits(outcome))
    yield ""


def _credits(outcome: Outcome) -> Iterator[Row]:
    """Credit memos, and the payments of zero that apply them."""
    for key, payload in outcome.payloads.items():
        entity = outcome.documents[key].entity
        if entity is Entity.CREDIT_MEMO:
            total = sum((line["Amount"] for line in payload["Line"]), Decimal(0))
            yield f"**Credit memo {payload['DocNumber']} of {payload['TxnDate']}**", f"**{-total}**"
        elif entity is Entity.PAYMENT and not payload["TotalAmt"]:
            settled = sum(line["Amount"] for line in payload["Line"] if line["LinkedTxn"][0]["TxnType"] == "Invoice")
            yield f"Payment {payload['PaymentRefNum']} of 0.00 applies credit", str(settled)


def _name(situation: Situation, stripe_id: str) -> str:
    customers = {one["customer"]["id"]: one["customer"]["name"] for one in situation.invoices}
    return json.dumps(customers[stripe_id], ensure_ascii=False)


def _stripe_rows(invoice: Json) -> Iterator[Row]:
    for line in invoice["lines"]["data"]:
        yield line["description"] or line["id"], _cents(line["amount"])
        for one in line["pretax_credit_amounts"]:
            yield f"{one['type'].replace('_', ' ')}", _cents(-one["amount"])
    if invoice["shipping_cost"]:
        yield "shipping", _cents(invoice["shipping_cost"]["amount_subtotal"])
    for name, one in _taxes(invoice):
        yield f"{name} tax", _cents(one) if name == "exclusive" else f"({_cents(one)} within)"
    yield f"**{invoice['id']} {invoice['status']}**", f"**{_cents(invoice['total'])}**"


def _taxes(invoice: Json) -> Iterator[tuple[str, int]]:
    for line in invoice["lines"]["data"]:
        yield from ((one["tax_behavior"], one["amount"]) for one in line["taxes"])
    if invoice["shipping_cost"]:
        yield from (("exclusive", one["amount"]) for one in invoice["shipping_cost"]["taxes"])


def _qbo_rows(payload: Json) -> Iterator[Row]:
    for line in payload["Line"]:
        item = ROLE_OF_ITEM[line["SalesItemLineDetail"]["ItemRef"]["value"]]
        yield f"{item}: {line['Description']}", str(line["Amount"])
    total = sum((line["Amount"] for line in payload["Line"]), Decimal(0))
    yield f"**Invoice {payload['DocNumber']} of {payload['TxnDate']}**", f"**{total}**"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _heading(document: Document) -> str:
    dates = document.dates
    spans = {"of": dates.txn, "due": dates.due, "service from": dates.usage_start, "to": dates.usage_end}
    named = "".join(f" {name} {day}" for name, day in spans.items() if day)
    void = ", void" if document.existence is Existence.VOID else ""
    return f"{document.entity.value} `{document.key}`{named}{void}"


def _json(value: Any) -> list[str]:
    """Decimals stand as the numbers that QBO is sent, with all their decimals."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=lambda number: f"{MARK}{number}{MARK}")
    return ["```json", NUMBER.sub(r"\1", text), "```"]


def _cents(amount: int) -> str:
    return f"{Decimal(amount) / 100:.2f}"
