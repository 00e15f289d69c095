"""Canaries: personal data that can be told from anything else, planted in every object, and searched for."""

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo.company import Company
from wescope.sandbox.stripe.business import Business

MARK = "zqxwvbk"
"""No id that is drawn by chance has it in it."""

CARD = "492913577531"
_SAID = re.compile(rf"{MARK}[ .]([A-Za-z_]+)[ .]([A-Za-z_0-9]+)", re.IGNORECASE)

STRIPE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "customer": (
        *("name", "email", "phone", "description", "metadata.typed", "address.line1", "address.city"),
        *("shipping.name", "shipping.phone", "shipping.address.line1", "address.postal_code"),
    ),
    "invoice": (
        *("customer_name", "customer_email", "customer_phone", "customer_address.line1", "customer_shipping.name"),
        *("description", "footer", "statement_descriptor", "metadata.typed", "account_name"),
    ),
    "line_item": ("description", "metadata.typed"),
    "charge": (
        *("billing_details.name", "billing_details.email", "billing_details.phone", "billing_details.address.line1"),
        *("receipt_email", "description", "statement_descriptor", "metadata.typed", "shipping.name"),
        *("payment_method_details.card.last4", "payment_method_details.card.fingerprint", "receipt_url"),
    ),
    "payment_intent": ("description", "receipt_email", "shipping.name", "metadata.typed", "statement_descriptor"),
    "refund": ("description", "instructions_email", "metadata.typed"),
    "dispute": (
        *("evidence.customer_name", "evidence.customer_email_address", "evidence.customer_purchase_ip"),
        *("evidence.billing_address", "evidence.uncategorized_text", "metadata.typed"),
    ),
    "payout": ("description", "statement_descriptor", "metadata.typed"),
    "credit_note": ("memo", "metadata.typed"),
    "balance_transaction": ("description",),
    "customer_balance_transaction": ("description", "metadata.typed"),
    "topup": ("description", "statement_descriptor", "metadata.typed"),
    "product": ("name", "description"),
    "price": ("nickname",),
    "coupon": ("name",),
    "tax_rate": ("display_name", "description"),
}
"""What people type or are, in every kind of object that the local Stripe has."""

_LINES = "line_item"
_DIGITS = frozenset({"last4", "fingerprint"})
_KEPT_NULL = frozenset({"name", "email"})
"""A customer without a name is a situation of its own."""


def canary(kind: str, name: str, number: int) -> str:
    """The text to plant in a field; it says of what it is."""
    last = name.rpartition(".")[2]
    if last in _DIGITS:
        return f"{CARD}{number % 10_000:04d}"
    if "email" in last.lower():
        return f"{MARK}.{kind}.{last}.{number}@canary.example"
    return f"{MARK.capitalize()} {kind} {last} {number}"


def plant(resource: dict[str, Any], kind: str) -> None:
    """Put a canary into every field of an object that may say something personal."""
    number = zlib.crc32(str(resource.get("id", "")).encode()) % 1_000_000
    for name in STRIPE_FIELDS.get(kind, ()):
        *path, last = name.split(".")
        place = resource
        for step in path:
            if not isinstance(place.get(step), dict):
                place[step] = {}
            place = place[step]
        if not (last in _KEPT_NULL and kind == "customer" and place.get(last) is None):
            place[last] = canary(kind, name, number)


def plant_stripe(business: Business) -> set[str]:
    """Plant in all that the local Stripe has, and in all that its events say; the kinds of objects."""
    account = business.account
    for kind in STRIPE_FIELDS:
        for resource in account.store.all(kind):
            plant(resource, kind)
    for lines in account.store.lines.values():
        for line in lines:
            plant(line, _LINES)
    for event in account.log.all():
        plant(event.snapshot, str(event.snapshot["object"]))
        lines_shown = event.snapshot.get("lines")
        for line in lines_shown["data"] if isinstance(lines_shown, dict) else ():
            plant(line, _LINES)
    return {kind for kind in STRIPE_FIELDS if account.store.all(kind)} | {_LINES}


