"""Published schemas: JSON Schema of what the product stores, computes and exports, by name. Pure (docs/artifacts.md).

What the command line prints is added there (`wescope.cli.artifacts`), since only it knows its outputs.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wescope.books.documents import Desired
from wescope.books.values import (
    BalanceDay,
    BalanceRow,
    Charge,
    CustomerBalance,
    Dispute,
    Invoice,
    Payout,
    Reading,
    Refund,
)
from wescope.config.policy_model import PolicyModel
from wescope.engine.export_sheets import SHEETS
from wescope.engine.json_schemas import Schema, documentation, published, schema_of
from wescope.engine.plan import Step
from wescope.engine.row_schemas import sheet_schema, table_schema
from wescope.links.mirror_tables import TABLES, columns_of, mirror_table
from wescope.links.schema import qbo_hints
from wescope.qbo.webhook_schema import webhook_schema
from wescope.stripe.event_schema import event_schema

_VALUES: Mapping[str, Any] = {
    "invoice": Invoice,
    "charge": Charge,
    "refund": Refund,
    "dispute": Dispute,
    "payout": Payout,
    "customer-balance": CustomerBalance,
    "balance-row": BalanceRow,
    "balance-day": BalanceDay,
    "reading": Reading,
}
"""What a subject reads as (`StripeObject`), and the reading itself; a test compares both."""

_MINOR = "Amounts are integers of minor units with Stripe's exponents, other numbers decimals as text."


def published_schemas() -> Iterator[tuple[str, Schema]]:
    """Every schema with its name: webhooks, values, documents, plan, rows of tables and exports, policy file."""
    for name, make in _WEBHOOKS.items():
        yield name, make(name)
    for name, kind in _VALUES.items():
        text = f"{documentation(kind)}\n\n{_MINOR} A value lives in memory only and is stored nowhere."
        yield f"values/{name}", published(f"values/{name}", schema_of(kind), title=kind.__name__, description=text)
    yield "documents", _documents()
    yield "plan", _plan()
    yield from _rows()
    yield "policy", policy_schema()


def _stripe_event(name: str) -> Schema:
    text = (
        "What the receiver reads of a Stripe event; everything else is ignored. The raw body is signed by the header"
        " Stripe-Signature."
    )
    return published(name, event_schema(), title="A Stripe event that is accepted", description=text)


def _qbo_event(name: str) -> Schema:
    text = (
        "What the receiver reads of Intuit's webhooks; everything else is ignored. The raw body is signed by the header"
        " intuit-signature."
    )
    return published(name, webhook_schema(), title="A webhook of QBO that is accepted", description=text)


def _stripe_hint(name: str) -> Schema:
    table = mirror_table("hints")
    text = f"All that is stored of a Stripe event. {table.meaning}"
    return published(name, table_schema("hints", table.columns), title="A stored hint of Stripe", description=text)


def _qbo_hint(name: str) -> Schema:
    schema = table_schema("qbo_hints", columns_of(qbo_hints))
    text = "All that is stored of one change that a webhook of QBO told."
    return published(name, schema, title="A stored hint of QBO", description=text)


_WEBHOOKS: Mapping[str, Callable[[str], Schema]] = {
    "webhooks/stripe-event": _stripe_event,
    "webhooks/qbo-event": _qbo_event,
    "webhooks/stripe-hint": _stripe_hint,
    "webhooks/qbo-hint": _qbo_hint,
}


def _documents() -> Schema:
    text = f"{documentation(Desired)}\n\n{_MINOR} References between documents are keys, accounts and items are roles."
    return published("documents", schema_of(Desired), title="Desired documents", description=text)


def _plan() -> Schema:
    text = f"Desired documents less links: one step per document, in posting order. {_MINOR}"
    return published("plan", schema_of(tuple[Step, ...]), title="A plan", description=text)


def _rows() -> Iterator[tuple[str, Schema]]:
    for table in TABLES:
        name = f"links/{table.name.replace('_', '-')}"
        schema = table_schema(table.name, table.columns)
        title = f"A row of {table.name}"
        yield name, published(name, schema, title=title, description=table.meaning)
    for what, sheet in SHEETS.items():
        name = f"exports/{what.value}"
        text = f"{sheet.meaning} The columns stand in this order; every cell is text, empty where there is nothing."
        yield name, published(name, sheet_schema(what), title=f"A row of {what.value}.csv", description=text)


def policy_schema() -> Schema:
    """The schema of `wescope.toml`, from the model that reads it."""
    text = "wescope.toml as TOML reads it. docs/policy.md explains the keys."
    made = PolicyModel.model_json_schema()
    made.pop("title", None)
    made.pop("description", None)
    return published("policy", made, title="Policy file", description=text)
