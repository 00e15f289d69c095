"""A played case as a page that an accountant can review: accounts, dates, then every object of both sides."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.situations.runner import Played
from tests.situations.scene import Json

MOST_SHOWN = 40
"""Objects of each side: what comes after them is more of the same."""

_NUMBER = re.compile('"@@(.*?)@@"')
_NOISE = frozenset(
    {
        "automatic_tax", "billing_details", "calculated_statement_descriptor", "client_secret", "confirmation_method",
        "custom_fields", "customer_address", "default_tax_rates", "fraud_details", "hosted_invoice_url", "invoice_pdf",
        "issuer", "lines", "livemode", "metadata", "outcome", "payment_method", "payment_method_details",
        "payment_settings", "pdf", "period_end", "period_start", "radar_options", "receipt_url",
        "subtotal_excluding_tax", "total_excluding_tax", "webhooks_delivered_at", "auto_advance", "attempted",
        "attempt_count", "trace_id", "destination", "source_type", "account_name", "account_country",
    }
)  # fmt: skip


def page(played: Played) -> str:
    """The whole page in Markdown, in labels."""
    text = "\n".join(_body(played)) + "\n"
    return played.labels.plain(text)


def _body(played: Played) -> Iterator[str]:
    case = played.case
    yield from (f"# {case.name.replace('_', ' ').capitalize()}", "", case.story, "")
    yield from ("## Accounts", "", "| account | debit | credit |", "|---|---:|---:|")
    for name, amount in sorted(played.balances.items()):
        yield f"| {name} | {amount:.2f} | |" if amount > 0 else f"| {name} | | {-amount:.2f} |"
    yield ""
    if played.open:
        yield from ("## Open", "", "| customer | owes |", "|---|---:|")
        yield from (f"| {name} | {amount:.2f} |" for name, amount in sorted(played.open.items()))
        yield ""
    yield from ("## Documents", "", "| document | date | state |", "|---|---|---|")
    yield from (f"| {key} | {played.dates.get(key, '')} | {state} |" for key, state in sorted(played.states.items()))
    yield from (f"| {key} | | parked: {code} |" for key, code in sorted(played.parked.items()))
    yield from ("", "## QuickBooks")
    for operation, entity, payload in played.written[:MOST_SHOWN]:
        yield from ("", f"### {operation.capitalize()} {entity}", "", *_json(payload))
    yield from ("", "## Stripe")
    for one in played.stripe[:MOST_SHOWN]:
        yield from ("", f"### {one['object']} `{one['id']}`", "", *_json(_brief(one)))
    for side, count in (("QuickBooks", len(played.written)), ("Stripe", len(played.stripe))):
        if count > MOST_SHOWN:
            yield from ("", f"({side}: the first {MOST_SHOWN} of {count})")


def _brief(value: Any) -> Any:
    """An object without what is null, empty or of no account."""
    if isinstance(value, dict):
        brief = {name: _brief(one) for name, one in value.items() if name not in _NOISE}
        return {name: one for name, one in brief.items() if one not in (None, "", [], {}, False)}
    return [_brief(one) for one in value] if isinstance(value, list) else value


def _json(value: Json) -> list[str]:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=lambda number: f"@@{number}@@")
    return ["```json", _NUMBER.sub(r"\1", text), "```"]