def _person(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "DisplayName": canary("QboCustomer", "DisplayName", number),
        "GivenName": canary("QboCustomer", "GivenName", number),
        "FamilyName": canary("QboCustomer", "FamilyName", number),
        "CompanyName": canary("QboCustomer", "CompanyName", number),
        "PrimaryEmailAddr": {"Address": canary("QboCustomer", "PrimaryEmail", number)},
        "PrimaryPhone": {"FreeFormNumber": canary("QboCustomer", "Phone", number)[:30]},
        "BillAddr": {
            "Line1": canary("QboCustomer", "Line1", number),
            "City": canary("QboCustomer", "City", number),
            "PostalCode": f"{MARK}{number}",
        },
        "Notes": canary("QboCustomer", "Notes", number),
        **fields,
    }


def plant_qbo(sandbox: QboSandbox, business: Business) -> None:
    """What the company had before: people (one with the name of a Stripe customer), invoices, deposits, memos."""
    company = sandbox.company
    names = [str(one["name"]) for one in business.account.store.all("customer") if one["name"]]
    people = [
        _entered(company, "Customer", body)
        for body in (_person(1), _person(2), _person(3, DisplayName=names[0]), _person(4, DisplayName=names[1]))
    ]
    (account,) = [one["Id"] for one in company.objects("Account") if one["Name"] == "Checking"]
    (income,) = [one["Id"] for one in company.objects("Account") if one["Name"] == "Services"][:1]
    (item,) = [one["Id"] for one in company.objects("Item") if one["Name"] == "Services"]
    for number, payout in enumerate(business.account.store.all("payout")[:3]):
        amount = Decimal(payout["amount"]) / 100
        line = {
            "Amount": amount,
            "DetailType": "DepositLineDetail",
            "Description": canary("QboDeposit", "Description", number),
            "DepositLineDetail": {"AccountRef": {"value": income}},
        }
        memo = canary("QboDeposit", "PrivateNote", number)
        body = {"DepositToAccountRef": {"value": account}, "Line": [line], "PrivateNote": memo}
        _entered(company, "Deposit", body)
    for number, invoice in enumerate(business.account.store.all("invoice")[:5]):
        line = {
            "Amount": Decimal(max(1, invoice["total"])) / 100,
            "DetailType": "SalesItemLineDetail",
            "Description": canary("QboInvoice", "Description", number),
            "SalesItemLineDetail": {"ItemRef": {"value": item}},
        }
        body = {
            "CustomerRef": {"value": people[0]},
            "Line": [line],
            "DocNumber": f"{MARK}-{number}",
            "PrivateNote": canary("QboInvoice", "PrivateNote", number),
            "CustomerMemo": {"value": canary("QboInvoice", "CustomerMemo", number)},
            "BillEmail": {"Address": canary("QboInvoice", "BillEmail", number)},
        }
        _entered(company, "Invoice", body)


def _entered(company: Company, entity: str, body: Mapping[str, Any]) -> str:
    outcome = company.human(entity, "create", body)
    assert outcome.status == 200, outcome.body
    return str(outcome.body[entity]["Id"])


def said(text: str) -> set[tuple[str, str]]:
    """Kind and field of every canary in a text; card numbers as a kind of their own."""
    found = {(kind.lower(), name.lower()) for kind, name in _SAID.findall(text)}
    return found | ({("card", "digits")} if CARD in text else set())


@dataclass
class Places:
    """All that has come out of the product, by where, and what must be nowhere in it."""

    texts: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def add(self, where: str, text: str) -> None:
        """Remember what came out at a place; several go together."""
        self.texts[where] = f"{self.texts.get(where, '')}\n{text}"

    def leaks(self) -> list[str]:
        """Every canary and every secret that is somewhere: where, which, and what stands around it."""
        assert all(len(secret) >= 8 for secret in self.secrets), "too short to be told from anything else"
        return [found for where, text in self.texts.items() for found in self._leaks(where, text)]

    def _leaks(self, where: str, text: str) -> Iterator[str]:
        lower = text.lower()
        for needle in (MARK, CARD, *self.secrets):
            at = lower.find(needle.lower())
            if at >= 0:
                yield f"{where}: {needle[:12]}: ...{text[max(0, at - 120) : at + 80]!r}"


def tokens_of(bodies: Iterable[bytes]) -> set[str]:
    """The tokens that the token end point has given."""
    found = set()
    for body in bodies:
        given = json.loads(body or b"{}")
        found |= {str(given[name]) for name in ("access_token", "refresh_token") if name in given}
    return found
